//! `time.Parse`.

use super::format::{MONTHS, WEEKDAYS};
use super::layout::{Chunk, Offset, Parts, next};
use super::{SECOND, days};

/// Reads a text by a layout; nanoseconds since 1970. Without a zone it is a time in UTC.
pub(crate) fn parse(layout: &str, text: &str) -> Result<i128, String> {
    let wrong = |at: &str, form: &str| {
        format!("parsing time {} as {}: cannot parse {} as {}", quoted(text), quoted(layout), quoted(at), quoted(form))
    };
    let mut found = Found::default();
    let (mut form, mut rest) = (layout, text);
    loop {
        let (before, chunk, after) = next(form);
        let written = form.get(before.len()..form.len() - after.len()).unwrap_or_default();
        rest = skip(rest, before).ok_or_else(|| wrong(rest, before))?;
        let Some(chunk) = chunk else { break };
        rest = found.take(chunk, rest, after).ok_or_else(|| wrong(rest, written))?;
        form = after;
    }
    if !rest.is_empty() {
        return Err(format!("parsing time {}: extra text: {}", quoted(text), quoted(rest)));
    }
    found.moment().map_err(|what| format!("parsing time {}: {what} out of range", quoted(text)))
}

fn quoted(text: &str) -> String {
    crate::value::go_quote(text)
}

/// Blanks of the layout stand for any number of them, at least one.
fn skip<'t>(mut text: &'t str, mut prefix: &str) -> Option<&'t str> {
    while let Some(c) = prefix.chars().next() {
        if c == ' ' {
            if !text.is_empty() && !text.starts_with(' ') {
                return None;
            }
            (prefix, text) = (prefix.trim_start_matches(' '), text.trim_start_matches(' '));
            continue;
        }
        text = text.strip_prefix(c)?;
        prefix = prefix.get(c.len_utf8()..)?;
    }
    Some(text)
}

/// What a text says so far.
#[derive(Default)]
struct Found {
    year: Option<i128>,
    month: Option<i128>,
    day: Option<i128>,
    year_day: Option<i128>,
    hour: i128,
    minute: i128,
    second: i128,
    nanos: i128,
    half: Option<i128>,
    offset: i128,
}

impl Found {
    fn take<'t>(&mut self, chunk: Chunk, text: &'t str, after: &str) -> Option<&'t str> {
        let (value, rest) = match chunk {
            Chunk::Year => number(text, 2, 2)?,
            Chunk::LongYear => number(text, 4, 4)?,
            Chunk::NumMonth | Chunk::Day | Chunk::Hour12 | Chunk::Minute | Chunk::Second => number(text, 1, 2)?,
            Chunk::ZeroMonth | Chunk::ZeroHour12 | Chunk::ZeroMinute | Chunk::ZeroSecond => number(text, 2, 2)?,
            Chunk::Hour => number(text, 1, 2)?,
            Chunk::ZeroDay => number(text, 2, 2)?,
            Chunk::UnderDay => number(text.strip_prefix(' ').unwrap_or(text), 1, 2)?,
            Chunk::ZeroYearDay => number(text, 3, 3)?,
            Chunk::UnderYearDay => number(text.trim_start_matches(' '), 1, 3)?,
            Chunk::LongMonth => word(text, &MONTHS, usize::MAX)?,
            Chunk::Month => word(text, &MONTHS, 3)?,
            Chunk::LongWeekday => word(text, &WEEKDAYS, usize::MAX)?,
            Chunk::Weekday => word(text, &WEEKDAYS, 3)?,
            Chunk::UpperHalf => half(text, ["AM", "PM"])?,
            Chunk::LowerHalf => half(text, ["am", "pm"])?,
            Chunk::ZoneName => (0, zone_name(text)?),
            Chunk::Zone(form) => offset(text, form)?,
            Chunk::Fraction { mark: _, digits, style: super::layout::Fraction::Fixed } => fraction(text, Some(digits))?,
            Chunk::Fraction { .. } => fraction(text, None).unwrap_or((0, text)),
        };
        let mut rest = rest;
        match chunk {
            Chunk::Year => self.year = Some(if value >= 69 { value + 1900 } else { value + 2000 }),
            Chunk::LongYear => self.year = Some(value),
            Chunk::NumMonth | Chunk::ZeroMonth | Chunk::LongMonth | Chunk::Month => self.month = Some(value),
            Chunk::Day | Chunk::ZeroDay | Chunk::UnderDay => self.day = Some(value),
            Chunk::ZeroYearDay | Chunk::UnderYearDay => self.year_day = Some(value),
            Chunk::Hour | Chunk::Hour12 | Chunk::ZeroHour12 => self.hour = value,
            Chunk::Minute | Chunk::ZeroMinute => self.minute = value,
            Chunk::Second | Chunk::ZeroSecond => {
                self.second = value;
                // A fraction may follow that the layout does not name.
                if !matches!(next(after), ("", Some(Chunk::Fraction { .. }), _))
                    && let Some((nanos, behind)) = fraction(rest, None)
                {
                    (self.nanos, rest) = (nanos, behind);
                }
            }
            Chunk::UpperHalf | Chunk::LowerHalf => self.half = Some(value),
            Chunk::Zone(_) => self.offset = value,
            Chunk::Fraction { .. } => self.nanos = value,
            Chunk::LongWeekday | Chunk::Weekday | Chunk::ZoneName => {}
        }
        Some(rest)
    }

    fn moment(&self) -> Result<i128, &'static str> {
        let year = self.year.unwrap_or(0);
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        if self.hour > 23 || self.half.is_some() && self.hour > 12 {
            return Err("hour");
        }
        if self.minute > 59 {
            return Err("minute");
        }
        if self.second > 59 {
            return Err("second");
        }
        let hour = match self.half {
            Some(half) => self.hour % 12 + 12 * half,
            None => self.hour,
        };
        let date = match self.year_day {
            Some(day) if !(1..=if leap { 366 } else { 365 }).contains(&day) => return Err("day-of-year"),
            Some(day) => days(year, 1, 1) + day - 1,
            None => {
                let (month, day) = (self.month.unwrap_or(1), self.day.unwrap_or(1));
                let most = match month {
                    1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
                    4 | 6 | 9 | 11 => 30,
                    2 if leap => 29,
                    2 => 28,
                    _ => return Err("month"),
                };
                if !(1..=most).contains(&day) {
                    return Err("day");
                }
                days(year, month, day)
            }
        };
        Ok((date * 86_400 + hour * 3600 + self.minute * 60 + self.second - self.offset) * SECOND + self.nanos)
    }
}

