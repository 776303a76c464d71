//! The one clock that everything embedded reads, so that a demo or a test can move time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;

/// A shared clock in milliseconds since 1970-01-01T00:00:00Z; clones show the same time.
#[derive(Clone, Debug)]
pub struct Clock {
    source: Source,
}

#[derive(Clone, Debug)]
enum Source {
    Fixed(Arc<AtomicU64>),
    System,
}

impl Clock {
    /// A clock that stands still at `millis` until it is moved.
    pub fn fixed(millis: u64) -> Self {
        Self { source: Source::Fixed(Arc::new(AtomicU64::new(millis))) }
    }

    /// The machine's own clock; [`Clock::advance`] does not move it.
    pub fn system() -> Self {
        Self { source: Source::System }
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub fn now(&self) -> u64 {
        match &self.source {
            Source::Fixed(millis) => millis.load(Ordering::SeqCst),
            Source::System => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
            }
        }
    }

    /// Moves a fixed clock forward by this many milliseconds, for all its clones.
    pub fn advance(&self, millis: u64) {
        if let Source::Fixed(now) = &self.source {
            now.fetch_add(millis, Ordering::SeqCst);
        }
    }

    /// The time as Kubernetes writes it: RFC 3339 in UTC to the second, such as `2026-11-23T14:35:00Z`.
    pub fn rfc3339(&self) -> String {
        rfc3339(self.now())
    }
}

/// RFC 3339 in UTC to the second.
pub(crate) fn rfc3339(millis: u64) -> String {
    let seconds = i64::try_from(millis / 1000).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH).to_string()
}

/// RFC 3339 in UTC with what the time has of milliseconds, as builders of images write it.
pub(crate) fn rfc3339_millis(millis: u64) -> String {
    let millis = i64::try_from(millis).unwrap_or(i64::MAX);
    Timestamp::from_millisecond(millis).unwrap_or(Timestamp::UNIX_EPOCH).to_string()
}

/// Milliseconds since the epoch of an RFC 3339 time.
pub(crate) fn parse_rfc3339(text: &str) -> Option<u64> {
    u64::try_from(text.parse::<Timestamp>().ok()?.as_millisecond()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_move_together() {
        let clock = Clock::fixed(1_795_444_500_000);
        let other = clock.clone();
        clock.advance(60_000);
        assert_eq!(other.rfc3339(), "2026-11-23T14:36:00Z");
        assert_eq!(parse_rfc3339("2026-11-23T14:36:00Z"), Some(other.now()));
        assert_eq!(rfc3339_millis(other.now()), "2026-11-23T14:36:00Z");
        assert_eq!(rfc3339_millis(other.now() + 50), "2026-11-23T14:36:00.05Z");
    }
}
