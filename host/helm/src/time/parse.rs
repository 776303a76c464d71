//! `time.ParseInLocation`.

use super::calendar::{NAMES, days, days_in, is_leap};
use super::layout::{Chunk, Fraction, Offset, Parts, next};
use super::{SECOND, Time, Zone};
use crate::value::from_bytes;

/// Reads a text by a layout. Without a zone it is a time in the local one.
pub(crate) fn parse(layout: &str, text: &str) -> Result<Time, String> {
    let bytes = crate::value::to_bytes(text);
    let wrong = |at: &[u8], form: &str| {
        let (at, form) = (quoted(&from_bytes(at)), quoted(form));
        format!("parsing time {} as {}: cannot parse {at} as {form}", quoted(text), quoted(layout))
    };
    let out_of_range = |what: &str| format!("parsing time {}: {what}", quoted(text));
    let mut found = Found::default();
    let (mut form, mut rest) = (layout, &*bytes);
    loop {
        let (before, chunk, after) = next(form);
        let written = form.get(before.len()..form.len() - after.len()).unwrap_or_default();
        rest = skip(rest, before.as_bytes()).ok_or_else(|| wrong(rest, before))?;
        let Some(chunk) = chunk else { break };
        rest = match found.take(chunk, rest, after) {
            Ok(rest) => rest,
            Err(Wrong::Form) => return Err(wrong(rest, written)),
            Err(Wrong::Range(what)) => return Err(out_of_range(&format!("{what} out of range"))),
        };
        form = after;
    }
    if !rest.is_empty() {
        return Err(out_of_range(&format!("extra text: {}", quoted(&from_bytes(rest)))));
    }
    found.time().map_err(out_of_range)
}

fn quoted(text: &str) -> String {
    crate::value::go_quote(text)
}

/// Blanks of the layout stand for any number of them, at least one.
fn skip<'t>(mut text: &'t [u8], mut prefix: &[u8]) -> Option<&'t [u8]> {
    while let Some((first, behind)) = prefix.split_first() {
        if *first == b' ' {
            if !text.is_empty() && !text.starts_with(b" ") {
                return None;
            }
            (prefix, text) = (without_blanks(prefix), without_blanks(text));
            continue;
        }
        text = text.strip_prefix(&[*first])?;
        prefix = behind;
    }
    Some(text)
}

fn without_blanks(text: &[u8]) -> &[u8] {
    let blanks = text.iter().take_while(|byte| **byte == b' ').count();
    text.get(blanks..).unwrap_or_default()
}

/// Why a text does not fit a part of a layout.
enum Wrong {
    Form,
    Range(&'static str),
}

/// A number, or the place of a name, and what follows.
type Read<'t> = Option<(i128, &'t [u8])>;

/// What a text says so far.
#[derive(Default)]
struct Found {
    year: i128,
    month: Option<i128>,
    day: Option<i128>,
    year_day: Option<i128>,
    hour: i128,
    minute: i128,
    second: i128,
    nanos: i128,
    /// 0 in the morning, 1 from noon on.
    half: Option<i128>,
    is_utc: bool,
    offset: Option<i128>,
    zone: String,
}

