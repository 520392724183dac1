//! `JUnit` XML, as CI servers read it.
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
//! What a test that was retried said before is inside: `flakyFailure` and `flakyError` where it then
//! passed, `rerunFailure` and `rerunError` where it did not (Maven Surefire's names).
//!
//! `classname`, `name` and the types `pytest.skip` and `pytest.xfail` are pytest's own. Beyond the
//! Jenkins schema (junit-10.xsd), a `testcase` has `file` and `line`, as pytest's xunit1 family has,
//! and `properties`, as pytest's `record_property` writes them.

mod case;

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use quick_junit::{Property, Report, TestSuite};
use tempfile::{NamedTempFile, TempPath};

use crate::model::{
    Counts, Event, Execution, Offset, OutcomeKind, Round, RunStarted, TestIndex, What, WorkerId,
};

use super::consumer::{Consumer, Unreported};
use super::text;
use case::Case;

/// Bytes for everything before the first suite: five numbers of twenty digits fit.
const HEAD: usize = 256;

/// Bytes of failures that are made XML at a time; and about as many cases without one.
const PART: usize = 4 << 20;

/// Writes the file.
pub(crate) struct JUnit {
    target: PathBuf,
    /// Removed when this goes, whatever happened.
    temporary: TempPath,
    file: Option<BufWriter<File>>,
    failed: Option<io::Error>,
    run: Option<Arc<RunStarted>>,
    round: Option<(Round, Offset)>,
    cases: Vec<Case>,
    /// Attempts of this round that failed and whose test has not ended yet.
    attempts: HashMap<TestIndex, Vec<Execution>>,
    suites: u32,
    totals: Counts,
    elapsed: f64,
}

impl JUnit {
    /// Begins the file beside the target, whose folder is made if need be.
    pub(crate) fn create(target: &Path) -> io::Result<Self> {
        // Renaming onto a link would replace the link.
        let target = fs::canonicalize(target).unwrap_or_else(|_| target.to_owned());
        let (file, temporary) = temporary_for(&target)?.into_parts();
        let mut file = BufWriter::new(file);
        file.write_all(&[b' '; HEAD])?;
        Ok(Self {
            target,
            temporary,
            file: Some(file),
            failed: None,
            run: None,
            round: None,
            cases: Vec::new(),
            attempts: HashMap::new(),
            suites: 0,
            totals: Counts::default(),
            elapsed: 0.0,
        })
    }

    /// A test has ended: what its earlier attempts said goes with it.
    fn end_case(&mut self, worker: Option<WorkerId>, execution: &Execution) {
        let before = match self.attempts.get_mut(&execution.test.index) {
            Some(failed) => {
                let wanted = execution.attempt.0.saturating_sub(1) as usize;
                failed.drain(..wanted.min(failed.len())).collect()
            }
            None => Vec::new(),
        };
        self.cases.push(Case { worker, execution: Box::new(execution.clone()), before });
    }

    /// Writes the round's suite and forgets its cases. After the first error nothing more is
    /// written.
    fn end_suite(&mut self, elapsed: f64) {
        let suite = self.suite(elapsed);
        let cases = std::mem::take(&mut self.cases);
        self.attempts.clear();
        self.suites += 1;
        let Some(file) = self.file.as_mut().filter(|_| self.failed.is_none()) else { return };
        self.failed = write_suite(file, suite, cases).err();
    }

    /// The round's suite with everything but its cases.
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
        for case in &self.cases {
            suite.tests += 1;
            match case.execution.outcome.kind() {
                OutcomeKind::Failed => suite.failures += 1,
                kind if kind.is_failure() => suite.errors += 1,
                kind if is_skip(kind) => suite.skipped += 1,
                _ => {}
            }
        }
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
            io::copy(&mut File::open(&self.temporary)?, &mut to).map(drop)
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
                self.end_case(event.worker, execution);
            }
            What::AttemptFailed(execution) => {
                self.attempts.entry(execution.test.index).or_default().push((**execution).clone());
            }
            What::RoundEnded(ended) => self.end_suite(ended.elapsed),
            What::RunEnded(ended) => self.elapsed = ended.elapsed,
            What::Collected { .. }
            | What::Notice { .. }
            | What::PytestOutput(_)
            | What::WorkerStarted { .. }
            | What::TestStarted { .. }
            | What::TestSlow { .. }
            | What::FileCollected { .. }
            | What::ServerAway(_)
            | What::StateProbed(_)
            | What::WorkerUsed(_)
            | What::OutputLine(_)
            | What::ProcessLeaked(_)
            | What::WorkerEnded { .. } => {}
        }
    }

    fn tick(&mut self) {}

    fn finish(mut self: Box<Self>) -> Vec<Unreported> {
        let Err(error) = self.complete() else { return Vec::new() };
        let path = self.target.display();
        vec![Unreported::Asked(format!("--junit {path} could not be written: {error}"))]
    }
}

