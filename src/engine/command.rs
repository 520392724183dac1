//! The pytest command of a scope, as a person would type it.

use std::path::Path;

use crate::model::{DistMode, NodeId};

/// What [`pytest_command`] goes by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PytestCommand {
    /// Paths to collect; empty for what pytest collects by itself.
    pub paths: Vec<String>,
    /// Whether pytest-playwright is to show its browser.
    pub headed: bool,
    /// Worker processes of pytest-xdist; 1 is plain pytest without `-n`.
    pub workers: usize,
    /// xdist's dist mode; [`DistMode::Pnl`], which xdist does not have, leaves it out, and xdist
    /// takes its own default (`load`).
    pub dist: DistMode,
}

/// The argument list: for `tests/e2e`, headed, 4 workers and `loadfile` it is
/// `python -m pytest tests/e2e --headed -n 4 --dist loadfile`.
#[must_use]
pub fn pytest_command(options: &PytestCommand) -> Vec<String> {
    let mut command = words(&["python", "-m", "pytest"]);
    command.extend(options.paths.iter().cloned());
    if options.headed {
        command.push("--headed".to_owned());
    }
    // `--dist each -n 1` and `--dist no` are honoured; a lone worker otherwise needs no xdist.
    if options.workers > 1 || options.dist == DistMode::Each {
        command.extend(["-n".to_owned(), options.workers.to_string()]);
        if options.dist != DistMode::Pnl {
            command.extend(["--dist".to_owned(), options.dist.name().to_owned()]);
        }
    }
    command
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

/// What names a test on pytest's command line, which is relative to where pytest is started.
#[must_use]
pub fn argument(nodeid: &NodeId, rootdir: &Path, cwd: &Path) -> Option<String> {
    let file = rootdir.join(nodeid.file());
    if !file.exists() {
        return None;
    }
    let path = file.strip_prefix(cwd).unwrap_or(&file);
    Some(format!("{}{}", path.display(), &nodeid.as_str()[nodeid.file().len()..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_id_is_named_from_where_pytest_starts() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("sub")).expect("made");
        std::fs::write(folder.path().join("sub/test_a.py"), "").expect("written");
        let id = NodeId::new("sub/test_a.py::test[a::b/c]");
        let named = |cwd: &Path| argument(&id, folder.path(), cwd);
        assert_eq!(named(folder.path()).as_deref(), Some("sub/test_a.py::test[a::b/c]"));
        let below = named(&folder.path().join("sub"));
        assert_eq!(below.as_deref(), Some("test_a.py::test[a::b/c]"));
        let elsewhere = named(Path::new("/nowhere")).expect("its whole path");
        assert!(elsewhere.ends_with("/sub/test_a.py::test[a::b/c]"), "{elsewhere}");
        assert_eq!(argument(&NodeId::new("gone.py::t"), folder.path(), folder.path()), None);
    }

    fn options() -> PytestCommand {
        PytestCommand {
            paths: vec!["tests/e2e".to_owned()],
            headed: true,
            workers: 4,
            dist: DistMode::LoadFile,
        }
    }

    #[test]
    fn the_older_scripts_command_comes_out() {
        assert_eq!(
            pytest_command(&options()).join(" "),
            "python -m pytest tests/e2e --headed -n 4 --dist loadfile"
        );
    }

    #[test]
    fn one_worker_is_plain_pytest() {
        let plain = PytestCommand { headed: false, workers: 1, ..options() };
        assert_eq!(pytest_command(&plain).join(" "), "python -m pytest tests/e2e");
    }

    #[test]
    fn all_names_no_path_and_pnls_own_mode_is_left_to_xdist() {
        let all =
            PytestCommand { paths: Vec::new(), headed: false, dist: DistMode::Pnl, ..options() };
        assert_eq!(pytest_command(&all).join(" "), "python -m pytest -n 4");
    }
}
