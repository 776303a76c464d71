//! Serves an empty cluster, registry and chart repository until interrupted, to try clients by hand.

use std::io::Write as _;

use rhumb_sim::{Clock, api, charts, registry};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let kubeconfig = std::env::args().nth(1).unwrap_or_else(|| "kubeconfig".to_owned());
    let options = api::Options { clock: Clock::system(), crds: api::KINDS.to_vec() };
    let cluster = api::Server::start(options).await?;
    let images = registry::Server::start().await?;
    let helm = charts::Server::start(Clock::system()).await?;
    std::fs::write(&kubeconfig, cluster.kubeconfig())?;
    let mut out = std::io::stdout();
    writeln!(out, "export KUBECONFIG={kubeconfig}\n# registry {}\n# charts {}", images.host(), helm.url())?;
    tokio::signal::ctrl_c().await?;
    for line in cluster.requests().journal {
        writeln!(out, "{line}")?;
    }
    Ok(())
}
