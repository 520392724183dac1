//! The server under test: it is the user's, it is asked before the first test that needs it, and a
//! run whose server goes away ends with that as its reason.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod harness;

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use harness::{Run, Suite, until};

/// Answers every request until it is dropped.
struct Server {
    url: String,
    requests: Arc<AtomicUsize>,
    over: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Server {
    fn start() -> Self {
        Self::on("127.0.0.1:0", GOOD)
    }

    /// At an address, with such an answer to all.
    fn on(address: &str, says: &'static [u8]) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (requests, over) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (count, is_over) = (requests.clone(), over.clone());
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if is_over.load(Ordering::SeqCst) {
                    return;
                }
                count.fetch_add(1, Ordering::SeqCst);
                answer(stream.unwrap(), says);
            }
        });
        Self { url, requests, over, thread: Some(thread) }
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

/// A client that is gone is its own affair.
fn answer(mut stream: TcpStream, says: &[u8]) {
    let _ = stream.read(&mut [0; 4096]);
    let _ = stream.write_all(says);
}

const GOOD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";

const NOT_THERE: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

impl Drop for Server {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        // Wakes it, to see that.
        let _ = TcpStream::connect(self.url.strip_prefix("http://").unwrap());
        self.thread.take().unwrap().join().unwrap();
    }
}

/// Nobody listens there: the port was free a moment ago, and is not given again soon.
fn deserted() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

const HTTP: &str = "
import os, urllib.request, probe
def get():
    return urllib.request.urlopen(os.environ['E2E_BASE_URL'] + '/x', timeout=20).read()
def test_gets():
    probe.log('ran')
    assert get() == b'ok'
";

fn project() -> Suite {
    Suite::new(&[
        ("tests/http/test_http.py", HTTP),
        ("tests/unit/test_unit.py", "import probe\ndef test_unit(): probe.log('ran')\n"),
    ])
    .with("NO_PROXY", "*")
}

fn assert_refused(suite: &Suite, run: &Run, url: &str, from: &str) {
    assert_eq!(run.code, Some(4), "{run}");
    assert_eq!(suite.log(), [""; 0], "a test was run: {run}");
    let said = run.stdout.clone() + &run.stderr;
    assert!(said.contains(&format!("the server at {url} does not answer")), "{run}");
    assert!(said.contains(&format!("The URL comes from {from}.")), "{run}");
    assert!(said.contains("--base-url URL or E2E_BASE_URL"), "{run}");
    assert_eq!(run.all("test-started").count(), 0);
}

#[test]
fn a_scope_that_needs_a_server_is_not_begun_without_one() {
    let url = deserted();
    for engine in ["fork", "spawn", "xdist", "pytest"] {
        let suite = project().with_xdist();
        let run = suite.test(&["http", "-n2", "--engine", engine, "--base-url", &url]);
        assert_refused(&suite, &run, &url, "--base-url");
    }
    let suite = project().with("E2E_BASE_URL", &url);
    assert_refused(&suite, &suite.test(&["http"]), &url, "E2E_BASE_URL");
}

#[test]
fn all_and_paths_ask_as_soon_as_a_test_to_run_needs_the_server() {
    let url = deserted();
    for words in [&["all"][..], &[], &["tests"], &["tests/http/test_http.py::test_gets"]] {
        for engine in ["fork", "pytest"] {
            let suite = project();
            let run = suite.test(&[words, &["--engine", engine, "--base-url", &url]].concat());
            assert_refused(&suite, &run, &url, "--base-url");
        }
    }
}

#[test]
fn what_needs_no_server_runs_without_one() {
    let url = deserted();
    let suite = project();
    for words in [&["tests/unit"][..], &["--", "-k", "unit"], &["all", "--", "--ignore=tests/http"]]
    {
        let run = suite.test(&[&["--base-url", &url], words].concat());
        assert_eq!(run.code, Some(0), "{words:?} {run}");
    }
    let run = suite.test(&["--base-url", &url, "--engine", "pytest", "tests/unit"]);
    assert_eq!(run.code, Some(0), "{run}");
}

#[test]
fn scopes_of_the_configuration_say_for_themselves_what_they_need() {
    let url = deserted();
    let suite = project();
    suite.write(
        "pnl.toml",
        "server_hint = \"make serve\"\n\
         [scopes.http]\nserver = false\n\
         [scopes.unit]\npaths = [\"tests/unit\"]\nserver = true\nworkers = 1\n\
         pytest_args = [\"-k\", \"unit\"]\n",
    );
    let run = suite.test(&["unit", "--base-url", &url]);
    assert_refused(&suite, &run, &url, "--base-url");
    assert!((run.stdout.clone() + &run.stderr).contains("make serve"), "{run}");
    let run = suite.test(&["http", "--base-url", &url]);
    assert_eq!(run.code, Some(1), "it is not asked, and the test fails: {run}");
}

