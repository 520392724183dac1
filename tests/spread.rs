//! Spread collection: workers collect the files that they are given, and nothing else is different.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod harness;

use std::collections::{BTreeMap, BTreeSet};

use harness::{Run, Suite};

/// Has workers collect where they can, which is the default.
fn test(suite: &Suite, words: &[&str]) -> Run {
    suite.test(words)
}

const FIXTURES: &str = "
import pytest
@pytest.fixture(scope='session')
def once(tmp_path_factory): return tmp_path_factory.mktemp('once')
@pytest.fixture
def here(): return 'top'
";

const TESTS: &str = "
import pytest
@pytest.fixture(scope='module', autouse=True)
def module(once): yield
@pytest.mark.parametrize('n', range(5))
def test_it(n, here): assert here == PLACE and n != 3
@pytest.mark.skip
def test_skipped(): pass
class TestClass:
    def test_method(self): pass
";

/// Files in folders, one of them a package, with conftests of their own.
fn suite() -> Suite {
    let of = |place: &str| TESTS.replace("PLACE", &format!("'{place}'"));
    let below = "import pytest\n@pytest.fixture\ndef here(): return 'below'\n";
    let suite = Suite::new(&[("conftest.py", FIXTURES)]);
    for (path, text) in [
        ("test_a.py", of("top").as_str()),
        ("test_b.py", &of("top")),
        ("below/conftest.py", below),
        ("below/test_c.py", &of("below")),
        ("package/__init__.py", ""),
        ("package/conftest.py", below),
        ("package/test_d.py", &of("below")),
    ] {
        suite.write(path, text);
    }
    suite
}

fn collection(run: &Run) -> &str {
    run.the("run-started")["collection"].as_str().unwrap_or("none")
}

fn without_order(run: &Run) -> BTreeSet<(String, String)> {
    run.ends()
        .map(|end| {
            let text = |key: &str| end[key].as_str().unwrap().to_owned();
            (text("nodeid"), text("outcome"))
        })
        .collect()
}

#[test]
fn outcomes_are_those_of_a_full_collection() {
    let suite = suite();
    let full = suite.test(&["-n", "2", "--collect", "full"]);
    assert_eq!(collection(&full), "none");
    for words in [&["-n", "2"][..], &["-n", "3"], &["-n", "9"]] {
        let spread = test(&suite, words);
        assert_eq!(collection(&spread), "spread over 4 files", "{spread}");
        assert_eq!(without_order(&spread), without_order(&full), "{words:?} {spread}");
        assert_eq!(
            (spread.code, spread.totals()),
            (full.code, full.totals()),
            "{words:?} {spread}"
        );
        assert_eq!(spread.the("collected")["tests"].as_array().unwrap().len(), 28);
        spread.assert_sums_match();
        spread.assert_nothing_left();
    }
    let chosen = test(&suite, &["-n", "2", "--", "-k", "test_method or (test_it and 3)"]);
    assert_eq!(chosen.totals(), BTreeMap::from([("passed".into(), 4), ("failed".into(), 4)]));
    assert_eq!(collection(&chosen), "spread over 4 files");
}

#[test]
fn what_needs_all_tests_at_once_gets_them_and_the_header_says_what() {
    let suite = suite();
    for (words, why) in [
        (&["--", "--lf"][..], "--lf"),
        (&["test_a.py::test_it", "test_b.py"], "single tests were named"),
        (&["--", "--dist", "load"], "--dist load"),
        (&["--dist", "worksteal"], "--dist worksteal"),
        (&["--shuffle"], "--shuffle"),
    ] {
        let run = test(&suite, &[&["-n", "2"], words].concat());
        assert!(collection(&run).ends_with(&format!("because of {why}")), "{run}");
        assert!(run.stdout.contains(why), "{run}");
    }
    suite.write("conftest.py", &format!("{FIXTURES}\ndef pytest_collection_modifyitems(): pass\n"));
    let run = test(&suite, &["-n", "2"]);
    assert!(collection(&run).contains("pytest_collection_modifyitems of conftest.py"), "{run}");
    let run = test(&suite, &["-n", "2", "--collect", "spread"]);
    assert_eq!(collection(&run), "spread over 4 files", "{run}");
}

/// Each import of a test file leaves a line that says which process it was.
const IMPORTED: &str = "
import os
with open('imports', 'a') as file: file.write(f'{os.environ.get(\"PNL_ROUND\", 0)} {__name__}\\n')
RUN = []
def test_first(): RUN.append(1); assert RUN == [1]
def test_second(): pass
";

