//! Tests that share what bears only so many users at a time.
//!
//! Each of them fails too seldom to tell anything alone. Therefore groups are looked for among all
//! tests whose failures nothing else explains: all of a group are explained by "so many others of the
//! group ran beside it", and what that gains must exceed the price of having searched all groups.

use std::collections::{BTreeMap, BTreeSet};

use super::bits::Bits;
use super::hypothesis::{Hypothesis, Reason};
use super::likelihood::ln_split;
use super::prior;
use super::victim::Victim;
use super::weigh::Opinion;

/// At most so many others at a time are tried: beyond, few loops have enough workers.
const MOST: u32 = 3;

/// Fewer users than this are a pair, which may race.
const USERS: usize = 3;

/// How many failures of each test groups are begun from, and how many groups are tried to grow.
const BEGUN: usize = 10;
const GROWN: usize = 24;

/// Executions beyond which no groups are looked for: each group tried reads them all.
const EXECUTIONS: usize = 100_000;

/// What the gain must exceed the price by, in nats.
const MARGIN: f64 = 2.0;

/// What a user must gain at least for the group to explain it, in nats.
const EXPLAINED: f64 = 1.0;

/// So few failures are taken for the group's where they only say the same.
const FEW: u64 = 3;

/// A group and how many others of it at a time make one of it fail. Users as places among the members
/// of [`Pools`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Group {
    users: BTreeSet<usize>,
    others: u32,
    /// Whether they are those that fail with the same message.
    is_alike: bool,
}

/// A hypothesis for a test, from the group that it seems to be of.
pub(super) struct Pooled {
    /// The victim's place among those given.
    pub victim: usize,
    pub hypothesis: Hypothesis,
}

