//! `rhumbd probe live` and `rhumbd probe ready`, which the kubelet runs in the daemon's container: so that the operator's
//! API can stay on loopback.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::{Parser, ValueEnum};

/// Longest time that a daemon may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Ask the daemon of this container how it is; exit code 0 when well
#[derive(Parser, Debug)]
#[command(name = "rhumbd probe")]
pub struct Arguments {
    /// What to ask
    what: What,
    /// Address of the operator's API
    #[arg(long, default_value = "127.0.0.1:3030")]
    listen: SocketAddr,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum What {
    /// Whether it runs
    Live,
    /// Whether it is the one that acts
    Ready,
}

/// Asks, and fails when the answer is not good.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let path = match arguments.what {
        What::Live => "healthz",
        What::Ready => "readyz",
    };
    let mut stream = TcpStream::connect_timeout(&arguments.listen, PATIENCE)
        .with_context(|| format!("failed to reach the daemon at {}", arguments.listen))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    write!(stream, "GET /{path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", arguments.listen)?;
    let mut start = [0; 12];
    stream.read_exact(&mut start).context("the daemon gave no answer")?;
    if &start != b"HTTP/1.1 200" {
        bail!("not {path}: {}", String::from_utf8_lossy(&start));
    }
    Ok(())
}
