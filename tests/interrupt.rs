//! Ctrl-C and SIGTERM: tear-downs run, what was learned is printed and stored, nothing is left.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod harness;

use std::collections::BTreeMap;

use harness::bell::{Bell, Ring};
use harness::{Run, Running, Suite, until};
use rustix::process::Signal;

/// Two files, so that two workers sleep; one test each is left.
const SLEEPY: &str = "
import subprocess, pytest, probe

@pytest.fixture(scope='session')
def session():
    yield
    probe.log('session down')

@pytest.fixture
def fixture(session):
    yield
    probe.log('down')

def test_1_passes(): probe.ring('up')
def test_2_sleeps(fixture): probe.ring('asleep')
def test_3_comes_later(): probe.log('ran')
def test_4_comes_later(): probe.log('ran')
";

fn sleepy() -> Suite {
    Suite::new(&[("test_a.py", SLEEPY), ("test_b.py", SLEEPY)])
}

/// Waits until both workers sleep. Each is held in its first test until the other has one, too.
fn both_asleep(bell: &mut Bell) -> [Ring; 2] {
    let up = [bell.wait_for("up"), bell.wait_for("up")];
    drop(up);
    [bell.wait_for("asleep"), bell.wait_for("asleep")]
}

/// Waits until a lone worker sleeps.
fn one_asleep(bell: &mut Bell) -> Ring {
    drop(bell.wait_for("up"));
    bell.wait_for("asleep")
}

fn assert_ended_well(suite: &Suite, run: &Run, code: i32) {
    assert_eq!(run.code, Some(code), "{run}");
    let expected = [("interrupted", 2), ("not_run", 4), ("passed", 2)];
    let expected: BTreeMap<String, u64> =
        expected.into_iter().map(|(name, count)| (name.to_owned(), count)).collect();
    assert_eq!(run.totals(), expected, "{run}");
    for file in ["test_a.py", "test_b.py"] {
        let outcome = |name: &str| run.end_of(&format!("{file}::{name}"))["outcome"].clone();
        assert_eq!(outcome("test_2_sleeps"), "interrupted");
        assert_eq!(outcome("test_3_comes_later"), "not_run");
    }
    run.assert_sums_match();
    run.assert_nothing_left();
    let last = run.stdout.lines().last().unwrap();
    assert!(last.contains("2 interrupted") && last.contains("4 not run"), "{run}");
    let shown = suite.show();
    assert_eq!(shown["run"]["exit_code"], code);
    assert_eq!(shown["run"]["stop_reason"], "interrupted");
    assert_eq!(
        (&shown["totals"]["interrupted"], &shown["totals"]["passed"]),
        (&2.into(), &2.into())
    );
}

fn assert_an_interrupt_tears_down(signal: Signal, engine: &str) {
    let suite = sleepy();
    let mut bell = suite.bell();
    let running = suite.start(&["-n", "2", "--dist", "loadfile", "--engine", engine]);
    let asleep = both_asleep(&mut bell);
    running.signal(signal);
    let run = running.finish();
    drop(asleep);
    assert_ended_well(&suite, &run, 2);
    let mut log = suite.log();
    log.sort();
    assert_eq!(log, ["down", "down", "session down", "session down"], "{engine} {run}");
}

#[test]
fn an_interrupt_tears_down_under_fork() {
    assert_an_interrupt_tears_down(Signal::INT, "fork");
}

#[test]
fn an_interrupt_tears_down_under_spawn() {
    assert_an_interrupt_tears_down(Signal::INT, "spawn");
}

#[test]
fn sigterm_is_as_good_as_an_interrupt() {
    assert_an_interrupt_tears_down(Signal::TERM, "fork");
}

#[test]
fn a_terminal_that_goes_away_is_as_good_as_an_interrupt() {
    assert_an_interrupt_tears_down(Signal::HUP, "fork");
}

#[test]
fn nohup_keeps_a_run_going_when_the_terminal_goes_away() {
    let suite = sleepy();
    let mut bell = suite.bell();
    let mut command = suite.command("nohup");
    command.arg(env!("CARGO_BIN_EXE_pnl")).args(["test", "-n", "1", "--python"]);
    command.arg(harness::python()).arg("test_a.py");
    let running = Running::start(command, None);
    let asleep = one_asleep(&mut bell);
    running.signal(Signal::HUP);
    drop(asleep);
    let run = running.finish();
    assert_eq!(run.code, Some(0), "{run}");
    assert!(run.stdout.contains("4 passed"), "{run}");
}

