//! Outcomes as pnl tells them against what the suite says it did.

use super::events::{End, Events};
use super::expect::Expectation;
use super::fact::{Attempt, Course, Facts, Made};

/// What is wrong about outcomes. `is_whole`: pnl lived to tell of everything.
pub(super) fn check(
    events: &Events,
    facts: &Facts,
    (expected, made): (&Expectation, &Made),
    is_whole: bool,
) -> Vec<String> {
    let mut wrong = Vec::new();
    let (ends, before) = (events.ends(), events.failed_attempts());
    for end in ends.iter().chain(&before) {
        let course = facts.attempts.get(&key(end));
        wrong.extend(check_end(end, course, (expected, made)));
    }
    for (attempt, course) in &facts.attempts {
        let Attempt { round, nodeid, number } = attempt;
        let what = format!("{nodeid}, round {round}, attempt {number}");
        // What a worker did after garbage on its connection, nobody can know: that is run again.
        let is_unheard = expected.loses_words && course.worker == made.worker;
        if course.begun > 1 && !(is_unheard && course.begun == 2) {
            wrong.push(format!("{what} ran {} times", course.begun));
        }
        let is_told = ends.iter().chain(&before).any(|end| key(end) == *attempt);
        if course.begun > 0 && is_whole && !is_told {
            wrong.push(format!("{what} ran, and nothing is told of it"));
        }
    }
    wrong
}

fn key(end: &End) -> Attempt {
    Attempt { round: end.round, nodeid: end.nodeid.clone(), number: end.attempt }
}

fn check_end(
    end: &End,
    course: Option<&Course>,
    (expected, made): (&Expectation, &Made),
) -> Option<String> {
    let told = end.outcome.as_str();
    let truth = course.filter(|it| it.is_down).and_then(|it| it.said.as_deref());
    let is_victim = made.nodeid.as_deref() == Some(&*end.nodeid)
        && (made.round == end.round || made.round == 0);
    let is_spoilt = expected.spoils_worker && end.worker == made.worker && made.round == end.round;
    let is_right = match told {
        "not_run" => expected.may_cut && course.is_none_or(|it| it.begun == 0),
        _ if Some(told) == truth => true,
        "interrupted" if expected.may_cut => true,
        "passed" => false,
        _ => is_spoilt || is_victim && expected.victim.contains(&told),
    };
    if is_right {
        return None;
    }
    let said = match (course, truth) {
        (None, _) => "it never began".to_owned(),
        (Some(_), Some(truth)) => format!("it was over: {truth}"),
        (Some(course), None) => format!("it came only so far: {:?}", course.said),
    };
    let End { nodeid, round, attempt, worker, .. } = end;
    let place = if is_victim { ", the victim" } else { "" };
    Some(format!(
        "{nodeid}, round {round}, attempt {attempt} on {worker:?}{place}: {told}, but {said}"
    ))
}
