//! What tests leave running: found when their worker has ended, and ended.
//!
//! A thread of its own looks, so that nobody waits for processes that take their time to end. What
//! it needs to know of the crew it is told.

use std::collections::VecDeque;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, unbounded};

use super::record::monotonic_us;
use crate::model::{NodeId, TestIndex, WorkerId};
use crate::process::{Orphan, RunProcesses};

/// How long a process may take to end after its worker: a browser's does, once its pipe is closed.
const GRACE: Duration = Duration::from_millis(500);

/// Workers that are remembered after their end: a process may be seen only when others, who could
/// have started it, have ended too.
const REMEMBERED: usize = 64;

/// Tests of one worker whose beginnings are remembered.
const BEGINNINGS: usize = 10_000;

/// The kernel says to the hundredth of a second when a process was started.
const TICK_US: u64 = 10_000;

/// What one worker did when, in microseconds on the monotonic clock.
#[derive(Debug, Clone, Default)]
pub(super) struct Beginnings(VecDeque<(u64, TestIndex)>);

impl Beginnings {
    /// A test begins.
    pub(super) fn push(&mut self, at: u64, test: TestIndex) {
        if self.0.len() == BEGINNINGS {
            self.0.pop_front();
        }
        self.0.push_back((at, test));
    }

    /// When the first test began.
    pub(super) fn first(&self) -> Option<u64> {
        self.0.front().map(|&(at, _)| at)
    }

    /// The test in which something happened at this time, give or take; none if it may be another.
    fn test_at(&self, from: u64, to: u64) -> Option<TestIndex> {
        let before = self.0.partition_point(|&(at, _)| at <= from);
        let is_alone = self.0.get(before).is_none_or(|&(at, _)| at > to);
        let at = before.checked_sub(1).filter(|_| is_alone)?;
        Some(self.0[at].1)
    }
}

/// A worker that has ended, of which processes may be left.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) id: WorkerId,
    pub(super) pid: u32,
    pub(super) beginnings: Beginnings,
}

/// A worker that is still there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Present {
    pub(super) id: WorkerId,
    pub(super) pid: u32,
    /// When it began its first test.
    pub(super) since: Option<u64>,
}

/// Which of the processes that a worker leaves are worth a word. They are ended all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum News {
    /// All of them.
    All,
    /// Not those of the test that the worker died of, nor those that may be its.
    ButOf(Option<(TestIndex, NodeId)>),
    /// None: the run was interrupted.
    None,
}

/// A worker that has ended.
#[derive(Debug)]
struct Departed {
    member: Member,
    news: News,
    gone: u64,
}

/// A leak that was found.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) worker: Option<WorkerId>,
    pub(super) test: Option<Which>,
    pub(super) orphan: Orphan,
}

/// How the test is known that started a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Which {
    Index(TestIndex),
    Id(NodeId),
}

/// What is to be looked at.
enum Look {
    /// A worker has ended, while these are there, and these processes have their work.
    After { departed: Box<Departed>, crew: Vec<Present>, keep: Vec<u32> },
    /// Nobody is left that a process could belong to.
    Last { is_news: bool },
}

/// Has leaks looked for.
#[derive(Debug)]
pub(super) struct Leaks {
    looks: Sender<Look>,
    found: Receiver<Found>,
    thread: Option<JoinHandle<()>>,
}

impl Leaks {
    /// For the processes of a run.
    pub(super) fn of(processes: RunProcesses) -> Self {
        let (looks, to_do) = unbounded::<Look>();
        let (tell, found) = unbounded();
        let mut janitor = Janitor { processes, tell, past: VecDeque::new() };
        // Without a thread nothing is looked for, and the run's end finds what is left.
        let thread = std::thread::Builder::new()
            .name("leaks".to_owned())
            .spawn(move || to_do.iter().for_each(|look| janitor.look(look)));
        Self { looks, found, thread: thread.ok() }
    }

    /// A worker has ended. `crew` are the others, `keep` those and all other processes with work.
    pub(super) fn after(&self, member: Member, news: News, crew: Vec<Present>, keep: Vec<u32>) {
        let departed = Box::new(Departed { member, news, gone: monotonic_us() });
        let _ = self.looks.send(Look::After { departed, crew, keep }); // or there is no thread
    }