/// A shell with job control at a terminal of its own, in which what is in the background must not write.
const IN_BACKGROUND: &str = "
import os, pty, sys
shell = 'set -m; stty tostop; \"$@\" & wait $!; echo status $?'
pid, terminal = pty.fork()
if pid == 0:
    os.execvp('bash', ['bash', '-c', shell, 'bash', *sys.argv[1:]])
while True:
    try:
        data = os.read(terminal, 4096)
    except OSError:
        break
    os.write(1, data)
os.waitpid(pid, 0)
";

#[test]
fn a_run_in_the_background_does_not_stop_when_it_writes() {
    let suite = Suite::new(&[("test_a.py", "def test_1(): pass\n")]);
    let mut command = suite.command(harness::python());
    command.args(["-c", IN_BACKGROUND, env!("CARGO_BIN_EXE_pnl"), "test", "--python"]);
    command.arg(harness::python());
    let run = Running::start(command, None).finish();
    assert!(run.stdout.contains("1 passed"), "{run}");
    assert!(run.stdout.contains("status 0"), "{run}");
}

// Five seconds and more: so long execnet waits before it interrupts a worker's test.
#[test]
fn an_interrupt_ends_xdist() {
    let suite = sleepy().with_xdist();
    let mut bell = suite.bell();
    let mut running = suite.start(&["-n", "2", "--dist", "loadfile", "--engine", "xdist"]);
    let asleep = both_asleep(&mut bell);
    // What xdist's workers do reaches it later: each has run one test and begun another.
    running.wait_for_events("test-started", 4);
    running.wait_for_events("test-ended", 2);
    running.signal(Signal::INT);
    let run = running.finish();
    drop(asleep);
    assert_ended_well(&suite, &run, 2);
}

#[test]
fn an_interrupt_ends_plain_pytest_with_its_tear_downs() {
    let suite = Suite::new(&[("test_a.py", SLEEPY)]);
    let mut bell = suite.bell();
    let running = suite.start(&["--engine", "pytest"]);
    let asleep = one_asleep(&mut bell);
    running.signal(Signal::INT);
    let run = running.finish();
    drop(asleep);
    assert_eq!(run.code, Some(2), "{run}");
    assert_eq!(run.outcome("test_2_sleeps"), "interrupted", "{run}");
    assert_eq!(run.outcome("test_3_comes_later"), "not_run", "{run}");
    assert_eq!(suite.log(), ["down", "session down"]);
    run.assert_sums_match();
    run.assert_nothing_left();
}

/// Deaf to Ctrl-C, with a child that has left its process group.
const DEAF: &str = "
import signal, subprocess, probe
def test_1_is_deaf():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    subprocess.Popen(['sleep', '600'], start_new_session=True)
    probe.ring('deaf')
def test_2_comes_later(): pass
";

#[test]
fn a_second_interrupt_kills_what_is_deaf_to_the_first() {
    for engine in ["fork", "spawn"] {
        let suite = Suite::new(&[("test_deaf.py", DEAF)]);
        let mut bell = suite.bell();
        let mut running = suite.start(&["-n", "1", "--engine", engine]);
        let deaf = bell.wait_for("deaf");
        running.signal(Signal::INT);
        // The two must not melt into one: signals of a kind do not queue up.
        running.wait_for_line("interrupt");
        running.signal(Signal::INT);
        let run = running.finish();
        drop(deaf);
        assert_eq!(run.code, Some(2), "{engine} {run}");
        assert_eq!(run.outcome("test_1_is_deaf"), "interrupted", "{engine} {run}");
        assert_eq!(run.outcome("test_2_comes_later"), "not_run", "{engine} {run}");
        run.assert_sums_match();
        run.assert_nothing_left();
        assert_eq!(suite.show()["run"]["stop_reason"], "interrupted");
    }
}

