//! The transcripts in tests/protocol are what Python says and hears; here Rust reads the same lines.
//! `worker/tests/test_transcripts.py` replays them with real processes. docs/design/protocol.md
//! explains their form.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::path::{Path, PathBuf};

use pnl::protocol::frame::{Decoder, encode};
use pnl::protocol::{ToController, ToWorker, VERSION};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Whose words a line holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Speaker {
    Controller,
    /// A template, a worker or an observer.
    Process,
}

struct Line {
    place: String,
    speaker: Speaker,
    message: Value,
}

fn transcripts() -> Vec<Vec<Line>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/protocol");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("the transcripts' folder")
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.extension().is_some_and(|it| it == "jsonl"))
        .collect();
    paths.sort();
    assert!(paths.len() >= 6, "only {paths:?}");
    paths.iter().map(|path| read(path)).collect()
}

fn read(path: &Path) -> Vec<Line> {
    let name = path.file_name().expect("a file").to_string_lossy();
    let text = std::fs::read_to_string(path).expect("UTF-8");
    let line = |(number, text): (usize, &str)| {
        let place = format!("{name}:{}", number + 1);
        let mut line: Value = serde_json::from_str(text).expect(&place);
        let speaker = match line["from"].as_str() {
            Some("controller") => Speaker::Controller,
            Some("template" | "branch" | "worker" | "observer") => Speaker::Process,
            other => panic!("{place}: who is {other:?}?"),
        };
        Line { place, speaker, message: line["message"].take() }
    };
    text.lines().enumerate().map(line).collect()
}

/// Reads a message into our type and back.
fn round_trip<M: DeserializeOwned + Serialize + PartialEq + Debug>(place: &str, message: &Value) {
    let parse = |value: &Value| -> M {
        serde_json::from_value(value.clone()).unwrap_or_else(|error| panic!("{place}: {error}"))
    };
    let read = parse(message);
    let written = serde_json::to_value(&read).expect("serializable");
    assert_eq!(parse(&written), read, "{place}");
    let lost = lost(message, &written);
    assert!(lost.is_empty(), "{place}: our types do not know {lost:?}");
}

/// What `recorded` has and `written` has not, or has otherwise. `written` may say more: fields that
/// may be left out are written with their defaults.
fn lost(recorded: &Value, written: &Value) -> Vec<String> {
    match (recorded, written) {
        (Value::Object(recorded), Value::Object(written)) => recorded
            .iter()
            .flat_map(|(key, value)| match written.get(key) {
                Some(other) => {
                    lost(value, other).into_iter().map(|it| format!("{key}.{it}")).collect()
                }
                None => vec![key.clone()],
            })
            .collect(),
        (Value::Array(recorded), Value::Array(written)) if recorded.len() == written.len() => {
            recorded.iter().zip(written).flat_map(|(value, other)| lost(value, other)).collect()
        }
        (recorded, written) if recorded == written => Vec::new(),
        (recorded, written) => vec![format!("{recorded} (became {written})")],
    }
}

#[test]
fn every_message_is_understood_and_nothing_of_it_is_lost() {
    for line in transcripts().iter().flatten() {
        match line.speaker {
            Speaker::Controller => round_trip::<ToWorker>(&line.place, &line.message),
            Speaker::Process => round_trip::<ToController>(&line.place, &line.message),
        }
    }
}

#[test]
fn a_field_that_our_types_do_not_know_would_be_seen() {
    let message = serde_json::json!({"t": "start", "i": 1, "at": 2, "shard": 3});
    let read: ToController = serde_json::from_value(message.clone()).expect("a start");
    let written = serde_json::to_value(&read).expect("serializable");
    assert_eq!(lost(&message, &written), ["shard"]);
}

#[test]
fn conversations_travel_as_frames_however_the_bytes_arrive() {
    for conversation in transcripts() {
        let said: Vec<ToController> = conversation
            .iter()
            .filter(|line| line.speaker == Speaker::Process)
            .map(|line| serde_json::from_value(line.message.clone()).expect(&line.place))
            .collect();
        let bytes: Vec<u8> = said.iter().flat_map(encode).collect();
        for size in [1, 7, 4096] {
            let mut decoder = Decoder::default();
            let mut heard = Vec::new();
            for chunk in bytes.chunks(size) {
                decoder.feed(chunk);
                while let Some(message) =
                    decoder.next_message::<ToController>().expect("well-formed")
                {
                    heard.push(message);
                }
            }
            assert_eq!(decoder.end(), Ok(()));
            assert_eq!(heard, said);
        }
    }
}

#[test]
fn every_conversation_begins_with_a_hello_of_this_version() {
    for conversation in transcripts() {
        let first = &conversation[0];
        assert_eq!(first.message["t"], "hello", "{}", first.place);
        for line in conversation.iter().filter(|line| line.message["t"] == "hello") {
            assert_eq!(line.message["v"], VERSION, "{}: record it anew", line.place);
        }
    }
}

#[test]
fn every_kind_of_message_is_recorded() {
    let mut recorded = BTreeSet::new();
    for line in transcripts().iter().flatten() {
        let message = line.message.clone();
        recorded.insert(match line.speaker {
            Speaker::Controller => kind_to_worker(&serde_json::from_value(message).expect("known")),
            Speaker::Process => {
                kind_to_controller(&serde_json::from_value(message).expect("known"))
            }
        });
    }
    let all = [
        "branch",
        "bye",
        "collect",
        "collected",
        "done",
        "drop",
        "files",
        "finish",
        "fork",
        "fork-failed",
        "forked",
        "forked-by-branch",
        "gone",
        "hello",
        "interrupted",
        "lost",
        "notice",
        "pause",
        "ready",
        "retried",
        "round",
        "run",
        "shutdown",
        "start",
        "stop",
        "summary",
        "take-back",
        "tests",
    ];
    assert_eq!(recorded.into_iter().collect::<Vec<_>>(), all);
}

/// Exhaustive on purpose: a new message does not compile here until it has a name, and the test
/// above then wants it in `all` and in a transcript.
fn kind_to_controller(message: &ToController) -> &'static str {
    match message {
        ToController::Hello(_) => "hello",
        ToController::Tests { .. } => "tests",
        ToController::Files { .. } => "files",
        ToController::Collected { .. } => "collected",
        ToController::Ready(_) => "ready",
        ToController::Forked { .. } => "forked",
        ToController::ForkFailed { .. } => "fork-failed",
        ToController::Gone { .. } => "gone",
        ToController::Start { .. } => "start",
        ToController::Done(_) => "done",
        ToController::Interrupted { .. } => "interrupted",
        ToController::Stop { .. } => "stop",
        ToController::Notice { .. } => "notice",
        ToController::Summary { .. } => "summary",
        ToController::Bye { .. } => "bye",
    }
}

fn kind_to_worker(message: &ToWorker) -> &'static str {
    match message {
        ToWorker::Fork(_) => "fork",
        ToWorker::Branch => "branch",
        ToWorker::ForkedByBranch(_) => "forked-by-branch",
        ToWorker::Retried { .. } => "retried",
        ToWorker::Lost { .. } => "lost",
        ToWorker::Shutdown { .. } => "shutdown",
        ToWorker::Collect { .. } => "collect",
        ToWorker::Run { .. } => "run",
        ToWorker::TakeBack { .. } => "take-back",
        ToWorker::Drop => "drop",
        ToWorker::Round { .. } => "round",
        ToWorker::Pause => "pause",
        ToWorker::Finish => "finish",
    }
}
