//! Times as Go's `time` prints and reads them: layouts by example, time zones, durations.

mod calendar;
mod duration;
mod format;
mod layout;
mod methods;
mod parse;
mod zone;

use calendar::NAMES;
pub(crate) use duration::{parse_duration, print_duration};
pub(crate) use format::{format, rfc3339};
pub(crate) use methods::method;
pub(crate) use parse::parse;
pub(crate) use zone::Zone;

/// Nanoseconds in a second.
pub(crate) const SECOND: i128 = 1_000_000_000;

/// `time.Time`: a moment, and the zone that its clock shows.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Time {
    /// Since 1970.
    pub(crate) nanos: i128,
    pub(crate) zone: Zone,
}

impl Time {
    /// Go's time before all others, which Sprig gives for a text that is no date.
    pub(crate) const ZERO: Time = Time { nanos: -62_135_596_800 * SECOND, zone: Zone::Utc };

    /// `Time.Format`.
    pub(crate) fn format(&self, layout: &str) -> String {
        format(self.nanos, layout, &self.zone)
    }

    /// `Time.String`.
    pub(crate) fn go_string(&self) -> String {
        self.format("2006-01-02 15:04:05.999999999 -0700 MST")
    }

    /// What `%#v` prints.
    pub(crate) fn go_syntax(&self) -> String {
        let date = self.format("2006, time.January, 2, ");
        let clock = format::Local::new(self.nanos + self.zone.offset(self.nanos) * SECOND);
        let (hour, minute, second) = (clock.second / 3600, clock.second / 60 % 60, clock.second % 60);
        format!("time.Date({date}{hour}, {minute}, {second}, {}, {})", clock.nanos, self.zone.go_syntax())
    }
}
