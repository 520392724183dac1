//! Calling a warm process, and starting one that is missing.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use super::key::{Order, VOLATILE};
use super::place::{Place, sockets};
use crate::process::{Daemon, Ended, RUN_VARIABLE, kill_group};
use crate::protocol::frame::Decoder;
use crate::protocol::socket::{Sender, peer_is_this_user};
use crate::protocol::warm::{FromWarm, ToWarm, WarmStatus};

/// How long it may take to fork. Longer, and the run goes without it; starting one is part of it.
const PATIENCE: Duration = Duration::from_secs(20);

/// As long as a run's id, which is written over it: what a test leaves behind is found by that.
const NO_RUN: &str = "----------------------";

/// A template that was forked.
#[derive(Debug)]
pub(in crate::engine) struct Called {
    pub(in crate::engine) pid: u32,
    /// What it writes.
    pub(in crate::engine) output: File,
    /// Tells of its end.
    pub(in crate::engine) ending: Ending,
    /// For the user, in a few words.
    pub(in crate::engine) words: String,
}

/// The conversation that tells of a forked template's end.
#[derive(Debug)]
pub(in crate::engine) struct Ending {
    pid: u32,
    conversation: Conversation,
}

impl Ending {
    /// Blocks until it has ended. If the warm process is gone, so is the template after this.
    pub(in crate::engine) fn wait(mut self) -> Ended {
        match self.conversation.hear() {
            Ok(FromWarm::Ended { exit: Some(status), .. }) => Ended::Exit(status),
            Ok(FromWarm::Ended { signal: Some(signal), .. }) => Ended::Signal(signal),
            _ => {
                kill_group(self.pid);
                Ended::Signal(rustix::process::Signal::KILL.as_raw())
            }
        }
    }
}

/// Has a template forked. `Err` says why there is none, in a few words.
pub(in crate::engine) fn call(order: &Order) -> Result<Called, String> {
    let told = |error: io::Error| format!("the warm process cannot be reached: {error}");
    let place = Place::of(&order.key()).map_err(told)?;
    let mut why_new = None;
    // Once for one that is about to end, once for its successor.
    for _ in 0..2 {
        let (stream, is_new) = connect(&place, order).map_err(told)?;
        let mut conversation = Conversation::new(stream).map_err(told)?;
        let (read, write) = io::pipe().map_err(told)?;
        let write = OwnedFd::from(write);
        let message = ToWarm::Run {
            argv: order.argv.clone(),
            env: order.env.clone(),
            cwd: order.cwd.clone(),
        };
        let sent = conversation.sender.send_with_fds(&message, &[write.as_fd()]);
        drop(write);
        match sent.and_then(|()| conversation.hear()) {
            Ok(FromWarm::Started { pid, modules, bare }) => {
                conversation.wait_for_ever().map_err(told)?;
                let words = words(is_new, why_new.as_deref(), modules, bare.as_deref());
                let output = File::from(OwnedFd::from(read));
                let ending = Ending { pid, conversation };
                return Ok(Called { pid, output, ending, words });
            }
            Ok(FromWarm::Refused { why }) => why_new = Some(why),
            Ok(_) => return Err("the warm process does not understand".to_owned()),
            Err(error) if is_new => {
                let log = fs::read_to_string(&place.log).unwrap_or_default();
                let last = log.lines().rev().find(|line| !line.trim().is_empty());
                return Err(last.map_or_else(|| told(error), str::to_owned));
            }
            Err(error) if is_timeout(&error) => return Err(told(error)),
            Err(_) => {}
        }
    }
    Err("warm processes end as soon as they are called".to_owned())
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

fn words(is_new: bool, why_new: Option<&str>, modules: u32, bare: Option<&str>) -> String {
    match (is_new, why_new, bare) {
        (true, Some(why), _) => format!("started anew: {why}"),
        (true, None, _) => "started; later runs find it warm".to_owned(),
        (false, _, Some(why)) => format!("warm, without libraries: {why}"),
        (false, _, None) => format!("warm, {modules} modules ready"),
    }
}

fn connect(place: &Place, order: &Order) -> io::Result<(UnixStream, bool)> {
    if let Ok(stream) = UnixStream::connect(&place.socket) {
        return Ok((stream, false));
    }
    let _lock = place.lock()?;
    if let Ok(stream) = UnixStream::connect(&place.socket) {
        return Ok((stream, false));
    }
    match fs::remove_file(&place.socket) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // Ours is the listening socket, so that calls wait in it until the process has started.
    let listener = UnixListener::bind(&place.socket)?;
    start(place, order, &listener)?;
    Ok((UnixStream::connect(&place.socket)?, true))
}

/// What a warm process is told when it is started; read by `worker/pnl_worker/warm.py`.
#[derive(Serialize)]
struct Orders<'a> {
    socket: &'a Path,
    log: &'a Path,
    root: &'a Path,
    idle_s: f64,
    volatile: &'a [&'a str],
    restore: BTreeMap<&'a str, Option<&'a String>>,
}

