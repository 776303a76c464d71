//! `rhumb stop` and `rhumb resume`: the stop switch.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use rhumb_core::objects::{API_VERSION, StopSwitchSpec, stop_switch};
use rhumb_io::cluster::{Key, Kind};

use crate::approve::{duration, now};
use crate::operator::Connection;

/// Options of `rhumb stop`.
#[derive(Args, Debug)]
pub struct Stop {
    /// Why, for those who read it later
    #[arg(long, short, value_name = "TEXT")]
    message: String,
    /// Environments that are stopped; all of them when not given
    #[arg(long, value_name = "NAME")]
    environment: Vec<String>,
    /// Namespaces that go on; `*` stands for any run of characters
    #[arg(long, value_name = "NAMESPACE")]
    except: Vec<String>,
    /// For how long, such as 2h; until `rhumb resume` when not given
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    length: Option<Duration>,
    #[command(flatten)]
    connection: Connection,
}

/// Options of `rhumb resume`.
#[derive(Args, Debug)]
pub struct Resume {
    #[command(flatten)]
    connection: Connection,
}

impl Stop {
    /// Runs the command: writes the `StopSwitch` as the user whom the API server knows. The daemon need not be reached.
    pub async fn run(&self) -> Result<ExitCode> {
        let cluster = self.connection.reach().cluster().await?;
        let until = self
            .length
            .map(|length| now().plus_millis(u64::try_from(length.as_millis()).unwrap_or(u64::MAX)).to_string());
        let spec = StopSwitchSpec {
            by: cluster.user().await?.name,
            reason: self.message.clone(),
            environments: self.environment.clone(),
            except: self.except.clone(),
            until,
        };
        match cluster.create(&stop_switch(&spec)).await {
            Err(error) if matches!(*error.kind, Kind::AlreadyExists) => {
                bail!("somebody has stopped it already\n\nhint: `kubectl get stopswitch rhumb` says who and why")
            }
            made => made.context("failed to pull the switch")?,
        };
        self.connection.print(&spec, |spec| {
            let what = match spec.environments.as_slice() {
                [] => "every move of a version".to_owned(),
                some => format!("every move of a version in {}", some.join(", ")),
            };
            let until = spec.until.clone().unwrap_or_else(|| "`rhumb resume`".to_owned());
            format!("{} stopped {what} until {until}\n", spec.by)
        })
    }
}

impl Resume {
    /// Runs the command: takes the `StopSwitch` away.
    pub async fn run(&self) -> Result<ExitCode> {
        let cluster = self.connection.reach().cluster().await?;
        let key = Key::new(API_VERSION, "StopSwitch", "", "rhumb");
        let found = cluster.get(&key).await?;
        let Some(found) = found else { bail!("nobody has stopped anything") };
        cluster.delete(&key).await.context("failed to release the switch")?;
        self.connection.print(&found.get("spec").cloned().unwrap_or_default(), |_| "Versions move again\n".to_owned())
    }
}
