//! `rhumb release`: a tag by hand, through git.

use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;
use clap::Args;
use rhumb_daemon::report;

use crate::operator::{Connection, applied, short};
use crate::print;
use crate::show;

/// Options of `rhumb release`.
#[derive(Args, Debug)]
pub struct Release {
    /// The HelmRelease, as NAMESPACE/NAME, or another object as `rhumb images` prints it
    object: String,
    /// The image with its tag; every container of the object that uses this image gets it
    #[arg(value_name = "IMAGE:TAG")]
    image: String,
    /// Pass over a lock and over what the filter says; a promotion rule still holds
    #[arg(long, short)]
    force: bool,
    /// Message of the commit
    #[arg(long, short, value_name = "TEXT")]
    message: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

impl Release {
    /// Runs the command: has the daemon commit and push the tag, and waits until that is applied.
    ///
    /// Exit code 1 when something of that commit could not be applied.
    pub async fn run(&self) -> Result<ExitCode> {
        let start = Instant::now();
        let daemon = self.connection.reach().find().await?;
        let asked = report::Ask {
            object: identity(&self.object),
            image: self.image.clone(),
            force: self.force,
            message: self.message.clone(),
        };
        let released: report::Released = daemon.post("v1/release", &asked).await?;
        let Some(revision) = &released.revision else {
            print::say("Nothing to do");
            return self.connection.print(&released, show::released);
        };
        print::say(&format!("Commit pushed: {}", short(revision)));
        if released.automated {
            print::say(&format!(
                "{} is automated: its filter may move it again; `fluxcd.io/locked: \"true\"` keeps it",
                asked.object
            ));
        }
        let done = applied(&daemon, revision, (start, self.connection.reach().timeout())).await?;
        print::say(&format!("Commit applied: {}", short(revision)));
        self.connection.print(&released, show::released)?;
        for problem in &done.problems {
            print::say(problem);
        }
        Ok(if done.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// Flux's identity of the object; NAMESPACE/NAME is a HelmRelease.
pub(crate) fn identity(object: &str) -> String {
    match object.split_once('/') {
        Some((namespace, name)) if !namespace.contains(':') => format!("{namespace}:helmrelease/{name}"),
        _ => object.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_helm_release_goes_by_its_short_name_and_others_by_their_identity() {
        assert_eq!(identity("dev/podinfo"), "dev:helmrelease/podinfo");
        assert_eq!(identity("dev:deployment/podinfo"), "dev:deployment/podinfo");
        assert_eq!(identity("podinfo"), "podinfo");
    }
}
