//! The end of what a process wrote, within a bound.

use std::collections::VecDeque;

/// Bytes that are kept of a worker. Enough for a fatal error's stack dump with many threads.
const KEPT: usize = 64 * 1024;

/// A bounded tail of a stream; what came before is counted and dropped.
#[derive(Debug)]
pub struct Tail {
    bytes: VecDeque<u8>,
    limit: usize,
    dropped: u64,
}

impl Default for Tail {
    fn default() -> Self {
        Self::keeping(KEPT)
    }
}

impl Tail {
    /// A tail of at most so many bytes.
    #[must_use]
    pub fn keeping(limit: usize) -> Self {
        Self { bytes: VecDeque::new(), limit, dropped: 0 }
    }

    /// Takes what was written.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
        let excess = self.bytes.len().saturating_sub(self.limit);
        self.bytes.drain(..excess);
        self.dropped += excess as u64;
    }

    /// What is kept as text; bytes that are no UTF-8 become U+FFFD. Says what was dropped.
    #[must_use]
    pub fn text(&self) -> String {
        let (front, back) = self.bytes.as_slices();
        let text = String::from_utf8_lossy(&[front, back].concat()).into_owned();
        match self.dropped {
            0 => text,
            dropped => format!("[… {dropped} bytes before this were cut by pnl …]\n{text}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_end_is_kept_and_the_loss_is_named() {
        let mut tail = Tail::default();
        tail.push(&vec![b'a'; KEPT]);
        tail.push(b"end");
        let text = tail.text();
        assert!(text.starts_with("[… 3 bytes before this"), "{}", &text[..40]);
        assert!(text.ends_with("aend"));
    }
}
