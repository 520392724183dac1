//! GitHub Actions: annotations on the lines that fail, and a job summary.
//!
//! Both speak to a parser that untrusted text must not reach: workflow commands are escaped as the
//! runner's own toolkit escapes them, and Markdown gets every character that could be markup as an
//! entity.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crossbeam_channel::Receiver;

use crate::model::{Event, What};

use super::consumer::{Consumer, Unreported};
use super::summary::{Summary, TestFigures};
use super::terminal::Out;
use super::text::{self, Palette, counted};
use super::verdicts::{AskVerdicts, Ended};

/// GitHub shows ten error annotations of a step, and ten warnings, and drops the rest.
const ANNOTATIONS: usize = 10;

/// A summary may have 1 MiB; a reader has less.
const ROWS: usize = 50;

/// Columns of a message in the summary's table.
const MESSAGE: usize = 200;

/// Columns of verdicts.
const VERDICTS: usize = 100;

/// What GitHub Actions wants of this run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Github {
    /// Whether to print annotations.
    pub annotate: bool,
    /// Where the job summary goes.
    pub summary: Option<PathBuf>,
}

impl Github {
    /// Reads what the environment says: `GITHUB_ACTIONS` is `true` on its runners, and
    /// `GITHUB_STEP_SUMMARY` names the file.
    #[must_use]
    pub fn detect(actions: Option<&str>, step_summary: Option<PathBuf>) -> Self {
        let annotate = actions == Some("true");
        let named = step_summary.filter(|it| annotate && !it.as_os_str().is_empty());
        Self { annotate, summary: named }
    }

    /// [`Github::detect`] on the process's own environment.
    #[must_use]
    pub fn of_process() -> Self {
        let summary = std::env::var_os("GITHUB_STEP_SUMMARY").map(PathBuf::from);
        Self::detect(std::env::var("GITHUB_ACTIONS").ok().as_deref(), summary)
    }
}

/// Prints an `::error` for the first failing tests when the run is over.
pub(crate) struct Annotations {
    out: Out,
    workspace: Option<PathBuf>,
    summary: Summary,
}

impl Annotations {
    pub(crate) fn new(out: Out) -> Self {
        // Annotations name files from the checkout's top, node ids from pytest's root.
        let workspace = std::env::var_os("GITHUB_WORKSPACE").map(PathBuf::from);
        Self { out, workspace, summary: Summary::default() }
    }
}

impl Consumer for Annotations {
    fn event(&mut self, event: &Event) {
        self.summary.event(event);
        if matches!(event.what, What::RunEnded(_)) {
            self.out.print(&annotations(&self.summary, self.workspace.as_deref()));
        }
    }

    fn tick(&mut self) {}

    fn finish(self: Box<Self>) -> Vec<Unreported> {
        // The terminal writes to the same place and warns.
        Vec::new()
    }
}

/// Appends to the job summary when the run is over.
pub(crate) struct JobSummary {
    path: PathBuf,
    summary: Summary,
    verdicts: Option<Receiver<AskVerdicts>>,
}

impl JobSummary {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, summary: Summary::default(), verdicts: None }
    }

    /// With verdicts on a loop, by who is sent before its end.
    #[must_use]
    pub(crate) fn with_verdicts(self, verdicts: Receiver<AskVerdicts>) -> Self {
        Self { verdicts: Some(verdicts), ..self }
    }

    fn append(&self) -> io::Result<()> {
        let mut file = OpenOptions::new().append(true).create(true).open(&self.path)?;
        let ask = self.verdicts.as_ref().and_then(|asked| asked.try_recv().ok());
        let ended = Ended::of(&self.summary, Palette::Plain, VERDICTS);
        let said = ask.zip(ended).map(|(ask, ended)| ask(&ended)).unwrap_or_default();
        file.write_all((markdown(&self.summary) + &preformatted(&said)).as_bytes())
    }
}

impl Consumer for JobSummary {
    fn event(&mut self, event: &Event) {
        self.summary.event(event);
    }

    fn tick(&mut self) {}

