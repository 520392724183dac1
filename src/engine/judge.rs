//! From what a worker says of a test to its outcome.

use std::sync::Arc;
use std::time::Duration;

use super::record::{Ending, Record};
use crate::model::{
    Crash, Failure, Infrastructure, NotRun, Offset, Outcome, Phases, without_middle,
};
use crate::process::Ended;
use crate::protocol::{Done, DoneFailure};

/// What a `done` message says. An outcome that is no word of the protocol is a broken protocol.
pub(super) fn ending(record: &Record<'_>, done: Done) -> Ending {
    let [setup, call, teardown] = done.phases.map(length);
    Ending {
        outcome: outcome(&done.outcome),
        start: record.offset(done.start),
        phases: Phases { setup, call, teardown },
        failure: done.failure.map(|failure| Arc::new(self::failure(failure))),
        reason: done.reason,
        infrastructure: Infrastructure::default(),
    }
}

/// A test can have replaced the clock that its phases were measured with.
fn length(seconds: f64) -> f64 {
    seconds.max(0.0)
}

fn outcome(word: &str) -> Outcome {
    match word {
        "passed" => Outcome::Passed,
        "failed" => Outcome::Failed,
        "error" => Outcome::Error,
        "skipped" => Outcome::Skipped,
        "xfailed" => Outcome::XFailed,
        "xpassed" => Outcome::XPassed,
        "unreported" => Outcome::NotRun(NotRun::Unreported),
        "crashed" => Outcome::Crashed(Crash::Unknown),
        other => {
            let other = without_middle(other, 100);
            Outcome::Crashed(Crash::Protocol(format!("no such outcome: {other:?}")))
        }
    }
}

fn failure(said: DoneFailure) -> Failure {
    Failure {
        message: said.message,
        text: said.text,
        sections: said.sections,
        location: said.path.zip(said.line),
    }
}

/// What can be done about it.
pub(super) const OUT_OF_MEMORY: &str =
    ". Fewer workers (-n) leave each more; --max-worker-memory has one replaced that grows";

/// The outcome of the test that was running when its worker died, with what there is of its output.
pub(super) fn crash(
    crash: Crash,
    start: Offset,
    now: Offset,
    mut sections: Vec<(String, String)>,
) -> Ending {
    let hint = match crash {
        Crash::OutOfMemory => OUT_OF_MEMORY,
        Crash::Signal(_) | Crash::Exit(_) | Crash::Protocol(_) | Crash::Unknown => "",
    };
    let message = format!("the worker died while it ran this test: {crash}{hint}");
    sections.retain(|(_, text)| !text.trim().is_empty());
    let call = now.seconds() - start.seconds();
    Ending {
        outcome: Outcome::Crashed(crash),
        start,
        phases: Phases { setup: 0.0, call, teardown: 0.0 },
        failure: Some(Arc::new(Failure {
            text: message.clone(),
            message,
            sections,
            location: None,
        })),
        reason: None,
        infrastructure: Infrastructure::default(),
    }
}

/// The outcome of a test that was ended because it took longer than `limit`.
pub(super) fn timed_out(
    limit: Duration,
    start: Offset,
    now: Offset,
    mut sections: Vec<(String, String)>,
) -> Ending {
    let message = format!("it took longer than its limit of {} s", limit.as_secs_f64());
    sections.retain(|(_, text)| !text.trim().is_empty());
    let call = now.seconds() - start.seconds();
    let failure = Failure { text: message.clone(), message, sections, location: None };
    Ending {
        outcome: Outcome::TimedOut,
        start,
        phases: Phases { setup: 0.0, call, teardown: 0.0 },
        failure: Some(Arc::new(failure)),
        reason: None,
        infrastructure: Infrastructure::default(),
    }
}

/// How long phases took, without the time in which all stood still: taken from the longest, which is
/// most likely the one that was stopped.
pub(super) fn without_pause(mut phases: Phases, pause: Duration) -> Phases {
    let Phases { setup, call, teardown } = &mut phases;
    let all = [setup, call, teardown];
    if let Some(longest) = all.into_iter().max_by(|a, b| a.total_cmp(b)) {
        *longest = (*longest - pause.as_secs_f64()).max(0.0);
    }
    phases
}

/// faulthandler's dump without the frames below the test: pnl's worker and pytest's start are the
/// same in all of them.
pub(super) fn without_our_frames(dump: &str) -> String {
    let mut kept = String::new();
    let mut is_ours = false;
    for line in dump.lines() {
        is_ours = line.starts_with(' ') && (is_ours || line.contains("/pnl_worker/worker.py\""));
        if !is_ours {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

/// How a process's end counts as a crash.
pub(super) fn crash_of(ended: Option<Ended>) -> Crash {
    match ended {
        Some(Ended::Signal(signal)) => Crash::Signal(signal),
        Some(Ended::Exit(status)) => Crash::Exit(status),
        Some(Ended::OutOfMemory) => Crash::OutOfMemory,
        None => Crash::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dump_keeps_what_the_test_did_on_every_thread() {
        let dump = "Thread 0x1 (most recent call first):\n  File \"/s/threading.py\", line 1 in wait\n\n\
                    Current thread 0x2 (most recent call first):\n  File \"/t/test_a.py\", line 2 in test\n  \
                    File \"/x/pnl_worker/worker.py\", line 3 in _run_one\n  File \"/p/main.py\", line 4 in main\n";
        assert_eq!(
            without_our_frames(dump),
            "Thread 0x1 (most recent call first):\n  File \"/s/threading.py\", line 1 in wait\n\n\
             Current thread 0x2 (most recent call first):\n  File \"/t/test_a.py\", line 2 in test\n"
        );
    }
}
