//! The template process: collects, then forks workers on order.

use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::early_end::{cannot_start, reason_of_early_end, unheard, wrong_version};
use super::inbox::{ConnId, Control, Message, Source};
use super::kept;
use super::launch::Base;
use super::listed::Listed;
use super::overtime::{Awaited, Due, Overtime};
use super::permits::Permits;
use super::plan::{Plan, Warmth};
use super::recruit::send_order;
use super::stacks;
use super::suspend::suspend;
use super::warm::{Called, call};
use crate::model::StopReason;
use crate::process::{Ended, Mark, Signal, Tail, Tree, kill_group, send_signal};
use crate::protocol::socket::Sender;
use crate::protocol::{
    FileRow, Fork, Hello, Ready, Role, TestRow, ToController, ToWorker, VERSION,
};

/// What is kept of a template's output: pytest's whole report of a failed collection.
const OUTPUT_KEPT: usize = 1 << 20;

/// How long it may take after a run to its end: plugins write their files then, such as a report of
/// coverage for each source file. Ctrl-C ends it sooner.
const LONG_PATIENCE: Duration = Duration::from_secs(600);

/// Notices that a template may have at its beginning, and words at its end; it has a few.
const WORDS: usize = 1000;

/// A template and its conversation.
pub(super) struct Template {
    pid: u32,
    conn: Option<(ConnId, Sender)>,
    words_said: usize,
    output: Tail,
    /// Where it comes from, where that is worth a word.
    pub(super) words: Option<String>,
    /// How it ended, once it has.
    pub(super) ended: Option<Ended>,
    silent: bool,
    /// Where it writes its stacks when it is asked.
    folder: PathBuf,
    /// What it may take for what it does.
    clock: Overtime,
}

/// What it is called where it writes its stacks.
const NAME: &str = "template";

/// What a collection that succeeded found.
pub(super) struct Collection {
    pub(super) hello: Hello,
    pub(super) ready: Ready,
    pub(super) rows: Vec<TestRow>,
    /// Files that workers are to collect; none where all tests are known.
    pub(super) files: Vec<FileRow>,
    /// What the user should know of it, with how serious it is, in the protocol's word.
    pub(super) notices: Vec<(String, String)>,
}

/// How long its last words may come after its process has ended.
const LINGER: Duration = Duration::from_secs(1);

/// How a template ended that was told to.
pub(super) struct Ending {
    /// Its process's end, if it ended by itself.
    pub(super) ended: Option<Ended>,
    /// The last line that it wrote, and all that is kept of what it wrote.
    pub(super) last_line: String,
    pub(super) output: String,
    /// What it said meanwhile.
    pub(super) said: Vec<ToController>,
    /// Where it was when it had to be ended, if it had.
    pub(super) stalled: Option<String>,
    /// Why the run ends for another reason than the one that it was told.
    pub(super) cut: Option<StopReason>,
}

/// How pytest ended where it was to become ready.
pub(super) struct NotReady {
    /// The hello, if it came that far.
    pub(super) hello: Option<Box<Hello>>,
    /// The run's end.
    pub(super) reason: StopReason,
    /// What pytest printed.
    pub(super) output: String,
}

impl Template {
    /// Starts the process.
    pub(super) fn start(base: &Base, plan: &Plan, control: &Control) -> Result<Self, NotReady> {
        let (started, words) = match plan.warmth {
            Warmth::Cold => (start_cold(base, plan, control), None),
            Warmth::Warm { idle, owner } => {
                match base.warm_template(plan, idle, owner).and_then(|it| call(&it)) {
                    Ok(called) => {
                        let words = called.words.clone();
                        (take_warm(called, base, plan, control), Some(words))
                    }
                    Err(why) => (start_cold(base, plan, control), Some(format!("cold: {why}"))),
                }
            }
        };
        match started {
            Ok(pid) => Ok(Self {
                pid,
                words,
                conn: None,
                words_said: 0,
                output: Tail::keeping(OUTPUT_KEPT),
                ended: None,
                silent: false,
                folder: base.rendezvous.folder().to_owned(),
                clock: Overtime::new(Awaited::Hello, Instant::now(), plan.bounds.collection),
            }),
            Err(error) => Err(NotReady {
                hello: None,
                reason: cannot_start(plan, &error),
                output: String::new(),
            }),
        }
    }

