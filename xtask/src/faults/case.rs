//! A case: what a seed and an index make of the fault injector.

use std::fmt;

use super::fault::{Fault, Kind, Phase};

/// Seconds that a test may take where one is to be ended for it.
const TIMEOUT: &str = "2";

/// Seconds that tear-downs get when a run is interrupted.
pub(super) const GRACE: u64 = 2;

/// Seconds that collection may take where it is to be ended for it.
pub(super) const COLLECT_TIMEOUT: u64 = 4;

/// Seconds that a run may take where it is to be ended for it.
const RUN_TIMEOUT: u64 = 8;

/// The same where it need not be: a busy machine's time for a few rounds.
const LONG_RUN_TIMEOUT: u64 = 30;

const VICTIMS: [&str; 4] = [
    "test_a.py::test_1",
    "test_b.py::test_2",
    "test_c.py::test_3",
    "test_d.py::test_perhaps_fails",
];

const GARBAGE: [&str; 8] =
    ["bytes", "half", "large", "unknown", "no_json", "list", "foreign", "template"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Engine {
    Fork,
    Spawn,
}

/// One fault and all that surrounds it.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "independent choices")]
pub(super) struct Case {
    pub(super) seed: u64,
    pub(super) index: usize,
    pub(super) fault: Fault,
    pub(super) phase: Phase,
    pub(super) engine: Engine,
    pub(super) workers: u32,
    /// Rounds planned; 1 is a single run.
    pub(super) rounds: u32,
    /// In which round the fault is made; 0 for the first process that comes to it.
    pub(super) fault_round: u32,
    pub(super) victim: &'static str,
    pub(super) retries: u32,
    pub(super) keeps_sessions: bool,
    pub(super) collects_fully: bool,
    pub(super) keep_going: bool,
    /// Whether one of the tests fails by itself.
    pub(super) failing: bool,
    /// Whether the process that waits ignores signals meanwhile.
    pub(super) deaf: bool,
    pub(super) garbage: &'static str,
}

impl Case {
    /// The case of this index. Each block of as many cases as there are pairs of fault and phase has
    /// each pair once, in an order of its own.
    pub(super) fn draw(seed: u64, index: usize) -> Self {
        let mut cells = cells();
        let block = (index / cells.len()) as u64;
        fastrand::Rng::with_seed(mix(seed, block)).shuffle(&mut cells);
        let (fault, phase) = cells[index % cells.len()];
        let mut random = fastrand::Rng::with_seed(mix(!seed, index as u64));
        let mut chance = |percent| random.u32(..100) < percent;
        let spawn = phase != Phase::End && !is_of_template(fault) && chance(30);
        let engine = if spawn { Engine::Spawn } else { Engine::Fork };
        let is_loop = chance(40);
        let failing = chance(30);
        let retries = u32::from(chance(25));
        let keeps_sessions = is_loop && chance(25);
        let collects_fully = engine == Engine::Fork && chance(30);
        let deaf = matches!(fault, Fault::PnlIntTwice | Fault::PnlIntThrice)
            || fault.kind() == Kind::Signal && chance(30);
        let goes_on = chance(50);
        let rounds = if is_loop { random.u32(2..=3) } else { 1 };
        let fault_round = if phase.is_of_test() { random.u32(1..=rounds) } else { 0 };
        Self {
            seed,
            index,
            fault,
            phase,
            engine,
            workers: random.u32(1..=4),
            rounds,
            fault_round,
            victim: VICTIMS[random.usize(..VICTIMS.len())],
            retries,
            keeps_sessions,
            collects_fully,
            keep_going: is_loop && (goes_on || failing && fault_round > 1),
            failing,
            deaf,
            garbage: GARBAGE[random.usize(..GARBAGE.len())],
        }
    }

    /// pnl's own words, without the place of Python and of reports.
    pub(super) fn words(&self) -> Vec<String> {
        let engine = match self.engine {
            Engine::Fork => "fork",
            Engine::Spawn => "spawn",
        };
        let (workers, grace) = (self.workers.to_string(), GRACE.to_string());
        let mut words = vec!["-n", &workers, "--engine", engine, "--grace", &grace];
        let (rounds, retries) = (self.rounds.to_string(), self.retries.to_string());
        if self.rounds > 1 {
            words.extend(["--loop", &rounds]);
        }
        if self.retries > 0 {
            words.extend(["--retries", &retries]);
        }
        if self.keeps_sessions {
            words.extend(["--isolation", "none"]);
        }
        if self.collects_fully {
            words.extend(["--collect", "full"]);
        }
        if self.keep_going {
            words.push("--keep-going");
        }
        let (collect, run) = (COLLECT_TIMEOUT.to_string(), self.run_timeout().to_string());
        match self.bound() {
            Bound::Test => words.extend(["--timeout", TIMEOUT]),
            Bound::Collect => words.extend(["--collect-timeout", &collect]),
            Bound::Run => words.extend(["--run-timeout", &run]),
            Bound::None => {}
        }
        words.into_iter().map(str::to_owned).collect()
    }

    /// Seconds that the run may take, where [`Bound::Run`] bounds it.
    pub(super) fn run_timeout(&self) -> u64 {
        if self.fault.kind() == Kind::Wreck { LONG_RUN_TIMEOUT } else { RUN_TIMEOUT }
    }

    /// Which of pnl's limits ends what stalls.
    pub(super) fn bound(&self) -> Bound {
        match (self.fault.kind(), self.phase) {
            (Kind::Stall, Phase::Start | Phase::Collect) => Bound::Collect,
            (Kind::Stall, Phase::End) => Bound::Run,
            (Kind::Stall, _) => Bound::Test,
            // What is said afterwards is lost in the frame that never becomes whole.
            (Kind::Wreck, phase) if phase.is_of_test() => Bound::Test,
            (Kind::Wreck | Kind::TemplateLoss, _) => Bound::Run,
            _ => Bound::None,
        }
    }
}

/// A limit that pnl is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bound {
    None,
    Test,
    Collect,
    Run,
}

