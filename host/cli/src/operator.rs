//! The operator's commands: they ask a running daemon over its API and print the answer.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use rhumb_daemon::report;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::print::{self, Output};
use crate::show;

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Where the daemon is and how to print its answer.
#[derive(Args, Debug)]
pub struct Connection {
    /// Address of the daemon's operator API
    #[arg(long, env = "RHUMB_DAEMON", default_value = "http://127.0.0.1:3030")]
    daemon: String,
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
    /// Print this record of a decision instead, as `rhumb policy replay` takes it
    #[arg(long, value_name = "DIGEST")]
    record: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

/// Options of `rhumb identity`.
#[derive(Args, Debug)]
pub struct Identity {
    #[command(flatten)]
    connection: Connection,
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
        self.connection.print(&explanation, show::explanation)
    }
}

impl Identity {
    /// Runs the command.
    pub async fn run(&self) -> Result<ExitCode> {
        let identity: serde_json::Value = self.connection.get("v1/identity").await?;
        let key = identity.get("publicKey").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
        self.connection.print(&identity, |_| format!("{key}\n"))
    }
}

impl Connection {
    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        let url = format!("{}/{path}", self.daemon.trim_end_matches('/'));
        let client = rhumb_io::web::client(TIMEOUT)?;
        let reached = client.get(&url).send().await;
        let response = reached.with_context(|| {
            format!(
                "failed to reach the daemon at `{}`\n\nhint: forward its port first, as in `kubectl -n rhumb port-forward \
                 deploy/rhumbd 3030`, or give --daemon",
                self.daemon
            )
        })?;
        let status = response.status();
        let body = response.bytes().await.context("failed to read the daemon's answer")?;
        if !status.is_success() {
            let answer: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
            bail!("{}", answer.get("error").and_then(serde_json::Value::as_str).unwrap_or(status.as_str()));
        }
        serde_json::from_slice(&body).context("failed to understand the daemon's answer; is it of another version?")
    }

    fn print<T: Serialize>(&self, value: &T, text: impl FnOnce(&T) -> String) -> Result<ExitCode> {
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
