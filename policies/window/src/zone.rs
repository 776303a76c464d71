//! Time zones by name.
//!
//! `zones.txt` has the names of the tz database, each behind the rule that holds for it from now on (the footer of its
//! TZif file). The past, and rules that change by the moon (Ramadan in Morocco), are not in it.

use jiff::tz::TimeZone;

const ZONES: &str = include_str!("zones.txt");

/// The zone of a name or of a rule of POSIX.
pub(crate) fn zone(text: &str) -> Option<TimeZone> {
    let mut lines = ZONES.lines().filter_map(|line| line.split_once(' '));
    let named = lines.find(|(_, names)| names.split(' ').any(|name| name == text)).map(|(rule, _)| rule);
    // A rule has a number; a name that is not known must not be read as one.
    let rule = named.or_else(|| Some(text).filter(|text| text.contains(|c: char| c.is_ascii_digit())))?;
    TimeZone::posix(rule).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_of_the_table_can_be_read() {
        for (rule, names) in ZONES.lines().filter_map(|line| line.split_once(' ')) {
            assert!(TimeZone::posix(rule).is_ok(), "{rule} of {names}");
        }
        assert!(
            zone("Europe/Berlin").is_some()
                && zone("America/New_York").is_some()
                && zone("EST5EDT,M3.2.0,M11.1.0").is_some()
        );
        assert!(zone("Europe/Atlantis").is_none() && zone("CET").is_none());
    }
}
