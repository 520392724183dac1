//! What is run: failed tests first, then those that a change concerns.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::imports::{dependents, is_test_file};
use crate::engine::argument;
use crate::model::{Event, NodeId, What};
use crate::report::text::counted;

/// Files whose change can change everything.
const CONFIGURATION: [&str; 6] =
    ["pnl.toml", "pyproject.toml", "pytest.ini", ".pytest.ini", "setup.cfg", "tox.ini"];

/// Names of saved files that are told of.
const NAMED: usize = 3;

/// What the user or a change asks for.
pub(super) enum Wish {
    All,
    Failed,
    Changed(BTreeSet<PathBuf>),
}

/// What runs have said of tests.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) failed: BTreeSet<NodeId>,
    rootdir: Option<Arc<Path>>,
    /// pytest did not know one of the failed tests any more: their files are run instead, and show
    /// which there still are.
    pub(super) is_doubted: bool,
}

impl Seen {
    /// Takes in an event of a run.
    pub(super) fn event(&mut self, event: &Event) {
        match &event.what {
            What::Collected { rootdir, tests, .. } => {
                self.rootdir = Some(rootdir.clone());
                if self.is_doubted {
                    self.failed.retain(|id| tests.iter().any(|test| test.nodeid == *id));
                }
            }
            What::TestEnded(execution) if execution.outcome.kind().is_failure() => {
                self.failed.insert(execution.test.nodeid.clone());
            }
            What::TestEnded(execution) => {
                self.failed.remove(&execution.test.nodeid);
            }
            _ => {}
        }
    }

    /// Files have changed: which of their tests there are, and fail, will be seen.
    pub(super) fn forget(&mut self, files: &BTreeSet<PathBuf>) {
        let Some(rootdir) = self.rootdir.clone() else { return };
        self.failed.retain(|id| !files.contains(&rootdir.join(id.file())));
    }
}

/// What to run, and what to say of it.
pub(super) struct Selection {
    pub(super) title: String,
    /// pytest's arguments; none for all that was asked for when the watch began.
    pub(super) paths: Option<Vec<String>>,
}

/// Chooses; `root` is the project's folder, `cwd` where pytest is started.
pub(super) fn select(wish: &Wish, seen: &Seen, root: &Path, cwd: &Path) -> Selection {
    match wish {
        Wish::All => Selection { title: "running all".to_owned(), paths: None },
        Wish::Failed => {
            let failed = failed(seen, &BTreeSet::new(), cwd);
            let count = counted(failed.len() as u64, "failed test");
            let title = if failed.is_empty() {
                "nothing has failed".into()
            } else {
                format!("running {count}")
            };
            Selection { title, paths: Some(failed) }
        }
        Wish::Changed(files) => changed(files, seen, root, cwd),
    }
}

fn changed(files: &BTreeSet<PathBuf>, seen: &Seen, root: &Path, cwd: &Path) -> Selection {
    let names: Vec<String> = files.iter().take(NAMED).map(|it| relative(it, root)).collect();
    let more = files.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let saved = format!("saved {}{more}", names.join(", "));
    let is_configuration = |file: &PathBuf| {
        CONFIGURATION.iter().any(|name| file.file_name().is_some_and(|it| it == *name))
    };
    let mut concerned: BTreeSet<PathBuf> =
        files.iter().filter(|it| is_test_file(it) && it.exists()).cloned().collect();
    let others: BTreeSet<PathBuf> = files.iter().filter(|it| !is_test_file(it)).cloned().collect();
    if !others.is_empty() {
        let found = dependents(root, &others);
        if found.is_empty() || others.iter().any(is_configuration) {
            return Selection { title: format!("{saved}: running all"), paths: None };
        }
        concerned.extend(found);
    }
    if concerned.is_empty() {
        let title = format!("{saved}: nothing of it is left to run");
        return Selection { title, paths: Some(Vec::new()) };
    }
    let mut paths = failed(seen, &concerned, cwd);
    let first = if paths.is_empty() {
        String::new()
    } else {
        format!("{}, then ", counted(paths.len() as u64, "failed test"))
    };
    let title = format!("{saved}: running {first}{}", counted(concerned.len() as u64, "file"));
    paths.extend(concerned.iter().map(|it| relative(it, cwd)));
    Selection { title, paths: Some(paths) }
}

