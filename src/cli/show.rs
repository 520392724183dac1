//! `pnl show` and `pnl history`: what is stored.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;

use super::error;
use crate::model::ExitCode;
use crate::report::history::history;
use crate::report::show::{FAILURE_GROUPS, Format, show};
use crate::report::verdicts::gather;
use crate::settings::find_project;
use crate::store::{History, StoreError};

/// Arguments of `pnl show`.
#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// A run's id, its beginning, or `last`
    #[arg(value_name = "RUN")]
    run: Option<String>,
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

/// Prints a stored run.
pub(super) fn show_run(arguments: &ShowArgs) -> ExitCode {
    print(|store, out| {
        let record = store.find(arguments.run.as_deref())?;
        let verdicts = gather(store, std::slice::from_ref(&record))?;
        let run = store.load(record, FAILURE_GROUPS)?;
        Ok(show(&run, &verdicts, arguments.format, out))
    })
}

/// Prints the list of stored runs.
pub(super) fn list_runs(arguments: &HistoryArgs) -> ExitCode {
    print(|store, out| Ok(history(&store.runs(arguments.limit)?, arguments.format, out)))
}

pub(super) fn print(
    body: impl FnOnce(&History, &mut dyn Write) -> Result<io::Result<()>, StoreError>,
) -> ExitCode {
    let root = match project_root() {
        Ok(root) => root,
        Err(text) => return refuse(&text),
    };
    let mut out = io::BufWriter::new(io::stdout().lock());
    let written = History::open_read(&root).and_then(|store| body(&store, &mut out));
    match written {
        Err(error) if error.is_damage() => refuse(&format!(
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
