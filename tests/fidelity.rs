//! The same verdict as plain pytest on suites that do odd things: outcome of each test, exit status,
//! fixtures, and what xdist guarantees about who runs what.
//!
//! The suites are folders in `tests/suites`. What pytest says comes from pytest itself, by a plugin
//! that writes down what it calls each report; pnl's observer is not trusted for it.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod harness;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use harness::{Run, Suite};

/// The suite of a folder in `tests/suites`.
fn suite(name: &str) -> Suite {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suites").join(name);
    let suite = Suite::new(&[]);
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(&root).unwrap().to_str().unwrap();
            if path.is_dir() {
                folders.extend((!name.ends_with("__pycache__")).then_some(path));
            } else {
                suite.write(name, &fs::read_to_string(&path).unwrap());
            }
        }
    }
    fs::write(suite.beside("probe/truth.py"), include_str!("suites/mixed/truth.py")).unwrap();
    let file = suite.beside("truth.jsonl");
    suite.with("PNL_TEST_TRUTH", file.to_str().unwrap())
}

/// Outcome of each execution by plain pytest, sorted, and its exit status.
fn truth(suite: &Suite, words: &[&str]) -> (Vec<(String, String)>, Option<i32>) {
    let file = suite.beside("truth.jsonl");
    let _ = fs::remove_file(&file);
    let run = suite.pytest(&[&["-p", "truth"], words].concat());
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{error}: {run}"));
    // A test's words come one after the other: several of one with subtests or a bad tear-down.
    let mut told: Vec<(String, BTreeSet<String>)> = Vec::new();
    for line in text.lines() {
        let (nodeid, word): (String, String) = serde_json::from_str(line).unwrap();
        match told.last_mut() {
            Some((last, words)) if *last == nodeid => {
                words.insert(word);
            }
            _ => told.push((nodeid, BTreeSet::from([word]))),
        }
    }
    let mut outcomes: Vec<_> = told.into_iter().map(|(id, words)| (id, one(&words))).collect();
    outcomes.sort();
    (outcomes, run.code)
}

/// pnl counts executions: of a failed test with a bad tear-down, which pytest counts twice, the
/// failure; of one that skips in its tear-down, the skip; of subtests, the one that failed.
fn one(words: &BTreeSet<String>) -> String {
    let known = ["failed", "error", "skipped", "passed", "xfailed", "xpassed"];
    let word = known.into_iter().find(|&word| words.contains(word));
    word.unwrap_or("passed").to_owned()
}

fn outcomes(run: &Run) -> Vec<(String, String)> {
    let word = |it: &serde_json::Value| it.as_str().unwrap().to_owned();
    let mut all: Vec<_> =
        run.ends().map(|it| (word(&it["nodeid"]), word(&it["outcome"]))).collect();
    all.sort();
    all
}

/// pytest and pnl with these paths and arguments for pytest say the same. Returns how many tests.
fn assert_same(suite: &Suite, paths: &[&str], arguments: &[&str]) -> usize {
    let (expected, code) = truth(suite, &[arguments, paths].concat());
    for engine in ["fork", "spawn"] {
        let words = [&["-n", "2", "--engine", engine], paths, &["--"], arguments].concat();
        let run = suite.test(&words);
        let found = outcomes(&run);
        let differing: Vec<_> = expected
            .iter()
            .filter(|it| !found.contains(it))
            .map(|it| format!("pytest: {it:?}"))
            .chain(
                found.iter().filter(|it| !expected.contains(it)).map(|it| format!("pnl: {it:?}")),
            )
            .collect();
        assert!(differing.is_empty(), "{words:?} {differing:#?} {run}");
        assert_eq!(found.len(), expected.len(), "{words:?} {run}");
        assert_eq!(run.code, code, "{words:?} {run}");
        let reason = &run.the("run-ended")["stop_reason"];
        assert!(reason == "completed" || reason == "failed-round", "{words:?} {reason} {run}");
        run.assert_sums_match();
        run.assert_nothing_left();
    }
    expected.len()
}

#[test]
fn odd_tests_with_errors_for_warnings_and_strictness() {
    assert!(assert_same(&suite("odd"), &[], &[]) > 100);
}

// They were methods of a plugin's object, of which pytest 9 warns where they are session-wide.
#[test]
fn pnls_own_fixtures_warn_of_nothing() {
    let suite = Suite::new(&[
        ("pytest.ini", "[pytest]\nfilterwarnings = error\n"),
        (
            "test_names.py",
            "def test_names(worker_id, testrun_uid): assert worker_id == 'gw0' and testrun_uid\n",
        ),
        (
            "conftest.py",
            "import pytest\n\
             def pytest_addoption(parser):\n    \
                 parser.addoption('--output', default='test-results')  # as pytest-playwright\n    \
                 parser.addoption('--tracing', default='off')\n",
        ),
    ]);
    for engine in ["fork", "spawn"] {
        let run = suite.test(&["-n", "2", "--engine", engine]);
        assert_eq!((run.code, run.totals()["passed"]), (Some(0), 1), "{engine} {run}");
    }
}

