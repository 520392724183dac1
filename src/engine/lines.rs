//! What a process writes, cut into lines for live display.

/// Cuts output into lines for live display.
#[derive(Debug, Default)]
pub(super) struct Lines {
    rest: Vec<u8>,
}

/// A line longer than this is shown in parts: output without line ends must not grow in memory.
const LONGEST_LINE: usize = 64 * 1024;

impl Lines {
    /// The lines that are whole now, without their ends.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Vec<String> {
        self.rest.extend_from_slice(bytes);
        let mut lines = Vec::new();
        while let Some(end) = self.rest.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            let line = line.strip_suffix(b"\n").unwrap_or(&line);
            lines.push(String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)).into());
        }
        if self.rest.len() > LONGEST_LINE {
            lines.extend(self.flush());
        }
        lines
    }

    /// What is left without a line's end.
    pub(super) fn flush(&mut self) -> Option<String> {
        let rest = std::mem::take(&mut self.rest);
        (!rest.is_empty()).then(|| String::from_utf8_lossy(&rest).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_out_whole() {
        let mut lines = Lines::default();
        assert_eq!(lines.push(b"one\r\ntw"), ["one"]);
        assert_eq!(lines.push(b"o\n\nthr"), ["two", ""]);
        assert_eq!(lines.flush(), Some("thr".to_owned()));
        assert_eq!(lines.flush(), None);
    }
}
