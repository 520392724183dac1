//! The state probe: asked between rounds, and around tests where that is wanted.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod harness;

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;

use harness::{Run, Suite, python, until};
use pnl::store::History;
use rustix::process::Signal;
use serde_json::Value;

/// The state is a file beside the tests; two of the four change it, one of them each time.
const RECORDS: &str = "
import pathlib
RECORDS = pathlib.Path(__file__).with_name('records')
def add(what):
    with RECORDS.open('a') as file:
        file.write(what)
def test_1_reads(): RECORDS.exists()
def test_2_adds(): add('x')
def test_3_adds_and_removes():
    text = RECORDS.read_text()
    add('y')
    RECORDS.write_text(text)
def test_4_adds_once():
    if 'z' not in RECORDS.read_text(): add('z')
";

/// Prints the state; quoted as one would in a shell.
const COMMAND: &str = "sh -c 'cat records 2> /dev/null || true'";

fn records() -> Suite {
    Suite::new(&[("test_a.py", RECORDS)]).with("PNL_STATE_PROBE", COMMAND)
}

/// Each question: after which round, after which test, and its answer.
fn probes(run: &Run) -> Vec<(Option<u64>, Option<String>, Option<String>)> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let name = |value: &Value| text(value).map(|it| it.rsplit("::").next().unwrap().to_owned());
    let of = |it: &Value| (it["after_round"].as_u64(), name(&it["nodeid"]), text(&it["hash"]));
    run.all("state-probed").map(of).collect()
}

fn notices<'a>(run: &'a Run, part: &str) -> Vec<&'a str> {
    let texts = run.all("notice").map(|it| it["text"].as_str().unwrap());
    texts.filter(|it| it.contains(part)).collect()
}

#[test]
fn rounds_after_which_the_state_differs_are_counted() {
    for words in [&["-n", "1"][..], &["-n", "1", "--engine", "spawn"], &["--engine", "pytest"]] {
        let suite = records();
        let run = suite.test(&[words, &["--loop", "3"]].concat());
        assert_eq!(run.code, Some(0), "{run}");
        let probes = probes(&run);
        let rounds: Vec<Option<u64>> = probes.iter().map(|it| it.0).collect();
        assert_eq!(rounds, [None, Some(1), Some(2), Some(3)], "{words:?} {run}");
        let hashes: std::collections::BTreeSet<_> = probes.iter().map(|it| it.2.clone()).collect();
        assert_eq!((hashes.len(), hashes.contains(&None)), (4, false), "{words:?} {probes:?}");
        assert_eq!(notices(&run, "differed after 3 of 3 rounds").len(), 1, "{run}");
    }
}

#[test]
fn the_history_has_the_answers() {
    let suite = records();
    let run = suite.test(&["-n", "1", "--loop", "2", "--probe-tests"]);
    assert_eq!(run.code, Some(0), "{run}");
    let history = History::open_read(&suite.root()).unwrap();
    let schedule = history.schedule(&history.find(None).unwrap()).unwrap();
    let stored: Vec<(u32, Option<String>, Option<String>)> = schedule
        .probes
        .iter()
        .map(|it| {
            let name = |at: u32| {
                schedule.tests[at as usize].as_str().rsplit("::").next().unwrap().to_owned()
            };
            (it.round.0, it.test.map(name), it.hash.as_deref().map(str::to_owned))
        })
        .collect();
    let told: Vec<_> = probes(&run)
        .into_iter()
        .map(|(round, test, hash)| (round.map_or(0, |it| u32::try_from(it).unwrap()), test, hash))
        .collect();
    assert_eq!(stored, told);
    assert_eq!(stored.len(), 1 + 2 * 5);
}

#[test]
fn tests_that_leave_state_behind_are_named() {
    for words in [&[][..], &["--engine", "spawn"], &["--isolation", "none"]] {
        let suite = records();
        let run = suite.test(&[&["-n", "1", "--loop", "2", "--probe-tests"], words].concat());
        assert_eq!(run.code, Some(0), "{run}");
        let said = notices(&run, "it changed after");
        let wanted =
            "it changed after test_a.py::test_2_adds (2×), test_a.py::test_4_adds_once (1×)";
        assert!(said.len() == 1 && said[0].ends_with(wanted), "{words:?} {said:?} {run}");
        assert_alternating(&run);
    }
}

/// After each test's end the state was known before the next began.
fn assert_alternating(run: &Run) {
    let names = ["test-started", "test-ended", "state-probed"];
    let told: Vec<&str> = run
        .events
        .iter()
        .map(|it| it["event"].as_str().unwrap())
        .filter(|name| names.contains(name))
        .collect();
    let round = [["test-started", "test-ended", "state-probed"]; 4].concat();
    let wanted = [&["state-probed"][..], &round, &["state-probed"], &round, &["state-probed"]];
    assert_eq!(told, wanted.concat(), "{run}");
}

#[test]
fn a_test_that_fails_is_followed_by_a_question_too() {
    let suite = Suite::new(&[("test_a.py", "def test_1(): assert 0\ndef test_2(): pass\n")])
        .with("PNL_STATE_PROBE", "echo same");
    let run = suite.test(&["-n", "1", "--probe-tests", "--retries", "1"]);
    assert_eq!(run.code, Some(1), "{run}");
    let after: Vec<_> = probes(&run).into_iter().map(|it| it.1).collect();
    // The second attempt comes after the test that was next when the first one began.
    let named = ["test_1", "test_2", "test_1"].map(|it| Some(it.to_owned()));
    assert_eq!(after, [&[None][..], &named, &[None]].concat(), "{run}");
}

