//! Every engine on real suites: the outcome of each test is the one under plain pytest, the sums
//! match, and the exit code is pytest's.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod harness;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use harness::{Run, Suite};

macro_rules! file {
    ($path:literal) => {
        ($path, include_str!(concat!("suites/mixed/", $path)))
    };
}

fn mixed() -> Suite {
    Suite::new(&[
        file!("pytest.ini"),
        file!("test_mixed.py"),
        file!("test_unittest.py"),
        file!("größe und Gewicht/test_näher.py"),
    ])
}

/// What plain pytest makes of the mixed suite: words of pytest's own for each node id, those that
/// repeat counted, and its exit code.
struct Truth {
    outcomes: Vec<(String, String)>,
    code: Option<i32>,
}

fn truth() -> &'static Truth {
    static TRUTH: OnceLock<Truth> = OnceLock::new();
    TRUTH.get_or_init(|| {
        let suite = mixed();
        suite.write("truth.py", include_str!("suites/mixed/truth.py"));
        let file = suite.beside("truth.jsonl");
        let suite = suite.with("PNL_TEST_TRUTH", file.to_str().unwrap());
        let run = suite.pytest(&["-p", "truth", "-q"]);
        let text = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{error}: {run}"));
        let mut outcomes: Vec<(String, String)> = Vec::new();
        for line in text.lines() {
            let (nodeid, word): (String, String) = serde_json::from_str(line).unwrap();
            match outcomes.last_mut() {
                // pytest counts a failed or skipped test with a failing tear-down twice; pnl counts
                // executions, so the worse of the two stands.
                Some((last, before)) if *last == nodeid && word == "error" => {
                    if before != "failed" {
                        *before = word;
                    }
                }
                _ => outcomes.push((nodeid, word)),
            }
        }
        outcomes.sort();
        assert!(outcomes.len() > 40, "the suite was not run: {run}");
        Truth { outcomes, code: run.code }
    })
}

fn assert_as_pytest(words: &[&str]) {
    let truth = truth();
    let suite = if words.contains(&"xdist") { mixed().with_xdist() } else { mixed() };
    let run = suite.test(words);
    let mut outcomes: Vec<(String, String)> =
        run.ends().map(|it| (text(&it["nodeid"]), text(&it["outcome"]))).collect();
    outcomes.sort();
    let differing: Vec<_> = truth
        .outcomes
        .iter()
        .filter(|it| !outcomes.contains(it))
        .map(|it| format!("pytest: {it:?}"))
        .chain(
            outcomes
                .iter()
                .filter(|it| !truth.outcomes.contains(it))
                .map(|it| format!("pnl: {it:?}")),
        )
        .collect();
    assert!(differing.is_empty(), "{differing:#?} {run}");
    assert_eq!(outcomes, truth.outcomes);
    assert_eq!(run.code, truth.code, "{run}");
    run.assert_sums_match();
    run.assert_nothing_left();
}

fn text(value: &serde_json::Value) -> String {
    value.as_str().unwrap().to_owned()
}

#[test]
fn fork_agrees_with_pytest_on_each_test() {
    assert_as_pytest(&["--engine", "fork", "-n", "2"]);
}

#[test]
fn fork_with_one_worker_agrees_with_pytest_on_each_test() {
    assert_as_pytest(&["--engine", "fork", "-n", "1"]);
}

#[test]
fn spawn_agrees_with_pytest_on_each_test() {
    assert_as_pytest(&["--engine", "spawn", "-n", "2"]);
}

#[test]
fn xdist_agrees_with_pytest_on_each_test() {
    assert_as_pytest(&["--engine", "xdist", "-n", "2"]);
}

#[test]
fn pytest_itself_agrees_with_pytest_on_each_test() {
    assert_as_pytest(&["--engine", "pytest"]);
}

const CRASHES: &str = r#"
import os
import pytest

@pytest.fixture
def dies_in_set_up():
    os._exit(5)

@pytest.fixture
def dies_in_tear_down():
    yield
    os._exit(6)

def test_before(): pass

