//! `[[tool.pnl.tests]]` and `[tool.pnl.locks]`: what is said of single tests without touching them.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::file::Count;
use super::values::{self, BadValue};
use crate::model::{Pattern, Rule};

/// An entry of `tests`, as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileRule {
    #[serde(rename = "match")]
    pattern: Patterns,
    retries: Option<u32>,
    timeout: Option<Count>,
    slow: Option<Count>,
    exclusive: Option<bool>,
    lock: Option<Patterns>,
}

/// One text or several.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Patterns {
    One(String),
    Several(Vec<String>),
}

impl Patterns {
    fn list(self) -> Vec<String> {
        match self {
            Self::One(one) => vec![one],
            Self::Several(several) => several,
        }
    }
}

/// The entries in their order; an error comes with the key that it is about.
pub(super) fn rules(entries: Vec<FileRule>) -> Result<Vec<(Pattern, Rule)>, (String, BadValue)> {
    let mut rules = Vec::new();
    for (number, entry) in entries.into_iter().enumerate() {
        let limit = |key: &str, value: Option<&Count>| {
            let parsed = value.map(|value| values::limit(&value.text())).transpose();
            parsed.map_err(|error| (format!("tests[{number}].{key}"), error))
        };
        let locks = entry.lock.map(Patterns::list).unwrap_or_default();
        let patterns = entry.pattern.list();
        for (key, texts) in [("match", &patterns), ("lock", &locks)] {
            if texts.iter().any(String::is_empty) {
                let error = BadValue(format!("{key} is a text or a list of texts, none empty"));
                return Err((format!("tests[{number}].{key}"), error));
            }
        }
        let rule = Rule {
            retries: entry.retries,
            timeout: limit("timeout", entry.timeout.as_ref())?,
            slow: limit("slow", entry.slow.as_ref())?,
            exclusive: entry.exclusive,
            locks,
        };
        rules.extend(patterns.iter().map(|text| (Pattern::new(text), rule.clone())));
    }
    Ok(rules)
}

/// The locks' capacities; an error comes with the key that it is about.
pub(super) fn capacities(
    locks: BTreeMap<String, u32>,
) -> Result<BTreeMap<String, usize>, (String, BadValue)> {
    let mut capacities = BTreeMap::new();
    for (name, capacity) in locks {
        if capacity == 0 {
            let error = BadValue("a lock is for at least one test at a time, not 0".to_owned());
            return Err((format!("locks.{name}"), error));
        }
        capacities.insert(name, capacity as usize);
    }
    Ok(capacities)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::NodeId;

    #[derive(Debug, Deserialize)]
    struct Table {
        tests: Vec<FileRule>,
    }

    fn read(text: &str) -> Result<Vec<(Pattern, Rule)>, (String, BadValue)> {
        rules(toml::from_str::<Table>(text).expect("of the right types").tests)
    }

    #[test]
    fn an_entry_is_for_each_of_its_patterns() {
        let rules = read(
            "[[tests]]\nmatch = [\"tests/e2e\", \"*::test_mail\"]\nlock = \"mail\"\ntimeout = 30\n\
             [[tests]]\nmatch = \"tests/e2e/test_reset.py\"\nexclusive = true\nretries = 2\n",
        )
        .expect("all is well");
        assert_eq!(rules.len(), 3);
        let id = NodeId::new("tests/e2e/test_reset.py::test_all");
        let rule = rules
            .iter()
            .filter(|(pattern, _)| pattern.matches(&id))
            .fold(Rule::default(), |rule, (_, entry)| rule.or(entry));
        assert_eq!(rule.locks, ["mail"]);
        assert_eq!(rule.timeout, Some(Duration::from_secs(30)));
        assert_eq!((rule.exclusive, rule.retries), (Some(true), Some(2)));
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let (key, error) = read("[[tests]]\nmatch = \"a\"\ntimeout = \"soon\"\n").expect_err("bad");
        assert_eq!(key, "tests[0].timeout");
        assert!(error.to_string().contains("soon"), "{error}");
        let (key, _) = read("[[tests]]\nmatch = \"\"\n").expect_err("selects nothing");
        assert_eq!(key, "tests[0].match");
        let (key, _) = capacities([("db".to_owned(), 0)].into()).expect_err("holds nothing");
        assert_eq!(key, "locks.db");
    }
}
