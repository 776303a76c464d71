//! Time zones by name.
//!
//! `zones.txt` has the names of the tz database, each behind the rule that holds for it from now on (the footer of its
//! TZif file). The past, and rules that change by the moon (Ramadan in Morocco), are not in it.
//!
//! Zones are read here and not by a crate, which would be four fifths of the component.

use crate::posix::{self, Rule};

const ZONES: &str = include_str!("zones.txt");

/// Howard Hinnant's days from 1970 to the beginning of a year.
pub(crate) fn days_before(year: i64) -> i64 {
    let before = year - 1;
    365 * year + before.div_euclid(4) - before.div_euclid(100) + before.div_euclid(400) - 719_527
}

/// A zone: how far its clock is ahead of UTC, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Zone {
    /// Seconds ahead of UTC.
    pub(crate) standard: i64,
    /// Seconds ahead of UTC in summer, its beginning and its end.
    pub(crate) summer: Option<(i64, Rule, Rule)>,
}

/// The zone of a name or of a rule of POSIX.
pub(crate) fn zone(text: &str) -> Option<Zone> {
    let mut lines = ZONES.lines().filter_map(|line| line.split_once(' '));
    let named = lines.find(|(_, names)| names.split(' ').any(|name| name == text)).map(|(rule, _)| rule);
    // A rule has a number; a name that is not known must not be read as one.
    let rule = named.or_else(|| Some(text).filter(|text| text.contains(|c: char| c.is_ascii_digit())))?;
    posix::read(rule)
}

impl Zone {
    /// What the zone's clock shows at an instant: milliseconds since 1970, as if it were UTC.
    pub(crate) fn clock(&self, instant: u64) -> u64 {
        instant.saturating_add_signed(self.ahead(seconds(instant)).saturating_mul(1000))
    }

    /// When the zone's clock shows this; of two instants the first, and one that the clock skips as if it had not.
    pub(crate) fn instant(&self, clock: u64) -> u64 {
        let summer = self.summer.as_ref().map_or(self.standard, |(summer, ..)| *summer);
        let (more, less) = (self.standard.max(summer), self.standard.min(summer));
        let at = |ahead: i64| clock.saturating_add_signed(-ahead.saturating_mul(1000));
        if self.ahead(seconds(at(more))) == more { at(more) } else { at(less) }
    }

    /// Seconds ahead of UTC at this second.
    fn ahead(&self, second: i64) -> i64 {
        let Some((summer, begin, end)) = &self.summer else { return self.standard };
        let year = year_of((second + self.standard).div_euclid(86_400));
        let begin = begin.second(year) - self.standard;
        let end = end.second(year) - summer;
        let is_summer = if begin < end { (begin..end).contains(&second) } else { !(end..begin).contains(&second) };
        if is_summer { *summer } else { self.standard }
    }
}

fn seconds(millis: u64) -> i64 {
    i64::try_from(millis / 1000).unwrap_or(i64::MAX / 2)
}

/// The year that a day is in.
fn year_of(day: i64) -> i64 {
    // Never late, and at most one early.
    let year = 1970 + day.div_euclid(366);
    let mut year = year.max(1970 + (day * 400).div_euclid(146_097) - 1);
    while days_before(year + 1) <= day {
        year += 1;
    }
    year
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_of_the_table_can_be_read() {
        for (rule, names) in ZONES.lines().filter_map(|line| line.split_once(' ')) {
            assert!(posix::read(rule).is_some(), "{rule} of {names}");
        }
        assert!(
            zone("Europe/Berlin").is_some()
                && zone("America/New_York").is_some()
                && zone("EST5EDT,M3.2.0,M11.1.0").is_some()
        );
        assert!(zone("Europe/Atlantis").is_none() && zone("CET").is_none());
    }

    #[test]
    fn years_begin_where_they_do() {
        assert_eq!(
            (days_before(1970), days_before(1971), days_before(1973), days_before(2000)),
            (0, 365, 1096, 10_957)
        );
        for year in 1970..2400 {
            assert_eq!((year_of(days_before(year)), year_of(days_before(year + 1) - 1)), (year, year));
        }
    }

    /// Every hour of two years, one of them with a 29th of February, in every zone of the table, as another implementation has it.
    #[test]
    fn clocks_and_instants_are_those_of_a_crate_that_knows() {
        let begin = 1_798_761_600_000_u64;
        for (rule, names) in ZONES.lines().filter_map(|line| line.split_once(' ')) {
            let (ours, theirs) = (posix::read(rule).unwrap(), jiff::tz::TimeZone::posix(rule).unwrap());
            for hour in 0..2 * 8784 {
                let time = begin + hour * 3_600_000 + 1_800_000;
                let timestamp = jiff::Timestamp::from_millisecond(time as i64).unwrap();
                let clock = theirs.to_datetime(timestamp);
                let shown = clock.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp().as_millisecond() as u64;
                assert_eq!(ours.clock(time), shown, "{names} at {timestamp}");
                // The same time of day as a clock's.
                let civil = timestamp.to_zoned(jiff::tz::TimeZone::UTC).datetime();
                let instant = theirs.to_timestamp(civil).unwrap().as_millisecond() as u64;
                assert_eq!(ours.instant(time), instant, "{names} at {civil}");
            }
        }
    }
}
