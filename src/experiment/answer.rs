//! What is said of a test at the end of its inquiry: verdict, evidence, and how that stands to what
//! the record said.

use super::arm::Arm;
use super::bench::Stop;
use super::found::Found;
use super::tally::Tally;
use crate::model::{self, Judged, NodeId, Offset, Schedule, TestIndex, Verdict, VerdictKind};

/// What experiments say of one test.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// Which.
    pub nodeid: NodeId,
    /// What the record alone said.
    pub recorded: Verdict,
    /// How that stands.
    pub standing: Standing,
    /// What is thought now; as recorded where nothing was decided.
    pub verdict: Verdict,
    /// What was tried, in the order in which it was begun.
    pub arms: Vec<model::Arm>,
    /// Executions spent on it.
    pub executions: u64,
}

/// How what the record said stands to what experiments say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It is so.
    Confirmed,
    /// It is something else.
    Refuted,
    /// Nothing was decided, and why.
    Undecided(String),
}

impl Standing {
    /// Its word.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Refuted => "refuted",
            Self::Undecided(_) => "undecided",
        }
    }
}

/// Puts what was found into words.
pub(super) fn answer(
    schedule: &Schedule,
    judged: &Judged,
    found: &Result<Found, Stop>,
    arms: &[(Arm, Tally)],
    executions: u64,
) -> Answer {
    let words = Words { nodeid: &judged.nodeid, schedule, arms };
    let recorded = judged.verdict.clone();
    let (standing, verdict) = match found {
        Err(stop) => (Standing::Undecided(unfinished(*stop).to_owned()), recorded.clone()),
        Ok(Found::Open(why)) => (Standing::Undecided((*why).to_owned()), recorded.clone()),
        Ok(Found::Nothing) => (Standing::Undecided(words.nothing()), recorded.clone()),
        Ok(found) => {
            let verdict = words.verdict(found, &recorded);
            let is_same = is_same(&verdict, &recorded);
            (if is_same { Standing::Confirmed } else { Standing::Refuted }, verdict)
        }
    };
    let arms = arms.iter().filter(|(_, tally)| tally.executed > 0);
    Answer {
        nodeid: judged.nodeid.clone(),
        recorded,
        standing,
        verdict,
        arms: arms
            .map(|(arm, tally)| model::Arm {
                name: words.name(arm),
                failed: tally.failed,
                executed: tally.executed,
            })
            .collect(),
        executions,
    }
}

fn unfinished(stop: Stop) -> &'static str {
    match stop {
        Stop::Spent => "the budget for it was spent; a larger --budget may decide it",
        Stop::InVain => "it does not run to a judgement now: it is skipped, or not there any more",
        Stop::Ended => "the experiments were ended",
    }
}

/// The same kind, and the same culprits, or some of them, or none were named before.
fn is_same(found: &Verdict, recorded: &Verdict) -> bool {
    let is_named = recorded.culprits.is_empty()
        || found.culprits.is_empty()
        || found.culprits.iter().any(|it| recorded.culprits.contains(it));
    found.kind == recorded.kind && found.needs_culprits == recorded.needs_culprits && is_named
}

struct Words<'a> {
    nodeid: &'a NodeId,
    schedule: &'a Schedule,
    arms: &'a [(Arm, Tally)],
}

