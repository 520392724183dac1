//! How a run begins: what must hold before anything is started, and collection.

use super::{Dispatch, level_of};
use crate::engine::Finished;
use crate::engine::descriptors;
use crate::engine::director::Director;
use crate::engine::distribution::Distribution;
use crate::engine::hide;
use crate::engine::inbox::Control;
use crate::engine::launch::Base;
use crate::engine::outage::Outage;
use crate::engine::past::Past;
use crate::engine::plan::{Plan, ServerNeed};
use crate::engine::record::{Record, monotonic_us};
use crate::engine::recruit::Recruiter;
use crate::engine::server::{self, Answer};
use crate::engine::template::{Collection, NotReady, Template};
use crate::model::{ExitCode, Round, StopReason, What};
use crate::report::Reporter;

/// How a run of the fork engine went.
pub(in crate::engine) enum Run {
    /// To its end.
    Finished(Finished),
    /// Not at all: forking would lose these threads.
    CannotFork(Vec<String>),
}

/// Runs with forked workers.
pub(in crate::engine) fn run(plan: &Plan, control: &Control, reporter: &mut dyn Reporter) -> Run {
    run_forked(plan, control, reporter, None)
}

/// Runs what a director says with forked workers.
pub(in crate::engine) fn direct(
    plan: &Plan,
    control: &Control,
    reporter: &mut dyn Reporter,
    director: &mut dyn Director,
) -> Finished {
    match run_forked(plan, control, reporter, Some(director)) {
        Run::Finished(finished) => finished,
        Run::CannotFork(threads) => {
            let why = format!(
                "this needs workers that can be forked, and collecting the suite started threads \
                 ({})",
                threads.join(", ")
            );
            let mut record = Record::of(plan, reporter);
            finish(&mut record, plan, NotReady::bare(StopReason::Usage(why)))
        }
    }
}

fn run_forked<'a>(
    plan: &'a Plan,
    control: &'a Control,
    reporter: &'a mut dyn Reporter,
    director: Option<&'a mut dyn Director>,
) -> Run {
    let mut record = Record::of(plan, reporter);
    let (base, outage) = match prepare(plan, control) {
        Ok(prepared) => prepared,
        Err(reason) => return Run::Finished(finish(&mut record, plan, NotReady::bare(reason))),
    };
    let collected = Template::start(&base, plan, control).and_then(|mut template| {
        record.timeline.launched = Some(monotonic_us());
        record.template = template.words.take();
        // While the interpreter starts.
        let past = Past::read(plan.history.as_deref());
        Ok((template.collect(plan, control)?, template, past))
    });
    let (collection, template, past) = match collected {
        Ok(collected) => collected,
        Err(not_ready) => return Run::Finished(finish(&mut record, plan, not_ready)),
    };
    if !collection.ready.threads.is_empty() {
        template.shut_down(control, (&StopReason::Completed, plan.bounds.grace), None);
        return Run::CannotFork(collection.ready.threads);
    }
    let mut dispatch =
        Dispatch::new(plan, control, record, base, Recruiter::Fork(Box::new(template)));
    (dispatch.past, dispatch.outage) = (past, outage);
    dispatch.director = director;
    let Collection { hello, ready, rows, files, notices } = collection;
    let collected = dispatch.collected(&hello, &ready, rows, files);
    for (level, text) in notices {
        dispatch.record.notice(level_of(&level), text);
    }
    let reason = match collected {
        Ok(()) if dispatch.director.is_some() => dispatch.play_rounds(),
        Ok(()) => dispatch.run_rounds(),
        Err(reason) => reason,
    };
    Run::Finished(dispatch.close(reason))
}

/// Runs with spawned workers.
pub(in crate::engine) fn run_spawned(
    plan: &Plan,
    control: &Control,
    reporter: &mut dyn Reporter,
) -> Finished {
    run_with_notice(plan, control, reporter, "")
}

/// Runs with spawned workers and says first why they are.
pub(in crate::engine) fn run_with_notice(
    plan: &Plan,
    control: &Control,
    reporter: &mut dyn Reporter,
    notice: &str,
) -> Finished {
    let mut record = Record::of(plan, reporter);
    let (base, outage) = match prepare(plan, control) {
        Ok(prepared) => prepared,
        Err(reason) => return finish(&mut record, plan, NotReady::bare(reason)),
    };
    let mut dispatch = Dispatch::new(plan, control, record, base, Recruiter::Spawn);
    (dispatch.past, dispatch.outage) = (Past::read(plan.history.as_deref()), outage);
    notice.clone_into(&mut dispatch.first_notice);
    dispatch.recruit_missing(Round::FIRST);
    while !dispatch.is_collected && dispatch.stop.is_none() {
        dispatch.step();
        dispatch.start_anew();
    }
    let reason = match dispatch.stop.take() {
        None => dispatch.run_rounds(),
        Some(reason) => {
            dispatch.kill_all();
            reason
        }
    };
    dispatch.close(reason)
}

/// What must hold before anything is started.
fn prepare(plan: &Plan, control: &Control) -> Result<(Base, Outage), StopReason> {
    let outage = match plan.server_need {
        ServerNeed::Always => ask_server(plan)?,
        ServerNeed::Never | ServerNeed::IfUnder(_) => Outage::default(),
    };
    descriptors::suffice(Distribution::planned(plan).before_collection())?;
    Ok((Base::prepare(plan, control)?, outage))
}

/// Asks whether the server is there at all; what is known of it then.
pub(in crate::engine) fn ask_server(plan: &Plan) -> Result<Outage, StopReason> {
    match server::ask(&plan.server.url) {
        Answer::Well => Ok(Outage::default()),
        Answer::Unwell(_) => Ok(Outage::of_an_odd_server()),
        Answer::Refused(why) | Answer::Silent(why) => {
            let hint = plan.server_hint.as_deref();
            Err(StopReason::Usage(server::unanswered(&plan.server, &why, hint)))
        }
    }
}

impl NotReady {
    /// A reason of our own.
    pub(in crate::engine) fn bare(reason: StopReason) -> Self {
        Self { hello: None, reason, output: String::new() }
    }
}

/// Ends a run that never got to its first test. One whose suite could not be collected is
/// reported like any other; one that was never meant to run tests (`--collect-only`) is not.
pub(in crate::engine) fn finish(
    record: &mut Record<'_>,
    plan: &Plan,
    not_ready: NotReady,
) -> Finished {
    let NotReady { hello, reason, output } = not_ready;
    let wanted = reason != StopReason::CollectionFailed(ExitCode::Ok);
    if let Some(hello) = hello.filter(|_| wanted) {
        record.begin(plan, &hello);
        record.emit(None, What::PytestOutput(output));
        let exit = record.finish(reason.clone());
        return Finished {
            exit,
            reason,
            begun: true,
            output: None,
            timeline: Box::new(record.timeline),
        };
    }
    let exit = reason.exit_code(0);
    let output = Some(output).filter(|output| !output.is_empty());
    let output = output.map(|output| hide::text_of(&plan.secrets, output));
    let reason = hide::reason(&plan.secrets, reason);
    Finished { exit, reason, begun: false, output, timeline: Box::new(record.timeline) }
}