/// A number of so many digits.
fn number(text: &str, least: usize, most: usize) -> Option<(i128, &str)> {
    let digits = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
    let (digits, rest) = text.split_at_checked(digits).filter(|(digits, _)| digits.len() >= least)?;
    Some((digits.parse().ok()?, rest))
}

/// The number of a name, counted from 1, whatever its case.
fn word<'t>(text: &'t str, names: &[&str], length: usize) -> Option<(i128, &'t str)> {
    names.iter().zip(1..).find_map(|(name, number)| {
        let name = name.get(..length.min(name.len()))?;
        let (head, rest) = text.split_at_checked(name.len())?;
        head.eq_ignore_ascii_case(name).then_some((number, rest))
    })
}

fn half<'t>(text: &'t str, names: [&str; 2]) -> Option<(i128, &'t str)> {
    names.iter().zip(0..).find_map(|(name, half)| Some((half, text.strip_prefix(name)?)))
}

/// An abbreviation: three to five capitals. Go gives a zone that it does not know the offset 0.
fn zone_name(text: &str) -> Option<&str> {
    let letters = text.bytes().take_while(u8::is_ascii_uppercase).count();
    if (3..=5).contains(&letters) { text.get(letters..) } else { None }
}

fn offset(text: &str, form: Offset) -> Option<(i128, &str)> {
    if form.letter
        && let Some(rest) = text.strip_prefix('Z')
    {
        return Some((0, rest));
    }
    let (sign, mut rest) = match text.chars().next()? {
        '+' => (1, text.get(1..)?),
        '-' => (-1, text.get(1..)?),
        _ => return None,
    };
    let count = match form.parts {
        Parts::Hours => 1,
        Parts::Minutes => 2,
        Parts::Seconds => 3,
    };
    let mut total = 0;
    for (at, (unit, most)) in [(3600, 24), (60, 59), (1, 59)].into_iter().take(count).enumerate() {
        if at > 0 && form.colon {
            rest = rest.strip_prefix(':')?;
        }
        let (value, behind) = number(rest, 2, 2)?;
        if value > most {
            return None;
        }
        total += value * unit;
        rest = behind;
    }
    Some((sign * total, rest))
}

/// A fraction of a second with its mark, in nanoseconds.
fn fraction(text: &str, digits: Option<usize>) -> Option<(i128, &str)> {
    let rest = text.strip_prefix(['.', ','])?;
    let there = rest.bytes().take_while(u8::is_ascii_digit).count();
    let count = digits.unwrap_or(there);
    if count == 0 || there < count {
        return None;
    }
    let (written, rest) = rest.split_at_checked(count)?;
    let nine: String = written.chars().chain(std::iter::repeat('0')).take(9).collect();
    Some((nine.parse().ok()?, rest))
}
