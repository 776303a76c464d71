//! `rhumb records`: the decisions that a daemon remembers, as one file that `rhumb policy replay` and `diff` take.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Args;
use rhumb_daemon::admin::Records as Page;
use serde_json::Value;

use crate::print;
use crate::reach::{Daemon, Reach};

/// Options of `rhumb records`.
#[derive(Args, Debug)]
pub struct Records {
    /// Only those about this HelmRelease, as NAMESPACE/NAME
    release: Option<String>,
    /// File to write, with the ending .jsonl; standard output when not given
    #[arg(long, short, value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    reach: Reach,
}

impl Records {
    /// Runs the command: one record a line, the oldest first.
    pub async fn run(&self) -> Result<ExitCode> {
        let daemon = self.reach.find().await?;
        let written = match &self.file {
            Some(path) => {
                let written = self.write_file(&daemon, path).await;
                written.with_context(|| format!("failed to write `{}`", path.display()))?
            }
            None => self.write(&daemon, &mut std::io::stdout().lock()).await?,
        };
        print::say(&format!("{written} records"));
        Ok(ExitCode::SUCCESS)
    }

    /// A reader never sees half of a file.
    async fn write_file(&self, daemon: &Daemon, path: &Path) -> Result<usize> {
        let unfinished = path.with_extension(format!("{}.tmp", std::process::id()));
        let mut file = BufWriter::new(std::fs::File::create(&unfinished)?);
        let written = self.write(daemon, &mut file).await;
        let finished = written.and_then(|written| {
            file.flush()?;
            std::fs::rename(&unfinished, path)?;
            Ok(written)
        });
        if finished.is_err() {
            let _ = std::fs::remove_file(&unfinished);
        }
        finished
    }

    async fn write(&self, daemon: &Daemon, out: &mut impl Write) -> Result<usize> {
        let mut written = 0;
        each(daemon, |record| {
            if self.release.as_ref().is_none_or(|release| about(&record) == *release) {
                writeln!(out, "{record}").context("failed to write a record")?;
                written += 1;
            }
            Ok(())
        })
        .await?;
        Ok(written)
    }
}

/// Takes each record that the daemon remembers, the oldest first, page by page.
pub(crate) async fn each(daemon: &Daemon, mut take: impl FnMut(Value) -> Result<()>) -> Result<()> {
    let mut path = "v1/records".to_owned();
    loop {
        let page: Page = daemon.get(&path).await?;
        for record in page.records {
            take(record)?;
        }
        match page.next {
            Some(next) => path = format!("v1/records?after={next}"),
            None => return Ok(()),
        }
    }
}

/// The release that a record is about, as NAMESPACE/NAME.
fn about(record: &Value) -> String {
    let of = |key: &str| record.pointer(&format!("/context/{key}")).and_then(Value::as_str).unwrap_or_default();
    format!("{}/{}", of("namespace"), of("name"))
}
