//! `Time.Format`.

use super::calendar::{NAMES, civil, days};
use super::layout::{Chunk, Fraction, Offset, Parts, next};
use super::{SECOND, Time, Zone};

/// What `Time.MarshalJSON` gives: RFC 3339, when that can hold the time.
pub(crate) fn rfc3339(time: &Time) -> Result<String, String> {
    let offset = time.zone.offset(time.nanos);
    let (year, ..) = Local::new(time.nanos + offset * SECOND).date;
    if !(0..=9999).contains(&year) {
        return Err("Time.MarshalJSON: year outside of range [0,9999]".to_owned());
    }
    if offset.abs() >= 24 * 3600 {
        return Err("Time.MarshalJSON: timezone hour outside of range [0,23]".to_owned());
    }
    Ok(time.format("2006-01-02T15:04:05.999999999Z07:00"))
}

/// A moment, in nanoseconds since 1970, by a layout.
pub(crate) fn format(nanos: i128, layout: &str, zone: &Zone) -> String {
    let (offset, abbreviation) = zone.at(nanos);
    let local = Local::new(nanos + offset * SECOND);
    let mut out = String::new();
    let mut rest = layout;
    while !rest.is_empty() {
        let (before, chunk, after) = next(rest);
        out.push_str(before);
        match chunk {
            Some(Chunk::ZoneName) if abbreviation.is_empty() => {
                out.push_str(&offset_text(Offset { letter: false, colon: false, parts: Parts::Minutes }, offset));
            }
            Some(Chunk::ZoneName) => out.push_str(&abbreviation),
            Some(Chunk::Zone(form)) => out.push_str(&offset_text(form, offset)),
            Some(chunk) => out.push_str(&local.text(chunk)),
            None => {}
        }
        rest = after;
    }
    out
}

/// Date and time of day at a place.
pub(super) struct Local {
    pub(super) date: (i128, i128, i128),
    /// Since 1970.
    pub(super) days: i128,
    /// Since midnight.
    pub(super) second: i128,
    pub(super) nanos: i128,
}

impl Local {
    pub(super) fn new(nanos: i128) -> Self {
        let seconds = nanos.div_euclid(SECOND);
        let days = seconds.div_euclid(86_400);
        Self { date: civil(days), days, second: seconds.rem_euclid(86_400), nanos: nanos.rem_euclid(SECOND) }
    }

    /// Counted from Sunday, which is 0.
    pub(super) fn weekday(&self) -> i128 {
        (self.days + 4).rem_euclid(7)
    }

    /// Counted from 1.
    pub(super) fn year_day(&self) -> i128 {
        self.days - days(self.date.0, 1, 1) + 1
    }

    fn text(&self, chunk: Chunk) -> String {
        let (year, month, day) = self.date;
        let (hour, minute, second) = (self.second / 3600, self.second / 60 % 60, self.second % 60);
        let twelve = (hour + 11) % 12 + 1;
        let name = |names: &[&'static str], at: i128| {
            usize::try_from(at).ok().and_then(|at| names.get(at).copied()).unwrap_or_default()
        };
        let (month_name, weekday) = (name(&NAMES.0, month - 1), name(&NAMES.1, self.weekday()));
        let short = |name: &str| name.get(..3).unwrap_or_default().to_owned();
        let year_day = self.year_day();
        match chunk {
            Chunk::LongMonth => month_name.to_owned(),
            Chunk::Month => short(month_name),
            Chunk::NumMonth => month.to_string(),
            Chunk::ZeroMonth => format!("{month:02}"),
            Chunk::LongWeekday => weekday.to_owned(),
            Chunk::Weekday => short(weekday),
            Chunk::Day => day.to_string(),
            Chunk::UnderDay => format!("{day:2}"),
            Chunk::ZeroDay => format!("{day:02}"),
            Chunk::UnderYearDay => format!("{year_day:3}"),
            Chunk::ZeroYearDay => format!("{year_day:03}"),
            Chunk::Hour => format!("{hour:02}"),
            Chunk::Hour12 => twelve.to_string(),
            Chunk::ZeroHour12 => format!("{twelve:02}"),
            Chunk::Minute => minute.to_string(),
            Chunk::ZeroMinute => format!("{minute:02}"),
            Chunk::Second => second.to_string(),
            Chunk::ZeroSecond => format!("{second:02}"),
            Chunk::LongYear if year < 0 => format!("-{:04}", -year),
            Chunk::LongYear => format!("{year:04}"),
            Chunk::Year => format!("{:02}", year.max(0) % 100),
            Chunk::UpperHalf => if hour < 12 { "AM" } else { "PM" }.to_owned(),
            Chunk::LowerHalf => if hour < 12 { "am" } else { "pm" }.to_owned(),
            Chunk::Fraction { mark, digits, style } => self.fraction(mark, digits, style),
            Chunk::ZoneName | Chunk::Zone(_) => String::new(),
        }
    }

    fn fraction(&self, mark: char, digits: usize, style: Fraction) -> String {
        let all = format!("{:09}", self.nanos);
        let cut: String = all.chars().take(digits).collect();
        match style {
            Fraction::Fixed => format!("{mark}{cut}"),
            Fraction::Trimmed => match cut.trim_end_matches('0') {
                "" => String::new(),
                cut => format!("{mark}{cut}"),
            },
        }
    }
}

fn offset_text(form: Offset, offset: i128) -> String {
    if form.letter && offset == 0 {
        return "Z".to_owned();
    }
    let sign = if offset < 0 { '-' } else { '+' };
    let size = offset.abs();
    let colon = if form.colon { ":" } else { "" };
    let (hours, minutes, seconds) = (size / 3600, size / 60 % 60, size % 60);
    match form.parts {
        Parts::Hours => format!("{sign}{hours:02}"),
        Parts::Minutes => format!("{sign}{hours:02}{colon}{minutes:02}"),
        Parts::Seconds => format!("{sign}{hours:02}{colon}{minutes:02}{colon}{seconds:02}"),
    }
}
