//! Conversions of `github.com/spf13/cast`, which Sprig's `int`, `int64`, `float64` and arithmetic go through.

use super::Value;

/// `cast.ToInt64`; what cannot be converted is 0.
pub(crate) fn to_int(value: &Value) -> i64 {
    match value {
        Value::Bool(bool) => i64::from(*bool),
        Value::Int(int) | Value::Int64(int) => *int,
        Value::Float(float) => truncated(*float),
        Value::Text(text) => parse_int(text),
        _ => 0,
    }
}

/// `int64(float)` as Go has it on amd64: what does not fit is the smallest number.
#[allow(clippy::cast_possible_truncation, clippy::manual_range_contains, reason = "checked")]
fn truncated(float: f64) -> i64 {
    const OVER: f64 = 9_223_372_036_854_775_808.0;
    if float >= -OVER && float < OVER { float as i64 } else { i64::MIN }
}

/// `cast.ToFloat64`; what cannot be converted is 0.
#[allow(clippy::cast_precision_loss, reason = "Go rounds too")]
pub(crate) fn to_float(value: &Value) -> f64 {
    match value {
        Value::Bool(bool) => f64::from(u8::from(*bool)),
        Value::Int(int) | Value::Int64(int) => *int as f64,
        Value::Float(float) => *float,
        Value::Text(text) => without_underscores(text).and_then(|text| text.parse().ok()).unwrap_or(0.0),
        _ => 0.0,
    }
}

/// `true` or `false`.
pub(crate) fn to_bool_text(bool: bool) -> &'static str {
    if bool { "true" } else { "false" }
}

/// `strconv.ParseInt(text, 0, 0)` after cast drops a fraction of zeros; a leading zero means octal.
fn parse_int(text: &str) -> i64 {
    let whole = match text.split_once('.') {
        Some((whole, zeros)) if !zeros.is_empty() && zeros.bytes().all(|b| b == b'0') => whole,
        _ => text,
    };
    let (sign, digits) = match whole.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, whole.strip_prefix('+').unwrap_or(whole)),
    };
    let lower = digits.to_ascii_lowercase();
    let Some(lower) = without_underscores(&lower) else { return 0 };
    let bases = [("0x", 16), ("0b", 2), ("0o", 8), ("0", 8), ("", 10)];
    let based = bases.iter().find_map(|(prefix, radix)| {
        let digits = lower.strip_prefix(prefix).filter(|digits| !digits.is_empty())?;
        Some(i64::from_str_radix(digits, *radix))
    });
    match based {
        Some(Ok(int)) if !lower.contains(['+', '-']) => sign * int,
        _ => 0,
    }
}

/// A number without its underscores, each of which must stand between digits, or between the prefix of a base and a
/// digit, as in Go's literals.
fn without_underscores(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let is_digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_hexdigit);
    let is_prefix = |at: usize| matches!(bytes.get(at.saturating_sub(2)..at), Some(b"0x" | b"0X" | b"0o" | b"0O"));
    let mut underscores = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'_').map(|(at, _)| at);
    let fits = underscores.all(|at| (is_digit(at.checked_sub(1)) || is_prefix(at)) && is_digit(Some(at + 1)));
    fits.then(|| text.replace('_', ""))
}
