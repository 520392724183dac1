//! Whether there are enough file descriptors, asked before anything is started.
//!
//! Later each of them would be missed at another place, by this process or by the template. The
//! limit is not raised instead: tests would inherit it, and old code that selects breaks beyond 1024
//! descriptors. The usual 1024 are enough for some 160 workers.

use crate::model::StopReason;
use crate::process::open_files;

/// What each worker takes: its output, its connection twice, its permits' two ends; and one while it
/// is started.
const OF_A_WORKER: u64 = 6;

/// What a run takes beside its workers: the socket, the template's output and connection, the
/// history read and written, and files that are open for a moment (counted with `/proc/self/fd`, and
/// rounded up).
const OF_A_RUN: u64 = 16;

/// What the limit that is asked for has above what is wanted now: the history's thread opens and
/// closes files meanwhile (two more were seen on a busy machine), and the next run is asked again.
const TO_SPARE: u64 = 8;

/// Refuses a run that would not have enough.
pub(super) fn suffice(workers: usize) -> Result<(), StopReason> {
    match open_files() {
        Some((limit, open)) => check(workers as u64, limit, open),
        None => Ok(()),
    }
}

fn check(workers: u64, limit: u64, open: u64) -> Result<(), StopReason> {
    let wanted = open + OF_A_RUN + OF_A_WORKER * workers;
    if wanted <= limit {
        return Ok(());
    }
    let possible = limit.saturating_sub(open + OF_A_RUN) / OF_A_WORKER;
    let fewer = match possible {
        0 => String::new(),
        possible => format!(", or use fewer workers (-n {possible})"),
    };
    let crew =
        if workers == 1 { "1 worker needs".to_owned() } else { format!("{workers} workers need") };
    Err(StopReason::Usage(format!(
        "{crew} {wanted} open files and the limit is {limit}: raise it \
         (ulimit -n {}){fewer}",
        wanted + TO_SPARE
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(workers: u64, limit: u64) -> Option<String> {
        check(workers, limit, 10).err().map(|reason| reason.to_string())
    }

    #[test]
    fn a_refusal_says_how_many_workers_would_do() {
        assert_eq!(refusal(8, 74), None);
        assert_eq!(
            refusal(8, 64).as_deref(),
            Some(
                "8 workers need 74 open files and the limit is 64: raise it (ulimit -n 82), or use \
                 fewer workers (-n 6)"
            )
        );
        assert_eq!(
            refusal(1, 20).as_deref(),
            Some("1 worker needs 32 open files and the limit is 20: raise it (ulimit -n 40)")
        );
    }
}
