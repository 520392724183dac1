//! The order in which a failing test's possible causes are looked into.
//!
//! Alone comes first: what fails alone needs no culprit. Then what the record suspects, then what it
//! cannot know and can show: all that ran beside the test, or before it in its process, when it failed.

use super::arm::Arm;
use super::bench::Stop;
use super::found::Found;
use super::inquiry::Inquiry;
use super::tally::Tally;
use crate::model::{TestIndex, Tie, VerdictKind};

/// One test's case.
pub(super) struct Case<'a> {
    /// What is tried.
    pub inquiry: Inquiry<'a>,
    /// What the record says of it.
    pub kind: VerdictKind,
    /// Tests that the record suspects, the likeliest first.
    pub suspects: Vec<(TestIndex, Tie)>,
    /// How well an outage explains its failures.
    pub outage: Outage,
    /// Others that fail now and then, not always and not in an outage.
    pub co_victims: Vec<TestIndex>,
    /// Those of them that fail with the same message.
    pub mates: Vec<TestIndex>,
    /// Others with which it is in each other's way, as experiments on one of them have shown.
    pub known: Vec<TestIndex>,
    /// Whether the record says that several of its mates at a time make it fail.
    pub is_pooled: bool,
    /// How many tests the record names.
    pub named: usize,
    /// Whether each round had fresh processes.
    pub is_isolated: bool,
    /// Whether something showed that any other test would do.
    pub is_crowd_likely: bool,
    /// What has been looked into and need not be again.
    pub tried: Vec<Lead>,
}

/// Something to look into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lead {
    /// Whether it fails by itself, and often.
    QuickChance,
    /// Whether it fails by itself.
    Chance,
    /// Whether it passes now, whatever is done.
    Outside,
    /// Those whom the record names.
    Suspects,
    /// All that was around it when it failed.
    Surroundings,
    /// Those that fail with the same message.
    Mates,
    /// Many copies of it at once.
    Copies,
    /// How much runs at once.
    Crowd,
    /// Itself, before it in its process.
    Again,
    /// Round after round of all others.
    Rest,
}

/// How surely a failure alone must not be the record's own kind before another cause is sought.
const ANOTHER: f64 = 0.01;

