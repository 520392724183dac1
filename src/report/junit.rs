//! JUnit XML, as CI servers read it.
//!
//! One `testsuite` for each round, written when the round ends, so that a loop of a day needs the
//! memory of one round. The file appears under its name when the run is over; until then it grows
//! beside it. `testsuites` comes first in the file and holds totals that come last, so room is left
//! for it and it is filled in at the end.
//!
//! | outcome | element |
//! | --- | --- |
//! | passed, xpassed | none |
//! | failed | `failure` |
//! | error, timed out, crashed | `error` |
//! | skipped, xfailed | `skipped` |
//! | interrupted, not run | `skipped`, its `type` and `message` saying so: an `error` would blame a test that never had its chance |
//!
//! `classname`, `name` and the types `pytest.skip` and `pytest.xfail` are pytest's own. Beyond the
//! Jenkins schema (junit-10.xsd), a `testcase` has `file` and `line`, as pytest's xunit1 family has,
//! and `properties`, as pytest's `record_property` writes them.

use std::fs::{self, File};
use std::io::{self, BufWriter, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};

use crate::model::{
    Counts, Event, Execution, NodeId, Offset, OutcomeKind, Round, RunStarted, What, WorkerId,
};

use super::hub::Consumer;
use super::summary::headline;
use super::text::{self, Keep, clean};

/// Bytes for everything before the first suite: five numbers of twenty digits fit.
const HEAD: usize = 256;

/// Writes the file.
pub(crate) struct JUnit {
    target: PathBuf,
    temporary: PathBuf,
    file: Option<BufWriter<File>>,
    failed: Option<io::Error>,
    run: Option<Arc<RunStarted>>,
    round: Option<(Round, Offset)>,
    cases: Vec<Case>,
    suites: u32,
    totals: Counts,
    elapsed: f64,
}

/// An execution, until its round's suite is written.
struct Case {
    worker: Option<WorkerId>,
    execution: Box<Execution>,
}

impl JUnit {
    /// Begins the file beside the target, whose folder is made if need be.
    pub(crate) fn create(target: &Path) -> io::Result<Self> {
        // Renaming onto a link would replace the link.
        let target = fs::canonicalize(target).unwrap_or_else(|_| target.to_owned());
        let temporary = temporary_for(&target)?;
        let mut file = BufWriter::new(File::create(&temporary)?);
        file.write_all(&[b' '; HEAD])?;
        Ok(Self {
            target,
            temporary,
            file: Some(file),
            failed: None,
            run: None,
            round: None,
            cases: Vec::new(),
            suites: 0,
            totals: Counts::default(),
            elapsed: 0.0,
        })
    }

    /// Writes the round's suite and forgets its cases. After the first error nothing more is
    /// written.
    fn end_suite(&mut self, elapsed: f64) {
        let suite = self.suite(elapsed);
        self.suites += 1;
        let Some(file) = self.file.as_mut().filter(|_| self.failed.is_none()) else { return };
        let written = suite_xml(suite).and_then(|xml| file.write_all(xml.as_bytes()));
        self.failed = written.err();
    }

    fn suite(&mut self, elapsed: f64) -> TestSuite {
        let round = self.round.take();
        let is_loop = self.run.as_ref().is_some_and(|run| run.rounds_planned != Some(1));
        let mut suite = TestSuite::new(match round {
            Some((round, _)) if is_loop => format!("pnl round {round}"),
            Some(_) | None => "pnl".to_owned(),
        });
        suite.set_time(seconds(elapsed));
        if let Some(run) = &self.run {
            let begun = round.map_or(Offset(0), |(_, at)| at);
            suite.extra.insert("timestamp".into(), timestamp(run.started_us, begun).into());
            suite.add_properties(run_properties(run));
        }
        suite.add_test_cases(self.cases.drain(..).map(|case| case.render()));
        suite
    }

    fn complete(&mut self) -> io::Result<()> {
        if self.suites == 0 || !self.cases.is_empty() {
            self.end_suite(0.0);
        }
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let Some(mut file) = self.file.take() else { return Ok(()) };
        file.write_all(b"</testsuites>\n")?;
        file.seek(SeekFrom::Start(0))?;
        file.write_all(head(&self.totals, self.elapsed).as_bytes())?;
        file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        if is_special(&self.target) {
            // A pipe or a device cannot be replaced.
            let mut to = fs::OpenOptions::new().write(true).open(&self.target)?;
            io::copy(&mut File::open(&self.temporary)?, &mut to)?;
            fs::remove_file(&self.temporary)
        } else {
            fs::rename(&self.temporary, &self.target)
        }
    }
}

