//! Lets versions move only while few other releases are being changed.

use rhumb_guest_sdk::{
    About, Context, Evidence, Failure, Hold, Move, Policy, PolicyConfig, Problem, PromotionRule, Reason, Verdict,
    Wants, export_policy,
};

/// The settings. A JSON Schema is made of them, by which Rhumb checks a config before this policy sees it.
#[derive(serde::Deserialize, PolicyConfig)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Config {
    /// How many releases may be changed at the same time, this one counted.
    at_most: u32,
}

/// The policy with its config understood. It lives for one question.
pub struct Rule {
    at_most: u32,
}

impl Policy for Rule {
    type Config = Config;

    const ABOUT: About = About {
        name: env!("CARGO_PKG_NAME"),
        version: env!("CARGO_PKG_VERSION"),
        summary: env!("CARGO_PKG_DESCRIPTION"),
        // Every code that an answer may carry; the cases have to show each.
        reasons: &[("calm", "few releases are being changed"), ("busy", "too many releases are being changed")],
        // Evidence comes only when it is asked for here.
        wants: Wants { evidence: &["fleet"], ..Wants::NOTHING },
        fuel: 20_000_000,
        examples: include_str!("../cases/examples.json"),
    };

    fn configure(config: Config) -> Result<Self, Vec<Problem>> {
        if config.at_most == 0 {
            return Err(vec![Problem::new("/atMost", "never", "with 0 nothing would ever move")]);
        }
        Ok(Self { at_most: config.at_most })
    }
}

impl PromotionRule for Rule {
    fn judge(&self, _: &Context, _: &[Move], evidence: &Evidence) -> Result<Verdict, Failure> {
        let busy = evidence.fleet.upgrading;
        if busy < self.at_most {
            return Ok(Verdict::Allow(Reason::new("calm", format!("{busy} other releases are being changed"))));
        }
        let text = format!("{busy} other releases are being changed, allowed are {} in all", self.at_most);
        // Without a time Rhumb asks again when the evidence changes.
        Ok(Verdict::Hold(Hold { until: None, reason: Reason::new("busy", text) }))
    }
}

export_policy!(Rule: promotion-rule);

#[cfg(test)]
mod tests {
    use super::*;
    use rhumb_guest_sdk::testing;

    #[test]
    fn judges_its_cases() {
        testing::rule_cases::<Rule>(env!("CARGO_MANIFEST_DIR"));
    }
}
