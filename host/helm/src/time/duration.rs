//! `time.Duration`.

use super::SECOND;

/// `time.ParseDuration`, in nanoseconds.
pub(crate) fn parse_duration(text: &str) -> Result<i64, String> {
    let wrong = || format!("time: invalid duration {}", crate::value::go_quote(text));
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(wrong());
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(rest.len());
        let (number, after) = rest.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() && fraction.is_empty() || fraction.contains('.') || whole.len() > 19 {
            return Err(wrong());
        }
        let end = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        let size = match unit {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => SECOND,
            "m" => 60 * SECOND,
            "h" => 3600 * SECOND,
            "" => return Err(format!("time: missing unit in duration {}", crate::value::go_quote(text))),
            unit => {
                let (unit, text) = (crate::value::go_quote(unit), crate::value::go_quote(text));
                return Err(format!("time: unknown unit {unit} in duration {text}"));
            }
        };
        let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| wrong())? };
        let digits: String = fraction.chars().take(18).collect();
        let part: i128 = if digits.is_empty() { 0 } else { digits.parse().map_err(|_| wrong())? };
        let scale = 10_i128.pow(u32::try_from(digits.len()).unwrap_or(0));
        total += whole * size + part * size / scale;
        if total > i128::from(i64::MAX) {
            return Err(wrong());
        }
        rest = after;
    }
    i64::try_from(sign * total).map_err(|_| wrong())
}

/// `Duration.String` of whole seconds.
pub(crate) fn print_duration(seconds: i128) -> String {
    let (sign, size) = (if seconds < 0 { "-" } else { "" }, seconds.abs());
    let (hours, minutes, rest) = (size / 3600, size / 60 % 60, size % 60);
    match (hours, minutes) {
        (0, 0) => format!("{sign}{rest}s"),
        (0, _) => format!("{sign}{minutes}m{rest}s"),
        _ => format!("{sign}{hours}h{minutes}m{rest}s"),
    }
}