def test_exit():
    print("last words")
    os.write(2, b"written past the capture\n")
    os._exit(7)

def test_between(): pass
def test_set_up(dies_in_set_up): pass
def test_tear_down(dies_in_tear_down): pass

def test_abort():
    os.abort()

def test_kill():
    os.kill(os.getpid(), 9)

def test_exit_zero():
    os._exit(0)

def test_after(): pass
def test_fails(): assert False
"#;

fn assert_crashes(words: &[&str]) -> Run {
    let run = Suite::new(&[("test_crashes.py", CRASHES)]).with_xdist().test(words);
    let passed = ["test_before", "test_between", "test_after"];
    let crashed =
        ["test_exit", "test_set_up", "test_tear_down", "test_abort", "test_kill", "test_exit_zero"];
    for name in passed {
        assert_eq!(run.outcome(&format!("::{name}")), "passed", "{name} {run}");
    }
    for name in crashed {
        assert_eq!(run.outcome(&format!("::{name}")), "crashed", "{name} {run}");
    }
    assert_eq!(run.outcome("::test_fails"), "failed");
    assert_eq!(run.code, Some(1), "{run}");
    run.assert_sums_match();
    run.assert_nothing_left();
    run
}

fn assert_crashes_name_their_cause(run: &Run) {
    let detail = |name: &str| run.end_of(&format!("test_crashes.py::{name}"))["detail"].clone();
    assert_eq!(detail("test_exit"), "exit status 7");
    assert_eq!(detail("test_set_up"), "exit status 5");
    assert_eq!(detail("test_tear_down"), "exit status 6");
    assert_eq!(detail("test_abort"), "signal 6, SIGABRT");
    assert_eq!(detail("test_kill"), "signal 9, SIGKILL");
    assert_eq!(detail("test_exit_zero"), "exit status 0");
    // pytest's own faulthandler says where it was.
    let abort = run.end_of("test_crashes.py::test_abort")["failure"]["sections"].to_string();
    assert!(abort.contains("Fatal Python error: Aborted"), "{abort}");
    assert!(abort.contains("test_crashes.py"), "{abort}");
}

#[test]
fn a_crash_costs_one_test_under_fork() {
    let run = assert_crashes(&["--engine", "fork", "-n", "2"]);
    assert_crashes_name_their_cause(&run);
}

#[test]
fn a_crash_costs_one_test_also_of_a_lone_worker() {
    let run = assert_crashes(&["--engine", "fork", "-n", "1"]);
    assert_crashes_name_their_cause(&run);
    let names: Vec<String> = run.by_worker().into_keys().collect();
    assert_eq!(names.len(), 7, "six crashes, six replacements: {names:?}");
}

// Some seconds: each of six replacements is a Python that starts and collects.
#[test]
fn a_crash_costs_one_test_under_spawn() {
    let run = assert_crashes(&["--engine", "spawn", "-n", "2"]);
    assert_crashes_name_their_cause(&run);
}

// Some seconds, as above.
#[test]
fn a_crash_costs_one_test_under_xdist() {
    assert_crashes(&["--engine", "xdist", "-n", "2"]);
}

#[test]
fn what_a_crashed_test_said_under_pytests_capture_is_not_lost() {
    let run = Suite::new(&[("test_crashes.py", CRASHES)]).test(&["-n1", "--", "-k", "test_exit"]);
    let failure = &run.end_of("test_crashes.py::test_exit")["failure"];
    assert!(failure["sections"].to_string().contains("written past the capture"), "{failure}");
}

#[test]
fn a_crash_under_the_pytest_engine_ends_the_run_and_the_sums_still_match() {
    let run = Suite::new(&[("test_crashes.py", CRASHES)]).test(&["--engine", "pytest"]);
    assert_eq!(run.outcome("::test_before"), "passed");
    assert_eq!(run.outcome("::test_exit"), "crashed");
    assert_eq!(run.outcome("::test_after"), "not_run");
    assert_eq!(run.code, Some(1), "{run}");
    run.assert_sums_match();
}

const LIMITED: &str = "
def test_1(): pass
def test_2(): assert False
def test_3(): pass
def test_4(): assert False
def test_5(): pass
def test_6(): assert False
";