#[test]
fn the_server_is_asked_once_and_tests_are_told_of_it() {
    let server = Server::start();
    let suite = project().with("E2E_BASE_URL", &format!("{}/", server.url));
    let run = suite.test(&["http"]);
    assert_eq!(run.code, Some(0), "{run}");
    assert_eq!(server.requests(), 2, "pnl's question and the test's own");
    let started = run.the("run-started");
    assert_eq!(started["base_url"], *server.url, "without the slash at its end");
    assert_eq!(started["base_url_from"], "E2E_BASE_URL");
    assert_eq!(suite.show()["run"]["base_url"], *server.url);
}

#[test]
fn the_command_line_beats_the_environment_which_beats_the_file() {
    let (by_line, by_variable) = (Server::start(), Server::start());
    let suite = project().with("E2E_BASE_URL", &by_variable.url);
    suite.write("pnl.toml", &format!("base_url = \"{}\"\n", deserted()));
    let run = suite.test(&["http"]);
    assert_eq!((run.code, by_variable.requests()), (Some(0), 2), "{run}");
    let slashed = format!("{}//", by_line.url);
    let run = suite.test(&["http", "--base-url", &slashed]);
    assert_eq!((run.code, by_line.requests(), by_variable.requests()), (Some(0), 2, 2), "{run}");
}

#[test]
fn without_any_setting_tests_are_told_of_the_default() {
    let suite = Suite::new(&[(
        "test_url.py",
        "import os\ndef test_url(): assert os.environ['E2E_BASE_URL'] == 'http://127.0.0.1:8000'\n",
    )]);
    assert_eq!(suite.test(&[]).code, Some(0));
}

/// The server goes while the first test runs; the others would all fail for that reason alone.
const LOSING: &str = "
import os, urllib.request, pytest, probe
def get():
    return urllib.request.urlopen(os.environ['E2E_BASE_URL'], timeout=20).read()

@pytest.fixture
def fixture():
    yield
    probe.log('down')

def test_0_before(): get()

def test_1_loses(fixture):
    probe.ring('gone')
    get()

@pytest.mark.parametrize('number', range(50))
def test_2_after(number):
    # Held until the run ends it: pnl asks, and is answered, while some of these run.
    if number == 25: probe.ring('held')
    get()
";

#[test]
fn a_server_that_goes_away_ends_the_run_with_that_as_its_reason() {
    for engine in ["fork", "spawn", "pytest"] {
        let suite = Suite::new(&[("tests/http/test_losing.py", LOSING)]).with("NO_PROXY", "*");
        let server = Server::start();
        let mut bell = suite.bell();
        let url = server.url.clone();
        let words = ["http", "-n1", "--loop", "3", "--engine", engine, "--base-url", &url];
        let running = suite.start(&words);
        let gone = bell.wait_for("gone");
        drop(server);
        drop(gone);
        let run = running.finish();
        assert_eq!(run.code, Some(4), "{engine} {run}");
        assert_eq!(run.the("run-ended")["stop_reason"], "server-lost", "{engine} {run}");
        assert_eq!(run.outcome("test_0_before"), "passed");
        assert_eq!(run.outcome("test_1_loses"), "failed");
        let lost = run.end_of("tests/http/test_losing.py::test_1_loses");
        assert_eq!(lost["infrastructure"], true, "{engine} {run}");
        assert!(run.the("server-away")["hits"].as_u64() >= Some(1), "{run}");
        assert!(run.stdout.contains("the server was away from "), "{run}");
        assert_eq!(run.outcome("test_2_after[49]"), "not_run");
        let sentence = format!("the server at {url} stopped answering");
        assert!(run.stdout.contains(&sentence), "{engine} {run}");
        assert_eq!(suite.log(), ["down"]);
        run.assert_sums_match();
        run.assert_nothing_left();
    }
}

#[test]
fn a_refused_connection_to_another_server_does_not_end_the_run() {
    let server = Server::start();
    let suite = Suite::new(&[(
        "tests/http/test_other.py",
        "import os, socket, probe\n\
         def test_1():\n    socket.create_connection(('127.0.0.1', 1))\n\
         def test_2(): probe.ring('two')\n\
         def test_3(): pass\n",
    )]);
    let mut bell = suite.bell();
    let running = suite.start(&["http", "-n1", "--base-url", &server.url]);
    let two = bell.wait_for("two");
    // Asked by pnl before the run, and again because of the first test's failure.
    until("the server is asked again", || server.requests() >= 2);
    drop(two);
    let run = running.finish();
    assert_eq!(run.code, Some(1), "{run}");
    assert_eq!(run.outcome("test_3"), "passed");
    assert_eq!(run.the("run-ended")["stop_reason"], "completed");
}

