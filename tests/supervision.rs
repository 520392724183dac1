//! Nothing outlives a run: what tests leave behind is named and ended, and so is everything when pnl
//! itself is killed.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod harness;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use harness::{Run, Suite};
use rustix::process::{Pid, Signal, kill_process};

/// Processes that leave as far as they can: a group, a session, a parent, an environment.
const LEAVERS: &str = r#"
import os
import subprocess
import time

import probe


def gone(line):
    """What a shell starts has its number in the log when this returns."""
    subprocess.run(["sh", "-c", line], check=True)


def test_child():
    child = subprocess.Popen(["sleep", "3601"])
    probe.log("test_child", child.pid)


def test_session():
    child = subprocess.Popen(["sleep", "3602"], start_new_session=True)
    probe.log("test_session", child.pid)


def test_bare():
    gone('env -i setsid sh -c "echo test_bare \\$\\$ >> $PNL_TEST_LOG; exec sleep 3603" 2>&1 '
         '> /dev/null & while ! grep -q test_bare "$PNL_TEST_LOG"; do :; done'.replace(
             "$PNL_TEST_LOG", os.environ["PNL_TEST_LOG"]))


def test_fork():
    read, write = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork():
            os._exit(0)
        os.write(write, str(os.getpid()).encode())
        time.sleep(3604)
        os._exit(0)
    probe.log("test_fork", os.read(read, 99).decode())
"#;

/// By the test in the log: the process.
fn logged(suite: &Suite) -> BTreeMap<String, u32> {
    let lines = suite.log();
    let pairs = lines.iter().filter_map(|line| line.split_once(' '));
    pairs.map(|(test, pid)| (test.to_owned(), pid.trim().parse().unwrap())).collect()
}

/// The process's own name is gone, or it waits for its parent to look.
fn is_alive(pid: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    !status.is_empty() && !status.contains("State:\tZ")
}

fn assert_all_ended(suite: &Suite, run: &Run) {
    for (test, pid) in logged(suite) {
        assert!(!is_alive(pid), "{test} left {pid} behind: {run}");
    }
}

#[test]
fn what_a_test_leaves_running_is_named_and_ended_however_it_hides() {
    for words in [["-n1", "--engine", "fork"], ["-n2", "--engine", "spawn"]] {
        let suite = Suite::new(&[("test_leave.py", LEAVERS)]);
        let run = suite.test(&words);
        assert_eq!(run.code, Some(0), "{run}");
        let pids = logged(&suite);
        assert_eq!(pids.len(), 4, "{run}");
        let leaks: BTreeMap<u64, _> =
            run.all("process-leaked").map(|it| (it["pid"].as_u64().unwrap(), it)).collect();
        let mut told: Vec<u64> = pids.values().map(|&pid| u64::from(pid)).collect();
        told.sort_unstable();
        assert_eq!(leaks.keys().copied().collect::<Vec<_>>(), told, "{run}");
        for (test, command) in [("test_child", "sleep 3601"), ("test_session", "sleep 3602")] {
            let leak = leaks[&u64::from(pids[test])];
            assert_eq!(leak["nodeid"], format!("test_leave.py::{test}"), "{leak}");
            assert_eq!(leak["command"], command);
            assert!(leak["worker"].as_str().unwrap().starts_with("gw"), "{leak}");
        }
        let heading = "left running by tests, and ended:";
        assert!(run.stdout.contains(heading), "{run}");
        assert!(run.stdout.contains("LEAK test_leave.py::test_child"), "{run}");
        assert_all_ended(&suite, &run);
    }
}

#[test]
fn a_leak_fails_the_run_where_that_is_asked_for() {
    let leaver = "import subprocess\ndef test_1(): subprocess.Popen(['sleep', '3600'])\n";
    let suite = Suite::new(&[("test_leave.py", leaver)]);
    let run = suite.test(&["--leak", "fail"]);
    assert_eq!(run.code, Some(1), "{run}");
    assert_eq!(run.totals(), BTreeMap::from([("passed".to_owned(), 1)]), "{run}");
    run.assert_sums_match();
    run.assert_nothing_left();
}

#[test]
fn a_leak_is_ended_when_its_worker_has_ended_and_not_only_with_the_run() {
    let suite = Suite::new(&[(
        "test_leave.py",
        "import os, subprocess, probe\n\
         def test_1():\n    if os.environ['PNL_ROUND'] == '1':\n        \
         probe.log('test_1', subprocess.Popen(['sleep', '3600'], start_new_session=True).pid)\n",
    )]);
    let mut running = suite.start(&["-n1", "--loop", "2", "--delay", "1h"]);
    running.wait_for_event("round-ended");
    harness::until("the leak is ended", || !is_alive(logged(&suite)["test_1"]));
    running.signal(Signal::INT);
    let run = running.finish();
    let leak = run.the("process-leaked");
    assert_eq!(leak["nodeid"], "test_leave.py::test_1", "{run}");
    assert_eq!(leak["worker"], "gw0", "{run}");
}

