//! What can be typed.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::{approve, demo, operator, plan, policy, records, release, stop, template};

/// Plan, test and steer GitOps with policies that are WebAssembly components
///
/// Exit codes: 0 done; 1 a check failed, or something could not be planned or applied; 2 the command could not run.
#[derive(Parser, Debug)]
#[command(name = "rhumb", version)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Tell the whole story on embedded servers
    Demo(demo::Arguments),
    /// Show what Rhumb would do with a repository made for Flux v1 and Helm Operator
    Plan(plan::Arguments),
    /// Render a chart as `helm template` does
    Template(Box<template::Arguments>),
    /// Work on policies
    #[command(subcommand)]
    Policy(policy::Command),
    /// List releases: chart, image, revision, status
    List(operator::List),
    /// List images and what was decided about them
    Images(operator::Images),
    /// Show the revisions of a release
    History(operator::History),
    /// Explain one release: its images, transforms and decisions
    Explain(operator::Explain),
    /// Write the decisions that the daemon remembers to one file, for `rhumb policy replay` and `diff`
    Records(records::Records),
    /// Have the daemon fetch the repository, and wait until it has applied what it found
    Sync(operator::Sync),
    /// Release an image by hand: commit its tag, push, and wait until that is applied
    Release(release::Release),
    /// Approve the versions that a release waits to move to, as the user whom the cluster knows
    Approve(approve::Approve),
    /// Stop every move of a version, in all environments or in some
    Stop(stop::Stop),
    /// Let versions move again after `stop`
    Resume(stop::Resume),
    /// Print the daemon's public SSH key
    Identity(operator::Identity),
}

impl Arguments {
    /// Runs the command.
    pub async fn run(self) -> Result<ExitCode> {
        match self.command {
            Command::Demo(arguments) => demo::run(&arguments).await,
            Command::Plan(arguments) => plan::run(&arguments).await,
            Command::Template(arguments) => template::run(&arguments),
            Command::Policy(command) => policy::run(&command).await,
            Command::List(arguments) => arguments.run().await,
            Command::Images(arguments) => arguments.run().await,
            Command::History(arguments) => arguments.run().await,
            Command::Explain(arguments) => arguments.run().await,
            Command::Records(arguments) => arguments.run().await,
            Command::Sync(arguments) => arguments.run().await,
            Command::Release(arguments) => arguments.run().await,
            Command::Approve(arguments) => arguments.run().await,
            Command::Stop(arguments) => arguments.run().await,
            Command::Resume(arguments) => arguments.run().await,
            Command::Identity(arguments) => arguments.run().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn every_command_is_well_formed() {
        Arguments::command().debug_assert();
    }
}
