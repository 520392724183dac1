//! The real controller against workers that break the protocol to order.
//!
//! The fake is a Python that is given as the interpreter of the spawn engine: it says hello and sends
//! its list as a real worker does, and then does what the test wants, when the test wants it.

#![allow(clippy::unwrap_used, reason = "a test ends where something is not there")]

mod harness;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use harness::{Run, Suite, python};

/// A worker of the spawn engine, but for what it does where a word stands alone on its line.
const FAKE: &str = r#"
import json, os, socket, struct, sys, time
if "PNL_SESSION" not in os.environ:  # pnl asks what it has
    print(json.dumps({"python": "3.0", "pytest": "9.0", "xdist": None}))
    sys.exit()
order = json.loads(os.environ["PNL_SESSION"])
def connect():
    connected = socket.socket(socket.AF_UNIX)
    connected.connect(order["socket"])
    return connected
sock = connect()
def frame(message):
    body = json.dumps(message).encode()
    return struct.pack(">I", len(body)) + body
def say(**message):
    sock.sendall(frame(message))
def hear():
    (length,) = struct.unpack(">I", sock.recv(4, socket.MSG_WAITALL))
    return json.loads(sock.recv(length, socket.MSG_WAITALL))
def now():
    return time.monotonic_ns() // 1000
def done(i):
    say(t="done", i=i, start=now(), outcome="passed", phases=[0, 0, 0])
def fail(i, text, stdout=""):
    say(t="done", i=i, start=now(), outcome="failed", phases=[0, 0, 0],
        failure={"message": "no", "text": text, "sections": [["Captured stdout call", stdout]]})
def for_ever(*frames):
    # Ends with the process: it is killed, or its connection is cut.
    try:
        while True:
            sock.sendall(b"".join(frames))
    except OSError:
        pass
    time.sleep(600)
def behave():
    while True:
        message = hear()
        for i in message.get("tests", []):
            say(t="start", i=i, at=now())
            done(i)
            if IS_FIRST:
                pass
                BETWEEN_TESTS
        if message["t"] == "finish":
            with open("/proc/%d/status" % os.getppid()) as status, \
                    open(os.environ["PNL_TEST_LOG"], "a") as log:
                log.writelines(it.split(":")[1] for it in status if it.startswith("VmHWM"))
            say(t="bye")
            sys.exit()
def hello():
    return dict(t="hello", v=version, role="worker", token=token, worker=order["worker"],
                pid=os.getpid(), python="3.0", pytest="9.0")
token, version, COUNT, LISTED = order["token"], VERSION, None, 4
IS_FIRST = order["worker"] == "gw0"
BEFORE_HELLO
say(**hello())
AFTER_HELLO
say(t="tests", tests=[{"id": f"test_fake.py::test_{n}"} for n in range(LISTED)])
say(t="ready", count=COUNT or LISTED, rootdir=os.getcwd(), capture="fd", maxfail=0,
    collect_errors=0, threads=[])
if IS_FIRST and IN_A_TEST_IT_BREAKS:
    given = hear()["tests"]
    say(t="start", i=0, at=now())
    IN_A_TEST
    for i in given[1:]:
        say(t="start", i=i, at=now())
        done(i)
behave()
"#;

/// When the fake does harm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    BeforeHello,
    AfterHello,
    InATest,
    BetweenTests,
}

impl Phase {
    const ALL: [(Self, &str); 4] = [
        (Self::BeforeHello, "BEFORE_HELLO"),
        (Self::AfterHello, "AFTER_HELLO"),
        (Self::InATest, "IN_A_TEST"),
        (Self::BetweenTests, "BETWEEN_TESTS"),
    ];
}

