//! The two plans, and running them.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::gather::Gathered;
use crate::engine::{self, Control, Finished, Plan, TerminalOwner, Workers, argument, command_of};
use crate::model::{DistMode, EngineKind, Event, Isolation, NodeId, Output};
use crate::report::Reporter;
use crate::runner::new_run_id;
use crate::scheduler::{Limit, Rounds};

/// Who runs the tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Plain pytest, one test after the other.
    Pytest,
    /// pnl, as it is set up.
    Pnl,
}

/// One run of a verification.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a> {
    /// Who runs.
    pub way: Way,
    /// What is run.
    pub plan: &'a Plan,
    /// The test that is run again alone.
    pub alone: Option<&'a NodeId>,
    /// Whether this is a repetition.
    pub is_repetition: bool,
}

/// Is told what is being run.
pub trait Progress {
    /// A run begins.
    fn begins(&mut self, step: &Step<'_>);
    /// Something happened in it.
    fn event(&mut self, event: &Arc<Event>);
    /// It has ended.
    fn ended(&mut self, step: &Step<'_>, side: &Side);
}

/// What came of one run.
#[derive(Debug)]
pub struct Side {
    /// pytest's command line.
    pub command: Vec<String>,
    /// How it ended.
    pub finished: Finished,
    /// What it said of each test.
    pub gathered: Gathered,
}

/// Interrupts whichever run is on, and those to come.
#[derive(Debug, Clone, Default)]
pub struct Interrupter(Arc<Mutex<Interrupts>>);

#[derive(Debug, Default)]
struct Interrupts {
    count: u32,
    control: Option<Control>,
}

impl Interrupter {
    /// What a first Ctrl-C does; called again, what a second does.
    pub fn interrupt(&self) {
        let control = {
            let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            state.count += 1;
            state.control.clone()
        };
        if let Some(control) = control {
            control.interrupt();
        }
    }

    /// Whether anybody has.
    #[must_use]
    pub fn was_interrupted(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).count > 0
    }

    /// A handle for the next run. A run's inbox is its own: what an older one still had to say is
    /// not heard in it.
    fn next(&self) -> Control {
        let control = Control::new();
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.count > 0 {
            control.interrupt();
        }
        state.control = Some(control.clone());
        control
    }
}

/// Both plans, and who is told.
pub(super) struct Sides<'a> {
    pytest: Plan,
    pnl: Plan,
    interrupter: &'a Interrupter,
    progress: &'a mut dyn Progress,
}

impl<'a> Sides<'a> {
    /// From pnl's plan. Neither side stops early, which could not be
    /// compared, or tries again what failed, which would hide it.
    pub(super) fn new(
        plan: Plan,
        interrupter: &'a Interrupter,
        progress: &'a mut dyn Progress,
    ) -> Self {
        let mut pnl = plan;
        pnl.max_fail = None;
        pnl.general.retries = None;
        pnl.rules.iter_mut().for_each(|(_, rule)| rule.retries = None);
        pnl.rounds = rounds(1);
        pnl.terminal = TerminalOwner::Pnl;
        pnl.pytest_args.push("--maxfail=0".to_owned());
        let pytest = Plan {
            engine: EngineKind::Pytest,
            dist: DistMode::No,
            isolation: Isolation::Round,
            output: Output::Captured,
            workers: Workers::Exactly(1),
            shuffle: None,
            ..pnl.clone()
        };
        Self { pytest, pnl, interrupter, progress }
    }

    /// Runs all that was selected.
    pub(super) fn run(&mut self, way: Way) -> Side {
        self.run_plan(way, self.plan(way).clone(), None, false)
    }

    /// Runs all that was selected again, so many times.
    pub(super) fn repeat(&mut self, way: Way, times: u32) -> Side {
        let plan = Plan { rounds: rounds(times), ..self.plan(way).clone() };
        self.run_plan(way, plan, None, true)
    }

    /// Runs one test by its node id, so many times. None where its file is not there to be named.
    pub(super) fn repeat_alone(
        &mut self,
        way: Way,
        nodeid: &NodeId,
        rootdir: &Path,
        times: u32,
    ) -> Option<Side> {
        let plan = self.plan(way);
        let path = argument(nodeid, rootdir, &plan.root)?;
        let plan = Plan { paths: vec![path], rounds: rounds(times), ..plan.clone() };
        Some(self.run_plan(way, plan, Some(nodeid), true))
    }

    /// Whether the user wants all of it to end.
    pub(super) fn was_interrupted(&self) -> bool {
        self.interrupter.was_interrupted()
    }

    fn plan(&self, way: Way) -> &Plan {
        match way {
            Way::Pytest => &self.pytest,
            Way::Pnl => &self.pnl,
        }
    }

    fn run_plan(
        &mut self,
        way: Way,
        plan: Plan,
        alone: Option<&NodeId>,
        is_repetition: bool,
    ) -> Side {
        let plan = Plan { run: new_run_id(), ..plan };
        let step = Step { way, plan: &plan, alone, is_repetition };
        self.progress.begins(&step);
        let mut listener =
            Listener { gathered: Gathered::default(), progress: &mut *self.progress };
        let finished = engine::run(&plan, &self.interrupter.next(), &mut listener);
        let gathered = listener.gathered;
        let command = plan.secrets.hide_in_command(&command_of(&plan));
        let side = Side { command, finished, gathered };
        self.progress.ended(&step, &side);
        side
    }
}

struct Listener<'a> {
    gathered: Gathered,
    progress: &'a mut dyn Progress,
}

impl Reporter for Listener<'_> {
    fn event(&mut self, event: &Arc<Event>) {
        self.gathered.event(event);
        self.progress.event(event);
    }
}

fn rounds(times: u32) -> Rounds {
    Rounds { limit: Limit::Count(times), until: None, keep_going: true, delay: Duration::ZERO }
}
