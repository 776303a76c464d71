//! `rhumb policy test`: runs a policy's case files in the sandbox.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use rhumb_policy::cases::{self, Outcomes};
use rhumb_policy::{Loaded, Sandbox};
use serde::Serialize;

use super::{Printed, build, sandbox};
use crate::print::Output;
use crate::table::Table;

/// Options of `rhumb policy test`.
#[derive(Args, Debug)]
pub struct Arguments {
    /// Folder of a policy's crate, whose `cases/*.json` are run
    #[arg(required = true)]
    crates: Vec<PathBuf>,
    /// Component to test instead of building the crate
    #[arg(long, value_name = "FILE")]
    component: Option<PathBuf>,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

/// What one policy did.
#[derive(Serialize)]
struct Report {
    policy: String,
    version: String,
    files: Vec<FileReport>,
}

#[derive(Serialize)]
struct FileReport {
    file: String,
    cases: Vec<Outcomes>,
}

/// Builds the policies, runs their cases and says which failed: exit code 1 when any did.
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
        reports.push(Report {
            policy: policy.name.clone(),
            version: policy.version.clone(),
            files: files(&sandbox, &policy, crate_dir)?,
        });
    }
    let failed = reports.iter().flat_map(|report| &report.files).flat_map(|file| &file.cases);
    let failed = failed.filter(|case| !case.wrong.is_empty()).count();
    let text = match arguments.output {
        Output::Json => super::json(&reports)?,
        Output::Text => print(&reports, failed),
    };
    Ok(Printed { text, success: failed == 0 })
}

fn files(sandbox: &Sandbox, policy: &Loaded, crate_dir: &Path) -> Result<Vec<FileReport>> {
    let paths = cases::paths(&crate_dir.join("cases"))?;
    paths
        .into_iter()
        .map(|path| {
            let text = String::from_utf8_lossy(&super::read(&path)?).into_owned();
            let file = cases::File::parse(&text);
            let file = file.with_context(|| format!("failed to use `{}`", path.display()))?;
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            Ok(FileReport { file: name, cases: cases::run(sandbox, policy, &file) })
        })
        .collect()
}

fn print(reports: &[Report], failed: usize) -> String {
    let mut table = Table::new(&["POLICY", "FILE", "CASES", "FAILED", "MOST FUEL"]);
    let mut wrong = String::new();
    let mut count = 0;
    for report in reports {
        for file in &report.files {
            let bad: Vec<&Outcomes> = file.cases.iter().filter(|case| !case.wrong.is_empty()).collect();
            let fuel = file.cases.iter().map(|case| case.fuel).max().unwrap_or_default();
            let cells = [&file.cases.len() as &dyn ToString, &bad.len(), &fuel].map(|cell| cell.to_string());
            table.row([report.policy.clone(), file.file.clone()].into_iter().chain(cells));
            count += file.cases.len();
            for case in bad {
                wrong += &format!("\n{} {}: {}\n", report.policy, file.file, case.name);
                wrong.extend(case.wrong.iter().map(|text| format!("  {text}\n")));
            }
        }
    }
    format!("{}{wrong}\n{count} cases, {failed} failed\n", table.print(""))
}