/// The words that repeat it.
impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, index, fault, phase, fault_round, victim, .. } = self;
        write!(f, "{seed}:{index} {} at {}", fault.word(), phase.name())?;
        if *fault == Fault::Garbage || *fault == Fault::Stranger {
            write!(f, " ({})", self.garbage)?;
        }
        if fault.is_from_outside() {
            write!(f, " ({fault:?}{})", if self.deaf { ", deaf" } else { "" })?;
        }
        if phase.is_of_test() {
            write!(f, " of {victim} in round {fault_round}")?;
        }
        write!(f, ": {}{}", self.words().join(" "), if self.failing { ", failing" } else { "" })
    }
}

/// All pairs that there are.
pub(super) fn cells() -> Vec<(Fault, Phase)> {
    let phases = |fault: Fault| Phase::ALL.map(|phase| (fault, phase));
    let all = Fault::ALL.into_iter().flat_map(phases);
    all.filter(|(fault, phase)| fault.goes_with(*phase)).collect()
}

fn is_of_template(fault: Fault) -> bool {
    matches!(fault, Fault::TemplatePaused | Fault::TemplateKilled | Fault::TemplateStopped)
}

/// Neighbouring seeds and indices have nothing to do with each other.
fn mix(seed: u64, index: u64) -> u64 {
    seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ index.wrapping_mul(0xD1B5_4A32_D192_ED03)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_case_is_the_same_each_time_and_a_block_has_each_pair_once() {
        let cells: BTreeSet<_> = cells().into_iter().collect();
        let words = |index| Case::draw(7, index).to_string();
        assert_eq!(words(3), words(3));
        let block = cells.len()..2 * cells.len();
        let drawn = block.map(|index| Case::draw(7, index)).map(|it| (it.fault, it.phase));
        assert_eq!(drawn.collect::<BTreeSet<_>>(), cells);
    }
}
