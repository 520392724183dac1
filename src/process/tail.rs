//! What a process wrote, within a bound: the end of a stream, or both ends of a file.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use rustix::fs::{Mode, OFlags};

/// Bytes that are kept of a worker. Enough for a fatal error's stack dump with many threads.
const KEPT: usize = 64 * 1024;

/// Bytes that are read of a file: as much as a worker sends of a captured stream.
const READ: u64 = 256 * 1024;

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

/// A file's text, without its middle if it is long. A test can put what it likes into its place: a
/// link is not followed, and a pipe, whose reader would wait, is not read.
pub fn file_text(path: &Path) -> io::Result<String> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let mut file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    let status = file.metadata()?;
    if !status.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let length = status.len();
    if length <= READ {
        return part(&mut file, READ);
    }
    let begin = part(&mut file, READ / 2)?;
    file.seek(SeekFrom::Start(length - READ / 2))?;
    let end = part(&mut file, READ / 2)?;
    let cut = length - READ;
    Ok(format!("{begin}\n[… pnl cut {cut} bytes out of {length} …]\n{end}"))
}

/// No more than that, though the file may grow.
fn part(file: &mut File, limit: u64) -> io::Result<String> {
    let mut bytes = Vec::new();
    file.take(limit).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_file_is_read_from_both_ends_however_long_it_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("gw0-out");
        std::fs::write(&path, "short").expect("written");
        assert_eq!(file_text(&path).expect("read"), "short");
        let file = File::options().write(true).open(&path).expect("there");
        file.set_len(1 << 40).expect("with a hole");
        let text = file_text(&path).expect("read");
        assert!(text.starts_with("short"), "{}", &text[..10]);
        assert!(text.len() < READ as usize + 100, "{}", text.len());
        assert!(text.contains("[… pnl cut 1099511365632 bytes out of 1099511627776 …]"));
    }

    #[test]
    fn a_link_or_a_pipe_in_a_files_place_is_not_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("/etc/passwd", &link).expect("made");
        assert!(file_text(&link).is_err());
        let pipe = folder.path().join("pipe");
        let kind = rustix::fs::FileType::Fifo;
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, kind, Mode::RWXU, 0).expect("made");
        assert!(file_text(&pipe).is_err());
    }

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
