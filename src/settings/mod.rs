//! Settings: command line over environment (`PNL_*`) over file over default.
//!
//! Each source becomes a [`Layer`] of optional values; the layers are merged into [`Settings`].
//! Knows only [`crate::model`]. Reads the configuration file and nothing else.

mod file;
mod layer;
mod rules;
mod scope;
mod values;
mod words;

pub use file::{Project, find_project};
pub use layer::{Layer, Settings, from_environment};
pub use scope::{Scope, ScopeError, Selection, default_scopes, select};
pub use values::{
    BadValue, WorkerCount, base_url, count, delay, duration, failures, limit, memory, rate,
    retries, tests, workers,
};

/// A setting that cannot be used: where it stands, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {what}")]
pub struct SettingsError {
    /// File, and key in it; or the variable's name.
    pub place: String,
    /// What is wrong and what is allowed.
    pub what: String,
}
