//! The promotion rule `step-limit`: small steps move by themselves, large ones ask, and some are only told.

use rhumb_guest_sdk::{
    About, Approval, Context, Evidence, Failure, Move, Policy, PolicyConfig, Problem, PromotionRule, Reason, Step,
    Verdict, Wants, export_policy,
};
use serde::Deserialize;

/// The settings of `step-limit`: what to do with each step between semantic versions.
#[derive(Deserialize, PolicyConfig)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Config {
    /// `1.2.3` → `1.2.4`, and what is smaller.
    #[serde(default = "allow")]
    patch: Action,
    /// `1.2.3` → `1.3.0`.
    #[serde(default = "allow")]
    minor: Action,
    /// `1.2.3` → `2.0.0`.
    #[serde(default = "ask")]
    major: Action,
    /// To a pre-release, such as `1.3.0-rc.1`, whatever the step.
    #[serde(default = "ask")]
    pre_release: Action,
    /// To a lower version.
    #[serde(default = "ask")]
    backwards: Action,
    /// Between versions that are not semantic.
    #[serde(default = "ask")]
    unknown: Action,
    /// How many people must approve what asks; 1 by default.
    #[serde(default = "one")]
    quorum: u32,
    /// Groups whose members count; none for anybody who may approve.
    #[serde(default)]
    groups: Vec<String>,
}

/// What to do with a step, from the mildest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, PolicyConfig)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Let it move.
    Allow,
    /// Say that there is one, and do nothing.
    Observe,
    /// Ask people.
    Ask,
    /// Never.
    Deny,
}

fn allow() -> Action {
    Action::Allow
}

fn ask() -> Action {
    Action::Ask
}

fn one() -> u32 {
    1
}

/// The rule, ready to judge.
pub struct StepLimit {
    config: Config,
}

impl Policy for StepLimit {
    type Config = Config;

    const ABOUT: About = About {
        name: "step-limit",
        version: env!("CARGO_PKG_VERSION"),
        summary: "Small steps move by themselves, large ones ask, and some are only told",
        reasons: &[
            ("small-step", "every step may move by itself"),
            ("told-only", "a step is only told, and nothing moves"),
            ("asks", "a step needs approval"),
            ("approved", "a step that needed approval has it"),
            ("denied", "a step is not wanted"),
        ],
        wants: Wants { evidence: &["approvals"], ..Wants::NOTHING },
        fuel: 20_000_000,
        examples: include_str!("../cases/examples.json"),
    };

    fn configure(config: Config) -> Result<Self, Vec<Problem>> {
        if config.quorum == 0 {
            return Err(vec![Problem::new("/quorum", "zero", "an approval by nobody is `allow`")]);
        }
        Ok(Self { config })
    }
}

impl PromotionRule for StepLimit {
    fn judge(&self, context: &Context, moves: &[Move], evidence: &Evidence) -> Result<Verdict, Failure> {
        let strictest = moves.iter().map(|one| (self.action(one), one)).max_by_key(|(action, _)| *action);
        let Some((action, one)) = strictest else {
            return Ok(Verdict::Allow(Reason::new("small-step", "nothing moves")));
        };
        let from = one.from_version.as_deref().unwrap_or("nothing");
        let text = format!("{}: `{from}` to `{}` is {}", one.subject, one.to_version, self.named(one));
        Ok(match action {
            Action::Allow => Verdict::Allow(Reason::new("small-step", text)),
            Action::Observe => Verdict::Observe(Reason::new("told-only", text)),
            Action::Deny => Verdict::Deny(Reason::new("denied", text)),
            Action::Ask => self.ask(context.now, moves, evidence, text),
        })
    }
}

impl StepLimit {
    fn ask(&self, now: u64, moves: &[Move], evidence: &Evidence, text: String) -> Verdict {
        let approvers = evidence.approvers(moves, &self.config.groups, now);
        let (count, quorum) = (approvers.len(), self.config.quorum);
        if u32::try_from(count).unwrap_or(u32::MAX) >= quorum {
            let names: Vec<&str> = approvers.iter().map(|one| one.by.as_str()).collect();
            return Verdict::Allow(Reason::new("approved", format!("{text}; approved by {}", names.join(", "))));
        }
        let reason = Reason::new("asks", format!("{text}; {count} of {quorum} approvals are there"));
        Verdict::RequireApproval(Approval { reason, quorum, groups: self.config.groups.clone(), expires: None })
    }

    fn action(&self, one: &Move) -> Action {
        let config = &self.config;
        let by_step = match (one.step, &one.from_version) {
            (Some(Step::Backwards), _) => return config.backwards,
            (Some(Step::Major), _) => config.major,
            (Some(Step::Minor), _) => config.minor,
            (Some(_), _) => config.patch,
            // What runs nowhere yet takes no step.
            (None, None) => Action::Allow,
            (None, Some(_)) => return config.unknown,
        };
        if is_pre_release(&one.to_version) { by_step.max(config.pre_release) } else { by_step }
    }

    fn named(&self, one: &Move) -> &'static str {
        match (one.step, &one.from_version) {
            (Some(Step::Backwards), _) => "a step backwards",
            (_, _) if is_pre_release(&one.to_version) && one.step.is_some() => "a step to a pre-release",
            (Some(Step::Major), _) => "a major step",
            (Some(Step::Minor), _) => "a minor step",
            (Some(_), _) => "a patch or less",
            (None, None) => "the first version",
            (None, Some(_)) => "a step of unknown size",
        }
    }
}

/// Whether a version has a pre-release; build metadata behind `+` is none.
fn is_pre_release(version: &str) -> bool {
    version.split('+').next().is_some_and(|version| version.contains('-'))
}

export_policy!(StepLimit: promotion-rule);

#[cfg(test)]
mod tests {
    use super::*;
    use rhumb_guest_sdk::testing;

    #[test]
    fn judges_its_cases() {
        testing::rule_cases::<StepLimit>(env!("CARGO_MANIFEST_DIR"));
    }
}
