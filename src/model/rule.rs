//! What may be asked of single tests: retries, time limits, what they must not run beside.

use std::time::Duration;

use super::ids::NodeId;

/// What one source (a mark, an entry of the configuration, the command line) says of a test; `None`
/// where it says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rule {
    /// How many more attempts after a failure.
    pub retries: Option<u32>,
    /// How long it may take, set-up and tear-down included; zero is for ever.
    pub timeout: Option<Duration>,
    /// From when on it is named as slow while it runs; zero is never.
    pub slow: Option<Duration>,
    /// Whether no other test may run at the same time.
    pub exclusive: Option<bool>,
    /// Names of what it holds while it runs: no more tests at a time than the lock's capacity.
    pub locks: Vec<String>,
}

impl Rule {
    /// Fills in what this rule leaves open. Locks add up: who holds one more is only more careful.
    #[must_use]
    pub fn or(mut self, other: &Self) -> Self {
        for lock in &other.locks {
            if !self.locks.contains(lock) {
                self.locks.push(lock.clone());
            }
        }
        Self {
            retries: self.retries.or(other.retries),
            timeout: self.timeout.or(other.timeout),
            slow: self.slow.or(other.slow),
            exclusive: self.exclusive.or(other.exclusive),
            locks: self.locks,
        }
    }
}

/// Selects tests: a path, a node id or the beginning of one up to a `/`, `::` or `[`; `*` stands for
/// any characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(String);

impl Pattern {
    /// A pattern of this text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.trim_start_matches("./").trim_end_matches('/').to_owned())
    }

    /// Whether it selects this test.
    #[must_use]
    pub fn matches(&self, nodeid: &NodeId) -> bool {
        let nodeid = nodeid.as_str();
        if !self.0.contains('*') {
            let rest = nodeid.strip_prefix(self.0.as_str()).filter(|_| !self.0.is_empty());
            return rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', ':', '[']));
        }
        // Every place where a part of a node id ends, and its end.
        let ends = nodeid.match_indices(['/', ':', '[']).map(|(at, _)| at).chain([nodeid.len()]);
        let parts: Vec<&str> = self.0.split('*').collect();
        ends.into_iter().any(|end| matches(&parts, &nodeid[..end]))
    }
}

/// Whether the text consists of these parts in this order with anything between them.
fn matches(parts: &[&str], text: &str) -> bool {
    let [first, rest @ ..] = parts else { return text.is_empty() };
    let Some(mut text) = text.strip_prefix(first) else { return false };
    let [middle @ .., last] = rest else { return text.is_empty() };
    for part in middle {
        let Some(at) = text.find(part) else { return false };
        text = &text[at + part.len()..];
    }
    text.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_open_is_filled_in_and_locks_add_up() {
        let mark = Rule { retries: Some(1), locks: vec!["db".to_owned()], ..Rule::default() };
        let file = Rule {
            retries: Some(5),
            exclusive: Some(true),
            locks: vec!["db".to_owned(), "mail".to_owned()],
            ..Rule::default()
        };
        let both = mark.or(&file);
        assert_eq!((both.retries, both.exclusive), (Some(1), Some(true)));
        assert_eq!(both.locks, ["db", "mail"]);
    }

    #[test]
    fn a_pattern_selects_whole_parts_of_node_ids() {
        let selects = |pattern: &str, id: &str| Pattern::new(pattern).matches(&NodeId::new(id));
        let id = "tests/e2e/test_pay.py::TestCard::test_refund[eur-10]";
        for pattern in [
            "tests/e2e",
            "tests/e2e/",
            "./tests/e2e",
            "tests/e2e/test_pay.py",
            "tests/e2e/test_pay.py::TestCard",
            "tests/e2e/test_pay.py::TestCard::test_refund",
            id,
            "tests/*/test_pay.py",
            "*::test_refund",
            "*refund*",
            "*",
            "tests/e2e/*::test_*[eur-10]",
        ] {
            assert!(selects(pattern, id), "{pattern}");
        }
        for pattern in ["tests/e2", "e2e", "tests/e2e/test_pay", "*::test_ref", "tests/*/x", ""] {
            assert!(!selects(pattern, id), "{pattern}");
        }
        assert!(selects("a.py::t[x*y]", "a.py::t[x*y]"), "a star matches itself");
    }
}
