//! Work on this repository that is not the product's: generated files, and faults made on purpose.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command for developers")]

mod faults;
mod generated;
mod processes;
mod programs;
mod reference;
mod soak;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use generated::GeneratedFile;

#[derive(Debug, Parser)]
#[command(name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Write what is made from the command line's definition: completions, man pages, docs/cli.md
    Generate {
        /// Write nothing, and fail if a file is not as it would be written
        #[arg(long)]
        check: bool,
    },
    Faults(faults::Options),
    Soak(soak::Options),
}

fn main() -> ExitCode {
    match Cli::parse().verb {
        Verb::Generate { check } => {
            let files = generated::all();
            if check { compare(&files) } else { write(&files) }
        }
        Verb::Faults(options) => faults::run(&options, root()),
        Verb::Soak(options) => soak::run(&options, root()),
    }
}

fn compare(files: &[GeneratedFile]) -> ExitCode {
    let mut stale: Vec<String> =
        files.iter().filter(|it| !it.is_current(root())).map(name).collect();
    stale.extend(generated::orphans(files, root()).iter().map(|it| it.display().to_string()));
    if stale.is_empty() {
        println!("{} generated files are up to date", files.len());
        return ExitCode::SUCCESS;
    }
    for path in &stale {
        eprintln!("stale: {path}");
    }
    eprintln!("Run `cargo xtask generate` and commit what it changes");
    ExitCode::FAILURE
}

fn write(files: &[GeneratedFile]) -> ExitCode {
    for orphan in generated::orphans(files, root()) {
        if let Err(error) = std::fs::remove_file(root().join(&orphan)) {
            eprintln!("{} cannot be removed: {error}", orphan.display());
            return ExitCode::FAILURE;
        }
        println!("removed {}", orphan.display());
    }
    for file in files.iter().filter(|it| !it.is_current(root())) {
        if let Err(error) = file.write(root()) {
            eprintln!("{} cannot be written: {error}", name(file));
            return ExitCode::FAILURE;
        }
        println!("wrote {}", name(file));
    }
    ExitCode::SUCCESS
}

fn name(file: &GeneratedFile) -> String {
    file.path.display().to_string()
}

/// The repository, wherever the command was typed.
fn root() -> &'static Path {
    static ROOT: std::sync::LazyLock<PathBuf> = std::sync::LazyLock::new(|| {
        let own = Path::new(env!("CARGO_MANIFEST_DIR"));
        own.parent().expect("xtask is a folder of the repository").to_path_buf()
    });
    &ROOT
}
