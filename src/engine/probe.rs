//! The state probe: asks the server under test for its state between rounds, and around tests where
//! that is wanted; and says after what it differed.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::inbox::Control;
use super::plan::{Plan, Probing};
use super::server;
use crate::model::{NodeId, Round, StateProbe, StateProbed, TestInfo};
use crate::process::{Asked, Ended, Question, kill_group};

/// How long an answer may take. It is waited for before each round: a person would not wait longer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A hash of the state, or why there is none.
pub(super) type Answer = Result<Arc<str>, String>;

/// Tests that are named at the end as those that leave state behind.
const NAMED: usize = 5;

/// What asks, what it was asked last, and what came of it.
pub(super) struct Probes {
    probing: Option<Probing>,
    asked: u64,
    open: Option<Open>,
    has_failed: bool,
    states: States,
}

/// A question that is not answered yet.
struct Open {
    number: u64,
    about: StateProbed,
    /// The command's process.
    pid: Option<u32>,
    until: Instant,
}

/// What was answered.
#[derive(Debug, Default)]
struct States {
    /// After the last round, or before the first.
    at_round: Option<Arc<str>>,
    /// At the last question.
    last: Option<Arc<str>>,
    /// Rounds with a state before and after, and those of them where they differ.
    compared: u64,
    differed: u64,
    /// How often it differed after a test from what was before it.
    left_behind: BTreeMap<NodeId, u64>,
}

impl Probes {
    /// Nothing asked yet.
    pub(super) fn of(plan: &Plan) -> Self {
        let probing = plan.probing.clone();
        let states = States::default();
        Self { probing, asked: 0, open: None, has_failed: false, states }
    }

    /// Whether it is asked for around each test.
    pub(super) fn are_around_tests(&self) -> bool {
        self.probing.as_ref().is_some_and(|it| it.each_test)
    }

    /// Whether an answer is waited for.
    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Until when.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.open.as_ref().map(|it| it.until)
    }

    /// The process that is to answer.
    pub(super) fn pid(&self) -> Option<u32> {
        self.open.as_ref().and_then(|it| it.pid)
    }

    /// All has stood still for a while.
    pub(super) fn shift(&mut self, pause: Duration) {
        if let Some(open) = &mut self.open {
            open.until += pause;
        }
    }

    /// Asks, after what `about` names. Returns what to tell where that failed at once.
    pub(super) fn ask(
        &mut self,
        (plan, control): (&Plan, &Control),
        about: (Option<Round>, Option<Arc<TestInfo>>),
    ) -> Option<StateProbed> {
        let probing = self.probing.as_ref()?;
        self.asked += 1;
        let number = self.asked;
        let asked = match &probing.how {
            StateProbe::Url(url) => {
                let url = url.clone();
                control.answer_later(number, move || fetch(&url)).map(|()| None)
            }
            StateProbe::Command(argv) => command(plan, argv).and_then(|asked| {
                let pid = asked.pid();
                let heard = control.answer_later(number, move || hear(asked));
                heard.map(|()| Some(pid)).inspect_err(|_| kill_group(pid))
            }),
        };
        let (round, test) = about;
        // What it says until there is a better answer.
        let late = format!("no answer within {} s", PATIENCE.as_secs());
        let about = StateProbed { round, test, answer: Err(late) };
        match asked {
            Ok(pid) => {
                self.open = Some(Open { number, about, pid, until: Instant::now() + PATIENCE });
                None
            }
            Err(error) => Some(self.settle(about, Err(error.to_string()))),
        }
    }

    /// Takes in an answer: what to tell, if it was still waited for.
    pub(super) fn hear(&mut self, number: u64, answer: Answer) -> Option<StateProbed> {
        let open = self.open.take_if(|it| it.number == number)?;
        Some(self.settle(open.about, answer))
    }

    /// Gives up waiting when it has been long enough: what to tell then.
    pub(super) fn overdue(&mut self, now: Instant) -> Option<StateProbed> {
        let open = self.open.take_if(|it| now >= it.until)?;
        open.pid.into_iter().for_each(kill_group);
        let answer = open.about.answer.clone();
        Some(self.settle(open.about, answer))
    }

    /// The run ends: nobody wants to know any more.
    pub(super) fn give_up(&mut self) {
        let open = self.open.take();
        open.and_then(|it| it.pid).into_iter().for_each(kill_group);
    }

    fn settle(&mut self, about: StateProbed, answer: Answer) -> StateProbed {
        self.states.note(&about, answer.as_ref().ok());
        StateProbed { answer, ..about }
    }

    /// What to warn of, once, where there was no answer.
    pub(super) fn warning(&mut self, probed: &StateProbed) -> Option<String> {
        let why = probed.answer.as_ref().err()?;
        let is_news = !std::mem::replace(&mut self.has_failed, true);
        is_news.then(|| {
            format!(
                "the state probe did not answer: {why}. Where it does not, nothing is known of the \
                 server's state; pnl does not say this again"
            )
        })
    }

    /// What the answers come to, where there is something to compare.
    pub(super) fn summary(&self) -> Option<String> {
        let States { compared, differed, .. } = self.states;
        let rounds = match (differed, compared) {
            (_, 0) => return None,
            (0, 1) => "the state on the server was the same after the round as before".to_owned(),
            (_, 1) => "the state on the server differed after the round".to_owned(),
            (0, all) => format!("the state on the server was the same after each of {all} rounds"),
            (some, all) => format!("the state on the server differed after {some} of {all} rounds"),
        };
        let mut tests: Vec<(&NodeId, u64)> =
            self.states.left_behind.iter().map(|(id, &times)| (id, times)).collect();
        tests.sort_by_key(|it| std::cmp::Reverse(it.1));
        let named: Vec<String> =
            tests.iter().take(NAMED).map(|(id, times)| format!("{id} ({times}×)")).collect();
        let more = match tests.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        if named.is_empty() {
            return Some(rounds);
        }
        Some(format!("{rounds}; it changed after {}{more}", named.join(", ")))
    }
}

