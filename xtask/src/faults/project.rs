//! The folder of a case: its suite, its plan, and what pnl is started with there.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;
use serde_json::json;
use tempfile::TempDir;

use super::case::Case;
use super::disk::{Disk, Group};
use super::fault::Fault;
use crate::programs::Programs;

const SUITE: [(&str, &str); 6] = [
    ("conftest.py", include_str!("../../../tests/faults/suite/conftest.py")),
    ("faulty.py", include_str!("../../../tests/faults/suite/faulty.py")),
    ("test_a.py", include_str!("../../../tests/faults/suite/test_a.py")),
    ("test_b.py", include_str!("../../../tests/faults/suite/test_b.py")),
    ("test_c.py", include_str!("../../../tests/faults/suite/test_c.py")),
    ("test_d.py", include_str!("../../../tests/faults/suite/test_d.py")),
];

/// Node ids of all tests.
pub(super) const TESTS: usize = 12;

/// The variable by which all processes of a case are found.
const MARK: &str = "PNL_FAULTS_CASE";

/// A case's place.
pub(super) struct Project<'a> {
    case: &'a Case,
    programs: &'a Programs,
    folder: TempDir,
    disk: Option<Disk>,
    group: Option<Group>,
}

/// Why a case cannot be had on this machine.
pub(super) enum Unfit {
    /// For the fault that needs it.
    Skipped(&'static str),
    /// The injector's own failure.
    Broken(io::Error),
}

impl From<io::Error> for Unfit {
    fn from(error: io::Error) -> Self {
        Self::Broken(error)
    }
}

impl<'a> Project<'a> {
    pub(super) fn make(case: &'a Case, programs: &'a Programs) -> Result<Self, Unfit> {
        let folder = tempfile::Builder::new().prefix("pf").tempdir_in("/tmp")?;
        let mut project = Self { case, programs, folder, disk: None, group: None };
        for name in ["project", "tmp", "home"] {
            fs::create_dir(project.path(name))?;
        }
        fs::write(project.path("project/pytest.ini"), "[pytest]\n")?;
        for (name, text) in SUITE {
            fs::write(project.path("project").join(name), text)?;
        }
        project.limit()?;
        project.plan(case.fault.word())?;
        Ok(project)
    }

    /// What the fault needs of the machine.
    fn limit(&mut self) -> Result<(), Unfit> {
        if self.case.fault == Fault::PnlHup && is_ignored(Signal::HUP) {
            // pnl goes on then, as whoever started it with nohup wishes.
            return Err(Unfit::Skipped("SIGHUP is ignored here (nohup)"));
        }
        if let Some(place) = self.disk_place() {
            let disk = Disk::mount(&place).ok_or(Unfit::Skipped("no small disk can be made"))?;
            self.disk = Some(disk);
        }
        if self.case.fault == Fault::Oom {
            let name = format!("pnl-faults-{}-{}", std::process::id(), self.case.index);
            let group = Group::make(&name).ok_or(Unfit::Skipped("no control group can be made"))?;
            self.group = Some(group);
        }
        Ok(())
    }

    fn disk_place(&self) -> Option<PathBuf> {
        match self.case.fault {
            Fault::FullTmp => Some(self.path("tmp")),
            Fault::FullHistory => Some(self.path("project/.pnl")),
            _ => None,
        }
    }

    fn plan(&self, fault: &str) -> io::Result<()> {
        let case = self.case;
        let text = json!({
            "fault": fault,
            "phase": case.phase.name(),
            "round": case.fault_round,
            "victim": case.victim,
            "failing": case.failing,
            "deaf": case.deaf,
            "garbage": case.garbage,
            "facts": self.path("facts"),
            "once": self.path("once"),
            "bell": self.path("bell"),
            "disk": self.disk_place(),
            "cgroup": self.group.as_ref().map(|it| &it.0),
        });
        fs::write(self.path("plan.json"), text.to_string())
    }

    /// Makes the project a healthy one, for the next run.
    pub(super) fn heal(&self) -> io::Result<()> {
        if let Some(place) = self.disk_place() {
            // The disk was never filled where the fault was not made.
            let _ = fs::remove_file(place.join("filling"));
        }
        self.plan("none")
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The entry that all processes of the case have in their environment.
    pub(super) fn mark(&self) -> String {
        format!("{MARK}={}", self.folder.path().display())
    }

    /// `pnl` with these words, in the project.
    pub(super) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.programs.pnl);
        command.args(words).current_dir(self.path("project")).env_clear();
        for name in ["PATH", "LD_LIBRARY_PATH"] {
            command.envs(std::env::var_os(name).map(|value| (name, value)));
        }
        command
            .env("LANG", "C.UTF-8")
            .env("HOME", self.path("home"))
            .env("XDG_CACHE_HOME", &self.programs.cache)
            .env("TMPDIR", self.path("tmp"))
            .env("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
            .env("FAULTS_PLAN", self.path("plan.json"))
            .env(MARK, self.folder.path());
        command
    }

    /// `pnl test` with the case's words, its events written to this file.
    pub(super) fn test(&self, events: &Path) -> Command {
        let mut command = self.command(&["test", "--python"]);
        command.arg(&self.programs.python).arg("--jsonl").arg(events).args(self.case.words());
        command
    }

    /// `pnl test` as anybody would type it next.
    pub(super) fn healthy(&self, events: &Path) -> Command {
        let mut command = self.command(&["test", "-n", "2", "--python"]);
        command.arg(&self.programs.python).arg("--jsonl").arg(events);
        command
    }

    /// pnl's private folders that are there.
    pub(super) fn private_folders(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path("tmp")).into_iter().flatten().flatten();
        let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
        names.filter(|name| name.starts_with("pnl-") || name.starts_with(".pnl")).collect()
    }

    /// Keeps the folder, for somebody who wants to look.
    pub(super) fn keep(mut self) -> PathBuf {
        self.folder.disable_cleanup(true);
        self.folder.path().to_owned()
    }
}

/// Whether this process, and with it all that it starts, ignores a signal.
fn is_ignored(signal: Signal) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = line.and_then(|it| u64::from_str_radix(it.trim(), 16).ok()).unwrap_or_default();
    mask & (1 << (signal.as_raw() - 1)) != 0
}
