//! Why a pytest that could not be used ended the run, in words that say what to do.

use std::io;

use super::plan::Plan;
use crate::model::{ExitCode, StopReason};
use crate::process::{Ended, PythonError, explained, is_shortage, probe};
use crate::protocol::VERSION;

/// Why a pytest that never became ready ended the run. Distinguishes a Python without pytest.
pub(super) fn reason_of_early_end(plan: &Plan, ended: Ended, greeted: bool) -> StopReason {
    let python = &plan.python.path;
    match ended {
        Ended::OutOfMemory => StopReason::Internal(
            "pytest was ended by the kernel before any test: out of memory".to_owned(),
        ),
        Ended::Signal(signal) => {
            StopReason::Internal(format!("pytest was ended by signal {signal} before any test"))
        }
        Ended::Exit(status) => {
            if !greeted {
                match probe(python) {
                    Err(error) => return StopReason::Usage(unusable(&error)),
                    Ok(modules) if modules.pytest.is_none() => {
                        return StopReason::Usage(missing(plan, "pytest", "pytest"));
                    }
                    Ok(_) => {}
                }
            }
            match u8::try_from(status).map(ExitCode::from_code) {
                Ok(ExitCode::Ok) if !runs_no_test(plan) => StopReason::Internal(
                    "pytest ended with status 0 before it had collected: a conftest or a plugin \
                     ended its process"
                        .to_owned(),
                ),
                Ok(ExitCode::NothingCollected) => StopReason::NothingCollected,
                Ok(code) => StopReason::CollectionFailed(code),
                Err(_) => StopReason::Internal(format!("pytest ended with status {status}")),
            }
        }
    }
}

/// Whether pytest was asked for something that ends well without a test.
fn runs_no_test(plan: &Plan) -> bool {
    const WORDS: [&str; 11] = [
        "-h",
        "--help",
        "-V",
        "--version",
        "--co",
        "--collect-only",
        "--markers",
        "--fixtures",
        "--funcargs",
        "--fixtures-per-test",
        "--cache-show",
    ];
    let words = plan.pytest_args.iter().map(|word| word.split('=').next().unwrap_or(word));
    let from_environment = std::env::var("PYTEST_ADDOPTS").unwrap_or_default();
    words.chain(from_environment.split_whitespace()).any(|word| WORDS.contains(&word))
}

/// The message for a package that the interpreter does not have.
pub(super) fn missing(plan: &Plan, module: &str, package: &str) -> String {
    format!(
        "{module} is not installed in {} (chosen by {}).\n\
         Install it with: {} -m pip install {package}",
        plan.python.path.display(),
        plan.python.from,
        plan.python.path.display(),
    )
}

/// An interpreter that cannot be used, and what to do about it.
pub(super) fn unusable(error: &PythonError) -> String {
    format!("{error}.\nName another one with --python PATH or PNL_PYTHON")
}

/// The run's end where a process has started and cannot be listened to.
pub(super) fn unheard(why: &io::Error) -> StopReason {
    StopReason::Internal(format!("a process of pytest's cannot be heard: {}", explained(why)))
}

/// The run's end where the interpreter could not even be started.
pub(super) fn cannot_start(plan: &Plan, error: &io::Error) -> StopReason {
    if is_shortage(error) {
        return StopReason::Internal(format!("pytest cannot be started: {}", explained(error)));
    }
    let path = plan.python.path.clone();
    StopReason::Usage(unusable(&PythonError::Broken { path, why: error.to_string() }))
}

/// For a worker package that is another version's.
pub(super) fn wrong_version(theirs: u32) -> String {
    format!(
        "it speaks version {theirs} of the protocol and this pnl version {VERSION}; another \
         pnl_worker is on its path"
    )
}
