//! Bad input: each has a message that says what, where and what to do; exit 4, and nothing is run.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod harness;

use std::path::Path;
use std::process::Command;

use harness::{Run, Running, Suite, python, python_with};

fn suite() -> Suite {
    Suite::new(&[
        ("tests/test_one.py", "import probe\ndef test_one(): probe.log('ran')\n"),
        ("pnl.toml", "server_hint = \"make serve\"\n"),
    ])
}

/// Exit status, standard output and standard error together, without what differs from machine to
/// machine. Checks that nothing was run or stored.
fn refused(suite: &Suite, command: Command) -> String {
    let run = Running::start(command, None).finish();
    assert_eq!(suite.log(), [""; 0], "a test was run: {run}");
    assert_eq!(suite.stored_runs(), 0, "a run was stored: {run}");
    shown(suite, &run)
}

fn shown(suite: &Suite, run: &Run) -> String {
    let code = run.code.map_or("a signal".to_owned(), |code| code.to_string());
    let text = format!("exit: {code}\n--- stdout\n{}--- stderr\n{}", run.stdout, run.stderr);
    suite.redact(&text)
}

/// `pnl test` with these words and a Python that is there.
fn refusal_of(words: &[&str]) -> String {
    let suite = suite();
    let mut command = suite.pnl(&["test", "--python"]);
    command.arg(python()).args(words);
    refused(&suite, command)
}

/// All that clap refuses, in one snapshot: they differ in a line each.
#[test]
fn values_that_are_none() {
    let cases: [&[&str]; 13] = [
        &["--loop", "0"],
        &["--loop", "-1"],
        &["--loop", "many"],
        &["--duration", "0"],
        &["--duration", "soon"],
        &["--loop", "2", "--duration", "10s"],
        &["--delay", "-1"],
        &["--workers", "0"],
        &["-n", "-2"],
        &["--dist", "loadfiles"],
        &["--engine", "threads"],
        &["--base-url", "localhost:8000"],
        &["--max-fail", "0"],
    ];
    let texts = cases.map(|words| format!("$ pnl test {}\n{}", words.join(" "), refusal_of(words)));
    insta::assert_snapshot!(texts.join("\n"));
}

#[test]
fn a_loop_without_an_end() {
    let suite = suite();
    insta::assert_snapshot!(refused(&suite, suite.pnl(&["loop"])));
}

#[test]
fn a_loop_with_two_ends() {
    let suite = suite();
    insta::assert_snapshot!(refused(&suite, suite.pnl(&["loop", "3", "--duration", "10s"])));
}

#[test]
fn an_unknown_scope() {
    insta::assert_snapshot!(refusal_of(&["smoke"]));
}

#[test]
fn a_path_that_does_not_exist() {
    insta::assert_snapshot!(refusal_of(&["tests/test_two.py::test_two"]));
}

#[test]
fn a_scope_whose_folder_is_missing() {
    insta::assert_snapshot!(refusal_of(&["e2e"]));
}

#[test]
fn a_scope_whose_server_does_not_answer() {
    let suite = suite();
    suite.write("tests/http/test_two.py", "import probe\ndef test_two(): probe.log('ran')\n");
    let mut command = suite.pnl(&["test", "http", "--base-url", "http://127.0.0.1:9/", "--python"]);
    command.arg(python());
    insta::assert_snapshot!(refused(&suite, command));
}

#[test]
fn no_python_at_all() {
    let suite = suite();
    let mut command = suite.pnl(&["test"]);
    command.env("PATH", suite.beside("empty"));
    insta::assert_snapshot!(refused(&suite, command));
}

#[test]
fn a_python_that_is_not_there() {
    let suite = suite();
    insta::assert_snapshot!(refused(&suite, suite.pnl(&["test", "--python", "no/such/python"])));
}

#[test]
fn a_python_that_does_not_run() {
    let suite = suite();
    suite.write("python", "this is no program");
    insta::assert_snapshot!(refused(&suite, suite.pnl(&["test", "--python", "./python"])));
}

fn with_python(suite: &Suite, python: &Path, words: &[&str]) -> Command {
    let mut command = suite.pnl(&["test", "--python"]);
    command.arg(python).args(words);
    command
}

#[test]
fn a_python_without_pytest() {
    let suite = suite();
    let python = python_with(&suite.beside("tmp"), |_| false);
    for engine in ["fork", "spawn", "pytest", "xdist"] {
        let command = with_python(&suite, &python, &["-n", "2", "--engine", engine]);
        let name = format!("a_python_without_pytest_under_{engine}");
        insta::assert_snapshot!(name, refused(&suite, command));
    }
}

