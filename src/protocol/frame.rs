//! Frames: a length (4 bytes, big-endian, unsigned) and that many bytes of UTF-8 JSON.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::model::without_middle;

/// Bytes that one frame's body may have. The longest honest message is a failure with its captured
/// streams, each cut to 256 KiB by the worker.
pub const MAX_FRAME: usize = 16 * 1024 * 1024;

const PREFIX: usize = 4;

/// Bytes of a buffer that is kept for what comes next; one that a long frame needed is given back.
const KEPT: usize = 256 * 1024;

/// Bytes of what is told about a message that cannot be read, which may hold much of the message.
const TOLD: usize = 200;

/// How the other side broke the protocol.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// A frame announced more than is allowed.
    #[error("a frame of {0} bytes is over the limit of {MAX_FRAME}")]
    TooLarge(usize),
    /// A body is no message that is known here.
    #[error("a message cannot be read: {0}")]
    Unreadable(String),
    /// The stream ended inside a frame.
    #[error("the connection ended inside a frame")]
    Truncated,
}

/// One message as a frame.
///
/// # Panics
/// If a message cannot be JSON, which no type of [`super`] can bring about.
#[must_use]
pub fn encode<M: Serialize>(message: &M) -> Vec<u8> {
    let mut frame = vec![0; PREFIX];
    serde_json::to_writer(&mut frame, message).expect("our messages have no map keys but strings");
    let length = u32::try_from(frame.len() - PREFIX).expect("what pnl sends is small");
    frame[..PREFIX].copy_from_slice(&length.to_be_bytes());
    frame
}

/// Cuts a stream of bytes into messages.
#[derive(Debug, Default)]
pub struct Decoder {
    buffer: Vec<u8>,
    at: usize,
}

impl Decoder {
    /// Takes bytes that arrived.
    pub fn feed(&mut self, bytes: &[u8]) {
        if self.at > 0 {
            self.buffer.drain(..self.at);
            self.at = 0;
            if self.buffer.len() < KEPT && self.buffer.capacity() > 2 * KEPT {
                self.buffer.shrink_to(KEPT);
            }
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole message, if there is one.
    pub fn next_message<M: DeserializeOwned>(&mut self) -> Result<Option<M>, FrameError> {
        self.next_message_by(|body| serde_json::from_slice(body))
    }

    /// The same, with a reader of one's own for a frame's body.
    pub fn next_message_by<M>(
        &mut self,
        read: impl FnOnce(&[u8]) -> serde_json::Result<M>,
    ) -> Result<Option<M>, FrameError> {
        let rest = &self.buffer[self.at..];
        let Some(prefix) = rest.first_chunk::<PREFIX>() else { return Ok(None) };
        let length = u32::from_be_bytes(*prefix) as usize;
        if length > MAX_FRAME {
            return Err(FrameError::TooLarge(length));
        }
        let Some(body) = rest.get(PREFIX..PREFIX + length) else { return Ok(None) };
        self.at += PREFIX + length;
        read(body).map(Some).map_err(|error| FrameError::Unreadable(told(&error)))
    }

    /// What the end of the stream means: an error if it came inside a frame.
    pub fn end(&self) -> Result<(), FrameError> {
        if self.at == self.buffer.len() { Ok(()) } else { Err(FrameError::Truncated) }
    }
}

fn told(error: &serde_json::Error) -> String {
    without_middle(&error.to_string(), TOLD).into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn messages_come_out_whole_however_the_bytes_arrive() {
        let sent = [json!({"t": "one"}), json!({"t": "two", "text": "\u{0}é\n"})];
        let bytes: Vec<u8> = sent.iter().flat_map(encode).collect();
        for size in 1..bytes.len() {
            let mut decoder = Decoder::default();
            let mut got: Vec<Value> = Vec::new();
            for chunk in bytes.chunks(size) {
                decoder.feed(chunk);
                while let Some(message) = decoder.next_message().expect("well-formed") {
                    got.push(message);
                }
            }
            assert_eq!(got, sent);
            assert_eq!(decoder.end(), Ok(()));
        }
    }

    #[test]
    fn a_frame_too_large_is_refused_before_it_is_read() {
        let mut decoder = Decoder::default();
        decoder.feed(&u32::MAX.to_be_bytes());
        assert_eq!(decoder.next_message::<Value>(), Err(FrameError::TooLarge(u32::MAX as usize)));
    }

    #[test]
    fn what_is_told_of_a_message_is_short_however_long_it_is() {
        let mut decoder = Decoder::default();
        decoder.feed(&encode(&json!({"t": "x".repeat(1 << 20)})));
        let error = decoder.next_message::<crate::protocol::ToController>().expect_err("no such");
        assert!(error.to_string().len() < 400, "{}", error.to_string().len());
        assert!(error.to_string().contains("pnl cut"), "{error}");
    }

    /// Half a million messages of four reads' size: were all that waits moved for each, this would
    /// take minutes.
    #[test]
    fn a_buffer_never_grows_past_a_frame_and_a_read_and_is_given_back() {
        const READ: usize = 64 * 1024;
        let long = encode(&json!("x".repeat(MAX_FRAME - 2)));
        let short: Vec<u8> = encode(&json!(1)).repeat(500_000);
        let mut decoder = Decoder::default();
        let mut count = 0;
        for chunk in [long, short].concat().chunks(READ) {
            decoder.feed(chunk);
            assert!(decoder.buffer.len() <= PREFIX + MAX_FRAME + READ);
            while decoder.next_message::<Value>().expect("well-formed").is_some() {
                count += 1;
            }
        }
        assert_eq!(count, 500_001);
        assert!(decoder.buffer.capacity() <= 2 * KEPT, "{}", decoder.buffer.capacity());
    }

    #[test]
    fn an_end_inside_a_frame_is_told() {
        let mut decoder = Decoder::default();
        decoder.feed(&[0, 0, 0, 9, b'{']);
        assert_eq!(decoder.next_message::<Value>(), Ok(None));
        assert_eq!(decoder.end(), Err(FrameError::Truncated));
    }

    proptest! {
        #[test]
        fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut decoder = Decoder::default();
            decoder.feed(&bytes);
            while let Ok(Some(_)) = decoder.next_message::<crate::protocol::ToController>() {}
        }
    }
}