#[test]
fn a_limit_of_failures_stops_at_the_same_test_as_pytest() {
    let suite = Suite::new(&[("test_limited.py", LIMITED)]);
    let stopped_after_2 = ["test_1", "test_2"];
    for words in
        [&["-n", "1", "--", "-x"][..], &["-n1", "--max-fail=1"], &["-n1", "--", "--maxfail=1"]]
    {
        let run = suite.test(words);
        assert_eq!(run.order(), stopped_after_2, "{words:?} {run}");
        let end = run.end_of("test_limited.py::test_3");
        assert_eq!(end["outcome"], "not_run");
        assert_eq!(end["detail"], "stopped after the allowed number of failures");
        assert_eq!(run.the("run-ended")["stop_reason"], "max-fail");
        assert_eq!(run.code, Some(1));
        run.assert_sums_match();
    }
    let run = suite.test(&["-n1", "--", "--maxfail=2"]);
    assert_eq!(run.order(), ["test_1", "test_2", "test_3", "test_4"], "{run}");
    let run = suite.test(&["-n1", "--engine", "pytest", "--max-fail", "2"]);
    assert_eq!(run.order(), ["test_1", "test_2", "test_3", "test_4"], "{run}");
    assert_eq!(run.the("run-ended")["stop_reason"], "max-fail");
    assert_eq!(run.code, Some(1), "{run}");
    run.assert_sums_match();
}

// Some seconds: a race between a worker that begins a test and the word that the run is to stop was
// lost in seven runs of ten, so it takes a few to be sure.
#[test]
fn what_had_begun_when_a_run_was_stopped_keeps_its_outcome() {
    let suite = Suite::new(&[
        (
            "test_a.py",
            "import pytest, probe\n\
             @pytest.mark.parametrize('number', range(2000))\n\
             def test_quick(number): probe.log(number)\n",
        ),
        ("test_b.py", "import probe\ndef test_fails():\n    probe.ring('b')\n    assert False\n"),
    ]);
    let mut bell = suite.bell();
    let mut before = 0;
    for _ in 0..3 {
        let mut running = suite.start(&["-n", "2", "--dist", "loadfile", "--", "-x"]);
        let failing = bell.wait_for("b");
        running.wait_for_event("test-ended");
        drop(failing);
        let run = running.finish();
        let began = suite.log().len() - before;
        before += began;
        assert_eq!(run.totals()["passed"], began as u64, "{run}");
        assert!(run.all("worker-ended").all(|it| it["how"] == "finished"), "{run}");
        run.assert_sums_match();
    }
}

fn exiting(arguments: &str) -> Suite {
    let text = format!(
        "import pytest\n\
         def test_1(): pass\n\
         def test_2(): pytest.exit({arguments})\n\
         def test_3(): pass\n"
    );
    Suite::new(&[("test_exits.py", &text)])
}

#[test]
fn pytest_exit_ends_the_run_with_its_words_and_its_status() {
    for (arguments, engine) in [
        ("'enough'", "fork"),
        ("'enough'", "spawn"),
        ("'enough', returncode=7", "fork"),
        ("'enough', returncode=0", "fork"),
    ] {
        let suite = exiting(arguments);
        let run = suite.test(&["--engine", engine, "-n", "1"]);
        let expected = match arguments.split_once('=') {
            Some((_, code)) => code.parse().unwrap(),
            None => 2,
        };
        assert_eq!(run.code, Some(expected), "{arguments} {engine} {run}");
        assert_eq!(run.outcome("test_1"), "passed");
        assert_eq!(run.outcome("test_2"), "interrupted", "{engine} {run}");
        assert_eq!(run.outcome("test_3"), "not_run");
        assert_eq!(run.the("run-ended")["stop_reason"], "stopped");
        run.assert_sums_match();
        assert!(run.stdout.contains("stopped by the suite: enough"), "{run}");
    }
}

