//! `pnl watch`: what a saved file has run, the keys, and that nothing is left.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod harness;

use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::path::Path;

use harness::{Run, Running, Suite, python, until};
use rustix::process::Signal;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::tcgetattr;

const FILES: [(&str, &str); 3] = [
    ("app.py", "def value(): return 1\n"),
    ("test_app.py", "import app\ndef test_app(): assert app.value() == 1\n"),
    ("test_b.py", "def test_b(): pass\ndef test_c(): pass\n"),
];

/// A watch, and where its keys come from.
struct Watch<'a> {
    suite: &'a Suite,
    running: Running,
    keys: File,
}

impl<'a> Watch<'a> {
    fn start(suite: &'a Suite, stdin: OwnedFd, keys: File) -> Self {
        let mut command = suite.pnl(&["watch", "-v", "-n", "1", "--python"]);
        command.arg(python()).stdin(stdin);
        Self { suite, running: Running::start(command, None), keys }
    }

    fn by_line(suite: &'a Suite) -> Self {
        let (read, write) = std::io::pipe().unwrap();
        Self::start(suite, read.into(), File::from(OwnedFd::from(write)))
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    fn wait_for(&mut self, last_line: &str) {
        self.running.wait_for_line(last_line);
    }

    fn finish(self) -> Run {
        drop(self.keys);
        let run = self.running.finish();
        until("its process is gone", || {
            self.suite.run(&["warm", "status"]).stdout.starts_with("no warm process")
        });
        run
    }
}

/// Which tests ran, run by run, in the order in which they were told of.
fn runs(run: &Run) -> Vec<Vec<String>> {
    let mut runs = Vec::new();
    for line in run.stdout.lines() {
        if line.starts_with("pnl ") {
            runs.push(Vec::new());
        } else if let Some((_, name)) = line.rsplit_once("::")
            && !line.starts_with("FAILED")
            && !line.starts_with("===")
        {
            let name = name.split(' ').next().unwrap().to_owned();
            runs.last_mut().unwrap().push(name);
        }
    }
    runs
}

#[test]
fn what_a_saved_file_concerns_is_run_failed_tests_first() {
    let suite = Suite::new(&FILES);
    let mut watch = Watch::by_line(&suite);
    watch.wait_for("3 tests, 3 passed");
    suite.write("app.py", "def value(): return 1 + 1\n");
    watch.wait_for("1 test, 1 failed");
    suite.write("test_b.py", "def test_b(): pass\n");
    watch.wait_for("2 tests, 1 passed, 1 failed");
    watch.press("f\n");
    watch.wait_for("1 test, 1 failed");
    suite.write("app.py", "def value(): return 1\n");
    watch.wait_for("1 test, 1 passed");
    suite.write("test_new.py", "def test_new(): pass\n");
    watch.wait_for("1 test, 1 passed");
    watch.press("a\n");
    watch.wait_for("3 tests, 3 passed");
    watch.press("q\n");
    let run = watch.finish();
    assert_eq!(run.code, Some(0), "{run}");
    assert_eq!(
        runs(&run),
        [
            &["test_app", "test_b", "test_c"][..],
            &["test_app"],
            &["test_app", "test_b"],
            &["test_app"],
            &["test_app"],
            &["test_new"],
            &["test_app", "test_b", "test_new"],
        ],
        "{run}"
    );
    assert!(run.stderr.contains("saved test_b.py: running 1 failed test, then 1 file"), "{run}");
}

#[test]
fn a_changed_configuration_runs_all() {
    let suite = Suite::new(&FILES);
    let mut watch = Watch::by_line(&suite);
    watch.wait_for("3 tests, 3 passed");
    suite.write("pytest.ini", "[pytest]\npython_functions = test_b\n");
    watch.wait_for("1 test, 1 passed");
    suite.write("conftest.py", "def pytest_runtest_setup(item): assert 0\n");
    watch.wait_for("1 test, 1 error");
    watch.press("q\n");
    assert_eq!(watch.finish().code, Some(1));
}

#[test]
fn a_failed_test_that_is_gone_is_no_error() {
    let suite = Suite::new(&[
        ("names.py", "NAMES = ['old']\n"),
        (
            "test_a.py",
            "import pytest, importlib\n\
             names = importlib.import_module('names')\n\
             @pytest.mark.parametrize('name', names.NAMES)\n\
             def test_a(name): assert name == 'new'\n",
        ),
    ]);
    let mut watch = Watch::by_line(&suite);
    watch.wait_for("1 test, 1 failed");
    suite.write("names.py", "NAMES = ['new']\n\n");
    // The import is none that is seen, so all is run; but then the key asks for what is gone.
    watch.wait_for("1 test, 1 passed");
    watch.press("f\n");
    watch.wait_for("1 test, 1 passed");
    watch.press("q\n");
    let run = watch.finish();
    assert_eq!(run.code, Some(0), "{run}");
}

#[test]
fn a_saved_file_ends_the_run_that_is_on() {
    let suite =
        Suite::new(&[("test_slow.py", "import probe\ndef test_slow(): probe.ring('on')\n")]);
    let mut bell = suite.bell();
    let mut watch = Watch::by_line(&suite);
    let ring = bell.wait_for("on");
    suite.write("test_slow.py", "def test_quick(): pass\n");
    watch.wait_for("interrupted");
    drop(ring);
    watch.wait_for("1 test, 1 passed");
    watch.press("q\n");
    assert_eq!(watch.finish().code, Some(0));
}

#[test]
fn keys_of_a_terminal_count_at_once_and_it_is_given_back() {
    let suite = Suite::new(&FILES);
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap();
    let open =
        || File::options().read(true).write(true).open(Path::new(name.to_str().unwrap())).unwrap();
    let ours = open();
    let before = tcgetattr(&ours).unwrap();
    let mut watch = Watch::start(&suite, open().into(), File::from(terminal));
    watch.wait_for("3 tests, 3 passed");
    assert_ne!(tcgetattr(&ours).unwrap().local_modes, before.local_modes);
    watch.press("a");
    watch.wait_for("3 tests, 3 passed");
    watch.press("q");
    let keys = watch.keys.try_clone().unwrap();
    assert_eq!(watch.finish().code, Some(0));
    assert_eq!(tcgetattr(&ours).unwrap().local_modes, before.local_modes);
    drop(keys);
}

#[test]
fn control_c_leaves_nothing_behind() {
    let suite =
        Suite::new(&[("test_slow.py", "import probe\ndef test_slow(): probe.ring('on')\n")]);
    let mut bell = suite.bell();
    let watch = Watch::by_line(&suite);
    let ring = bell.wait_for("on");
    watch.running.signal(Signal::INT);
    let run = watch.finish();
    drop(ring);
    assert_eq!(run.code, Some(2), "{run}");
}

#[test]
fn what_does_not_go_with_watching_is_said() {
    let suite = Suite::new(&FILES);
    let run = suite.run(&["watch", "--loop", "3"]);
    assert_eq!(run.code, Some(4), "{run}");
    assert!(run.stderr.contains("--loop does not go with pnl watch"), "{run}");
}
