//! Results of cases as people and machines read them.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{FileReport, Report};
use crate::table::Table;

/// Tables, then what was wrong, what sweeps went through, and what the cases do not show.
pub(super) fn text(reports: &[Report], least: Option<u8>) -> String {
    let mut table = Table::new(&["POLICY", "FILE", "CASES", "FAILED", "MOST FUEL"]);
    let (mut notes, mut count, mut failed) = (String::new(), 0, 0);
    for report in reports {
        for file in &report.files {
            let bad = file.failed().count();
            let fuel = file.cases.iter().map(|case| case.fuel).max().unwrap_or_default();
            let cells = [&file.cases.len() as &dyn ToString, &bad, &fuel].map(|cell| cell.to_string());
            table.row([report.policy.clone(), file.file.clone()].into_iter().chain(cells));
            (count, failed) = (count + file.cases.len(), failed + bad);
            for case in file.failed() {
                notes += &format!("\n{} {}: {}\n", report.policy, file.file, case.name);
                notes.extend(case.wrong.iter().map(|text| format!("  {text}\n")));
            }
            for case in file.cases.iter().filter(|case| case.wrong.is_empty() && !case.changes.is_empty()) {
                notes += &format!("\n{} {}: {}\n", report.policy, file.file, case.name);
                notes.extend(case.changes.iter().map(|change| format!("  {change}\n")));
            }
            if file.updated {
                notes += &format!("\n`{}` now expects what came\n", file.path.display());
            }
        }
    }
    for report in reports {
        notes += &not_shown(report, least);
    }
    format!("{}{notes}\n{count} cases, {failed} failed\n", table.print(""))
}

/// What the cases of a policy leave open.
fn not_shown(report: &Report, least: Option<u8>) -> String {
    let (policy, coverage, mut notes) = (&report.policy, &report.coverage, String::new());
    let list = |names: &BTreeSet<String>| names.iter().cloned().collect::<Vec<_>>().join(", ");
    if !coverage.missing_codes.is_empty() {
        let (percent, missing) = (coverage.percent().floor(), list(&coverage.missing_codes));
        notes += &format!("\n{policy}: the cases show {percent:.0} % of the reason codes, not {missing}\n");
    }
    if !coverage.missing_settings.is_empty() {
        notes += &format!("\n{policy}: no case has the settings {}\n", list(&coverage.missing_settings));
    }
    if let Some(least) = least.filter(|least| coverage.percent() < f64::from(*least)) {
        notes += &format!("{policy}: that is less than the {least} % wanted\n");
    }
    match &report.fuel {
        Some(fuel) if fuel.other_engine => {
            notes += &format!(
                "\n{policy}: fuel.lock is of another engine and was not compared; `rhumb policy lock` renews it\n"
            );
        }
        Some(fuel) if fuel.unknown > 0 => {
            notes +=
                &format!("\n{policy}: {} cases are not in fuel.lock; `rhumb policy lock` adds them\n", fuel.unknown);
        }
        _ => {}
    }
    notes
}

/// One suite for each file.
pub(super) fn junit(reports: &[Report]) -> String {
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    for (report, file) in each(reports) {
        let suite = format!("{} {}", report.policy, file.file);
        text += &format!(
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\">\n",
            escaped(&suite),
            file.cases.len(),
            file.failed().count()
        );
        for case in &file.cases {
            let (class, name) = (escaped(&report.policy), escaped(&case.name));
            let head = format!("    <testcase classname=\"{class}\" name=\"{name}\" file=\"{}\"", escaped(&path(file)));
            text += &match case.wrong.first() {
                None => format!("{head}/>\n"),
                Some(first) => format!(
                    "{head}>\n      <failure message=\"{}\">{}</failure>\n    </testcase>\n",
                    escaped(first),
                    escaped(&case.wrong.join("\n"))
                ),
            };
        }
        text += "  </testsuite>\n";
    }
    text + "</testsuites>\n"
}

/// One line for each case.
pub(super) fn tap(reports: &[Report]) -> String {
    let count: usize = each(reports).map(|(_, file)| file.cases.len()).sum();
    let mut text = format!("TAP version 14\n1..{count}\n");
    let mut number = 0;
    for (report, file) in each(reports) {
        for case in &file.cases {
            number += 1;
            let passed = case.wrong.is_empty();
            // A `#` would begin a directive.
            let name = format!("{} {}: {}", report.policy, file.file, case.name).replace('#', "\\#");
            text += &format!("{}ok {number} - {name}\n", if passed { "" } else { "not " });
            if !passed {
                text += &format!("  ---\n  message: {}\n  ...\n", Value::from(case.wrong.join("; ")));
            }
        }
    }
    text
}

/// SARIF 2.1.0: one result for each failed case.
pub(super) fn sarif(reports: &[Report]) -> Value {
    let results: Vec<Value> = each(reports)
        .flat_map(|(report, file)| {
            file.failed().map(move |case| {
                json!({
                    "ruleId": "case-failed",
                    "level": "error",
                    "message": {"text": format!("{}: {}: {}", report.policy, case.name, case.wrong.join("; "))},
                    "locations": [{
                        "physicalLocation": {"artifactLocation": {"uri": path(file)}},
                        "logicalLocations": [{"fullyQualifiedName": case.place}],
                    }],
                })
            })
        })
        .collect();
    let rule =
        json!({"id": "case-failed", "shortDescription": {"text": "A policy answered what its case does not expect"}});
    let driver = json!({"name": "rhumb policy test", "version": env!("CARGO_PKG_VERSION"), "rules": [rule]});
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": results}],
    })
}

fn each(reports: &[Report]) -> impl Iterator<Item = (&Report, &FileReport)> {
    reports.iter().flat_map(|report| report.files.iter().map(move |file| (report, file)))
}

fn path(file: &FileReport) -> String {
    file.path.to_string_lossy().replace('\\', "/")
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    // XML 1.0 has no other control characters, not even escaped.
    text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect()
}