#[test]
fn a_loop_begins_at_once_and_its_later_rounds_import_nothing() {
    let suite = Suite::new(&[("test_a.py", IMPORTED), ("test_b.py", IMPORTED)]);
    let run = test(&suite, &["-n", "2", "--loop", "3"]);
    assert_eq!(run.code, Some(0), "{run}");
    assert_eq!(collection(&run), "spread over 2 files");
    assert_eq!(run.totals(), BTreeMap::from([("passed".into(), 12)]), "{run}");
    run.assert_sums_match();
    run.assert_nothing_left();
    let imports = suite.read("imports");
    let later = imports.lines().filter(|line| !line.starts_with(['0', '1'])).count();
    assert_eq!(later, 0, "round and file of each import:\n{imports}");
}

#[test]
fn rounds_go_on_where_nobody_can_collect_for_them() {
    // The branch is no worker: it has no worker's id.
    let dies = "import os\nif 'PYTEST_XDIST_WORKER' not in os.environ: os.abort()\n";
    let threaded =
        "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n";
    for first in [dies, threaded] {
        let text = format!("{first}{IMPORTED}");
        let suite = Suite::new(&[("test_a.py", &text), ("test_b.py", &text)]);
        let run = test(&suite, &["-n", "2", "--loop", "3"]);
        assert_eq!(run.code, Some(0), "{run}");
        assert_eq!(run.totals(), BTreeMap::from([("passed".into(), 12)]), "{run}");
        run.assert_sums_match();
        run.assert_nothing_left();
        let imports = suite.read("imports");
        assert!(imports.lines().any(|line| line.starts_with('3')), "{imports}");
    }
}

#[test]
fn workers_that_die_are_replaced_in_every_round_of_a_loop() {
    let dies = "import os\ndef test_dies(): os.abort()\ndef test_after(): pass\n";
    let suite = Suite::new(&[("test_a.py", dies), ("test_b.py", dies), ("test_c.py", IMPORTED)]);
    for isolation in ["round", "none"] {
        let words = ["-n", "2", "--loop", "3", "--keep-going", "--isolation", isolation];
        let run = test(&suite, &words);
        assert_eq!(run.code, Some(1), "{isolation} {run}");
        let (totals, passed) = (run.totals(), if isolation == "round" { 12 } else { 10 });
        assert_eq!(totals["crashed"], 6, "{isolation} {run}");
        assert!(totals["passed"] >= passed, "{isolation} {run}");
        run.assert_sums_match();
        run.assert_nothing_left();
    }
}

#[test]
fn a_file_of_many_tests_is_shared_with_workers_that_have_nothing_left() {
    // Each of two workers waits in its first test of the big file until the other is there too.
    let big = "
import os, pytest
@pytest.mark.parametrize('n', range(40))
def test_it(n, worker_id):
    open(f'here-{worker_id}', 'w').close()
    while len([name for name in os.listdir() if name.startswith('here-')]) < 2: pass
";
    let suite = Suite::new(&[("test_a.py", "def test_quick(): pass\n"), ("test_big.py", big)]);
    let run = test(&suite, &["-n", "2", "--timeout", "20s"]);
    assert_eq!(run.code, Some(0), "{run}");
    assert_eq!(run.totals(), BTreeMap::from([("passed".into(), 41)]), "{run}");
    let workers = run.by_worker();
    assert!(workers.values().all(|tests| tests.len() > 5), "{workers:?}");
    run.assert_sums_match();
}

#[test]
fn loadfile_leaves_a_files_tests_to_the_worker_that_collects_it() {
    let suite = suite();
    suite.write("test_odd.py", "import os\ndef test_dies(): os.abort()\ndef test_after(): pass\n");
    for words in [&["--dist", "loadfile"][..], &["--", "--dist", "loadfile"]] {
        let run = test(&suite, &[&["-n", "3"], words].concat());
        assert_eq!(collection(&run), "spread over 5 files", "{run}");
        let mut places: BTreeMap<String, BTreeSet<i64>> = BTreeMap::new();
        let slots: BTreeMap<&str, i64> = run
            .all("worker-started")
            .map(|it| (it["worker"].as_str().unwrap(), it["slot"].as_i64().unwrap()))
            .collect();
        for end in run.ends() {
            let file = end["nodeid"].as_str().unwrap().split("::").next().unwrap().to_owned();
            places.entry(file).or_default().insert(slots[end["worker"].as_str().unwrap()]);
        }
        assert_eq!(places.len(), 5, "{run}");
        assert!(places.values().all(|slots| slots.len() == 1), "{places:?}");
        run.assert_sums_match();
    }
}

