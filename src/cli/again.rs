//! A recorded run's command line, once more: for replays and experiments.

use std::path::Path;

use clap::Parser as _;

use super::args::{Cli, Verb};
use crate::model::{CollectMode, EngineKind, Isolation, Purpose};
use crate::report::text::line;
use crate::runner::{self, Planned, Refusal, TestOptions};
use crate::scheduler::Limit;
use crate::store::RunRecord;

/// A plan with that run's scope, settings and arguments for pytest, for rounds that somebody
/// prescribes. What the environment and the configuration say is what they say now.
pub(super) fn planned(record: &RunRecord, purpose: Purpose) -> Result<Planned, Refusal> {
    let refuse = |why: String| Err(Refusal::Options(format!("run {}: {why}", record.run)));
    if record.engine != EngineKind::Fork.name() {
        return refuse(format!(
            "it used --engine {}, and only forked workers can be told what to run when",
            line(&record.engine)
        ));
    }
    if !Path::new(&record.root).is_dir() {
        return refuse(format!("its folder {} is not there", line(&record.root)));
    }
    let Some(options) = options(&record.command) else {
        let command = record.command.join(" ");
        return refuse(format!("its command cannot be given again: {}", line(&command)));
    };
    let options = TestOptions {
        limit: Limit::Count(1),
        shuffle: None,
        cwd: Some(record.root.clone().into()),
        ..options
    };
    let mut planned = runner::plan(&options)?;
    let plan = &mut planned.plan;
    plan.purpose = purpose;
    plan.engine = EngineKind::Fork;
    // Scripts name tests of all files, for fresh processes.
    plan.collect = CollectMode::Full;
    plan.isolation = Isolation::Round;
    plan.max_fail = None;
    (plan.bounds.worker_memory, plan.bounds.worker_tests) = (None, None);
    planned.settings.junit = None;
    planned.settings.jsonl = None;
    Ok(planned)
}

/// What a stored command line asked for; none where that was no run of tests.
fn options(command: &[String]) -> Option<TestOptions> {
    match Cli::try_parse_from(command).ok()?.verb {
        Verb::Test(arguments) => Some(arguments.options(command.to_vec())),
        Verb::Loop(arguments) => arguments.options(command.to_vec()).ok(),
        Verb::Verify(_)
        | Verb::Show(_)
        | Verb::Watch(_)
        | Verb::Warm(_)
        | Verb::Flaky(_)
        | Verb::Replay(_)
        | Verb::Confirm(_)
        | Verb::History(_) => None,
    }
}
