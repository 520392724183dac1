//! Which tests depend on a changed module, by the import statements of the project's files.
//!
//! Read from the source, so it does not know of imports by name (`importlib`, plugins). It decides
//! what is run first, and never what a full run runs.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::process::is_projects_own;

/// Test files, and folders whose conftest is concerned, that depend on one of `changed`; empty where
/// none is seen to.
pub(super) fn dependents(root: &Path, changed: &BTreeSet<PathBuf>) -> BTreeSet<PathBuf> {
    let mut sources = BTreeMap::new();
    for file in python_files(root) {
        // One that cannot be read imports nothing that we know of.
        let text = fs::read_to_string(&file).unwrap_or_default();
        sources.insert(file, text);
    }
    chosen(&sources, changed)
}

/// Whether pytest would take it for a file of tests, unless it is told otherwise.
pub(super) fn is_test_file(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.ends_with(".py") && (name.starts_with("test_") || name.ends_with("_test.py"))
}

fn chosen(sources: &BTreeMap<PathBuf, String>, changed: &BTreeSet<PathBuf>) -> BTreeSet<PathBuf> {
    let mut importers: BTreeMap<&Path, BTreeSet<&Path>> = BTreeMap::new();
    let modules = Modules::of(sources.keys());
    for (file, text) in sources {
        for imported in imports(file, text).iter().flat_map(|name| modules.find(name)) {
            importers.entry(imported).or_default().insert(file);
        }
    }
    let mut reached: BTreeSet<&Path> = changed.iter().map(PathBuf::as_path).collect();
    let mut todo: Vec<&Path> = reached.iter().copied().collect();
    while let Some(file) = todo.pop() {
        for importer in importers.get(file).into_iter().flatten() {
            if reached.insert(importer) {
                todo.push(importer);
            }
        }
    }
    let concerned = reached.into_iter().filter_map(|file| {
        if is_test_file(file) {
            return Some(file.to_owned());
        }
        let is_conftest = file.file_name().is_some_and(|name| name == "conftest.py");
        file.parent().filter(|_| is_conftest).map(Path::to_owned)
    });
    concerned.collect()
}

fn python_files(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut todo = vec![root.to_owned()];
    while let Some(folder) = todo.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                if is_projects_own(&path) {
                    todo.push(path);
                }
            } else if path.extension().is_some_and(|ending| ending == "py") {
                found.push(path);
            }
        }
    }
    found
}

/// Files by the last part of their module's name.
struct Modules<'a>(BTreeMap<String, Vec<&'a Path>>);

impl<'a> Modules<'a> {
    fn of(files: impl Iterator<Item = &'a PathBuf>) -> Self {
        let mut by_name: BTreeMap<String, Vec<&Path>> = BTreeMap::new();
        for file in files {
            let place = place(file);
            let name = place.file_name().unwrap_or_default().to_string_lossy().into_owned();
            by_name.entry(name).or_default().push(file);
        }
        Self(by_name)
    }

    /// Files that an import can mean: whatever folder is on `sys.path`, their path ends like it.
    fn find(&self, import: &Import) -> Vec<&'a Path> {
        let Some(last) = import.parts.last() else { return Vec::new() };
        let ending: PathBuf = import.parts.iter().collect();
        let means = |file: &&&Path| match &import.folder {
            Some(folder) => place(file) == folder.join(&ending),
            None => place(file).ends_with(&ending),
        };
        self.0.get(last).into_iter().flatten().filter(means).copied().collect()
    }
}

/// A module's path without what does not belong to its name.
fn place(file: &Path) -> PathBuf {
    if file.file_name().is_some_and(|name| name == "__init__.py") {
        file.parent().unwrap_or(file).to_owned()
    } else {
        file.with_extension("")
    }
}

/// A module's name, in a folder where it is relative.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Import {
    folder: Option<PathBuf>,
    parts: Vec<String>,
}

fn imports(file: &Path, text: &str) -> BTreeSet<Import> {
    let mut found = BTreeSet::new();
    let joined = text.replace("\\\n", " ");
    let mut lines = joined.lines();
    while let Some(line) = lines.next() {
        let line = line.trim_start();
        if let Some(rest) = line.strip_prefix("import ") {
            for name in rest.split(',') {
                add(&mut found, None, word(name), &[]);
            }
        } else if let Some((from, names)) =
            line.strip_prefix("from ").and_then(|rest| rest.split_once(" import "))
        {
            let mut names = names.to_owned();
            while names.contains('(') && !names.contains(')') {
                let Some(more) = lines.next() else { break };
                names = names + " " + more.split('#').next().unwrap_or_default();
            }
            let names: Vec<&str> = names.split([',', '(', ')']).map(word).collect();
            let from = from.trim();
            let level = from.bytes().take_while(|&byte| byte == b'.').count();
            let folder = (level > 0).then(|| file.ancestors().nth(level)).flatten();
            add(&mut found, folder, &from[level..], &names);
        }
    }
    found
}

fn word(text: &str) -> &str {
    text.split_whitespace().next().unwrap_or_default()
}

/// The module, the packages that it is in, and names of it that may be modules themselves.
fn add(found: &mut BTreeSet<Import>, folder: Option<&Path>, module: &str, names: &[&str]) {
    let parts: Vec<String> =
        module.split('.').filter(|it| !it.is_empty()).map(str::to_owned).collect();
    let mut insert = |parts: Vec<String>| {
        found.insert(Import { folder: folder.map(Path::to_owned), parts });
    };
    for length in 1..=parts.len() {
        insert(parts[..length].to_vec());
    }
    for name in names.iter().filter(|name| !name.is_empty()) {
        insert([parts.as_slice(), &[(*name).to_owned()]].concat());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn depending(files: &[(&str, &str)], changed: &str) -> Vec<String> {
        let sources = files
            .iter()
            .map(|&(path, text)| (Path::new("/p").join(path), text.to_owned()))
            .collect();
        let changed = BTreeSet::from([Path::new("/p").join(changed)]);
        let found = chosen(&sources, &changed);
        found.iter().map(|it| it.strip_prefix("/p").expect("below").display().to_string()).collect()
    }

    #[test]
    fn tests_that_import_a_module_directly_or_not_are_found() {
        let files = [
            ("src/app/__init__.py", ""),
            ("src/app/low.py", ""),
            ("src/app/high.py", "from . import low"),
            ("src/app/other.py", "import os"),
            ("tests/test_high.py", "def test():\n    from app.high import it"),
            ("tests/test_low.py", "from app import (\n    low,  # the lowest\n)"),
            ("tests/test_other.py", "import app.other as it, sys"),
            ("tests/sub/conftest.py", "from app.high import thing"),
        ];
        let all = ["tests/sub", "tests/test_high.py", "tests/test_low.py"];
        assert_eq!(depending(&files, "src/app/low.py"), all);
        assert_eq!(depending(&files, "src/app/high.py"), ["tests/sub", "tests/test_high.py"]);
        assert_eq!(depending(&files, "src/app/other.py"), ["tests/test_other.py"]);
        assert_eq!(depending(&files, "src/app/__init__.py").len(), 4);
        assert_eq!(depending(&files, "tests/test_low.py"), ["tests/test_low.py"]);
        assert!(depending(&files, "setup.py").is_empty());
    }
}