// Ten seconds: pnl's own bound on tear-downs, which is what this tests.
#[test]
fn what_is_deaf_to_an_interrupt_is_killed_after_a_while() {
    let suite = Suite::new(&[("test_deaf.py", DEAF)]);
    let mut bell = suite.bell();
    let running = suite.start(&["-n", "1"]);
    let deaf = bell.wait_for("deaf");
    running.signal(Signal::TERM);
    let run = running.finish();
    drop(deaf);
    assert_eq!(run.code, Some(2), "{run}");
    assert_eq!(run.outcome("test_1_is_deaf"), "interrupted", "{run}");
    run.assert_nothing_left();
}

#[test]
fn a_test_that_catches_the_interrupt_keeps_its_outcome_and_the_run_ends() {
    let suite = Suite::new(&[(
        "test_brave.py",
        "import probe\n\
         def test_1():\n    try:\n        probe.ring('here')\n    except KeyboardInterrupt:\n        pass\n\
         def test_2(): pass\n",
    )]);
    let mut bell = suite.bell();
    let running = suite.start(&["-n", "1"]);
    let here = bell.wait_for("here");
    running.signal(Signal::INT);
    let run = running.finish();
    drop(here);
    assert_eq!(run.code, Some(2), "{run}");
    assert_eq!(run.outcome("test_1"), "passed", "{run}");
    assert_eq!(run.outcome("test_2"), "not_run", "{run}");
    run.assert_sums_match();
}

#[test]
fn an_interrupt_during_collection_runs_nothing() {
    for engine in ["fork", "spawn", "pytest"] {
        let suite = Suite::new(&[(
            "test_slow_import.py",
            "import probe\nprobe.ring('collecting')\ndef test_1(): probe.log('ran')\n",
        )]);
        let mut bell = suite.bell();
        let running = suite.start(&["-n", "1", "--engine", engine]);
        let collecting = bell.wait_for("collecting");
        running.signal(Signal::INT);
        let run = running.finish();
        drop(collecting);
        assert_eq!(run.code, Some(2), "{engine} {run}");
        assert_eq!(suite.log(), [""; 0], "{engine}");
        assert_eq!(run.all("test-started").count(), 0);
        assert!((run.stdout.clone() + &run.stderr).contains("interrupt"), "{engine} {run}");
        if run.all("run-started").count() > 0 {
            run.assert_nothing_left();
        }
    }
}

#[test]
fn an_interrupt_between_rounds_ends_the_loop() {
    for engine in ["fork", "pytest"] {
        let suite = Suite::new(&[("test_one.py", "def test_1(): pass\n")]);
        let mut running = suite.start(&["-n1", "--loop", "3", "--delay", "1h", "--engine", engine]);
        running.wait_for_event("round-ended");
        running.signal(Signal::INT);
        let run = running.finish();
        assert_eq!(run.code, Some(2), "{engine} {run}");
        assert_eq!(run.the("run-ended")["rounds_run"], 1);
        assert_eq!(run.totals(), BTreeMap::from([("passed".to_owned(), 1)]), "{run}");
        run.assert_sums_match();
        run.assert_nothing_left();
        assert_eq!(suite.show()["run"]["stop_reason"], "interrupted");
    }
}

#[test]
fn an_interrupt_between_rounds_tears_down_kept_sessions() {
    let suite = Suite::new(&[("test_a.py", &SLEEPY.replace("probe.ring", "probe.log"))]);
    let words = ["-n1", "--loop", "3", "--delay", "1h", "--isolation", "none"];
    let mut running = suite.start(&words);
    running.wait_for_event("round-ended");
    running.signal(Signal::INT);
    let run = running.finish();
    assert_eq!(run.code, Some(2), "{run}");
    assert_eq!(suite.log().last().unwrap(), "session down", "{:?}", suite.log());
    run.assert_nothing_left();
}

#[test]
fn a_run_that_is_killed_keeps_what_it_had_learned() {
    let suite = Suite::new(&[("test_a.py", SLEEPY)]);
    let mut bell = suite.bell();
    let mut running = suite.start(&["-n", "1"]);
    let asleep = one_asleep(&mut bell);
    running.wait_for_event("test-ended");
    // Batches of the history are written at least ten times a second; there is no event for it.
    until("an execution is stored", || suite.stored_executions() > 0);
    running.signal(Signal::KILL);
    running.finish();
    drop(asleep);
    let shown = suite.show();
    assert_eq!(shown["totals"]["passed"], 1, "{shown}");
    assert_eq!(shown["run"]["stop_reason"], serde_json::Value::Null);
}
