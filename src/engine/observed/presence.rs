//! The server under test of an observed run: whether it is needed, and whether failures are its own.

use std::path::Path;
use std::time::Instant;

use super::process::{Hit, Process};
use super::{Watch, worker_id};
use crate::engine::judge;
use crate::engine::outage::Finding;
use crate::engine::plan::{Plan, ServerNeed};
use crate::engine::server::{self, Answer};
use crate::model::{Attempt, ServerLost, StopReason, What};
use crate::protocol::Done;

/// Whether tests that need it may be among those to run.
pub(super) fn may_need_server(plan: &Plan) -> bool {
    match &plan.server_need {
        ServerNeed::Always => true,
        ServerNeed::Never => false,
        ServerNeed::IfUnder(folders) => {
            let named = |path: &String| {
                let file = path.split("::").next().unwrap_or(path);
                plan.root.join(file)
            };
            let overlap = |a: &Path, b: &Path| a.starts_with(b) || b.starts_with(a);
            folders.iter().filter(|folder| folder.exists()).any(|folder| {
                plan.paths.is_empty() || plan.paths.iter().any(|path| overlap(&named(path), folder))
            })
        }
    }
}

impl Watch<'_> {
    pub(super) fn test_is_done(&mut self, process: &mut Process, mut done: Done) {
        let key = (std::mem::take(&mut done.worker), done.i);
        let test = process.running.remove(&key).map(|(test, _)| test);
        let test = test.or_else(|| process.numbers.get(done.i as usize).copied().flatten());
        let Some(test) = test else { return };
        let ending = judge::ending(&self.record, done);
        let hit = Hit { worker: worker_id(&key.0), test, ending };
        let looks_like_it =
            hit.ending.failure.as_deref().is_some_and(server::looks_like_a_lost_server);
        let is_watched = self.plan.server_lost != ServerLost::Ignore && may_need_server(self.plan);
        if looks_like_it && is_watched {
            if self.outage.suspect(self.record.now()) {
                self.ask(process);
            }
            process.hits.push(hit);
            if !self.outage.is_open() || self.outage.is_away() {
                self.judge_hits(process);
            }
        } else {
            self.record.ended(hit.worker, hit.test, Attempt::FIRST, hit.ending);
        }
    }

    pub(super) fn ask(&mut self, process: &mut Process) {
        if self.control.ask_server(&self.plan.server.url).is_err() {
            self.server_answered(process, Answer::Well);
        }
    }

    pub(super) fn server_answered(&mut self, process: &mut Process, answer: Answer) {
        match self.outage.hear(answer, (Instant::now(), self.record.now())) {
            Finding::Open | Finding::Away => {}
            Finding::There => self.judge_hits(process),
            Finding::Lost(_) => {
                self.judge_hits(process);
                let reason = StopReason::ServerLost(self.plan.server.url.clone());
                process.stop(reason, self.plan.bounds.grace);
            }
            Finding::Back(away) => self.record.emit(None, What::ServerAway(away)),
        }
    }

    /// The failures that waited are the tests' own, or the server's.
    pub(super) fn judge_hits(&mut self, process: &mut Process) {
        for Hit { worker, test, mut ending } in std::mem::take(&mut process.hits) {
            ending.infrastructure.this = self.outage.is_away();
            if self.outage.is_away() {
                self.outage.hit();
            }
            self.record.ended(worker, test, Attempt::FIRST, ending);
        }
    }
}
