//! Windows and freezes as spans of time.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use rhumb_guest_sdk::{Problem, Window};

use crate::{Config, Weekly, zone::zone};

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const YEAR: u64 = 366 * 86_400_000;

/// When versions may move.
pub(crate) struct Calendar {
    zone: TimeZone,
    weekly: Vec<Span>,
    freezes: Vec<(u64, u64, String)>,
}

struct Span {
    /// By weekday from Monday.
    days: [bool; 7],
    from: Time,
    to: Time,
}

/// How it stands at one instant.
pub(crate) enum State {
    Open,
    Closed,
    Frozen(String),
}

impl Calendar {
    pub(crate) fn read(config: &Config) -> Result<Self, Vec<Problem>> {
        let Some(zone) = zone(&config.timezone) else {
            let text = format!("wanted a name such as `Europe/Berlin` or a rule of POSIX, got `{}`", config.timezone);
            return Err(vec![Problem::new("/timezone", "unknown-zone", text)]);
        };
        let (mut weekly, mut freezes, mut problems) = (Vec::new(), Vec::new(), Vec::new());
        for (at, window) in config.open.iter().enumerate() {
            match span(window) {
                Ok(span) => weekly.push(span),
                Err((key, text)) => problems.push(Problem::new(&format!("/open/{at}/{key}"), "bad-window", text)),
            }
        }
        for (at, freeze) in config.freezes.iter().enumerate() {
            let day = |text: &str, end: i64| {
                let time: DateTime = text.parse().ok()?;
                let time = if text.contains('T') { time } else { time.checked_add(end.days()).ok()? };
                instant(&zone, time)
            };
            match (day(&freeze.from, 0), day(&freeze.to, 1)) {
                (Some(from), Some(to)) if from < to => freezes.push((from, to, freeze.reason.clone())),
                (None, _) => problems.push(bad_day(at, "from", &freeze.from)),
                (_, None) => problems.push(bad_day(at, "to", &freeze.to)),
                _ => {
                    let text = "it ends before it begins";
                    problems.push(Problem::new(&format!("/freezes/{at}/to"), "bad-freeze", text));
                }
            }
        }
        if problems.is_empty() { Ok(Self { zone, weekly, freezes }) } else { Err(problems) }
    }

    /// How it stands at this instant, with what the cluster's operators announced.
    pub(crate) fn state(&self, now: u64, announced: &[Window]) -> State {
        if let Some((_, reason)) = self.freeze(now, announced) {
            return State::Frozen(reason);
        }
        let announced = announced.iter().any(|one| !one.freeze && one.from <= now && now < one.to);
        let open = announced || self.weekly.is_empty() || self.spans(now).any(|(from, to)| from <= now && now < to);
        if open { State::Open } else { State::Closed }
    }

    /// The first instant from now on at which versions may move, within a year.
    pub(crate) fn next_open(&self, now: u64, announced: &[Window]) -> Option<u64> {
        let mut at = now;
        while at < now.saturating_add(YEAR) {
            match self.state(at, announced) {
                State::Open => return Some(at),
                State::Frozen(_) => at = self.freeze(at, announced)?.0,
                State::Closed => {
                    let starts = announced.iter().filter(|one| !one.freeze).map(|one| one.from);
                    let starts = starts.chain(self.spans(at).map(|(from, _)| from));
                    at = starts.filter(|start| *start > at).min()?;
                }
            }
        }
        None
    }

    /// End and reason of the freeze that lasts longest at this instant.
    fn freeze(&self, now: u64, announced: &[Window]) -> Option<(u64, String)> {
        let own = self.freezes.iter().map(|(from, to, reason)| (*from, *to, reason));
        let told = announced.iter().filter(|one| one.freeze).map(|one| (one.from, one.to, &one.reason));
        let active = own.chain(told).filter(|(from, to, _)| *from <= now && now < *to);
        active.max_by_key(|(_, to, _)| *to).map(|(_, to, reason)| (to, reason.clone()))
    }

    /// The windows that begin from the day before to a week after, by the zone's clock.
    fn spans(&self, now: u64) -> impl Iterator<Item = (u64, u64)> + '_ {
        let timestamp = i64::try_from(now).ok().and_then(|now| Timestamp::from_millisecond(now).ok());
        let today = timestamp.map(|timestamp| self.zone.to_datetime(timestamp).date());
        let days = (-1..=8).filter_map(move |offset: i64| today?.checked_add(offset.days()).ok());
        days.flat_map(move |day| self.weekly.iter().filter_map(move |span| self.on(day, span)))
    }

    fn on(&self, day: Date, span: &Span) -> Option<(u64, u64)> {
        let weekday = usize::try_from(day.weekday().to_monday_zero_offset()).ok()?;
        let begins = span.days.get(weekday).copied().unwrap_or_default();
        let last = if span.to <= span.from { day.tomorrow().ok()? } else { day };
        let both = (instant(&self.zone, day.to_datetime(span.from))?, instant(&self.zone, last.to_datetime(span.to))?);
        begins.then_some(both)
    }
}

/// The instant of a zone's clock; of two the first, and one that the clock skips as if it had not.
fn instant(zone: &TimeZone, time: DateTime) -> Option<u64> {
    u64::try_from(zone.to_timestamp(time).ok()?.as_millisecond()).ok()
}

fn span(window: &Weekly) -> Result<Span, (&'static str, String)> {
    let clock = |key, text: &str| {
        let time = Some(text).filter(|text| text.len() == 5).and_then(|text| text.parse().ok());
        time.ok_or_else(|| (key, format!("wanted a time of day such as `09:00`, got `{text}`")))
    };
    let mut days = [window.days.is_empty(); 7];
    for text in &window.days {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let index = |name: &str| DAYS.iter().position(|day| *day == name);
        let (Some(first), Some(last)) = (index(first), index(last)) else {
            return Err(("days", format!("wanted days such as `mon-fri` or `sat`, got `{text}`")));
        };
        for (at, day) in days.iter_mut().enumerate() {
            // `fri-mon` goes over the end of the week.
            *day |= if first <= last { (first..=last).contains(&at) } else { at >= first || at <= last };
        }
    }
    Ok(Span { days, from: clock("from", &window.from)?, to: clock("to", &window.to)? })
}

fn bad_day(at: usize, key: &str, text: &str) -> Problem {
    let text = format!("wanted a day or a time of the zone, such as `2026-12-20` or `2026-12-20T18:00`, got `{text}`");
    Problem::new(&format!("/freezes/{at}/{key}"), "bad-day", text)
}
