//! Retries, time limits, and tests that must not run beside others.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod harness;

use std::collections::BTreeMap;

use harness::{Run, Suite};

/// Fails at first, for reasons of every phase, and passes when it is tried again.
const SHAKY: &str = "
import os, pytest
FIRST = lambda: os.environ.get('PNL_ATTEMPT', '1') == '1'
@pytest.fixture(scope='session')
def browser(worker_id):
    with open('browsers', 'a') as file:
        file.write('open\\n')
    return object()
@pytest.fixture(scope='module')
def shaky():
    if FIRST():
        raise RuntimeError('set-up')
def test_call(browser, tmp_path):
    (tmp_path / 'artefact').write_text(os.environ['PNL_ATTEMPT'])
    with open('artefacts', 'a') as file:
        file.write(f'{tmp_path}\\n')
    assert not FIRST()
def test_fixture(shaky): pass
def test_crash():
    if FIRST():
        os.abort()
def test_broken(): assert 0
def test_steady(browser): pass
";

fn retried(run: &Run) -> BTreeMap<String, u64> {
    let mut retried = BTreeMap::new();
    for event in run.all("attempt-failed") {
        *retried.entry(event["nodeid"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    retried
}

#[test]
fn a_failed_test_is_tried_again_and_counts_once() {
    for engine in ["fork", "spawn"] {
        let suite = Suite::new(&[("test_it.py", SHAKY)]);
        let run =
            suite.test(&["--engine", engine, "-n", "2", "--retries", "1", "--junit", "j.xml"]);
        assert_eq!(run.code, Some(1), "{engine} {run}");
        let expected = [("passed".to_owned(), 4), ("failed".to_owned(), 1)];
        assert_eq!(run.totals(), BTreeMap::from(expected), "{engine} {run}");
        assert_eq!(run.the("run-ended")["flaky"], 3, "{run}");
        assert_eq!(retried(&run).len(), 4, "{run}");
        assert!(run.stdout.contains("FLAKY test_it.py::test_crash"), "{run}");
        run.assert_sums_match();
        run.assert_nothing_left();
        let junit = std::fs::read_to_string(suite.root().join("j.xml")).unwrap();
        assert_eq!(junit.matches("<flakyFailure").count(), 1, "{junit}");
        assert_eq!(junit.matches("<flakyError").count(), 2, "{junit}");
        assert_eq!(junit.matches("<rerunFailure").count(), 1, "{junit}");
        assert!(junit.contains("tests=\"5\" skipped=\"0\" failures=\"1\" errors=\"0\""), "{junit}");
        let shown = suite.show();
        assert_eq!((&shown["run"]["flaky"], &shown["totals"]["passed"]), (&3.into(), &4.into()));
        let artefacts = std::fs::read_to_string(suite.root().join("artefacts")).unwrap();
        let mut folders: Vec<_> = artefacts.lines().collect();
        folders.dedup();
        assert_eq!(folders.len(), 2, "each attempt has a folder of its own: {artefacts}");
    }
}

#[test]
fn a_retry_leaves_session_fixtures_alone() {
    let suite = Suite::new(&[(
        "test_it.py",
        "import os, pytest\n\
         @pytest.fixture(scope='session')\n\
         def browser():\n    open('log', 'a').write('open\\n'); yield; open('log', 'a').write('close\\n')\n\
         def test_a(browser): assert os.environ['PNL_ATTEMPT'] != '1'\n\
         def test_b(browser): pass\ndef test_c(browser): pass\ndef test_d(browser): pass\n",
    )]);
    let run = suite.test(&["-n", "1", "--retries", "2"]);
    assert_eq!(run.code, Some(0), "{run}");
    assert_eq!(
        std::fs::read_to_string(suite.root().join("log")).unwrap(),
        "open\nclose\n",
        "{run}"
    );
}

#[test]
fn flaky_tests_decide_the_exit_code_if_told_to() {
    let files =
        [("test_it.py", "import os\ndef test_a(): assert os.environ['PNL_ATTEMPT'] != '1'\n")];
    let suite = Suite::new(&files);
    let run = suite.test(&["--retries", "1", "--loop", "2"]);
    assert_eq!((run.code, run.all("round-ended").count()), (Some(0), 2), "{run}");
    let run = suite.test(&["--retries", "1", "--loop", "2", "--flaky", "fail"]);
    assert_eq!((run.code, run.all("round-ended").count()), (Some(1), 1), "{run}");
    assert!(run.stdout.ends_with("s\n") && run.stdout.contains(", 1 flaky, "), "{run}");
}

#[test]
fn a_mark_says_how_often_and_the_command_line_can_say_never() {
    let text = "import os, pytest\n\
                @pytest.mark.pnl(retries=2)\n\
                def test_marked(): assert os.environ['PNL_ATTEMPT'] == '3'\n\
                def test_named(): assert os.environ['PNL_ATTEMPT'] == '2'\n";
    let suite = Suite::new(&[
        ("test_it.py", text),
        ("pnl.toml", "[[tests]]\nmatch = \"*::test_named\"\nretries = 1\n"),
    ]);
    let run = suite.test(&[]);
    assert_eq!(run.code, Some(0), "{run}");
    let expected = [("test_it.py::test_marked", 2), ("test_it.py::test_named", 1)];
    assert_eq!(retried(&run), expected.map(|(id, n)| (id.to_owned(), n)).into(), "{run}");
    let run = suite.test(&["--retries", "0"]);
    assert_eq!((run.code, run.all("attempt-failed").count()), (Some(1), 0), "{run}");
}

#[test]
fn a_mark_that_cannot_be_understood_is_a_usage_error_that_names_the_test() {
    let text = "import pytest\n@pytest.mark.pnl(timout=3)\ndef test_a(): pass\n";
    let run = Suite::new(&[("test_it.py", text)]).test(&[]);
    assert_eq!(run.code, Some(4), "{run}");
    let all = format!("{}{}", run.stdout, run.stderr);
    assert!(all.contains("test_it.py::test_a has a mark pnl"), "{run}");
    assert!(all.contains("no argument \"timout\""), "{run}");
}

#[test]
fn a_stuck_test_is_ended_with_its_stack_and_its_children_and_others_go_on() {
    let text = "import os, subprocess, time, signal, pytest\n\
                def test_before(): pass\n\
                @pytest.mark.pnl(timeout=0.3)\n\
                def test_stuck():\n    \
                    print('said before')\n    \
                    child = subprocess.Popen(['sleep', '600'], start_new_session=True)\n    \
                    stay_here()\n\
                def stay_here(): time.sleep(600)\n\
                @pytest.mark.pnl(timeout=0.3)\n\
                def test_deaf():\n    \
                    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n    \
                    while True: time.sleep(600)\n\
                def test_after(): pass\n";
    for engine in ["fork", "spawn"] {
        let suite = Suite::new(&[("test_it.py", text)]);
        let run = suite.test(&["--engine", engine, "-n", "2"]);
        assert_eq!(run.code, Some(1), "{engine} {run}");
        let expected = [("passed".to_owned(), 2), ("timed_out".to_owned(), 2)];
        assert_eq!(run.totals(), BTreeMap::from(expected), "{engine} {run}");
        assert!(run.stdout.contains("in stay_here"), "{engine} {run}");
        assert!(run.stdout.contains("said before"), "{engine} {run}");
        assert!(!run.stdout.contains("that tests left running"), "{engine} {run}");
        run.assert_sums_match();
        run.assert_nothing_left();
    }
}

#[test]
fn a_slow_test_is_named_while_it_runs() {
    let suite = Suite::new(&[(
        "test_it.py",
        "import os, time\n\
         def test_slow():\n    \
             while not os.path.exists('was-named'): time.sleep(0.01)\n",
    )]);
    let mut running = suite.start(&["--slow", "100ms", "--timeout", "60s"]);
    running.wait_for_event("test-slow");
    suite.write("was-named", "");
    let run = running.finish();
    assert_eq!(run.code, Some(0), "{run}");
    let named = run.all("test-slow").next().unwrap();
    assert_eq!(named["nodeid"], "test_it.py::test_slow");
    assert!(run.stdout.contains("SLOW gw0 test_it.py::test_slow has been running for"), "{run}");
}

/// Tests that write down when they begin and end.
const CLAIMS: &str = "
import os, time, pytest
def note(text):
    fd = os.open(os.environ['LOG'], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(fd, f'{text}\\n'.encode())
    os.close(fd)
@pytest.fixture(autouse=True)
def noted(request, worker_id):
    note(f'begin {worker_id} {request.node.name}')
    yield
    note(f'end {worker_id} {request.node.name}')
@pytest.mark.parametrize('i', range(6))
def test_free(i): time.sleep(0.005)
@pytest.mark.pnl(lock='db')
@pytest.mark.parametrize('i', range(4))
def test_db(i): time.sleep(0.005)
@pytest.mark.pnl(lock=['db', 'mail'])
@pytest.mark.parametrize('i', range(4))
def test_mail(i): time.sleep(0.005)
@pytest.mark.parametrize('i', range(3))
def test_alone(i): time.sleep(0.005)
";

/// What ran at the same moment on different workers, as pairs of names up to `[`.
fn side_by_side(log: &str) -> Vec<(String, String)> {
    let mut running: BTreeMap<&str, String> = BTreeMap::new();
    let mut pairs = Vec::new();
    for line in log.lines() {
        let (what, rest) = line.split_once(' ').unwrap();
        let (worker, name) = rest.split_once(' ').unwrap();
        let name = name.split('[').next().unwrap().to_owned();
        if what == "begin" {
            pairs.extend(running.values().map(|other| (other.clone(), name.clone())));
            running.insert(worker, name);
        } else {
            running.remove(worker);
        }
    }
    pairs
}

#[test]
fn exclusive_tests_and_holders_of_a_lock_never_run_beside_each_other() {
    let config = "[[tests]]\nmatch = \"test_it.py::test_alone\"\nexclusive = true\n";
    let suite = Suite::new(&[("test_it.py", CLAIMS), ("pnl.toml", config)]).with("LOG", "log");
    for (engine, dist) in
        [("fork", "pnl"), ("fork", "load"), ("spawn", "worksteal"), ("fork", "each")]
    {
        let _ = std::fs::remove_file(suite.root().join("log"));
        let run = suite.test(&["--engine", engine, "--dist", dist, "-n", "3", "--loop", "2"]);
        assert_eq!(run.code, Some(0), "{engine} {dist} {run}");
        let log = std::fs::read_to_string(suite.root().join("log")).unwrap();
        for (one, other) in side_by_side(&log) {
            let is_locked = |name: &str| ["test_db", "test_mail"].contains(&name);
            assert!(!(is_locked(&one) && is_locked(&other)), "{dist}: {one} beside {other}\n{log}");
            assert!(one != "test_alone" && other != "test_alone", "{dist}: {one}, {other}\n{log}");
        }
        run.assert_sums_match();
    }
}

#[test]
fn a_lock_of_capacity_two_has_two_holders_at_a_time() {
    // Two wait for each other, which they can only do side by side; a third must not be there.
    let text = "import os, time, pytest\n\
                @pytest.mark.parametrize('i', range(4))\n\
                def test_it(i):\n    \
                    mine = f'here-{i}'\n    \
                    open(mine, 'w').close()\n    \
                    here = lambda: [n for n in os.listdir() if n.startswith('here-')]\n    \
                    while not os.path.exists('met') and len(here()) < 2: time.sleep(0.01)\n    \
                    open('met', 'w').close()\n    \
                    assert len(here()) <= 2\n    \
                    os.unlink(mine)\n";
    let config = "[locks]\npool = 2\n[[tests]]\nmatch = \"test_it.py\"\nlock = \"pool\"\n";
    let suite = Suite::new(&[("test_it.py", text), ("pnl.toml", config)]);
    let run = suite.test(&["-n", "4", "--dist", "load", "--timeout", "20s"]);
    assert_eq!(run.code, Some(0), "{run}");
}
