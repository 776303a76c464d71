//! The operator's commands: they ask a running daemon over its API and print the answer.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::Args;
use rhumb_daemon::report;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::print::{self, Output};
use crate::reach::{Daemon, Reach};
use crate::show;

/// Where the daemon is and how to print its answer.
#[derive(Args, Debug)]
pub struct Connection {
    #[command(flatten)]
    reach: Reach,
    /// How to print
    #[arg(long, short, value_enum, default_value_t)]
    output: Output,
}

/// Options of `rhumb list`.
#[derive(Args, Debug)]
pub struct List {
    #[command(flatten)]
    connection: Connection,
}

/// Options of `rhumb images`.
#[derive(Args, Debug)]
pub struct Images {
    /// Show the tags that each filter looked at
    #[arg(long)]
    candidates: bool,
    #[command(flatten)]
    connection: Connection,
}

/// Options of `rhumb history`.
#[derive(Args, Debug)]
pub struct History {
    /// The HelmRelease, as NAMESPACE/NAME
    release: String,
    #[command(flatten)]
    connection: Connection,
}

/// Options of `rhumb explain`.
#[derive(Args, Debug)]
pub struct Explain {
    /// The HelmRelease, as NAMESPACE/NAME
    release: String,
    /// Say instead why it is not on this tag
    #[arg(long, value_name = "TAG", conflicts_with = "record")]
    tag: Option<String>,
    /// Print this record of a decision instead, as `rhumb policy replay` takes it
    #[arg(long, value_name = "DIGEST")]
    record: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

/// Options of `rhumb identity`.
#[derive(Args, Debug)]
pub struct Identity {
    /// Make a new key in place of the one that is there; the git host has to be given its public half then
    #[arg(long, short)]
    regenerate: bool,
    #[command(flatten)]
    connection: Connection,
}

/// Options of `rhumb sync`.
#[derive(Args, Debug)]
pub struct Sync {
    #[command(flatten)]
    connection: Connection,
}

impl Sync {
    /// Runs the command: has the daemon fetch, and waits until it has applied what it found.
    ///
    /// Exit code 1 when something of that commit could not be applied.
    pub async fn run(&self) -> Result<ExitCode> {
        let start = Instant::now();
        let daemon = self.connection.reach.find().await?;
        let asked: report::Head = daemon.post("v1/sync", &()).await?;
        print::say(&format!("Revision of {} to apply is {}", asked.branch, short(&asked.head)));
        print::say(&format!("Waiting for {} to be applied ...", short(&asked.head)));
        let done = applied(&daemon, &asked.head, (start, self.connection.reach.timeout())).await?;
        print::say("Done.");
        let code = if done.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
        self.connection.print(&done, show::synced)?;
        Ok(code)
    }
}

/// Waits until a commit of the branch is applied, and gives what came of that.
pub(crate) async fn applied(
    daemon: &Daemon,
    revision: &str,
    (start, timeout): (Instant, Duration),
) -> Result<report::Sync> {
    let mut wait = Duration::from_millis(100);
    loop {
        let now: report::Head = daemon.get("v1/head").await?;
        // A branch that moved on meanwhile has our commit in it.
        if [revision, &now.head].contains(&now.sync.revision.as_str()) {
            return Ok(now.sync);
        }
        if start.elapsed() > timeout {
            bail!("{} was not applied within {} s", short(revision), timeout.as_secs());
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(Duration::from_secs(2));
    }
}

pub(crate) fn short(revision: &str) -> &str {
    revision.get(..7).unwrap_or(revision)
}

impl List {
    /// Runs the command.
    pub async fn run(&self) -> Result<ExitCode> {
        let releases: Vec<report::Release> = self.connection.get("v1/list").await?;
        self.connection.print(&releases, |releases| show::releases(releases))
    }
}

impl Images {
    /// Runs the command.
    pub async fn run(&self) -> Result<ExitCode> {
        let images: Vec<report::Image> = self.connection.get("v1/images").await?;
        self.connection.print(&images, |images| {
            if !self.candidates {
                return show::images(images);
            }
            let each = images
                .iter()
                .map(|image| format!("{}{}", show::images(std::slice::from_ref(image)), show::candidates(image)));
            each.collect::<Vec<_>>().join("\n")
        })
    }
}

impl History {
    /// Runs the command.
    pub async fn run(&self) -> Result<ExitCode> {
        let path = format!("v1/history/{}", namespaced(&self.release)?);
        let history: Vec<report::History> = self.connection.get(&path).await?;
        self.connection.print(&history, |history| show::history(history))
    }
}

impl Explain {
    /// Runs the command.
    pub async fn run(&self) -> Result<ExitCode> {
        if let Some(digest) = &self.record {
            let record: serde_json::Value = self.connection.get(&format!("v1/records/{digest}")).await?;
            print::out(&format!("{record}\n"));
            return Ok(ExitCode::SUCCESS);
        }
        let path = format!("v1/explain/{}", namespaced(&self.release)?);
        let explanation: report::Explanation = self.connection.get(&path).await?;
        match &self.tag {
            Some(tag) => self.connection.print(&show::why_not(&explanation, tag), show::answers),
            None => self.connection.print(&explanation, show::explanation),
        }
    }
}

impl Identity {
    /// Runs the command.
    pub async fn run(&self) -> Result<ExitCode> {
        let daemon = self.connection.reach.find().await?;
        let identity: serde_json::Value =
            if self.regenerate { daemon.post("v1/identity", &()).await? } else { daemon.get("v1/identity").await? };
        let key = identity.get("publicKey").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
        self.connection.print(&identity, |_| format!("{key}\n"))
    }
}

impl Connection {
    pub(crate) fn reach(&self) -> &Reach {
        &self.reach
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        self.reach.find().await?.get(path).await
    }

    pub(crate) fn print<T: Serialize>(&self, value: &T, text: impl FnOnce(&T) -> String) -> Result<ExitCode> {
        match self.output {
            Output::Text => print::out(&text(value)),
            Output::Json => print::out(&format!("{}\n", serde_json::to_string_pretty(value)?)),
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn namespaced(release: &str) -> Result<&str> {
    match release.split_once('/') {
        Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() && !name.contains('/') => Ok(release),
        _ => bail!("`{release}` is not of the form NAMESPACE/NAME"),
    }
}
