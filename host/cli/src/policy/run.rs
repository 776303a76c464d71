//! `rhumb policy run`: asks one component one question.

use std::io::Read as _;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use rhumb_core::chain::chain;
use rhumb_core::id::{PolicyName, Tag, Timestamp};
use rhumb_core::judge::{
    Answer, Ask, Change, Chart, Container, Context, Decision, Failure, Kind, Metadata, Move, Outcome, Question, Verdict,
};
use rhumb_core::manifest;
use rhumb_core::objects::Declared;
use rhumb_core::policies::laid;
use rhumb_policy::cases::{column, known, offers};
use rhumb_policy::{Library, Loaded, Record, Sandbox};
use serde::Deserialize;
use serde_json::Value;

use super::{Printed, sandbox};
use crate::print::Output;
use crate::table::Table;

/// Most bytes of input.
const INPUT_BYTES: u64 = 32 << 20;

/// Options of `rhumb policy run`.
#[derive(Args, Clone, Debug)]
pub struct Arguments {
    /// Component; or a file (`.yaml`) with one Policy or ClusterPolicy, which is asked as that says
    component: PathBuf,
    /// Input: for a filter tags, separated by white space, `TAG`, `TAG@RFC3339` with its build time, or `TAG@-` without
    /// one, and `^RFC3339` with when it was seen first; for the others JSON with `moves` and `evidence`, or with `values`, `chart` and `evidence`; `-` is standard
    /// input
    #[arg(default_value = "-")]
    input: PathBuf,
    /// Root of the repository, for a Policy whose source is a path
    #[arg(long, value_name = "DIR", default_value = ".")]
    repository: PathBuf,
    /// Config as JSON; laid over that of a Policy, key by key
    #[arg(long, short, value_name = "JSON", default_value = "{}")]
    config: String,
    /// Tag that is in use now
    #[arg(long, value_name = "TAG")]
    current: Option<String>,
    /// Environment of the release
    #[arg(long, value_name = "NAME")]
    environment: Option<String>,
    /// Time of the decision in RFC 3339
    #[arg(long, value_name = "TIME", default_value = "2026-01-02T00:00:00Z")]
    now: String,
    /// File for the decision record, which `rhumb policy replay` reads
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

/// JSON input of the kinds that are no filters.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    #[serde(default)]
    moves: Vec<Move>,
    #[serde(default)]
    values: Value,
    chart: Option<Chart>,
    #[serde(default)]
    evidence: Value,
}

/// Asks and prints the answer: exit code 1 when there was none.
pub fn run(arguments: &Arguments) -> Result<Printed> {
    let sandbox = sandbox()?;
    let (policy, config) = match arguments.component.extension().is_some_and(|end| end == "yaml" || end == "yml") {
        true => declared(&sandbox, arguments)?,
        false => (super::load(&sandbox, &arguments.component)?, arguments.config.clone()),
    };
    let arguments = &Arguments { config, ..arguments.clone() };
    if let Err(problems) = sandbox.check_config(&policy.digest, &arguments.config) {
        bail!("config of `{}`: {}", policy.name, Failure::BadConfig(problems));
    }
    let text = input(arguments)?;
    let (question, decision) = match policy.kind {
        Kind::ImageFilter => filter(arguments, &sandbox, &policy, &text)?,
        Kind::PromotionRule | Kind::ValueTransform => {
            let input: Input = serde_json::from_str(&text).context("failed to read the input as JSON")?;
            let evidence = if input.evidence.is_null() { "{}".to_owned() } else { input.evidence.to_string() };
            let chart = || Chart { name: "app".to_owned(), version: "0.1.0".to_owned(), app_version: None };
            let values = if input.values.is_null() { "{}".to_owned() } else { input.values.to_string() };
            let ask = match policy.kind {
                Kind::PromotionRule => Ask::Judge { moves: input.moves, evidence },
                _ => Ask::Transform { chart: input.chart.unwrap_or_else(chart), values, evidence },
            };
            let question = question(arguments, &policy, ask)?;
            let decision = sandbox.decide(&question);
            (question, decision)
        }
    };
    let record = Record::new(&question, &decision, sandbox.profile());
    if let Some(path) = &arguments.record {
        let written = std::fs::write(path, record.canonical());
        written.with_context(|| format!("failed to write `{}`", path.display()))?;
    }
    let text = match arguments.output {
        Output::Json => super::json(&decision)?,
        Output::Text => print(&question, &decision),
    };
    Ok(Printed { text, success: decision.answer.is_ok() })
}

/// The policy that an object in a file declares, with its settings and those of the command over them.
fn declared(sandbox: &Sandbox, arguments: &Arguments) -> Result<(Loaded, String)> {
    let path = &arguments.component;
    let file = manifest::File { path: path.display().to_string(), data: super::read(path)? };
    let manifests = manifest::load(&[file]);
    let mut found = manifests.objects.iter().filter_map(|object| Declared::of(&object.value));
    let (Some(declared), None) = (found.next(), found.next()) else {
        bail!("`{}` holds not exactly one Policy or ClusterPolicy", path.display());
    };
    let shipped = |name: &PolicyName| Library::open(&crate::policy_folder())?.read(name);
    let in_repository = |path: &str| {
        let listing = rhumb_io::files::read_tree(&arguments.repository, &|one| one == path);
        let listing = listing.map_err(|error| chain(&error))?;
        let file = listing.files.into_iter().next();
        file.map(|file| file.data)
            .ok_or_else(|| format!("there is no file `{path}` in the repository; see --repository"))
    };
    let loaded = crate::declared::load(sandbox, &declared, shipped, in_repository);
    let loaded = loaded.map_err(|trouble| anyhow::anyhow!("{}: {}", declared.id, trouble.words()))?;
    let own: Value = serde_json::from_str(&arguments.config).context("failed to read --config as JSON")?;
    Ok((loaded, laid(&declared.settings.config, &own).to_string()))
}

