//! A verification for programs: one JSON object, described in docs/verify.md.

use serde::Serialize;

use crate::model::{Counts, NodeId, OutcomeKind};
use crate::verify::{Judged, Pair, Proof, Seen, Side};

/// The object's version.
const SCHEMA: u32 = 1;

#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    agree: bool,
    exit_code: u8,
    engine: &'static str,
    dist: &'static str,
    pytest: SideBody<'a>,
    pnl: Option<SideBody<'a>>,
    agreeing: usize,
    not_run: &'a [NodeId],
    unstable: Vec<UnstableBody<'a>>,
    flaky: Vec<JudgedBody<'a>>,
    differences: Vec<JudgedBody<'a>>,
}

#[derive(Serialize)]
struct SideBody<'a> {
    command: &'a [String],
    exit_code: u8,
    stop_reason: &'static str,
    stop_text: String,
    collected: usize,
    workers: usize,
    elapsed_s: f64,
    totals: Counts,
}

#[derive(Serialize)]
struct UnstableBody<'a> {
    nodeid: &'a NodeId,
    tests: usize,
}

#[derive(Serialize)]
struct JudgedBody<'a> {
    nodeid: &'a NodeId,
    kind: &'static str,
    repeats: &'static str,
    pytest: Vec<SeenBody<'a>>,
    pnl: Vec<SeenBody<'a>>,
    alone: Option<PairBody<'a>>,
    among_others: Option<PairBody<'a>>,
}

#[derive(Serialize)]
struct SeenBody<'a> {
    outcome: OutcomeKind,
    message: Option<&'a str>,
}

#[derive(Serialize)]
struct PairBody<'a> {
    pytest: &'a [Vec<OutcomeKind>],
    pnl: &'a [Vec<OutcomeKind>],
}

/// The object and a line's end.
pub(super) fn render(proof: &Proof) -> String {
    let document = Document {
        schema: SCHEMA,
        agree: proof.exit == crate::model::ExitCode::Ok,
        exit_code: proof.exit.code(),
        engine: proof.plan.engine.name(),
        dist: proof.plan.dist.name(),
        pytest: side(&proof.pytest),
        pnl: proof.pnl.as_ref().map(side),
        agreeing: proof.agreeing,
        not_run: &proof.not_run,
        unstable: proof
            .unstable
            .iter()
            .map(|it| UnstableBody { nodeid: &it.nodeid, tests: it.count })
            .collect(),
        flaky: proof.flaky().map(judged).collect(),
        differences: proof.differences().map(judged).collect(),
    };
    let text = serde_json::to_string(&document).expect("strings and numbers are JSON");
    text + "\n"
}

fn side(side: &Side) -> SideBody<'_> {
    SideBody {
        command: &side.command,
        exit_code: side.finished.exit.code(),
        stop_reason: side.finished.reason.name(),
        stop_text: side.finished.reason.to_string(),
        collected: side.gathered.collected,
        workers: side.gathered.workers,
        elapsed_s: side.gathered.elapsed,
        totals: side.gathered.counts,
    }
}

fn judged(it: &Judged) -> JudgedBody<'_> {
    JudgedBody {
        nodeid: &it.difference.nodeid,
        kind: it.difference.kind.name(),
        repeats: it.judgement.name(),
        pytest: it.difference.pytest.iter().map(seen).collect(),
        pnl: it.difference.pnl.iter().map(seen).collect(),
        alone: it.again.alone.as_ref().map(pair),
        among_others: it.again.among_others.as_ref().map(pair),
    }
}

fn seen(it: &Seen) -> SeenBody<'_> {
    SeenBody { outcome: it.outcome.kind(), message: it.message.as_deref() }
}

fn pair(it: &Pair) -> PairBody<'_> {
    PairBody { pytest: &it.pytest, pnl: &it.pnl }
}
