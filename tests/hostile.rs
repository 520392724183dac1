//! A real suite whose every word is hostile: what tests print, fail with and are called.

#![allow(clippy::unwrap_used, reason = "a test ends where something is not there")]

mod harness;

use std::fs;
use std::process::Command;

use harness::{Run, Suite, python};
use serde_json::Value;

const TESTS: &str = r#"
import os, sys
import pytest

HOSTILE = ["\x1b[2J\x1b]0;title\x07", "]]>", "<script>alert(1)</script>", "nul\x00", "\u202eexe.txt",
           "\u2066x\u2069", "\x9b31m", "\x85", "\u2028", "e" + "\u0301" * 300, "\ufffe", "a\r\nb",
           "::error::x", "\ud800", "\x1b]8;;http://x\x1b\\link"]

class Named(str):
    pass

@pytest.mark.parametrize("text", HOSTILE, ids=HOSTILE)
def test_fails(text):
    shown = text.encode("utf-8", "replace").decode()
    print("out", shown)
    print("err", shown, file=sys.stderr)
    raise AssertionError(shown)

@pytest.mark.parametrize("text", HOSTILE)
def test_skips(text):
    pytest.skip(text)

def test_prints_bytes():
    os.write(1, bytes(range(256)) * 4)
    assert False

def test_dies_with_words():
    os.write(2, b"\x1b[2J\xff\xfe last words \x00 ]]>")
    os._exit(3)

def test_is_well():
    print("\x1b[2J")
"#;

const LONG: &str = r#"
import os, sys
import probe

def test_says_much_in_one_line_and_fails():
    for _ in range(100):
        sys.stdout.write("x" * (1 << 20))
    assert False

def test_says_much_in_one_line_and_dies():
    for _ in range(100):
        sys.stdout.write("y" * (1 << 20))
    sys.stdout.flush()
    os._exit(3)

def test_fails_with_much():
    raise AssertionError("z" * (10 << 20))

def test_is_last():
    pass
"#;

/// Nothing that a terminal, or whoever reads a report, would act on. `color` may pass.
fn assert_harmless(text: &str, what: &str) {
    let bad = |c: char| {
        (c.is_control() && c != '\n' && c != '\t')
            || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}' | '\u{fffe}' | '\u{ffff}')
    };
    let found = text.char_indices().find(|&(_, c)| bad(c));
    let around = found.and_then(|(at, _)| text[..at].lines().last());
    assert!(found.is_none(), "{found:?} in {what}: {around:?}");
}

/// As Python's parser reads it, which CI servers' scripts use.
fn cases_by_python(suite: &Suite, file: &str) -> usize {
    let script = "import sys, xml.etree.ElementTree as t; \
                  print(len(t.parse(sys.argv[1]).getroot().findall('.//testcase')))";
    let file = suite.root().join(file);
    let out = Command::new(python()).args(["-c", script]).arg(file).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap().trim().parse().unwrap()
}

fn hostile_suite() -> Suite {
    Suite::new(&[
        ("test_a.py", TESTS),
        ("test_\u{202e}\u{1b}[2J.py", "def test_in_a_bad_file(): assert False\n"),
        (
            "test_<b>&]]>.py",
            "def test_in_another():\n    import pytest\n    pytest.xfail('\\x1b[2J')\n",
        ),
    ])
}

#[test]
fn every_report_of_a_hostile_suite_is_harmless_and_whole() {
    for engine in ["fork", "spawn"] {
        let suite = hostile_suite();
        let words = ["--engine", engine, "-n", "2", "--junit", "junit.xml"];
        let run = suite.test(&words);
        assert_eq!(run.code, Some(1), "{engine}: {run}");
        let expected =
            [("crashed", 1), ("failed", 17), ("passed", 1), ("skipped", 15), ("xfailed", 1)];
        let expected = expected.map(|(name, count)| (name.to_owned(), count));
        assert_eq!(run.totals(), expected.into(), "{engine}: {run}");
        run.assert_sums_match();
        assert_harmless(&run.stdout, "standard output");
        assert_harmless(&run.stderr, "standard error");
        assert_harmless(&suite.read("junit.xml"), "the JUnit file");
        assert_eq!(cases_by_python(&suite, "junit.xml"), 35);
        for words in [&["show"][..], &["history"]] {
            let shown = suite.run(words);
            assert_eq!(shown.code, Some(0), "{shown}");
            assert_harmless(&shown.stdout, words[0]);
            let wide = shown
                .stdout
                .lines()
                .find(|line| line.chars().filter(|c| !is_mark(*c)).count() > 80);
            assert_eq!(wide, None, "80 columns hold");
        }
        let shown: Value = suite.show();
        let ids =
            shown["tests"].as_array().unwrap().iter().map(|it| it["nodeid"].as_str().unwrap());
        assert_eq!(ids.count(), 35);
        let github = github_of(&suite);
        assert_harmless(&github, "GitHub's annotations");
    }
}

