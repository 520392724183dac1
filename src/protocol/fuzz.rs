//! The decoder on what no honest peer sends: whole frames of real conversations, changed.

use std::path::Path;
use std::sync::LazyLock;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value;

use super::frame::{Decoder, FrameError, MAX_FRAME, encode};
use super::{ToController, ToWorker};
use crate::model::fuzz::{cases, changed, text};

/// Every message of the transcripts.
static REAL: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/protocol");
    let files = std::fs::read_dir(folder).expect("the transcripts").map(|it| it.expect("one"));
    let texts = files.map(|file| std::fs::read_to_string(file.path()).expect("text"));
    let lines: Vec<String> =
        texts.flat_map(|it| it.lines().map(str::to_owned).collect::<Vec<_>>()).collect();
    lines
        .iter()
        .filter_map(|line| Some(serde_json::from_str::<Value>(line).ok()?["message"].clone()))
        .filter(|message| message["t"].is_string())
        .collect()
});

/// A real message, some of its texts hostile ones.
fn message() -> impl Strategy<Value = Value> {
    (select(&REAL[..]), text(), any::<bool>()).prop_map(|(mut message, text, is_hostile)| {
        if is_hostile {
            for (key, value) in message.as_object_mut().expect("a message is an object") {
                let is_free = key != "t" && key != "role";
                if is_free && value.as_str().is_some_and(|it| it.len() > 3) {
                    *value = Value::from(text.as_str());
                }
            }
        }
        message
    })
}

/// As the workers write the two messages that come for every test.
fn quick() -> impl Strategy<Value = Vec<u8>> {
    (any::<u32>(), any::<u64>(), any::<f64>(), text()).prop_map(|(i, at, phase, outcome)| {
        let outcome = serde_json::to_string(&outcome).expect("text");
        let phase = serde_json::to_string(&phase).expect("a number");
        let bodies = [
            format!(r#"{{"t":"start","i":{i},"at":{at}}}"#),
            format!(
                r#"{{"t":"done","i":{i},"start":{at},"outcome":{outcome},"phases":[{phase},0,0]}}"#
            ),
        ];
        let frame = |body: &String| [&(body.len() as u32).to_be_bytes(), body.as_bytes()].concat();
        bodies.iter().flat_map(frame).collect()
    })
}

fn conversation() -> impl Strategy<Value = Vec<u8>> {
    let frames = prop_oneof![3 => message().prop_map(|it| encode(&it)), 1 => quick()];
    vec(frames, 0..6).prop_map(|frames| frames.concat())
}

/// What comes out of bytes that arrive in pieces of this size.
fn decoded(bytes: &[u8], size: usize) -> (Vec<ToController>, Option<FrameError>) {
    let mut decoder = Decoder::default();
    let mut messages = Vec::new();
    for piece in bytes.chunks(size.max(1)) {
        decoder.feed(piece);
        loop {
            match decoder.next_message_by(ToController::read) {
                Ok(Some(message)) => messages.push(message),
                Ok(None) => break,
                Err(error) => return (messages, Some(error)),
            }
        }
    }
    (messages, decoder.end().err())
}

fn is_short(error: &FrameError) -> bool {
    error.to_string().len() < 400
}

proptest! {
    #![proptest_config(cases(1))]

    #[test]
    fn changed_conversations_are_read_the_same_however_they_arrive(
        bytes in changed(conversation()), size in 1..200_usize,
    ) {
        let (whole, error) = decoded(&bytes, bytes.len());
        let (pieces, error_in_pieces) = decoded(&bytes, size);
        prop_assert_eq!(whole, pieces);
        prop_assert_eq!(&error, &error_in_pieces);
        prop_assert!(error.as_ref().is_none_or(is_short));
        if let Some(FrameError::TooLarge(length)) = error {
            prop_assert!(length > MAX_FRAME);
        }
    }

    #[test]
    fn a_body_read_the_quick_way_is_what_it_is_read_the_plain_way(bytes in changed(quick())) {
        let body = bytes.get(4..).unwrap_or_default();
        for body in [body, body.split(|&byte| byte == b'}').next().unwrap_or_default()] {
            let plain = serde_json::from_slice::<ToController>(body);
            if let (Ok(quick), Ok(plain)) = (ToController::read(body), plain) {
                prop_assert_eq!(quick, plain);
            }
        }
    }

    #[test]
    fn a_real_message_survives_its_frame(message in message()) {
        let frame = encode(&message);
        let mut decoder = Decoder::default();
        decoder.feed(&frame);
        prop_assert_eq!(decoder.next_message::<Value>(), Ok(Some(message.clone())));
        if let Ok(known) = serde_json::from_value::<ToController>(message.clone()) {
            let (back, error) = decoded(&encode(&known), frame.len());
            prop_assert_eq!((back, error), (vec![known], None));
        } else {
            prop_assert!(serde_json::from_value::<ToWorker>(message).is_ok());
        }
    }
}