    /// Waits until it has collected.
    pub(super) fn collect(
        &mut self,
        plan: &Plan,
        control: &Control,
    ) -> Result<Collection, NotReady> {
        let mut greeting = None;
        let mut rows = Listed::default();
        let mut files = Listed::default();
        let mut notices = Vec::new();
        let mut stop: Option<StopReason> = None;
        let mut grace = Overtime::new(Awaited::Exit, Instant::now(), None);
        loop {
            let deadline = self.clock.deadline().into_iter().chain(grace.deadline()).min();
            let Some(message) = control.receive(deadline) else {
                self.do_what_is_due();
                if grace.due(Instant::now()).is_some() {
                    kill_group(self.pid);
                }
                continue;
            };
            match message {
                Message::Connected { conn, hello, sender } => {
                    if self.conn.is_some() || hello.role != Role::Template {
                        sender.close();
                        continue;
                    }
                    self.conn = Some((conn, sender));
                    self.clock.awaited = Awaited::Collection;
                    if hello.v != VERSION {
                        stop = Some(self.broke(&wrong_version(hello.v)));
                    }
                    greeting = Some(hello);
                }
                Message::Said { conn, messages, waits: _waits } if self.speaks_on(conn) => {
                    for message in messages {
                        let taken = match message {
                            ToController::Tests { tests } => rows.extend(tests),
                            ToController::Files { files: more } => files.extend(more),
                            ToController::Notice { level, text } => {
                                if notices.len() < WORDS {
                                    notices.push((level, kept::notice(text)));
                                }
                                Ok(())
                            }
                            ToController::Ready(ready) => {
                                if let Some(hello) = greeting.take().filter(|_| stop.is_none()) {
                                    let (rows, files) = (rows.take(), files.take());
                                    return Ok(Collection { hello, ready, rows, files, notices });
                                }
                                Ok(())
                            }
                            _ => Ok(()),
                        };
                        if let Err(error) = taken {
                            stop = Some(self.broke(&error.to_string()));
                        }
                    }
                }
                Message::Closed { conn, broke: Some(error) } if self.speaks_on(conn) => {
                    stop = Some(self.broke(&error.to_string()));
                }
                Message::TimeIsUp(_) if stop.is_some() => {}
                Message::Interrupt | Message::TimeIsUp(_) => {
                    // The first lets pytest end its session, the second ends pytest.
                    if stop.is_some() {
                        kill_group(self.pid);
                    }
                    send_signal(self.pid, Signal::INT);
                    stop = Some(match message {
                        Message::TimeIsUp(limit) => StopReason::RunTimeout(limit),
                        _ => StopReason::Interrupted,
                    });
                    grace = Overtime::new(Awaited::Exit, Instant::now(), Some(plan.bounds.grace));
                }
                Message::Suspend => {
                    let pause = suspend(control, &[self.pid]);
                    self.clock.shift(pause);
                    grace.shift(pause);
                }
                Message::Unheard { why } => {
                    // It waits for an answer that cannot come.
                    self.kill();
                    stop.get_or_insert(unheard(&why));
                }
                other => self.note(other),
            }
            if let Some(ended) = self.ended
                && self.silent
            {
                let mut output = self.output.text();
                let reason = match (stop, self.stall()) {
                    (Some(reason), _) => reason,
                    (None, Some((what, stacks))) => {
                        output.push_str(&stacks);
                        StopReason::Stalled(what)
                    }
                    (None, None) => reason_of_early_end(plan, ended, greeting.is_some()),
                };
                let hello = greeting.map(Box::new);
                return Err(NotReady { hello, reason, output });
            }
        }
    }

    /// Asks for its stacks, and ends it, when what it does takes too long.
    fn do_what_is_due(&mut self) {
        match self.clock.due(Instant::now()) {
            Some(Due::Dump) => self.ask_for_stacks(),
            Some(Due::Terminate) => Tree::of(self.pid).signal(Signal::TERM),
            Some(Due::Kill) => self.kill(),
            Some(Due::Slow | Due::GiveUp) | None => {}
        }
    }

    /// What took too long, if it was ended for that, and where it was.
    fn stall(&self) -> Option<(String, String)> {
        Some((self.clock.stall_of_pytest()?, self.stacks()))
    }

    /// Asks it for its stacks.
    pub(super) fn ask_for_stacks(&self) {
        stacks::ask(self.pid);
    }

    /// What it wrote when it was asked.
    pub(super) fn stacks(&self) -> String {
        stacks::read(&self.folder, NAME, self.pid)
    }

    /// Its process; a warm one's is nobody's child.
    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    /// Ends it at once, with all that it started.
    pub(super) fn kill(&self) {
        Tree::of(self.pid).signal(Signal::KILL);
        kill_group(self.pid);
    }

    /// Takes in what concerns its process.
    pub(super) fn note(&mut self, message: Message) {
        match message {
            Message::Wrote { source: Source::Main, bytes } => self.output.push(&bytes),
            Message::Silent { source: Source::Main } => self.silent = true,
            Message::Exited { source: Source::Main, ended } => self.ended = Some(ended),
            _ => {}
        }
    }

    /// Counts a notice or the like; whether that was not one too many.
    pub(super) fn may_say_more(&mut self) -> bool {
        self.words_said += 1;
        self.words_said <= WORDS
    }

