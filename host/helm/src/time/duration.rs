//! `time.Duration`.

use crate::value::go_quote;

/// `time.ParseDuration`, in nanoseconds.
pub(crate) fn parse_duration(text: &str) -> Result<i64, String> {
    let wrong = || format!("time: invalid duration {}", go_quote(text));
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(wrong());
    }
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let (whole, after) = digits(rest);
        let (fraction, after) = match after.strip_prefix('.') {
            Some(after) => digits(after),
            None => ("", after),
        };
        if whole.is_empty() && fraction.is_empty() {
            return Err(wrong());
        }
        let end = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        let Some(size) = size_of(unit) else {
            return Err(match unit {
                "" => format!("time: missing unit in duration {}", go_quote(text)),
                unit => format!("time: unknown unit {} in duration {}", go_quote(unit), go_quote(text)),
            });
        };
        let whole = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| wrong())? };
        let part = part(fraction, size).saturating_add(size.checked_mul(whole).ok_or_else(wrong)?);
        total = total.checked_add(part).filter(|total| *total <= 1 << 63).ok_or_else(wrong)?;
        rest = after;
    }
    match i64::try_from(total) {
        Ok(total) => Ok(if negative { -total } else { total }),
        Err(_) if negative => Ok(i64::MIN),
        Err(_) => Err(wrong()),
    }
}

fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

fn size_of(unit: &str) -> Option<u64> {
    Some(match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    })
}

/// A fraction of a unit. Go computes it as a float, and takes as many digits as an `int64` holds.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "as Go does")]
fn part(fraction: &str, unit: u64) -> u64 {
    let (mut number, mut scale) = (0_u64, 1.0_f64);
    for digit in fraction.bytes().map(|digit| u64::from(digit - b'0')) {
        let next = if number > (u64::MAX >> 1) / 10 { None } else { Some(number * 10 + digit) };
        match next.filter(|next| *next <= 1 << 63) {
            Some(next) => (number, scale) = (next, scale * 10.0),
            None => break,
        }
    }
    (number as f64 * (unit as f64 / scale)) as u64
}

/// `Duration.String`.
pub(crate) fn print_duration(nanos: i64) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    let size = nanos.unsigned_abs();
    let with_unit = |unit: u64, name: &str| format!("{sign}{}{name}", fraction(size, unit));
    match size {
        0 => "0s".to_owned(),
        1..1_000 => with_unit(1, "ns"),
        1_000..1_000_000 => with_unit(1_000, "µs"),
        1_000_000..1_000_000_000 => with_unit(1_000_000, "ms"),
        _ => {
            const MINUTE: u64 = 60_000_000_000;
            let (minutes, rest) = (size / MINUTE, fraction(size % MINUTE, 1_000_000_000));
            match (minutes / 60, minutes % 60) {
                (0, 0) => format!("{sign}{rest}s"),
                (0, minutes) => format!("{sign}{minutes}m{rest}s"),
                (hours, minutes) => format!("{sign}{hours}h{minutes}m{rest}s"),
            }
        }
    }
}

/// So many nanoseconds in a unit of so many.
fn fraction(nanos: u64, unit: u64) -> String {
    let digits = unit.ilog10() as usize;
    let (whole, rest) = (nanos / unit, nanos % unit);
    if rest == 0 {
        return whole.to_string();
    }
    format!("{whole}.{}", format!("{rest:0digits$}").trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_go_in_and_out() {
        for text in ["0s", "1ns", "1.1µs", "2.2ms", "3.3s", "4m5s", "4m5.001s", "5h6m7.001s", "-8m0.000000001s"] {
            assert_eq!(parse_duration(text).map(print_duration).as_deref(), Ok(text));
        }
        assert_eq!(print_duration(i64::MIN), "-2562047h47m16.854775808s");
        assert_eq!(parse_duration("-9223372036854775808ns"), Ok(i64::MIN));
        assert_eq!(parse_duration("0.1000000000000000000000h"), Ok(360_000_000_000));
        assert!(parse_duration("9223372036854775808ns").is_err() && parse_duration("1d").is_err());
    }
}
