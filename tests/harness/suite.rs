//! A project with tests, in a folder that goes when the test ends.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use super::bell::{Bell, PROBE};
use super::{Run, Running, python};

/// A project, and what pnl is started with in it.
pub struct Suite {
    folder: TempDir,
    variables: Vec<(String, String)>,
}

impl Suite {
    /// A project of these files. pytest's root folder is the project's whatever is collected.
    pub fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::Builder::new().prefix("pnl-test-").tempdir().unwrap();
        let suite = Self { folder, variables: Vec::new() };
        for name in ["project", "probe", "tmp", "home"] {
            fs::create_dir(suite.folder.path().join(name)).unwrap();
        }
        fs::write(suite.folder.path().join("probe/probe.py"), PROBE).unwrap();
        suite.write("pytest.ini", "[pytest]\n");
        for (path, text) in files {
            suite.write(path, text);
        }
        suite
    }

    /// One more file.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// One more environment variable.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With pytest-xdist, which is left out otherwise: every plugin makes every start slower.
    #[must_use]
    pub fn with_xdist(self) -> Self {
        self.with("PYTEST_ADDOPTS", "-p xdist")
    }

    /// The project's folder, without links.
    pub fn root(&self) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join("project")
    }

    /// A folder beside the project's.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join(name)
    }

    /// Text of a file in the project.
    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.root().join(path)).unwrap()
    }

    /// What the suite has written by `probe.log`.
    pub fn log(&self) -> Vec<String> {
        let text = fs::read_to_string(self.beside("log")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Lets the suite ring.
    pub fn bell(&self) -> Bell {
        Bell::hang(&self.beside("bell"))
    }

    /// A program in the project's folder, with an environment that is the same everywhere.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.root()).env_clear().stdin(Stdio::null());
        for name in ["PATH", "LD_LIBRARY_PATH"] {
            command.envs(std::env::var_os(name).map(|value| (name, value)));
        }
        command
            .env("LANG", "C.UTF-8")
            .env("HOME", self.beside("home"))
            // The worker package, compiled once for all tests.
            .env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"))
            .env("TMPDIR", self.beside("tmp"))
            .env("PYTHONPATH", self.beside("probe"))
            .env("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
            .env("PNL_TEST_BELL", self.beside("bell"))
            .env("PNL_TEST_LOG", self.beside("log"))
            .envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// `pnl` with exactly these words.
    pub fn pnl(&self, words: &[&str]) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_pnl"));
        command.args(words);
        command
    }

    /// `pnl test` with these words, our Python, and its events written to a file.
    pub fn start(&self, words: &[&str]) -> Running {
        self.start_with(python(), words)
    }

    /// As [`Suite::start`] with another Python.
    pub fn start_with(&self, python: &Path, words: &[&str]) -> Running {
        let mut command = self.pnl(&["test", "--jsonl"]);
        let jsonl = self.beside(&format!("events-{}.jsonl", fastrand::u64(..)));
        command.arg(&jsonl).arg("--python").arg(python).args(words);
        Running::start(command, Some(&jsonl))
    }

    /// As [`Suite::start`], to its end.
    pub fn test(&self, words: &[&str]) -> Run {
        self.start(words).finish()
    }

    /// A `pnl` command to its end.
    pub fn run(&self, words: &[&str]) -> Run {
        Running::start(self.pnl(words), None).finish()
    }

    /// Plain pytest to its end.
    pub fn pytest(&self, words: &[&str]) -> Run {
        let mut command = self.command(python());
        command.args(["-m", "pytest"]).args(words);
        Running::start(command, None).finish()
    }

    /// The last run as `pnl show --format json` has it.
    pub fn show(&self) -> Value {
        let shown = self.run(&["show", "--format", "json"]);
        assert_eq!(shown.code, Some(0), "{shown}");
        serde_json::from_str(&shown.stdout).unwrap()
    }

    /// How many runs the history has.
    pub fn stored_runs(&self) -> usize {
        if !self.root().join(".pnl").exists() {
            return 0;
        }
        let listed = self.run(&["history", "--format", "json"]);
        let json: Value = serde_json::from_str(&listed.stdout)
            .unwrap_or_else(|error| panic!("{error}: {listed}"));
        json["runs"].as_array().unwrap().len()
    }

    /// How many executions of the last run are stored by now; 0 while there is no history.
    pub fn stored_executions(&self) -> u64 {
        let shown = self.run(&["show", "--format", "json"]);
        let json: Value = serde_json::from_str(&shown.stdout).unwrap_or_default();
        let totals = json["totals"].as_object().into_iter().flatten();
        totals.filter_map(|(_, count)| count.as_u64()).sum()
    }

    /// The text without what differs from machine to machine and from run to run.
    pub fn redact(&self, text: &str) -> String {
        let paths: [(&Path, &str); 3] = [
            (&self.beside(""), "[FOLDER]/"),
            (python(), "[PYTHON]"),
            (Path::new(env!("CARGO_BIN_EXE_pnl")), "pnl"),
        ];
        paths.iter().fold(text.to_owned(), |text, (path, name)| {
            text.replace(&path.display().to_string(), name)
        })
    }
}