    /// A round is over, and all of its processes.
    pub(super) fn after_all(&self, is_news: bool) {
        let _ = self.looks.send(Look::Last { is_news });
    }

    /// What was found by now.
    pub(super) fn found(&self) -> Vec<Found> {
        self.found.try_iter().collect()
    }

    /// Waits until all is looked at; returns what was found.
    pub(super) fn finish(self) -> Vec<Found> {
        drop(self.looks);
        if let Some(thread) = self.thread {
            let _ = thread.join();
        }
        self.found.try_iter().collect()
    }
}

/// Looks, in a thread of its own.
struct Janitor {
    processes: RunProcesses,
    tell: Sender<Found>,
    past: VecDeque<Departed>,
}

impl Janitor {
    fn look(&mut self, look: Look) {
        match look {
            Look::After { departed, crew, keep } => {
                if self.past.len() == REMEMBERED {
                    self.past.pop_front();
                }
                self.past.push_back(*departed);
                let is_left = |it: &Orphan| match owner(it, &crew, &self.past) {
                    Owner::Gone(_) | Owner::OneOfThePast => true,
                    Owner::Present | Owner::Unknown => false,
                };
                let orphans = self.processes.orphans(&keep).into_iter().filter(is_left);
                self.end(orphans.collect(), &keep, true);
            }
            Look::Last { is_news } => self.end(self.processes.orphans(&[]), &[], is_news),
        }
    }

    /// Ends those that do not end by themselves, and tells of those that are news.
    fn end(&self, orphans: Vec<Orphan>, keep: &[u32], is_news: bool) {
        if orphans.is_empty() {
            return;
        }
        let orphans = if is_news { self.processes.outlasting(orphans, GRACE) } else { orphans };
        for orphan in orphans.iter().filter(|_| is_news) {
            let past = match owner(orphan, &[], &self.past) {
                Owner::Gone(at) => Some(&self.past[at]),
                Owner::Present | Owner::OneOfThePast | Owner::Unknown => None,
            };
            let test = test_of(orphan, past);
            if past.is_none_or(|it| it.news.has(test.as_ref())) {
                let named = || orphan.worker.as_ref()?.strip_prefix("gw")?.parse().ok();
                let worker = past.map(|it| it.member.id).or_else(|| named().map(WorkerId));
                let _ = self.tell.send(Found { worker, test, orphan: orphan.clone() });
            }
        }
        self.processes.end(&orphans, keep);
    }
}

impl News {
    /// Whether a leak of this test is worth a word.
    fn has(&self, test: Option<&Which>) -> bool {
        match (self, test) {
            (Self::All, _) | (Self::ButOf(None), Some(_)) => true,
            (Self::None, _) | (Self::ButOf(_), None) => false,
            (Self::ButOf(Some((index, _))), Some(Which::Index(test))) => index != test,
            (Self::ButOf(Some((_, id))), Some(Which::Id(test))) => id != test,
        }
    }
}

/// Who has started a process.
#[derive(Debug, PartialEq, Eq)]
enum Owner {
    /// Perhaps somebody who is still there: it may be in use.
    Present,
    /// This one of the past.
    Gone(usize),
    /// One of several that are past.
    OneOfThePast,
    /// The suite before its first test.
    Unknown,
}

/// By its group, which it has of its worker unless it left it; by its environment, unless it was
/// forked or has another; by when it was started, if only one worker was at work.
fn owner(orphan: &Orphan, crew: &[Present], past: &VecDeque<Departed>) -> Owner {
    if crew.iter().any(|it| it.pid == orphan.group) {
        return Owner::Present;
    }
    if let Some(at) = past.iter().rposition(|it| it.member.pid == orphan.group) {
        return Owner::Gone(at);
    }
    let at = orphan.started;
    let may_be = |id: WorkerId| orphan.worker.as_ref().is_none_or(|name| *name == id.to_string());
    let had_begun = |first: Option<u64>| first.is_some_and(|first| first <= at + TICK_US);
    if crew.iter().any(|it| may_be(it.id) && had_begun(it.since)) {
        return Owner::Present;
    }
    let was_there = |Departed { member, gone, .. }: &Departed| {
        may_be(member.id) && had_begun(member.beginnings.first()) && at <= *gone
    };
    let mut candidates = (0..past.len()).filter(|&index| was_there(&past[index]));
    match (candidates.next(), candidates.next()) {
        (Some(only), None) => Owner::Gone(only),
        (Some(_), Some(_)) => Owner::OneOfThePast,
        (None, _) => Owner::Unknown,
    }
}

