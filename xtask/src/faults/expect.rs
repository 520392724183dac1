//! What may come of a fault at a phase, as docs/exit-codes.md and docs/reliability.md say.

use super::case::{Case, Engine};
use super::fact::Made;
use super::fault::{Fault, Kind, Phase};

/// How pnl may exit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Code {
    /// 0, or 1 if an execution failed in some way.
    ByOutcomes,
    Exactly(i32),
}

/// All that may come of it.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "independent allowances")]
pub(super) struct Expectation {
    pub(super) codes: Vec<Code>,
    /// Outcomes that the victim may have beside its true one.
    pub(super) victim: Vec<&'static str>,
    /// Whether tests may be left out or interrupted.
    pub(super) may_cut: bool,
    /// Whether all that the victim's worker does in this round may go wrong.
    pub(super) spoils_worker: bool,
    /// Whether nothing that the victim's worker says is heard any more.
    pub(super) loses_words: bool,
    /// Whether the history may lack something.
    pub(super) may_lose_history: bool,
}

/// `made`: where the fault was made in the end.
pub(super) fn expect(case: &Case, made: &Made) -> Expectation {
    let (fault, phase) = (case.fault, case.phase);
    let had_test = made.nodeid.is_some();
    Expectation {
        codes: codes(case, had_test),
        victim: victim(case),
        may_cut: may_cut(case),
        spoils_worker: spoils_worker(fault, phase) && made.is_worker,
        loses_words: matches!(fault, Fault::Garbage | Fault::Closed) && made.is_worker,
        may_lose_history: fault == Fault::FullHistory
            || fault == Fault::Descriptors && phase.is_before_tests(),
    }
}

fn spoils_worker(fault: Fault, phase: Phase) -> bool {
    match fault {
        Fault::Descriptors | Fault::Closed => true,
        // pytest's own: it leaves a fixture in its middle, and blames the tests that come after.
        Fault::SysExit => matches!(phase, Phase::Setup | Phase::Teardown | Phase::Session),
        _ => false,
    }
}

#[expect(clippy::match_same_arms, reason = "a table, by faults and phases")]
fn codes(case: &Case, had_test: bool) -> Vec<Code> {
    use Code::{ByOutcomes, Exactly};
    let phase = case.phase;
    // The process there is one of several: of spawned workers, or the branch of a loop.
    let may_go_on = case.engine == Engine::Spawn || case.rounds > 1;
    let before = |code: i32| {
        if may_go_on { vec![Exactly(code), ByOutcomes] } else { vec![Exactly(code)] }
    };
    match (case.fault.kind(), phase) {
        // The suite's hooks of these phases want all reports in the template, and do not get them.
        (Kind::Harmless, Phase::Between | Phase::Exit | Phase::End)
            if case.fault == Fault::FullTmp =>
        {
            vec![ByOutcomes, Exactly(1)]
        }
        (Kind::Harmless, _) => vec![ByOutcomes],
        (Kind::Death, Phase::Start | Phase::Collect) if case.fault == Fault::Exit77 => {
            [before(3), vec![Exactly(77)]].concat()
        }
        (Kind::Death, Phase::Start | Phase::Collect) => before(3),
        (Kind::Death | Kind::Stall, Phase::Session) if had_test => vec![ByOutcomes],
        (Kind::Death | Kind::Stall, Phase::Session | Phase::Exit) => vec![Exactly(1)],
        (Kind::Death, Phase::End) if case.fault == Fault::Exit0 => {
            vec![ByOutcomes, Exactly(1), Exactly(3)]
        }
        (Kind::Death, Phase::End) if case.fault == Fault::Exit77 => vec![Exactly(77)],
        (Kind::Death, Phase::End) => vec![Exactly(1), Exactly(3)],
        // A spawned worker that does not start, while others run tests already, is replaced and named.
        (Kind::Stall, Phase::Start) if case.engine == Engine::Spawn => {
            [before(3), vec![Exactly(1)]].concat()
        }
        (Kind::Stall, Phase::Start | Phase::Collect) => before(3),
        (Kind::Stall, Phase::End) => vec![Exactly(1)],
        (Kind::Failure, Phase::Start) => before(4),
        (Kind::Failure, Phase::Collect) => before(2),
        (Kind::Failure, Phase::Between) => vec![Exactly(3)],
        (Kind::Failure, Phase::Session) if had_test => vec![ByOutcomes],
        (Kind::Failure, Phase::Session) => vec![Exactly(1)],
        (Kind::Failure, Phase::Exit | Phase::End) => vec![Exactly(1), Exactly(3)],
        (Kind::Exit, _) => exit_codes(case, before),
        // A template may say this, if not of this process.
        (Kind::Wreck, Phase::Collect) if case.garbage == "template" => vec![Exactly(3), ByOutcomes],
        // A file that cannot be opened cannot be collected.
        (Kind::Wreck, Phase::Collect) if case.fault == Fault::Descriptors => {
            [before(3), vec![Exactly(1), Exactly(2)]].concat()
        }
        // pytest's own end without a descriptor is Python's traceback.
        (Kind::Wreck, Phase::Start | Phase::Collect) => [before(3), vec![Exactly(1)]].concat(),
        (Kind::Wreck, Phase::Session | Phase::Exit | Phase::End) => {
            vec![ByOutcomes, Exactly(1), Exactly(3)]
        }
        (Kind::Wreck, _) if case.fault == Fault::Garbage => vec![ByOutcomes],
        // What such a worker collects afterwards fails.
        (Kind::Wreck, _) => vec![ByOutcomes, Exactly(2), Exactly(3)],
        (Kind::Signal, Phase::End) => vec![Exactly(2), ByOutcomes],
        (Kind::Signal, _) => vec![Exactly(2)],
        (Kind::PnlDeath, _) => Vec::new(),
        (Kind::TemplateLoss, _) if case.fault == Fault::TemplateStopped => {
            vec![Exactly(1), Exactly(3)]
        }
        (Kind::TemplateLoss, _) => before(3),
        (Kind::Death | Kind::Stall | Kind::Failure, _) => vec![ByOutcomes],
    }
}

