//! `rhumb policy diff`: what another version of a policy would have decided.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use rhumb_core::judge::{Answer, Ask, Change, Decision, Failure, Question};
use rhumb_policy::cases::{Answered, answered};
use rhumb_policy::{Loaded, Record, Sandbox};
use serde::Serialize;

use super::Printed;
use crate::print::Output;
use crate::reach::Reach;
use crate::table::Table;

/// Options of `rhumb policy diff`.
#[derive(Args, Debug)]
#[command(
    after_help = "Exit codes: 0 when every decision would be the same, 1 when one would not, 2 when a component or a \
                        record cannot be read, or no record is of the policy."
)]
pub struct Arguments {
    /// Component that decided
    old: PathBuf,
    /// Component that may take its place
    new: PathBuf,
    /// Decision record, file of records that `rhumb records` wrote (`*.jsonl`), or folder of such files
    #[arg(long, value_name = "PATH", required_unless_present = "from_cluster")]
    records: Vec<PathBuf>,
    /// Take the records that the daemon remembers
    #[arg(long, conflicts_with = "records")]
    from_cluster: bool,
    #[command(flatten)]
    reach: Reach,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

/// What would change.
#[derive(Serialize)]
struct Report {
    policy: String,
    old: String,
    new: String,
    /// Recorded decisions that were made again.
    compared: usize,
    /// Those that would be another, by what they were and would be.
    changes: Vec<Group>,
}

#[derive(Serialize)]
struct Group {
    was: String,
    would: String,
    decisions: Vec<Changed>,
}

#[derive(Serialize)]
struct Changed {
    release: String,
    about: String,
    at: String,
    /// The new one's words.
    message: String,
}

/// Asks both versions what was asked before, and groups what differs.
pub async fn run(arguments: &Arguments) -> Result<Printed> {
    let sandbox = super::sandbox()?;
    let (old, new) = (super::load(&sandbox, &arguments.old)?, super::load(&sandbox, &arguments.new)?);
    if old.kind != new.kind {
        bail!("`{}` is of kind {}, `{}` of kind {}", old.name, old.kind.as_str(), new.name, new.kind.as_str());
    }
    let mut compared = Compared { sandbox: &sandbox, old: &old, new: &new, count: 0, groups: BTreeMap::new() };
    if arguments.from_cluster {
        let daemon = arguments.reach.find().await?;
        crate::records::each(&daemon, |record| {
            let record = Record::parse(&record.to_string()).context("failed to read a record of the daemon")?;
            compared.take(&record);
            Ok(())
        })
        .await?;
    }
    for path in super::record_paths(&arguments.records)? {
        super::each_record(&path, |record| {
            compared.take(&record);
            Ok(())
        })?;
    }
    let Compared { count: compared, groups, .. } = compared;
    if compared == 0 {
        bail!("no record is of `{}` ({})", old.name, old.digest);
    }
    let changes: Vec<Group> =
        groups.into_iter().map(|((was, would), decisions)| Group { was, would, decisions }).collect();
    let (old, new) = (version(&old), version(&new));
    let report = Report { policy: new.0, old: old.1, new: new.1, compared, changes };
    let text = match arguments.output {
        Output::Json => super::json(&report)?,
        Output::Text => text(&report),
    };
    Ok(Printed { text, success: report.changes.is_empty() })
}

/// Records asked again, and what came of those that differ.
struct Compared<'a> {
    sandbox: &'a Sandbox,
    old: &'a Loaded,
    new: &'a Loaded,
    count: usize,
    groups: BTreeMap<(String, String), Vec<Changed>>,
}

impl Compared<'_> {
    /// Asks both about a record, when it is of the policy.
    fn take(&mut self, record: &Record) {
        let is_old = record.component == self.old.digest;
        if !is_old && record.policy.as_str() != self.old.name {
            return;
        }
        self.count += 1;
        let question = record.question();
        let then = if is_old { record.decision() } else { ask(self.sandbox, self.old, record) };
        let now = ask(self.sandbox, self.new, record);
        if then.answer == now.answer {
            return;
        }
        let (was, would) = (words(&question, &then), words(&question, &now));
        let mut change = (short(&was), short(&would));
        if change.0 == change.1 && operations(&then) != operations(&now) {
            change.1 += " with other paths or values";
        }
        // Another message alone changes nothing.
        if change.0 != change.1 {
            self.groups.entry(change).or_default().push(changed(&question, would));
        }
    }
}

