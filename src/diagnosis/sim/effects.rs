//! What each planted cause does to the executions of a virtual run.

use fastrand::Rng;

use super::draw::{Lab, Plant};
use super::play::Play;

/// Marks the executions that fail.
pub(super) fn fails(lab: &Lab, plays: &mut [Play], rng: &mut Rng) {
    for plant in &lab.plants {
        let failed = match plant {
            Plant::Flaky { victim, rate, slower } if *slower <= 1.0 => {
                chosen(plays, |it| it.test == *victim && rng.f64() < *rate)
            }
            Plant::Flaky { .. } => Vec::new(),
            Plant::Struck { victim, culprits, window, sure } => chosen(plays, |it| {
                it.test == *victim
                    && culprits.iter().any(|&(culprit, at)| {
                        let hit = plays.iter().filter(|x| x.test == culprit && x.round == it.round);
                        hit.map(|x| moment(x, at))
                            .any(|t| moment(it, window.0) <= t && t <= moment(it, window.1))
                    })
                    && rng.f64() < *sure
            }),
            Plant::Held { victim, culprit, held, look } => chosen(plays, |it| {
                it.test == *victim
                    && plays.iter().any(|x| {
                        x.test == *culprit
                            && x.round == it.round
                            && moment(x, held.0) <= moment(it, look.1)
                            && moment(it, look.0) <= moment(x, held.1)
                    })
            }),
            Plant::Mutual { pair, is_second } => chosen(plays, |it| {
                let Some(side) = pair.iter().position(|&x| x == it.test) else { return false };
                plays.iter().any(|x| {
                    x.test == pair[1 - side]
                        && overlap(x, it)
                        && if *is_second { x.start < it.start } else { x.end < it.end }
                })
            }),
            Plant::After { victim, polluters, cleaners } => chosen(plays, |it| {
                it.test == *victim
                    && before(plays, it, polluters)
                        .is_some_and(|last| before(plays, it, cleaners).is_none_or(|c| c < last))
            }),
            Plant::Brittle { victim, setters } => {
                chosen(plays, |it| it.test == *victim && before(plays, it, setters).is_none())
            }
            Plant::Pool { users, bears } => pool(plays, users, *bears),
            Plant::Strain { victim, least, step, of } => chosen(plays, |it| {
                let at = moment(it, 0.7);
                let counts = |x: &&Play| of.is_empty() || of.contains(&x.test);
                let busy =
                    plays.iter().filter(counts).filter(|x| x.start <= at && at <= x.end).count();
                let over = (busy + 1).saturating_sub(*least) as f64;
                it.test == *victim && rng.f64() < (over * step).min(0.9)
            }),
            Plant::Since { victims, round } => {
                chosen(plays, |it| victims.contains(&it.test) && it.round >= *round)
            }
            Plant::Away { family, windows } => chosen(plays, |it| {
                let at = moment(it, 0.5);
                family.contains(&it.test)
                    && windows.iter().any(|&(since, length)| at >= since && at < since + length)
            }),
            Plant::Broken { victim } => chosen(plays, |it| it.test == *victim),
        };
        for at in failed {
            plays[at].failed = true;
        }
    }
}

fn chosen(plays: &[Play], mut which: impl FnMut(&Play) -> bool) -> Vec<usize> {
    (0..plays.len()).filter(|&at| which(&plays[at])).collect()
}

fn moment(play: &Play, share: f64) -> f64 {
    play.start + (play.end - play.start) * share
}

fn overlap(a: &Play, b: &Play) -> bool {
    a.start < b.end && b.start < a.end
}

/// When the last of `others` began before this one in its process.
fn before(plays: &[Play], it: &Play, others: &[usize]) -> Option<f64> {
    plays
        .iter()
        .filter(|x| x.process == it.process && x.start < it.start && others.contains(&x.test))
        .map(|x| x.start)
        .max_by(f64::total_cmp)
}

/// Who comes while `bears` others are in fails at once and takes no place.
fn pool(plays: &[Play], users: &[usize], bears: usize) -> Vec<usize> {
    let mut order: Vec<usize> = chosen(plays, |it| users.contains(&it.test));
    order.sort_by(|&a, &b| plays[a].start.total_cmp(&plays[b].start));
    let mut inside: Vec<usize> = Vec::new();
    let mut failed = Vec::new();
    for at in order {
        let enters = moment(&plays[at], 0.1);
        inside.retain(|&other| moment(&plays[other], 0.97) > enters);
        if inside.len() >= bears {
            failed.push(at);
        } else {
            inside.push(at);
        }
    }
    failed
}
