//! Where workers come from: forks of the template, or processes of their own.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use super::branch::Branch;
use super::inbox::{Control, Source};
use super::launch::Base;
use super::permits::Permits;
use super::plan::Plan;
use super::template::Template;
use crate::model::WorkerId;
use crate::protocol::socket::Sender;
use crate::protocol::{Fork, ToWorker};

/// Makes workers.
pub(super) enum Recruiter {
    /// By forking this template.
    Fork(Box<Template>),
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
    /// Orders a worker, from `branch` if there is one. It will connect and say hello; its output is
    /// being read from now on.
    pub(super) fn recruit(
        &mut self,
        id: WorkerId,
        (mut order, branch): (Fork, Option<&mut Branch>),
        (base, plan, control): (&Base, &Plan, &Control),
    ) -> io::Result<Recruit> {
        let source = Source::Worker(id);
        base.expect(id);
        match self {
            Self::Fork(template) => {
                let permits = Permits::new()?;
                order.permits = true;
                let output = match branch {
                    None => template.fork(order, &permits)?,
                    Some(branch) => {
                        template.tell(&ToWorker::ForkedByBranch(order.clone()));
                        branch.fork(order, &permits)?
                    }
                };
                control.read_output(source, output)?;
                Ok(Recruit { pid: 0, permits: Some(permits) })
            }
            Self::Spawn => {
                let started = base.worker(plan, &order).start()?;
                let pid = started.child.id();
                base.admit(pid);
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

/// Sends the order for a worker with its permits and the writing end of its output; returns the
/// reading end.
pub(super) fn send_order(
    sender: &mut Sender,
    order: &ToWorker,
    permits: &Permits,
) -> io::Result<File> {
    let (read, write) = io::pipe()?;
    let write = OwnedFd::from(write);
    sender.send_with_fds(order, &[write.as_fd(), permits.reading_end()])?;
    Ok(File::from(OwnedFd::from(read)))
}
