//! Runs the loop, and samples as its rounds end.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use super::Options;
use super::sample::Samples;
use crate::processes::Process;
use crate::programs::Programs;

/// A test that passes, one that is skipped, and one that fails in every tenth round.
const SUITE: [(&str, &str); 2] = [
    ("test_a.py", include_str!("../../../tests/faults/soak/test_a.py")),
    ("test_b.py", include_str!("../../../tests/faults/soak/test_b.py")),
];

/// Between two samples: reading a process's memory map takes some tenths of a millisecond.
const INTERVAL: Duration = Duration::from_secs(1);

/// A loop that has ended.
pub(super) struct Soaked {
    pub(super) folder: TempDir,
    pub(super) run: String,
    /// Rounds that ended.
    pub(super) rounds: u64,
    pub(super) ends: u64,
    pub(super) elapsed: Duration,
    /// Whether time was up before the rounds were.
    pub(super) is_cut: bool,
    pub(super) status: ExitStatus,
    pub(super) samples: Samples,
    pub(super) show: Command,
}

pub(super) fn drive(options: &Options, programs: &Programs) -> io::Result<Soaked> {
    let folder = tempfile::Builder::new().prefix("pnl-soak").tempdir()?;
    let path = |name: &str| folder.path().join(name);
    for name in ["project", "tmp", "home"] {
        fs::create_dir(path(name))?;
    }
    fs::write(path("project/pytest.ini"), "[pytest]\n")?;
    for (name, text) in SUITE {
        fs::write(path("project").join(name), text)?;
    }
    let pipe = path("events");
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0)?;
    // Opened without waiting for pnl, and read blockingly from then on.
    let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let events = File::options().read(true).custom_flags(flags).open(&pipe)?;
    let began = Instant::now();
    let mut child = start(options, (folder.path(), &pipe), programs)?;
    rustix::fs::fcntl_setfl(&events, rustix::fs::OFlags::empty())?;
    let mut watch = Watch::new(options, &child, path("tmp").as_path());
    wait_for_writer(&events)?;
    for line in BufReader::new(events).lines() {
        // A line that is not whole is the last.
        let Ok(event) = serde_json::from_str(&line?) else { break };
        watch.hear(&event);
    }
    let status = child.wait()?;
    let Watch { run, rounds, ends, is_cut, samples, .. } = watch;
    let mut show = pnl(folder.path(), programs);
    show.args(["show", &run, "--format", "json"]);
    let elapsed = began.elapsed();
    Ok(Soaked { folder, run, rounds, ends, elapsed, is_cut, status, samples, show })
}

/// A pipe that nobody has opened for writing yet reads as ended.
fn wait_for_writer(events: &File) -> io::Result<()> {
    let mut waiting = [rustix::event::PollFd::new(events, rustix::event::PollFlags::IN)];
    rustix::event::poll(&mut waiting, None)?;
    Ok(())
}

fn start(
    options: &Options,
    (folder, pipe): (&Path, &Path),
    programs: &Programs,
) -> io::Result<Child> {
    let mut command = pnl(folder, programs);
    command.args(["test", "-n", "2", "--keep-going", "--quiet", "--engine", &options.engine]);
    command.arg("--loop").arg(options.rounds.to_string());
    command.arg("--python").arg(&programs.python).arg("--jsonl").arg(pipe);
    if options.junit {
        command.arg("--junit").arg(folder.join("report.xml"));
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).spawn()
}

fn pnl(folder: &Path, programs: &Programs) -> Command {
    let mut command = Command::new(&programs.pnl);
    command.current_dir(folder.join("project")).env_clear();
    for name in ["PATH", "LD_LIBRARY_PATH"] {
        command.envs(std::env::var_os(name).map(|value| (name, value)));
    }
    command
        .env("LANG", "C.UTF-8")
        .env("HOME", folder.join("home"))
        .env("XDG_CACHE_HOME", &programs.cache)
        .env("TMPDIR", folder.join("tmp"))
        .env("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1");
    command
}

/// What is taken down as events come.
struct Watch {
    pnl: Process,
    end: Instant,
    sampled: Instant,
    run: String,
    rounds: u64,
    ends: u64,
    is_cut: bool,
    samples: Samples,
}

impl Watch {
    fn new(options: &Options, child: &Child, tmp: &Path) -> Self {
        let now = Instant::now();
        Self {
            pnl: Process(child.id()),
            end: now + Duration::from_secs_f64(options.minutes * 60.0),
            sampled: now,
            run: String::new(),
            rounds: 0,
            ends: 0,
            is_cut: false,
            samples: Samples::of(child.id(), tmp),
        }
    }

    fn hear(&mut self, event: &Value) {
        match event["event"].as_str().unwrap_or_default() {
            "run-started" => event["run"].as_str().unwrap_or_default().clone_into(&mut self.run),
            "test-ended" => self.ends += 1,
            "round-ended" => self.round_ended(),
            _ => {}
        }
    }

    fn round_ended(&mut self) {
        self.rounds += 1;
        let now = Instant::now();
        if now - self.sampled >= INTERVAL {
            self.sampled = now;
            self.samples.take(self.rounds);
        }
        if now >= self.end && !self.is_cut {
            self.is_cut = true;
            self.pnl.signal(Signal::INT);
        }
    }
}