#[test]
fn a_pytest_exit_under_plain_pytest_is_no_crash() {
    let run = exiting("'enough', returncode=7").test(&["--engine", "pytest"]);
    assert_eq!(run.code, Some(7), "{run}");
    assert_eq!(run.outcome("test_2"), "interrupted", "{run}");
    assert_eq!(run.outcome("test_3"), "not_run");
    assert_eq!(run.the("run-ended")["stop_reason"], "stopped");
    run.assert_sums_match();
}

#[test]
fn a_pytest_exit_on_one_worker_stops_the_others_too() {
    let suite = Suite::new(&[
        (
            "test_exits.py",
            "import pytest, probe\n\
         def test_1():\n    probe.ring('one runs')\n    pytest.exit('enough')\n\
         def test_2(): pass\n",
        ),
        (
            "test_others.py",
            "import probe\n\
         def test_3(): probe.ring('three runs')\n\
         def test_4(): pass\n\
         def test_5(): pass\n\
         def test_6(): pass\n",
        ),
    ]);
    let mut bell = suite.bell();
    let mut running = suite.start(&["-n", "2"]);
    let three = bell.wait_for("three runs");
    drop(bell.wait_for("one runs"));
    // Said when the run knows that it is to stop; `test_3` is still running.
    running.wait_for_event("test-ended");
    drop(three);
    let run = running.finish();
    assert_eq!(run.outcome("test_3"), "passed", "a test that runs is finished: {run}");
    assert_eq!(run.outcome("test_6"), "not_run");
    assert_eq!(run.code, Some(2));
    run.assert_sums_match();
}

#[test]
fn a_hooks_wish_to_stop_is_heard() {
    let suite = Suite::new(&[
        ("test_limited.py", LIMITED),
        (
            "conftest.py",
            "def pytest_runtest_logfinish(nodeid):\n    pass\n\
             def pytest_runtest_teardown(item):\n    if item.name == 'test_3':\n        \
             item.session.shouldstop = 'three is enough'\n",
        ),
    ]);
    let expected = suite.pytest(&["-q"]).code;
    let run = suite.test(&["-n", "1"]);
    assert_eq!(run.code, expected, "{run}");
    assert_eq!(run.outcome("test_4"), "not_run");
    assert!(run.stdout.contains("three is enough"), "{run}");
    run.assert_sums_match();
}

#[test]
fn a_file_that_cannot_be_collected_shows_pytests_own_report_and_exits_as_pytest_does() {
    let suite = Suite::new(&[
        ("test_fine.py", "import probe\ndef test_fine(): probe.log('ran')\n"),
        ("test_broken.py", "import there_is_no_such_module\n"),
    ])
    .with_xdist();
    let run = suite.test(&["-n", "2", "--collect", "full"]);
    assert_eq!((run.code, suite.log().is_empty()), (Some(2), true), "{run}");
    for engine in ["spawn", "pytest", "fork", "xdist"] {
        let plain: &[&str] = if engine == "xdist" { &["-n", "2"] } else { &[] };
        let expected = suite.pytest(plain);
        let run = suite.test(&["--engine", engine, "-n", "2"]);
        assert_eq!(run.code, expected.code, "{engine} {run} {expected}");
        let shown = run.stdout.clone() + &run.stderr;
        assert!(shown.contains("ERROR collecting test_broken.py"), "{engine} {run}");
        assert!(shown.contains("there_is_no_such_module"), "{engine} {run}");
        // Where workers collect, as under xdist, tests of other files may have run by then.
        let may_run = ["fork", "xdist"].contains(&engine);
        assert!(may_run || suite.log().is_empty(), "{engine} ran a test");
    }
}

#[test]
fn collection_errors_that_may_pass_still_fail_the_run() {
    let suite = Suite::new(&[
        ("test_fine.py", "def test_fine(): pass\n"),
        ("test_broken.py", "import there_is_no_such_module\n"),
    ]);
    let words = ["--continue-on-collection-errors"];
    let expected = suite.pytest(&words);
    for engine in ["fork", "spawn", "pytest"] {
        let run = suite.test(&["--engine", engine, "--", words[0]]);
        assert_eq!(run.outcome("test_fine"), "passed", "{engine} {run}");
        assert_eq!(run.code, expected.code, "{engine} {run}");
        run.assert_sums_match();
    }
}