impl States {
    fn note(&mut self, about: &StateProbed, state: Option<&Arc<str>>) {
        let differs = |before: &Option<Arc<str>>| Some(*before.as_ref()? != *state?);
        if let Some(test) = &about.test {
            if differs(&self.last) == Some(true) {
                *self.left_behind.entry(test.nodeid.clone()).or_default() += 1;
            }
        } else {
            if let Some(differs) = differs(&self.at_round) {
                self.compared += 1;
                self.differed += u64::from(differs);
            }
            self.at_round = state.cloned();
        }
        self.last = state.cloned();
    }
}

fn command(plan: &Plan, argv: &[String]) -> io::Result<Asked> {
    let question = Question { argv: argv.to_vec(), env: plan.env.clone(), cwd: plan.root.clone() };
    question.ask().map_err(|error| {
        io::Error::new(error.kind(), format!("{} cannot be started: {error}", argv[0]))
    })
}

fn hear(asked: Asked) -> Answer {
    let mut hash = Hash::default();
    match asked.hear(|bytes| hash.add(bytes)) {
        Ok(Ended::Exit(0)) => Ok(hash.text()),
        Ok(Ended::Exit(status)) => Err(format!("the command ended with status {status}")),
        Ok(Ended::Signal(signal)) => Err(format!("the command was ended by signal {signal}")),
        Ok(Ended::OutOfMemory) => Err("the command was ended for want of memory".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn fetch(url: &str) -> Answer {
    let response = server::agent(PATIENCE).get(url).call().map_err(|error| error.to_string())?;
    let status = response.status();
    if !status.is_success() {
        return Err(format!("it answers {}", status.as_u16()));
    }
    let mut body = response.into_body().into_reader();
    let mut hash = Hash::default();
    let mut buffer = [0; 16 * 1024];
    loop {
        match body.read(&mut buffer) {
            Ok(0) => return Ok(hash.text()),
            Ok(read) => hash.add(&buffer[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.to_string()),
        }
    }
}

/// 128-bit FNV-1a (Fowler, Noll and Vo): nobody has a reason to make two states collide, and it is the
/// same in all versions of pnl, so that runs can be compared.
struct Hash(u128);

impl Default for Hash {
    fn default() -> Self {
        Self(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d)
    }
}

impl Hash {
    fn add(&mut self, bytes: &[u8]) {
        const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
        for &byte in bytes {
            self.0 = (self.0 ^ u128::from(byte)).wrapping_mul(PRIME);
        }
    }

    fn text(&self) -> Arc<str> {
        format!("{:032x}", self.0).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::TestIndex;

    fn states(answers: &[(Option<&str>, Option<&str>)]) -> Probes {
        let mut probes = Probes {
            probing: None,
            asked: 0,
            open: None,
            has_failed: false,
            states: States::default(),
        };
        for (test, state) in answers {
            let test = test.map(|id| {
                let nodeid = NodeId::new(id);
                Arc::new(TestInfo { index: TestIndex(0), nodeid, line: None, group: None })
            });
            let about = StateProbed { round: None, test, answer: Err(String::new()) };
            let answer = state.map(Arc::from).ok_or_else(|| "refused".to_owned());
            probes.settle(about, answer);
        }
        probes
    }

    #[test]
    fn rounds_are_compared_with_what_was_before_them() {
        let summary = |answers: &[(Option<&str>, Option<&str>)]| states(answers).summary();
        assert_eq!(summary(&[(None, Some("a"))]), None, "nothing to compare");
        let three = [(None, Some("a")), (None, Some("b")), (None, Some("b")), (None, Some("c"))];
        let wanted = "the state on the server differed after 2 of 3 rounds";
        assert_eq!(summary(&three).as_deref(), Some(wanted));
        let gap = [(None, Some("a")), (None, None), (None, Some("b")), (None, Some("b"))];
        let wanted = "the state on the server was the same after the round as before";
        assert_eq!(summary(&gap).as_deref(), Some(wanted), "nothing is known beside a gap");
    }

    #[test]
    fn tests_that_leave_state_behind_are_named_the_most_frequent_first() {
        let round = [
            (None, Some("0")),
            (Some("t::once"), Some("1")),
            (Some("t::clean"), Some("1")),
            (Some("t::often"), Some("2")),
            (Some("t::often"), Some("3")),
            (None, Some("3")),
        ];
        let wanted = "the state on the server differed after the round; it changed after t::often \
                      (2×), t::once (1×)";
        assert_eq!(states(&round).summary().as_deref(), Some(wanted));
    }

    #[test]
    fn an_answer_that_does_not_come_is_given_up() {
        let mut probes = states(&[]);
        let about = StateProbed { round: None, test: None, answer: Err("late".to_owned()) };
        let now = Instant::now();
        let until = now + PATIENCE;
        probes.open = Some(Open { number: 1, about: about.clone(), pid: None, until });
        assert_eq!(probes.hear(0, Ok("an older one's".into())), None);
        assert_eq!(probes.overdue(now), None);
        assert_eq!(probes.overdue(until), Some(about));
        assert_eq!(probes.hear(1, Ok("too late".into())), None);
    }

    #[test]
    fn a_failure_is_warned_of_once() {
        let mut probes = states(&[]);
        let failed = StateProbed { round: None, test: None, answer: Err("refused".to_owned()) };
        assert!(probes.warning(&failed).is_some_and(|it| it.contains("refused")));
        assert_eq!(probes.warning(&failed), None);
    }

    /// From the authors' page of test vectors, for 128 bits.
    #[test]
    fn the_hash_is_fnv_1a() {
        for (text, wanted) in [
            ("", "6c62272e07bb014262b821756295c58d"),
            ("a", "d228cb696f1a8caf78912b704e4a8964"),
            ("foobar", "343e1662793c64bf6f0d3597ba446f18"),
        ] {
            let mut hash = Hash::default();
            hash.add(text.as_bytes());
            assert_eq!(&*hash.text(), wanted, "{text}");
        }
    }
}
