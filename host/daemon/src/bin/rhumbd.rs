//! The binary `rhumbd`.

use std::io::Write as _;
use std::net::SocketAddr;
use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser;
use rhumb_core::chain::chain;
use rhumb_daemon::clock::Clock;
use rhumb_daemon::config::Config;
use rhumb_daemon::driver::Daemon;
use rhumb_daemon::leadership::Leadership;
use rhumb_daemon::{admin, probe, webhooks};
use rhumb_io::cluster::{Cluster, Connection, Term};
use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// How long what is at work may go on after SIGTERM. Kubernetes waits as long as `terminationGracePeriodSeconds` says,
/// 30 seconds where it says nothing.
const GRACE: Duration = Duration::from_secs(20);
/// What work that cannot be dropped, such as a push to git, may take beyond that.
const LAST_WORK: Duration = Duration::from_secs(1);

/// Keep a cluster on the course that git describes
///
/// `rhumbd probe live` and `rhumbd probe ready` ask a running one.
#[derive(Parser)]
// As with Go's flags, which Flux v1 and Helm Operator have: of one that is given twice the last counts.
#[command(name = "rhumbd", version, args_override_self = true)]
struct Arguments {
    #[command(flatten)]
    config: Config,
}

fn main() -> ExitCode {
    if let Some(code) = rhumb_policy::worker::main(std::env::args_os()) {
        return code;
    }
    let mut words = std::env::args_os().skip(1);
    if words.next().is_some_and(|word| word == "probe") {
        return probe();
    }
    let arguments = Arguments::parse();
    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        let _ =
            writeln!(std::io::stderr(), "warning: a crash could write memory, with secrets in it, to disk: {error}");
    }
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env()
                .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info")),
        )
        .with_writer(std::io::stderr)
        .init();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return ended(Err(error.into())),
    };
    let result = runtime.block_on(run(arguments.config));
    runtime.shutdown_timeout(LAST_WORK);
    ended(result)
}

fn ended(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = chain(error.as_ref()), "rhumbd stopped");
            ExitCode::FAILURE
        }
    }
}

/// The kubelet shows what a probe prints.
fn probe() -> ExitCode {
    let Err(error) = probe::run(&probe::Arguments::parse_from(std::env::args_os().skip(1))) else {
        return ExitCode::SUCCESS;
    };
    let _ = writeln!(std::io::stderr(), "error: {}", chain(error.as_ref()));
    ExitCode::FAILURE
}

async fn run(config: Config) -> anyhow::Result<()> {
    let mut stops = Stops::new()?;
    let connection = config.kubeconfig.clone().map_or(Connection::InCluster, Connection::KubeconfigFile);
    let cluster = Cluster::connect(connection).await?.within(Term::unbegun());
    let (listen, hooked, namespace, name) =
        (config.listen, config.listen_webhooks, config.namespace.clone(), config.name.clone());
    let daemon = Daemon::start(config, Clock::System, cluster).await?;
    tracing::info!(public_key = daemon.ctx.git_access.public_key(), "identity");
    let listener = bind(listen).await?;
    let webhooks = async {
        match hooked {
            Some(address) => {
                webhooks::serve(Arc::clone(&daemon), bind(address).await?).await.context("webhooks stopped")
            }
            None => std::future::pending().await,
        }
    };
    let mut webhooks = pin!(webhooks);
    let leadership = Leadership::new(&daemon.ctx.cluster, &daemon.ctx.store, &namespace, Clock::System, &name)?;
    let working = async {
        tokio::select! {
            () = leadership.acquire() => {}
            () = daemon.ctx.flights.closing() => return Ok(()),
        }
        tokio::select! {
            () = Arc::clone(&daemon).run() => Ok(()),
            lost = leadership.keep() => Err(anyhow::Error::from(lost)),
        }
    };
    let mut working = pin!(working);
    tokio::select! {
        served = admin::serve(Arc::clone(&daemon), listener) => return served.context("the operator's API stopped"),
        served = &mut webhooks => return served,
        ended = &mut working => return ended,
        () = stops.next() => {}
    }
    daemon.stop();
    let at_work = daemon.ctx.flights.in_flight().len();
    tracing::info!(at_work, "stopping");
    tokio::select! {
        ended = &mut working => ended?,
        () = tokio::time::sleep(GRACE) => {}
        // Whoever asks twice does not want to wait.
        () = stops.next() => {}
    }
    for (namespace, release) in daemon.ctx.flights.in_flight() {
        tracing::info!(namespace, release, "left half done; the next start goes on with it");
    }
    leadership.release().await;
    Ok(())
}

async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("failed to listen on {address}"))
}

/// SIGINT and SIGTERM.
struct Stops {
    interrupt: Signal,
    terminate: Signal,
}

impl Stops {
    fn new() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("failed to listen for signals");
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
