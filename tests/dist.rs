//! How tests are dealt out: which share a worker, in which order, and how often fixtures are set up.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod harness;

use std::collections::BTreeMap;

use harness::{Run, Suite};

/// Two files with functions, classes and groups. Whoever logs is a fixture's set-up.
const A: &str = "
import pytest, probe

@pytest.fixture(scope='session')
def session(): probe.log('session', probe.worker())

@pytest.fixture(scope='module')
def module(session): probe.log('module a', probe.worker())

@pytest.fixture(scope='class')
def klass(): probe.log('class', probe.worker())

@pytest.fixture(autouse=True)
def use(module): pass

def test_a1(): pass
@pytest.mark.xdist_group('left')
def test_a2(): pass
@pytest.mark.xdist_group('right')
def test_a3(): pass

class TestA:
    def test_a4(self, klass): pass
    def test_a5(self, klass): pass
    def test_a6(self, klass): pass
";

const B: &str = "
import pytest, probe

@pytest.fixture(scope='session')
def session(): probe.log('session', probe.worker())

@pytest.fixture(scope='module', autouse=True)
def module(session): probe.log('module b', probe.worker())

def test_b1(): pass
def test_b2(): pass
@pytest.mark.xdist_group('left')
def test_b3(): pass
@pytest.mark.xdist_group(name='right')
def test_b4(): pass
";

const ALL: [&str; 10] = [
    "test_a1", "test_a2", "test_a3", "test_a4", "test_a5", "test_a6", "test_b1", "test_b2",
    "test_b3", "test_b4",
];

fn suite() -> Suite {
    Suite::new(&[("test_a.py", A), ("test_b.py", B)])
}

fn assert_together(run: &Run, names: &[&str]) {
    assert_eq!(run.workers_of(names).len(), 1, "{names:?} {:?}", run.by_worker());
}

/// Checks that tests kept pytest's order on each worker, and that each ran once.
fn assert_ordered(run: &Run) {
    for (worker, names) in run.by_worker() {
        assert!(names.is_sorted(), "{worker} ran {names:?}");
    }
    let mut names: Vec<String> = run.by_worker().into_values().flatten().collect();
    names.sort();
    assert_eq!(names, ALL);
    assert_eq!(run.code, Some(0), "{run}");
    run.assert_sums_match();
}

fn times(lines: &[String], line: &str) -> usize {
    lines.iter().filter(|it| it.starts_with(line)).count()
}

#[test]
fn loadfile_keeps_a_file_together_and_its_fixtures_single() {
    for engine in ["fork", "spawn"] {
        let suite = suite();
        let run = suite.test(&["-n", "2", "--dist", "loadfile", "--engine", engine]);
        assert_together(&run, &ALL[..6]);
        assert_together(&run, &ALL[6..]);
        assert_ordered(&run);
        let log = suite.log();
        assert_eq!(times(&log, "module a"), 1, "{log:?}");
        assert_eq!(times(&log, "module b"), 1, "{log:?}");
        for (worker, _) in run.by_worker() {
            assert!(times(&log, &format!("session {worker}")) <= 2, "one for each file: {log:?}");
        }
    }
}

#[test]
fn loadscope_keeps_modules_and_classes_together_larger_ones_first() {
    let suite = suite();
    let run = suite.test(&["-n", "2", "--dist", "loadscope"]);
    assert_together(&run, &["test_a1", "test_a2", "test_a3"]);
    assert_together(&run, &["test_a4", "test_a5", "test_a6"]);
    assert_together(&run, &["test_b1", "test_b2", "test_b3", "test_b4"]);
    assert_eq!(times(&suite.log(), "class"), 1, "{:?}", suite.log());
    let workers = run.by_worker();
    let of_largest = workers.values().find(|names| names.contains(&"test_b1".to_owned())).unwrap();
    assert_eq!(of_largest[0], "test_b1", "dealt first: {workers:?}");
    assert_eq!(run.code, Some(0), "{run}");
}

#[test]
fn loadgroup_keeps_groups_together_across_files() {
    let run = suite().test(&["-n", "2", "--dist", "loadgroup"]);
    assert_together(&run, &["test_a2", "test_b3"]);
    assert_together(&run, &["test_a3", "test_b4"]);
    assert_eq!(run.ends().count(), 10);
    let is_plain = |id: &str| !id.contains('@');
    assert!(run.outcomes().keys().all(|id| is_plain(id)), "node ids stay pytest's own");
}

#[test]
fn each_runs_all_on_every_worker() {
    let suite = suite();
    let run = suite.test(&["-n", "2", "--dist", "each"]);
    let expected: Vec<String> = ALL.map(str::to_owned).to_vec();
    let both = [("gw0", &expected), ("gw1", &expected)].map(|(w, it)| (w.to_owned(), it.clone()));
    assert_eq!(run.by_worker(), BTreeMap::from(both));
    assert_eq!(run.totals(), BTreeMap::from([("passed".to_owned(), 20)]));
    run.assert_sums_match();
    let shown = suite.show();
    assert_eq!(shown["tests"].as_array().unwrap().len(), 10);
    assert_eq!(shown["tests"][0]["executions"], 2);
}

