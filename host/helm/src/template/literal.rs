//! Numbers, texts and characters as they are written in Go.

use super::node::Constant;

/// How much of a text is a number, as Go's template lexer takes it.
pub(super) fn length(text: &str) -> usize {
    let mut scanner = Scanner { bytes: text.as_bytes(), at: 0 };
    scanner.one(b"+-");
    let mut digits: &[u8] = b"0123456789_";
    if scanner.one(b"0") {
        if scanner.one(b"xX") {
            digits = b"0123456789abcdefABCDEF_";
        } else if scanner.one(b"oO") {
            digits = b"01234567_";
        } else if scanner.one(b"bB") {
            digits = b"01_";
        }
    }
    scanner.run(digits);
    if scanner.one(b".") {
        scanner.run(digits);
    }
    let exponent: &[u8] = match digits.len() {
        11 => b"eE",
        23 => b"pP",
        _ => b"",
    };
    if scanner.one(exponent) {
        scanner.one(b"+-");
        scanner.run(b"0123456789_");
    }
    scanner.at
}

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Scanner<'_> {
    fn one(&mut self, set: &[u8]) -> bool {
        let fits = self.bytes.get(self.at).is_some_and(|byte| set.contains(byte));
        self.at += usize::from(fits);
        fits
    }

    fn run(&mut self, set: &[u8]) {
        while self.one(set) {}
    }
}

/// The value of a number: an `int`, or a `float64` when it is written with a point or an exponent.
pub(super) fn value(text: &str) -> Result<Constant, String> {
    if let Some(int) = int(text) {
        return Ok(Constant::Int(int));
    }
    match float(text) {
        Some(float) if text.contains(['.', 'e', 'E', 'p', 'P']) => Ok(Constant::Float(float)),
        Some(_) => Err(format!("integer overflow: \"{text}\"")),
        None => Err(format!("bad number syntax: \"{text}\"")),
    }
}

/// The value of a text or character, which is given with its quotes.
pub(super) fn quoted(written: &str) -> Result<Constant, String> {
    let inner = written.get(1..written.len().saturating_sub(1)).unwrap_or_default();
    Ok(match written.as_bytes().first() {
        Some(b'`') if !inner.contains('\r') => Constant::Text(inner.into()),
        Some(b'`') => Constant::Text(inner.replace('\r', "").into()),
        Some(b'"') if !inner.contains('\\') => Constant::Text(crate::value::from_bytes(inner.as_bytes())),
        Some(b'"') => Constant::Text(unquote(inner)?.into()),
        _ => {
            let text = unquote(inner)?;
            let mut chars = text.chars();
            match (chars.next(), chars.next()) {
                (Some(c), None) => Constant::Int(i64::from(u32::from(c))),
                _ => return Err(format!("malformed character constant: '{inner}'")),
            }
        }
    })
}

/// Undoes the escapes of a Go string.
fn unquote(text: &str) -> Result<String, String> {
    let wrong = || format!("invalid syntax in \"{text}\"");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let (plain, escape) = rest.split_at(at);
        bytes.extend_from_slice(plain.as_bytes());
        let letter = escape.chars().nth(1).ok_or_else(wrong)?;
        let digits = |from: usize, count: usize, radix: u32| {
            let digits = escape.get(from..from + count)?;
            u32::from_str_radix(digits, radix).ok().map(|code| (code, from + count))
        };
        let simple = match letter {
            'a' => Some(7),
            'b' => Some(8),
            'f' => Some(12),
            'n' => Some(b'\n'),
            'r' => Some(b'\r'),
            't' => Some(b'\t'),
            'v' => Some(11),
            '\\' | '\'' | '"' => u8::try_from(letter).ok(),
            _ => None,
        };
        let length = if let Some(byte) = simple {
            bytes.push(byte);
            2
        } else {
            let (code, end) = match letter {
                'x' => digits(2, 2, 16),
                'u' => digits(2, 4, 16),
                'U' => digits(2, 8, 16),
                '0'..='7' => digits(1, 3, 8),
                _ => None,
            }
            .ok_or_else(wrong)?;
            if matches!(letter, 'u' | 'U') {
                let c = char::from_u32(code).ok_or_else(wrong)?;
                bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            } else {
                bytes.push(u8::try_from(code).map_err(|_| wrong())?);
            }
            end
        };
        rest = escape.get(length..).unwrap_or_default();
    }
    bytes.extend_from_slice(rest.as_bytes());
    Ok(crate::value::from_bytes(&bytes).to_string())
}

/// `strconv.ParseInt(text, 0, 64)`.
pub(crate) fn int(text: &str) -> Option<i64> {
    let (negative, unsigned) = match text.as_bytes().first()? {
        b'-' => (true, text.get(1..)?),
        b'+' => (false, text.get(1..)?),
        _ => (false, text),
    };
    let (radix, digits, prefixed) = match unsigned.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, unsigned.get(2..)?, true),
        [b'0', b'o' | b'O', ..] => (8, unsigned.get(2..)?, true),
        [b'0', b'b' | b'B', ..] => (2, unsigned.get(2..)?, true),
        [b'0', _, ..] => (8, unsigned.get(1..)?, true),
        _ => (10, unsigned, false),
    };
    let digits = without_underscores(digits, prefixed)?;
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let magnitude = i128::from_str_radix(&digits, radix).ok()?;
    i64::try_from(if negative { -magnitude } else { magnitude }).ok()
}

/// Underscores may stand between digits, and between a prefix and a digit, of numbers with a base.
fn without_underscores(digits: &str, prefixed: bool) -> Option<String> {
    let wrong = digits.ends_with('_') || digits.contains("__") || digits.starts_with('_') && !prefixed;
    (!wrong).then(|| digits.replace('_', ""))
}

/// `strconv.ParseFloat(text, 64)` of numbers, not of words such as `inf`; `None` when it is out of range too.
pub(crate) fn float(text: &str) -> Option<f64> {
    let (sign, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    if let Some(digits) = unsigned.strip_prefix("0x").or_else(|| unsigned.strip_prefix("0X")) {
        return hexadecimal(&digits.replace('_', "")).map(|float| sign * float);
    }
    let plain = unsigned.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-'));
    let begins = unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    if !(plain && begins) {
        return None;
    }
    unsigned.parse::<f64>().ok().filter(|float| float.is_finite()).map(|float| sign * float)
}

/// The digits of `0x1.8p3`; the exponent is required. More digits than a float holds are rounded once.
#[allow(clippy::cast_precision_loss, reason = "rounding to the nearest is what is asked for")]
fn hexadecimal(text: &str) -> Option<f64> {
    let (mantissa, exponent) = text.split_once(['p', 'P'])?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    if digits.is_empty() || digits.len() > 31 {
        return None;
    }
    let size = u128::from_str_radix(&digits, 16).ok()?;
    let exponent: i32 = exponent.parse().ok()?;
    let shift = exponent.checked_sub(i32::try_from(fraction.len()).ok()?.checked_mul(4)?)?;
    let float = size as f64 * 2_f64.powi(shift.clamp(-2000, 2000));
    float.is_finite().then_some(float)
}
