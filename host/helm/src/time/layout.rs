//! Layouts by example: `2006-01-02T15:04:05Z07:00`.

/// One part of a layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chunk {
    LongMonth,
    Month,
    NumMonth,
    ZeroMonth,
    LongWeekday,
    Weekday,
    Day,
    UnderDay,
    ZeroDay,
    UnderYearDay,
    ZeroYearDay,
    Hour,
    Hour12,
    ZeroHour12,
    Minute,
    ZeroMinute,
    Second,
    ZeroSecond,
    LongYear,
    Year,
    UpperHalf,
    LowerHalf,
    ZoneName,
    Zone(Offset),
    /// A fraction of so many digits, with its mark.
    Fraction {
        mark: char,
        digits: usize,
        style: Fraction,
    },
}

/// How an offset from UTC is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Offset {
    /// Whether UTC is `Z`.
    pub(super) letter: bool,
    pub(super) colon: bool,
    pub(super) parts: Parts,
}

/// How exact an offset is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parts {
    Hours,
    Minutes,
    Seconds,
}

/// Whether zeros at the end of a fraction are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fraction {
    Fixed,
    Trimmed,
}

/// Longer forms stand before those that they begin with.
const PLAIN: [(&str, Chunk); 23] = [
    ("January", Chunk::LongMonth),
    ("Monday", Chunk::LongWeekday),
    ("MST", Chunk::ZoneName),
    ("002", Chunk::ZeroYearDay),
    ("01", Chunk::ZeroMonth),
    ("02", Chunk::ZeroDay),
    ("03", Chunk::ZeroHour12),
    ("04", Chunk::ZeroMinute),
    ("05", Chunk::ZeroSecond),
    ("06", Chunk::Year),
    ("15", Chunk::Hour),
    ("1", Chunk::NumMonth),
    ("2006", Chunk::LongYear),
    ("2", Chunk::Day),
    ("__2", Chunk::UnderYearDay),
    ("_2", Chunk::UnderDay),
    ("3", Chunk::Hour12),
    ("4", Chunk::Minute),
    ("5", Chunk::Second),
    ("PM", Chunk::UpperHalf),
    ("pm", Chunk::LowerHalf),
    ("Jan", Chunk::Month),
    ("Mon", Chunk::Weekday),
];

const OFFSETS: [(&str, bool, Parts); 5] = [
    ("070000", false, Parts::Seconds),
    ("07:00:00", true, Parts::Seconds),
    ("0700", false, Parts::Minutes),
    ("07:00", true, Parts::Minutes),
    ("07", false, Parts::Hours),
];

/// The text before the first part of a layout, that part, and what follows.
pub(super) fn next(layout: &str) -> (&str, Option<Chunk>, &str) {
    for (at, _) in layout.char_indices() {
        let (before, rest) = layout.split_at(at);
        if rest.starts_with("_2006") {
            let (before, after) = layout.split_at(at + 1);
            return (before, Some(Chunk::LongYear), after.get(4..).unwrap_or_default());
        }
        if let Some((chunk, length)) = chunk(rest) {
            return (before, Some(chunk), rest.get(length..).unwrap_or_default());
        }
    }
    (layout, None, "")
}

fn chunk(text: &str) -> Option<(Chunk, usize)> {
    let first = text.chars().next()?;
    if matches!(first, '-' | 'Z') {
        let rest = text.get(1..)?;
        let (form, colon, parts) = OFFSETS.iter().find(|(form, ..)| rest.starts_with(form))?;
        let offset = Offset { letter: first == 'Z', colon: *colon, parts: *parts };
        return Some((Chunk::Zone(offset), form.len() + 1));
    }
    if matches!(first, '.' | ',') {
        let rest = text.get(1..)?;
        let digit = rest.chars().next().filter(|c| matches!(c, '0' | '9'))?;
        let digits = rest.chars().take_while(|c| *c == digit).count();
        if rest.get(digits..)?.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        let style = if digit == '0' { Fraction::Fixed } else { Fraction::Trimmed };
        return Some((Chunk::Fraction { mark: first, digits, style }, digits + 1));
    }
    let (form, chunk) = PLAIN.iter().find(|(form, _)| text.starts_with(form))?;
    // `Jan` and `Mon` may not be the start of another word.
    let word = matches!(chunk, Chunk::Month | Chunk::Weekday)
        && text.get(form.len()..)?.starts_with(|c: char| c.is_ascii_lowercase());
    (!word).then_some((*chunk, form.len()))
}
