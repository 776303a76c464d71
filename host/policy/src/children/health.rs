//! Which policies kill the process that runs them, and for how long each is left alone.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use rhumb_core::id::Digest;

/// Deaths after which a policy is left alone.
const DEATHS: u32 = 3;
/// How long at first; twice as long each time after that.
const FIRST_PAUSE: Duration = Duration::from_secs(10);
/// How long at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);
/// Answers that make up for what was before.
const AMENDS: u32 = 100;

/// A policy that is left alone for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspended {
    /// Why, for people; the same text for as long as the pause.
    pub why: String,
    /// How much longer.
    pub left: Duration,
}

/// Deaths by component.
#[derive(Debug, Default)]
pub(super) struct Health {
    troubled: HashMap<Digest, Trouble>,
}

#[derive(Debug)]
struct Trouble {
    deaths: u32,
    answers: u32,
    /// How the last process ended.
    last: String,
    pause: Duration,
    until: Instant,
}

impl Health {
    /// Why a policy is not asked now.
    pub(super) fn suspended(&self, component: &Digest, now: Instant) -> Option<Suspended> {
        let trouble = self.troubled.get(component).filter(|trouble| now < trouble.until)?;
        let Trouble { deaths, last, pause, until, .. } = trouble;
        let pause = pause.as_secs();
        let why =
            format!("suspended for {pause} s after it ended its process {deaths} times, the last time with {last}");
        Some(Suspended { why, left: *until - now })
    }

    /// A process ended while it ran this policy. Returns the pause that begins now.
    pub(super) fn died(&mut self, component: &Digest, how: String, now: Instant) -> Option<Duration> {
        let fresh = || Trouble { deaths: 0, answers: 0, last: String::new(), pause: Duration::ZERO, until: now };
        let trouble = self.troubled.entry(component.clone()).or_insert_with(fresh);
        trouble.deaths = trouble.deaths.saturating_add(1);
        trouble.answers = 0;
        trouble.last = how;
        if trouble.deaths < DEATHS {
            return None;
        }
        trouble.pause = if trouble.pause.is_zero() { FIRST_PAUSE } else { (trouble.pause * 2).min(LONGEST_PAUSE) };
        trouble.until = now + trouble.pause;
        Some(trouble.pause)
    }

    /// A policy answered this often.
    pub(super) fn lived(&mut self, component: &Digest, answers: usize) {
        let Some(trouble) = self.troubled.get_mut(component) else { return };
        trouble.answers = trouble.answers.saturating_add(u32::try_from(answers).unwrap_or(u32::MAX));
        if trouble.answers >= AMENDS {
            self.troubled.remove(component);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_that_kills_again_and_again_is_left_alone_for_longer_and_longer() {
        let (mut health, now) = (Health::default(), Instant::now());
        let (killer, other) = (Digest::of("killer"), Digest::of("other"));
        let die = |health: &mut Health, now| health.died(&killer, "signal 11".to_owned(), now);
        assert_eq!(die(&mut health, now), None);
        assert_eq!(die(&mut health, now), None);
        assert_eq!(health.suspended(&killer, now), None, "twice may be bad luck");
        assert_eq!(die(&mut health, now), Some(FIRST_PAUSE));
        let suspended = health.suspended(&killer, now).unwrap();
        assert_eq!(suspended.left, FIRST_PAUSE);
        assert_eq!(
            suspended.why,
            "suspended for 10 s after it ended its process 3 times, the last time with signal 11"
        );
        assert_eq!(health.suspended(&other, now), None);
        let later = now + FIRST_PAUSE;
        assert_eq!(health.suspended(&killer, later), None, "one more try");
        assert_eq!(die(&mut health, later), Some(FIRST_PAUSE * 2));
        for _ in 0..20 {
            die(&mut health, later);
        }
        assert_eq!(die(&mut health, later), Some(LONGEST_PAUSE));
        health.lived(&killer, 99);
        assert!(health.suspended(&killer, later).is_some());
        health.lived(&killer, 1);
        assert_eq!(health.suspended(&killer, later), None, "it made up for it");
        assert_eq!(die(&mut health, later), None);
    }
}
