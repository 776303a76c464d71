//! The promotion rule `deny-list`: versions that are known to be bad do not move, until their entry expires.

use rhumb_guest_sdk::{
    About, Context, Evidence, Failure, Move, Pattern, Policy, PolicyConfig, Problem, PromotionRule, Reason, Timestamp,
    Verdict, Wants, export_policy,
};
use serde::Deserialize;

/// The settings of `deny-list`.
#[derive(Deserialize, PolicyConfig)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What is known to be bad.
    deny: Vec<Entry>,
}

/// Versions that are known to be bad.
#[derive(Deserialize, PolicyConfig)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Repository of the image, or the chart's name; `*` stands for any run of characters. All of them by default.
    #[serde(default = "any")]
    repository: String,
    /// The version, such as `1.2.3` or `1.2.*`.
    version: String,
    /// Why, for whoever wonders.
    reason: String,
    /// Until when, such as `2026-12-31` or `2026-12-31T18:00:00Z`; for ever by default.
    until: Option<String>,
}

fn any() -> String {
    "*".to_owned()
}

/// The rule, ready to judge.
pub struct DenyList {
    entries: Vec<Known>,
}

struct Known {
    repository: Pattern,
    version: Pattern,
    reason: String,
    until: Option<Timestamp>,
}

impl Policy for DenyList {
    type Config = Config;

    const ABOUT: About = About {
        name: "deny-list",
        version: env!("CARGO_PKG_VERSION"),
        summary: "Versions that are known to be bad do not move, until their entry expires",
        reasons: &[
            ("not-listed", "no version is on the list"),
            ("listed", "a version is on the list"),
            ("expired", "a version was on the list; its entry has expired"),
        ],
        wants: Wants::NOTHING,
        fuel: 50_000_000,
        examples: include_str!("../cases/examples.json"),
    };

    fn configure(config: Config) -> Result<Self, Vec<Problem>> {
        let (mut entries, mut problems) = (Vec::with_capacity(config.deny.len()), Vec::new());
        for (at, entry) in config.deny.into_iter().enumerate() {
            let until = entry.until.as_deref().map(Timestamp::parse);
            if until == Some(None) {
                let text = "wanted a day or a time in UTC, such as `2026-12-31` or `2026-12-31T18:00:00Z`";
                problems.push(Problem::new(&format!("/deny/{at}/until"), "bad-time", text));
            }
            if entry.reason.trim().is_empty() {
                let text = "say why, for whoever wonders that nothing moves";
                problems.push(Problem::new(&format!("/deny/{at}/reason"), "empty", text));
            }
            entries.push(Known {
                repository: Pattern::new(&entry.repository),
                version: Pattern::new(&entry.version),
                reason: entry.reason,
                until: until.flatten(),
            });
        }
        if problems.is_empty() { Ok(Self { entries }) } else { Err(problems) }
    }
}

impl PromotionRule for DenyList {
    fn judge(&self, context: &Context, moves: &[Move], _: &Evidence) -> Result<Verdict, Failure> {
        let mut expired = None;
        for one in moves {
            let names =
                |entry: &&Known| entry.repository.matches(&one.repository) && entry.version.matches(&one.to_version);
            for entry in self.entries.iter().filter(names) {
                let text = format!("{}: `{}` is on the list: {}", one.subject, one.to_version, entry.reason);
                match entry.until {
                    Some(until) if until.0 <= context.now => expired = Some(format!("{text} (until {until})")),
                    Some(until) => {
                        return Ok(Verdict::Deny(Reason::new("listed", format!("{text} (until {until})"))));
                    }
                    None => return Ok(Verdict::Deny(Reason::new("listed", text))),
                }
            }
        }
        Ok(Verdict::Allow(match expired {
            Some(text) => Reason::new("expired", text),
            None => Reason::new("not-listed", format!("none of {} entries names a version", self.entries.len())),
        }))
    }
}

export_policy!(DenyList: promotion-rule);

#[cfg(test)]
mod tests {
    use super::*;
    use rhumb_guest_sdk::testing;

    #[test]
    fn judges_its_cases() {
        testing::rule_cases::<DenyList>(env!("CARGO_MANIFEST_DIR"));
    }
}