impl Case<'_> {
    /// Looks for the cause until one is found, or nothing is left to try.
    pub fn run(&mut self) -> Result<Found, Stop> {
        if let Some(found) = self.always()? {
            return Ok(found);
        }
        let mut leads = leads(self.kind, self.outage, self.is_isolated).to_vec();
        // Several culprits are tried together first; copies show a limit sooner than others do.
        if self.named > 1 || !self.known.is_empty() {
            leads.insert(0, Lead::Mates);
        } else if self.is_pooled {
            leads.insert(0, Lead::Copies);
        }
        for lead in leads {
            let found = match lead {
                Lead::QuickChance => self.chance(24)?,
                Lead::Chance => self.chance(240)?,
                Lead::Outside => self.outside()?,
                Lead::Suspects => self.suspected()?,
                Lead::Surroundings => self.surroundings()?,
                Lead::Mates if !self.is_first(lead) => None,
                Lead::Mates => self.among_mates()?,
                Lead::Copies => self.copied()?,
                Lead::Crowd => self.crowded()?,
                Lead::Again => self.again()?,
                Lead::Rest => self.after_rounds()?,
            };
            if let Some(found) = found.or_else(|| self.fails_alone_as_recorded()) {
                return Ok(found);
            }
            if self.is_crowd_likely
                && lead == Lead::Suspects
                && let Some(found) = self.crowded()?
            {
                return Ok(found);
            }
        }
        Ok(self.by_what_is_left())
    }

    /// Whether this has not been looked into yet. From now on it has.
    pub(super) fn is_first(&mut self, lead: Lead) -> bool {
        let is_first = !self.tried.contains(&lead);
        if is_first {
            self.tried.push(lead);
        }
        is_first
    }

    fn alone(&self) -> Tally {
        self.inquiry.tally(&Arm::Alone)
    }

    fn recorded(&self) -> Tally {
        let (failed, executed) = self.inquiry.record.tally(self.inquiry.victim);
        Tally::new(failed, executed)
    }

    pub(super) fn fails_alone_as_recorded(&self) -> Option<Found> {
        /// One failure could be the machine's.
        const ENOUGH: u64 = 2;
        let alone = self.alone();
        let is_enough = alone.failed >= ENOUGH && self.recorded().p_more_than(alone) > ANOTHER;
        is_enough.then_some(Found::FlakyAlone)
    }

    fn by_what_is_left(&self) -> Found {
        let alone = self.alone();
        let elsewhere =
            self.inquiry.arms.iter().any(|(arm, it)| *arm != Arm::Alone && it.failed > 0);
        match (alone.failed, elsewhere) {
            (0, false) => Found::Nothing,
            (0, true) => Found::Open("it failed with others, and too seldom to tell with which"),
            _ if self.recorded().p_more_than(alone) > ANOTHER => Found::FlakyAlone,
            _ => Found::Open("it fails alone too, but less often than in the record"),
        }
    }

    /// Tries it alone until it fails twice, or should have at the recorded rate; at most so often.
    fn chance(&mut self, longest: u64) -> Result<Option<Found>, Stop> {
        let rate = self.recorded().rate().clamp(0.001, 0.99);
        let needed = ((0.03_f64.ln() / (1.0 - rate).ln()).ceil() as u64).clamp(10, longest);
        while self.alone().executed < needed && self.alone().failed < 2 {
            self.inquiry.try_out(&[Arm::Alone], 12)?;
        }
        let is_stray = self.kind == VerdictKind::Infrastructure && self.outage == Outage::Weak;
        let is_expected =
            (self.kind == VerdictKind::FlakyAlone || is_stray) && self.alone().failed > 0;
        let fits = is_expected && self.recorded().p_more_than(self.alone()) > ANOTHER;
        Ok(fits.then_some(Found::FlakyAlone))
    }

    /// It passes now, alone and in what it failed in: whatever it was is over.
    fn outside(&mut self) -> Result<Option<Found>, Stop> {
        const ALONE: u64 = 6;
        const REPLAYED: u32 = 2;
        let mut arms = vec![Arm::Alone];
        if let Some(at) = self.inquiry.circumstances.iter().position(|it| it.failed) {
            arms.extend(self.surrounding_arms(at));
        }
        self.inquiry.try_out(&arms, REPLAYED)?;
        self.inquiry.try_until(&Arm::Alone, ALONE)?;
        let passes = arms.iter().all(|arm| self.inquiry.tally(arm).failed == 0);
        Ok(passes.then_some(Found::Outside))
    }

    fn again(&mut self) -> Result<Option<Found>, Stop> {
        if !self.fails_in(&Arm::Again, 6)? {
            return Ok(None);
        }
        let contest = self.inquiry.contest(&Arm::Again, &[Arm::Alone], 0.25)?;
        let itself = vec![self.inquiry.victim];
        let found = Found::After { culprits: itself, cleaners: Vec::new() };
        Ok((contest == super::inquiry::Contest::More).then_some(found))
    }

    /// Whether an arm fails at least once in so many trials.
    pub(super) fn fails_in(&mut self, arm: &Arm, times: u32) -> Result<bool, Stop> {
        let earlier = self.inquiry.tally(arm);
        let mut tried = 0;
        loop {
            self.inquiry.try_out(std::slice::from_ref(arm), (times - tried).min(4))?;
            let tally = self.inquiry.tally(arm).since(earlier);
            if tally.failed > 0 {
                return Ok(true);
            }
            tried = u32::try_from(tally.executed).unwrap_or(u32::MAX);
            if tried >= times {
                return Ok(false);
            }
        }
    }
}

/// How well an outage explains what the record has of a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outage {
    /// Each of several executions within it failed.
    Strong,
    /// The few executions within it failed, and others fail with the same cause.
    Plain,
    /// Some passed within it.
    Loose,
    /// It failed once, and nobody else with that cause.
    Weak,
}

fn leads(kind: VerdictKind, outage: Outage, is_isolated: bool) -> &'static [Lead] {
    use Lead::{
        Again, Chance, Copies, Crowd, Mates, Outside, QuickChance, Rest, Surroundings, Suspects,
    };
    match kind {
        VerdictKind::Broken | VerdictKind::FlakyAlone | VerdictKind::Stable => {
            &[QuickChance, Mates, Suspects, Copies, Surroundings, Chance, Crowd]
        }
        VerdictKind::InterferesWith | VerdictKind::OrderDependent => {
            &[Suspects, QuickChance, Mates, Copies, Surroundings, Crowd, Chance]
        }
        VerdictKind::LoadSensitive => &[Mates, Copies, Suspects, Surroundings, Crowd, Chance],
        VerdictKind::Infrastructure => match outage {
            Outage::Strong => {
                &[Outside, Copies, Suspects, QuickChance, Surroundings, Crowd, Chance]
            }
            Outage::Plain => &[Copies, Outside, Suspects, QuickChance, Surroundings, Crowd, Chance],
            Outage::Loose | Outage::Weak => {
                &[QuickChance, Copies, Outside, Suspects, Surroundings, Crowd, Chance]
            }
        },
        VerdictKind::Accumulates if is_isolated => {
            &[QuickChance, Rest, Suspects, Copies, Surroundings, Crowd, Chance]
        }
        VerdictKind::Accumulates => {
            &[Again, QuickChance, Rest, Suspects, Copies, Surroundings, Crowd, Chance]
        }
    }
}