#[test]
fn nothing_collected_exits_with_5() {
    let suite = Suite::new(&[("test_one.py", "def test_one(): assert False\n")]).with_xdist();
    for engine in ["fork", "spawn", "xdist", "pytest"] {
        let run = suite.test(&["--engine", engine, "-n2", "--", "-k", "nothing_of_that_name"]);
        assert_eq!(run.code, Some(5), "{engine} {run}");
        assert_eq!(run.ends().count(), 0, "{engine} {run}");
    }
}

#[test]
fn collect_only_lists_and_runs_nothing() {
    let suite = Suite::new(&[("test_one.py", "def test_one(): assert False\n")]);
    let run = suite.test(&["--", "--collect-only", "-q"]);
    assert_eq!(run.code, Some(0), "{run}");
    assert!(run.stdout.contains("test_one.py::test_one"), "{run}");
    assert_eq!(run.ends().count(), 0);
}

#[test]
fn pytests_own_selection_works_as_ever() {
    let suite = Suite::new(&[
        (
            "pytest.ini",
            "[pytest]\nmarkers = slow\n\
             disable_test_id_escaping_and_forfeit_all_rights_to_community_support = true\n",
        ),
        (
            "my tests/test_größe.py",
            "import pytest\n\
             @pytest.mark.slow\n\
             def test_slow(): pass\n\
             def test_quick(): pass\n\
             @pytest.mark.parametrize('was', ['ä b', 'c'])\n\
             def test_param(was): pass\n",
        ),
        ("test_other.py", "def test_other(): pass\n"),
    ]);
    let cases: [(&[&str], &[&str]); 8] = [
        (&["--", "-k", "quick or other"], &["test_other", "test_quick"]),
        (&["--", "-m", "slow"], &["test_slow"]),
        (
            &["--", "--deselect", "my tests/test_größe.py::test_param[ä b]"],
            &["test_other", "test_param[c]", "test_quick", "test_slow"],
        ),
        (&["my tests/test_größe.py::test_param[ä b]"], &["test_param[ä b]"]),
        (&["my tests/test_größe.py::test_quick", "test_other.py"], &["test_other", "test_quick"]),
        (&["my tests"], &["test_param[c]", "test_param[ä b]", "test_quick", "test_slow"]),
        (&["test_other.py", "--", "--ignore=my tests"], &["test_other"]),
        (&["./my tests/../test_other.py"], &["test_other"]),
    ];
    for (words, expected) in cases {
        let run = suite.test(words);
        let outcomes = run.outcomes();
        let mut names: Vec<&str> =
            outcomes.keys().map(|id| id.rsplit_once("::").unwrap().1).collect();
        names.sort_unstable();
        assert_eq!(names, expected, "{words:?} {run}");
        assert_eq!(run.code, Some(0), "{words:?} {run}");
    }
}

#[test]
fn a_conftest_may_reorder_and_deselect() {
    let suite = Suite::new(&[
        ("test_some.py", "def test_1(): pass\ndef test_2(): pass\ndef test_3(): pass\n"),
        (
            "conftest.py",
            "def pytest_collection_modifyitems(config, items):\n\
             \x20   gone = [item for item in items if item.name == 'test_2']\n\
             \x20   config.hook.pytest_deselected(items=gone)\n\
             \x20   items[:] = [item for item in reversed(items) if item not in gone]\n",
        ),
    ]);
    for engine in ["fork", "spawn"] {
        let run = suite.test(&["--engine", engine, "-n", "1"]);
        assert_eq!(run.order(), ["test_3", "test_1"], "{run}");
        assert_eq!(run.ends().count(), 2);
    }
}