impl Found {
    fn take<'t>(&mut self, chunk: Chunk, text: &'t [u8], after: &str) -> Result<&'t [u8], Wrong> {
        let read = match chunk {
            Chunk::Year => text.split_at_checked(2).and_then(|(year, rest)| Some((signed(year)?, rest))),
            Chunk::LongYear if !text.first().is_some_and(u8::is_ascii_digit) => None,
            Chunk::LongYear => text.split_at_checked(4).and_then(|(year, rest)| Some((signed(year)?, rest))),
            Chunk::Hour | Chunk::NumMonth | Chunk::Day | Chunk::Hour12 | Chunk::Minute | Chunk::Second => {
                number(text, 1, 2)
            }
            Chunk::ZeroMonth | Chunk::ZeroHour12 | Chunk::ZeroMinute | Chunk::ZeroSecond | Chunk::ZeroDay => {
                number(text, 2, 2)
            }
            Chunk::UnderDay => number(text.strip_prefix(b" ").unwrap_or(text), 1, 2),
            Chunk::ZeroYearDay => number(text, 3, 3),
            Chunk::UnderYearDay => {
                let one_less = text.strip_prefix(b" ").unwrap_or(text);
                number(one_less.strip_prefix(b" ").unwrap_or(one_less), 1, 3)
            }
            Chunk::LongMonth => name(text, &NAMES.0, usize::MAX),
            Chunk::Month => name(text, &NAMES.0, 3),
            Chunk::LongWeekday => name(text, &NAMES.1, usize::MAX),
            Chunk::Weekday => name(text, &NAMES.1, 3),
            Chunk::UpperHalf => half(text, [b"AM", b"PM"]),
            Chunk::LowerHalf => half(text, [b"am", b"pm"]),
            Chunk::ZoneName => return self.zone_name(text).ok_or(Wrong::Form),
            Chunk::Zone(form) => return self.offset(text, form),
            Chunk::Fraction { mark: _, digits, style: Fraction::Fixed } => fraction(text, Some(digits)),
            Chunk::Fraction { .. } => Some(fraction(text, None).unwrap_or((0, text))),
        };
        let (value, mut rest) = read.ok_or(Wrong::Form)?;
        let within = |most: i128, what| if value <= most { Ok(value) } else { Err(Wrong::Range(what)) };
        match chunk {
            Chunk::Year => self.year = if value >= 69 { value + 1900 } else { value + 2000 },
            Chunk::LongYear => self.year = value,
            Chunk::NumMonth | Chunk::ZeroMonth if value == 0 => return Err(Wrong::Range("month")),
            Chunk::NumMonth | Chunk::ZeroMonth => self.month = Some(within(12, "month")?),
            Chunk::LongMonth | Chunk::Month => self.month = Some(value),
            Chunk::Day | Chunk::ZeroDay | Chunk::UnderDay => self.day = Some(value),
            Chunk::ZeroYearDay | Chunk::UnderYearDay => self.year_day = Some(value),
            Chunk::Hour => self.hour = within(23, "hour")?,
            Chunk::Hour12 | Chunk::ZeroHour12 => self.hour = within(12, "hour")?,
            Chunk::Minute | Chunk::ZeroMinute => self.minute = within(59, "minute")?,
            Chunk::Second | Chunk::ZeroSecond => {
                self.second = within(59, "second")?;
                // A fraction may follow that the layout does not name.
                if !matches!(next(after).1, Some(Chunk::Fraction { .. }))
                    && let Some((nanos, behind)) = fraction(rest, None)
                {
                    (self.nanos, rest) = (nanos, behind);
                }
            }
            // One that says the afternoon wins.
            Chunk::UpperHalf | Chunk::LowerHalf => self.half = self.half.max(Some(value)),
            Chunk::Fraction { .. } if rest.len() < text.len() => self.nanos = value,
            _ => {}
        }
        Ok(rest)
    }

    /// An abbreviation.
    fn zone_name<'t>(&mut self, text: &'t [u8]) -> Option<&'t [u8]> {
        if let Some(rest) = text.strip_prefix(b"UTC") {
            self.is_utc = true;
            return Some(rest);
        }
        let (name, rest) = text.split_at_checked(zone_name_length(text)?)?;
        self.zone = from_bytes(name).to_string();
        Some(rest)
    }

    fn offset<'t>(&mut self, text: &'t [u8], form: Offset) -> Result<&'t [u8], Wrong> {
        if form.letter
            && let Some(rest) = text.strip_prefix(b"Z")
        {
            self.is_utc = true;
            return Ok(rest);
        }
        let (sign, mut rest) = text.split_first().ok_or(Wrong::Form)?;
        let count = match form.parts {
            Parts::Hours => 1,
            Parts::Minutes => 2,
            Parts::Seconds => 3,
        };
        let units = [
            (3600, 24, "time zone offset hour"),
            (60, 60, "time zone offset minute"),
            (1, 60, "time zone offset second"),
        ];
        let mut total = 0;
        for (at, (unit, most, what)) in units.into_iter().take(count).enumerate() {
            if at > 0 && form.colon {
                rest = rest.strip_prefix(b":").ok_or(Wrong::Form)?;
            }
            let (value, behind) = number(rest, 2, 2).ok_or(Wrong::Form)?;
            if value > most {
                return Err(Wrong::Range(what));
            }
            total += value * unit;
            rest = behind;
        }
        self.offset = Some(match sign {
            b'+' => total,
            b'-' => -total,
            _ => return Err(Wrong::Form),
        });
        Ok(rest)
    }

    fn time(&self) -> Result<Time, &'static str> {
        let hour = match self.half {
            Some(1) if self.hour < 12 => self.hour + 12,
            Some(0) if self.hour == 12 => 0,
            _ => self.hour,
        };
        let seconds = self.date()? * 86_400 + hour * 3600 + self.minute * 60 + self.second;
        let at = |offset: i128, zone: Zone| Ok(Time { nanos: (seconds - offset) * SECOND + self.nanos, zone });
        match self.offset {
            _ if self.is_utc => at(0, Zone::Utc),
            // -1 second is what Go takes for none.
            Some(0) if matches!(self.zone.as_str(), "" | "UTC") => at(0, Zone::Local),
            Some(offset) if offset != -1 => at(offset, Zone::fixed(self.zone.as_str(), offset)),
            _ if self.zone.is_empty() => at(0, Zone::Local),
            _ => {
                // Go keeps the moment as if it were in UTC, and shows the hours behind `GMT`.
                let hours = self.zone.strip_prefix("GMT").and_then(|hours| hours.parse::<i128>().ok()).unwrap_or(0);
                at(0, Zone::fixed(self.zone.as_str(), hours * 3600))
            }
        }
    }

    /// Days since 1970.
    fn date(&self) -> Result<i128, &'static str> {
        let year = self.year;
        if let Some(number) = self.year_day {
            if !(1..=if is_leap(year) { 366 } else { 365 }).contains(&number) {
                return Err("day-of-year out of range");
            }
            let date = days(year, 1, 1) + number - 1;
            let (_, month, day) = super::calendar::civil(date);
            if self.month.is_some_and(|known| known != month) {
                return Err("day-of-year does not match month");
            }
            if self.day.is_some_and(|known| known != day) {
                return Err("day-of-year does not match day");
            }
            return Ok(date);
        }
        let (month, day) = (self.month.unwrap_or(1), self.day.unwrap_or(1));
        if !(1..=days_in(year, month)).contains(&day) {
            return Err("day out of range");
        }
        Ok(days(year, month, day))
    }
}