/// Loses the server in one test; another runs beside it and asks nothing.
const WAITING: &str = "
import os, urllib.request, pytest, probe
def get():
    return urllib.request.urlopen(os.environ['E2E_BASE_URL'], timeout=20).read()

def test_0_before(): get()

def test_1_loses():
    if probe.first('loses'): probe.ring('gone')
    get()

@pytest.mark.parametrize('number', range(10))
def test_2_after(number): get()

def test_3_fails_by_itself(): assert get() == b'another'
";

const FIRST: &str = "
import os
def first(name):
    try:
        os.close(os.open(os.environ['PNL_TEST_LOG'] + name, os.O_CREAT | os.O_EXCL))
        return True
    except FileExistsError:
        return False
";

fn assert_waited(engine: &str, workers: &str, meanwhile: Option<&'static [u8]>) {
    let test = WAITING.replace("probe.first", "first") + FIRST;
    let suite = Suite::new(&[("tests/http/test_waiting.py", &test)]).with("NO_PROXY", "*");
    let server = Server::start();
    let mut bell = suite.bell();
    let url = server.url.clone();
    let words = ["http", "-n", workers, "--engine", engine, "--base-url", &url];
    let mut running = suite.start(&[&words[..], &["--server-lost", "wait"]].concat());
    let gone = bell.wait_for("gone");
    drop(server);
    let address = url.strip_prefix("http://").unwrap();
    let bad = meanwhile.map(|says| Server::on(address, says));
    drop(gone);
    running.wait_for_line("waiting until it does");
    drop(bad);
    let _back = Server::on(address, GOOD);
    let run = running.finish();
    assert_eq!(run.code, Some(1), "{engine} {run}");
    let expected = [("failed".to_owned(), 1), ("passed".to_owned(), 12)];
    assert_eq!(run.totals(), expected.into(), "{engine} {run}");
    assert_eq!(run.outcome("test_3_fails_by_itself"), "failed", "{run}");
    let hits: Vec<_> = run.all("attempt-failed").collect();
    assert!(!hits.is_empty() && hits.iter().all(|it| it["infrastructure"] == true), "{hits:?}");
    let again = run.end_of("tests/http/test_waiting.py::test_1_loses");
    assert_eq!((&again["attempt"], &again["infrastructure"]), (&2.into(), &false.into()));
    let away = run.the("server-away");
    assert!(away["since"].as_f64() < away["until"].as_f64(), "{away}");
    assert_eq!(away["hits"].as_u64(), Some(hits.len() as u64), "{away}");
    assert_eq!(run.the("run-ended")["flaky"], 0, "what the server did is not the test's: {run}");
    let shown = suite.show();
    let loses = shown["tests"].as_array().unwrap().iter();
    let loses = loses.clone().find(|it| it["nodeid"].as_str().unwrap().ends_with("1_loses"));
    let loses = loses.unwrap();
    assert_eq!((&loses["infrastructure"], &loses["retried_attempts"]), (&1.into(), &0.into()));
    assert_eq!((&loses["flaky"], &loses["failure_rate"]["estimate"]), (&0.into(), &0.0.into()));
    run.assert_sums_match();
    run.assert_nothing_left();
}

#[test]
fn a_run_can_wait_for_its_server_and_run_again_what_was_hit() {
    assert_waited("fork", "1", None);
    assert_waited("fork", "2", None);
    assert_waited("spawn", "2", None);
}

#[test]
fn a_server_that_answers_503_is_away() {
    assert_waited("fork", "2", Some(NOT_THERE));
}

#[test]
fn a_server_that_always_says_503_is_not_away_for_that() {
    let server = Server::on("127.0.0.1:0", NOT_THERE);
    let suite = project().with("NO_PROXY", "*");
    let run = suite.test(&["http", "--base-url", &server.url]);
    assert_eq!((run.code, run.outcome("test_gets")), (Some(1), "failed".to_owned()), "{run}");
    assert_eq!(run.end_of("tests/http/test_http.py::test_gets")["infrastructure"], false);
}

#[test]
fn a_lost_server_can_be_ignored() {
    let suite = Suite::new(&[("tests/http/test_losing.py", LOSING)]).with("NO_PROXY", "*");
    let server = Server::start();
    let mut bell = suite.bell();
    let url = server.url.clone();
    let running = suite.start(&["http", "-n1", "--server-lost", "ignore", "--base-url", &url]);
    let gone = bell.wait_for("gone");
    drop(server);
    drop(gone);
    drop(bell.wait_for("held"));
    let run = running.finish();
    assert_eq!(
        (run.code, run.outcome("test_2_after[49]")),
        (Some(1), "failed".to_owned()),
        "{run}"
    );
    assert_eq!(run.totals(), [("failed".to_owned(), 51), ("passed".to_owned(), 1)].into());
    assert!(run.ends().all(|it| it["infrastructure"] == false), "{run}");
}
