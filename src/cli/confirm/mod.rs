//! `pnl confirm`.

mod json;
mod text;
mod wanted;

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;

use super::{again, error, test};
use crate::engine::{self, Control, Plan};
use crate::experiment::{Answer, Budget, Findings, Question, Standing, Told, conduct};
use crate::model::{Confirmation, ExitCode, NodeId, Output, Purpose, RunId, StopReason};
use crate::report::show::Format;
use crate::report::{Hub, Surroundings, TerminalOptions, Verbosity};
use crate::scheduler::Limit;
use crate::store;
use wanted::Wanted;

/// Arguments of `pnl confirm`.
#[derive(Debug, Args)]
pub(super) struct ConfirmArgs {
    /// Tests that failed in the run, by node id or its beginning up to `::` or `[`; left out: all that
    /// failed. Then the run, by its id or the id's beginning; left out: the last with failures
    #[arg(value_name = "TEST… RUN")]
    words: Vec<String>,
    /// What the experiments may cost: executions (2000) or time (90s, 5m, 1h)
    #[arg(long, value_name = "N|T", default_value = "10m")]
    budget: Budget,
    /// For people or for programs
    #[arg(long, value_name = "text|json", default_value = "text")]
    format: Format,
}

/// Tries what the record of a run says of the tests that failed in it.
pub(super) fn run(arguments: &ConfirmArgs, began: u64) -> ExitCode {
    let wanted = match wanted::find(&arguments.words) {
        Ok(wanted) => wanted,
        Err(refused) => {
            error::message(&refused.to_string());
            return ExitCode::Usage;
        }
    };
    let mut planned = match again::planned(&wanted.record, Purpose::Experiment) {
        Ok(planned) => planned,
        Err(refusal) => return error::refused(&refusal),
    };
    let plan = &mut planned.plan;
    plan.began_us = began;
    plan.command = std::env::args().collect();
    plan.scope = format!("experiments on {} ({})", wanted.record.run, wanted.record.scope);
    // As many as it takes.
    plan.rounds.limit = Limit::Count(u32::MAX);
    plan.rounds.keep_going = true;
    let by = plan.run.clone();
    let root = planned.project_root.clone();
    let control = Control::new();
    let interrupts: Arc<AtomicU32> = test::watch_signals(&control);
    let around = Surroundings::of_process();
    let screen = TerminalOptions::detect(Verbosity::Normal, Output::Captured, &around);
    let mut display = Display { wanted: &wanted, format: arguments.format, screen };
    display.begin(arguments.budget);
    let question = Question {
        schedule: &wanted.schedule,
        judged: &wanted.judged,
        chosen: &wanted.chosen,
        budget: arguments.budget,
    };
    let (mut findings, mut reason) = (Findings::default(), None);
    let experiments = |plan: &Plan, control: &Control, hub: &mut Hub| {
        let mut tell = |told: Told<'_>| display.tell(&told);
        let (finished, found) =
            conduct(&question, &mut tell, |director| engine::direct(plan, control, hub, director));
        (findings, reason) = (found, Some(finished.reason.clone()));
        finished
    };
    let exit = test::execute_by(&planned, (None, None), &control, &interrupts, experiments);
    keep(&root, &wanted.record.run, &by, &findings.answers);
    match arguments.format {
        Format::Text => super::print(&text::ending(&findings)),
        Format::Json => super::print(&json::render(&wanted.record.run, &by, &findings)),
    }
    // That tests fail is what the experiments are about.
    match reason {
        Some(StopReason::Completed) => ExitCode::Ok,
        Some(reason) => {
            if !matches!(reason, StopReason::Usage(_) | StopReason::Internal(_)) {
                error::message(&format!("the experiments ended early: {reason}"));
            }
            exit
        }
        None => exit,
    }
}

/// Stores what was found, for `pnl show` and `pnl flaky`.
fn keep(root: &std::path::Path, judged: &RunId, by: &RunId, answers: &[Answer]) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let at_us = i64::try_from(now.as_micros()).unwrap_or(i64::MAX);
    let tried = answers.iter().filter(|it| !it.arms.is_empty());
    let said: Vec<Confirmation> = tried
        .map(|it| Confirmation {
            nodeid: it.nodeid.clone(),
            by: Some(by.clone()),
            at_us,
            verdict: it.verdict.clone(),
            arms: it.arms.clone(),
        })
        .collect();
    if let Err(error) = store::confirm(root, judged, &said) {
        error::warning(&format!("what was found is not stored: {error}"));
    }
}

/// Says what is being tried, and what came of it.
struct Display<'w> {
    wanted: &'w Wanted,
    format: Format,
    screen: TerminalOptions,
}

impl Display<'_> {
    fn begin(&self, budget: Budget) {
        if self.format == Format::Text {
            super::print(&text::beginning(
                &self.wanted.record.run,
                (self.wanted.chosen.len(), self.wanted.left_out),
                budget,
            ));
        }
    }

    fn tell(&mut self, told: &Told<'_>) {
        if self.format == Format::Json {
            return;
        }
        match told {
            Told::Begins(nodeid, at, of) => self.live(nodeid, *at, *of),
            Told::Answered(answer) => {
                self.clear();
                super::print(&text::answer(answer, self.screen.palette));
            }
        }
    }

    /// One line that is overwritten, where somebody watches.
    fn live(&self, nodeid: &NodeId, at: usize, of: usize) {
        if self.screen.live {
            let _ = write!(std::io::stderr(), "\r\x1b[K{}", text::live(nodeid, at, of));
        }
    }

    fn clear(&self) {
        if self.screen.live {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

/// The sum of how many answers stand how.
fn sums(answers: &[Answer]) -> [(&'static str, usize); 3] {
    let count = |is_meant: fn(&Standing) -> bool| {
        answers.iter().filter(|it| is_meant(&it.standing)).count()
    };
    [
        ("confirmed", count(|it| *it == Standing::Confirmed)),
        ("refuted", count(|it| *it == Standing::Refuted)),
        ("undecided", count(|it| matches!(it, Standing::Undecided(_)))),
    ]
}
