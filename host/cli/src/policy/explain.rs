//! `rhumb policy explain`: a recorded decision in words; nothing is run.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use rhumb_core::judge::Ask;
use rhumb_policy::Record;

use super::Printed;
use crate::print::Output;

/// Options of `rhumb policy explain`.
#[derive(Args, Debug)]
pub struct Arguments {
    /// Decision record
    record: PathBuf,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

/// Prints what was asked, what was said and why.
pub fn run(arguments: &Arguments) -> Result<Printed> {
    let record = super::record(&arguments.record)?;
    let text = match arguments.output {
        Output::Json => super::json(&record)?,
        Output::Text => text(&record),
    };
    Ok(Printed { text, success: true })
}

fn text(record: &Record) -> String {
    let (question, context) = (record.question(), &record.context);
    let environment = context.environment.as_deref().map(|name| format!(" in {name}")).unwrap_or_default();
    let about = match &question.ask {
        Ask::Shortlist { container, tags } | Ask::Select { container, tags, .. } => {
            let current = container.current_tag.as_ref().map_or("nothing", |tag| tag.as_str());
            let cut = if tags.complete { "" } else { ", not all that the registry has" };
            format!(
                "container {}, {current} of {}; {} tags on offer{cut}",
                container.name,
                container.repository,
                tags.len()
            )
        }
        Ask::Judge { moves, .. } => {
            let moves = moves.iter().map(|one| {
                let from = one.from_version.as_deref().unwrap_or("nothing");
                format!("{} from {from} to {}", one.subject, one.to_version)
            });
            moves.collect::<Vec<_>>().join(", ")
        }
        Ask::Transform { chart, .. } => format!("values of the chart {} {}", chart.name, chart.version),
    };
    format!(
        "record   {}\npolicy   {} {}\nrelease  {}/{}{environment}\nat       {}\nabout    {about}\nconfig   {}\n\n{}",
        record.digest(),
        record.policy,
        record.component.short(),
        context.namespace,
        context.name,
        context.now,
        record.config,
        super::run::print(&question, &record.decision()),
    )
}
