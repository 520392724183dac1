//! Every event as one JSON object on a line, as it happens. The fields are documented in
//! docs/jsonl.md; changing one changes [`VERSION`] and that page.
//!
//! This is for programs: texts are as the suite gave them, escaped as JSON asks and not cleaned.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use crate::model::{
    Attempt, Counts, Event, Execution, Failure, Leak, Level, NodeId, Offset, OutcomeKind, Round,
    RunEnded, RunStarted, Slot, StopReason, TestIndex, TestInfo, What, WorkerEnd, WorkerId,
};

use super::consumer::{Consumer, Unreported};

/// The format's version: `"v"` of every line.
const VERSION: u32 = 1;

/// Writes the file.
pub(crate) struct JsonLines {
    path: PathBuf,
    file: BufWriter<File>,
    failed: Option<io::Error>,
}

impl JsonLines {
    /// Begins an empty file, whose folder is made if need be.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        if let Some(folder) = path.parent().filter(|it| !it.as_os_str().is_empty()) {
            fs::create_dir_all(folder)?;
        }
        let file = BufWriter::new(File::create(path)?);
        Ok(Self { path: path.to_owned(), file, failed: None })
    }

    fn write(&mut self, event: &Event) -> io::Result<()> {
        serde_json::to_writer(&mut self.file, &Line::of(event))?;
        self.file.write_all(b"\n")
    }

    /// After the first error nothing more is tried: a gap would be a lie.
    fn attempt(&mut self, what: impl FnOnce(&mut Self) -> io::Result<()>) {
        if self.failed.is_none() {
            self.failed = what(self).err();
        }
    }
}

impl Consumer for JsonLines {
    fn event(&mut self, event: &Event) {
        self.attempt(|it| it.write(event));
    }

    fn tick(&mut self) {
        self.attempt(|it| it.file.flush());
    }

    fn finish(mut self: Box<Self>) -> Vec<Unreported> {
        self.tick();
        let quiet = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
        let failed = self.failed.take().filter(|error| !quiet(error));
        let path = self.path.display();
        failed
            .map(|error| format!("--jsonl {path} could not be written to its end: {error}"))
            .map(Unreported::Asked)
            .into_iter()
            .collect()
    }
}

#[derive(Serialize)]
struct Line<'a> {
    v: u32,
    event: &'static str,
    at: f64,
    round: Option<Round>,
    worker: Option<WorkerId>,
    #[serde(flatten)]
    body: Body<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Body<'a> {
    RunStarted(Box<RunStartedBody<'a>>),
    Collected {
        tests: &'a [Arc<TestInfo>],
        workers: usize,
        rootdir: &'a Path,
    },
    Notice {
        level: &'static str,
        text: &'a str,
    },
    Text {
        text: &'a str,
    },
    RoundStarted {
        workers: usize,
        planned: u64,
    },
    WorkerStarted {
        slot: Slot,
        pid: u32,
    },
    TestStarted {
        nodeid: &'a NodeId,
        index: TestIndex,
        attempt: Attempt,
    },
    TestEnded(Box<TestEndedBody<'a>>),
    FileCollected {
        file: &'a str,
        elapsed_s: f64,
        tests: usize,
        left: usize,
    },
    ServerAway {
        since: f64,
        until: Option<f64>,
        why: &'a str,
        hits: u64,
    },
    StateProbed {
        after_round: Option<Round>,
        nodeid: Option<&'a NodeId>,
        index: Option<TestIndex>,
        hash: Option<&'a str>,
        error: Option<&'a str>,
    },
    WorkerUsed {
        cpu_s: f64,
        busy_s: f64,
        memory: u64,
    },
    TestSlow {
        nodeid: &'a NodeId,
        index: TestIndex,
        elapsed_s: f64,
    },
    ProcessLeaked(LeakBody<'a>),
    WorkerEnded {
        slot: Slot,
        how: &'static str,
        detail: Option<String>,
    },
    RoundEnded {
        totals: Counts,
        flaky: u64,
        elapsed_s: f64,
        rounds_left: Option<u32>,
    },
    RunEnded(RunEndedBody<'a>),
}

#[derive(Serialize)]
struct RunStartedBody<'a> {
    run: &'a str,
    started: String,
    scope: &'a str,
    command: &'a [String],
    root: String,
    engine: &'static str,
    dist: &'static str,
    isolation: &'static str,
    workers: usize,
    workers_why: Option<&'a str>,
    rounds_planned: Option<u32>,
    base_url: Option<&'a str>,
    base_url_from: Option<&'a str>,
    python: String,
    python_version: &'a str,
    python_from: &'a str,
    pytest_version: &'a str,
    seed: Option<u64>,
    collection: Option<&'a str>,
    template: Option<&'a str>,
}

#[derive(Serialize)]
struct LeakBody<'a> {
    pid: u32,
    command: &'a str,
    age_s: f64,
    processes: usize,
    nodeid: Option<&'a NodeId>,
}

impl<'a> LeakBody<'a> {
    fn of(leak: &'a Leak) -> Self {
        let Leak { pid, command, age, processes, test } = leak;
        Self { pid: *pid, command, age_s: *age, processes: *processes, nodeid: test.as_ref() }
    }
}

#[derive(Serialize)]
struct TestEndedBody<'a> {
    nodeid: &'a NodeId,
    index: TestIndex,
    attempt: Attempt,
    outcome: OutcomeKind,
    detail: Option<String>,
    start: f64,
    duration_s: Durations,
    failure: Option<FailureBody<'a>>,
    reason: Option<&'a str>,
    infrastructure: bool,
}