/// The fake that does `harm` at a time, and otherwise behaves.
fn fake(suite: &Suite, when: Phase, harm: &str) -> std::path::PathBuf {
    let in_a_test = if when == Phase::InATest { "True" } else { "False" };
    let mut body = FAKE.replace("IN_A_TEST_IT_BREAKS", in_a_test);
    for (phase, word) in Phase::ALL {
        body = body.replace(word, if phase == when { harm } else { "pass" });
    }
    let script = suite.root().join("fake.py");
    fs::write(&script, body.replace("VERSION", &pnl::protocol::VERSION.to_string())).unwrap();
    let fake = suite.root().join("python");
    let launcher = format!("#!/bin/sh\nexec '{}' '{}'\n", python().display(), script.display());
    fs::write(&fake, launcher).unwrap();
    fs::set_permissions(&fake, fs::Permissions::from_mode(0o755)).unwrap();
    fake
}

/// A run of four fake tests on one worker whose first process does `harm`.
fn run_with(when: Phase, harm: &str) -> Run {
    let suite = Suite::new(&[]);
    let fake = fake(&suite, when, harm);
    suite.start_with(&fake, &["--engine", "spawn", "-n", "1"]).finish()
}

/// The test is lost in which the worker did it, with this word about why; the others run on a
/// replacement.
fn assert_costs_one_test(harm: &str, why: &str) {
    let run = run_with(Phase::InATest, harm);
    assert_eq!(run.code, Some(1), "{run}");
    assert_eq!(run.outcome("test_0"), "crashed", "{run}");
    assert_eq!((&run.totals()["passed"], &run.totals()["crashed"]), (&3, &1), "{run}");
    assert!(run.stdout.contains(why), "{why:?} expected: {run}");
    run.assert_sums_match();
    run.assert_nothing_left();
}

/// No test is lost, and a warning says why the worker was ended and replaced.
fn assert_costs_a_worker(harm: &str, why: &str) {
    let run = run_with(Phase::BetweenTests, harm);
    assert_eq!((run.code, run.totals()["passed"]), (Some(0), 4), "{run}");
    assert!(run.stdout.contains(why), "{why:?} expected: {run}");
    run.assert_sums_match();
    run.assert_nothing_left();
}

/// There is no run, and this is said.
fn assert_costs_the_run(when: Phase, harm: &str, why: &str) {
    let run = run_with(when, harm);
    assert_eq!(run.code, Some(3), "{harm}: {run}");
    let said = format!("{}{}", run.stdout, run.stderr);
    assert!(said.contains(why), "{why:?} expected: {harm}: {run}");
    assert_eq!(run.all("test-started").count(), 0, "{harm}: {run}");
}

/// What breaks the protocol at any time, and how that is told.
const HARMS: [(&str, &str); 5] = [
    ("sock.sendall(struct.pack('>I', 5) + b'{bad}'); time.sleep(600)", "cannot be read"),
    ("sock.sendall(b'\\xff' * 4); time.sleep(600)", "over the limit"),
    (
        "sock.sendall(b'\\0\\0\\0\\x09{'); sock.shutdown(1); time.sleep(600)",
        "the connection ended inside a frame",
    ),
    ("say(t='dance'); time.sleep(600)", "cannot be read"),
    ("say(t='forked', worker='gw0', pid=1); time.sleep(600)", "not a worker's to send now"),
];

#[test]
fn a_fake_that_behaves_passes() {
    for (when, harm) in [(Phase::InATest, "done(0)"), (Phase::BetweenTests, "pass")] {
        let run = run_with(when, harm);
        assert_eq!((run.code, run.totals()["passed"]), (Some(0), 4), "{run}");
        run.assert_sums_match();
    }
}

#[test]
fn a_broken_protocol_in_a_test_costs_that_test() {
    for (harm, why) in HARMS {
        assert_costs_one_test(harm, why);
    }
}

#[test]
fn a_broken_protocol_between_tests_costs_a_worker() {
    for (harm, why) in HARMS {
        assert_costs_a_worker(harm, why);
    }
}

