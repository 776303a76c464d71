//! `rhumb policy check`: properties that hold for every question, tried with made-up ones.

mod config;
mod inputs;
mod properties;
mod shrink;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::Args;
use rhumb_policy::cases::{Answered, Case, File, InSandbox, Subject as _, case};
use rhumb_policy::{Loaded, Sandbox};
use serde::Serialize;
use serde_json::Value;

use super::{Printed, components::each, random::Random, suite};
use crate::print::Output;
use crate::table::Table;
use inputs::Inputs;
pub(super) use inputs::renumbered;
use properties::{Found, Property};

/// Most records that questions are made from.
const RECORDS: usize = 1000;

/// Options of `rhumb policy check`.
#[derive(Args, Debug)]
#[command(after_help = "Questions are made from the config's schema, from the policy's cases and from records of its \
                        decisions; the same seed makes the same ones. Exit codes: 0 when every property held, 1 when one did not, 2 when a policy cannot \
                        be built or a file cannot be read.")]
pub struct Arguments {
    /// Folder of a policy, whose cases are what questions are made from
    #[arg(default_value = ".")]
    folders: Vec<PathBuf>,
    /// Component to check instead of building
    #[arg(long, value_name = "FILE")]
    component: Option<PathBuf>,
    /// Make questions from decision records as well: a record, a file that `rhumb records` wrote (`*.jsonl`), or a folder
    #[arg(long, value_name = "PATH")]
    records: Vec<PathBuf>,
    /// Questions to make for each policy
    #[arg(long, value_name = "COUNT", default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    tries: u32,
    /// Where to begin making them
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

/// What was found out about one policy.
#[derive(Serialize)]
struct Report {
    policy: String,
    version: String,
    seed: u64,
    properties: Vec<Row>,
}

/// What was found out about one property.
#[derive(Serialize)]
struct Row {
    property: &'static str,
    says: &'static str,
    /// Questions to which it applied.
    tried: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    broken: Option<Broken>,
}

/// How a property was broken.
#[derive(Serialize)]
struct Broken {
    why: String,
    /// The smallest question that was found to break it, as an item of a case file.
    case: Value,
}

/// Makes up questions and says which properties did not hold.
pub fn run(arguments: &Arguments) -> Result<Printed> {
    let reports = each((&arguments.folders, arguments.component.as_deref()), |sandbox, policy, folder| {
        report(sandbox, policy, folder, arguments)
    })?;
    let success = reports.iter().flat_map(|report| &report.properties).all(|row| row.broken.is_none());
    let text = match arguments.output {
        Output::Json => super::json(&reports)?,
        Output::Text => text(&reports),
    };
    Ok(Printed { text, success })
}

fn report(sandbox: &Sandbox, policy: &Loaded, folder: &Path, arguments: &Arguments) -> Result<Report> {
    // A component alone has no cases, and its records are enough.
    let has_enough = !arguments.records.is_empty() && !folder.join("cases").exists();
    let files = if has_enough { Vec::new() } else { suite::files(folder)? };
    let cases = files.into_iter().flat_map(|suite| suite.file.cases);
    let mut bases: Vec<Case> = cases.filter(|case| case.expect.problems.is_none()).collect();
    bases.extend(recorded(policy, &arguments.records)?);
    let plain = File::from_value(serde_json::json!({"cases": [{"name": "made up"}]}));
    let plain = plain.context("failed to make a question")?.cases;
    let bases = if bases.is_empty() { plain } else { bases };
    let subject = InSandbox::new(sandbox, policy);
    let ask = |case: &Case| subject.ask(case, case.now.0);
    let mut inputs = Inputs::new(bases, &policy.describe.config, Random::new(arguments.seed));
    let mut rows: Vec<Row> = Property::of(policy.kind)
        .map(|property| Row { property: property.name(), says: property.says(), tried: 0, broken: None })
        .collect();
    for _ in 0..arguments.tries {
        let case = inputs.next(policy.kind);
        for (property, row) in Property::of(policy.kind).zip(&mut rows) {
            if row.broken.is_some() {
                continue;
            }
            match property.test(&case, &ask) {
                Found::NoMatter => {}
                Found::Holds => row.tried += 1,
                Found::Broken(_) => {
                    row.tried += 1;
                    row.broken = Some(smallest(property, &case, &ask));
                }
            }
        }
    }
    Ok(Report { policy: policy.name.clone(), version: policy.version.clone(), seed: arguments.seed, properties: rows })
}

/// What was asked of this policy, whichever version it had.
fn recorded(policy: &Loaded, records: &[PathBuf]) -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    for path in super::record_paths(records)? {
        super::each_record(&path, |record| {
            let is_of_it = record.component == policy.digest || record.policy.as_str() == policy.name;
            if is_of_it && record.question().ask.kind() == policy.kind && cases.len() < RECORDS {
                cases.push(case(&record).with_context(|| format!("failed to make a case of `{}`", path.display()))?);
            }
            Ok(())
        })?;
    }
    Ok(cases)
}

/// The smallest question that still breaks the property, with what the policy answers to it.
fn smallest(property: Property, case: &Case, ask: &dyn Fn(&Case) -> Answered) -> Broken {
    let mut case = shrink::shrunk(case, |case| matches!(property.test(case, ask), Found::Broken(_)));
    let why = match property.test(&case, ask) {
        Found::Broken(why) => why,
        // Only a policy whose answers differ from call to call comes here.
        Found::Holds | Found::NoMatter => "it is broken by some calls and not by others".to_owned(),
    };
    case.name = format!("breaks `{}`", property.name());
    Broken { why, case: case.written() }
}

fn text(reports: &[Report]) -> String {
    let mut table = Table::new(&["POLICY", "PROPERTY", "TRIED", "RESULT", "SAYS"]);
    let mut notes = String::new();
    for report in reports {
        for row in &report.properties {
            let result = match (&row.broken, row.tried) {
                (Some(_), _) => "broken",
                (None, 0) => "never applied",
                (None, _) => "held",
            };
            table.row([&report.policy, row.property, &row.tried.to_string(), result, row.says]);
            if let Some(Broken { why, case }) = &row.broken {
                notes += &format!("\n{}: {} is broken: {why}\n  - {case}\n", report.policy, row.property);
            }
        }
    }
    if !notes.is_empty() {
        let seed = reports.first().map(|report| report.seed).unwrap_or_default();
        notes += &format!("\nPut what stands behind the dash into a case file. The same questions: --seed {seed}\n");
    }
    format!("{}{notes}", table.print(""))
}
