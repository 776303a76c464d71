//! The daemon's reports as tables. The demo and the operator's commands print the same.

use rhumb_daemon::report::{Decision, Explanation, History, Image, Release, Released, Sync};

use crate::table::Table;

/// `rhumb list`: release, chart, image, revision, status.
pub fn releases(releases: &[Release]) -> String {
    let mut table = Table::new(&["NAMESPACE", "NAME", "CHART", "IMAGE", "REVISION", "STATUS"]);
    for release in releases {
        table.row([
            release.namespace.clone(),
            release.name.clone(),
            or_dash(&release.chart),
            or_dash(&release.images.join(", ")),
            release.revision.to_string(),
            release.status.clone(),
        ]);
    }
    table.print("")
}

/// `rhumb history`, with the columns of `helm history`.
pub fn history(history: &[History]) -> String {
    let mut table = Table::new(&["REVISION", "UPDATED", "STATUS", "CHART", "APP VERSION", "DESCRIPTION"]);
    for record in history {
        table.row([
            record.revision.to_string(),
            ansi_c(&record.updated),
            record.status.clone(),
            record.chart.clone(),
            record.app_version.clone(),
            record.description.clone(),
        ]);
    }
    table.print("")
}

/// `rhumb images`: each container with its filter and what was decided.
pub fn images(images: &[Image]) -> String {
    let mut table = Table::new(&["OBJECT", "CONTAINER", "IMAGE", "FILTER", "DECISION", "REASON"]);
    for image in images {
        table.row([
            image.object.clone(),
            image.container.clone(),
            or_dash(&image.image),
            image.filter.clone(),
            decision(image),
            image.reason.clone(),
        ]);
    }
    table.print("")
}

/// The tags that a filter looked at.
pub fn candidates(image: &Image) -> String {
    let mut table = Table::new(&["TAG", "CODE", "REASON"]);
    for candidate in &image.considered {
        table.row([&candidate.tag, &candidate.code, &candidate.message]);
    }
    if table.is_empty() { String::new() } else { table.print("  ") }
}

/// `rhumb explain`: everything about one release.
pub fn explanation(explanation: &Explanation) -> String {
    let mut text = String::new();
    if let Some(release) = &explanation.release {
        text.push_str(&format!("{}/{}\n", release.namespace, release.name));
        text.push_str(&format!("  release   {} in {}\n", release.release, release.target_namespace));
        text.push_str(&format!("  chart     {}\n", or_dash(&release.chart)));
        text.push_str(&format!("  status    {} (revision {})\n", release.status, release.revision));
        text.push_str(&format!("  message   {}\n", or_dash(&release.message)));
    }
    for image in &explanation.images {
        text.push_str(&format!("\n{} {}  ({}:{})\n", image.container, image.image, image.file, image.line));
        text.push_str(&format!("  filter    {}\n", image.filter));
        text.push_str(&format!("  decision  {}: {} [{}]\n", decision(image), image.reason, image.code));
        text.push_str(&format!("  fuel      {}\n", image.fuel));
        let candidates = candidates(image);
        if !candidates.is_empty() {
            text.push_str(&candidates);
        }
    }
    for step in &explanation.transforms {
        text.push_str(&format!("\nvalue transform {}\n", step.policy));
        for line in step.operations.iter().chain(&step.warnings) {
            text.push_str(&format!("  {line}\n"));
        }
    }
    if !explanation.decisions.is_empty() {
        text.push_str(&format!("\n{}", decisions(&explanation.decisions)));
    }
    text
}

/// `rhumb sync`: the commit, and what of it could not be applied.
pub fn synced(sync: &Sync) -> String {
    let mut text = format!("{}\n", sync.revision);
    for problem in &sync.problems {
        text.push_str(&format!("  {problem}\n"));
    }
    text
}

/// `rhumb release`: what moved.
pub fn released(released: &Released) -> String {
    let mut table = Table::new(&["OBJECT", "CONTAINER", "FROM", "TO"]);
    for moved in &released.moved {
        table.row([&moved.object, &moved.container, &moved.from, &moved.to]);
    }
    if table.is_empty() { String::new() } else { table.print("") }
}

/// The recorded decisions about a release.
pub fn decisions(decisions: &[Decision]) -> String {
    let mut table = Table::new(&["AT", "POLICY", "ASKED", "OUTCOME", "FUEL", "RECORD"]);
    for decision in decisions {
        table.row([
            decision.at.clone(),
            decision.policy.clone(),
            decision.asked.clone(),
            decision.outcome.clone(),
            decision.fuel.to_string(),
            decision.record.clone(),
        ]);
    }
    table.print("")
}

/// A time as `helm history` prints it (Go's `time.ANSIC`), such as `Mon Nov 23 13:30:00 2026`.
fn ansi_c(time: &str) -> String {
    let parsed: Result<jiff::Timestamp, _> = time.parse();
    parsed.map_or_else(|_| time.to_owned(), |time| time.strftime("%a %b %e %H:%M:%S %Y").to_string())
}

fn decision(image: &Image) -> String {
    image.update.as_ref().map_or_else(|| "keep".to_owned(), |tag| format!("update to {tag}"))
}

fn or_dash(text: &str) -> String {
    if text.is_empty() { "-".to_owned() } else { text.to_owned() }
}
