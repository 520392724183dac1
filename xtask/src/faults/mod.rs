//! The seeded fault injector: runs a suite, makes a fault on purpose, and judges what pnl made of it.
//!
//! A case is a place in the plan of a seed (`case`): which fault, at which phase, with which options.
//! Its suite (`tests/faults/suite`) says durably what it does, makes the fault when its place comes,
//! or waits there for the injector to make it. What came of it is observed from outside (`observed`)
//! and judged by what is promised (`judge`), with nothing expected to fail.

mod bell;
mod campaign;
mod case;
mod disk;
mod events;
mod expect;
mod fact;
mod fault;
mod inject;
mod judge;
mod matrix;
mod observed;
mod options;
mod pnl;
mod project;
mod truth;

pub(crate) use campaign::run;
pub(crate) use options::Options;
