//! A command that is run for what it prints.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

use super::{Ended, own};

/// What to run.
#[derive(Debug, Clone)]
pub struct Question {
    /// Program and arguments; no shell is involved.
    pub argv: Vec<String>,
    /// Variables on top of this process's own.
    pub env: BTreeMap<String, String>,
    /// Working folder.
    pub cwd: PathBuf,
}

/// A command that was asked and is to be heard. It leads a process group of its own.
#[derive(Debug)]
pub struct Asked {
    child: Child,
    stdout: Option<ChildStdout>,
}

impl Question {
    /// Starts it. Stdin is empty, and nobody reads what it writes to stderr.
    ///
    /// # Panics
    /// If `argv` is empty.
    pub fn ask(&self) -> io::Result<Asked> {
        let (program, arguments) = self.argv.split_first().expect("a question names a program");
        let mut command = Command::new(program);
        command
            .args(arguments)
            .envs(&self.env)
            .current_dir(&self.cwd)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0);
        let mut child = own::start(&mut command, None)?;
        let stdout = child.stdout.take();
        Ok(Asked { child, stdout })
    }
}

impl Asked {
    /// Its process, which leads its group.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Hands all that it prints to `sink`, waits for its end, and says how it ended.
    pub fn hear(mut self, mut sink: impl FnMut(&[u8])) -> io::Result<Ended> {
        let mut buffer = [0; 16 * 1024];
        let heard = self.stdout.take().map_or(Ok(()), |mut stdout| {
            loop {
                match stdout.read(&mut buffer) {
                    Ok(0) => return Ok(()),
                    Ok(read) => sink(&buffer[..read]),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
        });
        let ended = own::wait(&mut self.child)?;
        heard.map(|()| ended.into())
    }
}
