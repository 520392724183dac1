//! Standard output that may go away.

use std::io::{ErrorKind, Write};

/// A writer that stops for good at its first error. A reader that has seen enough (`| head`) is no
/// error at all.
pub(crate) struct Out {
    to: Option<Box<dyn Write + Send>>,
    warning: Option<String>,
}

impl Out {
    /// Writes to this.
    pub(crate) fn new(to: Box<dyn Write + Send>) -> Self {
        Self { to: Some(to), warning: None }
    }

    /// Writes and flushes.
    pub(crate) fn print(&mut self, text: &str) {
        let Some(to) = &mut self.to else { return };
        let Err(error) = to.write_all(text.as_bytes()).and_then(|()| to.flush()) else { return };
        self.to = None;
        if error.kind() != ErrorKind::BrokenPipe {
            self.warning = Some(format!("standard output could not be written: {error}"));
        }
    }

    /// What could not be written.
    pub(crate) fn into_warnings(self) -> Vec<String> {
        self.warning.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fails(ErrorKind);

    impl Write for Fails {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_broken_pipe_is_quiet_and_other_errors_are_said_once() {
        for (kind, warnings) in [(ErrorKind::BrokenPipe, 0), (ErrorKind::StorageFull, 1)] {
            let mut out = Out::new(Box::new(Fails(kind)));
            out.print("a");
            out.print("b");
            assert_eq!(out.into_warnings().len(), warnings, "{kind:?}");
        }
    }
}
