//! Windows and freezes as spans of time.

use rhumb_guest_sdk::{Problem, Timestamp, Window};

use crate::zone::{Zone, zone};
use crate::{Config, Weekly};

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const DAY: u64 = 86_400_000;
const YEAR: u64 = 366 * DAY;

/// When versions may move.
pub(crate) struct Calendar {
    zone: Zone,
    weekly: Vec<Span>,
    freezes: Vec<(u64, u64, String)>,
}

struct Span {
    /// By weekday from Monday.
    days: [bool; 7],
    /// Milliseconds from midnight.
    from: u64,
    to: u64,
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
            let day = |text: &str, end: u64| {
                // As the zone's clock shows it; only a day has no time, and it ends when the next begins.
                let clock = if text.contains('T') { Timestamp::parse(&format!("{text}Z")) } else { None };
                let begin = || Timestamp::parse(text).filter(|_| !text.contains('T'));
                let clock = clock.map(|clock| clock.0).or_else(|| Some(begin()?.0 + end));
                clock.map(|clock| zone.instant(clock))
            };
            match (day(&freeze.from, 0), day(&freeze.to, DAY)) {
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
        let today = self.zone.clock(now) / DAY;
        let days = today.saturating_sub(1)..=today + 8;
        days.flat_map(move |day| self.weekly.iter().filter_map(move |span| self.on(day, span)))
    }

    /// The window that begins on this day, counted from 1970.
    fn on(&self, day: u64, span: &Span) -> Option<(u64, u64)> {
        // 1970 began on a Thursday.
        let weekday = usize::try_from((day + 3) % 7).ok()?;
        let begins = span.days.get(weekday).copied().unwrap_or_default();
        let last = if span.to <= span.from { day + 1 } else { day };
        begins.then(|| (self.zone.instant(day * DAY + span.from), self.zone.instant(last * DAY + span.to)))
    }
}

fn span(window: &Weekly) -> Result<Span, (&'static str, String)> {
    let clock = |key, text: &str| {
        let time = Timestamp::parse(&format!("1970-01-01T{text}Z")).filter(|_| text.len() == 5);
        time.map(|time| time.0).ok_or_else(|| (key, format!("wanted a time of day such as `09:00`, got `{text}`")))
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