#[test]
fn no_and_a_lone_worker_keep_pytests_own_order() {
    for words in [&["-n", "3", "--dist", "no"][..], &["-n", "1"], &["-n", "1", "--dist=loadscope"]]
    {
        let run = suite().test(words);
        assert_eq!(run.by_worker().len(), 1, "{words:?}");
        if !words.contains(&"--dist=loadscope") {
            assert_eq!(run.order(), ALL, "{words:?}");
        }
        assert_eq!(run.code, Some(0), "{run}");
    }
    // pytest groups by parameters of module fixtures; that order must be kept too.
    let suite = Suite::new(&[(
        "test_params.py",
        "import pytest\n\
         @pytest.fixture(scope='module', params=['x', 'y'])\n\
         def server(request): return request.param\n\
         def test_1(server): pass\n\
         def test_2(server): pass\n",
    )]);
    let run = suite.test(&["-n", "1"]);
    assert_eq!(run.order(), ["test_1[x]", "test_2[x]", "test_1[y]", "test_2[y]"]);
}

#[test]
fn load_and_the_default_spread_a_lone_file_over_workers() {
    let suite = Suite::new(&[(
        "test_pair.py",
        "import probe\n\
         def test_1(): probe.ring('one')\n\
         def test_2(): pass\n\
         def test_3(): pass\n\
         def test_4(): probe.ring('four')\n",
    )]);
    let mut bell = suite.bell();
    for words in [&["-n", "2", "--dist", "load"][..], &["-n", "2"]] {
        let running = suite.start(words);
        let one = bell.wait_for("one");
        drop(bell.wait_for("four"));
        drop(one);
        let run = running.finish();
        assert_eq!(run.code, Some(0), "{run}");
        assert_ne!(run.workers_of(&["test_1"]), run.workers_of(&["test_4"]));
    }
}

#[test]
fn worksteal_takes_from_the_tail_of_who_is_busy() {
    let suite = Suite::new(&[(
        "test_steal.py",
        "import pytest, probe\n\
         @pytest.mark.parametrize('number', range(8))\n\
         def test(number):\n    if number in (4, 7): probe.ring(str(number))\n",
    )]);
    let mut bell = suite.bell();
    let running = suite.start(&["-n", "2", "--dist", "worksteal"]);
    let busy = bell.wait_for("4");
    // Begun by the other worker while 4 runs, though both were given to the same one.
    drop(bell.wait_for("7"));
    drop(busy);
    let run = running.finish();
    assert_eq!(run.code, Some(0), "{run}");
    assert_together(&run, &["test[0]", "test[1]", "test[2]", "test[3]", "test[7]"]);
    assert_ne!(run.workers_of(&["test[4]"]), run.workers_of(&["test[7]"]));
}

#[test]
fn a_busy_worker_holds_back_no_more_than_one_test() {
    let suite = Suite::new(&[(
        "test_hold.py",
        "import pytest, probe\n\
         @pytest.mark.parametrize('number', range(12))\n\
         def test(number):\n    if number == 0: probe.ring('busy')\n    probe.log(number)\n",
    )]);
    let mut bell = suite.bell();
    let mut running = suite.start(&["-n", "2"]);
    let busy = bell.wait_for("busy");
    for _ in 0..10 {
        running.wait_for_event("test-ended");
    }
    drop(busy);
    let run = running.finish();
    assert_eq!(run.code, Some(0), "{run}");
    run.assert_sums_match();
}

#[test]
fn a_worker_that_was_quick_holds_back_no_more_than_one_test_when_it_gets_busy() {
    let suite = Suite::new(&[(
        "test_hold.py",
        "import pytest, probe\n\
         @pytest.mark.parametrize('number', range(60))\n\
         def test(number):\n    if number == 30: probe.ring('busy')\n",
    )]);
    let mut bell = suite.bell();
    let mut running = suite.start(&["-n", "2", "--dist", "load"]);
    let busy = bell.wait_for("busy");
    for _ in 0..58 {
        running.wait_for_event("test-ended");
    }
    drop(busy);
    let run = running.finish();
    assert_eq!(run.code, Some(0), "{run}");
}

#[test]
fn a_shuffle_repeats_with_its_seed_and_differs_from_round_to_round() {
    let suite = suite();
    let shuffled = |seed: &str| suite.test(&["-n", "1", "--loop", "2", seed]);
    let (first, again, other) =
        (shuffled("--shuffle=7"), shuffled("--shuffle=7"), shuffled("--shuffle=8"));
    assert_eq!(first.order(), again.order());
    assert_ne!(first.order(), other.order());
    let order = first.order();
    let (one, two) = order.split_at(10);
    assert_ne!(one, two, "each round has an order of its own");
    let mut sorted = one.to_vec();
    sorted.sort();
    assert_eq!(sorted, ALL);
    assert_eq!(suite.show()["run"]["seed"], 8);
    let files: Vec<char> = one.iter().map(|name| name.chars().nth(5).unwrap()).collect();
    assert!(files.windows(2).filter(|it| it[0] != it[1]).count() == 1, "files stay whole: {one:?}");
}

#[test]
fn a_random_seed_is_told_so_that_it_can_be_used_again() {
    let suite = suite();
    let first = suite.test(&["-n", "1", "--shuffle"]);
    let seed = suite.show()["run"]["seed"].as_u64().unwrap();
    assert!(first.stdout.contains(&seed.to_string()), "{first}");
    let again = suite.test(&["-n", "1", &format!("--shuffle={seed}")]);
    assert_eq!(first.order(), again.order());
}

#[test]
fn there_are_no_more_workers_than_tests() {
    let run = Suite::new(&[("test_pair.py", "def test_1(): pass\ndef test_2(): pass\n")])
        .test(&["-n", "50"]);
    assert_eq!(run.the("collected")["workers"], 2);
    assert_eq!(run.all("worker-started").count(), 2, "{run}");
}