#[derive(Serialize)]
struct Durations {
    setup: f64,
    call: f64,
    teardown: f64,
    total: f64,
}

#[derive(Serialize)]
struct FailureBody<'a> {
    message: &'a str,
    text: &'a str,
    sections: Vec<Section<'a>>,
    file: Option<&'a str>,
    line: Option<u32>,
}

#[derive(Serialize)]
struct Section<'a> {
    name: &'a str,
    text: &'a str,
}

#[derive(Serialize)]
struct RunEndedBody<'a> {
    totals: &'a Counts,
    flaky: u64,
    elapsed_s: f64,
    rounds_run: u32,
    stop_reason: &'static str,
    stop_message: String,
    exit_code: u8,
}

impl<'a> Line<'a> {
    fn of(event: &'a Event) -> Self {
        let (name, body) = Body::of(&event.what);
        let at = event.at.seconds();
        Self { v: VERSION, event: name, at, round: event.round, worker: event.worker, body }
    }
}

impl<'a> Body<'a> {
    fn of(what: &'a What) -> (&'static str, Self) {
        match what {
            What::RunStarted(run) => {
                ("run-started", Self::RunStarted(Box::new(RunStartedBody::of(run))))
            }
            What::Collected { tests, workers, rootdir } => {
                ("collected", Self::Collected { tests, workers: *workers, rootdir })
            }
            What::Notice { level, text } => {
                ("notice", Self::Notice { level: level_name(*level), text })
            }
            What::PytestOutput(text) => ("pytest-output", Self::Text { text }),
            What::RoundStarted(it) => {
                ("round-started", Self::RoundStarted { workers: it.workers, planned: it.planned })
            }
            What::WorkerStarted { slot, pid } => {
                ("worker-started", Self::WorkerStarted { slot: *slot, pid: *pid })
            }
            What::TestStarted { test, attempt } => {
                let (nodeid, index) = (&test.nodeid, test.index);
                ("test-started", Self::TestStarted { nodeid, index, attempt: *attempt })
            }
            What::TestEnded(it) => ("test-ended", Self::TestEnded(Box::new(TestEndedBody::of(it)))),
            What::AttemptFailed(it) => {
                ("attempt-failed", Self::TestEnded(Box::new(TestEndedBody::of(it))))
            }
            What::FileCollected { file, elapsed, tests, left } => {
                let (elapsed_s, tests, left) = (*elapsed, *tests, *left);
                ("file-collected", Self::FileCollected { file, elapsed_s, tests, left })
            }
            What::ServerAway(it) => {
                let (since, until) = (it.since.seconds(), it.until.map(Offset::seconds));
                ("server-away", Self::ServerAway { since, until, why: &it.why, hits: it.hits })
            }
            What::StateProbed(it) => {
                let (test, after_round) = (it.test.as_deref(), it.round);
                let (nodeid, index) = (test.map(|it| &it.nodeid), test.map(|it| it.index));
                let hash = it.answer.as_deref().ok();
                let error = it.answer.as_ref().err().map(String::as_str);
                let body = Self::StateProbed { after_round, nodeid, index, hash, error };
                ("state-probed", body)
            }
            What::WorkerUsed(it) => {
                let (cpu_s, busy_s, memory) = (it.cpu, it.busy, it.memory);
                ("worker-used", Self::WorkerUsed { cpu_s, busy_s, memory })
            }
            What::TestSlow { test, elapsed } => {
                let (nodeid, index) = (&test.nodeid, test.index);
                ("test-slow", Self::TestSlow { nodeid, index, elapsed_s: *elapsed })
            }
            What::OutputLine(text) => ("output-line", Self::Text { text }),
            What::ProcessLeaked(leak) => {
                ("process-leaked", Self::ProcessLeaked(LeakBody::of(leak)))
            }
            What::WorkerEnded { slot, how } => ("worker-ended", Self::worker_ended(*slot, how)),
            What::RoundEnded(it) => {
                let (totals, flaky, elapsed_s) = (it.counts, it.flaky, it.elapsed);
                let rounds_left = it.left;
                ("round-ended", Self::RoundEnded { totals, flaky, elapsed_s, rounds_left })
            }
            What::RunEnded(it) => ("run-ended", Self::RunEnded(RunEndedBody::of(it))),
        }
    }

