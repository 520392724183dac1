//! Whether the server under test is there: asked when failures look as if it were not, asked again
//! where one answer does not settle it, and from when to when it was away. Pure: time and answers come
//! as arguments.

use std::time::{Duration, Instant};

use super::server::Answer;
use crate::model::{Offset, ServerAway};

/// Answers in a row that say it is not well, before it counts as away: one may be slow, or restarting.
const DOUBTS: u32 = 2;

/// Between two questions, while one answer was not enough and while it is away.
const AGAIN: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(1));

/// What is known of the server.
#[derive(Debug, Default)]
pub(super) struct Outage {
    /// Whether its base URL answered 502 to 504 from the start, as some do that are well.
    is_odd: bool,
    is_asking: bool,
    ask_at: Option<Instant>,
    doubts: u32,
    /// When the first failure came that led to the question.
    suspected: Option<Offset>,
    /// Since when, and how, it is away.
    away: Option<(Offset, String)>,
    hits: u64,
    /// When it last came back.
    back: Option<Offset>,
}

/// What an answer settles.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub(super) enum Finding {
    /// Nothing yet: it is asked again.
    Open,
    /// It is there, and was.
    There,
    /// It is away; says how. Told once.
    Lost(String),
    /// It is still away.
    Away,
    /// It is there again.
    Back(ServerAway),
}

impl Outage {
    /// Nothing but that it answers with such a status when it is well.
    pub(super) fn of_an_odd_server() -> Self {
        Self { is_odd: true, ..Self::default() }
    }

    /// A failure that looks like it has come. Whether the server is to be asked.
    pub(super) fn suspect(&mut self, at: Offset) -> bool {
        if self.away.is_some() || self.is_open() {
            return false;
        }
        self.suspected = Some(at);
        self.is_asking = true;
        true
    }

    /// Whether it is not settled whether the server is there.
    pub(super) fn is_open(&self) -> bool {
        self.is_asking || self.ask_at.is_some()
    }

    /// Whether it is known to be away.
    pub(super) fn is_away(&self) -> bool {
        self.away.is_some()
    }

    /// Whether an execution since `start` ran while it was away.
    pub(super) fn overlaps(&self, start: Offset) -> bool {
        self.away.is_some() || self.back.is_some_and(|back| start < back)
    }

    /// An execution was hit.
    pub(super) fn hit(&mut self) {
        self.hits += 1;
    }

    /// When to ask again.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.ask_at
    }

    /// Whether it is time to ask again, which is done then.
    pub(super) fn is_due(&mut self, now: Instant) -> bool {
        let is_due = self.ask_at.take_if(|at| now >= *at).is_some();
        self.is_asking |= is_due;
        is_due
    }

    /// Takes in an answer.
    pub(super) fn hear(&mut self, answer: Answer, (now, at): (Instant, Offset)) -> Finding {
        self.is_asking = false;
        let (why, is_certain) = match answer {
            Answer::Unwell(status) if !self.is_odd => (format!("it answers {status}"), false),
            Answer::Refused(why) => (why, true),
            Answer::Silent(why) => (why, false),
            Answer::Well | Answer::Unwell(_) => return self.is_there(at),
        };
        self.doubts += 1;
        if self.away.is_some() {
            self.ask_at = Some(now + AGAIN.1);
            return Finding::Away;
        }
        if !is_certain && self.doubts < DOUBTS {
            self.ask_at = Some(now + AGAIN.0);
            return Finding::Open;
        }
        self.away = Some((self.suspected.unwrap_or(at), why.clone()));
        self.ask_at = Some(now + AGAIN.1);
        Finding::Lost(why)
    }

    fn is_there(&mut self, at: Offset) -> Finding {
        self.doubts = 0;
        match self.end(Some(at)) {
            None => Finding::There,
            Some(away) => {
                self.back = Some(at);
                Finding::Back(away)
            }
        }
    }

    /// It is over, because the server is back or because the run ends; how it was.
    pub(super) fn end(&mut self, until: Option<Offset>) -> Option<ServerAway> {
        self.ask_at = None;
        let (since, why) = self.away.take()?;
        Some(ServerAway { since, until, why, hits: std::mem::take(&mut self.hits) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused() -> Answer {
        Answer::Refused("refused".to_owned())
    }

    #[test]
    fn one_refusal_is_enough_and_its_end_is_told() {
        let (mut outage, now) = (Outage::default(), Instant::now());
        assert!(outage.suspect(Offset(5)));
        assert!(!outage.suspect(Offset(6)), "asked already");
        let lost = Finding::Lost("refused".to_owned());
        assert_eq!(outage.hear(refused(), (now, Offset(7))), lost);
        outage.hit();
        assert!(!outage.suspect(Offset(8)), "known to be away");
        assert!(outage.is_due(now + AGAIN.1));
        assert_eq!(outage.hear(refused(), (now, Offset(9))), Finding::Away);
        let away = ServerAway {
            since: Offset(5),
            until: Some(Offset(11)),
            why: "refused".to_owned(),
            hits: 1,
        };
        assert_eq!(outage.hear(Answer::Well, (now, Offset(11))), Finding::Back(away));
        assert!(outage.overlaps(Offset(10)) && !outage.overlaps(Offset(11)));
        assert_eq!(outage.deadline(), None);
    }

    #[test]
    fn an_error_is_asked_twice_and_is_no_news_where_it_was_always_there() {
        let (mut outage, now) = (Outage::default(), Instant::now());
        assert!(outage.suspect(Offset(1)));
        assert_eq!(outage.hear(Answer::Unwell(503), (now, Offset(1))), Finding::Open);
        assert!(outage.is_open() && outage.is_due(now + AGAIN.0));
        assert_eq!(outage.hear(Answer::Well, (now, Offset(2))), Finding::There);
        assert!(outage.suspect(Offset(3)));
        assert_eq!(outage.hear(Answer::Unwell(503), (now, Offset(3))), Finding::Open);
        assert!(outage.is_due(now + AGAIN.0));
        let lost = Finding::Lost("it answers 503".to_owned());
        assert_eq!(outage.hear(Answer::Unwell(503), (now, Offset(4))), lost);
        let mut odd = Outage::of_an_odd_server();
        assert!(odd.suspect(Offset(1)));
        assert_eq!(odd.hear(Answer::Unwell(503), (now, Offset(1))), Finding::There);
    }
}