/// Combining characters take no column.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}')
}

fn github_of(suite: &Suite) -> String {
    let mut command = suite.pnl(&["test", "-q", "--python"]);
    command.arg(python()).env("GITHUB_ACTIONS", "true");
    command.env("GITHUB_STEP_SUMMARY", suite.beside("summary.md"));
    let run = harness::Running::start(command, None).finish();
    let annotations: Vec<&str> = run.stdout.lines().filter(|line| line.starts_with("::")).collect();
    assert_eq!(annotations.len(), 10, "{run}");
    assert!(annotations.iter().all(|line| line.starts_with("::error file=")), "{run}");
    let summary = fs::read_to_string(suite.beside("summary.md")).unwrap();
    assert!(!summary.contains("<script>") && !summary.contains("<b>"), "{summary}");
    annotations.join("\n") + &summary
}

/// On a terminal of 80 columns, with colours and live lines.
#[test]
fn a_terminal_gets_no_sequence_but_our_own() {
    let suite = hostile_suite();
    // A pseudo-terminal that Python holds, and what came out of it.
    let script = "import os, pty, sys, fcntl, termios, struct\n\
        pid, fd = pty.fork()\n\
        if pid == 0:\n    os.execvp(sys.argv[1], sys.argv[1:])\n\
        fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('4H', 40, 80, 0, 0))\n\
        out = b''\n\
        while True:\n    \
            try:\n        part = os.read(fd, 65536)\n    \
            except OSError:\n        break\n    \
            if not part:\n        break\n    \
            out += part\n\
        sys.stdout.buffer.write(out)\n\
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))\n";
    let mut command = suite.command(python());
    command.args(["-c", script, env!("CARGO_BIN_EXE_pnl"), "test", "-n", "2", "--python"]);
    command.arg(python()).env("TERM", "xterm-256color");
    let run: Run = harness::Running::start(command, None).finish();
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.stdout.contains("FAILED"), "{run}");
    let plain = without_our_sequences(&run.stdout.replace("\r\n", "\n"));
    assert_harmless(&plain, "the terminal");
}

/// Colours, and what a live display needs: moving up and down, to the first column, and clearing a line.
fn without_our_sequences(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['\u{1b}', '\r']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix('\r') {
            rest = after;
            continue;
        }
        let body = rest.strip_prefix("\u{1b}[").unwrap_or_else(|| panic!("{:?}", &rest[..20]));
        let end = body.find(|c: char| c.is_ascii_alphabetic()).unwrap();
        let (parameters, is_ours) = (&body[..end], "mABK".contains(&body[end..=end]));
        let is_number = parameters.chars().all(|c| c.is_ascii_digit() || c == ';');
        // `ESC [ 2 K` clears the line; the suite's `ESC [ 2 J` would clear the screen.
        assert!(is_ours && is_number, "{:?}", &rest[..(end + 3).min(rest.len())]);
        rest = &body[end + 1..];
    }
    out + rest
}

/// Some seconds: Python writes and reads 200 MB.
#[test]
fn a_hundred_megabytes_in_one_line_are_cut_and_fill_no_memory() {
    let suite = Suite::new(&[("test_a.py", LONG)]);
    let junit = suite.beside("junit");
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, &junit, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    let mut running = suite.start(&["-n", "1", "--junit", junit.to_str().unwrap()]);
    running.wait_for_event("run-ended");
    // The pipe holds pnl until it is read.
    let peak = running.peak_memory() >> 20;
    assert!(fs::read(&junit).unwrap().ends_with(b"</testsuites>\n"));
    let run = running.finish();
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    assert!(peak < 100, "{peak} MiB");
    run.assert_sums_match();
    let failures: Vec<&Value> = run.ends().map(|it| &it["failure"]).collect();
    let said = |name: &str| {
        let end = run.ends().find(|it| it["nodeid"].as_str().unwrap().ends_with(name)).unwrap();
        end["failure"].to_string()
    };
    assert_eq!(failures.len(), 4);
    assert!(said("one_line_and_fails").contains("cut by pnl"));
    assert!(said("one_line_and_dies").contains("pnl cut "));
    assert!(said("fails_with_much").contains("cut by pnl"));
    assert!(run.stdout.len() < 4 << 20, "{}", run.stdout.len());
}
