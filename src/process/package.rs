//! The Python worker package, embedded into the binary.

use std::io;
use std::path::{Path, PathBuf};

macro_rules! embedded {
    ($($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!("../../worker/pnl_worker/", $name)))),+]
    };
}

const FILES: &[(&str, &str)] = embedded![
    "__init__.py",
    "again.py",
    "ending.py",
    "fixtures.py",
    "guest_options.py",
    "guests.py",
    "heap.py",
    "identity.py",
    "marks.py",
    "need.py",
    "observer.py",
    "outcome.py",
    "plugin.py",
    "refork.py",
    "replay.py",
    "spool.py",
    "stacks.py",
    "template.py",
    "threads.py",
    "wire.py",
    "worker.py",
    "xdist_options.py",
];

/// Writes the package into `folder` and returns what must be on `PYTHONPATH`.
pub fn unpack(folder: &Path) -> io::Result<PathBuf> {
    let parent = folder.join("python");
    let package = parent.join("pnl_worker");
    std::fs::create_dir_all(&package)?;
    for (name, text) in FILES {
        std::fs::write(package.join(name), text)?;
    }
    Ok(parent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_package_is_embedded() {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("worker/pnl_worker");
        let mut names: Vec<String> = std::fs::read_dir(source)
            .expect("the package's source")
            .map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned())
            .filter(|name| name.rsplit_once('.').is_some_and(|(_, ending)| ending == "py"))
            .collect();
        names.sort();
        assert_eq!(names, FILES.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    }
}
