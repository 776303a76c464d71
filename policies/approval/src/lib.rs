//! The promotion rule `approval`: people say yes to exactly these versions before anything moves.

use std::collections::BTreeMap;

use rhumb_guest_sdk::{
    About, Approval, Approved, Context, Duration, Evidence, Failure, Move, Policy, PolicyConfig, Problem,
    PromotionRule, Reason, Verdict, Wants, export_policy,
};
use serde::Deserialize;

/// The settings of `approval`.
#[derive(Deserialize, PolicyConfig)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Config {
    /// How many different people must approve; 1 by default.
    #[serde(default = "one")]
    quorum: u32,
    /// Groups whose members count; none for anybody who may approve.
    #[serde(default)]
    groups: Vec<String>,
    /// How many of them must be in a group at least, such as `{oncall: 1}`.
    #[serde(default)]
    at_least: BTreeMap<String, u32>,
    /// For how long an approval counts, such as `24h`; as long as it says itself by default.
    valid_for: Option<String>,
    /// Whether who wrote one of the commits that come may not approve them.
    #[serde(default)]
    authors: Authors,
    /// Environments that need approval; all by default.
    #[serde(default)]
    environments: Vec<String>,
}

/// Whether who wrote a commit may approve it.
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize, PolicyConfig)]
#[serde(rename_all = "lowercase")]
pub enum Authors {
    /// They may.
    #[default]
    Count,
    /// Theirs does not count.
    Excluded,
}

fn one() -> u32 {
    1
}

/// The rule, ready to judge.
pub struct Approve {
    config: Config,
    valid_for: Option<Duration>,
}

impl Policy for Approve {
    type Config = Config;

    const ABOUT: About = About {
        name: "approval",
        version: env!("CARGO_PKG_VERSION"),
        summary: "People say yes to exactly these versions before anything moves",
        reasons: &[
            ("approved", "enough people approved exactly these versions"),
            ("too-few", "not enough people approved exactly these versions yet"),
            ("group-missing", "nobody of a group that must agree approved yet"),
            ("not-needed", "this environment needs no approval"),
        ],
        wants: Wants { evidence: &["approvals", "commits"], ..Wants::NOTHING },
        fuel: 20_000_000,
        examples: include_str!("../cases/examples.json"),
    };

    fn configure(config: Config) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        if config.quorum == 0 {
            problems.push(Problem::new("/quorum", "zero", "an approval by nobody is none"));
        }
        let valid_for = config.valid_for.as_deref().map(Duration::parse);
        if valid_for.is_some_and(|length| length.is_none_or(|length| length.0 == 0)) {
            problems.push(Problem::new("/validFor", "bad-duration", "wanted a duration such as `24h`"));
        }
        if problems.is_empty() { Ok(Self { config, valid_for: valid_for.flatten() }) } else { Err(problems) }
    }
}

impl PromotionRule for Approve {
    fn judge(&self, context: &Context, moves: &[Move], evidence: &Evidence) -> Result<Verdict, Failure> {
        let named = &self.config.environments;
        if !named.is_empty() && context.environment.as_ref().is_none_or(|environment| !named.contains(environment)) {
            let here = context.environment.as_deref().unwrap_or("this environment");
            return Ok(Verdict::Allow(Reason::new("not-needed", format!("{here} needs no approval"))));
        }
        let mut approvers = evidence.approvers(moves, &self.config.groups, context.now);
        approvers.retain(|one| self.counts(one, context.now, evidence));
        let is_missing = |(group, count): &(&String, &u32)| {
            let members = approvers.iter().filter(|one| one.groups.contains(group)).count();
            members < usize::try_from(**count).unwrap_or(usize::MAX)
        };
        let (count, quorum) = (approvers.len(), self.config.quorum);
        if u32::try_from(count).unwrap_or(u32::MAX) < quorum {
            return Ok(self.require("too-few", format!("{count} of {quorum} people approved these versions"), quorum));
        }
        if let Some((group, count)) = self.config.at_least.iter().find(is_missing) {
            let text = format!("{count} of `{group}` must approve these versions");
            return Ok(self.require("group-missing", text, quorum));
        }
        let names: Vec<&str> = approvers.iter().map(|one| one.by.as_str()).collect();
        Ok(Verdict::Allow(Reason::new("approved", format!("by {}", names.join(", ")))))
    }
}

impl Approve {
    fn counts(&self, one: &Approved, now: u64, evidence: &Evidence) -> bool {
        let is_fresh = self.valid_for.is_none_or(|length| one.at + length.0 > now);
        let is_author = || evidence.commits.iter().any(|commit| commit.author == one.by);
        is_fresh && (self.config.authors == Authors::Count || !is_author())
    }

    fn require(&self, code: &str, text: String, quorum: u32) -> Verdict {
        let groups = self.config.groups.clone();
        Verdict::RequireApproval(Approval { reason: Reason::new(code, text), quorum, groups, expires: None })
    }
}

export_policy!(Approve: promotion-rule);

#[cfg(test)]
mod tests {
    use super::*;
    use rhumb_guest_sdk::testing;

    #[test]
    fn judges_its_cases() {
        testing::rule_cases::<Approve>(env!("CARGO_MANIFEST_DIR"));
    }
}