#[test]
fn what_ends_with_its_worker_is_no_leak() {
    let suite = Suite::new(&[
        (
            "conftest.py",
            "import subprocess, pytest\n\
             def pytest_sessionstart():\n    \
             global helper\n    helper = subprocess.Popen(['sleep', '3600'])\n\
             def pytest_unconfigure():\n    helper.kill()\n    helper.wait()\n\
             @pytest.fixture(scope='session')\n\
             def server():\n    \
             process = subprocess.Popen(['sh', '-c', 'read _; sleep 0.1'], stdin=subprocess.PIPE)\n    \
             yield\n    process.stdin.close()\n",
        ),
        ("test_a.py", "def test_1(server): pass\n"),
        ("test_b.py", "def test_2(server): pass\n"),
    ]);
    for engine in ["fork", "spawn", "pytest"] {
        let run = suite.test(&["-n2", "--engine", engine]);
        assert_eq!(run.code, Some(0), "{engine} {run}");
        assert_eq!(run.all("process-leaked").count(), 0, "{engine} {run}");
        run.assert_nothing_left();
    }
}

#[test]
fn a_crash_is_told_and_what_the_test_had_open_is_ended_without_a_word() {
    let suite = Suite::new(&[(
        "test_crash.py",
        "import os, subprocess, probe\n\
         def test_1():\n    \
         probe.log('test_1', subprocess.Popen(['sleep', '3600'], start_new_session=True).pid)\n    \
         os._exit(3)\n",
    )]);
    let run = suite.test(&["-n1"]);
    assert_eq!(run.outcome("test_1"), "crashed", "{run}");
    assert_eq!(run.all("process-leaked").count(), 0, "{run}");
    assert_all_ended(&suite, &run);
}

#[test]
fn orphans_that_end_leave_no_zombies() {
    let suite = Suite::new(&[(
        "test_orphans.py",
        "import os, subprocess, probe\n\
         def test_1():\n    \
         for _ in range(20):\n        subprocess.run(['sh', '-c', 'sh -c \"exit 0\" & exit 0'])\n    \
         probe.ring('done')\n",
    )]);
    let mut bell = suite.bell();
    let running = suite.start(&["-n1"]);
    let done = bell.wait_for("done");
    harness::until("they are taken leave of", || zombies_of(running.id()) == 0);
    drop(done);
    assert_eq!(running.finish().code, Some(0));
}

fn zombies_of(parent: u32) -> usize {
    let statuses = std::fs::read_dir("/proc").unwrap().flatten();
    let statuses = statuses.filter_map(|it| std::fs::read_to_string(it.path().join("status")).ok());
    let is_its = |it: &String| it.contains(&format!("\nPPid:\t{parent}\n"));
    statuses.filter(|it| is_its(it) && it.contains("\nState:\tZ")).count()
}

/// Stuck in C, deaf to SIGTERM, with children that left as far as they can.
const STUCK: &str = r#"
import ctypes
import os
import signal
import subprocess

import probe


def be_stuck(place):
    if os.environ["STUCK_IN"] != place:
        return
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    subprocess.Popen(["sleep", "3600"], start_new_session=True)
    subprocess.run(["sh", "-c", "env -i setsid sleep $NAP > /dev/null 2>&1 &"])
    if os.fork() == 0:
        os.setsid()
        ctypes.CDLL(None).pause()
    ring(place)
    while True:
        ctypes.CDLL(None).pause()


def ring(place):
    import socket

    bell = socket.socket(socket.AF_UNIX)
    bell.connect(os.environ["PNL_TEST_BELL"])
    bell.sendall(place.encode() + b"\n")
    globals()["bell"] = bell
"#;

const STUCK_SUITE: [(&str, &str); 3] = [
    ("stuck.py", STUCK),
    (
        "conftest.py",
        "import pytest, stuck\n\
         def pytest_sessionstart(): stuck.be_stuck('start')\n\
         def pytest_collection_modifyitems(): stuck.be_stuck('collection')\n\
         @pytest.fixture(scope='session', autouse=True)\n\
         def held():\n    yield\n    stuck.be_stuck('teardown')\n\
         def pytest_unconfigure(): stuck.be_stuck('end')\n",
    ),
    ("test_stuck.py", "import stuck\ndef test_1(): stuck.be_stuck('test')\ndef test_2(): pass\n"),
];

