//! pnl as a process: started, listened to, waited for.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use crate::processes::Process;

/// How long what it has written may take to come after its end.
const LINGER: Duration = Duration::from_secs(2);

/// A pnl that runs.
pub(super) struct Pnl {
    child: Child,
    lines: Receiver<String>,
    said: String,
}

/// One that has ended.
pub(super) struct Ended {
    pub(super) status: ExitStatus,
    pub(super) said: String,
    pub(super) elapsed: Duration,
}

impl Pnl {
    pub(super) fn start(mut command: Command) -> std::io::Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let (sender, lines) = channel();
        let streams: [Option<Box<dyn Read + Send>>; 2] = [
            child.stdout.take().map(|it| Box::new(it) as Box<dyn Read + Send>),
            child.stderr.take().map(|it| Box::new(it) as Box<dyn Read + Send>),
        ];
        for stream in streams.into_iter().flatten() {
            let sender = sender.clone();
            std::thread::spawn(move || {
                let mut reader = BufReader::new(stream);
                let mut line = Vec::new();
                while reader.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
                    let _ = sender.send(String::from_utf8_lossy(&line).into_owned());
                    line.clear();
                }
            });
        }
        Ok(Self { child, lines, said: String::new() })
    }

    pub(super) fn process(&self) -> Process {
        Process(self.child.id())
    }

    /// Waits for a line that contains this. One that does not come is not an error here: what ends
    /// a run may keep pnl from saying it.
    pub(super) fn hear(&mut self, part: &str, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else { return false };
            self.said.push_str(&line);
            if line.contains(part) {
                return true;
            }
        }
    }

    /// Waits for its end; None if it does not come in time.
    pub(super) fn end(mut self, limit: Duration) -> Result<Ended, Self> {
        let began = Instant::now();
        if !self.process().wait(limit) {
            return Err(self);
        }
        let elapsed = began.elapsed();
        let Ok(status) = self.child.wait() else { return Err(self) };
        // Who was left behind may hold the streams for ever.
        let deadline = Instant::now() + LINGER;
        let left = || deadline.saturating_duration_since(Instant::now());
        while let Ok(line) = self.lines.recv_timeout(left()) {
            self.said.push_str(&line);
        }
        Ok(Ended { status, said: self.said, elapsed })
    }

    /// What it has said so far.
    pub(super) fn said(&mut self) -> &str {
        while let Ok(line) = self.lines.try_recv() {
            self.said.push_str(&line);
        }
        &self.said
    }

    /// Reaps it after it was killed from outside.
    pub(super) fn reap(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
