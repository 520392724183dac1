//! Which warm process serves a run: what must be the same, and what each run brings along.

use std::collections::BTreeMap;
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::time::Duration;

/// Variables that differ from one terminal or one command to the next, and that no library makes
/// anything of when it is imported. A run gets its caller's values all the same.
pub(super) const VOLATILE: [&str; 22] = [
    "COLUMNS",
    "DBUS_SESSION_BUS_ADDRESS",
    "DESKTOP_STARTUP_ID",
    "INVOCATION_ID",
    "JOURNAL_STREAM",
    "LINES",
    "OLDPWD",
    "PWD",
    "SHLVL",
    "SSH_AUTH_SOCK",
    "SSH_CLIENT",
    "SSH_CONNECTION",
    "SSH_TTY",
    "STY",
    "TERM_SESSION_ID",
    "TMUX",
    "TMUX_PANE",
    "WINDOW",
    "WINDOWID",
    "XDG_SESSION_ID",
    "XDG_VTNR",
    "_",
];

/// How variables begin that pnl and pytest read anew in each run.
const OURS: [&str; 2] = ["PNL_", "PYTEST_"];

/// What is asked of a warm process.
#[derive(Debug)]
pub(in crate::engine) struct Order {
    /// The interpreter.
    pub(in crate::engine) python: PathBuf,
    /// pytest's arguments.
    pub(in crate::engine) argv: Vec<String>,
    /// The run's whole environment.
    pub(in crate::engine) env: BTreeMap<String, String>,
    /// Where it runs.
    pub(in crate::engine) cwd: PathBuf,
    /// The folder of the worker package.
    pub(in crate::engine) package: PathBuf,
    /// How long a process that this call starts waits for the next one.
    pub(in crate::engine) idle: Duration,
    /// The process that has it to itself, if one has.
    pub(in crate::engine) owner: Option<u32>,
}

impl Order {
    /// Names the process that can serve it.
    pub(super) fn key(&self) -> String {
        let mut hasher = DefaultHasher::new();
        (env!("CARGO_PKG_VERSION"), &self.package, &self.python, &self.cwd).hash(&mut hasher);
        if let Ok(status) = fs::metadata(&self.python) {
            (status.ino(), status.size(), status.mtime(), status.mtime_nsec()).hash(&mut hasher);
        }
        for variable in self.env.iter().filter(|(name, _)| counts(name)) {
            variable.hash(&mut hasher);
        }
        process_limits().hash(&mut hasher);
        let key = hasher.finish();
        self.owner.map_or_else(|| format!("{key:016x}"), |owner| format!("{key:016x}-{owner}"))
    }
}

fn counts(name: &str) -> bool {
    !VOLATILE.contains(&name) && !OURS.iter().any(|start| name.starts_with(start))
}

/// What a forked process has of its origin and not of its caller, as far as the system tells.
fn process_limits() -> Vec<String> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let lines = status.lines().filter(|line| {
        ["Umask:", "Uid:", "Gid:", "Groups:", "Cpus_allowed:"].iter().any(|it| line.starts_with(it))
    });
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    // Runs are marked by that of message queues: a pnl that a test starts would have another each time.
    let limits = limits.lines().filter(|line| !line.starts_with("Max msgqueue"));
    lines.chain(limits).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(env: &[(&str, &str)]) -> Order {
        Order {
            python: "/usr/bin/python3".into(),
            argv: vec!["tests".to_owned()],
            env: env.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect(),
            cwd: "/project".into(),
            package: "/cache/worker-1".into(),
            idle: Duration::from_secs(1),
            owner: None,
        }
    }

    #[test]
    fn a_variable_asks_for_another_process_unless_it_is_of_the_terminal_or_ours() {
        let plain = order(&[("LANG", "C")]).key();
        assert_eq!(order(&[("LANG", "C"), ("TMUX", "1"), ("PNL_RUN", "x")]).key(), plain);
        assert_ne!(order(&[("LANG", "C"), ("DATABASE_URL", "x")]).key(), plain);
        assert_ne!(order(&[("LANG", "C.UTF-8")]).key(), plain);
        let elsewhere = Order { cwd: "/other".into(), ..order(&[("LANG", "C")]) };
        assert_ne!(elsewhere.key(), plain);
    }
}