#[test]
fn a_conftest_that_forks_and_changes_folders_with_importlib() {
    assert_eq!(assert_same(&suite("moving"), &[], &[]), 20);
}

#[test]
fn pytest_without_some_of_its_plugins() {
    let suite = suite("few");
    for words in [
        "-p no:terminal",
        "-p no:cacheprovider -p no:faulthandler -p no:tmpdir -p no:logging -p no:warnings",
        "-p no:capture -p no:unraisableexception -p no:doctest -p no:unittest -p no:debugging",
        "--capture=tee-sys -p no:assertion -q -q --tb=no",
    ] {
        let words: Vec<&str> = words.split(' ').collect();
        assert_eq!(assert_same(&suite, &[], &words), 7);
    }
}

#[test]
fn options_from_the_environment() {
    let suite = suite("few").with("PYTEST_ADDOPTS", "-W error -k 'test_a or test_b'");
    assert_eq!(assert_same(&suite, &[], &[]), 2);
}

#[test]
fn node_ids_and_files_named_twice() {
    let suite = suite("few");
    let twice = ["test_few.py", "test_more.py", "test_few.py"];
    assert_eq!(assert_same(&suite, &twice, &[]), 7);
    assert_eq!(assert_same(&suite, &twice, &["--keep-duplicates"]), 13);
    let named = ["test_few.py::TestD", "test_few.py::test_c[q::r]", "test_few.py::test_c[s[t]]"];
    assert_eq!(assert_same(&suite, &named, &[]), 3);
}

#[test]
fn ids_that_differ_from_process_to_process_run_every_test_once() {
    let suite = Suite::new(&[(
        "test_random.py",
        "import random, pytest\n\
         def pytest_generate_tests(metafunc):\n    \
             if 'r' in metafunc.fixturenames:\n        \
                 metafunc.parametrize('r', [random.random() for _ in range(5)])\n\
         def test_random(r): pass\n\
         @pytest.mark.parametrize('s', {'a', 'b', 'c', 'd'})\n\
         def test_set(s): pass\n",
    )]);
    for engine in ["fork", "spawn"] {
        let run = suite.test(&["-n", "2", "--engine", engine]);
        assert_eq!((run.code, run.totals()["passed"]), (Some(0), 9), "{engine} {run}");
        assert_eq!(run.outcomes().len(), 9, "{engine} {run}");
        run.assert_sums_match();
        let warned = run.stdout.contains("has other node ids than the first worker for 5 tests");
        assert_eq!(warned, engine == "spawn", "{run}");
    }
}

// It was no test's failure and no stop, so the run went on and exited with 0.
#[test]
fn a_keyboard_interrupt_of_the_suites_own_ends_the_run_with_2() {
    let suite = Suite::new(&[(
        "test_stop.py",
        "def test_a(): pass\ndef test_b(): raise KeyboardInterrupt\ndef test_c(): pass\n",
    )]);
    assert_eq!(suite.pytest(&[]).code, Some(2));
    for engine in ["fork", "spawn", "pytest"] {
        let run = suite.test(&["-n", "1", "--engine", engine]);
        assert_eq!(run.code, Some(2), "{engine} {run}");
        let found: Vec<_> = run.outcomes().into_values().collect();
        assert_eq!(found, ["passed", "interrupted", "not_run"], "{engine} {run}");
    }
}

#[test]
fn an_error_at_the_sessions_end_is_the_last_tests() {
    let suite = Suite::new(&[
        ("test_end.py", "def test_a(): pass\ndef test_b(): pass\n"),
        (
            "conftest.py",
            "import pytest\n\
             @pytest.fixture(scope='session', autouse=True)\n\
             def end():\n    yield\n    raise RuntimeError('at the end')\n",
        ),
    ]);
    let plain = suite.pytest(&["-q"]);
    assert!(plain.code == Some(1) && plain.stdout.contains("ERROR test_end.py::test_b"), "{plain}");
    for engine in ["fork", "spawn"] {
        let run = suite.test(&["-n", "1", "--engine", engine]);
        assert_eq!(run.code, Some(1), "{engine} {run}");
        assert_eq!(
            (run.outcome("test_a"), run.outcome("test_b")),
            ("passed".into(), "error".into())
        );
    }
}

/// What each worker logged, in its order: its tests as node ids, and all lines without its name.
fn by_worker(log: &[String]) -> BTreeMap<String, (Vec<String>, Vec<String>)> {
    let mut workers: BTreeMap<String, (Vec<String>, Vec<String>)> = BTreeMap::new();
    for line in log {
        let (worker, rest) = line.split_once(' ').unwrap();
        let (tests, lines) = workers.entry(worker.to_owned()).or_default();
        tests.extend(rest.strip_prefix("test ").map(str::to_owned));
        lines.push(rest.to_owned());
    }
    workers
}

