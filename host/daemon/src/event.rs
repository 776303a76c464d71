//! The closed list of what can wake a loop. An event carries no data: it only says "look again", and wake-ups coalesce.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rhumb_core::id::Timestamp;
use tokio::sync::Notify;

/// What the driver runs: the three loops in the order in which work flows through them, and before them the one that
/// keeps the policies ready that they ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Loop {
    /// Declared policies → the sandbox.
    Policies,
    /// Registry → git.
    Images,
    /// Git → cluster.
    Sync,
    /// Charts → cluster.
    Releases,
}

impl Loop {
    /// All of them, in order.
    pub const ALL: [Self; 4] = [Self::Policies, Self::Images, Self::Sync, Self::Releases];

    /// Name in logs and spans.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Policies => "policies",
            Self::Images => "images",
            Self::Sync => "sync",
            Self::Releases => "releases",
        }
    }
}

/// What can wake a loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    /// The config repository may have a new commit.
    Git,
    /// A registry may have a new image.
    Registry,
    /// A HelmRelease or what it is made from changed in the cluster.
    Cluster,
    /// A policy is declared otherwise, or came another step.
    Policies,
}

/// Which loops are to look again, now or at a time.
#[derive(Debug, Default)]
pub struct Agenda {
    now: BTreeSet<Loop>,
    at: BTreeMap<Loop, Timestamp>,
    /// Loops that are to fetch the config repository before they look.
    fetch: BTreeSet<Loop>,
}

/// The agenda, and the driver's bell. Shared with whoever sees that something changed.
#[derive(Debug, Default)]
pub struct Wakeups {
    agenda: Mutex<Agenda>,
    bell: Notify,
}

impl Wakeups {
    /// Says that something may have changed. Carries no data; wake-ups coalesce.
    pub fn notify(&self, event: Event) {
        self.agenda().wake(event);
        self.bell.notify_one();
    }

    /// Says that a release action has ended.
    pub(crate) fn landed(&self) {
        let mut agenda = self.agenda();
        agenda.wake(Event::Cluster);
        drop(agenda);
        // The release may have brought the definition of a kind.
        self.kinds_changed();
        self.bell.notify_one();
    }

    /// Says that the cluster may know other kinds now: the sync loop looks at once, where it waits for something.
    pub(crate) fn kinds_changed(&self) {
        let mut agenda = self.agenda();
        if agenda.is_due(Loop::Sync) {
            agenda.ask(Loop::Sync);
            drop(agenda);
            self.bell.notify_one();
        }
    }

    /// Has the driver look up, though nothing changed.
    pub(crate) fn ring(&self) {
        self.bell.notify_one();
    }

    /// The agenda, to read or to change.
    pub(crate) fn agenda(&self) -> MutexGuard<'_, Agenda> {
        self.agenda.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns at the next event.
    pub(crate) async fn rung(&self) {
        self.bell.notified().await;
    }
}

impl Agenda {
    /// Marks the loops that an event concerns.
    pub fn wake(&mut self, event: Event) {
        match event {
            Event::Git => {
                self.now.extend(Loop::ALL);
                self.fetch.extend([Loop::Images, Loop::Sync]);
            }
            Event::Registry => {
                self.now.extend([Loop::Images]);
                self.fetch.insert(Loop::Images);
            }
            // What runs where is evidence for promotion rules, so the images loop looks as well.
            Event::Cluster => self.now.extend([Loop::Images, Loop::Releases]),
            Event::Policies => self.now.extend([Loop::Policies]),
        }
    }

    /// Marks one loop.
    pub fn ask(&mut self, which: Loop) {
        self.now.insert(which);
    }

    /// Notes when a loop's last plan wants to be looked at again; replaces what was noted before.
    pub fn due(&mut self, which: Loop, at: Option<Timestamp>) {
        match at {
            Some(at) => self.at.insert(which, at),
            None => self.at.remove(&which),
        };
    }

    /// The next loop to run at this time, taken off the agenda; none of those that rest.
    pub fn next(&mut self, now: Timestamp, resting: &BTreeSet<Loop>) -> Option<Loop> {
        let due = self.at.iter().filter(|(_, at)| **at <= now).map(|(which, _)| *which);
        let next = self.now.iter().copied().chain(due).filter(|which| !resting.contains(which)).min()?;
        self.now.remove(&next);
        if self.at.get(&next).is_some_and(|at| *at <= now) {
            self.at.remove(&next);
            self.fetch.insert(next);
        }
        Some(next)
    }

    /// Whether a loop that was taken off the agenda is to fetch the config repository. A change in the cluster alone is
    /// no reason to.
    pub fn fetches(&mut self, which: Loop) -> bool {
        self.fetch.remove(&which)
    }

    /// Whether nothing is to be looked at now.
    pub fn is_empty(&self, now: Timestamp) -> bool {
        self.now.is_empty() && self.at.values().all(|at| *at > now)
    }

    /// Whether a loop's last plan wants to be looked at again at some time.
    pub fn is_due(&self, which: Loop) -> bool {
        self.at.contains_key(&which)
    }

    /// The earliest noted time.
    pub fn earliest(&self) -> Option<Timestamp> {
        self.at.values().min().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wake_ups_coalesce_and_run_in_the_order_of_the_flow() {
        let mut agenda = Agenda::default();
        agenda.wake(Event::Cluster);
        agenda.wake(Event::Git);
        agenda.wake(Event::Git);
        let order: Vec<Loop> = std::iter::from_fn(|| agenda.next(Timestamp(0), &BTreeSet::new())).collect();
        assert_eq!(order, Loop::ALL);
    }

    #[test]
    fn a_hold_wakes_its_loop_at_its_instant_and_not_before() {
        let mut agenda = Agenda::default();
        agenda.due(Loop::Images, Some(Timestamp(1000)));
        assert_eq!(agenda.next(Timestamp(999), &BTreeSet::new()), None);
        assert_eq!(agenda.earliest(), Some(Timestamp(1000)));
        assert_eq!(agenda.next(Timestamp(1000), &BTreeSet::new()), Some(Loop::Images));
        assert_eq!(agenda.next(Timestamp(2000), &BTreeSet::new()), None);
    }
}
