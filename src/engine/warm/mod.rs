//! `--warm`: a run's template as a fork of a process that has Python, pytest and the libraries of
//! former runs loaded.
//!
//! There is one such process for each project folder, interpreter and environment ([`key`]); callers
//! find it by its socket in a private folder ([`place`]), start it where it is missing, and have it
//! fork ([`call`]). What it is, and what it promises: docs/design/warm.md.

mod call;
mod key;
mod place;

pub(super) use call::{Called, Ending, call};
pub use call::{Listed, list, settle, stop, stop_owned};
pub(super) use key::Order;
