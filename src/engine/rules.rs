//! What is asked of each test: the mark's word, then the configuration's, then the run's own.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use serde_json::{Map, Value};

use super::plan::Plan;
use crate::model::{NodeId, Rule, TestIndex, TestInfo, span};
use crate::scheduler::{Claim, Claims};

/// The rules of a run's tests.
#[derive(Debug, Default)]
pub(super) struct Rules {
    /// For tests of which nothing particular is said.
    general: Rule,
    /// For the others.
    special: HashMap<TestIndex, Rule>,
    capacities: BTreeMap<String, usize>,
}

impl Rules {
    /// Resolves them for the collected tests, which `rows` and `tests` give in the same order. An
    /// error says which mark cannot be understood, and what could.
    pub(super) fn resolve<'a>(
        plan: &Plan,
        rows: impl Iterator<Item = &'a [Map<String, Value>]>,
        tests: &[std::sync::Arc<TestInfo>],
    ) -> Result<Self, String> {
        let mut special = HashMap::new();
        for (marks, test) in rows.zip(tests) {
            let mut rule = Rule::default();
            for mark in marks {
                rule = rule.or(&from_mark(mark).map_err(|why| wrong(&test.nodeid, &why))?);
            }
            for (_, entry) in plan.rules.iter().filter(|(it, _)| it.matches(&test.nodeid)) {
                rule = rule.or(entry);
            }
            if rule != Rule::default() {
                special.insert(test.index, rule.or(&plan.general));
            }
        }
        let mut rules =
            Self { general: plan.general.clone(), special, capacities: plan.locks.clone() };
        if rules.general.retries == Some(0) {
            // `--retries 0` is said to see first failures, whatever the suite asks for.
            rules.special.values_mut().for_each(|rule| rule.retries = Some(0));
        }
        if rules.general.timeout == Some(Duration::ZERO) {
            rules.special.values_mut().for_each(|rule| rule.timeout = None);
        }
        Ok(rules)
    }

    fn of(&self, test: TestIndex) -> &Rule {
        self.special.get(&test).unwrap_or(&self.general)
    }

    /// How many more attempts a failure of this test has.
    pub(super) fn retries(&self, test: TestIndex) -> u32 {
        self.of(test).retries.unwrap_or(0)
    }

    /// Whether what a worker reports of a failure may not stand: another attempt may follow, or its
    /// time was up before.
    pub(super) fn may_overrule(&self) -> bool {
        let mut all = self.special.values().chain([&self.general]);
        all.any(|rule| rule.timeout.is_some() || rule.retries.is_some_and(|retries| retries > 0))
    }

    /// How long it may take.
    pub(super) fn timeout(&self, test: TestIndex) -> Option<Duration> {
        self.of(test).timeout.filter(|limit| !limit.is_zero())
    }

    /// How long a worker's session may take to end: what a test may take.
    pub(super) fn session_end(&self) -> Option<Duration> {
        self.general.timeout.filter(|limit| !limit.is_zero())
    }

    /// From when on it is slow.
    pub(super) fn slow(&self, test: TestIndex) -> Option<Duration> {
        self.of(test).slow.filter(|limit| !limit.is_zero())
    }

    /// What tests must not run beside, for the scheduler.
    pub(super) fn claims(&self) -> Claims {
        let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
        let mut capacities = Vec::new();
        let mut wanted = HashMap::new();
        for (&test, rule) in &self.special {
            let mut locks = Vec::new();
            for name in &rule.locks {
                let number = *numbers.entry(name).or_insert_with(|| {
                    capacities.push(self.capacities.get(name).copied().unwrap_or(1));
                    capacities.len() - 1
                });
                locks.push(number);
            }
            let exclusive = rule.exclusive == Some(true);
            if exclusive || !locks.is_empty() {
                wanted.insert(test, Claim { exclusive, locks });
            }
        }
        Claims::new(wanted, capacities)
    }
}

/// The arguments of one `@pytest.mark.pnl(…)`.
fn from_mark(mark: &Map<String, Value>) -> Result<Rule, String> {
    let mut rule = Rule::default();
    for (key, value) in mark {
        match key.as_str() {
            "retries" => rule.retries = Some(retries(value)?),
            "timeout" => rule.timeout = Some(time("timeout", value)?),
            "slow" => rule.slow = Some(time("slow", value)?),
            "exclusive" => {
                rule.exclusive = Some(value.as_bool().ok_or("exclusive is True or False")?);
            }
            "lock" => rule.locks.extend(locks(value)?),
            other => {
                return Err(format!(
                    "it has no argument {other:?}; there are exclusive, lock, retries, slow and \
                     timeout, all by name"
                ));
            }
        }
    }
    Ok(rule)
}

fn retries(value: &Value) -> Result<u32, String> {
    let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
    number.ok_or_else(|| format!("retries are a whole number of at least 0, not {value}"))
}

fn time(key: &str, value: &Value) -> Result<Duration, String> {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    span(&text).ok_or_else(|| {
        format!("{key} is a number of seconds, or a text like \"90s\" or \"10m\", not {value}")
    })
}

fn locks(value: &Value) -> Result<Vec<String>, String> {
    let name = |it: &Value| it.as_str().filter(|it| !it.is_empty()).map(str::to_owned);
    let names = match value {
        Value::Array(several) => several.iter().map(name).collect(),
        one => name(one).map(|name| vec![name]),
    };
    names.ok_or_else(|| format!("lock is a name or a list of names, not {value}"))
}

fn wrong(nodeid: &NodeId, why: &str) -> String {
    format!("{nodeid} has a mark pnl that cannot be understood: {why}")
}
