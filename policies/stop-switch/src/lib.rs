//! The promotion rule `stop-switch`: nothing moves while somebody has the switch pulled.

use rhumb_guest_sdk::{
    About, Context, Evidence, Failure, Move, Pattern, Policy, PolicyConfig, Problem, PromotionRule, Reason, Stop,
    Timestamp, Verdict, Wants, export_policy,
};
use serde::Deserialize;

/// The settings of `stop-switch`.
#[derive(Deserialize, PolicyConfig)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Namespaces that go on, such as the one of the monitoring that an incident needs; `*` stands for any run of
    /// characters.
    #[serde(default)]
    except: Vec<String>,
}

/// The rule, ready to judge.
pub struct StopSwitch {
    except: Vec<Pattern>,
}

impl Policy for StopSwitch {
    type Config = Config;

    const ABOUT: About = About {
        name: "stop-switch",
        version: env!("CARGO_PKG_VERSION"),
        summary: "Nothing moves while somebody has the switch pulled",
        reasons: &[
            ("running", "nobody has pulled the switch"),
            ("stopped", "somebody has pulled the switch"),
            ("elsewhere", "the switch stops other environments"),
            ("excepted", "this namespace goes on"),
            ("ended", "the switch was pulled until a time that has come"),
        ],
        wants: Wants { evidence: &["stop"], ..Wants::NOTHING },
        fuel: 20_000_000,
        examples: include_str!("../cases/examples.json"),
    };

    fn configure(config: Config) -> Result<Self, Vec<Problem>> {
        Ok(Self { except: config.except.iter().map(|text| Pattern::new(text)).collect() })
    }
}

impl PromotionRule for StopSwitch {
    fn judge(&self, context: &Context, _: &[Move], evidence: &Evidence) -> Result<Verdict, Failure> {
        let allow = |code: &str, text: String| Ok(Verdict::Allow(Reason::new(code, text)));
        let Some(stop) = &evidence.stop else {
            return allow("running", "nobody has pulled the switch".to_owned());
        };
        if stop.until != 0 && stop.until <= context.now {
            return allow("ended", format!("{} pulled the switch until {}", stop.by, Timestamp(stop.until)));
        }
        if self.except.iter().any(|pattern| pattern.matches(&context.namespace)) {
            return allow("excepted", format!("namespace `{}` goes on", context.namespace));
        }
        let here = context.environment.as_ref();
        // A release of no environment is stopped: in an incident nobody wants to find out which.
        if !stop.environments.is_empty() && here.is_some_and(|here| !stop.environments.contains(here)) {
            return allow("elsewhere", format!("the switch stops {}", stop.environments.join(", ")));
        }
        Ok(Verdict::Deny(Reason::new("stopped", told(stop))))
    }
}

fn told(stop: &Stop) -> String {
    let mut text = format!("{} pulled the switch at {}", stop.by, Timestamp(stop.since));
    if stop.until != 0 {
        text += &format!(" until {}", Timestamp(stop.until));
    }
    if !stop.reason.is_empty() {
        text += &format!(": {}", stop.reason);
    }
    text
}

export_policy!(StopSwitch: promotion-rule);

#[cfg(test)]
mod tests {
    use super::*;
    use rhumb_guest_sdk::testing;

    #[test]
    fn judges_its_cases() {
        testing::rule_cases::<StopSwitch>(env!("CARGO_MANIFEST_DIR"));
    }
}