    fn worker_ended(slot: Slot, how: &WorkerEnd) -> Self {
        let (how, detail) = match how {
            WorkerEnd::Finished => ("finished", None),
            WorkerEnd::Crashed(crash) => ("crashed", Some(crash.to_string())),
            WorkerEnd::Killed => ("killed", None),
        };
        Self::WorkerEnded { slot, how, detail }
    }
}

impl<'a> RunStartedBody<'a> {
    fn of(run: &'a RunStarted) -> Self {
        let started = jiff::Timestamp::from_microsecond(run.started_us).unwrap_or_default();
        Self {
            run: run.run.as_str(),
            started: started.to_string(),
            scope: &run.scope,
            command: &run.command,
            root: run.root.to_string_lossy().into_owned(),
            engine: run.engine.name(),
            dist: run.dist.name(),
            isolation: run.isolation.name(),
            workers: run.workers,
            workers_why: run.workers_why.as_deref(),
            rounds_planned: run.rounds_planned,
            base_url: run.server.as_ref().map(|it| it.url.as_str()),
            base_url_from: run.server.as_ref().map(|it| it.from.as_str()),
            python: run.python.to_string_lossy().into_owned(),
            python_version: &run.python_version,
            python_from: &run.python_from,
            pytest_version: &run.pytest_version,
            seed: run.seed,
            collection: run.collection.as_deref(),
            template: run.template.as_deref(),
        }
    }
}

impl<'a> TestEndedBody<'a> {
    fn of(execution: &'a Execution) -> Self {
        let phases = execution.phases;
        let total = execution.seconds();
        Self {
            nodeid: &execution.test.nodeid,
            index: execution.test.index,
            attempt: execution.attempt,
            outcome: execution.outcome.kind(),
            detail: execution.outcome.detail(),
            start: execution.start.seconds(),
            duration_s: Durations {
                setup: phases.setup,
                call: phases.call,
                teardown: phases.teardown,
                total,
            },
            failure: execution.failure.as_deref().map(FailureBody::of),
            reason: execution.reason.as_deref(),
            infrastructure: execution.infrastructure.this,
        }
    }
}

impl<'a> FailureBody<'a> {
    fn of(failure: &'a Failure) -> Self {
        let location = failure.location.as_ref();
        Self {
            message: &failure.message,
            text: &failure.text,
            sections: failure.sections.iter().map(|(name, text)| Section { name, text }).collect(),
            file: location.map(|(file, _)| file.as_str()),
            line: location.map(|(_, line)| *line),
        }
    }
}

impl<'a> RunEndedBody<'a> {
    fn of(ended: &'a RunEnded) -> Self {
        let reason: &StopReason = &ended.reason;
        Self {
            totals: &ended.counts,
            flaky: ended.flaky,
            elapsed_s: ended.elapsed,
            rounds_run: ended.rounds_run,
            stop_reason: reason.name(),
            stop_message: reason.to_string(),
            exit_code: ended.exit.code(),
        }
    }
}

