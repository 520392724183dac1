//! What the history says of how long tests take, read while pytest starts.

use std::path::Path;
use std::thread::{Builder, JoinHandle};

use crate::model::Durations;
use crate::store::{History, StoreError};

/// A reading of the history that goes on, or is over.
#[derive(Debug, Default)]
pub(super) struct Past {
    reading: Option<JoinHandle<Result<Durations, StoreError>>>,
}

impl Past {
    /// Begins to read the history of the project at `root`, where one is to be read.
    pub(super) fn read(root: Option<&Path>) -> Self {
        let begin = |root: &Path| {
            let root = root.to_owned();
            let read = move || History::open_read(&root)?.durations();
            Builder::new().name("past".to_owned()).spawn(read).ok()
        };
        Self { reading: root.and_then(begin) }
    }

    /// What was read, once, if it is there: no test waits for it. An error says why it never will.
    pub(super) fn take(&mut self) -> Option<Result<Durations, String>> {
        let reading = self.reading.take_if(|it| it.is_finished())?;
        match reading.join() {
            Ok(Ok(durations)) => Some(Ok(durations)),
            Ok(Err(StoreError::Empty { .. })) => None,
            Ok(Err(error)) => Some(Err(error.to_string())),
            Err(_) => Some(Err("reading the history panicked".to_owned())),
        }
    }
}