#[test]
fn a_worker_that_holds_tests_and_begins_none_is_ended_at_the_limit() {
    let suite = Suite::new(&[]);
    let fake = fake(&suite, Phase::BetweenTests, "time.sleep(600)");
    let words = ["--engine", "spawn", "-n", "1", "--timeout", "1"];
    let run = suite.start_with(&fake, &words).finish();
    assert_eq!((run.code, &run.totals()["passed"]), (Some(1), &4), "{run}");
    assert!(run.stdout.contains("did not begin test_fake.py::test_1 within 1 s"), "{run}");
    run.assert_sums_match();
    run.assert_nothing_left();
}

#[test]
fn a_broken_protocol_while_it_collects_costs_the_run() {
    for (harm, why) in HARMS {
        assert_costs_the_run(Phase::AfterHello, harm, why);
    }
}

#[test]
fn who_says_no_hello_but_garbage_is_not_heard() {
    for (harm, _) in HARMS {
        let harm = harm.replace("time.sleep(600)", "os._exit(5)");
        let run = run_with(Phase::BeforeHello, &harm);
        assert_ne!(run.code, Some(0), "the fake's own end: {harm}: {run}");
        assert_eq!(run.all("test-started").count(), 0, "{harm}: {run}");
    }
}

#[test]
fn a_test_that_was_not_given_costs_the_one_that_runs() {
    assert_costs_one_test("say(t='start', i=3, at=now()); hear()", "not given");
}

#[test]
fn a_second_list_costs_a_worker_and_nothing_is_heard_after_the_last_word() {
    let list = "say(t='tests', tests=[{'id': 'x'}]); time.sleep(600)";
    assert_costs_a_worker(list, "not a worker's to send now: tests");
    let words = "say(t='bye'); say(t='notice', level='info', text='x'); time.sleep(600)";
    let run = run_with(Phase::BetweenTests, words);
    assert_eq!((run.code, run.totals()["passed"]), (Some(0), 4), "{run}");
    assert!(!run.stdout.contains("info: "), "nothing is heard after the last word: {run}");
}

// A second: pnl waits so long for the end of a process whose connection is over.
#[test]
fn a_worker_that_closes_its_connection_and_goes_on_is_ended() {
    assert_costs_one_test("sock.close(); time.sleep(600)", "closed its connection and went on");
}

#[test]
fn a_list_that_lost_a_test_on_its_way_is_no_green_run() {
    let run = run_with(Phase::BeforeHello, "COUNT = 5");
    assert_eq!((run.code, run.totals()["passed"]), (Some(3), 4), "{run}");
    assert!(run.stdout.contains("pytest announced 5 tests and listed 4 of them"), "{run}");
    run.assert_sums_match();
}

#[test]
fn a_test_that_is_over_without_an_outcome_is_no_green_run() {
    let run = run_with(
        Phase::BeforeHello,
        "def done(i):\n    outcome = 'unreported' if i == 2 else 'passed'\n    \
         say(t='done', i=i, start=now(), outcome=outcome, phases=[0, 0, 0])",
    );
    assert_eq!((run.code, run.totals()["passed"]), (Some(3), 3), "{run}");
    assert!(run.stdout.contains("1 test that pytest collected: test_fake.py::test_2"), "{run}");
    run.assert_sums_match();
}

#[test]
fn a_wrong_token_is_not_heard() {
    let run = run_with(Phase::BeforeHello, "token = 'guessed'");
    assert_eq!(run.code, Some(1), "the fake's own end, for nobody answers it: {run}");
    assert!(!run.stdout.contains("passed"), "{run}");
    assert_eq!(run.all("test-started").count(), 0, "{run}");
}

#[test]
fn another_version_is_named() {
    let why = "it speaks version 0 of the protocol";
    assert_costs_the_run(Phase::BeforeHello, "version = 0", why);
}

#[test]
fn a_second_process_that_claims_a_workers_name_is_not_heard_and_harms_nobody() {
    let harm =
        "other = connect(); other.sendall(frame(hello()) + b'\\xff' * 4); other.recv(1); done(0)";
    let run = run_with(Phase::InATest, harm);
    assert_eq!((run.code, run.totals()["passed"]), (Some(0), 4), "{run}");
    assert!(run.stdout.contains("said that it was worker \"gw0\" and was not heard"), "{run}");
    run.assert_sums_match();
}

