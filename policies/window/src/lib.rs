//! The promotion rule `window`: versions move in weekly windows and not in freezes, by the clock of a time zone.

mod calendar;
mod posix;
mod zone;

use rhumb_guest_sdk::{
    About, Context, Evidence, Failure, Hold, Move, Policy, PolicyConfig, Problem, PromotionRule, Reason, Timestamp,
    Verdict, Wants, export_policy,
};
use serde::Deserialize;

use calendar::{Calendar, State};

/// The settings of `window`.
#[derive(Deserialize, PolicyConfig)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Whose clock counts: a name such as `Europe/Berlin`, or a rule of POSIX such as `CET-1CEST,M3.5.0,M10.5.0/3`.
    #[serde(default = "utc")]
    timezone: String,
    /// When versions may move, every week; at any time by default.
    #[serde(default)]
    open: Vec<Weekly>,
    /// When they may not, whatever the week says.
    #[serde(default)]
    freezes: Vec<Freeze>,
}

/// A window of every week.
#[derive(Deserialize, PolicyConfig)]
#[serde(deny_unknown_fields)]
pub struct Weekly {
    /// Days on which it begins, such as `mon-thu` or `sat`; all of them by default.
    #[serde(default)]
    days: Vec<String>,
    /// Its beginning, such as `09:00`.
    from: String,
    /// Its end, such as `17:00`; one that is not later than the beginning is on the next day.
    to: String,
}

/// A span of time in which nothing moves.
#[derive(Deserialize, PolicyConfig)]
#[serde(deny_unknown_fields)]
pub struct Freeze {
    /// Its beginning by the zone's clock: a day such as `2026-12-20`, or `2026-12-20T18:00`.
    from: String,
    /// Its end; a day belongs to it.
    to: String,
    /// Why, for whoever wonders.
    #[serde(default)]
    reason: String,
}

fn utc() -> String {
    "UTC".to_owned()
}

/// The rule, ready to judge.
pub struct WindowRule {
    calendar: Calendar,
}

impl Policy for WindowRule {
    type Config = Config;

    const ABOUT: About = About {
        name: "window",
        version: env!("CARGO_PKG_VERSION"),
        summary: "Versions move in weekly windows and not in freezes, by the clock of a time zone",
        reasons: &[
            ("open", "versions may move now"),
            ("closed", "no window is open"),
            ("frozen", "there is a freeze"),
            ("never", "no window opens within a year"),
        ],
        wants: Wants { evidence: &["windows"], ..Wants::NOTHING },
        fuel: 100_000_000,
        examples: include_str!("../cases/examples.json"),
    };

    fn configure(config: Config) -> Result<Self, Vec<Problem>> {
        Calendar::read(&config).map(|calendar| Self { calendar })
    }
}

impl PromotionRule for WindowRule {
    fn judge(&self, context: &Context, _: &[Move], evidence: &Evidence) -> Result<Verdict, Failure> {
        let (code, text) = match self.calendar.state(context.now, &evidence.windows) {
            State::Open => return Ok(Verdict::Allow(Reason::new("open", "versions may move now"))),
            State::Closed => ("closed", "no window is open".to_owned()),
            State::Frozen(reason) if reason.is_empty() => ("frozen", "there is a freeze".to_owned()),
            State::Frozen(reason) => ("frozen", format!("there is a freeze: {reason}")),
        };
        Ok(match self.calendar.next_open(context.now, &evidence.windows) {
            Some(until) => {
                let text = format!("{text}; versions may move at {}", Timestamp(until));
                Verdict::Hold(Hold { until: Some(until), reason: Reason::new(code, text) })
            }
            None => {
                let text = format!("{text}, and no window opens within a year");
                Verdict::Hold(Hold { until: None, reason: Reason::new("never", text) })
            }
        })
    }
}

export_policy!(WindowRule: promotion-rule);

#[cfg(test)]
mod tests {
    use super::*;
    use rhumb_guest_sdk::testing;

    #[test]
    fn judges_its_cases() {
        testing::rule_cases::<WindowRule>(env!("CARGO_MANIFEST_DIR"));
    }
}
