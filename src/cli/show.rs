//! `pnl show` and `pnl history`: what is stored.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;

use super::error;
use super::nearest::nearest;
use crate::model::{ExitCode, NodeId, Purpose};
use crate::report::history::history;
use crate::report::show::{FAILURE_GROUPS, Format, show};
use crate::report::story::{story, tell};
use crate::report::verdicts::gather;
use crate::settings::find_project;
use crate::store::{History, RunRecord, StoreError};

/// Arguments of `pnl show`.
#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// A run's id, its beginning, `last` or `last~1`; or a test's node id (with `::` or `.py` in it)
    #[arg(value_name = "RUN|TEST")]
    wanted: Option<String>,
    /// One test's whole story: over all runs of tests, or in RUN
    #[arg(long, value_name = "TEST")]
    test: Option<String>,
    /// For people or for programs
    #[arg(long, value_name = "text|json", default_value = "text")]
    format: Format,
}

/// Arguments of `pnl history`.
#[derive(Debug, Args)]
pub(super) struct HistoryArgs {
    /// How many runs, the newest first
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
    /// For people or for programs
    #[arg(long, value_name = "text|json", default_value = "text")]
    format: Format,
}

/// Why nothing can be shown.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unshown {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("no recorded test is called {wanted:?}{}", alike(nearest))]
    NoSuchTest { wanted: String, nearest: Vec<String> },
    #[error("{test} did not run in run {run}; `pnl show --test {test}` looks at all of them")]
    NotInRun { test: String, run: String },
}

fn alike(nearest: &[String]) -> String {
    match nearest {
        [] => String::new(),
        names => format!("; there are\n  {}", names.join("\n  ")),
    }
}

/// Prints a stored run, or one test's story.
pub(super) fn show_run(arguments: &ShowArgs) -> ExitCode {
    let ShowArgs { wanted, test, format } = arguments;
    match (wanted.as_deref(), test.as_deref()) {
        (run, Some(test)) => print(|store, out| show_test(store, (test, run), *format, out)),
        (Some(test), None) if is_test(test) => {
            print(|store, out| show_test(store, (test, None), *format, out))
        }
        (run, None) => print(|store, out| {
            let record = store.find(run)?;
            if run.is_none_or(|run| run == "last") {
                tell_of_newer(store, &record)?;
            }
            let verdicts = gather(store, std::slice::from_ref(&record))?;
            let run = store.load(record, FAILURE_GROUPS)?;
            Ok(show(&run, &verdicts, *format, out))
        }),
    }
}

/// Whether a word is a test's node id. No run's id has such characters.
fn is_test(word: &str) -> bool {
    word.contains("::") || word.contains(".py")
}

/// Whoever has just seen experiments might look for them.
fn tell_of_newer(store: &History, shown: &RunRecord) -> Result<(), StoreError> {
    let newest = store.runs(1)?;
    if let Some(newest) = newest.first().filter(|newest| newest.run != shown.run) {
        error::say(&format!("note: a run of experiments is newer: pnl show {}", newest.run));
    }
    Ok(())
}

fn show_test(
    store: &History,
    (test, run): (&str, Option<&str>),
    format: Format,
    out: &mut dyn Write,
) -> Result<io::Result<()>, Unshown> {
    let nodeid = NodeId::new(test);
    let records = match run {
        Some(run) => vec![store.find(Some(run))?],
        None => store.runs_since(i64::MIN, Purpose::Tests)?,
    };
    if let Some(told) = tell(store, &nodeid, &records)? {
        return Ok(story(&told, format, out));
    }
    let known = store.tests()?;
    if let Some(run) = run.filter(|_| known.contains(&nodeid)) {
        return Err(Unshown::NotInRun { test: test.to_owned(), run: run.to_owned() });
    }
    let nearest = nearest(test, known.iter().map(NodeId::as_str)).into_iter();
    let nearest = nearest.filter(|it| *it != test).map(str::to_owned).collect();
    Err(Unshown::NoSuchTest { wanted: test.to_owned(), nearest })
}

/// Prints the list of stored runs.
pub(super) fn list_runs(arguments: &HistoryArgs) -> ExitCode {
    print(|store, out| Ok(history(&store.runs(arguments.limit)?, arguments.format, out)))
}

pub(super) fn print(
    body: impl FnOnce(&History, &mut dyn Write) -> Result<io::Result<()>, Unshown>,
) -> ExitCode {
    let root = match project_root() {
        Ok(root) => root,
        Err(text) => return refuse(&text),
    };
    let mut out = io::BufWriter::new(io::stdout().lock());
    let opened = History::open_read(&root).map_err(Unshown::Store);
    match opened.and_then(|store| body(&store, &mut out)) {
        Err(Unshown::Store(error)) if error.is_damage() => refuse(&format!(
            "{error}.\nIt is damaged; `sqlite3 FILE .recover` reads what there is (docs/history.md)"
        )),
        Err(error) => refuse(&error.to_string()),
        Ok(written) => match written.and_then(|()| out.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => refuse(&error.to_string()),
            Ok(()) | Err(_) => ExitCode::Ok,
        },
    }
}

fn project_root() -> Result<PathBuf, String> {
    let cwd =
        std::env::current_dir().map_err(|error| format!("the working folder is gone: {error}"))?;
    Ok(find_project(&cwd).map_err(|error| error.to_string())?.root)
}

fn refuse(text: &str) -> ExitCode {
    error::message(text);
    ExitCode::Usage
}