/// A hidden name in the target's folder, so that renaming stays on one file system. It cannot be
/// guessed, and a link that has it is not followed.
fn temporary_for(target: &Path) -> io::Result<NamedTempFile> {
    if target.is_dir() {
        return Err(io::Error::from(io::ErrorKind::IsADirectory));
    }
    let name = target.file_name().ok_or(io::ErrorKind::InvalidFilename)?.to_string_lossy();
    let prefix = format!(".{name}.pnl-");
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix);
    if is_special(target) {
        return builder.tempfile();
    }
    let folder = target.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    // What any program's file would have: the umask takes from it.
    builder.permissions(fs::Permissions::from_mode(0o666)).tempfile_in(folder)
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

/// Writes a suite with its cases, some at a time: as text they take many times what they take as
/// events, which for a round of long failures is a gigabyte.
fn write_suite(to: &mut impl io::Write, suite: TestSuite, cases: Vec<Case>) -> io::Result<()> {
    const END: &str = "</testsuite>";
    let has_no_end = suite.properties.is_empty() && cases.is_empty();
    let xml = suite_xml(suite)?;
    if has_no_end {
        return to.write_all(xml.as_bytes());
    }
    // A suite without properties is an empty element; cases make it another.
    let head = xml.trim_end().trim_end_matches(END).trim_end();
    let head = head.strip_suffix("/>").map_or_else(|| head.to_owned(), |it| format!("{it}>"));
    writeln!(to, "{head}")?;
    let mut part = TestSuite::new("");
    let mut size = 0;
    let mut cases = cases.into_iter().peekable();
    while let Some(case) = cases.next() {
        size += case.size();
        part.add_test_case(case.render());
        if size > PART || cases.peek().is_none() {
            let xml = suite_xml(std::mem::replace(&mut part, TestSuite::new("")))?;
            let from = xml.find("<testcase").unwrap_or_default();
            writeln!(to, "        {}", xml[from..].trim_end().trim_end_matches(END).trim_end())?;
            size = 0;
        }
    }
    writeln!(to, "    {END}")
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use quick_xml::events::Event as Xml;

    use super::super::sample::{Ending, Story};
    use super::*;

    const NOISY: &str = "tests/test_a.py::TestÜ::test_x[\u{1b}[31m\0<&\"-日本\u{fffe}]";

    /// What CI servers know: junit-10.xsd, and `file`, `line`, `properties` of a test case.
    const KNOWN: [(&str, &[&str]); 10] = [
        ("testsuites", &["name", "tests", "failures", "errors", "skipped", "time"]),
        ("testsuite", &["name", "tests", "failures", "errors", "skipped", "time", "timestamp"]),
        ("properties", &[]),
        ("property", &["name", "value"]),
        ("testcase", &["name", "classname", "time", "file", "line"]),
        ("failure", &["message", "type"]),
        ("error", &["message", "type"]),
        ("skipped", &["message", "type"]),
        ("system-out", &[]),
        ("system-err", &[]),
    ];

    fn write(story: &Story) -> String {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("new/report.xml");
        let mut junit = JUnit::create(&path).expect("a file");
        assert!(!path.exists());
        story.events().iter().for_each(|event| junit.event(event));
        assert_eq!(Box::new(junit).finish(), []);
        let names = fs::read_dir(path.parent().expect("new")).expect("a folder").count();
        assert_eq!(names, 1, "the temporary file is gone");
        fs::read_to_string(&path).expect("written")
    }

    fn loop_of_two() -> Story {
        let ids = [
            NOISY,
            "tests/test_b.py::test_dies",
            "tests/test_b.py::test_skipped",
            "tests/test_b.py::test_late",
        ];
        let mut story = Story::new(&ids, Some(2));
        story.round(&[
            Ending::Fail("a\0\u{1b}[2J ]]> <b>"),
            Ending::Crash,
            Ending::Skip,
            Ending::NotRun,
        ]);
        story.round(&[Ending::Pass, Ending::Pass, Ending::Pass, Ending::Pass]);
        story.end();
        story
    }

    #[test]
    fn is_well_formed_and_uses_only_known_elements_and_attributes() {
        let xml = write(&loop_of_two());
        let mut reader = quick_xml::Reader::from_str(&xml);
        let mut open = Vec::new();
        let mut seen = BTreeSet::new();
        loop {
            match reader.read_event().expect("well-formed") {
                Xml::Start(tag) => {
                    seen.insert(check(&tag));
                    open.push(tag.name().as_ref().to_vec());
                }
                Xml::Empty(tag) => {
                    seen.insert(check(&tag));
                }
                Xml::End(tag) => assert_eq!(open.pop().as_deref(), Some(tag.name().as_ref())),
                Xml::Eof => break,
                _ => {}
            }
        }
        assert!(open.is_empty());
        // XML 1.0's Char, less the controls that it allows.
        let forbidden =
            |c: char| (c.is_control() && c != '\n') || matches!(c, '\u{fffe}' | '\u{ffff}');
        assert!(!xml.contains(forbidden), "{xml:?}");
        assert_eq!(seen.len(), 9, "{seen:?}");
    }

    fn check(tag: &quick_xml::events::BytesStart<'_>) -> String {
        let name = String::from_utf8(tag.name().as_ref().to_vec()).expect("UTF-8");
        let (_, known) = KNOWN.iter().find(|(it, _)| *it == name).expect("a known element");
        let attributes: BTreeSet<_> =
            tag.attributes().map(|it| it.expect("an attribute").key.as_ref().to_vec()).collect();
        let known: BTreeSet<_> = known.iter().map(|it| it.as_bytes().to_vec()).collect();
        assert!(attributes.is_subset(&known), "{name}: {attributes:?}");
        let optional = ["file", "line", "timestamp"].map(|it| it.as_bytes().to_vec());
        assert!(
            known.difference(&attributes).all(|it| optional.contains(it)),
            "{name}: {attributes:?}"
        );
        name
    }

    #[test]
    fn reads_as_documented() {
        let xml = write(&loop_of_two());
        let (head, rest) = xml.split_at(HEAD);
        assert_eq!(
            head.split_whitespace().collect::<Vec<_>>().join(" "),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?> <testsuites name=\"pnl\" tests=\"8\" skipped=\"2\" failures=\"1\" errors=\"1\" time=\"2.000\" >"
        );
        let suite = &rest[..rest.find("</testsuite>").expect("a suite")];
        insta::assert_snapshot!(suite, @r#"
            <testsuite name="pnl round 1" tests="4" skipped="2" errors="1" failures="1" time="1.000" timestamp="2026-11-22T14:25:01.000+00:00">
                <properties>
                    <property name="run" value="20261123-142501-7f3a09"/>
                    <property name="engine" value="fork"/>
                    <property name="dist" value="pnl"/>
                    <property name="workers" value="2"/>
                    <property name="python" value="3.11.7"/>
                    <property name="pytest" value="8.3.3"/>
                    <property name="base-url" value="http://127.0.0.1:8000"/>
                </properties>
                <testcase name="test_x[\x1b[31m\x00&lt;&amp;&quot;-日本\ufffe]" classname="tests.test_a.TestÜ" time="0.020" file="tests/test_a.py" line="10">
                    <properties>
                        <property name="worker" value="gw0"/>
                    </properties>
                    <failure message="AssertionError: a\x00\x1b[2J ]]&gt; &lt;b&gt;" type="AssertionError">    def test():
        &gt;       assert False
        E       AssertionError: a\x00\x1b[2J ]]&gt; &lt;b&gt;</failure>
                    <system-out>--- Captured stdout call ---
        hello
        </system-out>
                </testcase>
                <testcase name="test_dies" classname="tests.test_b" time="0.030" file="tests/test_b.py" line="11">
                    <properties>
                        <property name="worker" value="gw1"/>
                    </properties>
                    <error message="signal 6, SIGABRT" type="crashed"/>
                </testcase>
                <testcase name="test_skipped" classname="tests.test_b" time="0.000" file="tests/test_b.py" line="12">
                    <skipped message="no browser" type="pytest.skip"/>
                </testcase>
                <testcase name="test_late" classname="tests.test_b" time="0.000" file="tests/test_b.py" line="13">
                    <skipped message="not run (stopped after the allowed number of failures)" type="not_run"/>
                </testcase>
        "#);
        let parsed = Report::deserialize_from_str(&xml).expect("quick-junit reads its own");
        assert_eq!(parsed.test_suites[1].name.as_str(), "pnl round 2");
        assert_eq!(parsed.test_suites[1].tests, 4);
    }

    #[test]
    fn a_run_without_tests_has_an_empty_suite() {
        let mut story = Story::new(&[], Some(1));
        story.end();
        let parsed = Report::deserialize_from_str(&write(&story)).expect("valid");
        assert_eq!((parsed.test_suites.len(), parsed.tests), (1, 0));
    }

    #[test]
    fn a_folder_is_refused_at_once_and_a_vanished_one_is_a_warning() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(JUnit::create(folder.path()).is_err());
        let path = folder.path().join("sub/report.xml");
        let junit = JUnit::create(&path).expect("a file");
        fs::remove_dir_all(path.parent().expect("sub")).expect("removed");
        assert_eq!(Box::new(junit).finish().len(), 1);
    }

    #[test]
    fn what_a_retried_test_said_before_is_kept_with_it() {
        let mut story = Story::new(&["a.py::flaky", "a.py::ok"], Some(1));
        story.round(&[Ending::Flaky("now and then"), Ending::Pass]);
        story.end();
        let xml = write(&story);
        assert!(xml.contains("<flakyFailure message=\"AssertionError: now and then\""), "{xml}");
        assert!(xml.contains("tests=\"2\" skipped=\"0\" failures=\"0\""), "{xml}");
        assert_eq!(xml.matches("<testcase").count(), 2, "{xml}");
    }
}
