//! Whether this daemon is the one that acts: it holds the lease of its namespace.
//!
//! One that waits has everything open and watched, and makes no pass. One that leads renews the lease beside the loops;
//! when it cannot, its term ends by itself before another may begin (`rhumb_core::lease`), and goes on when it can again
//! and nobody took over. The renewals are all that an idle daemon writes.

use std::sync::{Mutex, PoisonError};

use rhumb_core::chain::chain;
use rhumb_core::lease::{DURATION, LOOK, RENEWAL, Step, TERM, step, still_ours};
use rhumb_io::cluster::{Cluster, Held, Kind, Term};
use rhumb_io::store::{self, Store};
use tokio::time::Instant;

use crate::clock::Clock;

/// Where the store keeps the name of the daemon whose folder it is.
const NAME: &str = "daemon/holder";
/// How soon a renewal that failed is tried again.
const RETRY: std::time::Duration = std::time::Duration::from_secs(1);

/// A daemon among others.
pub struct Leadership {
    cluster: Cluster,
    clock: Clock,
    namespace: String,
    /// Our name. Whoever finds the lease under it is our next life.
    me: String,
    held: Mutex<Option<Held>>,
}

/// Another daemon leads now.
#[derive(Debug, thiserror::Error)]
#[error("another daemon took the lease over: `{holder}`")]
pub struct Lost {
    holder: String,
}

impl Leadership {
    /// Stands for election. The name is kept in the store, which only one process at a time has open: so a daemon that
    /// was killed finds its own lease and need not wait for it.
    pub fn new(cluster: &Cluster, store: &Store, namespace: &str, clock: Clock, name: &str) -> anyhow::Result<Self> {
        let known: Option<String> = store::facts::get(store, NAME)?;
        // A folder that came from elsewhere, in another pod, brings no name along.
        let known = known.filter(|known| known.rsplit_once('_').is_some_and(|(before, _)| before == name));
        let me = match known {
            Some(known) => known,
            None => {
                let new = rhumb_io::cluster::holder(name)?;
                store::facts::put(store, NAME, &new)?;
                new
            }
        };
        Ok(Self { cluster: cluster.clone(), clock, namespace: namespace.to_owned(), me, held: Mutex::default() })
    }

    /// Returns when this daemon leads.
    pub async fn acquire(&self) {
        // Since when the lease is as it is, by our own clock.
        let mut seen: Option<(Held, Instant)> = None;
        let mut told = None;
        loop {
            let began = Instant::now();
            let found = match self.cluster.lease(&self.namespace).await {
                Ok(found) => found,
                Err(error) => {
                    tracing::warn!(error = chain(&error), "lease not read; tried again");
                    tokio::time::sleep(LOOK).await;
                    continue;
                }
            };
            let since = match (&seen, &found) {
                (Some((before, since)), Some(now)) if before == now => *since,
                _ => began,
            };
            seen = found.clone().map(|found| (found, since));
            match step(found.as_ref().map(|held| &held.lease), began - since, &self.me) {
                Step::Take => match self.write(found.as_ref(), began).await {
                    Ok(()) => {
                        tracing::info!(name = self.me, "this daemon leads");
                        return;
                    }
                    // Somebody else was quicker: look again at once.
                    Err(error) if is_contested(&error) => {}
                    Err(error) => {
                        tracing::warn!(error = chain(&error), "lease not taken; tried again");
                        tokio::time::sleep(RETRY).await;
                    }
                },
                Step::Wait(pause) => {
                    let holder = found.map(|held| held.lease.holder);
                    if told != holder {
                        tracing::info!(holder, "another daemon leads; waiting");
                        told = holder;
                    }
                    tokio::time::sleep(pause).await;
                }
            }
        }
    }

    /// Renews the lease for as long as this daemon leads. Returns when another does.
    pub async fn keep(&self) -> Lost {
        let mut failing = false;
        loop {
            tokio::time::sleep(if failing { RETRY } else { RENEWAL }).await;
            let began = Instant::now();
            let held = self.held();
            match self.write(held.as_ref(), began).await {
                Ok(()) => {
                    if std::mem::take(&mut failing) {
                        tracing::info!("lease renewed again");
                    }
                    continue;
                }
                Err(error) if is_contested(&error) || error.is_not_found() => {}
                Err(error) => {
                    if !std::mem::replace(&mut failing, true) {
                        tracing::warn!(error = chain(&error), "lease not renewed; nothing is applied until it is");
                    }
                    continue;
                }
            }
            match self.cluster.lease(&self.namespace).await {
                Ok(found) => {
                    let lease = found.as_ref().map(|found| &found.lease);
                    if held.is_some_and(|held| !still_ours(&held.lease, lease)) {
                        self.term().end();
                        return Lost { holder: found.map(|found| found.lease.holder).unwrap_or_default() };
                    }
                    // Somebody edited or deleted it.
                    *self.held.lock().unwrap_or_else(PoisonError::into_inner) = found;
                    failing = true;
                }
                Err(error) => tracing::debug!(error = chain(&error), "lease not read"),
            }
        }
    }

    /// Ends the term, so that nothing is written any more, and lets go of the lease, so that nobody waits for it.
    pub async fn release(&self) {
        self.term().end();
        let Some(held) = self.held() else { return };
        let free = self.cluster.write_lease(&self.namespace, Some(&held), ("", DURATION), self.clock.now()).await;
        match free {
            Ok(_) => tracing::info!("lease given back"),
            Err(error) => tracing::warn!(error = chain(&error), "lease not given back; it runs out by itself"),
        }
    }

    /// Takes or renews it; what counts is when that began.
    async fn write(&self, before: Option<&Held>, began: Instant) -> Result<(), rhumb_io::cluster::Error> {
        let ours = (self.me.as_str(), DURATION);
        let written = self.cluster.write_lease(&self.namespace, before, ours, self.clock.now()).await?;
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = Some(written);
        self.term().extend(began + TERM);
        Ok(())
    }

    fn term(&self) -> &Term {
        self.cluster.term()
    }

    fn held(&self) -> Option<Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Whether the lease is not as it was when it was read.
fn is_contested(error: &rhumb_io::cluster::Error) -> bool {
    matches!(*error.kind, Kind::Conflict { .. } | Kind::AlreadyExists)
}
