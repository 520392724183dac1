//! The order of a verification, and its exit code.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::time::SystemTime;

use super::compare::{Comparison, Difference, Kind, compare};
use super::gather::Seen;
use super::judge::{Again, Judgement, Pair, Signature};
use super::sides::{Interrupter, Progress, Side, Sides, Way};
use crate::engine::warm::settle;
use crate::engine::{Plan, Warmth};
use crate::model::{ExitCode, NodeId, OutcomeKind, Round, StopReason};
use crate::runner::{self, Refusal, TestOptions};

/// Tests that are run again alone, at most. Each costs several starts of pytest; where more differ,
/// the others are decided by repeating the whole.
const ALONE: usize = 20;

/// What a verification found.
#[derive(Debug)]
pub struct Proof {
    /// pnl's plan.
    pub plan: Plan,
    /// Plain pytest's run.
    pub pytest: Side,
    /// pnl's run; none where pytest's left nothing to compare with.
    pub pnl: Option<Side>,
    /// How many tests had the same outcomes.
    pub agreeing: usize,
    /// Tests that neither executed.
    pub not_run: Vec<NodeId>,
    /// Functions whose tests have other node ids in each process.
    pub unstable: Vec<super::Unstable>,
    /// What differed, with what the repetitions made of it.
    pub judged: Vec<Judged>,
    /// What to exit with.
    pub exit: ExitCode,
    was_interrupted: bool,
}

/// A test that differed.
#[derive(Debug)]
pub struct Judged {
    /// How it differed at first.
    pub difference: Difference,
    /// How it was run again.
    pub again: Again,
    /// What it is.
    pub judgement: Judgement,
}

impl Proof {
    /// Differences that stand.
    pub fn differences(&self) -> impl Iterator<Item = &Judged> {
        self.judged.iter().filter(|it| it.judgement != Judgement::Flaky)
    }

    /// Tests that are flaky, whoever runs them.
    pub fn flaky(&self) -> impl Iterator<Item = &Judged> {
        self.judged.iter().filter(|it| it.judgement == Judgement::Flaky)
    }

    /// Both exit codes where they differ although no test does.
    #[must_use]
    pub fn differing_exit(&self) -> Option<(ExitCode, ExitCode)> {
        let pair = (self.pytest.finished.exit, self.pnl.as_ref()?.finished.exit);
        (pair.0 != pair.1 && self.judged.is_empty()).then_some(pair)
    }

    /// Whether the user ended it.
    #[must_use]
    pub fn was_interrupted(&self) -> bool {
        self.was_interrupted
    }

    fn exit_code(&self) -> ExitCode {
        let sides = || std::iter::once(&self.pytest).chain(&self.pnl);
        if let Some(side) = sides().find(|side| blocks(side)) {
            return side.finished.exit;
        }
        if sides().any(|side| matches!(side.finished.reason, StopReason::Internal(_))) {
            return ExitCode::InternalError;
        }
        if self.differences().next().is_some() || self.differing_exit().is_some() {
            return ExitCode::TestsFailed;
        }
        if self.agreeing == 0 && self.judged.is_empty() {
            return match self.pytest.finished.exit {
                ExitCode::Ok => ExitCode::NothingCollected,
                failed => failed,
            };
        }
        ExitCode::Ok
    }
}

/// Runs the suite both ways, compares, and runs what differs again, `reruns` times each way.
pub fn verify(
    options: &TestOptions,
    reruns: u32,
    interrupter: &Interrupter,
    progress: &mut dyn Progress,
) -> Result<Proof, Refusal> {
    let plan = runner::plan(options)?.plan;
    let mut sides = Sides::new(plan.clone(), interrupter, progress);
    let pytest = sides.run(Way::Pytest);
    let mut proof = Proof {
        plan,
        pytest,
        pnl: None,
        agreeing: 0,
        not_run: Vec::new(),
        unstable: Vec::new(),
        judged: Vec::new(),
        exit: ExitCode::Ok,
        was_interrupted: false,
    };
    if !blocks(&proof.pytest) {
        proof.pnl = Some(run_pnl(&mut sides, &proof));
    }
    if let Some(pnl) = proof.pnl.as_ref().filter(|side| !blocks(side)) {
        let copies = pnl.gathered.copies.max(1);
        let Comparison { agreeing, not_run, differences, unstable } = compared(&proof.pytest, pnl);
        let mut repeater = Repeater { sides, first: (&proof.pytest, pnl), copies, reruns };
        proof.judged = repeater.judge(differences);
        (proof.agreeing, proof.not_run, proof.unstable) = (agreeing, not_run, unstable);
    }
    proof.was_interrupted = interrupter.was_interrupted();
    proof.exit = if proof.was_interrupted { ExitCode::Interrupted } else { proof.exit_code() };
    Ok(proof)
}

/// pnl's run. A warm one is made thrice: by a process that it may have to start, from what that
/// process has made ready meanwhile, and after a file was changed; the first that differs counts.
fn run_pnl(sides: &mut Sides<'_>, proof: &Proof) -> Side {
    let first = sides.run(Way::Pnl);
    if proof.plan.warmth == Warmth::Cold {
        return first;
    }
    let agrees = |side: &Side| {
        !blocks(side)
            && side.finished.exit == proof.pytest.finished.exit
            && compared(&proof.pytest, side).differences.is_empty()
    };
    if !agrees(&first) {
        return first;
    }
    // If it cannot be asked, what is not ready makes no difference that must be proven.
    let _ = settle();
    let second = sides.run(Way::Pnl);
    if !agrees(&second) {
        return second;
    }
    touch_a_test(&proof.pytest);
    sides.run(Way::Pnl)
}