fn input(arguments: &Arguments) -> Result<String> {
    let mut text = String::new();
    if arguments.input.as_os_str() == "-" {
        let read = std::io::stdin().lock().take(INPUT_BYTES).read_to_string(&mut text);
        read.context("failed to read standard input")?;
        return Ok(text);
    }
    let bytes = super::read(&arguments.input)?;
    String::from_utf8(bytes).with_context(|| format!("`{}` is not UTF-8", arguments.input.display()))
}

/// Asks as the daemon does: the shortlist first when the policy wants metadata, then the choice.
fn filter(arguments: &Arguments, sandbox: &Sandbox, policy: &Loaded, text: &str) -> Result<(Question, Decision)> {
    let offers = offers(text).map_err(anyhow::Error::msg)?;
    let container = Container {
        name: "app".to_owned(),
        repository: "registry.example/app".to_owned(),
        current_tag: arguments.current.as_deref().map(Tag::from),
        current_digest: None,
        current_since: Timestamp(0),
    };
    let tags = Arc::new(column(&offers, true));
    let mut metadata = Metadata { complete: true, ..Metadata::default() };
    if policy.describe.wants.metadata() {
        let ask = Ask::Shortlist { container: container.clone(), tags: Arc::clone(&tags) };
        let question = question(arguments, policy, ask)?;
        let decision = sandbox.decide(&question);
        match &decision.answer {
            Ok(Answer::Shortlist(indices)) => metadata = known(&offers, indices),
            _ => return Ok((question, decision)),
        }
    }
    let question = question(arguments, policy, Ask::Select { container, tags, metadata })?;
    let decision = sandbox.decide(&question);
    Ok((question, decision))
}

fn question(arguments: &Arguments, policy: &Loaded, ask: Ask) -> Result<Question> {
    let now = Timestamp::parse(&arguments.now);
    let now = now.with_context(|| format!("expected a time such as 2026-01-02T00:00:00Z, got `{}`", arguments.now))?;
    Ok(Question {
        policy: PolicyName::new(&policy.name),
        component: policy.digest.clone(),
        config: arguments.config.clone(),
        context: Context {
            name: "app".to_owned(),
            namespace: "default".to_owned(),
            kind: "HelmRelease".to_owned(),
            environment: arguments.environment.clone(),
            labels: Vec::new(),
            annotations: Vec::new(),
            now,
            seed: 0,
        },
        ask,
    })
}

/// The answer with its reasons.
pub(super) fn print(question: &Question, decision: &Decision) -> String {
    let tag = |index: u32| match &question.ask {
        Ask::Select { tags, .. } | Ask::Shortlist { tags, .. } => tags.get(index).unwrap_or_default().to_owned(),
        _ => index.to_string(),
    };
    let mut table;
    let (outcome, reason) = match &decision.answer {
        Err(failure) => return format!("no decision ({}): {failure}\nfuel  {}\n", failure.code(), decision.fuel),
        Ok(Answer::Shortlist(indices)) => {
            let names: Vec<String> = indices.iter().map(|index| tag(*index)).collect();
            return format!("{}\nfuel  {}\n", names.join("\n"), decision.fuel);
        }
        Ok(Answer::Selection(found)) => {
            table = Table::new(&["TAG", "REASON", "MESSAGE"]);
            for one in &found.considered {
                table.row([tag(one.index), one.reason.code.clone(), one.reason.message.clone()]);
            }
            let outcome = match found.outcome {
                Outcome::Pick(index) => format!("pick {}", tag(index)),
                Outcome::KeepCurrent => "keep the current image".to_owned(),
                Outcome::None => "none".to_owned(),
                Outcome::HoldUntil(time) => format!("hold until {time}"),
            };
            (outcome, Some(&found.reason))
        }
        Ok(Answer::Verdict(verdict)) => {
            table = Table::new(&[]);
            let (outcome, reason) = match verdict {
                Verdict::Allow(reason) => ("allow".to_owned(), reason),
                Verdict::Deny(reason) => ("deny".to_owned(), reason),
                Verdict::Observe(reason) => ("observe".to_owned(), reason),
                Verdict::Hold { until: Some(until), reason } => (format!("hold until {until}"), reason),
                Verdict::Hold { until: None, reason } => ("hold until the evidence changes".to_owned(), reason),
                Verdict::RequireApproval { quorum, reason, .. } => (format!("approval by {quorum}"), reason),
            };
            (outcome, Some(reason))
        }
        Ok(Answer::Transformation(found)) => {
            table = Table::new(&["PATH", "CHANGE", "REASON", "MESSAGE"]);
            for one in &found.operations {
                let change = match &one.change {
                    Change::Set(value) => format!("set {value}"),
                    Change::Remove => "remove".to_owned(),
                    Change::MoveFrom(from) => format!("move from {from}"),
                    Change::CopyFrom(from) => format!("copy from {from}"),
                };
                table.row([one.path.clone(), change, one.reason.code.clone(), one.reason.message.clone()]);
            }
            for warning in &found.warnings {
                table.row(["", "warning", &warning.code, &warning.message]);
            }
            (format!("{} operations", found.operations.len()), None)
        }
    };
    let reason = reason.map(|reason| format!("reason   {}: {}\n", reason.code, reason.message)).unwrap_or_default();
    let rows = if table.is_empty() { String::new() } else { format!("{}\n", table.print("")) };
    format!("{rows}outcome  {outcome}\n{reason}fuel     {}\n", decision.fuel)
}