/// Failed tests as pytest's arguments, but for those that are run with their files.
fn failed(seen: &Seen, with: &BTreeSet<PathBuf>, cwd: &Path) -> Vec<String> {
    let Some(rootdir) = &seen.rootdir else { return Vec::new() };
    let alone = seen.failed.iter().filter(|id| {
        let file = rootdir.join(id.file());
        !with.iter().any(|it| file.starts_with(it))
    });
    if seen.is_doubted {
        let files: BTreeSet<_> = alone.map(|id| rootdir.join(id.file())).collect();
        return files.iter().filter(|it| it.exists()).map(|it| relative(it, cwd)).collect();
    }
    alone.filter_map(|id| argument(id, rootdir, cwd)).collect()
}

fn relative(path: &Path, from: &Path) -> String {
    path.strip_prefix(from).unwrap_or(path).display().to_string()
}

/// What files had in them when they were saved last: a test that writes the same file in each run
/// would have itself run for ever.
#[derive(Default)]
pub(super) struct Contents(HashMap<PathBuf, Option<u64>>);

impl Contents {
    /// Those that can matter and whose content is not what it was.
    pub(super) fn really_changed(&mut self, files: BTreeSet<PathBuf>) -> BTreeSet<PathBuf> {
        let matters = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.ends_with(".py") || CONFIGURATION.contains(&name.as_ref())
        };
        files.into_iter().filter(matters).filter(|path| self.is_new(path)).collect()
    }

    fn is_new(&mut self, path: &Path) -> bool {
        let now = fs::read(path).ok().map(|bytes| {
            let mut hasher = DefaultHasher::new();
            bytes.hash(&mut hasher);
            hasher.finish()
        });
        self.0.insert(path.to_owned(), now) != Some(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project() -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for (path, text) in
            [("app.py", ""), ("other.py", ""), ("test_app.py", "import app"), ("test_b.py", "")]
        {
            fs::write(folder.path().join(path), text).expect("written");
        }
        folder
    }

    fn chosen(root: &Path, seen: &Seen, saved: &[&str]) -> (String, Option<Vec<String>>) {
        let files = saved.iter().map(|it| root.join(it)).collect();
        let Selection { title, paths } = select(&Wish::Changed(files), seen, root, root);
        (title, paths)
    }

    #[test]
    fn failed_tests_go_first_and_only_once() {
        let project = project();
        let root = project.path();
        let failed = ["test_app.py::test_x", "test_b.py::test_y"].map(NodeId::new);
        let seen = Seen { failed: failed.into(), rootdir: Some(root.into()), is_doubted: false };
        let (title, paths) = chosen(root, &seen, &["app.py"]);
        assert_eq!(title, "saved app.py: running 1 failed test, then 1 file");
        assert_eq!(paths.expect("chosen"), ["test_b.py::test_y", "test_app.py"]);
        let (title, paths) = chosen(root, &Seen::default(), &["test_b.py"]);
        assert_eq!(
            (title.as_str(), paths),
            ("saved test_b.py: running 1 file", Some(vec!["test_b.py".into()]))
        );
    }

    #[test]
    fn what_concerns_nobody_or_everybody_runs_all() {
        let project = project();
        let root = project.path();
        assert_eq!(chosen(root, &Seen::default(), &["other.py"]).1, None);
        assert_eq!(chosen(root, &Seen::default(), &["pytest.ini", "app.py"]).1, None);
        assert_eq!(chosen(root, &Seen::default(), &["test_gone.py"]).1, Some(vec![]));
    }

    #[test]
    fn a_file_with_the_same_content_did_not_change() {
        let project = project();
        let app = project.path().join("app.py");
        let mut contents = Contents::default();
        let mut saved = |path: &Path| contents.really_changed([path.to_owned()].into()).len();
        assert_eq!(saved(&app), 1);
        assert_eq!(saved(&app), 0);
        fs::remove_file(&app).expect("there");
        assert_eq!(saved(&app), 1);
        assert_eq!(saved(&project.path().join("data.json")), 0);
    }
}
