//! The command line of `cargo xtask faults`.

use std::str::FromStr;

use clap::Args;

use crate::programs::Chosen;

/// Makes faults on purpose and judges what pnl makes of them
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// How many cases
    #[arg(long, default_value_t = 60)]
    pub(super) runs: usize,
    /// The seed that they are drawn from
    #[arg(long, default_value_t = 1)]
    pub(super) seed: u64,
    /// How many at once
    #[arg(long, short, default_value_t = 2)]
    pub(super) jobs: usize,
    /// Only this one
    #[arg(long, value_name = "SEED:INDEX")]
    pub(super) case: Option<CaseId>,
    /// Only cases whose description has this word; say it several times for several words
    #[arg(long, value_name = "WORD")]
    pub(super) only: Vec<String>,
    /// Show what pnl says, and keep the folders of cases that fail
    #[arg(long, short)]
    pub(super) verbose: bool,
    /// Print the table for docs/reliability.md
    #[arg(long)]
    pub(super) markdown: bool,
    #[command(flatten)]
    pub(super) chosen: Chosen,
}

/// A case, as a failing one is named.
#[derive(Debug, Clone, Copy)]
pub(super) struct CaseId {
    pub(super) seed: u64,
    pub(super) index: usize,
}

impl FromStr for CaseId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once(':');
        let parsed = parts.and_then(|(seed, index)| {
            Some(Self { seed: seed.parse().ok()?, index: index.parse().ok()? })
        });
        parsed.ok_or_else(|| format!("{text:?} is no SEED:INDEX, such as 1:42"))
    }
}
