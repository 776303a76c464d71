//! Rules of POSIX for time zones, such as `CET-1CEST,M3.5.0,M10.5.0/3` (POSIX.1-2024, 8.3, `TZ`).

use crate::zone::{Zone, days_before};

/// Two in the morning, when clocks change unless a rule says otherwise.
const USUAL: i64 = 2 * 3600;

/// When clocks change every year.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    day: Day,
    /// Seconds from midnight; it may be negative or more than a day.
    time: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Day {
    /// Month, week (5 is the last) and weekday from Sunday.
    Weekday(usize, i64, i64),
    /// From 1, without the 29th of February.
    Julian(i64),
    /// From 0.
    OfYear(i64),
}

/// Days before each month of a year that is no leap year, and of the whole.
const MONTHS: [i64; 13] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365];

impl Rule {
    /// Seconds since 1970 by the clock that is shown until then.
    pub(crate) fn second(&self, year: i64) -> i64 {
        let first = days_before(year);
        let leap = i64::from(days_before(year + 1) - first == 366);
        let day = match self.day {
            Day::OfYear(day) => first + day,
            Day::Julian(day) => first + day - 1 + if day > 59 { leap } else { 0 },
            Day::Weekday(month, week, weekday) => {
                let before =
                    |month: usize| MONTHS.get(month).copied().unwrap_or_default() + if month > 1 { leap } else { 0 };
                let (begin, end) = (first + before(month - 1), first + before(month));
                // 1970 began on a Thursday.
                let first_such = begin + (weekday - (begin + 4)).rem_euclid(7);
                let day = first_such + 7 * (week - 1);
                if day < end { day } else { day - 7 }
            }
        };
        day * 86_400 + self.time
    }
}

/// Reads a rule; `None` for what is none.
pub(crate) fn read(text: &str) -> Option<Zone> {
    let rest = name(text)?;
    let (standard, rest) = offset(rest, 24)?;
    let zone = |summer| Zone { standard: -standard, summer };
    if rest.is_empty() {
        return Some(zone(None));
    }
    let rest = name(rest)?;
    // An hour ahead unless it is said.
    let (summer, rest) = if rest.starts_with(',') { (standard - 3600, rest) } else { offset(rest, 24)? };
    let (begin, rest) = rule(rest.strip_prefix(',')?)?;
    let (end, rest) = rule(rest.strip_prefix(',')?)?;
    rest.is_empty().then(|| zone(Some((-summer, begin, end))))
}

/// What is behind a name: three letters at least, or anything in angle brackets.
fn name(text: &str) -> Option<&str> {
    if let Some(quoted) = text.strip_prefix('<') {
        let (name, rest) = quoted.split_once('>')?;
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '+' || c == '-';
        return (name.len() >= 3 && name.chars().all(fits)).then_some(rest);
    }
    let rest = text.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    (text.len() - rest.len() >= 3).then_some(rest)
}

/// A signed `hh[:mm[:ss]]` in seconds, up to so many hours, and what is behind it.
fn offset(text: &str, most: i64) -> Option<(i64, &str)> {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let (hours, mut rest) = number(rest, most)?;
    let mut seconds = hours * 3600;
    for unit in [60, 1] {
        if let Some(more) = rest.strip_prefix(':') {
            let (count, after) = number(more, 59)?;
            seconds += count * unit;
            rest = after;
        }
    }
    Some((sign * seconds, rest))
}

fn rule(text: &str) -> Option<(Rule, &str)> {
    let (day, rest) = match text.strip_prefix(['M', 'J']) {
        Some(rest) if text.starts_with('M') => {
            let (month, rest) = number(rest, 12)?;
            let (week, rest) = number(rest.strip_prefix('.')?, 5)?;
            let (weekday, rest) = number(rest.strip_prefix('.')?, 6)?;
            let month = usize::try_from(month).ok().filter(|month| *month > 0)?;
            (Day::Weekday(month, Some(week).filter(|week| *week > 0)?, weekday), rest)
        }
        Some(rest) => {
            let (day, rest) = number(rest, 365)?;
            (Day::Julian(Some(day).filter(|day| *day > 0)?), rest)
        }
        None => {
            let (day, rest) = number(text, 365)?;
            (Day::OfYear(day), rest)
        }
    };
    let (time, rest) = match rest.strip_prefix('/') {
        Some(time) => offset(time, 167)?,
        None => (USUAL, rest),
    };
    Some((Rule { day, time }, rest))
}

/// A number up to `most`, and what is behind it.
fn number(text: &str, most: i64) -> Option<(i64, &str)> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, rest) = text.split_at(digits);
    let number = number.parse().ok().filter(|number| *number <= most)?;
    Some((number, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_is_no_rule() {
        for text in [
            "",
            "1",
            "CET",
            "CE-1",
            "CET-1CEST",
            "CET-1CEST,M3.5.0",
            "CET-1CEST,M3.5.0,M10.5.0/3x",
            "CET-1CEST,M13.5.0,M10.5.0",
            "CET-1CEST,M0.5.0,M10.5.0",
            "CET-1CEST,M3.0.0,M10.5.0",
            "CET-1CEST,M3.6.0,M10.5.0",
            "CET-1CEST,M3.5.7,M10.5.0",
            "CET-1CEST,J0,J365",
            "CET-1CEST,366,1",
            "CET-1:60",
            "CET25",
            "<CE+1",
            "<é+1>-1",
            "CET-99999999999999999999",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        let days = read("AAA3BBB,J60/0,59/24:30");
        assert_eq!(days.as_ref().map(|zone| zone.standard), Some(-10_800));
        let Some((ahead, begin, end)) = days.and_then(|zone| zone.summer) else { panic!("it has a summer") };
        assert_eq!(ahead, -7200);
        // The 1st of March with and without the 29th of February; the 60th day.
        assert_eq!(begin.second(2026), (days_before(2026) + 59) * 86_400);
        assert_eq!(begin.second(2028), (days_before(2028) + 60) * 86_400);
        assert_eq!(end.second(2028), (days_before(2028) + 59) * 86_400 + 88_200);
    }
}