    /// Ends it, for what it says cannot be believed any more; the run's end.
    fn broke(&self, how: &str) -> StopReason {
        self.kill();
        StopReason::Internal(format!("pytest's process broke the protocol: {how}"))
    }

    /// Whether this is its connection.
    pub(super) fn speaks_on(&self, conn: ConnId) -> bool {
        self.conn.as_ref().is_some_and(|(own, _)| *own == conn)
    }

    /// Orders a worker; returns the reading end of its output.
    pub(super) fn fork(&mut self, order: Fork, permits: &Permits) -> io::Result<std::fs::File> {
        let Some((_, sender)) = &mut self.conn else {
            return Err(io::Error::other("the template has not connected"));
        };
        send_order(sender, &ToWorker::Fork(order), permits)
    }

    /// Tells it something. A template that is gone is told nothing.
    pub(super) fn tell(&mut self, message: &ToWorker) {
        if let Some((_, sender)) = &mut self.conn {
            let _ = sender.send(message);
        }
    }

    /// Ends the session and waits for the process's end, within bounds.
    pub(super) fn shut_down(
        mut self,
        control: &Control,
        (reason, grace): (&StopReason, Duration),
        collected: Option<u32>,
    ) -> Ending {
        let is_judged = reason.is_judged();
        if let Some((_, sender)) = &mut self.conn {
            let code = (!is_judged).then(|| reason.exit_code(0).code());
            let message = reason.to_string();
            // A template that is gone already is as well.
            let _ = sender.send(&ToWorker::Shutdown { code, message, collected });
        }
        let patience = if is_judged { LONG_PATIENCE } else { grace };
        self.clock = Overtime::new(Awaited::SessionEnd, Instant::now(), Some(patience));
        let mut linger = self.ended.map(|_| Instant::now() + LINGER);
        let mut said = Vec::new();
        let mut cut = None;
        let mut closed = self.conn.is_none();
        while self.ended.is_none() || !closed {
            let deadline = linger.or(self.clock.deadline());
            match control.receive(deadline) {
                Some(Message::Interrupt) => {
                    cut.get_or_insert(StopReason::Interrupted);
                    break;
                }
                Some(Message::TimeIsUp(limit)) => {
                    cut.get_or_insert(StopReason::RunTimeout(limit));
                    self.clock = Overtime::new(Awaited::SessionEnd, Instant::now(), Some(grace));
                }
                None if linger.is_some() || deadline.is_none() => break,
                None => {
                    self.do_what_is_due();
                    if self.clock.deadline().is_none() {
                        break;
                    }
                }
                Some(Message::Suspend) => self.clock.shift(suspend(control, &[self.pid])),
                Some(Message::Said { conn, messages, waits: _waits }) if self.speaks_on(conn) => {
                    let left = WORDS.saturating_sub(said.len());
                    said.extend(messages.into_iter().filter_map(last_word).take(left));
                }
                Some(Message::Closed { conn, .. }) => closed |= self.speaks_on(conn),
                Some(message) => {
                    self.note(message);
                    if self.ended.is_some() {
                        // What it said last comes on another way.
                        linger.get_or_insert(Instant::now() + LINGER);
                    }
                }
            }
        }
        if self.ended.is_none() {
            kill_group(self.pid);
        }
        let written = self.output.text();
        let last = written.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
        let last = last.to_owned();
        let stalled = self.stall().map(|(what, stacks)| format!("{what}; it was here:\n{stacks}"));
        Ending { ended: self.ended, last_line: last, output: written, said, stalled, cut }
    }
}

/// What a template says at its end and is to be shown; the rest is for nobody.
fn last_word(message: ToController) -> Option<ToController> {
    match message {
        ToController::Summary { text } => Some(ToController::Summary { text: kept::block(text) }),
        ToController::Notice { level, text } => {
            Some(ToController::Notice { level, text: kept::notice(text) })
        }
        _ => None,
    }
}

fn start_cold(base: &Base, plan: &Plan, control: &Control) -> io::Result<u32> {
    let started = base.template(plan).start()?;
    let pid = started.child.id();
    base.admit(pid);
    if let Some(output) = started.output {
        control.read_output(Source::Main, output)?;
    }
    control.wait_for(Source::Main, started.child)?;
    Ok(pid)
}

fn take_warm(called: Called, base: &Base, plan: &Plan, control: &Control) -> io::Result<u32> {
    control.read_output(Source::Main, called.output)?;
    control.wait_for_warm(Source::Main, called.ending)?;
    base.admit(called.pid);
    if let Some(mark) = Mark::of(plan.run.as_str()) {
        // One that has ended already needs none.
        let _ = mark.put_on(called.pid);
    }
    Ok(called.pid)
}
