//! `pnl warm`.

use std::fmt::Write as _;
use std::io;

use clap::{Args, Subcommand};

use super::error;
use crate::engine::warm::{Listed, list, stop};
use crate::model::ExitCode;
use crate::process::memory_of;
use crate::report::text::{counted, line};

/// Arguments of `pnl warm`.
#[derive(Debug, Args)]
pub(super) struct WarmArgs {
    #[command(subcommand)]
    verb: WarmVerb,
}

#[derive(Debug, Clone, Copy, Subcommand)]
enum WarmVerb {
    /// List them: process, project, age, memory, runs served
    Status,
    /// End all of them, each once the runs that it has forked are over
    Stop,
}

/// Lists or ends this user's warm processes.
pub(super) fn run(arguments: &WarmArgs) -> ExitCode {
    let done = list().and_then(|found| match arguments.verb {
        WarmVerb::Status => Ok(status(&found)),
        WarmVerb::Stop => stop_all(&found),
    });
    match done {
        Ok(text) => {
            super::print(&text);
            ExitCode::Ok
        }
        Err(error) => {
            error::message(&format!("the warm processes cannot be asked: {error}"));
            ExitCode::InternalError
        }
    }
}

fn status(found: &[Listed]) -> String {
    if found.is_empty() {
        return "no warm process; `pnl test --warm` starts one\n".to_owned();
    }
    found.iter().fold(String::new(), |mut text, listed| {
        let _ = match &listed.status {
            None => writeln!(text, "{} does not answer", listed.socket.display()),
            Some(it) => writeln!(
                text,
                "{} {}\n  python {}, {}, {} ready, {} s old, ends in {} s{}",
                it.pid,
                line(&it.root.to_string_lossy()),
                line(&it.python.to_string_lossy()),
                counted(it.runs, "run"),
                counted(it.modules, "module"),
                it.age_s,
                it.ends_in_s,
                memory_of(it.pid).map_or_else(String::new, |kib| format!(", {} MiB", kib / 1024)),
            ),
        };
        text
    })
}

fn stop_all(found: &[Listed]) -> io::Result<String> {
    let mut text = String::new();
    for listed in found {
        if let Some(pid) = stop(listed)? {
            let _ = writeln!(text, "ended {pid}");
        }
    }
    if text.is_empty() {
        "no warm process\n".clone_into(&mut text);
    }
    Ok(text)
}