#[test]
fn a_file_that_cannot_be_collected_is_reported_as_by_pytest() {
    let suite = suite();
    suite.write("test_broken.py", "import nonsense\n");
    let run = test(&suite, &["-n", "2"]);
    assert_eq!(run.code, Some(2), "{run}");
    assert!(run.stdout.contains("ERROR collecting test_broken.py"), "{run}");
    assert!(run.stdout.contains("No module named 'nonsense'"), "{run}");
    run.assert_sums_match();
    let run = test(&suite, &["-n", "2", "--", "--continue-on-collection-errors"]);
    assert_eq!((run.code, run.totals()["passed"]), (Some(1), 20), "{run}");
    suite.write("test_broken.py", "import os\nos.abort()\n");
    let run = test(&suite, &["-n", "2"]);
    assert_eq!(run.code, Some(3), "{run}");
    assert!(run.stdout.contains("died while it collected test_broken.py: signal 6"), "{run}");
    run.assert_nothing_left();
}

#[test]
fn a_test_finds_loaded_what_another_file_imports() {
    let suite = Suite::new(&[
        ("library/__init__.py", ""),
        ("library/part.py", "import os\nopen('imports', 'a').write('once\\n')\nraised = 1\n"),
        ("test_a.py", "import library.part\ndef test_it(): assert library.part\n"),
        ("test_b.py", "import library\ndef test_it(): assert library.part.raised\n"),
        ("test_c.py", "import nonsense.part\n"),
    ]);
    let run = test(&suite, &["-n", "2", "--", "--continue-on-collection-errors"]);
    assert_eq!(collection(&run), "spread over 3 files", "{run}");
    assert_eq!(run.totals(), BTreeMap::from([("passed".into(), 2)]), "{run}");
    assert!(run.stdout.contains("No module named 'nonsense'"), "{run}");
    assert_eq!(suite.read("imports"), "once\n", "in the template, for all workers");
}

#[test]
fn nothing_chosen_is_nothing_collected() {
    let run = test(&suite(), &["-n", "2", "--", "-k", "no_such_test"]);
    assert_eq!(run.code, Some(5), "{run}");
}

#[test]
fn retries_limits_crashes_and_locks_hold_in_files_that_are_found_later() {
    let odd = "
import os, time, pytest
def test_again(): assert os.environ['PNL_ATTEMPT'] == '2'
def test_dies(): os.abort()
@pytest.mark.pnl(timeout=0.3, retries=0)
def test_stuck(): time.sleep(600)
@pytest.mark.pnl(lock='one')
@pytest.mark.parametrize('n', range(4))
def test_locked(n):
    os.mkdir('locked')
    os.rmdir('locked')
";
    let suite = suite();
    suite.write("test_odd.py", odd);
    suite.write("test_odder.py", odd);
    let run = test(&suite, &["-n", "3", "--retries", "1"]);
    assert_eq!(run.code, Some(1), "{run}");
    let totals = run.totals();
    assert_eq!((totals["crashed"], totals["timed_out"]), (2, 2), "{run}");
    assert_eq!(run.the("run-ended")["flaky"], 2, "{run}");
    assert_eq!(run.outcomes().iter().filter(|(id, _)| id.contains("test_locked")).count(), 8);
    run.assert_sums_match();
    run.assert_nothing_left();
}

#[test]
fn failures_are_remembered_for_the_next_run() {
    let suite = suite();
    assert_eq!(test(&suite, &["-n", "2"]).totals()["failed"], 4);
    let again = test(&suite, &["-n", "2", "--", "--lf"]);
    assert_eq!(again.totals(), BTreeMap::from([("failed".into(), 4)]), "{again}");
}

/// Imported by a second worker, it waits; its first test ends the run meanwhile.
const COLLECTED_AGAIN: &str = "
import os, pytest, probe
if os.path.exists('imported'):
    probe.ring('again')
open('imported', 'w').close()
def test_1():
    probe.ring('first')
    pytest.exit('enough')
def test_2(): pass
def test_3(): pass
def test_4(): pass
";

#[test]
fn a_worker_that_collects_while_the_run_is_stopped_starts_nothing_more() {
    let quick = "def test_quick(): pass\n";
    let suite = Suite::new(&[("test_a.py", COLLECTED_AGAIN), ("test_b.py", quick)]);
    let mut bell = suite.bell();
    let mut running = suite.start(&["-n", "2"]);
    let first = bell.wait_for("first");
    let again = bell.wait_for("again");
    drop(first);
    running.wait_for_event("worker-ended");
    drop(again);
    let run = running.finish();
    assert_eq!(run.code, Some(2), "{run}");
    assert_eq!(run.outcome("test_1"), "interrupted", "{run}");
    for test in ["test_2", "test_3", "test_4"] {
        assert_eq!(run.outcome(test), "not_run", "{run}");
    }
}
