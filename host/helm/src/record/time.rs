//! Times as Go prints them.

use crate::functions::civil;

/// RFC 3339 in UTC with as many digits of the second's fraction as are not 0, from nanoseconds since 1970.
pub fn time(unix_nanos: i128) -> String {
    let (seconds, nanos) = (unix_nanos.div_euclid(1_000_000_000), unix_nanos.rem_euclid(1_000_000_000));
    let (days, of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let fraction = format!(".{nanos:09}");
    let fraction = fraction.trim_end_matches('0').trim_end_matches('.');
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z")
}

#[cfg(test)]
mod tests {
    use super::time;

    #[test]
    fn prints_no_more_digits_than_needed() {
        assert_eq!(time(0), "1970-01-01T00:00:00Z");
        assert_eq!(time(1_795_444_500_120_000_000), "2026-11-23T14:35:00.12Z");
        assert_eq!(time(1_795_444_500_000_000_001), "2026-11-23T14:35:00.000000001Z");
        assert_eq!(time(-1), "1969-12-31T23:59:59.999999999Z");
    }
}
