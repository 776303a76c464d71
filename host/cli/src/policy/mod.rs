//! `rhumb policy`: everything about policies that needs no cluster.

pub mod build;
pub mod inspect;
pub mod replay;
pub mod run;
pub mod test;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand};
use rhumb_policy::{Loaded, Options, Sandbox};
use serde::Serialize;

use crate::print;

/// Largest file that is read; a component is smaller, a record of 10,000 tags too.
const FILE_BYTES: u64 = 64 << 20;

/// The verbs of `rhumb policy`.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Build policy crates into components
    Build(Build),
    /// Run the case files of policies in the sandbox
    Test(test::Arguments),
    /// Ask a policy one question
    Run(run::Arguments),
    /// Show what a component is, what it wants and what it may use
    Inspect(inspect::Arguments),
    /// Make a recorded decision again: same outcome, same fuel
    Replay(replay::Arguments),
}

/// Options of `rhumb policy build`.
#[derive(Args, Debug)]
pub struct Build {
    /// Folder of a policy's crate
    #[arg(required = true)]
    crates: Vec<PathBuf>,
    /// Folder for the components
    #[arg(long, short = 'd', value_name = "DIR", default_value = "target/policies")]
    out_dir: PathBuf,
}

/// Runs the verb.
pub fn run(command: &Command) -> Result<ExitCode> {
    match command {
        Command::Build(build) => {
            for built in build::build_all(&build.crates, &build.out_dir)? {
                print::out(&format!("{built}\n"));
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::Test(arguments) => finish(&test::run(arguments)?),
        Command::Run(arguments) => finish(&run::run(arguments)?),
        Command::Inspect(arguments) => finish(&inspect::run(arguments)?),
        Command::Replay(arguments) => finish(&replay::run(arguments)?),
    }
}

/// What a verb found out.
#[derive(Debug)]
pub struct Printed {
    /// For standard output.
    pub text: String,
    /// Whether it is good news; the exit code is 1 otherwise.
    pub success: bool,
}

fn finish(printed: &Printed) -> Result<ExitCode> {
    print::out(&printed.text);
    Ok(if printed.success { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn sandbox() -> Result<Sandbox> {
    Sandbox::new(Options::default()).context("failed to start the sandbox")
}

fn load(sandbox: &Sandbox, component: &Path) -> Result<Loaded> {
    let bytes = read(component)?;
    sandbox.load(&bytes).with_context(|| format!("failed to load `{}`", component.display()))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let size = std::fs::metadata(path).with_context(|| format!("failed to read `{}`", path.display()))?.len();
    if size > FILE_BYTES {
        bail!("failed to read `{}`: {size} bytes, allowed are {FILE_BYTES}", path.display());
    }
    std::fs::read(path).with_context(|| format!("failed to read `{}`", path.display()))
}

fn json(value: &impl Serialize) -> Result<String> {
    Ok(serde_json::to_string_pretty(value).context("failed to print JSON")? + "\n")
}
