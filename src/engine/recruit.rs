//! Where workers come from: forks of the template, or processes of their own.

use std::io;

use super::inbox::{Control, Source};
use super::launch::Base;
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

impl Recruiter {
    /// Orders a worker. It will connect and say hello; its output is being read from now on.
    /// Returns its process where that is known at once.
    pub(super) fn recruit(
        &mut self,
        id: WorkerId,
        order: Fork,
        (base, plan, control): (&Base, &Plan, &Control),
    ) -> io::Result<Option<u32>> {
        let source = Source::Worker(id);
        match self {
            Self::Fork(template) => {
                control.read_output(source, template.fork(order)?)?;
                Ok(None)
            }
            Self::Spawn => {
                let started = base.worker(plan, &order).start()?;
                let pid = started.child.id();
                if let Some(output) = started.output {
                    control.read_output(source, output)?;
                }
                control.wait_for(source, started.child)?;
                Ok(Some(pid))
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
