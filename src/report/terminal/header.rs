//! The first lines: what runs, on what, against what.

use std::path::Path;

use crate::model::RunStarted;
use crate::report::text::{self, counted};

/// No line is longer, whatever the terminal.
const WIDEST: usize = 80;

/// At most five lines. The list of tests is not known yet where `tests` is `None`.
pub(crate) fn header(
    run: &RunStarted,
    tests: Option<usize>,
    workers: usize,
    width: usize,
) -> Vec<String> {
    let width = width.min(WIDEST);
    let mut lines = vec![what_runs(run, tests, workers, width), on_what(run, width)];
    if let Some(collection) = &run.collection {
        lines.push(fit("collection ", collection, "", width));
    }
    if let Some(template) = &run.template {
        lines.push(fit("template ", template, "", width));
    }
    if let Some(server) = &run.server {
        let from = format!(" ({})", text::line(&server.from));
        lines.push(fit("server ", &server.url, &from, width));
    }
    lines
}

fn what_runs(run: &RunStarted, tests: Option<usize>, workers: usize, width: usize) -> String {
    let tests =
        tests.map(|count| format!(", {}", counted(count as u64, "test"))).unwrap_or_default();
    let rounds = match run.rounds_planned {
        Some(1) => String::new(),
        Some(rounds) => format!(", {}", counted(u64::from(rounds), "round")),
        None => match &run.until {
            Some(until) => format!(", rounds {until}"),
            None => ", rounds until the time is up".to_owned(),
        },
    };
    let seed = run.seed.map(|seed| format!(", seed {seed}")).unwrap_or_default();
    let why = run.workers_why.as_ref().filter(|_| workers == run.workers);
    let why = why.map(|why| format!(" (auto: {why})")).unwrap_or_default();
    let workers = counted(workers as u64, "worker") + &why;
    let rest = format!("{tests}, {workers}, {}/{}{rounds}{seed}", run.engine, run.dist);
    fit(concat!("pnl ", env!("CARGO_PKG_VERSION"), ": "), &run.scope, &rest, width)
}

fn on_what(run: &RunStarted, width: usize) -> String {
    let before = format!("python {}, ", text::line(&run.python_version));
    let (from, pytest) = (text::line(&run.python_from), text::line(&run.pytest_version));
    let python = shorten(&run.python, &run.root);
    fit(&before, &python, &format!(" ({from}), pytest {pytest}"), width)
}

/// A path inside the project is named from there.
fn shorten(path: &Path, root: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned()
}

/// Cuts the part that can be long, then, if all else is too long already, the whole.
fn fit(before: &str, long: &str, after: &str, width: usize) -> String {
    let room = width.saturating_sub(text::width(before) + text::width(after)).max(8);
    let long = text::line(long);
    let whole = format!("{before}{}{after}", text::cut_middle(&long, room));
    text::cut_end(&whole, width).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::run_started;

    #[test]
    fn says_what_runs_on_what_against_what() {
        insta::assert_snapshot!(header(&run_started(Some(10)), Some(120), 4, 80).join("\n"), @r"
        pnl 0.1.0: e2e (tests/e2e), 120 tests, 4 workers, fork/pnl, 10 rounds
        python 3.11.7, .venv/bin/python (VIRTUAL_ENV), pytest 8.3.3
        server http://127.0.0.1:8000 (--base-url)
        ");
    }

    #[test]
    fn says_why_there_are_so_many_workers_if_there_are() {
        let mut run = run_started(Some(1));
        run.workers_why = Some("tests wait 90% of the time".to_owned());
        let first = |run: &RunStarted, workers| header(run, Some(5), workers, 80).swap_remove(0);
        run.scope = "all".to_owned();
        insta::assert_snapshot!(first(&run, 2), @"pnl 0.1.0: all, 5 tests, 2 workers (auto: tests wait 90% of the time), fork/pnl");
        insta::assert_snapshot!(first(&run, 1), @"pnl 0.1.0: all, 5 tests, 1 worker, fork/pnl");
    }

    #[test]
    fn no_line_is_longer_than_asked() {
        let mut run = run_started(None);
        run.scope = "tests/e2e/日本語/test_x.py::test_y[".to_owned() + &"a-".repeat(50) + "\u{1b}]";
        run.python = ("/home/someone".to_owned() + &"/folder".repeat(20) + "/bin/python").into();
        run.seed = Some(u64::MAX);
        run.server.as_mut().expect("has one").url = "http://".to_owned() + &"x".repeat(100);
        for width in [20, 40, 80, 200] {
            for line in header(&run, Some(5), 2, width) {
                assert!(text::width(&line) <= width.min(80), "{line}");
            }
        }
        insta::assert_snapshot!(header(&run, Some(5), 2, 80).join("\n"), @r"
        pnl 0.1.0: tes…x1b], 5 tests, 2 workers, fork/pnl, rounds until the time is up,…
        python 3.11.7, /home/someone/fold…/folder/bin/python (VIRTUAL_ENV), pytest 8.3.3
        server http://xxxxxxxxxxxxxxxxxxxxxx…xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx (--base-url)
        ");
    }
}
