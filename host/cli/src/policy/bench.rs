//! `rhumb policy bench`: fuel, memory and time of a decision by the size of its question.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use clap::Args;
use rhumb_core::judge::Kind;
use rhumb_policy::cases::{Case, Expect, File, InSandbox, Offer, Subject as _};
use rhumb_policy::{Loaded, Sandbox};
use serde::Serialize;
use serde_json::Value;

use super::{Printed, check::renumbered, components::each, suite};
use crate::print::Output;
use crate::table::Table;

/// Sizes of the questions.
const SIZES: [usize; 4] = [10, 100, 1000, 10_000];
/// Most time for the runs of one size.
const PATIENCE: Duration = Duration::from_secs(3);
/// Growth that is more than linear, whatever small things are measured with it.
const STEEP: f64 = 1.3;

/// Options of `rhumb policy bench`.
#[derive(Args, Debug)]
#[command(
    after_help = "The question is the policy's own case that takes the most fuel, grown: tags of a filter, evidence \
                        of a rule, values of a transform. Fuel is the same on every machine, time is this one's."
)]
pub struct Arguments {
    /// Folder of a policy
    #[arg(default_value = ".")]
    folders: Vec<PathBuf>,
    /// Component to measure instead of building
    #[arg(long, value_name = "FILE")]
    component: Option<PathBuf>,
    /// Runs of each size
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = clap::value_parser!(u32).range(3..=100_000))]
    runs: u32,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    policy: String,
    version: String,
    /// What was grown.
    of: &'static str,
    /// The case that was grown.
    case: String,
    sizes: Vec<Row>,
    /// Exponent of fuel by size between the two largest questions.
    growth: Option<f64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    size: usize,
    /// Of the dearest call.
    fuel: u64,
    /// Most linear memory at one time.
    memory_bytes: Option<u64>,
    /// Of the whole decision, with the check of the config.
    micros: Spread,
    /// Why there was no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
}

/// Times of some runs.
#[derive(Serialize)]
struct Spread {
    p10: u64,
    median: u64,
    p90: u64,
}

/// Measures the policies.
pub fn run(arguments: &Arguments) -> Result<Printed> {
    let reports = each((&arguments.folders, arguments.component.as_deref()), |sandbox, policy, folder| {
        report(sandbox, policy, folder, arguments.runs)
    })?;
    let text = match arguments.output {
        Output::Json => super::json(&reports)?,
        Output::Text => reports.iter().map(text).collect::<Vec<_>>().join("\n"),
    };
    let success = reports.iter().flat_map(|report| &report.sizes).all(|row| row.failure.is_none());
    Ok(Printed { text, success })
}

fn report(sandbox: &Sandbox, policy: &Loaded, folder: &Path, runs: u32) -> Result<Report> {
    let subject = InSandbox::new(sandbox, policy);
    let cases = suite::files(folder)?.into_iter().flat_map(|suite| suite.file.cases);
    let asked = cases.map(|mut case| {
        (case.sweep, case.expect) = (None, Expect::default());
        let answer = subject.ask(&case, case.now.0);
        (answer.failure.is_none() && answer.problems.is_empty(), answer.fuel, case)
    });
    let dearest = asked.max_by_key(|(answers, fuel, _)| (*answers, *fuel)).map(|(_, _, case)| case);
    let case = dearest.with_context(|| format!("`{}` has no case to begin with", folder.display()))?;
    let sizes: Vec<Row> =
        SIZES.iter().map(|size| row(&subject, &grown(&case, policy.kind, *size), (*size, runs))).collect();
    Ok(Report {
        policy: policy.name.clone(),
        version: policy.version.clone(),
        of: match policy.kind {
            Kind::ImageFilter => "tags",
            Kind::PromotionRule => "evidence",
            Kind::ValueTransform => "values",
        },
        case: case.name,
        growth: growth(&sizes),
        sizes,
    })
}

fn row(subject: &InSandbox<'_>, case: &Case, (size, runs): (usize, u32)) -> Row {
    let (mut times, start) = (Vec::new(), Instant::now());
    let mut answer = subject.ask(case, case.now.0);
    for _ in 0..runs {
        let before = Instant::now();
        answer = subject.ask(case, case.now.0);
        times.push(u64::try_from(before.elapsed().as_micros()).unwrap_or(u64::MAX));
        if start.elapsed() > PATIENCE && times.len() >= 3 {
            break;
        }
    }
    times.sort_unstable();
    let at = |percent: usize| times.get((times.len() - 1) * percent / 100).copied().unwrap_or_default();
    let micros = Spread { p10: at(10), median: at(50), p90: at(90) };
    let memory_bytes = subject.memory();
    Row { size, fuel: answer.fuel, memory_bytes, micros, failure: answer.failure.map(|(_, words)| words) }
}

