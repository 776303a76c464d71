//! `rhumb policy test`: runs a policy's case files in the sandbox.

mod coverage;
mod formats;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};
use rhumb_policy::cases::{self, File, Outcomes, updated};
use rhumb_policy::{Loaded, Sandbox};
use serde::Serialize;

use super::{Printed, build, sandbox};
use coverage::Coverage;

/// Options of `rhumb policy test`.
#[derive(Args, Debug)]
#[command(after_help = "Exit codes: 0 when every case is as expected, 1 when one is not or too few reason codes are \
                        shown, 2 when a policy cannot be built or a file cannot be read.")]
pub struct Arguments {
    /// Folder of a policy's crate, whose `cases/*.yaml` and `cases/*.json` are run
    #[arg(required = true)]
    crates: Vec<PathBuf>,
    /// Component to test instead of building the crate
    #[arg(long, value_name = "FILE")]
    component: Option<PathBuf>,
    /// Write what came into the files, as what is expected from now on
    #[arg(long)]
    update: bool,
    /// Fail when the cases show fewer of the declared reason codes than this
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    min_coverage: Option<u8>,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    output: Format,
}

/// How results are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Tables for people
    #[default]
    Text,
    /// All that is known
    Json,
    /// XML that CI systems read
    Junit,
    /// Test Anything Protocol, version 14
    Tap,
    /// Findings that code hosts show beside the lines
    Sarif,
}

/// What one policy did.
#[derive(Serialize)]
struct Report {
    policy: String,
    version: String,
    files: Vec<FileReport>,
    coverage: Coverage,
}

#[derive(Serialize)]
struct FileReport {
    file: String,
    /// Relative to where the command runs.
    path: PathBuf,
    cases: Vec<Outcomes>,
    /// Whether what came was written into it.
    updated: bool,
}

impl FileReport {
    fn failed(&self) -> impl Iterator<Item = &Outcomes> {
        // What was written into the file is expected now.
        self.cases.iter().filter(|case| !case.wrong.is_empty() && !self.updated)
    }
}

/// Builds the policies, runs their cases and says which failed.
pub fn run(arguments: &Arguments) -> Result<Printed> {
    if arguments.component.is_some() && arguments.crates.len() != 1 {
        bail!("`--component` tests one policy; name one folder");
    }
    let folder = tempfile::tempdir().context("failed to make a folder for components")?;
    let components = match &arguments.component {
        Some(component) => vec![component.clone()],
        None => build::build_all(&arguments.crates, folder.path())?.into_iter().map(|built| built.path).collect(),
    };
    let sandbox = sandbox()?;
    let mut reports = Vec::new();
    for (crate_dir, component) in arguments.crates.iter().zip(&components) {
        let policy = super::load(&sandbox, component)?;
        reports.push(report(&sandbox, &policy, crate_dir, arguments.update)?);
    }
    let failed = reports.iter().flat_map(|report| &report.files).flat_map(FileReport::failed).count();
    let least = f64::from(arguments.min_coverage.unwrap_or_default());
    let covered = reports.iter().all(|report| report.coverage.percent() >= least);
    let text = match arguments.output {
        Format::Text => formats::text(&reports, arguments.min_coverage),
        Format::Json => super::json(&reports)?,
        Format::Junit => formats::junit(&reports),
        Format::Tap => formats::tap(&reports),
        Format::Sarif => super::json(&formats::sarif(&reports))?,
    };
    Ok(Printed { text, success: failed == 0 && covered })
}

fn report(sandbox: &Sandbox, policy: &Loaded, crate_dir: &Path, update: bool) -> Result<Report> {
    let (mut files, mut coverage) = (Vec::new(), Coverage::of(&policy.describe));
    for path in cases::paths(&crate_dir.join("cases"))? {
        let text = String::from_utf8_lossy(&super::read(&path)?).into_owned();
        let file = File::parse(&text).with_context(|| format!("failed to use `{}`", path.display()))?;
        let cases = cases::run(sandbox, policy, &file);
        for (case, outcomes) in file.cases.iter().zip(&cases) {
            coverage.see(&outcomes.codes, &case.config);
        }
        let failed: Vec<&Outcomes> = cases.iter().filter(|case| !case.wrong.is_empty()).collect();
        let new = if update { updated(&text, &failed)? } else { None };
        if let Some(new) = &new {
            std::fs::write(&path, new).with_context(|| format!("failed to write `{}`", path.display()))?;
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        files.push(FileReport { file: name, path, cases, updated: new.is_some() });
    }
    Ok(Report { policy: policy.name.clone(), version: policy.version.clone(), files, coverage })
}
