//! Secrets of pnl's environment, taken out of what goes to the reports and the history. Node ids
//! stay as they are: a test is known by them.

use std::borrow::Cow;
use std::sync::Arc;

use crate::model::{Failure, Leak, Secrets, StopReason, What};

/// An event's own texts without secrets; an execution's have gone through [`failure`].
pub(super) fn event(secrets: &Secrets, what: What) -> What {
    match what {
        What::Notice { level, text } => What::Notice { level, text: secrets.hide_all(&text) },
        What::PytestOutput(text) => What::PytestOutput(text_of(secrets, text)),
        What::OutputLine(text) => What::OutputLine(text_of(secrets, text)),
        What::ProcessLeaked(leak) => {
            let command = secrets.hide_all(&leak.command);
            What::ProcessLeaked(Leak { command, ..leak })
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Level;

    fn secrets() -> Secrets {
        Secrets::of(std::iter::once(("API_TOKEN".to_owned(), "s3cr3t-value".to_owned())))
    }

    #[test]
    fn a_leaked_processs_command_line_and_a_notice_tell_no_secret() {
        let leak = Leak {
            pid: 1,
            command: "server --password=x s3cr3t-value".to_owned(),
            age: 1.0,
            processes: 1,
            test: None,
        };
        let What::ProcessLeaked(leak) = event(&secrets(), What::ProcessLeaked(leak)) else {
            unreachable!("it stays what it is")
        };
        assert_eq!(leak.command, "server --password=*** ***");
        let notice = What::Notice { level: Level::Info, text: "http://u:p@h".to_owned() };
        let What::Notice { text, .. } = event(&secrets(), notice) else {
            unreachable!("it stays what it is")
        };
        assert_eq!(text, "http://u:***@h");
    }

    #[test]
    fn a_failure_without_a_secret_is_not_copied() {
        let plain = Arc::new(Failure { text: "assert 1 == 2".to_owned(), ..Failure::default() });
        assert!(Arc::ptr_eq(&failure(&secrets(), plain.clone()), &plain));
        let telling = Failure { text: "token s3cr3t-value".to_owned(), ..Failure::default() };
        assert_eq!(failure(&secrets(), Arc::new(telling)).text, "token ***");
    }
}
