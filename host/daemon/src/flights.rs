//! Release actions that are at work: each runs beside the loops as a task of its own, and at most one on a release.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::event::Wakeups;

/// Namespace and Helm's name of a release.
pub type ReleaseName = (String, String);

/// The actions that are at work.
#[derive(Debug)]
pub struct Flights {
    state: Mutex<State>,
    landings: watch::Sender<u64>,
    closed: watch::Sender<bool>,
    wakeups: Arc<Wakeups>,
}

#[derive(Debug, Default)]
struct State {
    in_flight: BTreeSet<ReleaseName>,
}

impl Flights {
    /// Nothing is at work. Each end of an action wakes the loops.
    pub fn new(wakeups: Arc<Wakeups>) -> Self {
        Self { state: Mutex::default(), landings: watch::Sender::new(0), closed: watch::Sender::new(false), wakeups }
    }

    /// The releases that are worked on.
    pub fn in_flight(&self) -> BTreeSet<ReleaseName> {
        self.lock().in_flight.clone()
    }

    /// Whether a release is worked on.
    pub fn holds(&self, release: &ReleaseName) -> bool {
        self.lock().in_flight.contains(release)
    }

    /// Marks a release as worked on until the answer is dropped. `None` when it is already, or nothing new may begin.
    pub fn begin(self: &Arc<Self>, release: ReleaseName) -> Option<Flight> {
        let mut state = self.lock();
        if self.is_closed() || !state.in_flight.insert(release.clone()) {
            return None;
        }
        Some(Flight { flights: Arc::clone(self), release })
    }

    /// Lets nothing new begin. What is at work goes on; what has not begun does not.
    pub fn close(&self) {
        // Under the lock: whatever began before is in the set.
        let _state = self.lock();
        self.closed.send_replace(true);
    }

    /// Returns when nothing new may begin.
    pub async fn closing(&self) {
        // The sender lives as long as we do.
        let _ = self.closed.subscribe().wait_for(|closed| *closed).await;
    }

    /// Whether nothing new may begin.
    pub fn is_closed(&self) -> bool {
        *self.closed.borrow()
    }

    /// Returns when nothing is at work.
    pub async fn ended(&self) {
        let mut landings = self.landings.subscribe();
        while !self.lock().in_flight.is_empty() && landings.changed().await.is_ok() {}
    }

    /// Returns at the next end of an action; at once when none is at work.
    pub async fn landing(&self) {
        let mut landings = self.landings.subscribe();
        if !self.lock().in_flight.is_empty() {
            let _ = landings.changed().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The set is whole at any time, so another thread's panic does not matter.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One action at work; dropped when it ends, however it ends.
#[derive(Debug)]
pub struct Flight {
    flights: Arc<Flights>,
    release: ReleaseName,
}

impl Drop for Flight {
    fn drop(&mut self) {
        let mut state = self.flights.lock();
        state.in_flight.remove(&self.release);
        // Under the lock: whoever sees that it has ended sees what it woke, and whoever is woken sees that it has ended.
        self.flights.wakeups.landed();
        drop(state);
        self.flights.landings.send_modify(|n| *n += 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_action_on_a_release_at_a_time_and_none_when_closed() {
        let flights = Arc::new(Flights::new(Arc::default()));
        let name = |name: &str| ("dev".to_owned(), name.to_owned());
        let first = flights.begin(name("a"));
        assert!(first.is_some() && flights.begin(name("a")).is_none());
        assert!(flights.holds(&name("a")));
        flights.close();
        assert!(flights.begin(name("b")).is_none());
        drop(first);
        flights.ended().await;
        assert!(flights.in_flight().is_empty());
    }
}
