//! The promotion rule `no-downgrade`: nothing moves to a lower version, whatever a filter chose.

use std::cmp::Ordering;

use rhumb_guest_sdk::{
    About, Context, Evidence, Failure, Move, Policy, PolicyConfig, Problem, PromotionRule, Reason, Step, Verdict,
    Wants, export_policy,
};
use serde::Deserialize;

/// The settings of `no-downgrade`.
#[derive(Deserialize, PolicyConfig)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What to do when nobody can say which of two versions is higher, such as `dev-3f2c1` and `dev-90ab4`.
    #[serde(default)]
    unordered: Unordered,
    /// What is not looked at: names of containers, or `chart`.
    #[serde(default)]
    except: Vec<String>,
}

/// What to do when nobody can say which of two versions is higher.
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize, PolicyConfig)]
#[serde(rename_all = "lowercase")]
pub enum Unordered {
    /// Let it move.
    #[default]
    Allow,
    /// Deny it.
    Deny,
}

/// The rule, ready to judge.
pub struct NoDowngrade {
    config: Config,
}

impl Policy for NoDowngrade {
    type Config = Config;

    const ABOUT: About = About {
        name: "no-downgrade",
        version: env!("CARGO_PKG_VERSION"),
        summary: "Nothing moves to a lower version",
        reasons: &[
            ("not-lower", "no version is lower than what runs"),
            ("lower", "a version is lower than what runs"),
            ("unordered", "nobody can say whether a version is lower than what runs"),
        ],
        wants: Wants::NOTHING,
        fuel: 20_000_000,
        examples: include_str!("../cases/examples.json"),
    };

    fn configure(config: Config) -> Result<Self, Vec<Problem>> {
        Ok(Self { config })
    }
}

impl PromotionRule for NoDowngrade {
    fn judge(&self, _: &Context, moves: &[Move], _: &Evidence) -> Result<Verdict, Failure> {
        let looked_at = moves.iter().filter(|one| !self.config.except.contains(&one.subject));
        let mut unordered = None;
        for one in looked_at {
            let Some(from) = &one.from_version else { continue };
            let (subject, to) = (&one.subject, &one.to_version);
            match order(one, from) {
                Some(Ordering::Less) => {
                    let text = format!("{subject}: `{to}` is lower than `{from}`");
                    return Ok(Verdict::Deny(Reason::new("lower", text)));
                }
                Some(_) => {}
                None => unordered = Some(format!("{subject}: `{from}` and `{to}` cannot be compared")),
            }
        }
        Ok(match unordered {
            Some(text) if self.config.unordered == Unordered::Deny => Verdict::Deny(Reason::new("unordered", text)),
            Some(text) => Verdict::Allow(Reason::new("unordered", text)),
            None => Verdict::Allow(Reason::new("not-lower", "no version is lower than what runs")),
        })
    }
}

/// How the new version compares with the old one; `None` when nobody can say.
fn order(one: &Move, from: &str) -> Option<Ordering> {
    match one.step {
        Some(Step::Backwards) => Some(Ordering::Less),
        Some(_) => Some(Ordering::Greater),
        None => by_numbers(&one.to_version, from),
    }
}

/// Compares texts that differ in their numbers alone: `build-10` is above `build-9`, `2026.10` above `2026.9`.
fn by_numbers(a: &str, b: &str) -> Option<Ordering> {
    let (mut a, mut b) = (a, b);
    let mut order = Ordering::Equal;
    while !(a.is_empty() && b.is_empty()) {
        let (text_a, rest_a) = split(a, |c| !c.is_ascii_digit());
        let (text_b, rest_b) = split(b, |c| !c.is_ascii_digit());
        let (number_a, rest_a) = split(rest_a, |c| c.is_ascii_digit());
        let (number_b, rest_b) = split(rest_b, |c| c.is_ascii_digit());
        if text_a != text_b || number_a.is_empty() != number_b.is_empty() {
            return None;
        }
        let [x, y] = [number_a, number_b].map(|digits| digits.trim_start_matches('0'));
        order = order.then_with(|| x.len().cmp(&y.len()).then_with(|| x.cmp(y)));
        (a, b) = (rest_a, rest_b);
    }
    Some(order)
}

fn split(text: &str, is_part: impl Fn(char) -> bool) -> (&str, &str) {
    let end = text.find(|c| !is_part(c)).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

export_policy!(NoDowngrade: promotion-rule);

#[cfg(test)]
mod tests {
    use super::*;
    use rhumb_guest_sdk::testing;

    #[test]
    fn judges_its_cases() {
        testing::rule_cases::<NoDowngrade>(env!("CARGO_MANIFEST_DIR"));
    }
}
