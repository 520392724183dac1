//! Scopes: named parts of a suite; and how words on the command line become paths.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::values::WorkerCount;

/// A named part of a suite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// Its name.
    pub name: String,
    /// Paths relative to the project's folder; empty for what pytest itself would collect.
    pub paths: Vec<String>,
    /// Whether its tests need the server.
    pub needs_server: bool,
    /// Arguments for pytest.
    pub pytest_args: Vec<String>,
    /// Workers where nothing else says how many.
    pub workers: Option<WorkerCount>,
}

/// `e2e`, `http` and `all`.
#[must_use]
pub fn default_scopes() -> BTreeMap<String, Scope> {
    let scope = |name: &str, paths: &[&str], needs_server| Scope {
        name: name.to_owned(),
        paths: paths.iter().map(|&path| path.to_owned()).collect(),
        needs_server,
        pytest_args: Vec::new(),
        workers: None,
    };
    [
        scope("all", &[], false),
        scope("e2e", &["tests/e2e"], true),
        scope("http", &["tests/http"], true),
    ]
    .into_iter()
    .map(|scope| (scope.name.clone(), scope))
    .collect()
}

/// What the words on the command line select.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// In a few words, for people: `e2e (tests/e2e)`.
    pub label: String,
    /// For pytest; empty for what it would collect by itself.
    pub paths: Vec<String>,
    /// Whether a named scope needs the server.
    pub needs_server: bool,
    /// Whether only named scopes, `all` not among them, were selected: then whether the server is
    /// needed is known.
    pub is_certain: bool,
    /// Arguments of the scopes.
    pub pytest_args: Vec<String>,
    /// Workers of the scopes, the first that says.
    pub workers: Option<WorkerCount>,
}

/// A word that selects nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// It is neither a scope nor a path.
    #[error(
        "{word:?} is no scope, and there is no file or folder of that name in {}.\n\
         Known scopes: {known}. More can be named in the configuration: [tool.pnl.scopes.{word}]",
        cwd.display()
    )]
    Unknown {
        /// What was given.
        word: String,
        /// Where paths were looked for.
        cwd: PathBuf,
        /// The scopes there are.
        known: String,
    },
    /// It is meant as a path and does not exist.
    #[error("the path {word} does not exist (looked for {})", looked_for.display())]
    NoPath {
        /// What was given.
        word: String,
        /// What it stands for.
        looked_for: PathBuf,
    },
    /// The scope's folder is missing.
    #[error(
        "the scope {name} runs {path}, and there is no such file or folder in {}.\n\
         Name another path for it in the configuration: [tool.pnl.scopes.{name}] paths = […], or \
         run pnl in the project's folder",
        root.display()
    )]
    NoFolder {
        /// The scope.
        name: String,
        /// Its path.
        path: String,
        /// Where it was looked for.
        root: PathBuf,
    },
}

/// Resolves words: names of scopes, paths, node ids; none is `all`.
///
/// Scopes' paths are relative to `root`, the user's own to `cwd`.
pub fn select(
    words: &[String],
    scopes: &BTreeMap<String, Scope>,
    root: &Path,
    cwd: &Path,
) -> Result<Selection, ScopeError> {
    let mut selection = Selection {
        label: String::new(),
        paths: Vec::new(),
        needs_server: false,
        is_certain: !words.is_empty(),
        pytest_args: Vec::new(),
        workers: None,
    };
    let mut labels = Vec::new();
    for word in words {
        if let Some(scope) = scopes.get(word) {
            selection.is_certain &= !scope.paths.is_empty();
            selection.needs_server |= scope.needs_server;
            selection.pytest_args.extend(scope.pytest_args.iter().cloned());
            selection.workers = selection.workers.or(scope.workers);
            selection.paths.extend(scope_paths(scope, root, cwd)?);
            labels.push(match scope.paths.as_slice() {
                [] => scope.name.clone(),
                paths => format!("{} ({})", scope.name, paths.join(" ")),
            });
        } else {
            check_path(word, scopes, cwd)?;
            selection.is_certain = false;
            selection.paths.push(word.clone());
            labels.push(word.clone());
        }
    }
    selection.label = if labels.is_empty() { "all".to_owned() } else { labels.join(", ") };
    Ok(selection)
}

fn scope_paths(scope: &Scope, root: &Path, cwd: &Path) -> Result<Vec<String>, ScopeError> {
    scope
        .paths
        .iter()
        .map(|path| {
            let file = path.split("::").next().unwrap_or(path);
            if !root.join(file).exists() {
                return Err(ScopeError::NoFolder {
                    name: scope.name.clone(),
                    path: path.clone(),
                    root: root.to_path_buf(),
                });
            }
            Ok(if root == cwd { path.clone() } else { root.join(path).display().to_string() })
        })
        .collect()
}

fn check_path(word: &str, scopes: &BTreeMap<String, Scope>, cwd: &Path) -> Result<(), ScopeError> {
    let looked_for = cwd.join(word.split("::").next().unwrap_or(word));
    if looked_for.exists() {
        return Ok(());
    }
    if word.contains(['/', '.', ':']) {
        return Err(ScopeError::NoPath { word: word.to_owned(), looked_for });
    }
    let known = scopes.keys().cloned().collect::<Vec<_>>().join(", ");
    Err(ScopeError::Unknown { word: word.to_owned(), cwd: cwd.to_path_buf(), known })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir_all(folder.path().join("tests/e2e")).expect("made");
        folder
    }

    fn choose(words: &[&str], root: &Path) -> Result<Selection, ScopeError> {
        let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        select(&words, &default_scopes(), root, root)
    }

    #[test]
    fn scopes_and_paths_are_told_apart() {
        let folder = folder();
        let e2e = choose(&["e2e"], folder.path()).expect("there");
        assert_eq!(e2e.paths, ["tests/e2e"]);
        assert_eq!(e2e.label, "e2e (tests/e2e)");
        assert!(e2e.needs_server && e2e.is_certain);
        let path = choose(&["tests/e2e::test_x"], folder.path()).expect("there");
        assert!(!path.is_certain);
        let all = choose(&[], folder.path()).expect("always");
        assert_eq!((all.label.as_str(), all.is_certain), ("all", false));
    }

    #[test]
    fn what_selects_nothing_says_so() {
        let folder = folder();
        let unknown = choose(&["smoke"], folder.path()).expect_err("unknown").to_string();
        assert!(unknown.contains("Known scopes: all, e2e, http"), "{unknown}");
        let path = choose(&["tests/x.py::test"], folder.path()).expect_err("missing").to_string();
        assert!(path.starts_with("the path tests/x.py::test does not exist"), "{path}");
        let missing = choose(&["http"], folder.path()).expect_err("no folder").to_string();
        assert!(
            missing.starts_with("the scope http runs tests/http, and there is no"),
            "{missing}"
        );
    }

    #[test]
    fn from_below_the_root_scopes_are_found_by_their_whole_path() {
        let folder = folder();
        let below = folder.path().join("tests");
        let words = ["e2e".to_owned()];
        let e2e = select(&words, &default_scopes(), folder.path(), &below).expect("there");
        assert_eq!(e2e.paths, [folder.path().join("tests/e2e").display().to_string()]);
    }
}