#[test]
fn the_xdist_engine_without_xdist() {
    let suite = suite();
    let python = python_with(&suite.beside("tmp"), |name| !name.contains("xdist"));
    let command = with_python(&suite, &python, &["-n", "2", "--engine", "xdist"]);
    insta::assert_snapshot!(refused(&suite, command));
}

#[test]
fn the_python_of_those_tests_would_do_otherwise() {
    let suite = suite();
    let python = python_with(&suite.beside("tmp"), |name| !name.contains("xdist"));
    let run = Running::start(with_python(&suite, &python, &[]), None).finish();
    assert_eq!(run.code, Some(0), "{run}");
    assert_eq!(suite.log(), ["ran"]);
}

#[test]
fn an_unknown_key_in_the_configuration() {
    let suite = suite();
    suite.write("pnl.toml", "# ours\nwrokers = 2\n");
    let command = with_python(&suite, python(), &[]);
    insta::assert_snapshot!(refused_unstored(&suite, command));
}

// Fuzzing found it: the value's escape sequence went to the terminal.
#[test]
fn a_bad_value_is_quoted_without_its_control_characters() {
    let suite = suite();
    suite.write("pnl.toml", "dist = \"\\u001b[31m\\u202e\"\n\"\\u0007key\" = 1\n");
    let run = Running::start(with_python(&suite, python(), &[]), None).finish();
    assert_eq!(run.code, Some(4), "{run}");
    assert!(!run.stderr.contains(['\x1b', '\x07', '\u{202e}']), "{:?}", run.stderr);
}

#[test]
fn a_bad_value_in_the_configuration() {
    let suite = suite();
    suite.write("pnl.toml", "");
    std::fs::remove_file(suite.root().join("pnl.toml")).unwrap();
    suite.write("pyproject.toml", "[tool.pnl]\ndist = \"loadfiles\"\n");
    let command = with_python(&suite, python(), &[]);
    insta::assert_snapshot!(refused_unstored(&suite, command));
}

/// As [`refused`], where the configuration that `pnl history` reads as well is what is refused.
fn refused_unstored(suite: &Suite, command: Command) -> String {
    let run = Running::start(command, None).finish();
    assert_eq!(suite.log(), [""; 0], "a test was run: {run}");
    assert!(!suite.root().join(".pnl").exists(), "a history was made: {run}");
    shown(suite, &run)
}

#[test]
fn a_bad_value_in_the_environment() {
    let suite = suite();
    let mut command = with_python(&suite, python(), &[]);
    command.env("PNL_WORKERS", "none");
    insta::assert_snapshot!(refused(&suite, command));
}

#[test]
fn a_report_that_cannot_be_written() {
    insta::assert_snapshot!(refusal_of(&["--junit", "tests"]));
}

#[test]
fn what_an_engine_cannot_do() {
    let cases: [&[&str]; 3] = [
        &["--engine", "xdist", "--shuffle=1"],
        &["--engine", "pytest", "--isolation", "none"],
        &["--engine", "xdist", "--output", "live"],
    ];
    let texts = cases.map(|words| format!("$ pnl test {}\n{}", words.join(" "), refusal_of(words)));
    insta::assert_snapshot!(texts.join("\n"));
}

#[test]
fn an_option_of_pytests_that_it_does_not_know() {
    let run = suite().test(&["--", "--no-such-option"]);
    assert_eq!(run.code, Some(4), "{run}");
    let shown = run.stdout.clone() + &run.stderr;
    assert!(shown.contains("unrecognized arguments: --no-such-option"), "{run}");
}

#[test]
fn a_dry_run_says_what_would_run_and_runs_nothing() {
    let suite = suite();
    suite.write("tests/e2e/test_two.py", "import probe\ndef test_two(): probe.log('ran')\n");
    let words: &[&str] = &["e2e", "--headed", "-n", "4", "--dist", "loadfile", "--dry-run"];
    let mut texts = Vec::new();
    for engine in ["fork", "xdist", "pytest"] {
        let words =
            [words, &["--engine", engine, "--loop", "3", "--delay", "2", "--", "-k", "a b"]];
        texts.push(refused(&suite, with_python(&suite, python(), &words.concat())));
    }
    // A checkout whose path has a space has its interpreter quoted.
    insta::assert_snapshot!(texts.join("\n").replace("'[PYTHON]'", "[PYTHON]"));
}