fn test_of(orphan: &Orphan, past: Option<&Departed>) -> Option<Which> {
    if let Some(id) = &orphan.test {
        return Some(Which::Id(NodeId::new(id)));
    }
    let at = orphan.started;
    past?.member.beginnings.test_at(at, at + TICK_US).map(Which::Index)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(id: u32, pid: u32, begun: &[u64]) -> Member {
        let mut beginnings = Beginnings::default();
        for (&at, test) in begun.iter().zip(0..) {
            beginnings.push(at, TestIndex(test));
        }
        Member { id: WorkerId(id), pid, beginnings }
    }

    fn gone(member: Member, gone: u64) -> Departed {
        Departed { member, news: News::All, gone }
    }

    fn orphan(group: u32, worker: Option<&str>, started: u64) -> Orphan {
        Orphan {
            pid: 9,
            group,
            started: started * 1_000_000,
            command: String::new(),
            worker: worker.map(str::to_owned),
            test: None,
            members: vec![9],
        }
    }

    #[test]
    fn a_process_belongs_to_its_group_then_to_the_name_it_knows_then_to_who_was_there() {
        let second = 1_000_000;
        let past = VecDeque::from([
            gone(member(0, 10, &[second]), 9 * second),
            gone(member(0, 20, &[11 * second]), 19 * second),
        ]);
        let crew = [Present { id: WorkerId(1), pid: 30, since: Some(5 * second) }];
        let owner = |group, worker, at| owner(&orphan(group, worker, at), &crew, &past);
        assert_eq!(owner(10, None, 5), Owner::Gone(0));
        assert_eq!(owner(30, None, 5), Owner::Present);
        assert_eq!(owner(7, Some("gw0"), 12), Owner::Gone(1));
        assert_eq!(owner(7, Some("gw1"), 12), Owner::Present);
        assert_eq!(owner(7, None, 12), Owner::Present, "it may be gw1's");
        assert_eq!(owner(7, None, 3), Owner::Gone(0), "gw1 came later");
        assert_eq!(owner(7, None, 0), Owner::Unknown, "the template's");
    }

    #[test]
    fn a_process_may_be_of_one_of_two_that_are_gone() {
        let both = VecDeque::from([gone(member(0, 10, &[0]), 9), gone(member(1, 20, &[0]), 9)]);
        assert_eq!(owner(&orphan(7, None, 0), &[], &both), Owner::OneOfThePast);
    }

    #[test]
    fn a_test_is_named_only_if_no_other_began_within_the_tick() {
        let Member { beginnings, .. } = member(0, 1, &[100_000, 200_000, 201_000]);
        assert_eq!(beginnings.test_at(150_000, 160_000), Some(TestIndex(0)));
        assert_eq!(beginnings.test_at(195_000, 205_000), None);
        assert_eq!(beginnings.test_at(50_000, 60_000), None);
        assert_eq!(beginnings.test_at(300_000, 310_000), Some(TestIndex(2)));
    }

    #[test]
    fn what_the_test_had_open_that_a_worker_died_of_is_no_news() {
        let died = News::ButOf(Some((TestIndex(1), NodeId::new("t::b"))));
        assert!(!died.has(Some(&Which::Index(TestIndex(1)))));
        assert!(!died.has(Some(&Which::Id(NodeId::new("t::b")))));
        assert!(!died.has(None));
        assert!(died.has(Some(&Which::Id(NodeId::new("t::a")))));
        assert!(News::All.has(None) && !News::None.has(Some(&Which::Index(TestIndex(0)))));
    }
}
