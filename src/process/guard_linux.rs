//! The guard: a small process that ends what is left of a run if pnl is killed before it could.
//!
//! It is this program again, in a session of its own and under another name, so that neither the
//! terminal's signals nor `killall pnl` reach it. It reads from a pipe that only pnl can write to:
//! its end without a farewell says that pnl is gone.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, PipeWriter, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::group::{self, ControlGroup};
use super::leftovers::RunProcesses;
use super::lifeline::{self, LIFE};
use super::{Mark, kernel, own};

/// What it calls itself, as its first argument and for the system.
const NAME: &str = "run-guard";

/// How long tests may tear down before they are ended: a second less than all may take.
const GRACE: Duration = Duration::from_secs(1);

/// How long a process that is killed may take to be gone, before it is looked for again.
const PATIENCE: Duration = Duration::from_millis(100);

/// Looks for processes that are still there: some start others while they are killed.
const PASSES: usize = 20;

/// How long pnl waits for its guard's end, which takes a millisecond: in a container nobody else may.
const FAREWELL: Duration = Duration::from_millis(200);

/// The guard of this process, if it has one.
static GUARD: Mutex<Option<Guard>> = Mutex::new(None);

struct Guard {
    /// Where it hears.
    pipe: PipeWriter,
    /// Tells of its end.
    ended: Receiver<()>,
}

/// What it is told, a line each.
#[derive(Debug, Serialize, Deserialize)]
enum Word {
    /// This run is to be looked after from now on.
    Run(Charge),
    /// The run has ended, and nothing is left of it.
    Over,
}

/// A run that is looked after.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Charge {
    run: String,
    mark: Option<u64>,
    folder: PathBuf,
    group: Option<PathBuf>,
}

/// A run that is looked after by the guard, until this is dropped.
#[derive(Debug)]
pub struct Guarded(());

/// Starts the guard of this process, beside what else there is to do. Where it cannot be started,
/// runs go without it.
pub fn start_guard() -> io::Result<()> {
    let mut guard = the_guard();
    if guard.is_some() {
        return Ok(());
    }
    let (read, write) = io::pipe()?;
    let (tell_end, ended) = channel();
    // This file, though it was replaced or removed since.
    let mut command = Command::new("/proc/self/exe");
    command.arg0(NAME).stdin(read).stdout(Stdio::null()).stderr(Stdio::null()).env_clear();
    std::thread::Builder::new().name("guard".to_owned()).spawn(move || {
        own::attend(command);
        let _ = tell_end.send(());
    })?;
    *guard = Some(Guard { pipe: write, ended });
    Ok(())
}

/// Lets the guard of this process go, which has nothing to do any more. What is returned is to be
/// dropped when this process has nothing to do either: it waits for the guard's end.
#[must_use]
pub fn dismiss_guard() -> Dismissed {
    Dismissed(the_guard().take().map(|it| it.ended))
}

/// A guard that is on its way out.
#[derive(Debug)]
pub struct Dismissed(Option<Receiver<()>>);

impl Drop for Dismissed {
    fn drop(&mut self) {
        if let Some(ended) = &self.0 {
            let _ = ended.recv_timeout(FAREWELL);
        }
    }
}

fn the_guard() -> MutexGuard<'static, Option<Guard>> {
    GUARD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Has the guard look after a run: its processes, its private folder, its control group if it has one.
#[must_use]
pub fn guard(run: &str, folder: &Path, group: Option<&ControlGroup>) -> Guarded {
    tell(&Word::Run(Charge {
        run: run.to_owned(),
        mark: Mark::of(run).map(Mark::number),
        folder: folder.to_owned(),
        group: group.map(|it| it.folder().to_owned()),
    }));
    Guarded(())
}

impl Drop for Guarded {
    fn drop(&mut self) {
        tell(&Word::Over);
    }
}

fn tell(word: &Word) {
    if let (Some(guard), Ok(mut line)) = (the_guard().as_mut(), serde_json::to_vec(word)) {
        line.push(b'\n');
        let _ = guard.pipe.write_all(&line); // a guard that is gone hears nothing
    }
}

/// Whether this process was started to be a guard.
#[must_use]
pub fn is_guard() -> bool {
    std::env::args_os().next().as_deref() == Some(OsStr::new(NAME))
}

/// Is the guard, until the process that started it is gone.
pub fn stand_guard() {
    kernel::stand_apart();
    let mut charge = None;
    let mut held = None;
    for line in BufReader::new(io::stdin()).lines() {
        let Ok(line) = line else { break };
        match serde_json::from_str(&line) {
            Ok(Word::Run(it)) => {
                held = lifeline::hold(&it.folder.join(LIFE)).ok();
                charge = Some(it);
            }
            Ok(Word::Over) => (charge, held) = (None, None),
            Err(_) => {} // half a line: it was killed while it spoke
        }
    }
    if let Some(charge) = charge {
        charge.end(held);
    }
}

impl Charge {
    /// Lets tear-downs happen, then ends what is left.
    fn end(self, life: Option<File>) {
        let mark = self.mark.map(Mark::from_number);
        let processes = RunProcesses::with_mark(&self.run, mark).by_environment();
        let deadline = Instant::now() + GRACE;
        while processes.wait_for_all(deadline.saturating_duration_since(Instant::now())) {}
        // At this the kernel kills all that hold on to it.
        drop(life);
        self.group.as_deref().into_iter().for_each(group::end);
        for _ in 0..PASSES {
            if processes.kill_all(PATIENCE) == 0 {
                break;
            }
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
