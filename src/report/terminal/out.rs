//! Standard output that may go away.

use std::io::{self, ErrorKind, Write};

use super::writable;

/// A writer that stops for good at its first error. A reader that has seen enough (`| head`) is no
/// error at all, and neither is an output that takes nothing just now: programs that tests start
/// (Node, for one) set terminals and pipes that they share with us to non-blocking.
pub(crate) struct Out {
    to: Option<Box<dyn Write + Send>>,
    wait: fn() -> io::Result<()>,
    warning: Option<String>,
}

impl Out {
    /// Writes to standard output.
    pub(crate) fn stdout() -> Self {
        Self { wait: writable::wait, ..Self::new(Box::new(io::stdout())) }
    }

    /// Writes to this.
    pub(crate) fn new(to: Box<dyn Write + Send>) -> Self {
        Self { to: Some(to), wait: || Ok(()), warning: None }
    }

    /// Writes and flushes.
    pub(crate) fn print(&mut self, text: &str) {
        let Some(to) = &mut self.to else { return };
        let Err(error) = write_patiently(to, text.as_bytes(), self.wait) else { return };
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

/// `write_all` and `flush` that wait where those would give up and forget how far they came.
fn write_patiently(
    to: &mut dyn Write,
    mut bytes: &[u8],
    wait: fn() -> io::Result<()>,
) -> io::Result<()> {
    loop {
        let step = if bytes.is_empty() { to.flush().map(|()| 0) } else { to.write(bytes) };
        match step {
            Ok(_) if bytes.is_empty() => return Ok(()),
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => wait()?,
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// Takes two bytes at every other call.
    struct Reluctant {
        taken: Arc<Mutex<Vec<u8>>>,
        willing: bool,
    }

    impl Reluctant {
        fn ready(&mut self) -> io::Result<()> {
            self.willing = !self.willing;
            if self.willing { Ok(()) } else { Err(ErrorKind::WouldBlock.into()) }
        }
    }

    impl Write for Reluctant {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.ready()?;
            let taken = &bytes[..bytes.len().min(2)];
            self.taken.lock().expect("one thread").extend_from_slice(taken);
            Ok(taken.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            self.ready()
        }
    }

    #[test]
    fn an_output_that_blocks_is_waited_for() {
        let taken = Arc::new(Mutex::new(Vec::new()));
        let mut out = Out::new(Box::new(Reluctant { taken: taken.clone(), willing: true }));
        out.print("all of it");
        assert!(out.into_warnings().is_empty());
        assert_eq!(*taken.lock().expect("one thread"), b"all of it");
    }

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
