//! The closed list of what can wake a loop. An event carries no data: it only says "look again", and wake-ups coalesce.

use std::collections::{BTreeMap, BTreeSet};

use rhumb_core::id::Timestamp;

/// One of the three loops, in the order in which work flows through them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Loop {
    /// Registry → git.
    Images,
    /// Git → cluster.
    Sync,
    /// Charts → cluster.
    Releases,
}

impl Loop {
    /// All of them, in order.
    pub const ALL: [Self; 3] = [Self::Images, Self::Sync, Self::Releases];

    /// Name in logs and spans.
    pub fn as_str(self) -> &'static str {
        match self {
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
}

/// Which loops are to look again, now or at a time.
#[derive(Debug, Default)]
pub struct Agenda {
    now: BTreeSet<Loop>,
    at: BTreeMap<Loop, Timestamp>,
}

impl Agenda {
    /// Marks the loops that an event concerns.
    pub fn wake(&mut self, event: Event) {
        match event {
            Event::Git => self.now.extend(Loop::ALL),
            Event::Registry => self.now.extend([Loop::Images]),
            // What runs where is evidence for promotion rules, so the images loop looks as well.
            Event::Cluster => self.now.extend([Loop::Images, Loop::Releases]),
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

    /// The next loop to run at this time, taken off the agenda.
    pub fn next(&mut self, now: Timestamp) -> Option<Loop> {
        let due = self.at.iter().filter(|(_, at)| **at <= now).map(|(which, _)| *which);
        let next = self.now.iter().copied().chain(due).min()?;
        self.now.remove(&next);
        if self.at.get(&next).is_some_and(|at| *at <= now) {
            self.at.remove(&next);
        }
        Some(next)
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
        let order: Vec<Loop> = std::iter::from_fn(|| agenda.next(Timestamp(0))).collect();
        assert_eq!(order, Loop::ALL);
    }

    #[test]
    fn a_hold_wakes_its_loop_at_its_instant_and_not_before() {
        let mut agenda = Agenda::default();
        agenda.due(Loop::Images, Some(Timestamp(1000)));
        assert_eq!(agenda.next(Timestamp(999)), None);
        assert_eq!(agenda.earliest(), Some(Timestamp(1000)));
        assert_eq!(agenda.next(Timestamp(1000)), Some(Loop::Images));
        assert_eq!(agenda.next(Timestamp(2000)), None);
    }
}
