//! Every report on what no honest suite says.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use quick_xml::events::Event as Xml;
use serde_json::Value;

use super::consumer::Consumer;
use super::github;
use super::jsonl::JsonLines;
use super::junit::JUnit;
use super::show::{Format, show};
use super::summary::Summary;
use super::terminal::{Page, TerminalOptions, Verbosity};
use super::text::{self, Keep, Palette, clean, is_dangerous};
use super::verdicts::Verdicts;
use crate::model::fuzz::{cases, text};
use crate::model::{Crash, Event, Execution, Failure, Level, Offset, Outcome, What};
use crate::store::fixture::{Project, Tape, execution, started, test};

/// A run in which everything that a suite can say is hostile.
#[derive(Debug, Clone)]
struct Hostile {
    ids: Vec<String>,
    texts: Vec<String>,
}

fn hostile() -> impl Strategy<Value = Hostile> {
    (vec(text(), 1..4), vec(text(), 9)).prop_map(|(ids, texts)| Hostile { ids, texts })
}

impl Hostile {
    fn executions(&self) -> Vec<Execution> {
        let [message, body, title, section, file, reason, how, ..] = &self.texts[..] else {
            unreachable!("there are nine")
        };
        let failure = Arc::new(Failure {
            message: message.clone(),
            text: body.clone(),
            sections: vec![
                (title.clone(), section.clone()),
                ("Captured stderr".to_owned(), body.clone()),
            ],
            location: Some((file.clone(), 12)),
        });
        let outcomes = [
            Outcome::Failed,
            Outcome::Skipped,
            Outcome::Crashed(Crash::Protocol(how.clone())),
            Outcome::Passed,
        ];
        let tests = (0..).zip(&self.ids).map(|(index, id)| test(index, id));
        tests
            .zip(outcomes.into_iter().cycle())
            .map(|(test, outcome)| Execution {
                failure: outcome.kind().is_failure().then(|| failure.clone()),
                reason: (outcome == Outcome::Skipped).then(|| reason.clone()),
                ..execution(&test, outcome)
            })
            .collect()
    }

    fn events(&self) -> Vec<Event> {
        let mut run = started("20260102-030405-aaaaaa");
        let said = &self.texts[7];
        run.scope.clone_from(&self.texts[8]);
        run.command = vec![self.texts[8].clone(), self.texts[0].clone()];
        run.python_version.clone_from(said);
        run.python = said.into();
        run.collection = Some(said.clone());
        let executions = self.executions();
        let mut tape = Tape::new(run);
        let tests: Arc<[_]> = executions.iter().map(|it| it.test.clone()).collect();
        let rootdir = Arc::from(Path::new("/project"));
        tape.push(None, None, What::Collected { tests, workers: 2, rootdir });
        tape.push(None, None, What::Notice { level: Level::Warning, text: said.clone() });
        tape.push(None, None, What::PytestOutput(said.clone()));
        tape.push(None, None, What::OutputLine(said.clone()));
        let mut tape = tape.round(executions.clone());
        for execution in &executions {
            let (test, attempt) = (execution.test.clone(), execution.attempt);
            tape.push(None, None, What::TestStarted { test, attempt });
        }
        let mut again = Box::new(executions[0].clone());
        again.outcome = Outcome::Failed;
        tape.push(None, None, What::AttemptFailed(again));
        tape.round(executions)
            .end(crate::model::StopReason::Stopped { message: said.clone(), code: None })
    }
}

/// What a file's consumer writes.
fn written<C: Consumer>(events: &[Event], create: fn(&Path) -> std::io::Result<C>) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("report");
    let mut consumer = create(&path).expect("a file");
    for event in events {
        consumer.event(event);
    }
    assert!(Box::new(consumer).finish().is_empty());
    fs::read_to_string(&path).expect("UTF-8")
}

/// How many test cases a well-formed report has.
fn cases_in(xml: &str) -> usize {
    let mut reader = quick_xml::Reader::from_str(xml);
    reader.config_mut().check_end_names = true;
    let (mut depth, mut count) = (0, 0);
    loop {
        match reader.read_event().expect("well-formed") {
            Xml::Start(tag) => {
                tag.attributes().for_each(|it| {
                    it.expect("an attribute")
                        .normalized_value(quick_xml::XmlVersion::default())
                        .expect("its entities are known");
                });
                count += usize::from(tag.name().as_ref() == b"testcase");
                depth += 1;
            }
            Xml::Empty(tag) => count += usize::from(tag.name().as_ref() == b"testcase"),
            Xml::End(_) => depth -= 1,
            Xml::Eof => break,
            _ => {}
        }
    }
    assert_eq!(depth, 0);
    count
}

/// The text without colour sequences, which are all that may begin with an escape.
fn without_color(text: &str) -> String {
    let mut out = String::new();
    let mut parts = text.split("\u{1b}[");
    out.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let end = part.find(|c: char| !(c.is_ascii_digit() || c == ';' || c == ':'));
        let end = end.filter(|&end| part[end..].starts_with('m')).expect("a colour");
        out.push_str(&part[end + 1..]);
    }
    out
}

