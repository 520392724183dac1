//! What ran before an execution in its process.

use std::collections::HashMap;

use super::joined::Joined;
use super::neighbours::Case;

/// Each process's executions in their order, for each run.
pub(super) struct Order {
    /// Places in the run's executions.
    lists: Vec<Vec<Vec<u32>>>,
    /// For each run and execution: which list, and where in it. None where the process is unknown.
    places: Vec<Vec<Option<(u32, u32)>>>,
}

impl Order {
    pub(super) fn new(record: &Joined<'_>) -> Self {
        let mut order = Self { lists: Vec::new(), places: Vec::new() };
        for run in record.runs {
            let mut of_process: HashMap<u32, u32> = HashMap::new();
            let mut lists: Vec<Vec<u32>> = Vec::new();
            let mut places = Vec::with_capacity(run.ran.len());
            for (at, ran) in run.ran.iter().enumerate() {
                if ran.process == 0 {
                    places.push(None);
                    continue;
                }
                let list = *of_process.entry(ran.process).or_insert_with(|| {
                    lists.push(Vec::new());
                    lists.len() as u32 - 1
                });
                places.push(Some((list, lists[list as usize].len() as u32)));
                lists[list as usize].push(at as u32);
            }
            order.lists.push(lists);
            order.places.push(places);
        }
        order
    }

    /// The tests before it in its process, the last one first. No more than there are tests in the
    /// suite: in a process that is kept for many rounds all of them were there before.
    pub(super) fn before<'a>(
        &'a self,
        record: &'a Joined<'_>,
        case: Case,
    ) -> impl Iterator<Item = u32> + 'a {
        let run = case.run as usize;
        let list: &[u32] = match self.places[run][case.at as usize] {
            Some((list, place)) => &self.lists[run][list as usize][..place as usize],
            None => &[],
        };
        let tests = move |&at: &u32| record.test(run, &record.runs[run].ran[at as usize]);
        list.iter().rev().take(record.tests.len()).map(tests)
    }
}
