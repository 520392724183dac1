//! What all processes of a run have in common, whatever they do to leave it.
//!
//! A process can leave its group, its session, its parent and its environment; its resource limits
//! it hands on to all that it starts. So each run has a limit of its own where nobody minds: the
//! bytes that POSIX message queues may take, a little lower than they were.

use std::io;
use std::sync::{Mutex, OnceLock, PoisonError};

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit, setrlimit};

use super::kernel::queue_limit_of;

/// The part of the limit that tells runs apart.
const PART: u64 = 1 << 16;

/// Where the limit is none. As good as none, and not it.
const PLENTY: u64 = 1 << 40;

/// A run's mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    limit: u64,
}

impl Mark {
    /// The mark of a run by its id. None where this process has too low a limit to lower it.
    #[must_use]
    pub fn of(run: &str) -> Option<Self> {
        Some(Self { limit: base()? + u64::from(hash(run)) })
    }

    /// A mark that was told by [`Mark::number`].
    #[must_use]
    pub fn from_number(limit: u64) -> Self {
        Self { limit }
    }

    /// For telling it to another process.
    #[must_use]
    pub fn number(self) -> u64 {
        self.limit
    }

    /// Whether a process has it.
    #[must_use]
    pub fn is_on(self, pid: u32) -> bool {
        queue_limit_of(pid) == Some(self.limit)
    }

    /// Gives it to a process that is there already, and to what that will start.
    pub fn put_on(self, pid: u32) -> io::Result<()> {
        let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or(io::ErrorKind::InvalidInput)?;
        let maximum = getrlimit(Resource::Msgqueue).maximum;
        prlimit(Some(pid), Resource::Msgqueue, Rlimit { current: Some(self.limit), maximum })?;
        Ok(())
    }

    /// Does something with this process marked, such as starting another one.
    pub(super) fn during<T>(mark: Option<Self>, what: impl FnOnce() -> T) -> T {
        static ONE: Mutex<()> = Mutex::new(());
        let Some(Self { limit }) = mark else { return what() };
        let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        let own = getrlimit(Resource::Msgqueue);
        // Where that fails, its processes are found by their environment alone.
        let _ =
            setrlimit(Resource::Msgqueue, Rlimit { current: Some(limit), maximum: own.maximum });
        let done = what();
        let _ = setrlimit(Resource::Msgqueue, own);
        done
    }
}

/// What all marks of this process have in common. Asked once: later it may be marked itself.
fn base() -> Option<u64> {
    static BASE: OnceLock<Option<u64>> = OnceLock::new();
    *BASE.get_or_init(|| {
        let own = getrlimit(Resource::Msgqueue).current.unwrap_or(PLENTY);
        Some((own / PART).checked_sub(1).filter(|&parts| parts > 0)? * PART)
    })
}

/// FNV-1a, folded. Two runs at once in one part of 65,536 would look like one.
fn hash(run: &str) -> u16 {
    let hash = run
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    (hash ^ (hash >> 16)) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_have_different_marks_within_the_limit_of_this_process() {
        let (one, other) = (Mark::of("run-1").expect("a limit"), Mark::of("run-2").expect("one"));
        assert_ne!(one, other);
        assert_eq!(Mark::of("run-1"), Some(one));
        let own = getrlimit(Resource::Msgqueue);
        assert!(own.current.is_none_or(|own| one.number() < own));
        assert!(Mark::during(Some(one), || one.is_on(std::process::id())));
        assert!(!one.is_on(std::process::id()));
    }
}