#[test]
fn a_projects_own_xdist_options_do_not_start_xdist() {
    let suite = Suite::new(&[
        ("pytest.ini", "[pytest]\naddopts = -n 4 --dist loadfile\n"),
        (
            "test_who.py",
            "import os, pytest\n\
             @pytest.mark.parametrize('number', range(4))\n\
             def test_who(number, worker_id, pytestconfig):\n\
             \x20   assert worker_id in ('gw0', 'gw1')\n\
             \x20   assert os.environ['PYTEST_XDIST_WORKER_COUNT'] == '2'\n\
             \x20   assert not pytestconfig.pluginmanager.hasplugin('dsession')\n",
        ),
    ])
    .with_xdist();
    for engine in ["fork", "spawn"] {
        let run = suite.test(&["--engine", engine, "-n", "2"]);
        assert_eq!(run.code, Some(0), "{engine} {run}");
        assert_eq!(run.totals(), BTreeMap::from([("passed".to_owned(), 4)]), "{run}");
    }
}

const TALKING: &str = r#"
import logging, os, sys, warnings
import pytest

def test_prints():
    print("to stdout")
    print("to stderr", file=sys.stderr)
    os.write(1, b"to the descriptor\n")

def test_reads_what_it_prints(capsys):
    print("captured")
    assert capsys.readouterr().out == "captured\n"

def test_reads_what_its_children_print(capfd):
    os.system("echo from a child")
    assert capfd.readouterr().out == "from a child\n"

def test_logs(caplog):
    logging.getLogger("x").warning("careful")
    assert "careful" in caplog.text

def test_fails_and_said():
    print("said before")
    logging.getLogger("y").warning("logged before")
    assert False
"#;

#[test]
fn pytests_output_options_change_no_outcome() {
    let suite = Suite::new(&[("test_talking.py", TALKING)]);
    for words in [
        &["-W", "error"][..],
        &["-p", "no:terminal"],
        &["-s"],
        &["--capture=sys"],
        &["--capture=tee-sys"],
        &["-p", "no:logging", "--deselect", "test_talking.py::test_logs"],
        &["-p", "no:faulthandler", "-p", "no:cacheprovider", "-p", "no:tmpdir"],
        &["-vv", "--tb=short", "-rA", "--durations=3", "--color=yes"],
    ] {
        let run = suite.test(&[&["-n", "2", "--"], words].concat());
        let not_passed: Vec<String> =
            run.outcomes().into_iter().filter(|(_, it)| it != "passed").map(|(id, _)| id).collect();
        assert_eq!(not_passed, ["test_talking.py::test_fails_and_said"], "{words:?} {run}");
        assert_eq!(run.code, Some(1), "{words:?} {run}");
        run.assert_sums_match();
    }
}

#[test]
fn what_a_failed_test_said_is_kept_with_it() {
    let suite = Suite::new(&[
        ("test_talking.py", TALKING),
        // Takes a stream while the template imports: each worker must write to its own.
        (
            "conftest.py",
            "import logging, sys\n\
             logging.basicConfig(stream=sys.stdout, level='INFO', format='handler: %(message)s')\n",
        ),
    ]);
    for engine in ["fork", "spawn"] {
        let run = suite.test(&["--engine", engine, "-n", "2"]);
        let failure = &run.end_of("test_talking.py::test_fails_and_said")["failure"];
        let section = |name: &str| {
            let sections = failure["sections"].as_array().unwrap();
            let found = sections.iter().find(|it| it["name"] == name);
            found.map(|it| text(&it["text"])).unwrap_or_default()
        };
        let out = section("Captured stdout call");
        assert!(out.contains("said before"), "{engine} {failure}");
        assert!(out.contains("handler: logged before"), "{engine} {failure}");
        assert!(section("Captured log call").contains("logged before"), "{engine} {failure}");
        assert_eq!(run.outcome("test_reads_what_it_prints"), "passed", "{run}");
        assert!(!run.stdout.contains("to stdout"), "what passed says nothing: {run}");
    }
}

#[test]
fn live_output_has_the_workers_name_in_front() {
    let suite = Suite::new(&[("test_talking.py", TALKING)]);
    for words in [&["-n", "1", "--output", "live"][..], &["-n", "1", "--", "-s"]] {
        let run = suite.test(words);
        for part in ["to stdout", "to stderr", "to the descriptor"] {
            let line = run.stdout.lines().find(|line| line.contains(part));
            assert!(line.is_some_and(|line| line.contains("gw0")), "{part}: {run}");
        }
        assert!(run.all("output-line").any(|it| it["text"] == "to the descriptor"), "{run}");
    }
}

