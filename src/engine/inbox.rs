//! The dispatcher's one inbox, and the threads that fill it.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender as Channel, bounded};

use super::door::{Admitted, Door};
use super::probe;
use super::record::monotonic_us;
use super::server::Answer;
use super::warm::Ending;
use crate::model::WorkerId;
use crate::process::{Ended, with_memory};
use crate::protocol::frame::{Decoder, FrameError};
use crate::protocol::socket::{Rendezvous, Sender};
use crate::protocol::{Hello, ToController};

/// Messages that may wait; beyond, those who send wait. Bounds the controller's memory when a test
/// prints faster than a terminal shows.
const CAPACITY: usize = 1024;

/// Reads of one connection that may wait: 64 KiB each, or what is left of one frame. Who says more
/// than the dispatcher hears waits, however many others are silent.
const READS: usize = 4;

/// How long a connection of quick tests is left alone after it was read, while all workers have
/// enough in hand. Each look at it costs four switches between threads, which were half of all that
/// the controller used of the processor when it looked after every test. What a worker says is safe
/// in the socket meanwhile, should it die. Less than `HORIZON` in `scheduler::depth`, the work that a
/// worker has in hand.
const LULL: Duration = Duration::from_millis(4);

/// Tests that take longer than this are rare enough to be heard of one by one.
const QUICK: Duration = Duration::from_millis(3);

/// A connection, numbered in the order of acceptance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct ConnId(u64);

/// Which process something comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Source {
    /// The template, or an observed pytest.
    Main,
    /// A worker.
    Worker(WorkerId),
}

/// What can happen.
#[derive(Debug)]
pub(super) enum Message {
    /// A process has said hello.
    Connected { conn: ConnId, hello: Hello, sender: Sender },
    /// Messages came on a connection, in order.
    Said { conn: ConnId, messages: Vec<ToController>, waits: Waits },
    /// A process cannot be heard, because the machine is short of something.
    Unheard { why: io::Error },
    /// A connection is over; how it broke the protocol, if it did.
    Closed { conn: ConnId, broke: Option<FrameError> },
    /// A process wrote.
    Wrote { source: Source, bytes: Vec<u8> },
    /// A process's output has ended: nobody holds it open.
    Silent { source: Source },
    /// A process that pnl started has ended.
    Exited { source: Source, ended: Ended },
    /// The server was asked again.
    ServerAnswered { answer: Answer },
    /// The state probe has answered a question.
    StateAnswered { number: u64, answer: probe::Answer },
    /// The user wants the run to end.
    Interrupt,
    /// The user wants the run to stand still.
    Suspend,
    /// The whole run has taken all that it may.
    TimeIsUp(Duration),
}

/// Makes room for the connection's next read when what it belongs to is over.
#[derive(Debug)]
pub(super) struct Waits(Receiver<()>);

impl Drop for Waits {
    fn drop(&mut self) {
        let _ = self.0.try_recv();
    }
}

/// A handle to interrupt a run from another thread.
#[derive(Debug, Clone)]
pub struct Control {
    sender: Channel<Message>,
    receiver: Receiver<Message>,
    may_gather: Arc<AtomicBool>,
    limit: Arc<RunLimit>,
}

/// What the whole run may take, and until when that is: microseconds on the monotonic clock, 0 for no
/// limit or one that has been told of.
#[derive(Debug, Default)]
struct RunLimit {
    limit_us: AtomicU64,
    until_us: AtomicU64,
}

impl Default for Control {
    fn default() -> Self {
        Self::new()
    }
}

impl Control {
    /// A handle for one run.
    #[must_use]
    pub fn new() -> Self {
        let (sender, receiver) = bounded(CAPACITY);
        Self { sender, receiver, may_gather: Arc::default(), limit: Arc::default() }
    }

    /// What a first Ctrl-C does; called again, what a second does.
    pub fn interrupt(&self) {
        // The receiver lives as long as this handle.
        let _ = self.sender.send(Message::Interrupt);
    }

    /// What a first Ctrl-Z does.
    pub fn suspend(&self) {
        let _ = self.sender.send(Message::Suspend);
    }

    /// Has the run told when it has taken so long from now on.
    pub(super) fn limit(&self, limit: Duration) {
        self.limit.limit_us.store(limit.as_micros() as u64, Ordering::Relaxed);
        let until = monotonic_us() + limit.as_micros() as u64;
        self.limit.until_us.store(until, Ordering::Relaxed);
    }

    /// All stood still for so long, which counts for nothing.
    pub(super) fn stood_still(&self, pause: Duration) {
        if self.limit.until_us.load(Ordering::Relaxed) > 0 {
            self.limit.until_us.fetch_add(pause.as_micros() as u64, Ordering::Relaxed);
        }
    }

    /// Waits for the next message, until `deadline` at most.
    pub(super) fn receive(&self, deadline: Option<Instant>) -> Option<Message> {
        let until = self.limit.until_us.load(Ordering::Relaxed);
        if until == 0 {
            return match deadline {
                None => self.receiver.recv().ok(),
                Some(deadline) => self.receiver.recv_deadline(deadline).ok(),
            };
        }
        let left = Duration::from_micros(until.saturating_sub(monotonic_us()));
        let end = Instant::now() + left;
        if !left.is_zero() {
            let deadline = deadline.map_or(end, |it| it.min(end));
            let message = self.receiver.recv_deadline(deadline).ok();
            if message.is_some() || Instant::now() < end {
                return message;
            }
        }
        self.limit.until_us.store(0, Ordering::Relaxed);
        let limit = Duration::from_micros(self.limit.limit_us.load(Ordering::Relaxed));
        Some(Message::TimeIsUp(limit))
    }