/// A number of so many digits.
fn number(text: &[u8], least: usize, most: usize) -> Read<'_> {
    let digits = text.iter().take(most).take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = text.split_at_checked(digits).filter(|(digits, _)| digits.len() >= least)?;
    Some((value(digits), rest))
}

fn value(digits: &[u8]) -> i128 {
    digits.iter().fold(0, |value, digit| value * 10 + i128::from(digit - b'0'))
}

/// A number with or without a sign; a sign alone is 0.
fn signed(text: &[u8]) -> Option<i128> {
    let (sign, digits) = match text.split_first()? {
        (b'-', digits) => (-1, digits),
        (b'+', digits) => (1, digits),
        _ => (1, text),
    };
    digits.iter().all(u8::is_ascii_digit).then(|| sign * value(digits))
}

/// The number of a name, counted from 1, whatever its case.
fn name<'t>(text: &'t [u8], names: &[&str], length: usize) -> Read<'t> {
    names.iter().zip(1..).find_map(|(name, number)| {
        let name = name.get(..length.min(name.len()))?.as_bytes();
        let (head, rest) = text.split_at_checked(name.len())?;
        head.eq_ignore_ascii_case(name).then_some((number, rest))
    })
}

fn half<'t>(text: &'t [u8], names: [&[u8; 2]; 2]) -> Read<'t> {
    names.iter().zip(0..).find_map(|(name, half)| Some((half, text.strip_prefix(*name)?)))
}

/// How long the abbreviation of a zone is: three to five capitals, `GMT` with hours, or hours alone.
fn zone_name_length(text: &[u8]) -> Option<usize> {
    match text {
        [_, _] | [_] | [] => return None,
        [b'C', b'h', b'S', b'T', ..] | [b'M', b'e', b'S', b'T', ..] => return Some(4),
        [b'G', b'M', b'T', hours @ ..] => return Some(3 + hours_length(hours)),
        [b'+' | b'-', ..] => return Some(hours_length(text)).filter(|length| *length > 0),
        _ => {}
    }
    let capitals = text.iter().take(6).take_while(|byte| byte.is_ascii_uppercase()).count();
    let is_name = match capitals {
        3 => true,
        4 => text.get(3) == Some(&b'T') || text.starts_with(b"WITA"),
        5 => text.get(4) == Some(&b'T'),
        _ => false,
    };
    is_name.then_some(capitals)
}

/// How long a sign with hours up to 23 is; 0 of anything else.
fn hours_length(text: &[u8]) -> usize {
    let Some((b'+' | b'-', rest)) = text.split_first() else { return 0 };
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let significant = rest.iter().take(digits).skip_while(|byte| **byte == b'0');
    let hours = significant.take(3).fold(0, |hours, digit| hours * 10 + u32::from(digit - b'0'));
    if digits == 0 || hours > 23 { 0 } else { 1 + digits }
}

/// A fraction of a second with its mark, in nanoseconds; digits behind the ninth do not count.
fn fraction(text: &[u8], digits: Option<usize>) -> Read<'_> {
    let (b'.' | b',', rest) = text.split_first()? else { return None };
    let there = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let count = digits.unwrap_or(there);
    if count == 0 || there < count {
        return None;
    }
    let (written, rest) = rest.split_at_checked(count)?;
    Some(((0..9).fold(0, |nanos, at| nanos * 10 + i128::from(written.get(at).map_or(0, |digit| digit - b'0'))), rest))
}