/// The recorded question to one component, whose config is checked as a daemon does before it asks.
fn ask(sandbox: &Sandbox, policy: &Loaded, record: &Record) -> Decision {
    if let Err(problems) = sandbox.check_config(&policy.digest, &record.config) {
        return Decision { answer: Err(Failure::BadConfig(problems)), fuel: 0 };
    }
    sandbox.decide(&Question { component: policy.digest.clone(), ..record.question() })
}

fn words(question: &Question, decision: &Decision) -> Answered {
    let name = |index: u32| match &question.ask {
        Ask::Shortlist { tags, .. } | Ask::Select { tags, .. } => tags.get(index).unwrap_or_default().to_owned(),
        Ask::Judge { .. } | Ask::Transform { .. } => index.to_string(),
    };
    answered(decision.answer.as_ref(), name)
}

/// Outcome and reason, without what is of one release alone.
fn short(answer: &Answered) -> String {
    if let Some((code, _)) = &answer.failure {
        return format!("no answer ({code})");
    }
    match (&answer.outcome, &answer.shortlist, &answer.operations) {
        (Some(outcome), ..) => {
            let word = outcome.split(' ').next().unwrap_or_default();
            let rest = outcome.strip_prefix(word).unwrap_or_default();
            // A time differs with each release; a tag or a quorum is what it is about.
            let rest = if word.starts_with("hold") { "" } else { rest };
            format!("{word}{rest} ({})", answer.code.as_deref().unwrap_or_default())
        }
        (None, Some(tags), _) => format!("shortlist of {}", tags.split_whitespace().count()),
        (None, None, Some(operations)) if operations.is_empty() => "no operations".to_owned(),
        (None, None, Some(operations)) => format!("operations ({})", operations.join(" ")),
        (None, None, None) => "nothing".to_owned(),
    }
}

/// What a transform does, without its reasons.
fn operations(decision: &Decision) -> Vec<(&str, &Change)> {
    match &decision.answer {
        Ok(Answer::Transformation(found)) => {
            found.operations.iter().map(|one| (one.path.as_str(), &one.change)).collect()
        }
        _ => Vec::new(),
    }
}

fn changed(question: &Question, would: Answered) -> Changed {
    let context = &question.context;
    let about = match &question.ask {
        Ask::Shortlist { container, .. } | Ask::Select { container, .. } => container.name.clone(),
        Ask::Judge { moves, .. } => {
            let moves = moves.iter().map(|one| {
                let from = one.from_version.as_deref().unwrap_or("nothing");
                format!("{} {from} → {}", one.subject, one.to_version)
            });
            moves.collect::<Vec<_>>().join(", ")
        }
        Ask::Transform { chart, .. } => format!("{} {}", chart.name, chart.version),
    };
    let message = would.failure.map_or(would.message, |(_, words)| words);
    Changed { release: format!("{}/{}", context.namespace, context.name), about, at: context.now.to_string(), message }
}

fn version(policy: &Loaded) -> (String, String) {
    (policy.name.clone(), format!("{} ({})", policy.version, policy.digest.short()))
}

fn text(report: &Report) -> String {
    let count: usize = report.changes.iter().map(|group| group.decisions.len()).sum();
    let mut text = format!(
        "{} {} → {}: {} recorded decisions, {count} would be another\n",
        report.policy, report.old, report.new, report.compared
    );
    for group in &report.changes {
        let mut table = Table::new(&["RELEASE", "ABOUT", "AT", "WOULD SAY"]);
        for one in &group.decisions {
            table.row([&one.release, &one.about, &one.at, &one.message]);
        }
        text += &format!("\n{} → {}: {}\n{}", group.was, group.would, group.decisions.len(), table.print("  "));
    }
    text
}
