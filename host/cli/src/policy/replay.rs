//! `rhumb policy replay`: makes recorded decisions again.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use rhumb_core::id::Digest;
use rhumb_policy::{Record, Replay, Sandbox, replay};
use serde::Serialize;
use serde_json::{Value, json};

use super::{Printed, sandbox};
use crate::print::Output;
use crate::table::Table;

/// Options of `rhumb policy replay`.
#[derive(Args, Debug)]
#[command(
    after_help = "Exit codes: 0 when every decision was made again with the same outcome and the same fuel, 1 when \
                        one was not, 2 when a record or a component cannot be read."
)]
pub struct Arguments {
    /// Decision record, or file of records that `rhumb records` wrote (`*.jsonl`)
    record: PathBuf,
    /// Component that decided, or a folder that holds it
    #[arg(long, short = 'c', value_name = "PATH")]
    component: Option<PathBuf>,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

/// Asks the question of each record again: exit code 1 when outcome or fuel differ.
pub fn run(arguments: &Arguments) -> Result<Printed> {
    let source = arguments.component.clone().unwrap_or_else(crate::policy_folder);
    let mut components = Components::of(&source)?;
    if super::is_list(&arguments.record) {
        return all(arguments, &mut components);
    }
    let record = super::record(&arguments.record)?;
    if !components.load(&record.component)? {
        bail!("`{}` does not hold the component {} of `{}`", source.display(), record.component, record.policy);
    }
    let replay = replay(&components.sandbox, &record);
    let text = match arguments.output {
        Output::Json => super::json(&json(&record, &replay))?,
        Output::Text => one(&record, &replay),
    };
    Ok(Printed { text, success: is_same(&replay) })
}

/// The components that may have decided, loaded when a record names them.
struct Components {
    sandbox: Sandbox,
    found: BTreeMap<Digest, PathBuf>,
    loaded: BTreeSet<Digest>,
}

impl Components {
    fn of(source: &Path) -> Result<Self> {
        let paths = match source.is_dir() {
            false => vec![source.to_owned()],
            true => {
                let entries =
                    std::fs::read_dir(source).with_context(|| format!("failed to read `{}`", source.display()))?;
                let paths = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
                paths.filter(|path| path.extension().is_some_and(|extension| extension == "wasm")).collect()
            }
        };
        let found = paths.into_iter().map(|path| Ok((Digest::of(super::read(&path)?), path)));
        Ok(Self { sandbox: sandbox()?, found: found.collect::<Result<_>>()?, loaded: BTreeSet::new() })
    }

    /// Whether it is there.
    fn load(&mut self, component: &Digest) -> Result<bool> {
        // Once for all records of it: loading looks at the whole component.
        if !self.loaded.contains(component) {
            let Some(path) = self.found.get(component) else { return Ok(false) };
            super::load(&self.sandbox, path)?;
            self.loaded.insert(component.clone());
        }
        Ok(true)
    }
}

fn is_same(replay: &Replay) -> bool {
    replay.same_outcome && replay.same_fuel
}

fn json(record: &Record, replay: &Replay) -> Value {
    json!({
        "record": record.digest(), "sameOutcome": replay.same_outcome, "sameFuel": replay.same_fuel,
        "sameEngine": replay.same_engine, "then": record.decision(), "now": replay.now,
    })
}

fn same(same: bool) -> &'static str {
    if same { "same" } else { "DIFFERENT" }
}

fn one(record: &Record, replay: &Replay) -> String {
    let engine = match replay.same_engine {
        true => String::new(),
        false => format!("engine   another profile than that of the record ({})\n", record.engine.engine),
    };
    format!(
        "record   {}\npolicy   {} {}\n\n{}\noutcome  {}\nfuel     {} ({} then, {} now)\n{engine}",
        record.digest(),
        record.policy,
        record.component.short(),
        super::run::print(&record.question(), &replay.now),
        same(replay.same_outcome),
        same(replay.same_fuel),
        record.fuel,
        replay.now.fuel,
    )
}

/// What came of a file of records.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    /// Decisions that were made again.
    replayed: usize,
    /// Those of them with the same outcome and the same fuel.
    same: usize,
    /// Those with another outcome or other fuel.
    different: Vec<Value>,
    /// Components that are not there, and how many records are of each.
    missing: BTreeMap<Digest, usize>,
    #[serde(skip)]
    rows: Vec<[String; 5]>,
}

fn all(arguments: &Arguments, components: &mut Components) -> Result<Printed> {
    let mut report = Report::default();
    super::each_record(&arguments.record, |record| {
        if !components.load(&record.component)? {
            *report.missing.entry(record.component).or_default() += 1;
            return Ok(());
        }
        report.replayed += 1;
        let replay = replay(&components.sandbox, &record);
        if is_same(&replay) {
            report.same += 1;
        } else {
            report.different.push(json(&record, &replay));
            report.rows.push([
                record.digest().short().to_owned(),
                record.policy.to_string(),
                format!("{}/{}", record.context.namespace, record.context.name),
                same(replay.same_outcome).to_owned(),
                format!("{} then, {} now", record.fuel, replay.now.fuel),
            ]);
        }
        Ok(())
    })?;
    let success = report.different.is_empty() && report.missing.is_empty();
    let text = match arguments.output {
        Output::Json => super::json(&report)?,
        Output::Text => report.text(),
    };
    Ok(Printed { text, success })
}

impl Report {
    fn text(&self) -> String {
        let mut text = format!("{} decisions made again: {} the same\n", self.replayed, self.same);
        if !self.rows.is_empty() {
            let mut table = Table::new(&["RECORD", "POLICY", "RELEASE", "OUTCOME", "FUEL"]);
            for row in &self.rows {
                table.row(row.each_ref());
            }
            text += &format!("\n{}", table.print(""));
        }
        for (component, count) in &self.missing {
            text += &format!("{count} of a component that is not there: {component}\n");
        }
        text
    }
}
