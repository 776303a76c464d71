//! `rhumb plan DIR`: what Rhumb would do with a repository made for Flux v1 and Helm Operator, as it lies on disk.
//!
//! The repository is read, never written; charts of the repository itself are taken from the folder. What cannot be
//! done is said at its object, and everything else goes on.

mod attached;
mod charts;
mod images;
mod offers;
mod report;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Args;
use rhumb_core::manifest;
use rhumb_daemon::config::Registries;
use rhumb_policy::Library;

use crate::print::{self, Output};
pub use report::{Container, ObjectCount, Release, Report};

/// Options of `rhumb plan`.
#[derive(Args, Debug)]
pub struct Arguments {
    /// Folder of the repository
    dir: PathBuf,
    /// Tags on offer: a file with lines `REPOSITORY TAG [BUILD TIME]` or `REPOSITORY:TAG`
    #[arg(long, value_name = "FILE")]
    tags: Option<PathBuf>,
    /// Ask the images' own registries for their tags
    #[arg(long, conflicts_with = "tags")]
    registry: bool,
    #[command(flatten)]
    registries: Registries,
    /// Another URL of this repository, under which its charts are named
    #[arg(long = "self", value_name = "URL")]
    this: Vec<String>,
    /// Folder with the built policies
    #[arg(long, value_name = "DIR")]
    policies: Option<PathBuf>,
    /// How to print
    #[arg(long, short, value_enum, default_value_t)]
    output: Output,
}

/// Runs the command. Exit code 0 when everything was planned, 1 when something could not be.
pub async fn run(arguments: &Arguments) -> Result<ExitCode> {
    let report = plan(arguments).await?;
    match arguments.output {
        Output::Text => print::out(&report.print()),
        Output::Json => print::out(&format!("{}\n", serde_json::to_string_pretty(&report)?)),
    }
    Ok(if report.is_complete() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

async fn plan(arguments: &Arguments) -> Result<Report> {
    let dir = &arguments.dir;
    let listing = rhumb_io::files::read_tree(dir, &|_| true);
    let files = listing.with_context(|| format!("failed to read `{}`", dir.display()))?.files;
    let manifests = manifest::load(&files);
    let this = charts::own_names(dir, &arguments.this);
    let offers = match (&arguments.tags, arguments.registry) {
        (Some(file), _) => Some(offers::from_file(file)?),
        (None, true) => Some(offers::from_registries(&manifests, &arguments.registries).await?),
        (None, false) => None,
    };
    let folder = arguments.policies.clone().unwrap_or_else(crate::policy_folder);
    // The repository may hold components of anybody.
    let sandbox = crate::policy::sandbox()?;
    let library = Library::open(&folder).with_context(|| {
        format!(
            "failed to read the policies in `{}`; build them with `cargo policies` or give --policies",
            folder.display()
        )
    })?;
    let attached = attached::Attached::new((&sandbox, &library), &files, &manifests);
    let releases = charts::releases(&attached, (&files, &manifests), &this).await;
    let containers = images::containers(&attached, &files, &manifests, offers.as_ref()).await;
    Ok(Report::new(&manifests, releases, containers, this.urls))
}
