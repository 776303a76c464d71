//! A small HTTP server on 127.0.0.1 that can go down and come back on the same port.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How long open connections get to finish when a server goes down.
const GRACE: Duration = Duration::from_secs(2);

/// One listening server; it goes down when this is dropped.
#[derive(Debug)]
pub(crate) struct Listener {
    address: SocketAddr,
    down: watch::Sender<bool>,
    task: Option<JoinHandle<()>>,
}

impl Listener {
    /// Listens on a free port, and serves what `router` makes; the receiver it is given turns true when the server goes
    /// down, so that endless answers end.
    pub(crate) async fn start(router: impl FnOnce(watch::Receiver<bool>) -> Router) -> io::Result<Self> {
        Self::listen((Ipv4Addr::LOCALHOST, 0).into(), router).await
    }

    async fn listen(at: SocketAddr, router: impl FnOnce(watch::Receiver<bool>) -> Router) -> io::Result<Self> {
        let socket = TcpListener::bind(at).await?;
        let address = socket.local_addr()?;
        let (down, mut receiver) = watch::channel(false);
        let app = router(receiver.clone());
        let task = tokio::spawn(async move {
            let gone = async move {
                // An error means that the sender is gone, which is also the end.
                let _ = receiver.wait_for(|down| *down).await;
            };
            if let Err(error) = axum::serve(socket, app).with_graceful_shutdown(gone).await {
                tracing::warn!(%error, "embedded server ended");
            }
        });
        Ok(Self { address, down, task: Some(task) })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Closes the port and all connections.
    pub(crate) async fn stop(&mut self) {
        self.down.send_replace(true);
        if let Some(mut task) = self.task.take()
            && tokio::time::timeout(GRACE, &mut task).await.is_err()
        {
            task.abort();
        }
    }

    /// Listens again on the same port.
    pub(crate) async fn resume(&mut self, router: impl FnOnce(watch::Receiver<bool>) -> Router) -> io::Result<()> {
        self.stop().await;
        *self = Self::listen(self.address, router).await?;
        Ok(())
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.down.send_replace(true);
    }
}
