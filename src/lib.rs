//! pnl runs any pytest suite in parallel and in loops, against a server that the user started, and
//! tells the truth about what it saw.
//!
//! The face of the library is [`run_tests`], [`run_loop`] and [`build_pytest_command`]; the command
//! line ([`cli`]) is a thin layer over them. docs/design/architecture.md says which module may know
//! which, and tests/architecture.rs holds it.

pub mod cli;
pub mod diagnosis;
pub mod engine;
pub mod experiment;
pub mod model;
pub mod process;
pub mod protocol;
pub mod queue;
pub mod replay;
pub mod report;
pub mod runner;
pub mod scheduler;
pub mod settings;
pub mod stats;
pub mod store;
pub mod verify;

pub use runner::{
    CommandOptions, LoopOptions, Refusal, TestOptions, build_pytest_command, run_loop, run_tests,
};