#[test]
fn fixtures_live_as_long_as_under_pytest_with_the_workers_tests() {
    for words in [
        &["--engine", "fork"][..],
        &["--engine", "spawn", "--dist", "load"],
        &["--dist", "loadscope"],
    ] {
        let suite = suite("scopes");
        let run = suite.test(&[&["-n", "2"], words].concat());
        assert_eq!(run.code, Some(1), "{words:?} {run}");
        let mut workers = by_worker(&suite.log());
        workers.remove("master"); // the template's own session, which runs no test
        assert_eq!(workers.len(), 2, "{words:?} {run}");
        for (worker, (tests, lines)) in workers {
            fs::remove_file(suite.beside("log")).unwrap();
            // One process for each order of files would not tell more: pytest keeps the order given.
            let arguments: Vec<&str> = tests.iter().map(String::as_str).collect();
            let plain = suite.pytest(&arguments);
            let (order, expected) = by_worker(&suite.log()).remove("master").unwrap();
            assert_eq!(order, tests, "pytest keeps the order: {plain}");
            assert_eq!(lines, expected, "{words:?} {worker} {run}");
        }
    }
}

/// Files, classes and groups of different sizes, the smallest first.
const UNITS: [(&str, &str); 2] = [
    (
        "test_a.py",
        "import pytest\n\
         def test_1(): pass\n\
         class TestFew:\n    def test_2(self): pass\n\
         class TestMany:\n    \
             def test_3(self): pass\n    \
             def test_4(self): pass\n    \
             @pytest.mark.xdist_group('g')\n    \
             def test_5(self): pass\n",
    ),
    (
        "test_b.py",
        "import pytest\n\
         def test_6(): pass\n\
         def test_7(): pass\n\
         @pytest.mark.xdist_group('g')\n\
         def test_8(): pass\n\
         @pytest.mark.xdist_group('h')\n\
         def test_9(): pass\n",
    ),
];

#[test]
fn a_lone_worker_runs_in_xdists_order_in_every_mode() {
    let suite = Suite::new(&UNITS).with_xdist();
    suite.write(
        "conftest.py",
        "import probe\ndef pytest_runtest_logstart(nodeid):\n    \
         if probe.worker() != 'master': probe.log(nodeid.rsplit('::')[-1].split('@')[0])\n",
    );
    for mode in ["load", "loadscope", "loadfile", "worksteal", "each"] {
        let run = suite.pytest(&["-n", "1", "--dist", mode]);
        let expected = suite.log();
        assert_eq!(expected.len(), 9, "{mode} {run}");
        let run = suite.test(&["-n", "1", "--dist", mode]);
        assert_eq!(run.order(), expected, "{mode}");
        fs::remove_file(suite.beside("log")).unwrap();
    }
    // xdist 3.8 appends the group to `_nodeid`, which pytest 9.2 no longer reads: there its groups
    // have no effect, so what its scheduler does with them stands here.
    let run = suite.test(&["-n", "1", "--dist", "loadgroup"]);
    let order: Vec<String> = [5, 8, 1, 2, 3, 4, 6, 7, 9].map(|n| format!("test_{n}")).to_vec();
    assert_eq!(run.order(), order);
}

#[test]
fn units_share_a_worker_and_keep_their_order_as_under_xdist() {
    let suite = Suite::new(&UNITS).with_xdist();
    let scopes: &[&[&str]] = &[
        &["test_1"],
        &["test_2"],
        &["test_3", "test_4", "test_5"],
        &["test_6", "test_7", "test_8", "test_9"],
    ];
    let files: &[&[&str]] = &[
        &["test_1", "test_2", "test_3", "test_4", "test_5"],
        &["test_6", "test_7", "test_8", "test_9"],
    ];
    let groups: &[&[&str]] = &[&["test_5", "test_8"], &["test_9"]];
    for (mode, units) in [("loadscope", scopes), ("loadfile", files), ("loadgroup", groups)] {
        // For groups see above.
        let engines: &[&str] = if mode == "loadgroup" { &["fork"] } else { &["xdist", "fork"] };
        for engine in engines {
            let run = suite.test(&["-n", "2", "--dist", mode, "--engine", engine]);
            assert_eq!(run.code, Some(0), "{mode} {engine} {run}");
            let workers: Vec<Vec<String>> = run.by_worker().into_values().collect();
            for unit in units {
                let kept = workers.iter().any(|names| {
                    let of_unit = names.iter().filter(|name| unit.contains(&name.as_str()));
                    of_unit.map(String::as_str).eq(unit.iter().copied())
                });
                assert!(kept, "{mode} {engine} {unit:?} in {workers:?}");
            }
        }
    }
}
