//! The worker alone, as `rhumbd` and `rhumb` have it as a hidden sub-command.

use std::process::ExitCode;

fn main() -> ExitCode {
    rhumb_policy::worker::main(std::env::args_os()).unwrap_or(ExitCode::FAILURE)
}
