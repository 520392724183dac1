//! What a machine is short of, in words for the user.

use std::io;

use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};

/// The error, with what to do about it where the machine or a limit of its user gives too little.
#[must_use]
pub fn explained(error: &io::Error) -> String {
    match remedy(error) {
        Some(remedy) => format!("{error}. {remedy}"),
        None => error.to_string(),
    }
}

/// The same of watching folders, where the kernel says "no space" and "too many open files" of limits
/// of its own.
#[must_use]
pub fn explained_of_watching(error: &io::Error) -> String {
    let limit = match Errno::from_io_error(error) {
        Some(Errno::NOSPC) => "fs.inotify.max_user_watches",
        Some(Errno::MFILE) => "fs.inotify.max_user_instances",
        _ => return error.to_string(),
    };
    format!("the limit of watched folders is reached: raise it (sysctl {limit})")
}

/// Whether more of the machine is all that it takes.
#[must_use]
pub fn is_shortage(error: &io::Error) -> bool {
    remedy(error).is_some()
}

fn remedy(error: &io::Error) -> Option<&'static str> {
    Some(match Errno::from_io_error(error)? {
        Errno::MFILE => {
            "The limit of open files is reached: raise it (ulimit -n), or use fewer workers"
        }
        Errno::NFILE => "The machine has no room for more open files: use fewer workers",
        Errno::AGAIN => {
            "The limit of processes and threads is reached: raise it (ulimit -u, or a container's \
             limit of pids), or use fewer workers"
        }
        Errno::NOMEM => "There is too little memory: use fewer workers",
        Errno::NOSPC | Errno::DQUOT => "Make room on that disk",
        _ => return None,
    })
}

/// How many files this process may have open, and how many it has. `None` where that is not known,
/// or there is no limit.
#[must_use]
pub fn open_files() -> Option<(u64, u64)> {
    let limit = getrlimit(Resource::Nofile).current?;
    // The reading itself has one open.
    let open = std::fs::read_dir("/proc/self/fd").ok()?.count().saturating_sub(1);
    Some((limit, open as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shortage_has_a_remedy_and_an_error_has_none() {
        let error = io::Error::from(Errno::MFILE);
        assert!(explained(&error).contains("(ulimit -n)"), "{}", explained(&error));
        let error = io::Error::from(Errno::NOENT);
        assert_eq!(explained(&error), error.to_string());
        let error = io::Error::from(Errno::NOSPC);
        assert!(explained_of_watching(&error).contains("max_user_watches"));
        // A socket that would block has the number of a fork that is refused: only who starts
        // something asks.
        assert!(is_shortage(&io::Error::from(Errno::AGAIN)));
    }
}