    /// Whether what quick tests say may gather for some milliseconds before it is received, because
    /// nobody waits for an answer.
    pub(super) fn let_gather(&self, may: bool) {
        self.may_gather.store(may, Ordering::Relaxed);
    }

    /// Accepts connections from now on, until the process ends.
    pub(super) fn accept(&self, rendezvous: &Rendezvous) -> io::Result<()> {
        let door = Door::new(rendezvous.listener()?, rendezvous.token())?;
        let inbox = self.clone();
        start_thread("door", move || door.serve(|coming| receive(coming, &inbox)))
    }

    /// Reads what a process writes, to the end.
    pub(super) fn read_output(&self, source: Source, output: File) -> io::Result<()> {
        let inbox = self.sender.clone();
        start_thread("output", move || forward_output(source, output, &inbox))
    }

    /// Waits for a child to end.
    pub(super) fn wait_for(&self, source: Source, mut child: Child) -> io::Result<()> {
        let inbox = self.sender.clone();
        start_thread("wait", move || {
            let ended = crate::process::wait(&mut child).map_or(Ended::Exit(-1), Ended::from);
            let ended = with_memory(ended);
            let _ = inbox.send(Message::Exited { source, ended });
        })
    }

    /// Waits for a template to end that is no child of ours.
    pub(super) fn wait_for_warm(&self, source: Source, ending: Ending) -> io::Result<()> {
        let inbox = self.sender.clone();
        start_thread("wait", move || {
            let ended = with_memory(ending.wait());
            let _ = inbox.send(Message::Exited { source, ended });
        })
    }

    /// Asks the server in the background.
    pub(super) fn ask_server(&self, url: &str) -> io::Result<()> {
        let inbox = self.sender.clone();
        let url = url.to_owned();
        start_thread("ask-server", move || {
            let answer = super::server::ask(&url);
            let _ = inbox.send(Message::ServerAnswered { answer });
        })
    }

    /// Has the state probe's answer found in the background.
    pub(super) fn answer_later(
        &self,
        number: u64,
        find: impl FnOnce() -> probe::Answer + Send + 'static,
    ) -> io::Result<()> {
        let inbox = self.sender.clone();
        start_thread("state-probe", move || {
            let _ = inbox.send(Message::StateAnswered { number, answer: find() });
        })
    }
}

fn start_thread(name: &str, body: impl FnOnce() + Send + 'static) -> io::Result<()> {
    std::thread::Builder::new().name(name.to_owned()).spawn(body).map(drop)
}

fn receive(coming: io::Result<Admitted>, inbox: &Control) {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let admitted = match coming {
        Ok(admitted) => admitted,
        Err(why) => {
            let _ = inbox.sender.send(Message::Unheard { why });
            return;
        }
    };
    let conn = ConnId(NEXT.fetch_add(1, Ordering::Relaxed));
    let heard = inbox.clone();
    let started = start_thread("connection", move || converse(conn, admitted, &heard));
    if let Err(why) = started {
        let _ = inbox.sender.send(Message::Unheard { why });
    }
}

/// Forwards what a connection says.
fn converse(conn: ConnId, admitted: Admitted, inbox: &Control) {
    let Admitted { mut stream, mut decoder, hello } = admitted;
    let sender = match stream.try_clone().and_then(Sender::new) {
        Ok(sender) => sender,
        Err(why) => {
            let _ = inbox.sender.send(Message::Unheard { why });
            return;
        }
    };
    if inbox.sender.send(Message::Connected { conn, hello, sender }).is_err() {
        return;
    }
    let broke = forward_messages(conn, &mut stream, &mut decoder, inbox).err();
    let _ = inbox.sender.send(Message::Closed { conn, broke });
}

fn forward_messages(
    conn: ConnId,
    stream: &mut UnixStream,
    decoder: &mut Decoder,
    inbox: &Control,
) -> Result<(), FrameError> {
    let mut buffer = vec![0; 64 * 1024];
    let (room, taken) = bounded(READS);
    let mut heard = Instant::now();
    loop {
        let mut messages = Vec::new();
        let broke = loop {
            match decoder.next_message_by(ToController::read) {
                Ok(Some(message)) => messages.push(message),
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
        };
        let ended = messages.iter().filter(|it| matches!(it, ToController::Done(_))).count();
        // What was said before it broke counts: which test it had begun, for one.
        if !messages.is_empty() {
            let _ = room.send(());
            let waits = Waits(taken.clone());
            if inbox.sender.send(Message::Said { conn, messages, waits }).is_err() {
                return Ok(());
            }
        }
        if let Some(error) = broke {
            return Err(error);
        }
        let since = std::mem::replace(&mut heard, Instant::now());
        let is_quick = heard.duration_since(since) < QUICK * ended as u32;
        if is_quick && inbox.may_gather.load(Ordering::Relaxed) {
            std::thread::sleep(LULL);
        }
        match stream.read(&mut buffer) {
            Ok(0) => return decoder.end(),
            Ok(read) => decoder.feed(&buffer[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // A reset is how a killed process's unread input ends.
            Err(_) => return Ok(()),
        }
    }
}

fn forward_output(source: Source, mut output: File, inbox: &Channel<Message>) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        match output.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => {
                let bytes = buffer[..read].to_vec();
                if inbox.send(Message::Wrote { source, bytes }).is_err() {
                    return;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    let _ = inbox.send(Message::Silent { source });
}
