//! Every event as one JSON object on a line, as it happens. The fields are documented in
//! docs/jsonl.md; changing one changes the format's version (in `line`) and that page.
//!
//! This is for programs: texts are as the suite gave them, escaped as JSON asks and not cleaned.

mod line;

use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use crate::model::Event;

use super::consumer::{Consumer, Unreported};

use line::Line;

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

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::sync::Arc;

    use serde_json::Value;

    use super::super::sample::{Ending, Story};
    use super::*;
    use crate::model::{
        Crash, Leak, Level, NodeId, Offset, Round, ServerAway, Slot, StateProbed, Usage, What,
        WorkerEnd,
    };

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
