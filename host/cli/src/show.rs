//! The daemon's reports as tables. The demo and the operator's commands print the same.

use rhumb_daemon::report::{Arrival, Decision, Explanation, Held, History, Image, Release, Released, Said, Sync};

use serde::Serialize;

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
        text.push_str(&format!("  why       {}\n", why(image, &explanation.arrivals)));
        text.push_str(&format!("  decision  {}: {} [{}]\n", decision(image), image.reason, image.code));
        text.push_str(&format!("  next      {}\n", next(image)));
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

/// Why a container is on the tag that it has.
fn why(image: &Image, arrivals: &[Arrival]) -> String {
    let tag = image.image.rsplit_once(':').map(|(_, tag)| tag);
    let arrival = arrivals.iter().find(|one| one.container == image.container && Some(one.tag.as_str()) == tag);
    let Some(arrival) = arrival else {
        return "git says so; no commit of Rhumb brought this tag".to_owned();
    };
    let commit = arrival.commit.get(..7).unwrap_or(&arrival.commit);
    let Said { policy, message, .. } = &arrival.picked;
    let mut text = format!("commit {commit} at {}: `{policy}` picked it: {message}", arrival.at);
    for Said { policy, message, .. } in &arrival.allowed {
        text.push_str(&format!("; `{policy}` let it go: {message}"));
    }
    text
}

/// What speaks against a tag, for one container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WhyNot {
    /// The container.
    pub container: String,
    /// The tag that was asked about.
    pub tag: String,
    /// Stable word.
    pub code: String,
    /// For people.
    pub reason: String,
}

/// Why no container is on this tag, or that it is.
pub fn why_not(explanation: &Explanation, tag: &str) -> Vec<WhyNot> {
    let answer = |image: &Image| {
        let considered = image.considered.iter().find(|candidate| candidate.tag == tag);
        let (code, reason) = match (&image.held, considered) {
            _ if image.image.ends_with(&format!(":{tag}")) => {
                ("current", format!("it is: {}", why(image, &explanation.arrivals)))
            }
            (Some(held), _) if held.to == tag => (image.code.as_str(), format!("{}; {}", image.reason, next(image))),
            _ if image.update.as_deref() == Some(tag) => ("update", next(image)),
            (_, Some(candidate)) => (candidate.code.as_str(), format!("`{}`: {}", image.filter, candidate.message)),
            (_, None) if image.considered.is_empty() => (image.code.as_str(), image.reason.clone()),
            (_, None) => {
                let filter = &image.filter;
                let text = format!(
                    "`{filter}` has it not among the tags that it looked at: it does not match, or is not there"
                );
                ("not-considered", text)
            }
        };
        WhyNot { container: image.container.clone(), tag: tag.to_owned(), code: code.to_owned(), reason }
    };
    explanation.images.iter().map(answer).collect()
}

/// `rhumb explain --tag`: an answer for each container.
pub fn answers(answers: &Vec<WhyNot>) -> String {
    let mut table = Table::new(&["CONTAINER", "TAG", "CODE", "REASON"]);
    for answer in answers {
        table.row([&answer.container, &answer.tag, &answer.code, &answer.reason]);
    }
    table.print("")
}

/// When a container will move, and on what that depends.
fn next(image: &Image) -> String {
    match (&image.held, &image.update) {
        (_, Some(_)) => "with the commit that is being pushed".to_owned(),
        (Some(Held { to, rule, until: Some(until), .. }), _) => {
            format!("{to} at {until} or when what `{rule}` looks at changes: it is asked again then")
        }
        (Some(Held { to, rule, verdict, .. }), _) if verdict == "require-approval" => {
            let release =
                image.object.split_once(":helmrelease/").map(|(namespace, name)| format!("{namespace}/{name}"));
            let release = release.unwrap_or_else(|| image.object.clone());
            format!("{to} when `{rule}` has its approvals: rhumb approve {release} {to}")
        }
        (Some(Held { to, rule, .. }), _) => format!("{to} when `{rule}` lets it go: it is asked at each change"),
        (None, None) => match image.code.as_str() {
            "not-automated" => "when somebody edits git: it is not automated".to_owned(),
            "locked" => "when it is unlocked".to_owned(),
            "ignored" => "never by Rhumb: it is ignored".to_owned(),
            _ => "when the registry has a tag that the filter prefers".to_owned(),
        },
    }
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
