//! `rhumb policy`: everything about policies that needs no cluster.

pub mod bench;
pub mod build;
pub mod check;
mod components;
pub mod diff;
pub mod explain;
pub mod inspect;
pub mod lock;
pub mod new;
pub mod oci;
mod random;
pub mod replay;
pub mod run;
mod suite;
pub mod test;

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand};
use rhumb_policy::{Isolation, Loaded, Options, Program, Record, Sandbox};
use serde::Serialize;

use crate::print;

/// Largest file that is read; a component is smaller, a record of 10,000 tags too.
const FILE_BYTES: u64 = 64 << 20;

/// The verbs of `rhumb policy`.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Make a project that passes its own tests
    New(new::Arguments),
    /// Build policies into components
    Build(Build),
    /// Run the case files of policies in the sandbox
    Test(test::Arguments),
    /// Try properties that hold for every question, such as that the order of tags does not matter
    Check(check::Arguments),
    /// Measure fuel, memory and time by the size of the question
    Bench(bench::Arguments),
    /// Keep the fuel of each case in `fuel.lock`, which `test` compares
    Lock(lock::Arguments),
    /// Ask a policy one question
    Run(run::Arguments),
    /// Show what a component is, what it wants and what it may use
    Inspect(inspect::Arguments),
    /// Say in words what a recorded decision was about and why it was made
    Explain(explain::Arguments),
    /// Make a recorded decision again: same outcome, same fuel
    Replay(replay::Arguments),
    /// List the recorded decisions that another version of a policy would make differently
    Diff(diff::Arguments),
    /// Upload a component to an OCI registry
    Push(oci::Push),
    /// Download a component from an OCI registry
    Pull(oci::Pull),
}

/// Options of `rhumb policy build`.
#[derive(Args, Debug)]
pub struct Build {
    /// Folder of a policy
    #[arg(default_value = ".")]
    folders: Vec<PathBuf>,
    /// Folder for the components
    #[arg(long, short = 'd', value_name = "DIR", default_value = "target/policies")]
    out_dir: PathBuf,
}

/// Runs the verb.
pub async fn run(command: &Command) -> Result<ExitCode> {
    let printed = match command {
        Command::New(arguments) => new::run(arguments)?,
        Command::Build(arguments) => {
            let built = build::build_all(&arguments.folders, &arguments.out_dir)?;
            Printed { text: built.iter().map(|one| format!("{one}\n")).collect(), success: true }
        }
        Command::Test(arguments) => test::run(arguments)?,
        Command::Check(arguments) => check::run(arguments)?,
        Command::Bench(arguments) => bench::run(arguments)?,
        Command::Lock(arguments) => lock::run(arguments)?,
        Command::Run(arguments) => run::run(arguments)?,
        Command::Inspect(arguments) => inspect::run(arguments).await?,
        Command::Explain(arguments) => explain::run(arguments)?,
        Command::Replay(arguments) => replay::run(arguments)?,
        Command::Diff(arguments) => diff::run(arguments).await?,
        Command::Push(arguments) => oci::push(arguments).await?,
        Command::Pull(arguments) => oci::pull(arguments).await?,
    };
    print::out(&printed.text);
    Ok(if printed.success { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What a verb found out.
#[derive(Debug)]
pub struct Printed {
    /// For standard output.
    pub text: String,
    /// Whether it is good news; the exit code is 1 otherwise.
    pub success: bool,
}

/// A sandbox with the limits of the daemon. It runs policies in this process, which holds nothing of worth to them, and
/// compiles them in another: a component from anywhere may be one that takes a compiler minutes.
pub(crate) fn sandbox() -> Result<Sandbox> {
    let isolation = Isolation::CompileApart(this_program()?);
    Sandbox::new(Options { isolation, ..Options::default() }).context("failed to start the sandbox")
}

fn this_program() -> Result<Program> {
    Program::this().context("failed to find this program's file")
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

fn record(path: &Path) -> Result<Record> {
    let text = String::from_utf8(read(path)?).with_context(|| format!("`{}` is not UTF-8", path.display()))?;
    Record::parse(&text).with_context(|| format!("failed to read the record `{}`", path.display()))
}

/// Takes each record of a file: one, or with the ending `.jsonl` one a line, as `rhumb records` writes them.
fn each_record(path: &Path, mut take: impl FnMut(Record) -> Result<()>) -> Result<()> {
    if !is_list(path) {
        return take(record(path)?);
    }
    let failed = || format!("failed to read `{}`", path.display());
    let mut reader = BufReader::new(File::open(path).with_context(failed)?);
    for line in 1_usize.. {
        let at = || format!("failed to read the record in line {line} of `{}`", path.display());
        let mut text = String::new();
        if reader.by_ref().take(FILE_BYTES).read_line(&mut text).with_context(at)? == 0 {
            break;
        }
        if !text.trim().is_empty() {
            take(Record::parse(&text).with_context(at)?)?;
        }
    }
    Ok(())
}

/// The records of some files and folders, in the order of their names.
fn record_paths(given: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in given {
        if !path.is_dir() {
            found.push(path.clone());
            continue;
        }
        let entries = std::fs::read_dir(path).with_context(|| format!("failed to read `{}`", path.display()))?;
        let files = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
        found.extend(files.filter(|file| is_record(file)));
    }
    found.sort();
    Ok(found)
}

fn is_record(path: &Path) -> bool {
    is_list(path) || path.extension().is_some_and(|ending| ending == "json")
}

/// Whether a file holds any number of records.
fn is_list(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "jsonl")
}

fn json(value: &impl Serialize) -> Result<String> {
    Ok(serde_json::to_string_pretty(value).context("failed to print JSON")? + "\n")
}
