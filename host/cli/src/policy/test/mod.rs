//! `rhumb policy test`: runs a policy's case files in the sandbox.

mod coverage;
mod formats;
mod recorded;
mod watch;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};
use rhumb_policy::cases::{self, Outcomes, updated};
use rhumb_policy::{Loaded, Sandbox};
use serde::Serialize;

use super::lock::{Compared, FuelLock};
use super::{Printed, components::each, suite};
use coverage::Coverage;

/// Options of `rhumb policy test`.
#[derive(Args, Debug)]
#[command(
    after_help = "Exit codes: 0 when every case is as expected, 1 when one is not, takes too much fuel, or too few \
                        reason codes are shown, 2 when a policy cannot be built or a file cannot be read."
)]
pub struct Arguments {
    /// Folder of a policy, whose `cases/*.yaml` and `cases/*.json` are run
    #[arg(default_value = ".")]
    folders: Vec<PathBuf>,
    /// Component to test instead of building
    #[arg(long, value_name = "FILE")]
    component: Option<PathBuf>,
    /// Write what came into the files, as what is expected from now on
    #[arg(long)]
    update: bool,
    /// Decision record of which a case is made first, in `cases/records.yaml`
    #[arg(long, value_name = "RECORD")]
    from: Vec<PathBuf>,
    /// Fail when the cases show fewer of the declared reason codes than this
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    min_coverage: Option<u8>,
    /// Run again whenever a file of the folders changes
    #[arg(long, conflicts_with_all = ["update", "from"])]
    watch: bool,
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
    /// Absent without a `fuel.lock`.
    #[serde(skip_serializing_if = "Option::is_none")]
    fuel: Option<Compared>,
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
        self.cases.iter().filter(|case| !case.wrong.is_empty())
    }
}

/// Builds the policies, runs their cases and says which failed.
pub fn run(arguments: &Arguments) -> Result<Printed> {
    if !arguments.from.is_empty() {
        match arguments.folders.as_slice() {
            [folder] => recorded::write(folder, &arguments.from)?,
            _ => bail!("`--from` makes cases for one policy; name one folder"),
        }
    }
    if arguments.watch {
        watch::forever(&arguments.folders, || once(arguments));
    }
    once(arguments)
}

fn once(arguments: &Arguments) -> Result<Printed> {
    let reports = each((&arguments.folders, arguments.component.as_deref()), |sandbox, policy, folder| {
        report(sandbox, policy, folder, arguments.update)
    })?;
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

fn report(sandbox: &Sandbox, policy: &Loaded, folder: &Path, update: bool) -> Result<Report> {
    let (mut files, mut coverage) = (Vec::new(), Coverage::of(&policy.describe));
    let lock = FuelLock::read(folder)?;
    let mut fuel = lock.as_ref().map(|_| Compared::default());
    for suite in suite::files(folder)? {
        let mut cases = cases::run(sandbox, policy, &suite.file);
        for (case, outcomes) in suite.file.cases.iter().zip(&cases) {
            coverage.see(&outcomes.codes, &case.config);
        }
        let failed: Vec<&Outcomes> = cases.iter().filter(|case| !case.wrong.is_empty()).collect();
        let new = if update { updated(&suite.text, &failed)? } else { None };
        if let Some(new) = &new {
            std::fs::write(&suite.path, new).with_context(|| format!("failed to write `{}`", suite.path.display()))?;
            // What was written into the file is expected now.
            cases.iter_mut().for_each(|case| case.wrong.clear());
        }
        let file = suite.name();
        if let (Some(lock), Some(compared)) = (&lock, &mut fuel) {
            lock.compare(sandbox.profile(), &file, &mut cases, compared);
        }
        files.push(FileReport { file, path: suite.path, cases, updated: new.is_some() });
    }
    Ok(Report { policy: policy.name.clone(), version: policy.version.clone(), files, coverage, fuel })
}
