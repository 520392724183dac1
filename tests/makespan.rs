//! The scheduler's promise, in virtual time: see docs/scheduling.md.

#[path = "../benches/makespan/mod.rs"]
#[expect(dead_code, reason = "xdist is simulated by the benchmark alone")]
mod makespan;

use makespan::{WORKERS, ours, suites};

/// With a history a round takes at most so much longer than the shortest that is possible.
const AT_MOST: f64 = 1.05;

#[test]
fn a_round_is_within_a_twentieth_of_the_shortest_possible() {
    let mut longer = Vec::new();
    for suite in suites::all() {
        for workers in WORKERS {
            let ratio = ours(&suite, workers, suite.history());
            if ratio > AT_MOST {
                longer.push(format!("{}, {workers} workers: {ratio:.3}", suite.name));
            }
        }
    }
    assert!(longer.is_empty(), "{longer:#?}");
}