/// The same question with as many of what it is about.
fn grown(case: &Case, kind: Kind, size: usize) -> Case {
    let mut grown = case.clone();
    match kind {
        Kind::ImageFilter => grown.offers = tags(&case.offers, size),
        Kind::PromotionRule => repeat_lists(&mut grown.evidence, size),
        Kind::ValueTransform => {
            repeat_lists(&mut grown.values, size);
            if let Value::Object(map) = &mut grown.values {
                let like = map.values().next().cloned().unwrap_or(Value::from(1));
                let more = size.saturating_sub(map.len());
                map.extend((0..more).map(|number| (format!("key-{number}"), like.clone())));
            }
        }
    }
    grown
}

/// Tags like these, each once, with other numbers in them.
fn tags(like: &[Offer], size: usize) -> Vec<Offer> {
    let default = File::parse("cases: [{name: a, tags: 1.0.0}]").map(|file| file.cases);
    let default = default.ok().and_then(|mut cases| cases.pop()).map(|case| case.offers).unwrap_or_default();
    let like = if like.is_empty() { &default } else { like };
    let mut offers: Vec<Offer> = Vec::with_capacity(size);
    let mut names = std::collections::HashSet::new();
    for (number, offer) in like.iter().cycle().enumerate().take(size.saturating_mul(like.len().max(1) + 1)) {
        if offers.len() == size {
            break;
        }
        let name = renumbered(&offer.name, number);
        if names.insert(name.clone()) {
            offers.push(Offer { name, ..offer.clone() });
        }
    }
    offers
}

/// Makes each list in there so long, out of the items that it has.
fn repeat_lists(value: &mut Value, size: usize) {
    match value {
        Value::Array(items) if !items.is_empty() => {
            *items = items.iter().cycle().take(size.max(items.len())).cloned().collect();
        }
        Value::Object(map) => map.values_mut().for_each(|value| repeat_lists(value, size)),
        _ => {}
    }
}

/// The exponent between the two largest questions that were answered.
#[allow(clippy::cast_precision_loss, reason = "nobody has 2^52 fuel")]
fn growth(rows: &[Row]) -> Option<f64> {
    let mut answered = rows.iter().rev().filter(|row| row.failure.is_none() && row.fuel > 0);
    let (large, small) = (answered.next()?, answered.next()?);
    let by = |one: f64, other: f64| (one / other).log10();
    let exponent = by(large.fuel as f64, small.fuel as f64) / by(large.size as f64, small.size as f64);
    Some((exponent * 100.0).round() / 100.0)
}

fn text(report: &Report) -> String {
    let mut table = Table::new(&[&report.of.to_uppercase(), "FUEL", "EACH", "MEMORY", "MEDIAN", "P10", "P90"]);
    let mut notes = String::new();
    for row in &report.sizes {
        let memory = row.memory_bytes.map_or_else(|| "-".to_owned(), |bytes| format!("{} KiB", bytes >> 10));
        let time =
            |micros: u64| if micros < 10_000 { format!("{micros} µs") } else { format!("{} ms", micros / 1000) };
        let Spread { p10, median, p90 } = row.micros;
        let each = row.fuel / row.size as u64;
        table.row([
            row.size.to_string(),
            row.fuel.to_string(),
            each.to_string(),
            memory,
            time(median),
            time(p10),
            time(p90),
        ]);
        if let Some(failure) = &row.failure {
            notes += &format!("{} {}: no answer: {failure}\n", row.size, report.of);
        }
    }
    if let Some(growth) = report.growth {
        let steep = if growth > STEEP { ", which is steep: look for a loop in a loop" } else { "" };
        notes += &format!("fuel grows with the number to the power of {growth:.2}{steep}\n");
    }
    format!("{} {}, by `{}`\n\n{}\n{notes}", report.policy, report.version, report.case, table.print(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_as_many_as_wanted_and_each_there_once() {
        let like = rhumb_policy::cases::offers("dev-a1 stg-b 1.2.3").unwrap();
        let offers = tags(&like, 1000);
        let names: std::collections::BTreeSet<&str> = offers.iter().map(|offer| offer.name.as_str()).collect();
        assert_eq!((offers.len(), names.len()), (1000, 1000));
        assert_eq!(tags(&[], 10).len(), 10);
        // Two that differ in their numbers alone become one.
        let like = rhumb_policy::cases::offers("v1 v2").unwrap();
        assert_eq!(tags(&like, 100).len(), 100);
    }

    #[test]
    fn a_square_has_the_exponent_two() {
        let micros = || Spread { p10: 0, median: 0, p90: 0 };
        let row = |size, fuel| Row { size, fuel, memory_bytes: None, micros: micros(), failure: None };
        assert_eq!(growth(&[row(10, 3), row(100, 100), row(1000, 10_000)]), Some(2.0));
        assert_eq!(growth(&[row(10, 3)]), None);
    }
}
