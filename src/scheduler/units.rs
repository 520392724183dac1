//! Units: the tests that stay together, by dist mode.

use std::collections::HashMap;
use std::sync::Arc;

use crate::model::{DistMode, TestIndex, TestInfo};

/// Tests that one worker runs in this order.
pub(super) type Unit = Vec<TestIndex>;

/// In which order units of `loadscope`, `loadfile` and `loadgroup` are dealt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// As pytest collected them: xdist's `--no-loadscope-reorder`.
    Collected,
    /// Larger ones first: xdist's `--loadscope-reorder`, its default.
    LargestFirst,
}

/// The units of a mode, in the order in which they are dealt.
pub(super) fn units(mode: DistMode, tests: &[Arc<TestInfo>], order: Order) -> Vec<Unit> {
    match mode {
        DistMode::LoadScope => group(tests, order, |test| test.nodeid.scope()),
        DistMode::LoadFile => group(tests, order, |test| test.nodeid.file()),
        DistMode::LoadGroup => {
            group(tests, order, |test| test.group.as_deref().unwrap_or(test.nodeid.as_str()))
        }
        DistMode::Pnl => group(tests, Order::Collected, |test| test.nodeid.file()),
        DistMode::Load | DistMode::WorkSteal | DistMode::Each | DistMode::No => {
            tests.iter().map(|test| vec![test.index]).collect()
        }
    }
}

fn group<'a>(
    tests: &'a [Arc<TestInfo>],
    order: Order,
    key: impl Fn(&'a TestInfo) -> &'a str,
) -> Vec<Unit> {
    let mut positions: HashMap<&str, usize> = HashMap::new();
    let mut units: Vec<Unit> = Vec::new();
    for test in tests {
        let position = *positions.entry(key(test)).or_insert_with(|| {
            units.push(Vec::new());
            units.len() - 1
        });
        units[position].push(test.index);
    }
    if order == Order::LargestFirst {
        units.sort_by_key(|unit| std::cmp::Reverse(unit.len())); // stable, as xdist's
    }
    units
}