impl Words<'_> {
    fn verdict(&self, found: &Found, recorded: &Verdict) -> Verdict {
        let tried = Verdict::of(recorded.kind, self.evidence(found));
        let bare = Verdict { confirmed: Some(true), ..tried };
        match found {
            Found::Broken => Verdict { kind: VerdictKind::Broken, ..bare },
            Found::Accumulates(since) => {
                let since_round = recorded.since_round.or(*since);
                Verdict { kind: VerdictKind::Accumulates, since_round, ..bare }
            }
            Found::FlakyAlone => Verdict { kind: VerdictKind::FlakyAlone, ..bare },
            Found::After { culprits, cleaners } => Verdict {
                kind: VerdictKind::OrderDependent,
                culprits: self.ids(culprits),
                cleaners: self.ids(cleaners),
                ..bare
            },
            Found::Without(setters) => Verdict {
                kind: VerdictKind::OrderDependent,
                culprits: self.ids(setters),
                needs_culprits: true,
                ..bare
            },
            Found::Beside(culprits) => {
                Verdict { kind: VerdictKind::InterferesWith, culprits: self.ids(culprits), ..bare }
            }
            Found::Crowded(count) => {
                Verdict { kind: VerdictKind::LoadSensitive, workers: Some(*count), ..bare }
            }
            Found::Outside => {
                let window = recorded.window.or_else(|| self.failures());
                Verdict { kind: VerdictKind::Infrastructure, window, ..bare }
            }
            // Neither is a verdict.
            Found::Nothing | Found::Open(_) => recorded.clone(),
        }
    }

    fn evidence(&self, found: &Found) -> String {
        let alone = self.of(&Arm::Alone);
        match found {
            Found::Broken => format!("fails in {} alone in a fresh process", counts(alone)),
            Found::Accumulates(_) if self.of(&Arm::Afterwards).executed > 0 => format!(
                "passes in {} alone, fails after {} of all others, and in {} alone since then: \
                 state outside its process piles up",
                counts(alone.inverted()),
                rounds(self.of(&Arm::AfterRest).executed),
                counts(self.of(&Arm::Afterwards))
            ),
            Found::Accumulates(Some(since)) => format!(
                "fails in {} alone in a fresh process, and passed before round {since}: state \
                 outside its process has piled up, and is still there",
                counts(alone)
            ),
            Found::Accumulates(None) => format!(
                "fails in {} alone in a fresh process, though it passed in the record: state outside \
                 its process has changed",
                counts(alone)
            ),
            Found::FlakyAlone => {
                format!(
                    "fails in {} alone in a fresh process with nothing beside it",
                    counts(alone)
                )
            }
            Found::After { culprits, .. } => {
                let arms = culprits.iter().map(|&it| Arm::After(vec![it]));
                let others = self.of(&Arm::AfterOthers(1));
                self.against(&self.each(arms), &[(others, "after others")])
            }
            Found::Without(setters) => {
                let arms: Vec<String> = setters
                    .iter()
                    .map(|&it| {
                        let arm = Arm::After(vec![it]);
                        format!("{} {}", counts(self.of(&arm).inverted()), self.name(&arm))
                    })
                    .collect();
                format!("passes in {}, fails in {} alone", arms.join(" and in "), counts(alone))
            }
            Found::Beside(culprits) => {
                let is_with = |arm: &Arm| match arm {
                    Arm::Among(tests) => tests.iter().any(|it| culprits.contains(it)),
                    Arm::Beside(test) => culprits.contains(test),
                    _ => false,
                };
                let is_without =
                    |arm: &Arm| matches!(arm, Arm::BesideOthers(_) | Arm::AmongOthers(_));
                let arms = self.arms.iter().map(|(arm, _)| arm);
                let with = arms.clone().filter(|arm| is_with(arm)).cloned();
                let with = match culprits.len() {
                    1 => self.each(with),
                    _ => self.pooled(with.collect()),
                };
                let others = arms.filter(|arm| is_without(arm)).map(|arm| self.of(arm));
                let others = others.fold(Tally::default(), Tally::plus);
                self.against(&with, &[(others, "beside others")])
            }
            Found::Crowded(_) => {
                let of = |arm: &Arm| matches!(arm, Arm::Crowd(_) | Arm::Copies(_) | Arm::Among(_));
                let arms = self.arms.iter().filter(|(arm, _)| of(arm)).map(|(arm, _)| arm.clone());
                self.against(&self.each(arms), &[])
            }
            Found::Outside => self.nothing(),
            Found::Nothing | Found::Open(_) => String::new(),
        }
    }

    /// These arms' counts against those alone and others.
    fn against(&self, with: &[(Tally, String)], others: &[(Tally, &str)]) -> String {
        let alone = self.of(&Arm::Alone);
        let total = with.iter().map(|it| it.0).fold(Tally::default(), Tally::plus);
        let with: Vec<String> = with
            .iter()
            .filter(|it| it.0.failed > 0)
            .map(|(tally, name)| format!("{} {name}", counts(*tally)))
            .collect();
        let mut without = format!("in {} alone", counts(alone));
        for (tally, words) in others.iter().filter(|(tally, _)| tally.executed > 0) {
            without = format!("{without} and {} {words}", counts(*tally));
        }
        let p = total.p_more_than(alone);
        format!("fails in {}, {without}, p = {}", with.join(" and in "), scientific(p))
    }

    /// Arms by themselves.
    fn each(&self, arms: impl Iterator<Item = Arm>) -> Vec<(Tally, String)> {
        arms.map(|arm| (self.of(&arm), self.name(&arm))).collect()
    }

    /// Several culprits: all arms with some of them at once, and all with one.
    fn pooled(&self, arms: Vec<Arm>) -> Vec<(Tally, String)> {
        let (some, one): (Vec<Arm>, Vec<Arm>) =
            arms.into_iter().partition(|arm| matches!(arm, Arm::Among(_)));
        let sum =
            |arms: &[Arm]| arms.iter().map(|arm| self.of(arm)).fold(Tally::default(), Tally::plus);
        vec![
            (sum(&some), "started together with some of them".to_owned()),
            (sum(&one), "beside one of them".to_owned()),
        ]
    }

    /// From its first recorded failure to its last.
    fn failures(&self) -> Option<(Offset, Offset)> {
        let test = super::session::place(self.schedule, self.nodeid)?;
        let mut failed = self.schedule.ran.iter().filter(|ran| ran.test == test.0 && ran.failed());
        let first = failed.next()?;
        Some((first.start, failed.next_back().unwrap_or(first).end))
    }

    fn nothing(&self) -> String {
        let all = self.arms.iter().fold(Tally::default(), |sum, (_, tally)| sum.plus(*tally));
        let alone = self.of(&Arm::Alone);
        format!(
            "passes now in all {} trials, {} of them alone, the others with what was around it when \
             it failed",
            all.executed, alone.executed
        )
    }

    fn of(&self, arm: &Arm) -> Tally {
        self.arms.iter().find(|(it, _)| it == arm).map_or_else(Tally::default, |(_, tally)| *tally)
    }

    fn ids(&self, tests: &[TestIndex]) -> Vec<NodeId> {
        tests.iter().filter_map(|it| self.schedule.tests.get(it.at()).cloned()).collect()
    }

    fn id(&self, test: TestIndex) -> &str {
        self.schedule.tests.get(test.at()).map_or("?", NodeId::as_str)
    }

    /// An arm in a few words.
    fn name(&self, arm: &Arm) -> String {
        match arm {
            Arm::Alone => "alone".to_owned(),
            Arm::Beside(other) => format!("beside {}", self.id(*other)),
            Arm::BesideOthers(other) => format!("beside others as beside {}", self.id(*other)),
            Arm::After(before) => match before[..] {
                [one] => format!("after {}", self.id(one)),
                [one, other] => format!("after {} and {}", self.id(one), self.id(other)),
                _ => format!(
                    "after {} tests, from {} to {}",
                    before.len(),
                    before.first().map_or("?", |it| self.id(*it)),
                    before.last().map_or("?", |it| self.id(*it))
                ),
            },
            Arm::AfterOthers(1) => "after others, one each time".to_owned(),
            Arm::AfterOthers(count) => format!("after {count} others"),
            Arm::Replay { circumstance, kept } => {
                format!(
                    "{} beside it as when it ran the {}",
                    several(kept.len()),
                    nth(*circumstance)
                )
            }
            Arm::Copies(count) => format!("{count} of it at once"),
            Arm::Crowd(count) => format!("{count} at once, others each time"),
            Arm::Among(others) => match others[..] {
                [one] => format!("started together with {}", self.id(one)),
                _ => format!(
                    "started together with {} others, {} among them",
                    others.len(),
                    others.first().map_or("?", |it| self.id(*it))
                ),
            },
            Arm::AmongOthers(suspects) => {
                format!("started together with others for as long as {}", several(suspects.len()))
            }
            Arm::Again => "a second time in one process".to_owned(),
            Arm::AfterRest => "after all others, one round of them each time".to_owned(),
            Arm::Afterwards => "alone, when it had failed after them".to_owned(),
        }
    }
}

fn counts(tally: Tally) -> String {
    format!("{} of {}", tally.failed, tally.executed)
}

fn several(count: usize) -> String {
    if count == 1 { "1 test".to_owned() } else { format!("{count} tests") }
}

fn rounds(count: u64) -> String {
    if count == 1 { "1 round".to_owned() } else { format!("{count} rounds") }
}

fn nth(circumstance: usize) -> String {
    format!("{}. time", circumstance + 1)
}

/// `3e-5`, and larger chances in full.
fn scientific(p: f64) -> String {
    if p < 0.001 { format!("{p:.0e}") } else { format!("{p:.3}") }
}
