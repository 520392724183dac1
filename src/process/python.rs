//! Finding the user's Python, and asking it what it has.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

/// An interpreter and why it was chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// As it will be called.
    pub path: PathBuf,
    /// Which setting named it: `--python`, `PNL_PYTHON`, `python in pyproject.toml`,
    /// `VIRTUAL_ENV`, `.venv`, or `PATH`.
    pub from: String,
}

/// Why no interpreter can be used. Each names what was looked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PythonError {
    /// A setting names something that is no file.
    #[error("{from} names the Python {}, and there is no such file", path.display())]
    Missing {
        /// Which setting.
        from: String,
        /// What it names.
        path: PathBuf,
    },
    /// Nothing was named and nothing was found.
    #[error("no Python was found: VIRTUAL_ENV is not set, no .venv in {} or above, no python3 on PATH", start.display())]
    None {
        /// Where the search upwards began.
        start: PathBuf,
    },
    /// It is there and does not run.
    #[error("the Python {} does not run: {why}", path.display())]
    Broken {
        /// What was run.
        path: PathBuf,
        /// What came of it.
        why: String,
    },
}

/// What the search looks at; taken as values so that it can be tested.
#[derive(Debug, Clone, Default)]
pub struct Interpreter {
    /// What the command line, the environment or a file named, with where.
    pub named: Option<(PathBuf, String)>,
    /// `VIRTUAL_ENV`.
    pub virtual_env: Option<OsString>,
    /// `PATH`.
    pub path: Option<OsString>,
}

/// Finds the interpreter: what is named, else `VIRTUAL_ENV`, else `.venv` from `start` upwards,
/// else `python3` on the path.
pub fn find(what: &Interpreter, start: &Path) -> Result<Found, PythonError> {
    if let Some((path, from)) = &what.named {
        return named(path, from, what.path.as_ref());
    }
    if let Some(env) = what.virtual_env.as_ref().filter(|env| !env.is_empty()) {
        return named(&Path::new(env).join("bin/python"), "VIRTUAL_ENV", None);
    }
    let venv = start.ancestors().map(|folder| folder.join(".venv/bin/python")).find(|p| p.exists());
    if let Some(path) = venv {
        return Ok(Found { path, from: ".venv".to_owned() });
    }
    on_path("python3", what.path.as_ref())
        .map(|path| Found { path, from: "PATH".to_owned() })
        .ok_or_else(|| PythonError::None { start: start.to_path_buf() })
}

fn named(path: &Path, from: &str, search: Option<&OsString>) -> Result<Found, PythonError> {
    let bare = path.components().count() == 1 && !path.exists();
    let found = if bare { path.to_str().and_then(|name| on_path(name, search)) } else { None };
    let path = found.unwrap_or_else(|| path.to_path_buf());
    // A folder that is a virtual environment is what people mean when they name one.
    let path = if path.is_dir() { path.join("bin/python") } else { path };
    if path.is_file() {
        // Not canonicalised: a virtual environment's python is a link, and is known by its place.
        let path = std::path::absolute(&path).unwrap_or(path);
        Ok(Found { path, from: from.to_owned() })
    } else {
        Err(PythonError::Missing { from: from.to_owned(), path })
    }
}

fn on_path(name: &str, path: Option<&OsString>) -> Option<PathBuf> {
    std::env::split_paths(path?).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// What an interpreter has of what pnl asks for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Modules {
    /// Python's version.
    pub python: String,
    /// pytest's version, where it is installed.
    pub pytest: Option<String>,
    /// pytest-xdist's version, where it is installed.
    pub xdist: Option<String>,
}

const PROBE: &str = r"
import json, sys
from importlib import metadata
def version(name):
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
print(json.dumps({'python': '.'.join(map(str, sys.version_info[:3])),
                  'pytest': version('pytest'), 'xdist': version('pytest-xdist')}))
";

/// Asks an interpreter for its version and for pytest's. Takes some 50 ms, so it is asked only
/// where the answer is needed: before an engine that needs xdist, and to explain a failed start.
pub fn probe(python: &Path) -> Result<Modules, PythonError> {
    let broken = |why: String| PythonError::Broken { path: python.to_path_buf(), why };
    let mut command = Command::new(python);
    command.args(["-c", PROBE]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = super::own::output(&mut command).map_err(|error| broken(error.to_string()))?;
    serde_json::from_slice(&output.stdout).map_err(|_| {
        let stderr = String::from_utf8_lossy(&output.stderr);
        let last = stderr.lines().rev().find(|line| !line.trim().is_empty());
        broken(last.map_or_else(|| output.status.to_string(), str::to_owned))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touch(path: &Path) {
        std::fs::create_dir_all(path.parent().expect("has a folder")).expect("made");
        std::fs::write(path, "").expect("written");
    }

    #[test]
    fn the_search_goes_from_named_to_virtual_env_to_venv_to_path() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        for file in ["named/python", "env/bin/python", "a/.venv/bin/python", "path/python3"] {
            touch(&root.join(file));
        }
        let mut what = Interpreter {
            named: Some((root.join("named/python"), "--python".to_owned())),
            virtual_env: Some(root.join("env").into()),
            path: Some(root.join("path").into()),
        };
        let start = root.join("a/b/c");
        let from = |what: &Interpreter, start: &Path| find(what, start).map(|found| found.from);
        assert_eq!(from(&what, &start), Ok("--python".to_owned()));
        what.named = None;
        assert_eq!(from(&what, &start), Ok("VIRTUAL_ENV".to_owned()));
        what.virtual_env = None;
        assert_eq!(from(&what, &start), Ok(".venv".to_owned()));
        assert_eq!(from(&what, root), Ok("PATH".to_owned()));
        what.path = None;
        assert_eq!(from(&what, root), Err(PythonError::None { start: root.to_path_buf() }));
    }

    #[test]
    fn a_named_python_that_is_missing_is_an_error_and_not_skipped() {
        let what = Interpreter {
            named: Some((PathBuf::from("/no/python"), "PNL_PYTHON".to_owned())),
            ..Interpreter::default()
        };
        let error = find(&what, Path::new("/")).expect_err("there is none").to_string();
        assert_eq!(error, "PNL_PYTHON names the Python /no/python, and there is no such file");
    }
}