#[test]
fn ten_thousand_connections_without_hello_keep_no_worker_from_its_tests() {
    let harm = "silent = []\nfor _ in range(10_000):\n    silent.append(connect())\n    \
                silent = silent[-500:]\nsock = connect()";
    let run = run_with(Phase::BeforeHello, harm);
    assert_eq!((run.code, run.totals()["passed"]), (Some(0), 4), "{run}");
}

#[test]
fn notices_without_end_cost_a_worker() {
    let notice = "for_ever(frame(dict(t='notice', level='info', text='x' * 1000)))";
    assert_costs_a_worker(notice, "it said more than 1000 notices");
    assert_costs_one_test(notice, "it said more than 1000 notices");
    let early = run_with(Phase::AfterHello, notice);
    assert_eq!(early.code, Some(3), "{early}");
}

#[test]
fn a_list_without_end_costs_the_run() {
    let harm = "for_ever(frame(dict(t='tests', tests=[{'id': 'x' * 60_000}] * 100)))";
    assert_costs_the_run(Phase::AfterHello, harm, "it listed more than 1000000 tests");
}

/// Runs the fake that harms, with a report of each kind, and returns the run with the most memory
/// that pnl had in use. The report's pipe holds pnl until that is known.
fn run_and_weigh(when: Phase, harm: &str) -> (Run, u64) {
    let suite = Suite::new(&[]);
    let fake = fake(&suite, when, harm);
    let junit = suite.beside("junit");
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, &junit, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    let all = ["--engine", "spawn", "-n", "1", "--junit", junit.to_str().unwrap()];
    let mut running = suite.start_with(&fake, &all);
    running.wait_for_event("run-ended");
    let peak = running.peak_memory();
    assert!(fs::read(&junit).unwrap().ends_with(b"</testsuites>\n"));
    (running.finish(), peak)
}

/// 180 MB: 80 failures of 2.3 MB each. Some seconds, to read and write them.
#[test]
fn failures_of_megabytes_fill_no_memory() {
    let suite = Suite::new(&[]);
    let harm = "LISTED = 80\ndef done(i):\n    fail(i, 't' * 262_144, 's' * 2_097_152)";
    let fake = fake(&suite, Phase::BeforeHello, harm);
    let run = suite.start_with(&fake, &["--engine", "spawn", "-n", "1", "-q"]).finish();
    assert_eq!((run.code, run.totals()["failed"]), (Some(1), 80), "{:?}", run.code);
    let peak = suite.log()[0].trim_end_matches("kB").trim().parse::<u64>().unwrap() >> 10;
    assert!(peak < 140, "{peak} MiB");
    let cut = run.ends().filter(|it| it["failure"]["text"].as_str().unwrap().contains("pnl cut "));
    assert!(cut.count() > 40, "what is missing is said");
    run.assert_sums_match();
}

#[test]
fn output_without_a_lines_end_fills_no_memory() {
    let harm = "for _ in range(4000): os.write(1, b'x' * 65536)\n    done(0)";
    let (run, peak) = run_and_weigh(Phase::InATest, harm);
    assert_eq!((run.code, run.totals()["passed"]), (Some(0), 4), "{run}");
    assert!(peak < 100 << 20, "{} MiB", peak >> 20);
}

/// Two million messages that say nothing.
#[test]
fn tiny_messages_without_end_fill_no_memory() {
    let harm = "nothing = frame(dict(t='interrupted', i=9))\n    \
                for _ in range(200): sock.sendall(nothing * 10_000)\n    done(0)";
    let (run, peak) = run_and_weigh(Phase::InATest, harm);
    assert_eq!((run.code, run.totals()["passed"]), (Some(0), 4), "{run}");
    assert!(peak < 100 << 20, "{} MiB", peak >> 20);
}
