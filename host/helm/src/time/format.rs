//! `Time.Format`.

use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::layout::{Chunk, Fraction, Offset, Parts, next};
use super::{SECOND, civil, days};

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
pub(super) const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// A time zone. The local one of a rendering is UTC.
pub(crate) struct Zone(Option<TimeZone>);

impl Zone {
    /// UTC.
    pub(crate) const UTC: Zone = Zone(None);

    /// The zone of a name of the time zone database; UTC for others, as Sprig does.
    pub(crate) fn named(name: &str) -> Self {
        if matches!(name, "" | "UTC" | "Local") {
            return Self::UTC;
        }
        let zone = TimeZoneDatabase::bundled().get(name).ok();
        Self(zone.filter(|zone| zone.iana_name() == Some(name)))
    }

    /// Seconds east of UTC and the abbreviation at a moment.
    fn at(&self, nanos: i128) -> (i128, String) {
        let moment = i64::try_from(nanos.div_euclid(SECOND)).ok().and_then(|at| jiff::Timestamp::from_second(at).ok());
        match (&self.0, moment) {
            (Some(zone), Some(moment)) => {
                let info = zone.to_offset_info(moment);
                (i128::from(info.offset().seconds()), info.abbreviation().to_owned())
            }
            _ => (0, "UTC".to_owned()),
        }
    }
}

/// `Time.String` in UTC.
pub(crate) fn go_string(nanos: i128) -> String {
    format(nanos, "2006-01-02 15:04:05.999999999 -0700 MST", &Zone::UTC)
}

/// What `%#v` prints of a time.
pub(crate) fn go_syntax(nanos: i128) -> String {
    let date = format(nanos, "2006, time.January, 2", &Zone::UTC);
    let local = Local::new(nanos);
    let (hour, minute, second) = (local.second / 3600, local.second / 60 % 60, local.second % 60);
    format!("time.Date({date}, {hour}, {minute}, {second}, {}, time.Local)", local.nanos)
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
struct Local {
    date: (i128, i128, i128),
    days: i128,
    second: i128,
    nanos: i128,
}

impl Local {
    fn new(nanos: i128) -> Self {
        let seconds = nanos.div_euclid(SECOND);
        let days = seconds.div_euclid(86_400);
        Self { date: civil(days), days, second: seconds.rem_euclid(86_400), nanos: nanos.rem_euclid(SECOND) }
    }

    fn text(&self, chunk: Chunk) -> String {
        let (year, month, day) = self.date;
        let (hour, minute, second) = (self.second / 3600, self.second / 60 % 60, self.second % 60);
        let twelve = (hour + 11) % 12 + 1;
        let name = |names: &[&'static str], at: i128| {
            usize::try_from(at).ok().and_then(|at| names.get(at).copied()).unwrap_or_default()
        };
        let (month_name, weekday) = (name(&MONTHS, month - 1), name(&WEEKDAYS, (self.days + 4).rem_euclid(7)));
        let short = |name: &str| name.get(..3).unwrap_or_default().to_owned();
        let year_day = self.days - days(year, 1, 1) + 1;
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
            Chunk::Year => format!("{:02}", year.rem_euclid(100)),
            Chunk::UpperHalf => if hour < 12 { "AM" } else { "PM" }.to_owned(),
            Chunk::LowerHalf => if hour < 12 { "am" } else { "pm" }.to_owned(),
            Chunk::Fraction { mark, digits, style } => self.fraction(mark, digits, style),
            Chunk::ZoneName | Chunk::Zone(_) => String::new(),
        }
    }

    fn fraction(&self, mark: char, digits: usize, style: Fraction) -> String {
        let all = format!("{:09}", self.nanos);
        let cut: String = all.chars().chain(std::iter::repeat('0')).take(digits).collect();
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
