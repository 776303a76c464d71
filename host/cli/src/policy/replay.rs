//! `rhumb policy replay`: makes a recorded decision again.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use rhumb_policy::replay;
use serde_json::json;

use super::{Printed, sandbox};
use crate::print::Output;

/// Options of `rhumb policy replay`.
#[derive(Args, Debug)]
pub struct Arguments {
    /// Decision record
    record: PathBuf,
    /// Component that decided, or a folder that holds it
    #[arg(long, short = 'c', value_name = "PATH")]
    component: Option<PathBuf>,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

/// Asks a record's question again: exit code 1 when outcome or fuel differ.
pub fn run(arguments: &Arguments) -> Result<Printed> {
    let record = super::record(&arguments.record)?;
    let source = arguments.component.clone().unwrap_or_else(crate::policy_folder);
    let candidates = match source.is_dir() {
        false => vec![source.clone()],
        true => {
            let entries =
                std::fs::read_dir(&source).with_context(|| format!("failed to read `{}`", source.display()))?;
            let paths = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
            paths.filter(|path| path.extension().is_some_and(|extension| extension == "wasm")).collect()
        }
    };
    let sandbox = sandbox()?;
    let mut found = false;
    for candidate in candidates {
        // The file is asked for by its content, so only the one that decided is loaded.
        if rhumb_core::id::Digest::of(super::read(&candidate)?) == record.component {
            super::load(&sandbox, &candidate)?;
            found = true;
        }
    }
    if !found {
        bail!("`{}` does not hold the component {} of `{}`", source.display(), record.component, record.policy);
    }
    let replay = replay(&sandbox, &record);
    let text = match arguments.output {
        Output::Json => super::json(&json!({
            "record": record.digest(), "sameOutcome": replay.same_outcome, "sameFuel": replay.same_fuel,
            "sameEngine": replay.same_engine, "then": record.decision(), "now": replay.now,
        }))?,
        Output::Text => {
            let question = record.question();
            let same = |same: bool| if same { "same" } else { "DIFFERENT" };
            let engine = match replay.same_engine {
                true => String::new(),
                false => format!("engine   another profile than that of the record ({})\n", record.engine.engine),
            };
            format!(
                "record   {}\npolicy   {} {}\n\n{}\noutcome  {}\nfuel     {} ({} then, {} now)\n{engine}",
                record.digest(),
                record.policy,
                record.component.short(),
                super::run::print(&question, &replay.now),
                same(replay.same_outcome),
                same(replay.same_fuel),
                record.fuel,
                replay.now.fuel,
            )
        }
    };
    Ok(Printed { text, success: replay.same_outcome && replay.same_fuel })
}
