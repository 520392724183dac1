//! Phases that take too long: each is ended within its bound, named, and shown with where it was.
//!
//! A second or two each: so long the limits are, and nothing but time makes them pass.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod harness;

use std::time::{Duration, Instant};

use harness::{Run, Suite, until};
use rustix::process::Signal;

const HANGS: &str = "import threading; threading.Event().wait()\n";

const TWO: &str = "def test_1(): pass\ndef test_2(): pass\n";

fn assert_stalled(suite: &Suite, run: &Run, parts: &[&str]) {
    assert_eq!(run.code, Some(3), "{run}");
    for part in parts {
        assert!(run.stdout.contains(part) || run.stderr.contains(part), "no {part:?}: {run}");
    }
    let left = std::fs::read_dir(suite.beside("tmp")).unwrap().flatten();
    let left: Vec<_> = left.filter(|it| it.file_name() != "pytest-of-root").collect();
    assert!(left.is_empty(), "{left:?} {run}");
}

#[test]
fn a_conftest_that_hangs_is_named() {
    for engine in ["fork", "spawn", "xdist"] {
        let suite = Suite::new(&[("conftest.py", HANGS), ("test_it.py", TWO)]).with_xdist();
        let run = suite.test(&["--engine", engine, "--collect-timeout", "3"]);
        assert_stalled(&suite, &run, &["has not loaded its conftests and plugins within 3 s"]);
        if engine != "xdist" {
            assert_stalled(&suite, &run, &["conftest.py\", line 1 in <module>"]);
        }
    }
}

#[test]
fn a_module_that_hangs_is_named_whoever_collects_it() {
    let files = [("test_a.py", HANGS), ("test_b.py", TWO), ("test_c.py", TWO)];
    for (engine, workers) in [("fork", "1"), ("fork", "2"), ("spawn", "2")] {
        let suite = Suite::new(&files);
        let words = ["--engine", engine, "-n", workers, "--collect-timeout", "3"];
        let run = suite.test(&words);
        assert_stalled(&suite, &run, &["test_a.py\", line 1 in <module>", "--collect-timeout"]);
    }
}

#[test]
fn a_template_that_does_not_fork_is_named() {
    let hangs = "import os, threading\nos.register_at_fork(before=threading.Event().wait)\n";
    let suite = Suite::new(&[("conftest.py", hangs), ("test_it.py", TWO)]);
    let run = suite.test(&["-n", "1", "--collect-timeout", "3"]);
    let named = ["the template did not fork gw0 within 3 s", "threading.py\", line "];
    assert_stalled(&suite, &run, &named);
    assert_eq!(run.totals(), [("not_run".to_owned(), 2)].into(), "{run}");
    run.assert_sums_match();
    run.assert_nothing_left();
}

#[test]
fn a_process_that_does_not_end_after_its_session_is_ended() {
    let suite = Suite::new(&[(
        "test_it.py",
        "import threading\n\
         def test_1(): threading.Thread(target=threading.Event().wait).start()\n",
    )]);
    let run = suite.test(&["--engine", "spawn", "-n", "1", "--timeout", "1"]);
    assert_eq!(run.code, Some(0), "{run}");
    assert!(run.stdout.contains("did not end within 1 s of its session's end"), "{run}");
    run.assert_nothing_left();
}

#[test]
fn a_session_that_does_not_end_after_an_interrupt_has_the_grace() {
    let hangs = "import threading, probe\n\
                 def pytest_sessionfinish(session):\n    \
                 if not hasattr(session.config, 'workerinput'):\n        \
                 threading.Event().wait()\n";
    let test = "import probe\ndef test_1(): probe.ring('up')\n";
    let suite = Suite::new(&[("conftest.py", hangs), ("test_it.py", test)]);
    let mut bell = suite.bell();
    let running = suite.start(&["-n", "1", "--grace", "1"]);
    let up = bell.wait_for("up");
    running.signal(Signal::INT);
    let run = running.finish();
    drop(up);
    assert_eq!(run.code, Some(2), "{run}");
    assert!(run.stdout.contains("pytest's session did not end within 1 s"), "{run}");
    assert!(run.stdout.contains("in pytest_sessionfinish"), "{run}");
    run.assert_nothing_left();
}

#[test]
fn a_run_that_takes_too_long_is_ended_with_its_tear_downs() {
    let test = "import pytest, probe\n\
                @pytest.fixture\ndef it():\n    yield\n    probe.log('down')\n\
                def test_1(it): probe.ring('asleep')\ndef test_2(): pass\n";
    for engine in ["fork", "spawn", "xdist"] {
        let suite = Suite::new(&[("test_it.py", test)]).with_xdist();
        let mut bell = suite.bell();
        let running = suite.start(&["--engine", engine, "-n", "1", "--run-timeout", "3"]);
        let asleep = bell.wait_for("asleep");
        let run = running.finish();
        drop(asleep);
        assert_eq!(run.code, Some(1), "{engine} {run}");
        assert_eq!(run.outcome("test_1"), "interrupted", "{engine} {run}");
        assert_eq!(run.outcome("test_2"), "not_run", "{engine} {run}");
        assert_eq!(suite.log(), ["down"], "{engine}");
        assert!(run.stdout.contains("--run-timeout"), "{run}");
        assert_eq!(suite.show()["run"]["stop_reason"], "run-timeout");
        run.assert_sums_match();
        run.assert_nothing_left();
    }
}

#[test]
fn a_run_of_no_time_is_ended_before_a_test() {
    let suite = Suite::new(&[("conftest.py", HANGS), ("test_it.py", TWO)]);
    let run = suite.test(&["--run-timeout", "500ms", "--grace", "1"]);
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.stderr.contains("--run-timeout"), "{run}");
}

/// What the process does, in the kernel's letter.
fn state(pid: u32) -> String {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').map_or_else(String::new, |(_, rest)| rest.trim()[..1].to_owned())
}

#[test]
fn ctrl_z_stops_all_with_the_clocks_and_fg_goes_on() {
    let test = "import os, pathlib, probe\n\
                def test_1():\n    probe.log(os.getpid())\n    probe.ring('up')\n";
    for engine in ["fork", "spawn"] {
        let suite = Suite::new(&[("test_it.py", test)]);
        let mut bell = suite.bell();
        let running = suite.start(&["--engine", engine, "-n", "1", "--timeout", "2"]);
        let up = bell.wait_for("up");
        let worker: u32 = suite.log()[0].parse().unwrap();
        running.signal(Signal::TSTP);
        until("pnl stops", || state(running.id()) == "T");
        until("its worker stops", || state(worker) == "T");
        // So that the test's limit would be over if its clock went on.
        let over = Instant::now() + Duration::from_secs(3);
        until("the limit is over", || Instant::now() > over);
        running.signal(Signal::CONT);
        drop(up);
        let run = running.finish();
        assert_eq!(run.code, Some(0), "{engine} {run}");
        let took = run.end_of("test_it.py::test_1")["duration_s"]["total"].as_f64().unwrap();
        assert!(took < 2.5, "the stop is not part of what it took: {took} {run}");
        run.assert_nothing_left();
    }
}
