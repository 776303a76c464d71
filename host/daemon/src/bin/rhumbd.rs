//! The binary `rhumbd`.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser;
use rhumb_daemon::clock::Clock;
use rhumb_daemon::config::Config;
use rhumb_daemon::driver::Daemon;
use rhumb_io::cluster::{Cluster, Connection};

/// Keep a cluster on the course that git describes
#[derive(Parser)]
// As with Go's flags, which Flux v1 and Helm Operator have: of one that is given twice the last counts.
#[command(name = "rhumbd", version, args_override_self = true)]
struct Arguments {
    #[command(flatten)]
    config: Config,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env()
                .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info")),
        )
        .with_writer(std::io::stderr)
        .init();
    match run(arguments.config).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = rhumb_core::chain::chain(error.as_ref()), "rhumbd stopped");
            ExitCode::FAILURE
        }
    }
}

async fn run(config: Config) -> anyhow::Result<()> {
    let connection = config.kubeconfig.clone().map_or(Connection::InCluster, Connection::KubeconfigFile);
    let cluster = Cluster::connect(connection).await?;
    let listen = config.listen;
    let daemon = Daemon::start(config, Clock::System, cluster).await?;
    tracing::info!(public_key = daemon.ctx.git_access.public_key(), "identity");
    let listener =
        tokio::net::TcpListener::bind(listen).await.with_context(|| format!("failed to listen on {listen}"))?;
    tokio::select! {
        served = rhumb_daemon::admin::serve(std::sync::Arc::clone(&daemon), listener) => served.context("the operator's API stopped"),
        () = daemon.run() => Ok(()),
        () = stopped() => Ok(()),
    }
}

/// SIGINT or SIGTERM. A pass that is cut short is taken up by the next start.
async fn stopped() {
    let mut terminate = match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(terminate) => terminate,
        Err(_) => return std::future::pending().await,
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}
