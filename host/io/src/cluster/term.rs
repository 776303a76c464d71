//! For how long this process may write to the cluster.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// Longer than any process lives.
const ENDLESS: Duration = Duration::from_secs(86_400 * 365 * 30);

/// The time for which this process may write. Clones are one and the same.
///
/// A request that changes something is not sent when it is over, and is dropped when it ends meanwhile.
#[derive(Clone, Debug)]
pub struct Term(Arc<watch::Sender<Option<Instant>>>);

impl Term {
    /// One that has not begun.
    pub fn unbegun() -> Self {
        Self(Arc::new(watch::Sender::new(None)))
    }

    /// One without an end, where there is nobody else.
    pub fn endless() -> Self {
        let term = Self::unbegun();
        term.extend(Instant::now() + ENDLESS);
        term
    }

    /// Begins it or goes on with it until then.
    pub fn extend(&self, until: Instant) {
        self.0.send_replace(Some(until));
    }

    /// Ends it at once.
    pub fn end(&self) {
        self.0.send_replace(None);
    }

    /// Whether it goes on.
    pub fn holds(&self) -> bool {
        self.0.borrow().is_some_and(|until| until > Instant::now())
    }

    /// Returns when it has begun and is not over.
    pub async fn begun(&self) {
        let mut changes = self.0.subscribe();
        // The sender lives as long as we do.
        let _ = changes.wait_for(|until| until.is_some_and(|until| until > Instant::now())).await;
    }

    /// Returns when it is over.
    pub async fn over(&self) {
        let mut changes = self.0.subscribe();
        loop {
            let until = *changes.borrow_and_update();
            let Some(until) = until.filter(|until| *until > Instant::now()) else { return };
            // It may be made longer meanwhile, or shorter.
            let _ = tokio::time::timeout_at(until, changes.changed()).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_term_ends_by_itself_unless_it_is_extended() {
        let term = Term::unbegun();
        term.over().await;
        assert!(!term.holds());
        let start = Instant::now();
        term.extend(start + ENDLESS);
        term.begun().await;
        let mut over = std::pin::pin!(term.over());
        tokio::select! {
            biased;
            () = &mut over => panic!("it goes on"),
            () = std::future::ready(()) => {}
        }
        // Another end, while somebody waits for it.
        let end = Duration::from_millis(50);
        term.clone().extend(start + end);
        over.await;
        assert!(start.elapsed() >= end && !term.holds());
        term.extend(Instant::now() + ENDLESS);
        assert!(term.holds());
        term.end();
        term.over().await;
    }
}
