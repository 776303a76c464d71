//! A table for people and JSON for programs.

use std::path::Path;

use serde_json::{Value, json};

use crate::compare::Outcome;

/// One case and how it ended.
pub(crate) struct Row {
    pub(crate) chart: String,
    pub(crate) case: String,
    pub(crate) outcome: Outcome,
}

/// Says at once what differs.
pub(crate) fn progress(row: &Row) {
    if !row.outcome.agrees() {
        eprintln!("{}", line(row));
    }
}

fn line(row: &Row) -> String {
    let title = format!("{} [{}]", row.chart, row.case);
    match &row.outcome {
        Outcome::Same { documents } => format!("identical  {title}: {documents} documents"),
        Outcome::BothRefuse { .. } => format!("refused    {title}"),
        Outcome::Unstable { message } => format!("unstable   {title}: {}", first_line(message)),
        Outcome::Differs { document, helm, ours, equal, of } => {
            format!("differs    {title}: {equal} of {of} equal; {document}\n    helm  {helm}\n    ours  {ours}")
        }
        Outcome::WeRefuse { ours } => format!("we refuse  {title}\n    ours  {}", first_line(ours)),
        Outcome::HelmRefuses { helm } => format!("helm refuses {title}\n    helm  {}", first_line(helm)),
    }
}

fn first_line(text: &str) -> &str {
    text.lines().find(|line| line.starts_with("Error")).or(text.lines().next()).unwrap_or_default()
}

/// Prints the table of charts, what differs in each, and the total.
pub(crate) fn print(rows: &[Row]) {
    let mut charts: Vec<&str> = rows.iter().map(|row| row.chart.as_str()).collect();
    charts.dedup();
    let width = charts.iter().map(|chart| chart.len()).max().unwrap_or(0).max(5);
    println!("{:width$}  {:>9}  {:>9}  {:>7}", "CHART", "IDENTICAL", "DIFFERING", "REFUSED");
    for chart in &charts {
        let of_chart: Vec<&Row> = rows.iter().filter(|row| row.chart == *chart).collect();
        let (same, differing, refused) = counts(&of_chart);
        println!("{chart:width$}  {same:>9}  {differing:>9}  {refused:>7}");
    }
    let all: Vec<&Row> = rows.iter().collect();
    let (same, differing, refused) = counts(&all);
    println!(
        "\n{} charts, {} cases: {same} identical, {differing} differing, {refused} refused by both",
        charts.len(),
        rows.len()
    );
    for row in rows.iter().filter(|row| !row.outcome.agrees()) {
        println!("\n{}", line(row));
    }
}

fn counts(rows: &[&Row]) -> (usize, usize, usize) {
    let count = |fits: fn(&Outcome) -> bool| rows.iter().filter(|row| fits(&row.outcome)).count();
    let refused = count(|outcome| matches!(outcome, Outcome::BothRefuse { .. }));
    let agreed = count(Outcome::agrees);
    (agreed - refused, rows.len() - agreed, refused)
}

/// Writes all rows.
pub(crate) fn write(rows: &[Row], path: &Path) -> Result<(), String> {
    let rows: Vec<Value> = rows.iter().map(json).collect();
    let text = serde_json::to_string_pretty(&rows).map_err(|error| error.to_string())?;
    std::fs::write(path, text + "\n").map_err(|error| format!("failed to write `{}`: {error}", path.display()))
}

fn json(row: &Row) -> Value {
    let outcome = match &row.outcome {
        Outcome::Same { documents } => json!({"outcome": "identical", "documents": documents}),
        Outcome::BothRefuse { ours, helm } => json!({"outcome": "both refuse", "ours": ours, "helm": helm}),
        Outcome::Unstable { message } => json!({"outcome": "unstable", "helm": message}),
        Outcome::WeRefuse { ours } => json!({"outcome": "we refuse", "ours": ours}),
        Outcome::HelmRefuses { helm } => json!({"outcome": "helm refuses", "helm": helm}),
        Outcome::Differs { document, helm, ours, equal, of } => json!({
            "outcome": "differs", "document": document, "helm": helm, "ours": ours, "equal": equal, "of": of,
        }),
    };
    let mut all = json!({"chart": row.chart, "case": row.case});
    if let (Some(all), Value::Object(outcome)) = (all.as_object_mut(), outcome) {
        all.extend(outcome);
    }
    all
}
