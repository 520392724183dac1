//! Keys: at once from a terminal, by the line from anything else.

use std::io::{self, BufRead as _, Read as _};

use rustix::termios::{LocalModes, OptionalActions, Termios, isatty, tcgetattr, tcsetattr};

/// A terminal that hands on each key; as before when dropped.
pub(super) struct Keys {
    before: Option<Termios>,
}

impl Keys {
    /// Takes the terminal, where standard input is one.
    pub(super) fn take() -> io::Result<Self> {
        let stdin = io::stdin();
        if !isatty(&stdin) {
            return Ok(Self { before: None });
        }
        let before = tcgetattr(&stdin)?;
        let mut now = before.clone();
        // Signals stay: Ctrl-C must work whatever we do.
        now.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
        tcsetattr(&stdin, OptionalActions::Now, &now)?;
        Ok(Self { before: Some(before) })
    }

    /// Whether keys come one by one.
    pub(super) fn is_terminal(&self) -> bool {
        self.before.is_some()
    }

    /// Gives the terminal back.
    pub(super) fn give_back(&mut self) {
        if let Some(before) = self.before.take() {
            // A terminal that is gone needs nothing back.
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &before);
        }
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        self.give_back();
    }
}

/// Reads keys until the input ends; of a line the first character counts, and of an empty one Enter.
pub(super) fn read(from_terminal: bool, mut tell: impl FnMut(char)) {
    let stdin = io::stdin();
    if from_terminal {
        let mut key = [0];
        while stdin.lock().read_exact(&mut key).is_ok() {
            tell(char::from(key[0]));
        }
    } else {
        for line in stdin.lock().lines().map_while(Result::ok) {
            tell(line.trim().chars().next().unwrap_or('\n'));
        }
    }
}
