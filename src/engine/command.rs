//! The pytest command of a scope, as a person would type it.

use crate::model::DistMode;

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

#[cfg(test)]
mod tests {
    use super::*;

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