#[test]
fn what_cannot_be_probed_is_refused() {
    let with = records();
    let without = Suite::new(&[("test_a.py", RECORDS)]);
    for (suite, words, part) in [
        (&without, &["-n", "1"][..], "needs something that tells the server's state"),
        (&with, &["-n", "2"], "it goes with -n 1, not with 2 workers"),
        (&with, &["-n", "1", "--dist", "loadfile"], "does not go with --dist loadfile"),
        (&with, &["-n", "1", "--engine", "pytest"], "does not go with --engine pytest"),
    ] {
        let run = suite.test(&[words, &["--probe-tests"]].concat());
        assert_eq!(run.code, Some(4), "{run}");
        assert!(run.stderr.contains("--probe-tests") && run.stderr.contains(part), "{run}");
    }
    let open = Suite::new(&[("pnl.toml", "state_probe = \"cat 'x\"\n")]);
    let run = open.test(&[]);
    assert_eq!(run.code, Some(4), "{run}");
    assert!(run.stderr.contains("state_probe") && run.stderr.contains("a quote is open"), "{run}");
}

#[test]
fn a_probe_that_fails_is_warned_of_once_and_fails_no_run() {
    for (command, why) in [
        ("sh -c 'exit 3'", "the command ended with status 3"),
        ("there-is-no-such-program", "there-is-no-such-program cannot be started"),
        ("http://127.0.0.1:9/state", "refused"),
    ] {
        let suite = Suite::new(&[("test_a.py", "def test_1(): pass\n")]);
        suite.write("pnl.toml", &format!("state_probe = \"{command}\"\n"));
        let run = suite.test(&["--loop", "2"]);
        assert_eq!(run.code, Some(0), "{run}");
        let said = notices(&run, "the state probe did not answer");
        assert!(said.len() == 1 && said[0].contains(why), "{command} {said:?}");
        assert!(run.all("state-probed").all(|it| it["hash"].is_null() && it["error"].is_string()));
        assert_eq!(notices(&run, "the state on the server"), [""; 0]);
    }
}

/// A server whose answer to `/state` is how often it was asked.
#[test]
fn a_url_is_fetched_and_its_answer_is_the_state() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/state", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for (count, stream) in listener.incoming().flatten().enumerate() {
            let mut stream = stream;
            let mut request = [0; 1024];
            let read = stream.read(&mut request).unwrap();
            assert!(request[..read].starts_with(b"GET /state "));
            let head = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 1\r\n\r\n";
            write!(stream, "{head}{}", count.min(2)).unwrap();
        }
    });
    let suite = Suite::new(&[("test_a.py", "def test_1(): pass\n")]).with("PNL_STATE_PROBE", &url);
    let run = suite.test(&["--loop", "4"]);
    assert_eq!(run.code, Some(0), "{run}");
    assert_eq!(notices(&run, "differed after 2 of 4 rounds").len(), 1, "{run}");
}

#[test]
fn an_interrupted_probe_is_ended_with_the_run() {
    for engine in ["fork", "pytest"] {
        let test = "def test_1(): pass\n";
        let ask = "import os, probe\nprobe.log(os.getpid())\nprobe.ring('asked')\n";
        let suite = Suite::new(&[("test_a.py", test), ("ask.py", ask)])
            .with("PNL_STATE_PROBE", &format!("'{}' ask.py", python().display()));
        let mut bell = suite.bell();
        let mut run = suite.start(&["--engine", engine, "--loop", "3"]);
        drop(bell.wait_for("asked"));
        run.wait_for_event("round-ended");
        let waits = bell.wait_for("asked");
        run.signal(Signal::INT);
        let run = run.finish();
        assert_eq!(run.code, Some(2), "{run}");
        assert_eq!(run.all("round-started").count(), 1, "{run}");
        let pid = suite.log().pop().unwrap();
        until("the command is gone", || !Path::new("/proc").join(&pid).exists());
        drop(waits);
    }
}

/// Each round adds a record, and from the seventh on a list is too long for its page.
#[test]
fn the_verdict_on_what_accumulates_says_what_the_probe_saw() {
    let suite = Suite::new(&[(
        "test_a.py",
        "import pathlib\n\
         RECORDS = pathlib.Path(__file__).with_name('records')\n\
         def test_1_adds():\n    with RECORDS.open('a') as file: file.write('x')\n\
         def test_2_reads(): pass\n\
         def test_3_lists(): assert len(RECORDS.read_text()) < 7\n",
    )])
    .with("PNL_STATE_PROBE", COMMAND);
    let run = suite.test(&["-n", "1", "--loop", "16", "--keep-going", "--probe-tests"]);
    assert_eq!(run.code, Some(1), "{run}");
    // A sentence may stand on several lines.
    let said = run.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    let wanted = "passes in rounds 1–6, fails in every round since 7, p = 2e-4: state accumulates \
                  on the server, where the state probe saw it change in 16 of 16 rounds, after test_1_adds \
                  (16×)";
    assert!(said.contains(wanted), "{run}");
}
