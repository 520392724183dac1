//! Makes the faults that come from outside, while the suite waits at the fault's place.

use std::time::Duration;

use rustix::process::Signal;

use super::bell::Ring;
use super::case::Case;
use super::fault::Fault;
use super::pnl::Pnl;
use crate::processes::Process;

/// How long pnl may take to say that it heard a signal, before it gets the next: signals of a kind
/// that come too quickly melt into one.
const NOTICE: Duration = Duration::from_secs(3);

/// Makes the fault. Returns the suite's ring if it is to go on waiting.
pub(super) fn make(case: &Case, pnl: &mut Pnl, ring: Ring) -> Option<Ring> {
    let process = pnl.process();
    let (here, parent) = (Process(ring.pid), Process(ring.parent));
    match case.fault {
        Fault::PnlInt | Fault::PnlTerm | Fault::PnlHup => {
            process.signal(match case.fault {
                Fault::PnlTerm => Signal::TERM,
                Fault::PnlHup => Signal::HUP,
                _ => Signal::INT,
            });
            // Every second suite goes on, as if the signal had come a little later.
            if !case.deaf && case.index.is_multiple_of(2) {
                pnl.hear("interrupt", NOTICE);
                return None;
            }
            Some(ring)
        }
        Fault::PnlIntTwice | Fault::PnlIntThrice => {
            process.signal(Signal::INT);
            pnl.hear("interrupt", NOTICE);
            process.signal(Signal::INT);
            if case.fault == Fault::PnlIntThrice {
                process.signal(Signal::INT);
            }
            Some(ring)
        }
        Fault::PnlKilled => {
            process.signal(Signal::KILL);
            Some(ring)
        }
        Fault::PnlPaused => pause(process),
        Fault::WorkerPaused => pause(here),
        Fault::TemplatePaused => pause(parent),
        Fault::TemplateKilled => {
            parent.signal(Signal::KILL);
            parent.wait(NOTICE);
            None
        }
        Fault::TemplateStopped => {
            parent.signal(Signal::STOP);
            parent.wait_until_stopped();
            None
        }
        _ => None,
    }
}

fn pause(process: Process) -> Option<Ring> {
    process.signal(Signal::STOP);
    process.wait_until_stopped();
    process.signal(Signal::CONT);
    None
}
