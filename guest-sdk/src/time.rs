//! Times and durations as people write them.

use std::fmt;

/// Milliseconds since 1970-01-01T00:00:00Z, which prints as RFC 3339.
///
/// ```
/// # use rhumb_guest_sdk::Timestamp;
/// assert_eq!(Timestamp(1_795_444_500_000).to_string(), "2026-11-23T14:35:00Z");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// Reads RFC 3339 in UTC, such as `2026-12-20T18:00:00Z`, or a day, such as `2026-12-20`, which begins at midnight.
    ///
    /// ```
    /// # use rhumb_guest_sdk::Timestamp;
    /// assert_eq!(Timestamp::parse("2026-11-23T14:35:00Z"), Some(Timestamp(1_795_444_500_000)));
    /// assert_eq!(Timestamp::parse("2026-02-29"), None);
    /// ```
    pub fn parse(text: &str) -> Option<Self> {
        let (date, time) = text.split_once('T').unwrap_or((text, "00:00:00Z"));
        let clock = time.strip_suffix('Z')?;
        let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
        let [hour, minute, second] = match clock.len() {
            5 => numbers(clock, ':', [2, 2]).map(|[hour, minute]| [hour, minute, 0])?,
            _ => numbers(clock, ':', [2, 2, 2])?,
        };
        if year < 1970 || hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        // Howard Hinnant's `days_from_civil`, for days after 1970.
        let y = if month <= 2 { year - 1 } else { year };
        let (era, yoe) = (y / 400, y % 400);
        let doy = (153 * ((month + 9) % 12) + 2) / 5 + day.checked_sub(1)?;
        let days = (era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy).checked_sub(719_468)?;
        let found = Self(((days * 24 + hour) * 60 + minute) * 60_000 + second * 1000);
        // A day that does not exist is another day when it is printed.
        found.to_string().starts_with(date).then_some(found)
    }
}

/// Numbers of so many digits, between signs.
fn numbers<const N: usize>(text: &str, sign: char, digits: [usize; N]) -> Option<[u64; N]> {
    let mut parts = text.split(sign);
    let mut found = [0; N];
    for (number, length) in found.iter_mut().zip(digits) {
        let part =
            parts.next().filter(|part| part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit()))?;
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(found)
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, second) = (self.0 / 86_400_000, self.0 / 1000 % 86_400);
        // Howard Hinnant's `civil_from_days`, for days after 1970.
        let z = days + 719_468;
        let (era, doe) = (z / 146_097, z % 146_097);
        let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
        let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
        let mp = (5 * doy + 2) / 153;
        let (day, month) = (doy - (153 * mp + 2) / 5 + 1, if mp < 10 { mp + 3 } else { mp - 9 });
        let year = yoe + era * 400 + u64::from(month <= 2);
        write!(f, "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", second / 3600, second / 60 % 60, second % 60)
    }
}

/// A length of time in milliseconds, written like `30m`, `1h30m`, `2d` or `90s`.
///
/// ```
/// # use rhumb_guest_sdk::Duration;
/// assert_eq!(Duration::parse("1h30m"), Some(Duration(5_400_000)));
/// assert_eq!(Duration(5_400_000).to_string(), "1h30m");
/// assert_eq!(Duration::parse("30"), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duration(pub u64);

/// Units from the largest, in milliseconds.
const UNITS: [(char, u64); 4] = [('d', 86_400_000), ('h', 3_600_000), ('m', 60_000), ('s', 1000)];

impl Duration {
    /// Reads whole numbers with the units `d`, `h`, `m` and `s`, each once and in this order.
    pub fn parse(text: &str) -> Option<Self> {
        let (mut millis, mut rest) = (0u64, text);
        for (unit, length) in UNITS {
            let digits = rest.find(|c: char| !c.is_ascii_digit())?;
            let (number, after) = rest.split_at(digits);
            if let Some(after) = after.strip_prefix(unit) {
                millis = millis.checked_add(number.parse::<u64>().ok()?.checked_mul(length)?)?;
                rest = after;
            }
            if rest.is_empty() {
                return Some(Self(millis));
            }
        }
        None
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        for (unit, length) in UNITS {
            let count = rest / length;
            rest %= length;
            if count > 0 {
                write!(f, "{count}{unit}")?;
            }
        }
        if self.0 < 1000 { f.write_str("0s") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_times_that_it_prints_and_no_others() {
        for text in ["1970-01-01T00:00:00Z", "2000-02-29T23:59:59Z", "2026-12-31T12:00:01Z", "2100-03-01T00:00:00Z"] {
            assert_eq!(Timestamp::parse(text).map(|time| time.to_string()).as_deref(), Some(text));
        }
        assert_eq!(Timestamp::parse("2026-03-01T09:30Z"), Timestamp::parse("2026-03-01T09:30:00Z"));
        for text in ["", "2026-13-01", "2026-00-01", "2026-01-00", "2100-02-29", "26-01-01", "2026-01-01T24:00:00Z"] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
        for text in ["2026-01-01T00:00:00", "2026-01-01T00:00:00+01:00", "1969-12-31", "2026-1-1"] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
    }

    #[test]
    fn reads_durations_that_it_prints() {
        for text in ["30m", "1h30m", "2d", "90s", "1d1h1m1s", "0s"] {
            let duration = Duration::parse(text);
            assert!(duration.is_some(), "{text}");
            let again = duration.and_then(|duration| Duration::parse(&duration.to_string()));
            assert_eq!(again, duration, "{text}");
        }
    }

    #[test]
    fn refuses_other_texts() {
        for text in ["", "30", "m", "30m1h", "1.5h", "-1h", "30 m", "99999999999999999999s", "1h1h"] {
            assert_eq!(Duration::parse(text), None, "{text}");
        }
    }
}