fn compared(pytest: &Side, pnl: &Side) -> Comparison {
    compare(&pytest.gathered.tests, &pnl.gathered.tests, pnl.gathered.copies.max(1))
}

/// Gives one of the files that were run a new time of change.
fn touch_a_test(side: &Side) {
    let Some(rootdir) = &side.gathered.rootdir else { return };
    let files = side.gathered.tests.keys().map(|id| rootdir.join(id.file()));
    for file in files {
        let touched = File::options().append(true).open(file);
        if touched.and_then(|file| file.set_modified(SystemTime::now())).is_ok() {
            return;
        }
    }
}

/// Whether there is no point in going on: nothing can be compared.
fn blocks(side: &Side) -> bool {
    use StopReason::{Interrupted, ServerLost, Usage};
    matches!(side.finished.reason, Interrupted | Usage(_) | ServerLost(_))
}

/// Runs again what differs.
struct Repeater<'a> {
    sides: Sides<'a>,
    first: (&'a Side, &'a Side),
    copies: usize,
    reruns: u32,
}

impl Repeater<'_> {
    fn judge(&mut self, differences: Vec<Difference>) -> Vec<Judged> {
        let mut open: Vec<(Difference, Again)> =
            differences.into_iter().map(|it| (it, Again::default())).collect();
        if self.reruns > 0 {
            for (difference, again) in open.iter_mut().take(ALONE) {
                again.alone = self.alone(difference);
            }
            let is_undecided = open.iter().any(|(_, again)| again.judge().is_none());
            if is_undecided && !self.sides.was_interrupted() {
                self.among_others(&mut open);
            }
        }
        let judged = open.into_iter().map(|(difference, again)| {
            let judgement = again.judge().unwrap_or(Judgement::NotRepeated);
            Judged { difference, again, judgement }
        });
        judged.collect()
    }

    /// None where the test's id does not select it.
    fn alone(&mut self, difference: &Difference) -> Option<Pair> {
        let rootdir = self.first.0.gathered.rootdir.clone();
        let rootdir = rootdir.or_else(|| self.first.1.gathered.rootdir.clone())?;
        let is_lost = |all: &[Signature], seen: &[Seen]| {
            all.iter().all(Vec::is_empty) && seen.iter().any(Seen::was_executed)
        };
        let pytest = self.passes_alone(Way::Pytest, difference, &rootdir)?;
        if is_lost(&pytest, &difference.pytest) {
            return None;
        }
        let pnl = self.passes_alone(Way::Pnl, difference, &rootdir)?;
        (!is_lost(&pnl, &difference.pnl)).then_some(Pair { pytest, pnl })
    }

    fn passes_alone(
        &mut self,
        way: Way,
        difference: &Difference,
        rootdir: &Path,
    ) -> Option<Vec<Signature>> {
        if self.sides.was_interrupted() {
            return None;
        }
        let side = self.sides.repeat_alone(way, &difference.nodeid, rootdir, self.reruns)?;
        let passes = signatures(&side, difference, self.reruns, 1);
        (!self.sides.was_interrupted()).then_some(passes)
    }

    fn among_others(&mut self, open: &mut [(Difference, Again)]) {
        let times = (self.reruns - 1).max(1);
        let pytest = self.sides.repeat(Way::Pytest, times);
        if self.sides.was_interrupted() {
            return;
        }
        let pnl = self.sides.repeat(Way::Pnl, times);
        if self.sides.was_interrupted() {
            return;
        }
        for (difference, again) in open {
            let passes = |first: &Side, more: &Side, copies| {
                let mut all = signatures(first, difference, 1, copies);
                all.extend(signatures(more, difference, times, copies));
                all
            };
            again.among_others = Some(Pair {
                pytest: passes(self.first.0, &pytest, self.copies),
                pnl: passes(self.first.1, &pnl, 1),
            });
        }
    }
}

/// The outcomes of what differs in each of so many rounds, each `copies` times.
fn signatures(side: &Side, difference: &Difference, rounds: u32, copies: usize) -> Vec<Signature> {
    let is_meant = |id: &NodeId| match difference.kind {
        Kind::UnstableOutcome => id
            .as_str()
            .strip_prefix(difference.nodeid.as_str())
            .is_some_and(|rest| rest.starts_with('[')),
        Kind::Missing | Kind::Extra | Kind::Outcome => *id == difference.nodeid,
    };
    let mut found: BTreeMap<Round, Signature> = BTreeMap::new();
    let tests = side.gathered.tests.iter().filter(|(id, _)| is_meant(id));
    for seen in tests.flat_map(|(_, seen)| seen).filter(|it| it.was_executed()) {
        let kinds = std::iter::repeat_n(seen.outcome.kind(), copies);
        found.entry(seen.round).or_default().extend(kinds);
    }
    let of_round = |number| -> Vec<OutcomeKind> {
        let mut kinds = found.remove(&Round(number)).unwrap_or_default();
        kinds.sort();
        kinds
    };
    (1..=rounds).map(of_round).collect()
}
