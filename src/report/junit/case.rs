//! One execution as a `testcase`.

use std::fmt::Write as _;

use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestRerun};

use super::seconds;
use crate::model::{Execution, NodeId, OutcomeKind, WorkerId};
use crate::report::summary::headline;
use crate::report::text::{self, Keep, clean};

/// An execution, until its round's suite is written.
pub(super) struct Case {
    pub(super) worker: Option<WorkerId>,
    pub(super) execution: Box<Execution>,
    /// Its attempts that failed before.
    pub(super) before: Vec<Execution>,
}

impl Case {
    /// What it has to say, in bytes.
    pub(super) fn size(&self) -> usize {
        let all = self.before.iter().chain([&*self.execution]);
        let failures = all.filter_map(|it| it.failure.as_deref());
        let sizes = failures.map(|it| {
            let sections = it.sections.iter().map(|(name, text)| name.len() + text.len());
            it.message.len() + it.text.len() + sections.sum::<usize>()
        });
        // An element without any text takes about a kilobyte.
        1024 + sizes.sum::<usize>()
    }

    pub(super) fn render(self) -> TestCase {
        let execution = &*self.execution;
        let (classname, name) = address(&execution.test.nodeid);
        let mut case = TestCase::new(text::line(&name), status(execution, &self.before));
        case.set_classname(text::line(&classname));
        case.set_time(seconds(execution.seconds()));
        case.extra.insert("file".into(), text::line(execution.test.nodeid.file()).into());
        if let Some(line) = execution.test.line {
            case.extra.insert("line".into(), line.to_string().into());
        }
        if let Some(worker) = self.worker {
            case.add_property(("worker", worker.to_string().as_str()));
        }
        if execution.attempt.0 > 1 {
            case.add_property(("attempt", execution.attempt.0.to_string().as_str()));
        }
        if execution.infrastructure.this {
            case.add_property(("infrastructure", "true"));
        }
        let (out, err) = outputs(execution);
        if !out.is_empty() {
            case.set_system_out(out);
        }
        if !err.is_empty() {
            case.set_system_err(err);
        }
        case
    }
}

/// pytest's class and test name: `tests/a.py::B::c[1]` is `tests.a.B` and `c[1]`.
fn address(nodeid: &NodeId) -> (String, String) {
    let (path, parameters) = match nodeid.as_str().split_once('[') {
        Some((path, parameters)) => (path, format!("[{parameters}")),
        None => (nodeid.as_str(), String::new()),
    };
    let mut names: Vec<_> = path.split("::").map(str::to_owned).collect();
    let module = names[0].replace('/', ".");
    module.strip_suffix(".py").unwrap_or(&module).clone_into(&mut names[0]);
    let name = names.pop().unwrap_or_default() + &parameters;
    (names.join("."), name)
}

fn status(execution: &Execution, before: &[Execution]) -> TestCaseStatus {
    let mut status = outcome(execution);
    status.add_reruns(before.iter().map(rerun));
    status
}

/// An attempt that failed and was followed by another.
fn rerun(execution: &Execution) -> TestRerun {
    let failure = execution.failure.as_deref();
    let kind = match execution.outcome.kind() {
        OutcomeKind::Failed => NonSuccessKind::Failure,
        _ => NonSuccessKind::Error,
    };
    let message = headline(&execution.outcome, failure);
    let mut rerun = TestRerun::new(kind);
    let kind = execution.outcome.kind().name();
    let own = exception(&message).unwrap_or(kind);
    rerun.set_type(if execution.infrastructure.this { "infrastructure" } else { own });
    rerun.set_message(message);
    if let Some(text) = failure.map(|it| it.text.as_str()).filter(|it| !it.is_empty()) {
        rerun.set_stack_trace(&*clean(text, Keep::Lines));
    }
    let (out, err) = outputs(execution);
    if !out.is_empty() {
        rerun.set_system_out(out);
    }
    if !err.is_empty() {
        rerun.set_system_err(err);
    }
    rerun
}

fn outcome(execution: &Execution) -> TestCaseStatus {
    let failure = execution.failure.as_deref();
    let kind = execution.outcome.kind();
    let (mut status, default_type) = match kind {
        OutcomeKind::Passed | OutcomeKind::XPassed => return TestCaseStatus::success(),
        OutcomeKind::Failed => (TestCaseStatus::non_success(NonSuccessKind::Failure), "failed"),
        OutcomeKind::Error | OutcomeKind::TimedOut | OutcomeKind::Crashed => {
            (TestCaseStatus::non_success(NonSuccessKind::Error), kind.name())
        }
        OutcomeKind::Skipped => (TestCaseStatus::skipped(), "pytest.skip"),
        OutcomeKind::XFailed => (TestCaseStatus::skipped(), "pytest.xfail"),
        OutcomeKind::Interrupted | OutcomeKind::NotRun => (TestCaseStatus::skipped(), kind.name()),
    };
    let message = match kind {
        OutcomeKind::Skipped | OutcomeKind::XFailed => {
            text::line(execution.reason.as_deref().unwrap_or_default()).into_owned()
        }
        OutcomeKind::Passed
        | OutcomeKind::XPassed
        | OutcomeKind::Failed
        | OutcomeKind::Error
        | OutcomeKind::TimedOut
        | OutcomeKind::Crashed
        | OutcomeKind::Interrupted
        | OutcomeKind::NotRun => headline(&execution.outcome, failure),
    };
    let message = if message.is_empty() { execution.outcome.to_string() } else { message };
    let raised = matches!(kind, OutcomeKind::Failed | OutcomeKind::Error);
    let exception = exception(&message).filter(|_| raised);
    status.set_type(exception.unwrap_or(default_type));
    if let Some(text) = failure.map(|it| it.text.as_str()).filter(|it| !it.is_empty()) {
        status.set_description(&*clean(text, Keep::Lines));
    }
    status.set_message(message);
    status
}

/// `AssertionError` of `AssertionError: assert 1 == 2`.
fn exception(message: &str) -> Option<&str> {
    let name = message.split(':').next()?.trim();
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.');
    (name.starts_with(char::is_alphabetic) && name.chars().all(is_name)).then_some(name)
}

/// Captured output, standard error apart.
fn outputs(execution: &Execution) -> (String, String) {
    let (mut out, mut err) = (String::new(), String::new());
    for (name, content) in execution.failure.iter().flat_map(|it| &it.sections) {
        let to = if name.contains("stderr") { &mut err } else { &mut out };
        let (name, content) = (text::line(name), clean(content, Keep::Lines));
        // Writing to a String cannot fail.
        let _ = writeln!(to, "--- {name} ---\n{}", content.trim_end_matches('\n'));
    }
    (out, err)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_pytest() {
        let cases = [
            ("tests/a.py::B::c[1::2/3]", "tests.a.B", "c[1::2/3]"),
            ("test_a.py::test_b", "test_a", "test_b"),
            ("docs/x.md::x.md", "docs.x.md", "x.md"),
            ("tests/a.py", "", "tests.a"),
        ];
        for (nodeid, classname, name) in cases {
            assert_eq!(address(&NodeId::new(nodeid)), (classname.to_owned(), name.to_owned()));
        }
    }
}