fn assert_harmless(text: &str) {
    let plain = without_color(text);
    let bad = plain.chars().find(|&c| is_dangerous(c) && c != '\n' && c != '\t');
    assert!(bad.is_none(), "{bad:?} in {plain:?}");
}

proptest! {
    #![proptest_config(cases(4))]

    #[test]
    fn junit_is_well_formed(hostile in hostile()) {
        let xml = written(&hostile.events(), JUnit::create);
        prop_assert_eq!(cases_in(&xml), 2 * hostile.ids.len());
        let is_forbidden = |c: char| is_dangerous(c) && c != '\n' && c != '\t';
        prop_assert!(!xml.contains(is_forbidden));
    }

    #[test]
    fn json_lines_say_what_was_said(hostile in hostile()) {
        let events = hostile.events();
        let text = written(&events, JsonLines::create);
        let lines: Vec<Value> =
            text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        prop_assert_eq!(lines.len(), events.len());
        let ended = lines.iter().find(|line| line["event"] == "test-ended").expect("one");
        prop_assert_eq!(&ended["nodeid"], &hostile.ids[0]);
        prop_assert_eq!(&ended["failure"]["message"], &hostile.texts[0]);
        prop_assert_eq!(&ended["failure"]["text"], &hostile.texts[1]);
        prop_assert_eq!(&ended["failure"]["sections"][0]["text"], &hostile.texts[3]);
    }

    #[test]
    fn github_gets_our_commands_and_our_markup_only(hostile in hostile()) {
        let mut summary = Summary::default();
        for event in &hostile.events() {
            summary.event(event);
        }
        let annotations = github::annotations(&summary, None);
        prop_assert!(annotations.lines().all(|line| line.starts_with("::error file=")));
        prop_assert!(!annotations.contains('\r'));
        let failing = summary.failing().len();
        prop_assert_eq!(annotations.lines().count(), failing);
        let markdown = github::markdown(&summary);
        let rest = markdown.replace("<code>", "").replace("</code>", "");
        prop_assert!(!rest.contains(['<', '>', '`', '*']), "{}", rest);
        prop_assert_eq!(markdown.lines().filter(|it| it.starts_with('|')).count(), failing + 2);
        assert_harmless(&markdown);
    }

    #[test]
    fn a_terminal_gets_no_sequence_but_ours_and_no_line_too_long(
        hostile in hostile(), width in 20..120_usize, color in any::<bool>(),
        verbosity in prop::sample::select(vec![Verbosity::Quiet, Verbosity::Normal, Verbosity::Verbose]),
    ) {
        let palette = if color { Palette::Color } else { Palette::Plain };
        let options =
            TerminalOptions { verbosity, palette, live: true, cut: true, width, height: 24 };
        let mut page = Page::new(options);
        for event in &hostile.events() {
            page.event(event);
            for line in page.live_lines(Offset(1_000_000), width, 24) {
                assert_harmless(&line);
                prop_assert!(text::width(&without_color(&line)) <= width, "{:?}", line);
            }
        }
        let text = page.take();
        assert_harmless(&text);
        // The first lines and the rules are ours; what a test printed wraps as it may.
        let is_ours = |line: &&str| line.starts_with("=== ") || line.starts_with("pnl ");
        let text = without_color(&text);
        let mut ours = text.lines().filter(is_ours);
        prop_assert!(ours.all(|line| text::width(line) <= width.max(40)), "{}", text);
    }

    #[test]
    fn cleaned_text_is_harmless(text in text(), limit in 0..100_usize) {
        assert_harmless(&clean(&text, Keep::LinesAndColor));
        let lines = clean(&text, Keep::Lines);
        prop_assert!(!lines.contains('\u{1b}'), "an escape");
        assert_harmless(&lines);
        let line = text::line(&text);
        prop_assert!(!line.contains(is_dangerous));
        prop_assert!(text::width(&text::cut_middle(&line, limit)) <= limit);
        prop_assert!(text::width(&text::cut_end(&line, limit)) <= limit);
    }
}

proptest! {
    #![proptest_config(cases(64))]

    /// Through the history and back. A database for each case.
    #[test]
    fn what_is_shown_of_a_stored_run_is_harmless(hostile in hostile()) {
        let project = Project::new();
        project.record(&hostile.events());
        let run = project.load("last");
        let mut out = Vec::new();
        show(&run, &Verdicts::default(), Format::Text, &mut out).expect("memory takes all");
        let shown = String::from_utf8(out).expect("text");
        assert_harmless(&shown);
        let mut out = Vec::new();
        show(&run, &Verdicts::default(), Format::Json, &mut out).expect("memory takes all");
        let json: Value = serde_json::from_slice(&out).expect("JSON");
        prop_assert_eq!(&json["tests"][0]["nodeid"], &hostile.ids[0]);
    }
}