    fn finish(self: Box<Self>) -> Vec<Unreported> {
        if self.summary.ended().is_none() {
            return Vec::new();
        }
        let failed = self.append().err();
        let path = self.path.display();
        failed
            .map(|error| format!("GITHUB_STEP_SUMMARY {path} could not be written: {error}"))
            .map(Unreported::Seen)
            .into_iter()
            .collect()
    }
}

pub(super) fn annotations(summary: &Summary, workspace: Option<&Path>) -> String {
    let folder =
        summary.run().zip(workspace).and_then(|(run, top)| run.root.strip_prefix(top).ok());
    let mut out = String::new();
    let failing = summary.failing().into_iter().map(|figures| ("error", figures));
    let retried = summary.retried().into_iter().map(|figures| ("warning", figures));
    for (level, figures) in failing.take(ANNOTATIONS).chain(retried.take(ANNOTATIONS)) {
        let (file, line) = place(figures);
        let file = folder.map_or_else(|| file.into(), |folder| folder.join(file));
        let _ = write!(out, "::{level} file={}", property(&file.to_string_lossy()));
        if let Some(line) = line {
            let _ = write!(out, ",line={line}");
        }
        let title = property(figures.test.nodeid.as_str());
        let _ = writeln!(out, ",title={title}::{}", data(&what_happened(figures)));
    }
    out
}

/// Where the failure is, if it is in the project; else where the test is.
fn place(figures: &TestFigures) -> (&str, Option<u32>) {
    let failure = figures.failed.as_ref().and_then(|it| it.failure.as_ref());
    let location =
        failure.and_then(|it| it.location.as_ref()).filter(|it| Path::new(&it.0).is_relative());
    match location {
        Some((file, line)) => (file, Some(*line)),
        None => (figures.test.nodeid.file(), figures.test.line),
    }
}

/// `failed: AssertionError: assert 1 == 2 (3 of 10 executions)`.
fn what_happened(figures: &TestFigures) -> String {
    let mut out = String::new();
    if let Some(first) = &figures.failed {
        let message = first.headline();
        out.push_str(first.outcome.kind().label());
        if !message.is_empty() {
            let _ = write!(out, ": {message}");
        }
    }
    let executed = figures.counts.executed();
    if figures.counts.failures() == 0 {
        out.push_str(" (flaky: it passed when it was tried again)");
    } else if executed > 1 {
        let _ = write!(out, " ({} of {executed} executions)", figures.counts.failures());
    }
    out
}

