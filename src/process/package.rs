//! The Python worker package, embedded into the binary.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

const PACKAGE: &str = "pnl_worker";

macro_rules! embedded {
    ($($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!("../../worker/pnl_worker/", $name)))),+]
    };
}

const FILES: &[(&str, &str)] = embedded![
    "__init__.py",
    "__main__.py",
    "again.py",
    "ahead.py",
    "ending.py",
    "fixtures.py",
    "guests/__init__.py",
    "guests/artefacts.py",
    "guests/coverage.py",
    "guests/guest.py",
    "guests/reports.py",
    "guests/single.py",
    "heap.py",
    "identity.py",
    "lifeline.py",
    "listing.py",
    "marks.py",
    "need.py",
    "observer.py",
    "origin.py",
    "outcome.py",
    "per_item.py",
    "plugin.py",
    "refork.py",
    "replay.py",
    "shelf.py",
    "spool.py",
    "spread.py",
    "stacks.py",
    "stock.py",
    "template.py",
    "threads.py",
    "usage.py",
    "warm.py",
    "wire.py",
    "worker.py",
    "xdist_options.py",
];

/// Where the package is, for `PYTHONPATH`: in the user's cache, where Python keeps it compiled from
/// one run to the next (compiling takes a tenth of a second), else in `private`.
pub fn unpack(private: &Path) -> io::Result<PathBuf> {
    if let Some(cached) = cache_folder().and_then(|cache| unpack_once(&cache).ok()) {
        return Ok(cached);
    }
    let parent = private.join("python");
    write_package(&parent)?;
    Ok(parent)
}

fn cache_folder() -> Option<PathBuf> {
    let named = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache"));
    named.filter(|it| it.is_absolute()).or_else(home).filter(|it| it.is_absolute())
}

/// A folder for exactly this package. It appears whole or not at all, and is used only if nobody
/// else can have changed it.
fn unpack_once(cache: &Path) -> io::Result<PathBuf> {
    let own = cache.join("pnl");
    let folder = own.join(format!("worker-{:016x}", fingerprint()));
    if !folder.exists() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&own)?;
        let fresh = tempfile::Builder::new().prefix(".worker-").tempdir_in(&own)?;
        write_package(fresh.path())?;
        // Another run may have been first, which is as good.
        let _ = fs::rename(fresh.path(), &folder);
    }
    if !is_ours_alone(&own)? || !is_ours_alone(&folder)? || !can_stay(cache)? {
        return Err(io::Error::from(io::ErrorKind::PermissionDenied));
    }
    let package = folder.join(PACKAGE);
    for (name, text) in FILES {
        if fs::read(package.join(name))? != text.as_bytes() {
            return Err(io::Error::from(io::ErrorKind::InvalidData));
        }
    }
    Ok(folder)
}

fn is_ours_alone(folder: &Path) -> io::Result<bool> {
    let status = fs::symlink_metadata(folder)?;
    let is_own = status.uid() == rustix::process::geteuid().as_raw();
    Ok(status.is_dir() && is_own && status.mode() & 0o022 == 0)
}

/// Whether nobody else can put another folder into this one's place, or into that of one above. A
/// group may write, which on many systems is the user's own.
fn can_stay(folder: &Path) -> io::Result<bool> {
    let user = rustix::process::geteuid().as_raw();
    for place in folder.canonicalize()?.ancestors() {
        let status = fs::metadata(place)?;
        let is_trusted = status.uid() == user || status.uid() == 0;
        let is_open = status.mode() & 0o002 != 0 && status.mode() & 0o1000 == 0;
        if !is_trusted || is_open {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Tells this package from those of other versions.
fn fingerprint() -> u64 {
    let mut hasher = DefaultHasher::new();
    FILES.hash(&mut hasher);
    hasher.finish()
}

fn write_package(parent: &Path) -> io::Result<()> {
    let package = parent.join(PACKAGE);
    for (name, text) in FILES {
        let file = package.join(name);
        fs::create_dir_all(file.parent().unwrap_or(&package))?;
        fs::write(file, text)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn every_file_of_the_package_is_embedded() {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("worker/pnl_worker");
        let mut names = sources(&source, "");
        names.sort();
        assert_eq!(names, FILES.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    }

    fn sources(folder: &Path, prefix: &str) -> Vec<String> {
        let entries = std::fs::read_dir(folder).expect("the package's source");
        entries
            .map(|entry| entry.expect("readable"))
            .flat_map(|entry| {
                let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
                if entry.path().is_dir() {
                    sources(&entry.path(), &format!("{name}/"))
                } else {
                    vec![name]
                }
            })
            .filter(|name| Path::new(name).extension().is_some_and(|ending| ending == "py"))
            .collect()
    }

    #[test]
    fn the_cached_package_is_made_once_and_not_believed_blindly() {
        let cache = tempfile::tempdir().expect("a folder");
        let folder = unpack_once(cache.path()).expect("made");
        assert_eq!(unpack_once(cache.path()).expect("found"), folder);
        let file = folder.join(PACKAGE).join("wire.py");
        std::fs::write(&file, "import somebody_else").expect("written");
        assert!(unpack_once(cache.path()).is_err(), "another text");
        std::fs::write(&file, FILES.iter().find(|it| it.0 == "wire.py").expect("there").1)
            .expect("written");
        let open = std::fs::Permissions::from_mode(0o777);
        std::fs::set_permissions(&folder, open).expect("our own");
        assert!(unpack_once(cache.path()).is_err(), "others can write there");
    }
}
