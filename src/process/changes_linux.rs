//! Files that are saved below a folder, as the kernel tells (inotify).

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};

/// Bytes of events that are read at once: some hundred.
const BUFFER: usize = 16 * 1024;

/// A watch over a folder and all below it that can hold a project's own files.
#[derive(Debug)]
pub struct Changes {
    inotify: OwnedFd,
    folders: HashMap<i32, PathBuf>,
}

impl Changes {
    /// Begins to watch.
    pub fn below(root: &Path) -> io::Result<Self> {
        let inotify = inotify::init(CreateFlags::CLOEXEC)?;
        let mut changes = Self { inotify, folders: HashMap::new() };
        changes.add(root)?;
        Ok(changes)
    }

    /// Blocks until files were saved, moved or removed; returns all that are known of by then. None
    /// where more happened than the kernel kept.
    pub fn wait(&mut self) -> io::Result<Option<BTreeSet<PathBuf>>> {
        let mut buffer = [MaybeUninit::uninit(); BUFFER];
        let mut found = BTreeSet::new();
        let mut fresh = Vec::new();
        let mut has_all = true;
        let mut reader = inotify::Reader::new(&self.inotify, &mut buffer);
        loop {
            let event = reader.next()?;
            let flags = event.events();
            has_all &= !flags.contains(ReadFlags::QUEUE_OVERFLOW);
            if let (Some(folder), Some(name)) = (self.folders.get(&event.wd()), event.file_name()) {
                let path = folder.join(std::ffi::OsStr::from_bytes(name.to_bytes()));
                if !flags.contains(ReadFlags::ISDIR) {
                    if !flags.contains(ReadFlags::CREATE) {
                        found.insert(path);
                    }
                } else if flags.intersects(ReadFlags::CREATE | ReadFlags::MOVED_TO) {
                    fresh.push(path);
                }
            }
            if reader.is_buffer_empty() {
                break;
            }
        }
        for folder in fresh {
            // One that is gone again has nothing to watch.
            if let Ok(files) = self.add(&folder) {
                found.extend(files);
            }
        }
        Ok(has_all.then_some(found))
    }

    /// Watches a folder and those below it; returns the files that are there.
    fn add(&mut self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        let mut todo = vec![folder.to_owned()];
        while let Some(folder) = todo.pop() {
            let flags = WatchFlags::CLOSE_WRITE
                | WatchFlags::MOVED_TO
                | WatchFlags::MOVED_FROM
                | WatchFlags::CREATE
                | WatchFlags::DELETE
                | WatchFlags::ONLYDIR;
            let number = inotify::add_watch(&self.inotify, &folder, flags)?;
            self.folders.insert(number, folder.clone());
            for entry in fs::read_dir(&folder)?.flatten() {
                let path = entry.path();
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    if is_projects_own(&path) {
                        todo.push(path);
                    }
                } else {
                    files.push(path);
                }
            }
        }
        Ok(files)
    }
}

/// Not a hidden folder, nor one that tools fill.
#[must_use]
pub fn is_projects_own(folder: &Path) -> bool {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    !name.starts_with('.')
        && !["__pycache__", "node_modules", "site-packages"].contains(&name.as_ref())
        && !folder.join("pyvenv.cfg").exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_are_saved_moved_and_removed_are_told_of() {
        let root = tempfile::tempdir().expect("a folder");
        let root = root.path();
        fs::create_dir_all(root.join("below/.hidden")).expect("made");
        let mut changes = Changes::below(root).expect("inotify");
        let mut next = || changes.wait().expect("readable").expect("nothing was lost");
        fs::write(root.join("below/.hidden/a.py"), "").expect("written");
        fs::write(root.join("below/a.py"), "").expect("written");
        assert_eq!(next(), BTreeSet::from([root.join("below/a.py")]));
        fs::rename(root.join("below/a.py"), root.join("b.py")).expect("moved");
        assert_eq!(next(), BTreeSet::from([root.join("below/a.py"), root.join("b.py")]));
        fs::create_dir(root.join("new")).expect("made");
        assert_eq!(next(), BTreeSet::new());
        fs::write(root.join("new/c.py"), "").expect("written");
        assert_eq!(next(), BTreeSet::from([root.join("new/c.py")]));
    }
}
