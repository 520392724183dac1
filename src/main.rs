//! The `pnl` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    pnl::cli::main()
}