/// Of exceptions that are no failures.
fn exit_codes(case: &Case, before: impl Fn(i32) -> Vec<Code>) -> Vec<Code> {
    use Code::{ByOutcomes, Exactly};
    match (case.fault, case.phase) {
        (Fault::SysExit, Phase::Start | Phase::Collect) => [before(3), vec![Exactly(77)]].concat(),
        // pytest takes it for a failure of the test.
        (Fault::SysExit, Phase::Setup | Phase::Call | Phase::Teardown | Phase::Between) => {
            vec![ByOutcomes]
        }
        (Fault::SysExit, Phase::Session) => vec![ByOutcomes, Exactly(1)],
        (Fault::SysExit, _) => vec![Exactly(1), Exactly(3), Exactly(77)],
        (Fault::PytestExit, Phase::Start) => before(4),
        (_, Phase::Start) => [before(3), vec![Exactly(2)]].concat(),
        (_, Phase::Collect) => before(2),
        (_, Phase::Session | Phase::Exit) => vec![Exactly(1), Exactly(2)],
        // pytest itself takes no notice of it then.
        (Fault::PytestExit, Phase::End) => vec![ByOutcomes, Exactly(2)],
        (_, Phase::End) => vec![Exactly(1), Exactly(2), Exactly(3)],
        _ => vec![Exactly(2)],
    }
}

#[expect(clippy::match_same_arms, reason = "a table, by faults and phases")]
fn victim(case: &Case) -> Vec<&'static str> {
    let phase = case.phase;
    match (case.fault.kind(), phase) {
        (Kind::Harmless | Kind::TemplateLoss | Kind::PnlDeath, _) => Vec::new(),
        (Kind::Death, _) => vec!["crashed"],
        (Kind::Stall, _) => vec!["timed_out"],
        (Kind::Failure, Phase::Between) => vec!["interrupted"],
        (Kind::Exit, Phase::Between) if case.fault == Fault::SysExit => vec!["crashed"],
        (Kind::Exit, _) if case.fault != Fault::SysExit => vec!["interrupted"],
        (Kind::Failure | Kind::Exit, Phase::Call) => vec!["failed"],
        (Kind::Failure | Kind::Exit, Phase::Setup) => vec!["error"],
        // A test that has failed already stays failed.
        (Kind::Failure | Kind::Exit, _) if case.failing => vec!["error", "failed"],
        (Kind::Failure | Kind::Exit, _) => vec!["error"],
        (Kind::Wreck, _) if case.fault == Fault::Garbage => vec!["crashed", "timed_out"],
        (Kind::Wreck, _) => vec!["crashed", "failed", "error", "timed_out"],
        (Kind::Signal, _) => vec!["interrupted"],
    }
}

fn may_cut(case: &Case) -> bool {
    let is_before = case.phase.is_before_tests();
    match case.fault.kind() {
        Kind::Harmless => false,
        Kind::Signal | Kind::PnlDeath | Kind::TemplateLoss => true,
        Kind::Exit => is_before || case.fault != Fault::SysExit,
        Kind::Failure => is_before || case.phase == Phase::Between,
        Kind::Wreck => is_before || case.fault != Fault::Garbage,
        Kind::Death | Kind::Stall => is_before || case.phase == Phase::End,
    }
}