/// All processes that have this suite's folder in their environment, or sleep for so long.
fn processes_of(suite: &Suite, nap: &str) -> Vec<u32> {
    let home = format!("HOME={}", suite.beside("home").display());
    let command = format!("sleep\0{nap}\0");
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    let all = all.filter_map(|it| it.file_name().to_str()?.parse::<u32>().ok());
    all.filter(|&pid| {
        let read = |name| std::fs::read(format!("/proc/{pid}/{name}")).unwrap_or_default();
        let is_asleep = read("cmdline") == command.as_bytes();
        let is_of_suite = read("environ").split(|&it| it == 0).any(|it| it == home.as_bytes());
        is_alive(pid) && (is_of_suite || is_asleep)
    })
    .collect()
}

/// pnl's guard.
fn guard_of(pnl: u32) -> Option<u32> {
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    let mut all = all.filter_map(|it| it.file_name().to_str()?.parse::<u32>().ok());
    all.find(|pid| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        status.starts_with("Name:\trun-guard\n") && status.contains(&format!("\nPPid:\t{pnl}\n"))
    })
}

fn send(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

/// pnl is killed while the suite is stuck at this place: nothing is left.
fn killed_at(place: &str, words: &[&str]) {
    let nap = format!("3600.{}", fastrand::u64(..));
    let suite = Suite::new(&STUCK_SUITE).with("STUCK_IN", place).with("NAP", &nap);
    let mut bell = suite.bell();
    let running = suite.start(words);
    let stuck = bell.wait_for(place);
    running.signal(Signal::KILL);
    running.finish();
    harness::until("nothing is left", || processes_of(&suite, &nap).is_empty());
    // The guard's last deed.
    harness::until("the private folder is gone", || {
        std::fs::read_dir(suite.beside("tmp")).unwrap().flatten().all(|it| {
            let name = it.file_name().to_string_lossy().into_owned();
            !(name.starts_with("pnl-") && it.path().join("life").exists())
        })
    });
    drop(stuck);
}

#[test]
fn nothing_of_a_run_is_left_when_pnl_is_killed_whatever_is_stuck() {
    for place in ["start", "collection", "test", "teardown", "end"] {
        killed_at(place, &["-n2"]);
    }
}

#[test]
fn nothing_is_left_of_pytest_processes_that_pnl_did_not_fork() {
    killed_at("test", &["-n2", "--engine", "spawn"]);
    killed_at("test", &["--engine", "pytest"]);
}

#[test]
fn workers_die_by_themselves_when_the_guard_is_killed_too() {
    let suite = Suite::new(&[(
        "test_stuck.py",
        "import ctypes, os, signal, probe\n\
         def test_1():\n    \
         signal.signal(signal.SIGINT, signal.SIG_IGN)\n    \
         if os.fork() == 0:\n        os.setsid()\n        ctypes.CDLL(None).pause()\n    \
         probe.ring('stuck')\n    \
         os.kill(os.getpid(), signal.SIGSTOP)\n",
    )]);
    let mut bell = suite.bell();
    let running = suite.start(&["-n1"]);
    drop(bell.wait_for("stuck"));
    let guard = guard_of(running.id()).unwrap();
    send(guard, Signal::KILL);
    harness::until("the guard is gone", || !is_alive(guard));
    running.signal(Signal::KILL);
    running.finish();
    harness::until("nothing is left", || processes_of(&suite, "").is_empty());
}

#[test]
fn what_runs_when_pnl_is_killed_is_torn_down_first() {
    let suite = Suite::new(&[(
        "test_asleep.py",
        "import time, pytest, probe\n\
         @pytest.fixture(scope='session')\n\
         def server():\n    yield\n    probe.log('session down')\n\
         @pytest.fixture\n\
         def record():\n    yield\n    probe.log('test down')\n\
         def test_1(server, record):\n    probe.ring('here')\n    time.sleep(3600)\n",
    )]);
    for engine in ["fork", "spawn", "pytest"] {
        std::fs::remove_file(suite.beside("log")).unwrap_or_default();
        std::fs::remove_file(suite.beside("bell")).unwrap_or_default();
        let mut bell = suite.bell();
        let running = suite.start(&["-n1", "--engine", engine]);
        drop(bell.wait_for("here"));
        // The guard gives tear-downs a second: a loaded machine may need more.
        let guard = guard_of(running.id()).unwrap();
        send(guard, Signal::STOP);
        running.signal(Signal::KILL);
        running.finish();
        harness::until(&format!("all is torn down ({engine})"), || {
            suite.log() == ["test down", "session down"]
        });
        send(guard, Signal::CONT);
        harness::until("nothing is left", || processes_of(&suite, "").is_empty());
    }
}

#[test]
fn a_worker_that_is_done_does_not_interrupt_anothers_tear_down() {
    let suite = Suite::new(&[(
        "test_two.py",
        "import os, time, pytest, probe\n\
         @pytest.fixture\n\
         def slow():\n    yield\n    probe.ring('slow is down')\n    probe.log('slow 0')\n\
         def test_1(slow):\n    probe.ring('one')\n    time.sleep(3600)\n\
         def test_2():\n    probe.log('quick', os.getpid())\n    probe.ring('two')\n    \
         time.sleep(3600)\n",
    )]);
    for engine in ["fork", "spawn"] {
        std::fs::remove_file(suite.beside("log")).unwrap_or_default();
        std::fs::remove_file(suite.beside("bell")).unwrap_or_default();
        let mut bell = suite.bell();
        let running = suite.start(&["-n2", "--dist", "load", "--engine", engine]);
        drop((bell.wait_for("one"), bell.wait_for("two")));
        let guard = guard_of(running.id()).unwrap();
        send(guard, Signal::STOP);
        running.signal(Signal::KILL);
        let slow = bell.wait_for("slow is down");
        let quick = logged(&suite)["quick"];
        harness::until("the quick one is gone", || !is_alive(quick));
        drop(slow);
        harness::until(&format!("the slow one is down, {engine}"), || {
            logged(&suite).contains_key("slow")
        });
        send(guard, Signal::CONT);
        running.finish();
        harness::until("nothing is left", || processes_of(&suite, "").is_empty());
    }
}

#[test]
fn the_guard_holds_nobodys_pipe() {
    let suite = Suite::new(&[("test_a.py", "def test_1(): pass\n")]);
    let line = format!(
        "'{}' test --python '{}' -n1 3>&1 | cat; echo the pipe has ended",
        env!("CARGO_BIN_EXE_pnl"),
        harness::python().display()
    );
    let mut shell = suite.command("sh");
    shell.args(["-c", &line]);
    let run = harness::Running::start(shell, None).finish();
    assert!(run.stdout.ends_with("the pipe has ended\n"), "{run}");
    assert_eq!(processes_of(&suite, ""), [0; 0]);
}

/// A memory control group with a limit, below the one that this process is in.
struct Limited(PathBuf);

impl Limited {
    /// None where none can be made, with the reason.
    fn to(bytes: u64) -> Result<Self, String> {
        let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap();
        let field = |line: &str| line.splitn(3, ':').nth(2).unwrap().to_owned();
        let first = groups.lines().find(|it| it.split(':').nth(1) == Some("memory")).map(field);
        let (parent, limit) = if let Some(group) = first {
            (format!("/sys/fs/cgroup/memory{group}"), "memory.limit_in_bytes")
        } else {
            let group = groups.lines().find(|it| it.starts_with("0::")).map(field);
            (format!("/sys/fs/cgroup{}", group.unwrap_or_default()), "memory.max")
        };
        let folder = Path::new(&parent).join(format!("pnl-test-{}", fastrand::u64(..)));
        let why = |error: std::io::Error| format!("{}: {error}", folder.display());
        std::fs::create_dir(&folder).map_err(why)?;
        let group = Self(folder.clone());
        std::fs::write(folder.join(limit), bytes.to_string()).map_err(why)?;
        Ok(group)
    }
}

impl Drop for Limited {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir(&self.0);
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "a test that is left out says why")]
fn a_worker_that_the_kernel_ended_for_its_memory_is_said_to_be() {
    let group = match Limited::to(300 << 20) {
        Ok(group) => group,
        Err(why) => {
            println!("left out: no memory control group can be made here: {why}");
            return;
        }
    };
    let suite = Suite::new(&[(
        "test_hungry.py",
        "import os, signal\n\
         def test_1(): b'x' * (1 << 30)\n\
         def test_2(): pass\n\
         def test_3(): os.kill(os.getpid(), signal.SIGKILL)\n",
    )]);
    let jsonl = suite.beside("events.jsonl");
    let line = format!(
        "echo $$ > {}/cgroup.procs; exec '{}' test -n1 --retries 0 --python '{}' --jsonl '{}'",
        group.0.display(),
        env!("CARGO_BIN_EXE_pnl"),
        harness::python().display(),
        jsonl.display(),
    );
    let mut shell = suite.command("sh");
    shell.args(["-c", &line]);
    let run = harness::Running::start(shell, Some(&jsonl)).finish();
    let details: Vec<_> =
        run.ends().map(|it| it["detail"].as_str().unwrap_or_default().to_owned()).collect();
    let expected = ["out of memory: ended by the kernel", "", "signal 9, SIGKILL"];
    assert_eq!(details, expected, "{run}");
    assert!(run.stdout.contains("Fewer workers (-n) leave each more"), "{run}");
    assert_eq!(run.code, Some(1), "{run}");
}
