//! Test numbers: how a worker calls the tests of the run.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::model::{NodeId, TestIndex, TestInfo};
use crate::protocol::TestRow;

/// A forked worker of a collected template uses the template's; one that collects counts for itself.
#[derive(Debug, Clone, Default)]
pub(super) enum Numbers {
    #[default]
    Same,
    /// Workers of one process that has collected have the same table.
    Own(Arc<Table>),
}

/// Which number is which test, both ways; what has none is `NONE`.
#[derive(Debug, Clone, Default)]
pub(super) struct Table {
    to_worker: Vec<u32>,
    from_worker: Vec<u32>,
}

const NONE: u32 = u32::MAX;

fn entry(table: &[u32], at: usize) -> Option<u32> {
    table.get(at).copied().filter(|&it| it != NONE)
}

fn enter(table: &mut Vec<u32>, at: usize, value: u32) {
    if table.len() <= at {
        table.resize(at + 1, NONE);
    }
    table[at] = value;
}

impl Numbers {
    /// Of a worker that has collected nothing yet.
    pub(super) fn own() -> Self {
        Self::Own(Arc::default())
    }

    /// The worker's number; `None` for a test that it has not collected.
    pub(super) fn to_worker(&self, test: TestIndex) -> Option<u32> {
        match self {
            Self::Same => Some(test.0),
            Self::Own(table) => entry(&table.to_worker, test.at()),
        }
    }

    /// The run's test.
    pub(super) fn to_test(&self, number: u32) -> Option<TestIndex> {
        match self {
            Self::Same => Some(TestIndex(number)),
            Self::Own(table) => entry(&table.from_worker, number as usize).map(TestIndex),
        }
    }

    /// The worker has collected these rows, numbered on from what it had, and they are these tests:
    /// by node id, equal ids in their order. Where ids differ from process to process (random
    /// parameters), what is left of a function is matched by position, so that every test runs once.
    /// Says how many were, or which test is lacking.
    pub(super) fn learn(
        &mut self,
        tests: &[Arc<TestInfo>],
        rows: &[TestRow],
    ) -> Result<usize, NodeId> {
        let (places, renamed) = matched(tests, rows)?;
        if matches!(self, Self::Same) {
            *self = Self::own();
        }
        let Self::Own(table) = self else { return Ok(renamed) };
        let Table { to_worker, from_worker } = Arc::make_mut(table);
        let first = from_worker.len();
        from_worker.resize(first + rows.len(), NONE);
        for (test, place) in tests.iter().zip(places) {
            enter(to_worker, test.index.at(), (first + place) as u32);
            from_worker[first + place] = test.index.0;
        }
        Ok(renamed)
    }
}

/// For each test the position of its row, and how many were not found by their ids.
fn matched(tests: &[Arc<TestInfo>], rows: &[TestRow]) -> Result<(Vec<usize>, usize), NodeId> {
    let mut by_id: HashMap<&str, VecDeque<usize>> = HashMap::new();
    for (number, row) in rows.iter().enumerate() {
        by_id.entry(&row.id).or_default().push_back(number);
    }
    let mut is_taken = vec![false; rows.len()];
    let mut places = Vec::with_capacity(tests.len());
    for test in tests {
        let place = by_id.get_mut(test.nodeid.as_str()).and_then(VecDeque::pop_front);
        if let Some(place) = place {
            is_taken[place] = true;
        }
        places.push(place);
    }
    let ids: Vec<NodeId> = rows.iter().map(|row| NodeId::new(&row.id)).collect();
    let mut left: HashMap<&str, VecDeque<usize>> = HashMap::new();
    for (number, id) in ids.iter().enumerate().filter(|(number, _)| !is_taken[*number]) {
        if let Some(function) = id.function() {
            left.entry(function).or_default().push_back(number);
        }
    }
    let mut renamed = 0;
    for (test, place) in tests.iter().zip(&mut places).filter(|(_, place)| place.is_none()) {
        let function = test.nodeid.function().and_then(|function| left.get_mut(function));
        let number = function.and_then(VecDeque::pop_front);
        *place = Some(number.ok_or_else(|| test.nodeid.clone())?);
        renamed += 1;
    }
    Ok((places.into_iter().flatten().collect(), renamed))
}
