//! What experiments said, for programs.

use serde::Serialize;

use crate::experiment::{Answer, Findings, Standing};
use crate::model::{Arm, NodeId, RunId, Verdict};

#[derive(Serialize)]
struct Shown<'a> {
    schema: u32,
    run: &'a RunId,
    by: &'a RunId,
    confirmed: usize,
    refuted: usize,
    undecided: usize,
    executions: u64,
    executions_naive: u64,
    elapsed_s: f64,
    tests: Vec<ShownTest<'a>>,
}

#[derive(Serialize)]
struct ShownTest<'a> {
    nodeid: &'a NodeId,
    standing: &'static str,
    why: Option<&'a str>,
    recorded: &'a Verdict,
    verdict: &'a Verdict,
    executions: u64,
    arms: &'a [Arm],
}

impl<'a> ShownTest<'a> {
    fn new(it: &'a Answer) -> Self {
        let why = match &it.standing {
            Standing::Undecided(why) => Some(why.as_str()),
            Standing::Confirmed | Standing::Refuted => None,
        };
        Self {
            nodeid: &it.nodeid,
            standing: it.standing.name(),
            why,
            recorded: &it.recorded,
            verdict: &it.verdict,
            executions: it.executions,
            arms: &it.arms,
        }
    }
}

/// One line of JSON.
pub(super) fn render(run: &RunId, by: &RunId, findings: &Findings) -> String {
    let [confirmed, refuted, undecided] = super::sums(&findings.answers).map(|(_, count)| count);
    let shown = Shown {
        schema: 1,
        run,
        by,
        confirmed,
        refuted,
        undecided,
        executions: findings.executions,
        executions_naive: findings.naive,
        elapsed_s: findings.elapsed.as_secs_f64(),
        tests: findings.answers.iter().map(ShownTest::new).collect(),
    };
    let mut line = serde_json::to_string(&shown).expect("numbers and texts are JSON");
    line.push('\n');
    line
}
