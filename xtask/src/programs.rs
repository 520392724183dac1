//! Which pnl is tried, with which Python.

use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;

/// What the command line says of it.
#[derive(Debug, Args)]
pub(crate) struct Chosen {
    /// The pnl to try; left out: built from this checkout
    #[arg(long)]
    pnl: Option<PathBuf>,
    /// The interpreter whose pytest runs the suites; left out: the one that ./check makes
    #[arg(long, env = "PNL_TEST_PYTHON")]
    python: Option<PathBuf>,
}

/// What suites are run with.
#[derive(Debug)]
pub(crate) struct Programs {
    pub(crate) pnl: PathBuf,
    pub(crate) python: PathBuf,
    /// Where pnl keeps its worker package, compiled once for all runs.
    pub(crate) cache: PathBuf,
}

impl Chosen {
    /// Finds all of it, and builds pnl where none is named.
    pub(crate) fn find(&self, root: &Path) -> Result<Programs, String> {
        let pnl = if let Some(pnl) = &self.pnl {
            pnl.clone()
        } else {
            let built = Command::new("cargo").args(["build", "--quiet"]).current_dir(root).status();
            if !built.is_ok_and(|status| status.success()) {
                return Err("pnl could not be built".to_owned());
            }
            root.join("target/debug/pnl")
        };
        let own = root.join(".check/venv/bin/python");
        let python = match &self.python {
            Some(python) => python.clone(),
            None if own.exists() => own,
            None => {
                let why = "no Python with pytest: run ./check, which makes one, or name one with \
                           --python or PNL_TEST_PYTHON";
                return Err(why.to_owned());
            }
        };
        let cache = root.join("target/faults");
        std::fs::create_dir_all(&cache).map_err(|error| format!("{}: {error}", cache.display()))?;
        let absolute = |path: PathBuf| std::path::absolute(&path).unwrap_or(path);
        Ok(Programs { pnl: absolute(pnl), python: absolute(python), cache })
    }
}
