//! What the user is told of a history that did not take everything.

use std::path::{Path, PathBuf};

use super::error::StoreError;

/// A sentence about this run's history. None of them changes the run.
#[derive(Debug, thiserror::Error)]
pub enum HistoryWarning {
    /// A file that is no sound database: it was renamed, and a new one is begun.
    #[error("{cause}. {}", kept_aside(kept.as_deref(), *before))]
    KeptAside {
        /// Its new name; none where another run has renamed it.
        kept: Option<PathBuf>,
        /// How many executions of this run are in it and not in the new one.
        before: u64,
        /// What was found.
        cause: StoreError,
    },
    /// A newer pnl's file stays where it is, and this run goes into one beside it.
    #[error("{cause}. It is left as it is, and this run is stored in {}", beside.display())]
    Beside {
        /// Where this run is.
        beside: PathBuf,
        /// Which file, which versions.
        cause: StoreError,
    },
    /// Nothing can be written just now.
    #[error("{cause}. The run goes on, and is stored as soon as that works")]
    Waiting {
        /// Why.
        cause: StoreError,
    },
    /// Nothing of the run was written.
    #[error("this run is not stored: {cause}")]
    NotStored {
        /// Why.
        cause: StoreError,
    },
    /// Part of the run was not written.
    #[error("this run is not stored completely, {missing} of its executions are missing: {cause}")]
    Missing {
        /// How many executions.
        missing: u64,
        /// Why.
        cause: StoreError,
    },
    /// Written to a file that nobody finds again.
    #[error(
        "this run is not stored: {} was deleted or replaced while the run went on",
        path.display()
    )]
    Removed {
        /// Where it was.
        path: PathBuf,
    },
    /// The writing thread was not waited for any longer.
    #[error("this run is not stored completely: the history was still blocked at the end")]
    Blocked,
}

fn kept_aside(kept: Option<&Path>, before: u64) -> String {
    let kept = match kept {
        Some(kept) => format!("It is kept as {}", kept.display()),
        None => "Another run has kept it aside".to_owned(),
    };
    match before {
        0 => format!("{kept}, and a new one is begun"),
        before => format!("{kept}, and a new one is begun without {before} executions of this run"),
    }
}