fn start(place: &Place, order: &Order, listener: &UnixListener) -> io::Result<()> {
    let python_path = order.env.get("PYTHONPATH");
    let orders = Orders {
        socket: &place.socket,
        log: &place.log,
        root: &order.cwd,
        idle_s: order.idle.as_secs_f64(),
        volatile: &VOLATILE,
        restore: BTreeMap::from([("PYTHONPATH", python_path)]),
    };
    let mut env = order.env.clone();
    let in_front = match python_path {
        Some(rest) if !rest.is_empty() => format!("{}:{rest}", order.package.display()),
        _ => order.package.display().to_string(),
    };
    env.insert("PYTHONPATH".to_owned(), in_front);
    env.insert("PNL_WARM_ORDER".to_owned(), serde_json::to_string(&orders)?);
    env.insert(RUN_VARIABLE.to_owned(), NO_RUN.to_owned());
    env.remove("PNL_SESSION");
    let argv = vec![order.python.display().to_string(), "-m".to_owned(), "pnl_worker".to_owned()];
    Daemon { argv, env, cwd: order.cwd.clone() }.start(listener.as_fd())
}

#[derive(Debug)]
struct Conversation {
    stream: UnixStream,
    sender: Sender,
    decoder: Decoder,
}

impl Conversation {
    fn new(stream: UnixStream) -> io::Result<Self> {
        if !peer_is_this_user(&stream) {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, "another user listens"));
        }
        stream.set_read_timeout(Some(PATIENCE))?;
        let sender = Sender::new(stream.try_clone()?)?;
        Ok(Self { stream, sender, decoder: Decoder::default() })
    }

    fn wait_for_ever(&self) -> io::Result<()> {
        self.stream.set_read_timeout(None)
    }

    fn hear(&mut self) -> io::Result<FromWarm> {
        let mut buffer = [0; 4096];
        loop {
            if let Some(message) = self.decoder.next_message().map_err(io::Error::other)? {
                return Ok(message);
            }
            match self.stream.read(&mut buffer) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => self.decoder.feed(&buffer[..read]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn ask(&mut self, message: &ToWarm) -> io::Result<FromWarm> {
        self.sender.send(message)?;
        self.hear()
    }
}

/// A warm process that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Where it listens.
    pub socket: PathBuf,
    /// How it is; none where it does not answer.
    pub status: Option<WarmStatus>,
}

/// All of this user's warm processes. A socket that nobody listens on any more is removed.
pub fn list() -> io::Result<Vec<Listed>> {
    let mut listed = Vec::new();
    for socket in sockets()? {
        match UnixStream::connect(&socket) {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                fs::remove_file(&socket)?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
            Ok(stream) => {
                let answer = Conversation::new(stream)?.ask(&ToWarm::Status);
                let status = match answer {
                    Ok(FromWarm::Status(status)) => Some(status),
                    _ => None,
                };
                listed.push(Listed { socket, status });
            }
        }
    }
    Ok(listed)
}

/// Waits until all that former runs have given to prepare is ready.
pub fn settle() -> io::Result<()> {
    for listed in list()? {
        Conversation::new(UnixStream::connect(&listed.socket)?)?.ask(&ToWarm::Settle)?;
    }
    Ok(())
}

/// Ends those that this process has to itself.
pub fn stop_owned(owner: u32) -> io::Result<()> {
    let ending = format!("-{owner}");
    for listed in list()? {
        let name = listed.socket.file_stem().unwrap_or_default().to_string_lossy();
        if name.ends_with(&ending) {
            stop(&listed)?;
        }
    }
    Ok(())
}

/// Ends one; returns its process, which is on its way out when this returns.
pub fn stop(listed: &Listed) -> io::Result<Option<u32>> {
    match Conversation::new(UnixStream::connect(&listed.socket)?)?.ask(&ToWarm::Stop)? {
        FromWarm::Stopped { pid } => Ok(Some(pid)),
        _ => Ok(None),
    }
}