fn level_name(level: Level) -> &'static str {
    match level {
        Level::Info => "info",
        Level::Warning => "warning",
        Level::Error => "error",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use serde_json::Value;

    use super::super::sample::{Ending, Story};
    use super::*;
    use crate::model::{Crash, ServerAway, StateProbed, Usage};

    fn everything() -> Story {
        let mut story =
            Story::new(&["tests/test_a.py::test_ü", "tests/test_a.py::test_bad"], Some(1));
        story.push(None, None, What::Notice { level: Level::Warning, text: "careful".to_owned() });
        story.push(None, None, What::PytestOutput("two\nlines".to_owned()));
        story.round(&[Ending::Flaky("first"), Ending::Fail("a\0b")]);
        let test = story.test(0);
        story.push(Some(1), Some(0), What::TestSlow { test, elapsed: 60.0 });
        story.push(Some(1), Some(0), What::OutputLine("hi".to_owned()));
        let file = Arc::from("tests/test_a.py");
        story.push(
            Some(1),
            Some(0),
            What::FileCollected { file, elapsed: 0.25, tests: 2, left: 1 },
        );
        let away = ServerAway { since: Offset(1), until: None, why: "refused".to_owned(), hits: 1 };
        story.push(None, None, What::ServerAway(away));
        let (test, answer) = (Some(story.test(0)), Ok(Arc::from("5f")));
        let probed = StateProbed { round: Some(Round::FIRST), test, answer };
        story.push(None, None, What::StateProbed(probed));
        let usage = Usage { cpu: 0.5, busy: 2.0, memory: 1 << 20 };
        story.push(Some(1), Some(0), What::WorkerUsed(usage));
        let leak = Leak {
            pid: 7,
            command: "sleep 60".to_owned(),
            age: 1.5,
            processes: 2,
            test: Some(NodeId::new("tests/test_a.py::test_bad")),
        };
        story.push(Some(1), Some(0), What::ProcessLeaked(leak));
        let how = WorkerEnd::Crashed(Crash::Signal(9));
        story.push(Some(1), Some(0), What::WorkerEnded { slot: Slot(0), how });
        story.end();
        story
    }

    fn lines() -> Vec<Value> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("new/events.jsonl");
        let mut file = JsonLines::create(&path).expect("a file");
        everything().events().iter().for_each(|event| file.event(event));
        file.tick();
        let text = fs::read_to_string(&path).expect("flushed at each tick");
        assert!(Box::new(file).finish().is_empty());
        text.lines().map(|line| serde_json::from_str(line).expect("one object a line")).collect()
    }

    #[test]
    fn an_ended_test_says_everything_about_itself() {
        let failed = lines().into_iter().rfind(|it| it["outcome"] == "failed").expect("one failed");
        insta::assert_snapshot!(failed.to_string(), @r#"{"at":0.04,"attempt":1,"detail":null,"duration_s":{"call":0.02,"setup":0.0,"teardown":0.0,"total":0.02},"event":"test-ended","failure":{"file":"tests/test_a.py","line":12,"message":"AssertionError: a\u0000b","sections":[{"name":"Captured stdout call","text":"hello\n"}],"text":"    def test():\n>       assert False\nE       AssertionError: a\u0000b"},"index":1,"infrastructure":false,"nodeid":"tests/test_a.py::test_bad","outcome":"failed","reason":null,"round":1,"start":0.03,"v":1,"worker":"gw1"}"#);
    }

    /// The page and the program name the same fields of the same events.
    #[test]
    fn the_page_documents_every_field() {
        let page = include_str!("../../docs/jsonl.md");
        let mut documented: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        let mut event = "";
        for line in page.lines() {
            if let Some(name) = line.strip_prefix("## `") {
                event = name.trim_end_matches('`');
                documented.entry(event).or_default();
            } else if let (Some(row), false) = (line.strip_prefix("| `"), event.is_empty()) {
                let field = row.split('`').next().expect("a field");
                documented.entry(event).or_default().insert(field);
            }
        }
        let mut written: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for line in lines() {
            let object = line.as_object().expect("an object");
            let envelope = ["v", "event", "at", "round", "worker"];
            assert!(envelope.iter().all(|name| object.contains_key(*name)));
            let own = object.keys().filter(|it| !envelope.contains(&it.as_str())).cloned();
            written
                .entry(line["event"].as_str().expect("text").to_owned())
                .or_default()
                .extend(own);
        }
        let documented: BTreeMap<_, BTreeSet<_>> = documented
            .into_iter()
            .map(|(name, fields)| {
                (name.to_owned(), fields.into_iter().map(str::to_owned).collect())
            })
            .collect();
        assert_eq!(documented, written);
    }
}
