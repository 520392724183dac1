//! Lists of tests and files while they come, within a limit.

use crate::protocol::{FileRow, TestRow};

/// Tests, or files, that one process may list. Receipt: pytest itself takes 5 kB for each.
const MOST: usize = 1_000_000;

/// Bytes of ids and marks that one list may have.
const LONGEST: usize = 256 << 20;

/// A list that grows.
#[derive(Debug)]
pub(super) struct Listed<T> {
    rows: Vec<T>,
    bytes: usize,
}

/// What a list's row takes, beyond its constant size.
pub(super) trait Row {
    /// In bytes.
    fn bytes(&self) -> usize;
}

/// A list that is over its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it listed more than {MOST} tests, or more than {} MiB of node ids", LONGEST >> 20)]
pub(super) struct TooLong;

impl<T> Default for Listed<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), bytes: 0 }
    }
}

impl<T: Row> Listed<T> {
    /// Takes the next part.
    pub(super) fn extend(&mut self, part: Vec<T>) -> Result<(), TooLong> {
        self.bytes += part.iter().map(Row::bytes).sum::<usize>();
        if self.rows.len() + part.len() > MOST || self.bytes > LONGEST {
            return Err(TooLong);
        }
        self.rows.extend(part);
        Ok(())
    }

    /// The list, which is complete.
    pub(super) fn take(&mut self) -> Vec<T> {
        std::mem::take(self).rows
    }
}

/// A run may have as many tests as a list, however many lists it has.
pub(super) fn check_number(tests: usize) -> Result<(), TooLong> {
    if tests > MOST { Err(TooLong) } else { Ok(()) }
}

impl Row for TestRow {
    fn bytes(&self) -> usize {
        let marks = self.pnl.iter().map(|marks| {
            // A map with no entry takes nothing but its place, which is one too.
            marks.iter().map(|(name, value)| 64 + name.len() + bytes_of(value)).sum::<usize>() + 24
        });
        self.id.len() + self.group.as_ref().map_or(0, String::len) + marks.sum::<usize>()
    }
}

impl Row for FileRow {
    fn bytes(&self) -> usize {
        self.id.len()
    }
}

/// serde's reader bounds the depth.
fn bytes_of(value: &serde_json::Value) -> usize {
    use serde_json::Value;
    32 + match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(text) => text.len(),
        Value::Array(values) => values.iter().map(bytes_of).sum(),
        Value::Object(map) => map.iter().map(|(name, it)| 64 + name.len() + bytes_of(it)).sum(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: &str) -> TestRow {
        TestRow { id: id.to_owned(), line: None, group: None, pnl: Vec::new() }
    }

    #[test]
    fn a_list_without_end_is_refused() {
        let mut list = Listed::default();
        let part = vec![row("a"); 1000];
        for _ in 0..MOST / 1000 {
            list.extend(part.clone()).expect("so many are allowed");
        }
        assert_eq!(list.extend(vec![row("a")]), Err(TooLong));
        assert_eq!(list.take().len(), MOST);
    }

    #[test]
    fn ids_and_marks_count_by_their_length() {
        let mut list = Listed::default();
        let long = row(&"x".repeat(LONGEST / 2));
        list.extend(vec![long.clone(), long.clone()]).expect("just so");
        assert_eq!(list.extend(vec![row("x")]), Err(TooLong));
        let marks = serde_json::from_str(r#"{"locks": ["a", {"b": "c"}]}"#).expect("an object");
        let marked = TestRow { pnl: vec![marks], ..row("") };
        assert!(marked.bytes() > 200, "{}", marked.bytes());
    }
}
