//! A verdict for programs. docs/history.md explains its keys: a change here is a change there.

use jiff::Timestamp;
use serde::Serialize;

use super::Verdicts;
use crate::model::{NodeId, Offset, Round, Suspect, Verdict, VerdictKind};

/// `tests[].verdict`.
#[derive(Serialize)]
pub(in crate::report) struct ShownVerdict {
    kind: VerdictKind,
    culprits: Vec<NodeId>,
    cleaners: Vec<NodeId>,
    needs_culprits: bool,
    since_round: Option<Round>,
    workers: Option<u32>,
    window: Option<[String; 2]>,
    evidence: String,
    confirmed: Option<bool>,
    /// What was thought before experiments found something else.
    refuted: Option<VerdictKind>,
}

impl Verdicts {
    /// What `pnl show` says of a test.
    pub(in crate::report) fn shown(&self, nodeid: &NodeId) -> (Option<ShownVerdict>, &[Suspect]) {
        match self.of_test(nodeid) {
            Some((verdict, suspects)) => {
                let refuted = self.refuted(nodeid);
                (Some(ShownVerdict::new(verdict, refuted, self.origin_us)), suspects)
            }
            None => (None, &[]),
        }
    }
}

impl ShownVerdict {
    pub(in crate::report) fn new(
        verdict: Verdict,
        refuted: Option<VerdictKind>,
        origin_us: i64,
    ) -> Self {
        let time = |at| time(origin_us, at).to_string();
        Self {
            kind: verdict.kind,
            culprits: verdict.culprits,
            cleaners: verdict.cleaners,
            needs_culprits: verdict.needs_culprits,
            since_round: verdict.since_round,
            workers: verdict.workers,
            window: verdict.window.map(|(since, until)| [time(since), time(until)]),
            evidence: verdict.evidence,
            confirmed: verdict.confirmed,
            refuted,
        }
    }
}

/// A moment of a run on the wall clock. One that no calendar has becomes 1970.
pub(in crate::report) fn time(origin_us: i64, at: Offset) -> Timestamp {
    let us = origin_us.saturating_add(i64::try_from(at.0).unwrap_or(i64::MAX));
    Timestamp::from_microsecond(us).unwrap_or(Timestamp::UNIX_EPOCH)
}
