//! From what a worker says of a test to its outcome.

use std::sync::Arc;

use super::record::{Ending, Record};
use crate::model::{Crash, Failure, Offset, Outcome, Phases};
use crate::process::Ended;
use crate::protocol::{Done, DoneFailure};

/// What a `done` message says. An outcome that is no word of the protocol is a broken protocol.
pub(super) fn ending(record: &Record<'_>, done: Done) -> Ending {
    let [setup, call, teardown] = done.phases;
    Ending {
        outcome: outcome(&done.outcome),
        start: record.offset(done.start),
        phases: Phases { setup, call, teardown },
        failure: done.failure.map(|failure| Arc::new(self::failure(failure))),
        reason: done.reason,
    }
}

fn outcome(word: &str) -> Outcome {
    match word {
        "passed" => Outcome::Passed,
        "failed" => Outcome::Failed,
        "error" => Outcome::Error,
        "skipped" => Outcome::Skipped,
        "xfailed" => Outcome::XFailed,
        "xpassed" => Outcome::XPassed,
        "crashed" => Outcome::Crashed(Crash::Unknown),
        other => Outcome::Crashed(Crash::Protocol(format!("no such outcome: {other:?}"))),
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

/// The outcome of the test that was running when its worker died, with what there is of its output.
pub(super) fn crash(
    crash: Crash,
    start: Offset,
    now: Offset,
    mut sections: Vec<(String, String)>,
) -> Ending {
    let message = crash_message(&crash);
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
    }
}

/// What is said of a test whose worker died.
pub(super) fn crash_message(crash: &Crash) -> String {
    format!("the worker died while it ran this test: {crash}")
}

/// How a process's end counts as a crash.
pub(super) fn crash_of(ended: Option<Ended>) -> Crash {
    match ended {
        Some(Ended::Signal(signal)) => Crash::Signal(signal),
        Some(Ended::Exit(status)) => Crash::Exit(status),
        None => Crash::Unknown,
    }
}
