//! Which type a plain scalar has, by the rules of go-yaml 2 (YAML 1.1 without sexagesimal numbers, Go's number syntax).

use std::borrow::Cow;

/// A typed scalar.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Scalar {
    Null,
    Bool(bool),
    Int(i64),
    /// Only over `i64::MAX`.
    Uint(u64),
    Float(f64),
    /// Looks like a date; read as the string it is, but quoted when written.
    Timestamp,
    Text,
}

/// Types an untagged plain scalar.
pub(crate) fn resolve(text: &str) -> Scalar {
    let Some(&first) = text.as_bytes().first() else { return Scalar::Null };
    match first {
        b'+' | b'-' | b'0'..=b'9' => word(text).unwrap_or_else(|| number(text)),
        b'.' => word(text).or_else(|| go_float(text).map(Scalar::Float)).unwrap_or(Scalar::Text),
        b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' | b'~' => {
            word(text).unwrap_or(Scalar::Text)
        }
        _ => Scalar::Text,
    }
}

/// Whether YAML 1.1 reads the text as a number in base 60, which go-yaml does not, but quotes for others' sake.
pub(crate) fn is_base_60(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (digits, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let mut parts = digits.split(':');
    let head = parts.next().unwrap_or_default();
    let head_fits = head.starts_with(|c: char| c.is_ascii_digit()) && all(head, |b| b.is_ascii_digit() || b == b'_');
    let mut tails = 0;
    let tails_fit = parts.all(|part| {
        tails += 1;
        let short = matches!(part.len(), 1 | 2) && all(part, |b| b.is_ascii_digit());
        short && (part.len() == 1 || part.starts_with(['0', '1', '2', '3', '4', '5']))
    });
    head_fits && tails_fit && tails > 0 && all(fraction, |b| b.is_ascii_digit() || b == b'_')
}

fn word(text: &str) -> Option<Scalar> {
    Some(match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Scalar::Bool(true),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Scalar::Bool(false),
        "~" | "null" | "Null" | "NULL" => Scalar::Null,
        ".nan" | ".NaN" | ".NAN" => Scalar::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Scalar::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Scalar::Float(f64::NEG_INFINITY),
        _ => return None,
    })
}

fn number(text: &str) -> Scalar {
    if is_timestamp(text) {
        return Scalar::Timestamp;
    }
    let plain = if text.contains('_') { Cow::Owned(text.replace('_', "")) } else { Cow::Borrowed(text) };
    if let Some(int) = go_int(&plain) {
        return int;
    }
    if is_yaml_float(&plain)
        && let Some(float) = go_float(&plain)
    {
        return Scalar::Float(float);
    }
    // A second sign behind `0b` is read by go-yaml, if by nobody else.
    if let Some(binary) = plain.strip_prefix("0b")
        && let Ok(int) = i64::from_str_radix(binary, 2)
    {
        return Scalar::Int(int);
    }
    Scalar::Text
}

/// `strconv.ParseInt(text, 0, 64)`, then `ParseUint`.
fn go_int(text: &str) -> Option<Scalar> {
    let (negative, unsigned) = match text.as_bytes().first()? {
        b'-' => (true, text.get(1..)?),
        b'+' => (false, text.get(1..)?),
        _ => (false, text),
    };
    let (radix, digits) = match unsigned.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, unsigned.get(2..)?),
        [b'0', b'o' | b'O', ..] => (8, unsigned.get(2..)?),
        [b'0', b'b' | b'B', ..] => (2, unsigned.get(2..)?),
        [b'0', _, ..] => (8, unsigned.get(1..)?),
        _ => (10, unsigned),
    };
    if !all(digits, |b| b.is_ascii_alphanumeric()) {
        return None;
    }
    let magnitude = u64::from_str_radix(digits, radix).ok()?;
    match (negative, i64::try_from(magnitude)) {
        (false, Ok(int)) => Some(Scalar::Int(int)),
        (true, Ok(int)) => Some(Scalar::Int(-int)),
        (true, Err(_)) if magnitude == i64::MIN.unsigned_abs() => Some(Scalar::Int(i64::MIN)),
        // `ParseUint` takes no sign, so `+` before a number over `i64::MAX` makes it a float.
        (false, Err(_)) if !text.starts_with('+') => Some(Scalar::Uint(magnitude)),
        _ => None,
    }
}

/// `^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`
pub(crate) fn is_yaml_float(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))),
        None => (unsigned, None),
    };
    let digits = |part: &str| all(part, |b| b.is_ascii_digit());
    let mantissa_fits = match mantissa.split_once('.') {
        Some(("", fraction)) => !fraction.is_empty() && digits(fraction),
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => !mantissa.is_empty() && digits(mantissa),
    };
    mantissa_fits && exponent.is_none_or(|exponent| !exponent.is_empty() && digits(exponent))
}

/// `strconv.ParseFloat` for decimal numbers; a number out of range is none.
fn go_float(text: &str) -> Option<f64> {
    is_yaml_float(text).then(|| text.parse::<f64>().ok()).flatten().filter(|float| float.is_finite())
}

/// The date formats that go-yaml knows.
pub(crate) fn is_timestamp(text: &str) -> bool {
    let Some((date, time)) = split_date(text) else { return false };
    if date.is_none() {
        return false;
    }
    match time.as_bytes().first() {
        None => true,
        Some(b'T' | b't') => {
            let (clock, zone) = split_zone(time.get(1..).unwrap_or_default());
            is_clock(clock) && is_zone(zone)
        }
        Some(b' ') => is_clock(time.get(1..).unwrap_or_default()),
        _ => false,
    }
}

/// The date if it is one of the calendar, and what follows it.
fn split_date(text: &str) -> Option<(Option<()>, &str)> {
    let year = text.get(..4).filter(|year| all(year, |b| b.is_ascii_digit()))?;
    let rest = text.get(4..)?.strip_prefix('-')?;
    let (month, rest) = short_number(rest)?;
    let (day, rest) = short_number(rest.strip_prefix('-')?)?;
    let year: u32 = year.parse().ok()?;
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 0,
    };
    Some(((1..=days).contains(&day).then_some(()), rest))
}

/// One or two digits.
fn short_number(text: &str) -> Option<(u32, &str)> {
    let length = text.bytes().take(2).take_while(u8::is_ascii_digit).count();
    Some((text.get(..length)?.parse().ok()?, text.get(length..)?))
}

fn is_clock(text: &str) -> bool {
    let clock = || {
        let (hour, rest) = short_number(text)?;
        let (minute, rest) = short_number(rest.strip_prefix(':')?)?;
        let (second, rest) = short_number(rest.strip_prefix(':')?)?;
        let fraction = match rest.strip_prefix(['.', ',']) {
            Some(fraction) => !fraction.is_empty() && all(fraction, |b| b.is_ascii_digit()),
            None => rest.is_empty(),
        };
        Some(hour < 24 && minute < 60 && second < 60 && fraction)
    };
    clock().unwrap_or(false)
}

fn split_zone(text: &str) -> (&str, &str) {
    text.split_at(text.find(['Z', '+', '-']).unwrap_or(text.len()))
}

fn is_zone(text: &str) -> bool {
    text == "Z"
        || match text.strip_prefix(['+', '-']).and_then(|offset| offset.split_once(':')) {
            Some((hour, minute)) => [(hour, 24), (minute, 59)]
                .iter()
                .all(|(part, most)| part.len() == 2 && part.parse::<u8>().is_ok_and(|n| n <= *most)),
            None => false,
        }
}

fn all(text: &str, fits: impl Fn(u8) -> bool) -> bool {
    text.bytes().all(fits)
}
