//! Secrets of pnl's environment, taken out of what goes to the reports and the history. Node ids
//! stay as they are: a test is known by them.

use std::borrow::Cow;
use std::sync::Arc;

use crate::model::{Failure, Secrets, StopReason, What};

/// An event's own texts without secrets; an execution's have gone through [`failure`].
pub(super) fn event(secrets: &Secrets, what: What) -> What {
    match what {
        What::Notice { level, text } => What::Notice { level, text: secrets.hide_all(&text) },
        What::PytestOutput(text) => What::PytestOutput(text_of(secrets, text)),
        What::OutputLine(text) => What::OutputLine(text_of(secrets, text)),
        What::RunEnded(mut ended) => {
            ended.reason = reason(secrets, ended.reason);
            What::RunEnded(ended)
        }
        other => other,
    }
}

/// A text of the suite's.
pub(super) fn text_of(secrets: &Secrets, text: String) -> String {
    match secrets.hide(&text) {
        Cow::Borrowed(_) => text,
        Cow::Owned(hidden) => hidden,
    }
}

/// Why a run ended.
pub(super) fn reason(secrets: &Secrets, reason: StopReason) -> StopReason {
    match reason {
        StopReason::ServerLost(url) => StopReason::ServerLost(secrets.hide_all(&url)),
        StopReason::Stopped { message, code } => {
            StopReason::Stopped { message: text_of(secrets, message), code }
        }
        StopReason::Internal(text) => StopReason::Internal(secrets.hide_all(&text)),
        StopReason::Usage(text) => StopReason::Usage(secrets.hide_all(&text)),
        other => other,
    }
}

/// A failure's texts. One without secrets is not copied.
pub(super) fn failure(secrets: &Secrets, failure: Arc<Failure>) -> Arc<Failure> {
    let hide = |text: &str| secrets.hide(text).into_owned();
    let has = |text: &str| matches!(secrets.hide(text), Cow::Owned(_));
    let Failure { message, text, sections, location } = &*failure;
    if !has(message) && !has(text) && !sections.iter().any(|(_, text)| has(text)) {
        return failure;
    }
    Arc::new(Failure {
        message: hide(message),
        text: hide(text),
        sections: sections.iter().map(|(name, text)| (name.clone(), hide(text))).collect(),
        location: location.clone(),
    })
}
