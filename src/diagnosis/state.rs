//! What the state probe saw of a run: in which rounds, and after which tests, the state on the server
//! became another.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::{Probe, Schedule};

/// Tests that are named, at most.
const NAMED: usize = 3;

/// How often the state was another than before.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    /// Rounds with an answer before and after.
    compared: usize,
    /// Those of them where the answers differ.
    differed: usize,
    /// Tests, as places in the run's own list, after which it was another than before them, and how
    /// often; the most frequent first.
    tests: Vec<(u32, usize)>,
}

impl State {
    /// None where no round has an answer before and after.
    pub(super) fn of(run: &Schedule) -> Option<Self> {
        let mut state = Self::default();
        let mut tests: BTreeMap<u32, usize> = BTreeMap::new();
        let (mut at_round, mut last) = (None, None);
        for Probe { test, hash, .. } in &run.probes {
            let differs = |before: &Option<Arc<str>>| Some(before.as_ref()? != hash.as_ref()?);
            if let Some(test) = test {
                *tests.entry(*test).or_default() += usize::from(differs(&last) == Some(true));
            } else {
                state.compared += usize::from(differs(&at_round).is_some());
                state.differed += usize::from(differs(&at_round) == Some(true));
                at_round.clone_from(hash);
            }
            last.clone_from(hash);
        }
        state.tests = tests.into_iter().filter(|it| it.1 > 0).collect();
        state.tests.sort_by_key(|it| std::cmp::Reverse(it.1));
        (state.compared > 0).then_some(state)
    }

    /// Where something accumulates that makes a test fail, as the end of a sentence.
    pub(super) fn words(&self, name: impl Fn(u32) -> String) -> String {
        let Self { compared, differed, tests } = self;
        if *differed == 0 {
            return "something accumulates, but not in what the state probe looks at".to_owned();
        }
        let named: Vec<String> = tests
            .iter()
            .take(NAMED)
            .map(|(test, times)| format!("{} ({times}×)", name(*test)))
            .collect();
        let after = match (named.is_empty(), tests.len() > NAMED) {
            (true, _) => String::new(),
            (false, false) => format!(", after {}", named.join(", ")),
            (false, true) => format!(", after {} and others", named.join(", ")),
        };
        format!(
            "state accumulates on the server, where the state probe saw it change in {differed} of \
             {compared} rounds{after}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Offset, Round};

    fn run(answers: &[(Option<u32>, Option<&str>)]) -> Schedule {
        let probe = |(test, hash): &(Option<u32>, Option<&str>)| Probe {
            round: Round(0),
            test: *test,
            at: Offset(0),
            hash: hash.map(Arc::from),
        };
        Schedule { probes: answers.iter().map(probe).collect(), ..Schedule::default() }
    }

    fn words(answers: &[(Option<u32>, Option<&str>)]) -> Option<String> {
        State::of(&run(answers)).map(|it| it.words(|test| format!("test_{test}")))
    }

    #[test]
    fn without_two_answers_nothing_is_known() {
        assert_eq!(words(&[]), None);
        assert_eq!(words(&[(None, Some("a")), (None, None), (None, Some("b"))]), None);
    }

    #[test]
    fn rounds_that_change_it_are_counted() {
        let answers = [(None, Some("a")), (None, Some("b")), (None, Some("b"))];
        let wanted = "state accumulates on the server, where the state probe saw it change in 1 of \
                      2 rounds";
        assert_eq!(words(&answers).as_deref(), Some(wanted));
    }

    #[test]
    fn tests_that_change_it_are_named() {
        let answers = [
            (None, Some("a")),
            (Some(4), Some("a")),
            (Some(7), Some("b")),
            (None, Some("b")),
            (Some(4), Some("c")),
            (Some(7), Some("d")),
            (None, Some("d")),
        ];
        let said = words(&answers).expect("answers");
        assert!(said.ends_with("in 2 of 2 rounds, after test_7 (2×), test_4 (1×)"), "{said}");
    }

    #[test]
    fn a_probe_that_sees_nothing_is_evidence_too() {
        let said = words(&[(None, Some("a")), (None, Some("a"))]).expect("answers");
        assert_eq!(said, "something accumulates, but not in what the state probe looks at");
    }
}
