//! How a run comes to its end: by its own, by a signal, or with what its template says last.

use std::time::{Duration, Instant};

use super::{Dispatch, finish, level_of};
use crate::engine::Finished;
use crate::engine::crew::Told;
use crate::engine::record::monotonic_us;
use crate::engine::recruit::Recruiter;
use crate::engine::suspend::suspend;
use crate::engine::template::{NotReady, Template};
use crate::model::{ExitCode, Level, StopReason};
use crate::process::Ended;
use crate::protocol::ToController;

impl Dispatch<'_> {
    /// Ends the run: no new tests, and what runs is brought to its end.
    pub(super) fn stop(&mut self, reason: StopReason) {
        // A run that had come to its end is cut short by these all the same.
        let is_cut = matches!(reason, StopReason::RunTimeout(_) | StopReason::Stalled(_));
        let was_judged = self.stop.as_ref().is_some_and(StopReason::is_judged);
        let overrides = reason == StopReason::Interrupted || is_cut && was_judged;
        if self.stop.is_some() && !overrides {
            return;
        }
        self.stop = Some(reason);
        self.probes.give_up();
        if let Some(deal) = &mut self.deal {
            deal.cancel();
        }
        for worker in &mut self.crew {
            worker.wind_up();
        }
    }

    pub(super) fn interrupted(&mut self) {
        self.interrupts += 1;
        if self.interrupts > 1 {
            self.kill_all();
            if let Some(template) = self.recruiter.template() {
                template.kill();
            }
            return;
        }
        self.stop(StopReason::Interrupted);
        self.interrupt_running();
    }

    /// The whole run has taken all that it may. Where tests are being torn down already for another
    /// reason, a second SIGINT would end their tear-downs.
    pub(super) fn time_is_up(&mut self, limit: Duration) {
        let goes_on = self.stop.as_ref().is_none_or(StopReason::is_judged);
        self.stop(StopReason::RunTimeout(limit));
        if goes_on {
            self.interrupt_running();
        }
    }

    /// Ctrl-Z, until `fg`.
    pub(super) fn stand_still(&mut self) {
        let mut pids: Vec<u32> = self.crew.iter().map(|worker| worker.pid).collect();
        pids.extend(self.recruiter.template().map(|template| template.pid()));
        pids.extend(self.probes.pid());
        let pause = suspend(self.control, &pids);
        self.crew.iter_mut().for_each(|worker| worker.shift(pause));
        if let Some(branch) = &mut self.branch {
            branch.shift(pause);
        }
        self.probes.shift(pause);
        self.record.stood_still(pause);
        self.stood_still += pause;
        if let Some(at) = &mut self.kill_at {
            *at += pause;
        }
    }

    /// Lets parked workers go, ends the template and reports the run's end.
    pub(super) fn close(mut self, reason: StopReason) -> Finished {
        for worker in &mut self.crew {
            worker.tell(Told::Finish);
        }
        // Where a run goes to its end, so do tear-downs, however long they take.
        if !self.crew.is_empty() && !reason.is_judged() {
            self.kill_at.get_or_insert(Instant::now() + self.plan.bounds.grace);
        }
        self.stop.get_or_insert(reason.clone());
        while !self.crew.is_empty() {
            self.step();
        }
        self.record.timeline.workers_gone = Some(monotonic_us());
        // Tear-downs may have been cut short.
        let late = self.stop.take().filter(|it| reason.is_judged() && !it.is_judged());
        let mut reason = late.unwrap_or(reason);
        if let Recruiter::Fork(template) = std::mem::replace(&mut self.recruiter, Recruiter::Spawn)
        {
            reason = self.end_template(*template, reason);
        }
        if let Some((status, last)) = self.suite_status.take().filter(|_| reason.is_judged()) {
            let message = format!("pytest's session ended with status {status} ({last})");
            let code = u8::try_from(status).ok();
            reason = StopReason::Stopped { message, code };
        }
        if self.record.has_begun() {
            let exit = self.record.finish(reason.clone());
            let timeline = Box::new(self.record.timeline);
            return Finished { exit, reason, begun: true, output: None, timeline };
        }
        let output = self.early_output.unwrap_or_default();
        finish(&mut self.record, self.plan, NotReady { hello: self.hello, reason, output })
    }

    /// Ends the template's session; returns why the run ends, which that can change.
    fn end_template(&mut self, template: Template, mut reason: StopReason) -> StopReason {
        let collected = self.spread.is_some().then(|| self.record.tests().len() as u32);
        let how = (&reason, self.plan.bounds.grace);
        let ending = template.shut_down(self.control, how, collected);
        self.record.timeline.pytest_gone = Some(monotonic_us());
        if let Some(cut) = ending.cut.filter(|_| reason.is_judged()) {
            reason = cut;
        }
        for message in ending.said {
            match message {
                ToController::Summary { text } => self.record.pytest_output(text),
                ToController::Notice { level, text } => {
                    self.record.notice(level_of(&level), text);
                }
                _ => {}
            }
        }
        if let Some(stalled) = ending.stalled {
            self.record.other_failures(1);
            self.record.notice(Level::Error, stalled);
        } else if let Some(Ended::Exit(status)) = ending.ended
            && status != 0
            // Failed tests make pytest end with 1, as do collection errors that were let pass.
            && !(status == 1 && self.record.has_failures())
        {
            if status == i32::from(ExitCode::InternalError.code()) && reason.is_judged() {
                self.record.pytest_output(ending.output);
            }
            self.suite_status = Some((status, ending.last_line));
        } else if let Some(Ended::Signal(signal)) = ending.ended
            && reason.is_judged()
        {
            self.record.pytest_output(ending.output);
            reason = StopReason::Internal(format!(
                "pytest was ended by signal {signal} at its session's end: what plugins write \
                 there may be missing"
            ));
        }
        reason
    }
}
