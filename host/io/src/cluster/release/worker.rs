//! How many actions work at the same time. One that only waits for the cluster works at nothing and counts as none.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The workers that all actions share.
#[derive(Clone, Debug)]
pub struct Workers {
    /// For actions that begin.
    begin: Arc<Semaphore>,
    /// For those that waited. They have their own, or each would queue behind all that have not begun.
    end: Arc<Semaphore>,
}

/// One action's worker.
#[derive(Debug)]
pub struct Worker {
    workers: Workers,
    permit: Mutex<Option<OwnedSemaphorePermit>>,
}

impl Workers {
    /// So many.
    pub fn new(n: usize) -> Self {
        Self { begin: Arc::new(Semaphore::new(n)), end: Arc::new(Semaphore::new(n)) }
    }

    /// A worker, when one is free.
    pub async fn begin(&self) -> Worker {
        let permit = Arc::clone(&self.begin).acquire_owned().await;
        Worker { workers: self.clone(), permit: Mutex::new(permit.ok()) }
    }
}

impl Worker {
    /// One that never waits for others, as many tests may share it.
    #[cfg(test)]
    pub(super) fn alone() -> Self {
        Self { workers: Workers::new(1000), permit: Mutex::default() }
    }

    /// Does nothing but wait, and lets others work meanwhile.
    pub(super) async fn idle<T>(&self, wait: impl Future<Output = T>) -> T {
        self.hold(None);
        let waited = wait.await;
        self.hold(Arc::clone(&self.workers.end).acquire_owned().await.ok());
        waited
    }

    fn hold(&self, permit: Option<OwnedSemaphorePermit>) {
        *self.permit.lock().unwrap_or_else(PoisonError::into_inner) = permit;
    }
}
