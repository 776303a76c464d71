//! Which of several daemons acts: the one that holds the lease.
//!
//! Nobody's wall clock is trusted. A daemon counts on its own monotonic clock for how long it has seen the lease
//! unchanged, as Kubernetes' own components do.

use std::time::Duration;

/// How long a lease counts after it was last renewed, as whoever waits for it sees it.
pub const DURATION: Duration = Duration::from_secs(12);
/// How often it is renewed.
pub const RENEWAL: Duration = Duration::from_secs(4);
/// How long its holder writes after it began the last renewal that went through. What is left to [`DURATION`] is for
/// requests that are on their way.
pub const TERM: Duration = Duration::from_secs(8);
/// How often whoever waits looks at it.
pub const LOOK: Duration = Duration::from_secs(2);
/// Longest time for which a lease is believed, whatever it says.
const LONGEST: Duration = Duration::from_secs(60);

/// A lease as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Who holds it; empty when nobody does.
    pub holder: String,
    /// How long it counts without a renewal.
    pub duration: Duration,
    /// How often it changed hands.
    pub transitions: u32,
}

/// What a daemon that does not lead is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Take it.
    Take,
    /// Look again after this time.
    Wait(Duration),
}

/// What to do about a lease that was seen unchanged for some time; `None` is one that is not there.
pub fn step(lease: Option<&Lease>, unchanged: Duration, me: &str) -> Step {
    let Some(lease) = lease else { return Step::Take };
    // What holds it under our own name is our dead self.
    if lease.holder.is_empty() || lease.holder == me {
        return Step::Take;
    }
    match lease.duration.min(LONGEST).checked_sub(unchanged) {
        Some(left) if !left.is_zero() => Step::Wait(left.min(LOOK)),
        _ => Step::Take,
    }
}

/// Whether whoever held it as `held` may go on, now that it reads so: nobody else had it in between.
pub fn still_ours(held: &Lease, now: Option<&Lease>) -> bool {
    match now {
        // Somebody deleted it, and nobody made another.
        None => true,
        Some(now) => now.transitions == held.transitions && (now.holder == held.holder || now.holder.is_empty()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(holder: &str) -> Lease {
        Lease { holder: holder.to_owned(), duration: DURATION, transitions: 3 }
    }

    #[test]
    fn a_free_lease_is_taken_at_once_and_another_one_after_its_time() {
        let check = |lease: Option<&Lease>, seconds: u64, expected: Step| {
            assert_eq!(step(lease, Duration::from_secs(seconds), "a"), expected, "{lease:?} {seconds}");
        };
        check(None, 0, Step::Take);
        check(Some(&lease("")), 0, Step::Take);
        check(Some(&lease("a")), 0, Step::Take);
        check(Some(&lease("b")), 0, Step::Wait(LOOK));
        check(Some(&lease("b")), 11, Step::Wait(Duration::from_secs(1)));
        check(Some(&lease("b")), 12, Step::Take);
        check(Some(&lease("b")), 1000, Step::Take);
        // Nobody is locked out for ever by what stands in a lease.
        let endless = Lease { duration: Duration::MAX, ..lease("b") };
        check(Some(&endless), 60, Step::Take);
    }

    #[test]
    fn the_holder_stops_before_others_may_begin() {
        assert!(RENEWAL * 2 <= TERM && TERM + Duration::from_secs(4) <= DURATION);
        // Killed right after a renewal: seen at the next look, believed for its duration.
        assert!(LOOK + DURATION < Duration::from_secs(20));
    }

    #[test]
    fn a_lease_that_somebody_else_had_in_between_is_lost() {
        let held = lease("a");
        assert!(still_ours(&held, Some(&held)) && still_ours(&held, None) && still_ours(&held, Some(&lease(""))));
        assert!(!still_ours(&held, Some(&lease("b"))));
        assert!(!still_ours(&held, Some(&Lease { transitions: 5, ..held.clone() })));
        assert!(!still_ours(&held, Some(&Lease { transitions: 4, ..lease("") })));
    }
}
