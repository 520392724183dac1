//! Where a suite says that it waits at the fault's place.

use std::io::{BufRead as _, BufReader};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;

use crate::processes::Process;

/// Listens for a suite, beside the end of pnl.
pub(super) struct Bell {
    rings: Receiver<Option<Ring>>,
}

/// A process that waits; it goes on when this is dropped.
pub(super) struct Ring {
    /// The process.
    pub(super) pid: u32,
    /// Its parent: the template, for a forked worker.
    pub(super) parent: u32,
    _stream: UnixStream,
}

impl Bell {
    /// The socket, which is there before pnl is.
    pub(super) fn hang(path: &Path) -> std::io::Result<UnixListener> {
        UnixListener::bind(path)
    }

    /// Listens until `pnl` ends, or this time is over.
    pub(super) fn listen(listener: UnixListener, pnl: Process, limit: Duration) -> Self {
        let (sender, rings) = channel();
        let end = sender.clone();
        std::thread::spawn(move || {
            pnl.wait(limit);
            let _ = end.send(None);
        });
        std::thread::spawn(move || {
            // A suite rings once; the thread of one that does not is left to the injector's end.
            let Ok((stream, _)) = listener.accept() else { return };
            let mut line = String::new();
            if BufReader::new(&stream).read_line(&mut line).is_err() {
                return;
            }
            let said: Value = serde_json::from_str(&line).unwrap_or_default();
            let number = |key: &str| said[key].as_u64().unwrap_or_default() as u32;
            let ring = Ring { pid: number("pid"), parent: number("parent"), _stream: stream };
            let _ = sender.send(Some(ring));
        });
        Self { rings }
    }

    /// The ring, if it comes before pnl ends.
    pub(super) fn wait(&self) -> Option<Ring> {
        self.rings.recv().ok().flatten()
    }
}
