//! Whether a schedule is one: every test once, and nothing beside what it must not run beside.

use std::collections::HashMap;

use super::floor::Execution;
use super::suites::Suite;

/// Panics where it is not.
pub fn check(suite: &Suite, executions: &[Execution]) {
    let mut tests: Vec<_> = executions.iter().map(|it| it.test).collect();
    tests.sort_unstable();
    let expected: Vec<_> = suite.tests.iter().map(|test| test.index).collect();
    assert_eq!(tests, expected, "{}: every test runs once", suite.name);
    let mut by_start = executions.to_vec();
    by_start.sort_by_key(|it| it.from);
    let mut running: Vec<Execution> = Vec::new();
    for it in by_start {
        running.retain(|other| other.to > it.from);
        running.push(it);
        assert!(may_run(suite, &running), "{}: {running:?} run together", suite.name);
    }
}

fn may_run(suite: &Suite, running: &[Execution]) -> bool {
    let claims = || running.iter().filter_map(|it| suite.claim(it.test));
    let mut holders: HashMap<usize, (usize, usize)> = HashMap::new();
    for lock in claims().flat_map(|claim| &claim.locks) {
        let (held, _) = holders.entry(lock.number).or_insert((0, lock.capacity));
        *held += 1;
        holders.entry(lock.number).and_modify(|it| it.1 = lock.capacity);
    }
    let is_alone = running.len() == 1 || !claims().any(|claim| claim.exclusive);
    is_alone && holders.values().all(|(held, capacity)| held <= capacity)
}
