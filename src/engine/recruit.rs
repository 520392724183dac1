//! Where workers come from: forks of the template, or processes of their own.

use std::io;

use super::inbox::{Control, Source};
use super::launch::Base;
use super::permits::Permits;
use super::plan::Plan;
use super::template::Template;
use crate::model::WorkerId;
use crate::protocol::Fork;

/// Makes workers.
pub(super) enum Recruiter {
    /// By forking this template.
    Fork(Template),
    /// By starting a pytest for each.
    Spawn,
}

/// What is known of a worker when it was ordered.
pub(super) struct Recruit {
    /// Its process; 0 where the template will tell.
    pub(super) pid: u32,
    /// Its permits, for workers that can be given more than they need.
    pub(super) permits: Option<Permits>,
}

impl Recruiter {
    /// Orders a worker. It will connect and say hello; its output is being read from now on.
    pub(super) fn recruit(
        &mut self,
        id: WorkerId,
        mut order: Fork,
        (base, plan, control): (&Base, &Plan, &Control),
    ) -> io::Result<Recruit> {
        let source = Source::Worker(id);
        match self {
            Self::Fork(template) => {
                let permits = Permits::new()?;
                order.permits = true;
                control.read_output(source, template.fork(order, &permits)?)?;
                Ok(Recruit { pid: 0, permits: Some(permits) })
            }
            Self::Spawn => {
                let started = base.worker(plan, &order).start()?;
                let pid = started.child.id();
                if let Some(output) = started.output {
                    control.read_output(source, output)?;
                }
                control.wait_for(source, started.child)?;
                Ok(Recruit { pid, permits: None })
            }
        }
    }

    /// The template, for engines that have one.
    pub(super) fn template(&mut self) -> Option<&mut Template> {
        match self {
            Self::Fork(template) => Some(template),
            Self::Spawn => None,
        }
    }
}
