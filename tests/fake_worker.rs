//! The real controller against workers that break the protocol to order.
//!
//! The fake is a Python that is given as the interpreter of the spawn engine: it says hello and sends
//! its list as a real worker does, and then does what the test wants.

#![allow(clippy::unwrap_used, reason = "a test ends where something is not there")]

mod harness;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use harness::{Run, Suite, python};

/// A worker of the spawn engine, but for what it does with its tests.
const FAKE: &str = r#"
import json, os, socket, struct, sys, time
if "PNL_SESSION" not in os.environ:  # pnl asks what it has
    print(json.dumps({"python": "3.0", "pytest": "9.0", "xdist": None}))
    sys.exit()
order = json.loads(os.environ["PNL_SESSION"])
sock = socket.socket(socket.AF_UNIX)
sock.connect(order["socket"])
def say(**message):
    body = json.dumps(message).encode()
    sock.sendall(struct.pack(">I", len(body)) + body)
def hear():
    (length,) = struct.unpack(">I", sock.recv(4, socket.MSG_WAITALL))
    return json.loads(sock.recv(length, socket.MSG_WAITALL))
def now():
    return time.monotonic_ns() // 1000
def done(i):
    say(t="done", i=i, start=now(), outcome="passed", phases=[0, 0, 0])
def behave():
    while True:
        message = hear()
        for i in message.get("tests", []):
            say(t="start", i=i, at=now())
            done(i)
        if message["t"] == "finish":
            say(t="bye")
            sys.exit()
token, version, COUNT = order["token"], VERSION, 4
IS_FIRST = order["worker"] == "gw0"
HELLO
say(t="hello", v=version, role="worker", token=token, worker=order["worker"], pid=os.getpid(),
    python="3.0", pytest="9.0")
say(t="tests", tests=[{"id": f"test_fake.py::test_{n}"} for n in range(4)])
say(t="ready", count=COUNT, rootdir=os.getcwd(), capture="fd", maxfail=0, collect_errors=0, threads=[])
if IS_FIRST:
    hear()
    say(t="start", i=0, at=now())
    BREAK
behave()
"#;

/// A run of four fake tests on one worker whose first process does `harm` in its first test.
fn run_with(hello: &str, harm: &str) -> (Suite, Run) {
    let suite = Suite::new(&[]);
    let script = suite.root().join("fake.py");
    let body = FAKE
        .replace("VERSION", &pnl::protocol::VERSION.to_string())
        .replace("HELLO", hello)
        .replace("BREAK", harm);
    fs::write(&script, body).unwrap();
    let fake = suite.root().join("python");
    let launcher = format!("#!/bin/sh\nexec '{}' '{}'\n", python().display(), script.display());
    fs::write(&fake, launcher).unwrap();
    fs::set_permissions(&fake, fs::Permissions::from_mode(0o755)).unwrap();
    let run = suite.start_with(&fake, &["--engine", "spawn", "-n", "1"]).finish();
    (suite, run)
}

/// One test is lost, with this word about why; the others run on a replacement.
fn assert_costs_one_test(harm: &str, why: &str) {
    let (_suite, run) = run_with("", harm);
    assert_eq!(run.code, Some(1), "{run}");
    assert_eq!(run.outcome("test_0"), "crashed", "{run}");
    assert_eq!((&run.totals()["passed"], &run.totals()["crashed"]), (&3, &1), "{run}");
    assert!(run.stdout.contains(why), "{why:?} expected: {run}");
    run.assert_sums_match();
    run.assert_nothing_left();
}

#[test]
fn a_fake_that_behaves_passes() {
    let (_suite, run) = run_with("IS_FIRST = False", "");
    assert_eq!((run.code, run.totals()["passed"]), (Some(0), 4), "{run}");
    run.assert_sums_match();
}

#[test]
fn garbage_costs_one_test() {
    assert_costs_one_test(
        "sock.sendall(struct.pack('>I', 5) + b'{bad}'); time.sleep(600)",
        "protocol",
    );
}

#[test]
fn a_frame_too_large_costs_one_test() {
    assert_costs_one_test("sock.sendall(b'\\xff' * 4); time.sleep(600)", "over the limit");
}

#[test]
fn half_a_frame_costs_one_test() {
    let harm = "sock.sendall(b'\\0\\0\\0\\x09{'); os._exit(5)";
    assert_costs_one_test(harm, "the connection ended inside a frame");
}

#[test]
fn an_unknown_message_costs_one_test() {
    assert_costs_one_test("say(t='dance'); time.sleep(600)", "protocol");
}

#[test]
fn a_test_that_was_not_given_costs_the_one_that_runs() {
    assert_costs_one_test("say(t='start', i=3, at=now()); hear()", "not given");
}

// A second: pnl waits so long for the end of a process whose connection is over.
#[test]
fn a_worker_that_closes_its_connection_and_goes_on_is_ended() {
    assert_costs_one_test("sock.close(); time.sleep(600)", "closed its connection and went on");
}

#[test]
fn a_list_that_lost_a_test_on_its_way_is_no_green_run() {
    let (_suite, run) = run_with("IS_FIRST = False; COUNT = 5", "");
    assert_eq!((run.code, run.totals()["passed"]), (Some(3), 4), "{run}");
    assert!(run.stdout.contains("pytest announced 5 tests and listed 4 of them"), "{run}");
    run.assert_sums_match();
}

#[test]
fn a_test_that_is_over_without_an_outcome_is_no_green_run() {
    let (_suite, run) = run_with(
        "IS_FIRST = False\ndef done(i):\n    outcome = 'unreported' if i == 2 else 'passed'\n    \
         say(t='done', i=i, start=now(), outcome=outcome, phases=[0, 0, 0])",
        "",
    );
    assert_eq!((run.code, run.totals()["passed"]), (Some(3), 3), "{run}");
    assert!(run.stdout.contains("1 test that pytest collected: test_fake.py::test_2"), "{run}");
    run.assert_sums_match();
}

#[test]
fn a_wrong_token_or_version_is_not_heard() {
    for hello in ["token = 'guessed'", "version = 0"] {
        let (_suite, run) = run_with(hello, "");
        assert_eq!(run.code, Some(1), "the fake's own end, for nobody answers it: {hello}: {run}");
        assert!(!run.stdout.contains("passed"), "{hello}: {run}");
        assert_eq!(run.all("test-started").count(), 0, "{hello}: {run}");
    }
}