#[test]
fn tests_that_flood_or_close_their_streams_harm_nobody() {
    let suite = Suite::new(&[(
        "test_streams.py",
        r#"
import os, sys

def test_prints_a_megabyte():
    for _ in range(1024):
        print("x" * 1024)

def test_prints_a_megabyte_and_fails():
    sys.stdout.write("y" * (1 << 20))
    assert False

def test_writes_a_megabyte_past_the_capture(capfd):
    with capfd.disabled():
        for _ in range(1024):
            os.write(1, b"z" * 1023 + b"\n")

def test_closes_its_descriptors():
    os.close(1)
    os.close(2)

def test_after():
    print("still fine")

def test_surrogates_and_no_end_of_line():
    os.write(1, b"\xff\xfe no line end")
    raise AssertionError("\ud800")
"#,
    )]);
    for engine in ["fork", "spawn"] {
        let run = suite.test(&["--engine", engine, "-n", "1"]);
        let failed: Vec<String> =
            run.outcomes().into_iter().filter(|(_, it)| it != "passed").map(|(id, _)| id).collect();
        assert_eq!(
            failed,
            [
                "test_streams.py::test_prints_a_megabyte_and_fails",
                "test_streams.py::test_surrogates_and_no_end_of_line"
            ],
            "{engine}"
        );
        run.assert_sums_match();
    }
}

#[test]
fn a_thread_of_the_suites_own_makes_pnl_spawn_and_say_so() {
    let suite = Suite::new(&[
        (
            "test_one.py",
            "import threading\ndef test_one():\n    assert threading.active_count() > 1\n",
        ),
        (
            "conftest.py",
            "import threading\n\
             threading.Thread(target=threading.Event().wait, name='heartbeat', daemon=True).start()\n",
        ),
    ]);
    let run = suite.test(&["-n", "1"]);
    assert_eq!(run.outcome("test_one"), "passed", "{run}");
    assert_eq!(run.the("run-started")["engine"], "spawn");
    let notice = text(&run.the("notice")["text"]);
    assert!(notice.contains("heartbeat") && notice.contains("spawn"), "{notice}");
    assert!(run.stdout.contains("heartbeat"), "{run}");
}

#[test]
fn a_hook_that_fails_at_the_sessions_end_is_not_green() {
    let suite = Suite::new(&[
        ("test_one.py", "def test_one(): pass\n"),
        ("conftest.py", "def pytest_sessionfinish():\n    raise RuntimeError('at the end')\n"),
    ]);
    let expected = suite.pytest(&[]).code;
    for engine in ["fork", "spawn", "pytest"] {
        let run = suite.test(&["--engine", engine, "-n1"]);
        assert_eq!(run.code, expected, "{engine} {run}");
        assert!((run.stdout.clone() + &run.stderr).contains("at the end"), "{engine} {run}");
    }
}

#[test]
fn an_error_of_pytests_own_is_no_tests_crash() {
    let suite = exiting("'enough', returncode=7").with_xdist();
    let expected = suite.pytest(&["-n", "2"]).code;
    let run = suite.test(&["--engine", "xdist", "-n", "2"]);
    assert_eq!(run.code, expected, "{run}");
    assert_ne!(run.outcome("test_2"), "crashed", "{run}");
    run.assert_sums_match();
}

#[test]
fn a_limit_that_the_last_test_but_one_reaches_spares_the_last() {
    let text = "def test_1(): assert False\ndef test_2(): pass\n";
    let suite = Suite::new(&[("test_two.py", text)]);
    for engine in ["fork", "spawn"] {
        let run = suite.test(&["--engine", engine, "-n", "1", "--", "-x"]);
        assert_eq!(run.order(), ["test_1"], "{engine} {run}");
        assert_eq!(run.outcome("test_2"), "not_run", "{engine} {run}");
    }
}
