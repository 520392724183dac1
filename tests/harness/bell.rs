//! How a suite tells a test what it is doing, and waits for it.
//!
//! Python code calls `probe.ring("word")`; the test's [`Bell::wait_for`] returns the ring, and the
//! Python code goes on when the ring is dropped.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use super::PATIENCE;

/// The module `probe`, which all suites can import.
pub const PROBE: &str = r#"
import os
import socket

def ring(word):
    """Tells the Rust test, and waits until it lets this go on."""
    with socket.socket(socket.AF_UNIX) as bell:
        bell.connect(os.environ["PNL_TEST_BELL"])
        bell.sendall(word.encode() + b"\n")
        bell.recv(1)

def log(*words):
    """Appends a line that the Rust test can read. Whole also when many write."""
    line = " ".join(map(str, words)) + "\n"
    with open(os.environ["PNL_TEST_LOG"], "ab", buffering=0) as file:
        file.write(line.encode())

def worker():
    return os.environ.get("PYTEST_XDIST_WORKER", "master")
"#;

/// Hears rings.
pub struct Bell {
    rings: Receiver<Ring>,
    early: VecDeque<Ring>,
}

/// A suite that waits; it goes on when this is dropped.
pub struct Ring {
    /// What it said.
    pub word: String,
    _stream: UnixStream,
}

impl Bell {
    /// Listens at `path`, until the test's process ends.
    pub fn hang(path: &Path) -> Self {
        let listener = UnixListener::bind(path).unwrap();
        let (sender, rings) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let sender = sender.clone();
                std::thread::spawn(move || {
                    let mut word = String::new();
                    // One that is killed before it has spoken says nothing.
                    if BufReader::new(&stream).read_line(&mut word).is_ok() {
                        let word = word.trim_end().to_owned();
                        let _ = sender.send(Ring { word, _stream: stream });
                    }
                });
            }
        });
        Self { rings, early: VecDeque::new() }
    }

    /// Waits until somebody rings with this word. Others are kept for later calls.
    pub fn wait_for(&mut self, word: &str) -> Ring {
        if let Some(at) = self.early.iter().position(|ring| ring.word == word) {
            return self.early.remove(at).unwrap();
        }
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(ring) = self.rings.recv_timeout(left) else {
                let heard: Vec<&str> = self.early.iter().map(|it| it.word.as_str()).collect();
                panic!("nobody rang {word:?}; there were {heard:?}");
            };
            if ring.word == word {
                return ring;
            }
            self.early.push_back(ring);
        }
    }
}
