//! The long tests in full. In `cargo verify` they are bounded.

use std::process::{Command, ExitCode};

use crate::servers;
use crate::steps::{policies, root, say};

/// Tests that make many rounds (`rhumb_tests::soak::rounds`), as the test runner names them.
const LONG: &[&str] =
    &["kill::story::at_random_moments", "git::of_many_writers_at_the_same_time", "faults::git::among_ten_writers"];

/// Runs them, one after the other, with what they count.
pub(crate) fn soak() -> Result<ExitCode, String> {
    let building = servers::start();
    policies()?;
    building.finish()?;
    say("soaking");
    let mut command = Command::new("cargo");
    command.args(["test", "--package", "rhumb-tests", "--test", "it", "--"]).args(LONG);
    command.args(["--nocapture", "--test-threads", "1"]).env("RHUMB_SOAK", "1").current_dir(root());
    let status = command.status().map_err(|error| format!("failed to start `cargo`: {error}"))?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
