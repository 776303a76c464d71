//! Conversions of `github.com/spf13/cast`, which Sprig's `int`, `int64`, `float64` and arithmetic go through.

use super::Value;

/// `cast.ToInt64`; what cannot be converted is 0.
pub(crate) fn to_int(value: &Value) -> i64 {
    match value {
        Value::Bool(bool) => i64::from(*bool),
        Value::Int(int) | Value::Int64(int) => *int,
        Value::Uint64(uint) => uint.cast_signed(),
        Value::Float(float) => truncated(*float),
        Value::Text(text) => parse_int(text),
        Value::Struct(object) => object.number().unwrap_or(0),
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
        Value::Uint64(uint) => *uint as f64,
        Value::Float(float) => *float,
        Value::Text(text) => parse_float(text).unwrap_or(0.0),
        _ => 0.0,
    }
}

/// `true` or `false`.
pub(crate) fn to_bool_text(bool: bool) -> &'static str {
    if bool { "true" } else { "false" }
}

/// The number that `strconv.ParseInt(text, 10, 64)` gives, whether or not it also gives an error: one out of range is the
/// nearest that there is.
pub(crate) fn decimal_int(text: &str) -> i64 {
    use std::num::IntErrorKind;
    match text.parse::<i64>().map_err(|error| *error.kind()) {
        Ok(int) => int,
        Err(IntErrorKind::PosOverflow) => i64::MAX,
        Err(IntErrorKind::NegOverflow) => i64::MIN,
        Err(_) => 0,
    }
}

/// `strconv.ParseInt(text, 0, 0)` after cast drops a fraction of zeros; a leading zero means octal.
fn parse_int(text: &str) -> i64 {
    let whole = match text.split_once('.') {
        Some((whole, zeros)) if !zeros.is_empty() && zeros.bytes().all(|b| b == b'0') => whole,
        _ => text,
    };
    let (sign, digits) = match whole.strip_prefix('-') {
        Some(digits) => (-1_i128, digits),
        None => (1, whole.strip_prefix('+').unwrap_or(whole)),
    };
    let lower = digits.to_ascii_lowercase();
    let Some(lower) = without_underscores(&lower) else { return 0 };
    let bases = [("0x", 16), ("0b", 2), ("0o", 8), ("0", 8), ("", 10)];
    let based = bases.iter().find_map(|(prefix, radix)| {
        let digits = lower.strip_prefix(prefix).filter(|digits| !digits.is_empty())?;
        Some(i128::from_str_radix(digits, *radix))
    });
    match based {
        Some(Ok(int)) if !lower.contains(['+', '-']) => i64::try_from(sign * int).unwrap_or(0),
        _ => 0,
    }
}

/// `strconv.ParseFloat`; one out of range is none.
fn parse_float(text: &str) -> Option<f64> {
    let (sign, unsigned) = match text.strip_prefix('-') {
        Some(unsigned) => (-1.0, unsigned),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    match unsigned.to_ascii_lowercase().as_str() {
        "inf" | "infinity" => return Some(sign * f64::INFINITY),
        "nan" => return (unsigned.len() == text.len()).then_some(f64::NAN),
        _ => {}
    }
    let plain = without_underscores(unsigned)?;
    let size = match plain.strip_prefix("0x").or_else(|| plain.strip_prefix("0X")) {
        Some(hex) => hex_float(hex)?,
        None if plain.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-')) => {
            plain.parse().ok()?
        }
        None => return None,
    };
    Some(sign * size).filter(|float: &f64| float.is_finite())
}

/// What stands behind `0x` in a float: hexadecimal digits, and a power of two.
fn hex_float(text: &str) -> Option<f64> {
    let (mantissa, power) = text.split_once(['p', 'P'])?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let power = power.strip_prefix('+').filter(|power| !power.starts_with('-')).unwrap_or(power);
    if power.strip_prefix('-').unwrap_or(power).bytes().any(|byte| !byte.is_ascii_digit()) || power.is_empty() {
        return None;
    }
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let number = num_bigint::BigUint::parse_bytes(digits.as_bytes(), 16)?;
    let power = power.parse::<i64>().unwrap_or(if power.starts_with('-') { -LEAST_POWER } else { LEAST_POWER });
    let bits = i64::try_from(number.bits()).ok()?;
    let power = power.saturating_sub(i64::try_from(fraction.len()).ok()?.saturating_mul(4));
    if bits == 0 || power.saturating_add(bits) < -LEAST_POWER {
        return Some(0.0);
    }
    if power.saturating_add(bits) > LEAST_POWER {
        return None;
    }
    // A power of two as one of ten, of which Rust finds the nearest float.
    let times = |base: u32, power: i64| num_bigint::BigUint::from(base).pow(u32::try_from(power).unwrap_or(0));
    format!("{}e{}", number * times(2, power) * times(5, -power), power.min(0)).parse().ok()
}

/// Powers of two that are out of range in any case.
const LEAST_POWER: i64 = 2_000;

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