impl Consumer for JUnit {
    fn event(&mut self, event: &Event) {
        match &event.what {
            What::RunStarted(run) => self.run = Some(run.clone()),
            What::RoundStarted(_) => {
                self.round = Some((event.round.unwrap_or(Round::FIRST), event.at));
            }
            What::TestEnded(execution) => {
                self.totals.add(execution.outcome.kind());
                self.cases.push(Case { worker: event.worker, execution: execution.clone() });
            }
            What::RoundEnded(ended) => self.end_suite(ended.elapsed),
            What::RunEnded(ended) => self.elapsed = ended.elapsed,
            What::Collected { .. }
            | What::Notice { .. }
            | What::PytestOutput(_)
            | What::WorkerStarted { .. }
            | What::TestStarted { .. }
            | What::OutputLine(_)
            | What::WorkerEnded { .. } => {}
        }
    }

    fn tick(&mut self) {}

    fn finish(mut self: Box<Self>) -> Vec<String> {
        let Err(error) = self.complete() else { return Vec::new() };
        let _ = fs::remove_file(&self.temporary);
        vec![format!("--junit {} could not be written: {error}", self.target.display())]
    }
}

/// A hidden name in the target's folder, so that renaming stays on one file system.
fn temporary_for(target: &Path) -> io::Result<PathBuf> {
    if target.is_dir() {
        return Err(io::Error::from(io::ErrorKind::IsADirectory));
    }
    let name = target.file_name().ok_or(io::ErrorKind::InvalidFilename)?.to_string_lossy();
    let name = format!(".{name}.pnl-{}", std::process::id());
    if is_special(target) {
        return Ok(std::env::temp_dir().join(name));
    }
    let folder = target.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    Ok(folder.join(name))
}

fn is_special(target: &Path) -> bool {
    fs::metadata(target).is_ok_and(|it| !it.is_file())
}

/// The declaration and the opening tag, filled up with spaces where XML allows them.
fn head(totals: &Counts, elapsed: f64) -> String {
    let failures = totals.get(OutcomeKind::Failed);
    let skipped: u64 =
        totals.nonzero().filter(|(kind, _)| is_skip(*kind)).map(|(_, count)| count).sum();
    let start = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"pnl\" tests=\"{}\" skipped=\"{skipped}\" failures=\"{failures}\" errors=\"{}\" time=\"{elapsed:.3}\"",
        totals.total(),
        totals.failures() - failures,
    );
    format!("{start:width$}>\n", width = HEAD - 2)
}

fn is_skip(kind: OutcomeKind) -> bool {
    match kind {
        OutcomeKind::Skipped
        | OutcomeKind::XFailed
        | OutcomeKind::Interrupted
        | OutcomeKind::NotRun => true,
        OutcomeKind::Passed
        | OutcomeKind::Failed
        | OutcomeKind::Error
        | OutcomeKind::XPassed
        | OutcomeKind::TimedOut
        | OutcomeKind::Crashed => false,
    }
}

/// One suite's element, cut out of a report that has only it.
fn suite_xml(suite: TestSuite) -> io::Result<String> {
    let mut report = Report::new("pnl");
    report.add_test_suite(suite);
    let xml = report.to_string().map_err(io::Error::other)?;
    let element = xml.find("<testsuite ").zip(xml.rfind("</testsuites>"));
    let (from, to) = element.ok_or_else(|| io::Error::other("quick-junit wrote no suite"))?;
    Ok(format!("    {}\n", xml[from..to].trim_end()))
}

fn run_properties(run: &RunStarted) -> Vec<Property> {
    let mut properties = vec![
        Property::new("run", run.run.as_str()),
        Property::new("engine", run.engine.name()),
        Property::new("dist", run.dist.name()),
        Property::new("workers", run.workers.to_string()),
        Property::new("python", text::line(&run.python_version)),
        Property::new("pytest", text::line(&run.pytest_version)),
    ];
    properties.extend(run.server.as_ref().map(|it| Property::new("base-url", text::line(&it.url))));
    properties.extend(run.seed.map(|seed| Property::new("seed", seed.to_string())));
    properties
}

/// ISO 8601 with milliseconds, UTC.
fn timestamp(started_us: i64, at: Offset) -> String {
    let micros = started_us.saturating_add(i64::try_from(at.0).unwrap_or(i64::MAX));
    let moment = jiff::Timestamp::from_microsecond(micros).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    moment.strftime("%Y-%m-%dT%H:%M:%S%.3f+00:00").to_string()
}

fn seconds(value: f64) -> Duration {
    Duration::try_from_secs_f64(value).unwrap_or_default()
}

impl Case {
    fn render(self) -> TestCase {
        let execution = &*self.execution;
        let (classname, name) = address(&execution.test.nodeid);
        let mut case = TestCase::new(text::line(&name), status(execution));
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

fn status(execution: &Execution) -> TestCaseStatus {
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
        _ => headline(&execution.outcome, failure),
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
        to.push_str(&format!("--- {name} ---\n{}\n", content.trim_end_matches('\n')));
    }
    (out, err)
}