/// Looks for one group after the other, as long as there are any.
pub(super) fn find(victims: &[Victim<'_>], opinions: &[Opinion]) -> Vec<Pooled> {
    let mut pools = Pools::new(victims, opinions);
    let mut found = Vec::new();
    while let Some(group) = pools.strongest() {
        found.extend(pools.hypotheses(&group));
        pools.remove(&group);
    }
    found
}

/// Tests that may be of a group.
struct Pools<'v, 'r> {
    members: Vec<Member<'v, 'r>>,
}

struct Member<'v, 'r> {
    place: usize,
    victim: &'v Victim<'r>,
    /// What all of its other hypotheses come to.
    ln_others: f64,
    /// For each execution, the members beside it: which, and from when to when.
    near: Vec<Vec<(usize, u64, u64)>>,
    is_taken: bool,
}

impl<'v, 'r> Pools<'v, 'r> {
    fn new(victims: &'v [Victim<'r>], opinions: &[Opinion]) -> Self {
        let is_open = |at: &usize| {
            let (victim, opinion) = (&victims[*at], &opinions[*at]);
            victim.failures() > 0
                && victim.failures() * 4 < victim.executed() * 3
                && !opinion.is_settled()
        };
        let open: Vec<usize> = (0..victims.len()).filter(is_open).collect();
        let executions: usize = open.iter().map(|&at| victims[at].cases.len()).sum();
        let open = if executions > EXECUTIONS { Vec::new() } else { open };
        let tests = victims.first().map_or(0, |it| it.record.tests.len());
        let mut member_of = vec![None; tests];
        for (member, &at) in open.iter().enumerate() {
            member_of[victims[at].test as usize] = Some(member);
        }
        let members = open.iter().map(|&place| {
            let victim = &victims[place];
            let mut near = vec![Vec::new(); victim.cases.len()];
            for it in &victim.near {
                if let Some(member) = member_of[it.test as usize]
                    && it.test != victim.test
                {
                    near[it.case as usize].push((member, it.since, it.until));
                }
            }
            let ln_others = opinions[place].ln_total;
            Member { place, victim, ln_others, near, is_taken: false }
        });
        Self { members: members.collect() }
    }

    fn strongest(&self) -> Option<Group> {
        let mut begun: Vec<(f64, Group)> =
            self.beginnings().into_iter().map(|group| (self.score(&group), group)).collect();
        begun.sort_by(|a, b| b.0.total_cmp(&a.0));
        begun.truncate(GROWN);
        let grown = begun.into_iter().map(|(score, group)| self.grow(score, group));
        let best = grown
            .chain(self.alike())
            .filter(|it| it.1.users.len() >= USERS)
            .max_by(|a, b| a.0.total_cmp(&b.0));
        best.filter(|it| it.0 > MARGIN).map(|it| it.1)
    }

    /// Those that fail with the same message: there are few such groups, so that they are cheap.
    fn alike(&self) -> Vec<(f64, Group)> {
        let mut messages: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
        for (at, member) in self.members.iter().enumerate().filter(|it| !it.1.is_taken) {
            if let Some(text) = member.victim.mostly_says(|text| text) {
                messages.entry(text).or_default().insert(at);
            }
        }
        messages.retain(|_, users| users.len() >= USERS);
        let tried = (messages.len() as f64 * f64::from(MOST)).max(1.0);
        let groups = messages.into_values().flat_map(|users| {
            (1..=MOST).map(move |others| Group { users: users.clone(), others, is_alike: true })
        });
        let ln_price = (tried / prior::POOL_ALIKE).ln();
        groups.filter_map(|group| Some((self.loosely(&group)? - ln_price, group))).collect()
    }

    /// What the group gains where not every one of it need be explained: users that never failed are
    /// not known, and count for nobody. None where fewer than two gain anything.
    fn loosely(&self, group: &Group) -> Option<f64> {
        let gains: Vec<f64> = group.users.iter().map(|&at| self.gain(at, group)).collect();
        let sure = gains.iter().filter(|&&gain| gain > EXPLAINED).count();
        let loose = |gain: f64| (prior::UNSEEN + (1.0 - prior::UNSEEN) * gain.exp()).ln();
        (sure >= 2).then(|| gains.into_iter().map(loose).sum())
    }

    /// How much better the group explains that user's failures than all else does, in nats.
    fn gain(&self, at: usize, group: &Group) -> f64 {
        self.exposed(at, group).1 - self.members[at].ln_others
    }

    /// Those that ran at the same time where one of them failed.
    fn beginnings(&self) -> BTreeSet<Group> {
        let mut found = BTreeSet::new();
        for (at, member) in self.members.iter().enumerate().filter(|it| !it.1.is_taken) {
            let failed = (0..member.near.len()).filter(|&case| member.victim.failed.has(case));
            for case in failed.take(BEGUN) {
                let beside: BTreeSet<usize> = member.near[case]
                    .iter()
                    .map(|it| it.0)
                    .filter(|&it| !self.members[it].is_taken)
                    .collect();
                let beside: Vec<usize> = beside.into_iter().collect();
                for others in 1..=MOST {
                    for mut users in choices(&beside, others as usize) {
                        users.insert(at);
                        found.insert(Group { users, others, is_alike: false });
                    }
                }
            }
        }
        found
    }

    /// Adds the member that gains most, as long as one does.
    fn grow(&self, score: f64, group: Group) -> (f64, Group) {
        let (mut score, mut group) = (score, group);
        loop {
            let outside = (0..self.members.len())
                .filter(|at| !group.users.contains(at) && !self.members[*at].is_taken);
            let larger = outside.map(|at| {
                let mut users = group.users.clone();
                users.insert(at);
                let larger = Group { users, others: group.others, is_alike: group.is_alike };
                (self.score(&larger), larger)
            });
            match larger.max_by(|a, b| a.0.total_cmp(&b.0)) {
                Some(larger) if larger.0 > score => (score, group) = larger,
                _ => return (score, group),
            }
        }
    }

    /// What the group gains for all of its users together, less its price.
    fn score(&self, group: &Group) -> f64 {
        let gains: f64 = group.users.iter().map(|&at| self.gain(at, group)).sum();
        let members = self.members.len() as f64;
        // One of the ways to choose the users among those that failed; fewer would be a pair.
        let choices: f64 =
            (0..group.users.len()).map(|n| ((members - n as f64) / (n + 1) as f64).ln()).sum();
        gains - choices + prior::POOL.ln() - f64::from(MOST).ln()
    }

    /// The executions in which the group makes that user fail, and how likely that makes what was
    /// seen: by those that were there when it came, or at any time.
    fn exposed(&self, at: usize, group: &Group) -> (Bits, f64) {
        let member = &self.members[at];
        let exposed = [When::AtFirst, When::AtAnyTime].map(|when| {
            let bits = Bits::of(member.near.len(), |case| {
                member.victim.counted.has(case) && member.crowd(case, group, when) >= group.others
            });
            let split = member.victim.split(&bits);
            let ln = ln_split(&split, prior::BY_CHANCE, prior::HARDLY) - 2.0_f64.ln();
            (bits, if split.is_worse_with() { ln } else { f64::NEG_INFINITY })
        });
        let [first, any] = exposed;
        if first.1 >= any.1 { first } else { any }
    }

    fn hypotheses(&self, group: &Group) -> Vec<Pooled> {
        let of = |&at: &usize| {
            let member = &self.members[at];
            let (exposed, ln_likelihood) = self.exposed(at, group);
            // With the others' message, and beside some of them that nobody sees.
            let unseen = member.ln_others + prior::ODDS_UNSEEN.ln();
            let is_alike = group.is_alike && member.victim.failures() <= FEW;
            let ln_weight = if is_alike { ln_likelihood.max(unseen) } else { ln_likelihood };
            let others = group.users.iter().filter(|&&it| it != at);
            let others = others.map(|&it| self.members[it].victim.test).collect();
            let reason = Reason::Pool(others, group.others);
            let hypothesis = Hypothesis { reason, exposed: Some(exposed), ln_weight };
            Pooled { victim: member.place, hypothesis }
        };
        group.users.iter().map(of).collect()
    }

    fn remove(&mut self, group: &Group) {
        for &at in &group.users {
            self.members[at].is_taken = true;
        }
    }
}

/// When the others of a group count.
#[derive(Clone, Copy)]
enum When {
    AtFirst,
    AtAnyTime,
}

impl Member<'_, '_> {
    /// At most how many users of the group ran beside an execution at a time.
    fn crowd(&self, case: usize, group: &Group, when: When) -> u32 {
        let start = self.victim.ran(case).start.0;
        let first = start + self.victim.typical / 5;
        let near = self.near[case].iter().filter(|it| group.users.contains(&it.0));
        let counts = |at: u64| {
            let there = near.clone().filter(|it| it.1 <= at && at < it.2).map(|it| it.0);
            there.collect::<BTreeSet<usize>>().len() as u32
        };
        let begins = near.clone().map(|it| it.1).filter(|&at| match when {
            When::AtFirst => at <= first,
            When::AtAnyTime => true,
        });
        begins.map(counts).max().unwrap_or(0)
    }
}

/// All ways to choose so many of a few.
fn choices(of: &[usize], count: usize) -> Vec<BTreeSet<usize>> {
    if count == 0 {
        return vec![BTreeSet::new()];
    }
    let mut found = Vec::new();
    for (at, &first) in of.iter().enumerate() {
        for mut rest in choices(&of[at + 1..], count - 1) {
            rest.insert(first);
            found.push(rest);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_all_of_that_size() {
        assert_eq!(choices(&[1, 2, 3], 2).len(), 3);
        assert_eq!(choices(&[1, 2], 3).len(), 0);
    }
}
