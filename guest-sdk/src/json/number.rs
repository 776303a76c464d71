//! Numbers.

use super::Error;
use super::text::Text;

/// A number as small as it fits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    Whole(u64),
    Negative(i64),
    Broken(f64),
}

/// Takes a number (RFC 8259, section 6).
///
/// One with up to 15 digits and an exponent up to 22 is exact, since both can be written in a float; others may differ
/// in their last digits.
pub(super) fn read(text: &mut Text<'_>) -> Result<Number, Error> {
    let is_negative = text.peek() == Some(b'-');
    if is_negative {
        text.at += 1;
    }
    let begin = text.at;
    let (mut digits, mut exponent, mut is_broken) = (0u64, 0i32, false);
    let mut take =
        |digit: u8, is_after: bool| match digits.checked_mul(10).and_then(|ten| ten.checked_add(digit.into())) {
            Some(more) => {
                digits = more;
                exponent -= i32::from(is_after);
            }
            // What does not fit is less than can be told apart.
            None => {
                is_broken = true;
                exponent = exponent.saturating_add(i32::from(!is_after));
            }
        };
    each_digit(text, |digit| take(digit, false))?;
    if text.all.get(begin..text.at).is_some_and(|whole| whole.len() > 1 && whole.starts_with('0')) {
        return Err(Error::new("a number that begins with 0"));
    }
    let mut is_whole = true;
    if text.peek() == Some(b'.') {
        text.at += 1;
        is_whole = false;
        each_digit(text, |digit| take(digit, true))?;
    }
    if let Some(b'e' | b'E') = text.peek() {
        text.at += 1;
        is_whole = false;
        let sign = match text.peek() {
            Some(b'-') => -1,
            Some(b'+') => 1,
            _ => 0,
        };
        text.at += usize::from(sign != 0);
        let mut power = 0i32;
        each_digit(text, |digit| power = power.saturating_mul(10).saturating_add(digit.into()))?;
        exponent = exponent.saturating_add(if sign < 0 { -power } else { power });
    }
    if is_whole && !is_broken {
        if !is_negative {
            return Ok(Number::Whole(digits));
        }
        if let Some(number) = 0i64.checked_sub_unsigned(digits).filter(|_| digits > 0) {
            return Ok(Number::Negative(number));
        }
    }
    let number = scaled(digits, exponent);
    if !number.is_finite() {
        return Err(Error::new("a number that is too large"));
    }
    Ok(Number::Broken(if is_negative { -number } else { number }))
}

fn each_digit(text: &mut Text<'_>, mut take: impl FnMut(u8)) -> Result<(), Error> {
    let begin = text.at;
    while let Some(digit @ b'0'..=b'9') = text.peek() {
        take(digit - b'0');
        text.at += 1;
    }
    if text.at == begin { Err(Error::new("wanted a digit")) } else { Ok(()) }
}

#[allow(clippy::cast_precision_loss, reason = "a float has no more digits")]
fn scaled(digits: u64, exponent: i32) -> f64 {
    let (mut number, mut left) = (digits as f64, exponent.unsigned_abs());
    if digits == 0 {
        return number;
    }
    while left > 0 && number != 0.0 && number.is_finite() {
        // Powers of ten up to this one are exact.
        let step = left.min(22);
        let power = (0..step).fold(1.0, |power: f64, _| power * 10.0);
        number = if exponent < 0 { number / power } else { number * power };
        left -= step;
    }
    number
}