/// A workflow command's text.
fn data(text: &str) -> String {
    text::line(text).replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A workflow command's property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

pub(super) fn markdown(summary: &Summary) -> String {
    let mut out = format!("### pnl: {}\n\n", summary.totals());
    if let Some(run) = summary.run() {
        let _ = writeln!(out, "{}\n", entities(&run.scope));
    }
    if let Some(ended) =
        summary.ended().filter(|it| it.reason != crate::model::StopReason::Completed)
    {
        let _ = writeln!(out, "{}\n", entities(&ended.reason.to_string()));
    }
    let failing: Vec<_> = summary.failing().into_iter().chain(summary.retried()).collect();
    if failing.is_empty() {
        return out;
    }
    out.push_str("| outcome | failed of executed | test | message |\n| --- | ---: | --- | --- |\n");
    for figures in failing.iter().take(ROWS) {
        let Some(first) = &figures.failed else { continue };
        let counts = &figures.counts;
        let message = first.headline();
        let _ = writeln!(
            out,
            "| {} | {}/{} | <code>{}</code> | {} |",
            if counts.failures() == 0 { "flaky" } else { first.outcome.kind().label() },
            counts.failures(),
            counts.executed(),
            entities(figures.test.nodeid.as_str()),
            entities(&text::cut_end(&message, MESSAGE)),
        );
    }
    if failing.len() > ROWS {
        let more = counted((failing.len() - ROWS) as u64, "more test");
        let _ = writeln!(out, "\n{more}: see the log.");
    }
    out.push('\n');
    out
}

/// Lines as they are.
pub(super) fn preformatted(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let lines: Vec<String> = text.lines().map(entities).collect();
    format!("<pre>{}</pre>\n\n", lines.join("\n"))
}

/// Untrusted text for Markdown. Entities are always text to it, never structure, so everything
/// but letters, digits and harmless punctuation becomes one.
fn entities(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text::line(text).chars() {
        if c.is_ascii_punctuation() && !matches!(c, '.' | ',' | '/' | '-' | '(' | ')' | '=') {
            let _ = write!(out, "&#{};", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::sample::{Ending, Story};
    use super::*;

    fn summary(story: &Story) -> Summary {
        let mut summary = Summary::default();
        story.events().iter().for_each(|event| summary.event(event));
        summary
    }

    fn hostile() -> Summary {
        let id = "tests/test_a.py::test_x[a,b:100%\n::error::no|`<b>`]";
        let mut story = Story::new(&[id, "tests/test_b.py::test_dies"], Some(2));
        story.round(&[Ending::Fail("100%\r\n::set-env::x"), Ending::Crash]);
        story.round(&[Ending::Fail("<script>|`x`_*"), Ending::Pass]);
        story.end();
        summary(&story)
    }

    #[test]
    fn only_a_runner_of_github_is_one() {
        let file = Some(PathBuf::from("summary.md"));
        assert_eq!(Github::detect(None, file.clone()), Github::default());
        let found = Github::detect(Some("true"), file.clone());
        assert_eq!(found, Github { annotate: true, summary: file });
    }

    #[test]
    fn annotations_cannot_be_broken_out_of() {
        insta::assert_snapshot!(annotations(&hostile(), None), @r"
        ::error file=tests/test_a.py,line=12,title=tests/test_a.py%3A%3Atest_x[a%2Cb%3A100%25\n%3A%3Aerror%3A%3Ano|`<b>`]::failed: AssertionError: 100%25 (2 of 2 executions)
        ::error file=tests/test_b.py,line=11,title=tests/test_b.py%3A%3Atest_dies::crashed: signal 6, SIGABRT (1 of 2 executions)
        ");
        let in_folder = annotations(&hostile(), Some(Path::new("/")));
        assert!(
            in_folder.starts_with("::error file=project/tests/test_a.py,line=12,"),
            "{in_folder}"
        );
    }

    #[test]
    fn the_summary_is_markdown_of_our_own_only() {
        insta::assert_snapshot!(markdown(&hostile()), @r"
        ### pnl: 2 rounds, 4 tests, 2 failed, 1 crashed, 1 flaky, 2.0 s

        e2e (tests/e2e)

        | outcome | failed of executed | test | message |
        | --- | ---: | --- | --- |
        | failed | 2/2 | <code>tests/test&#95;a.py&#58;&#58;test&#95;x&#91;a,b&#58;100&#37;&#92;n&#58;&#58;error&#58;&#58;no&#124;&#96;&#60;b&#62;&#96;&#93;</code> | AssertionError&#58; 100&#37; |
        | crashed | 1/2 | <code>tests/test&#95;b.py&#58;&#58;test&#95;dies</code> | signal 6, SIGABRT |
        ");
    }

    #[test]
    fn a_flaky_test_is_a_warning() {
        let mut story = Story::new(&["a.py::shaky"], Some(1));
        story.round(&[Ending::Flaky("now and then")]);
        story.end();
        let text = annotations(&summary(&story), None);
        assert!(text.starts_with("::warning file="), "{text}");
        assert!(text.contains("now and then (flaky: it passed when it was tried again)"), "{text}");
        assert!(markdown(&summary(&story)).contains("| flaky | 0/1 |"));
    }

    #[test]
    fn ten_annotations_at_most() {
        let ids: Vec<_> = (0..12).map(|n| format!("a.py::t{n}")).collect();
        let ids: Vec<_> = ids.iter().map(String::as_str).collect();
        let mut story = Story::new(&ids, Some(1));
        story.round(&[Ending::Fail("no"); 12]);
        story.end();
        assert_eq!(annotations(&summary(&story), None).lines().count(), 10);
    }
}
