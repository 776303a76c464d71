//! Times as Go prints them.

use crate::time::{Zone, format};

/// RFC 3339 in UTC with as many digits of the second's fraction as are not 0, from nanoseconds since 1970.
pub fn time(unix_nanos: i128) -> String {
    format(unix_nanos, "2006-01-02T15:04:05.999999999Z07:00", &Zone::Utc)
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
