//! The promotion rule `no-reapply`: a version that failed or was rolled back does not come again by itself.

use rhumb_guest_sdk::{
    About, Context, Evidence, Failure, Move, Policy, PolicyConfig, Problem, PromotionRule, Reason, Revision, Timestamp,
    Verdict, Wants, export_policy,
};
use serde::Deserialize;

/// The settings of `no-reapply`.
#[derive(Deserialize, PolicyConfig)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The annotation of a release that lets versions come again: their tags, separated by commas.
    #[serde(default = "annotation")]
    annotation: String,
}

fn annotation() -> String {
    "rhumb.dev/reapply".to_owned()
}

/// The rule, ready to judge.
pub struct NoReapply {
    annotation: String,
}

impl Policy for NoReapply {
    type Config = Config;

    const ABOUT: About = About {
        name: "no-reapply",
        version: env!("CARGO_PKG_VERSION"),
        summary: "A version that failed or was rolled back does not come again by itself",
        reasons: &[
            ("no-objection", "no version failed or was rolled back"),
            ("rolled-back", "a version was deployed and one from before it came back"),
            ("failed", "a version was tried and failed"),
            ("released", "somebody lets it come again"),
        ],
        wants: Wants { evidence: &["history"], ..Wants::NOTHING },
        fuel: 50_000_000,
        examples: include_str!("../cases/examples.json"),
    };

    fn configure(config: Config) -> Result<Self, Vec<Problem>> {
        if config.annotation.trim().is_empty() {
            return Err(vec![Problem::new("/annotation", "empty", "name an annotation, such as `rhumb.dev/reapply`")]);
        }
        Ok(Self { annotation: config.annotation })
    }
}

impl PromotionRule for NoReapply {
    fn judge(&self, context: &Context, moves: &[Move], evidence: &Evidence) -> Result<Verdict, Failure> {
        let mut released = None;
        for one in moves {
            let Some((code, text)) = objection(one, &evidence.history) else { continue };
            if !self.lets(context, &one.to_version) {
                let text = format!("{text}; newer versions move, and `{}` lets it come again", self.annotation);
                return Ok(Verdict::Deny(Reason::new(code, text)));
            }
            released = Some(text);
        }
        Ok(Verdict::Allow(match released {
            Some(text) => Reason::new("released", format!("{text}; `{}` lets it come again", self.annotation)),
            None => Reason::new("no-objection", "no version failed or was rolled back"),
        }))
    }
}

impl NoReapply {
    fn lets(&self, context: &Context, version: &str) -> bool {
        let annotation = context.annotations.iter().find(|(key, _)| *key == self.annotation);
        annotation.is_some_and(|(_, value)| value.split(',').any(|one| one.trim() == version))
    }
}

/// What speaks against a version: its newest revision failed, or a version from before it came back after it.
fn objection(one: &Move, history: &[Revision]) -> Option<(&'static str, String)> {
    let versions: Vec<Option<&str>> = history.iter().map(|revision| version(one, revision)).collect();
    let newest = versions.iter().rposition(|version| *version == Some(one.to_version.as_str()))?;
    let tried = history.get(newest)?;
    let named = format!("`{}` was revision {} at {}", one.to_version, tried.revision, Timestamp(tried.at));
    if tried.status == "failed" {
        return Some(("failed", format!("{named} and failed")));
    }
    let (before, after) = (versions.get(..newest)?, versions.get(newest + 1..)?);
    let back = after.iter().flatten().find(|version| before.contains(&Some(version)))?;
    Some(("rolled-back", format!("{named}, and `{back}` from before it came back")))
}

/// What a revision ran of that which moves.
fn version<'a>(one: &Move, revision: &'a Revision) -> Option<&'a str> {
    if one.subject == "chart" {
        let name = one.repository.rsplit('/').next().unwrap_or_default();
        return revision.chart.strip_prefix(name)?.strip_prefix('-');
    }
    let same = |image: &&rhumb_guest_sdk::Image| image.container == one.subject && image.repository == one.repository;
    revision.images.iter().find(same).map(|image| image.tag.as_str())
}

export_policy!(NoReapply: promotion-rule);

#[cfg(test)]
mod tests {
    use super::*;
    use rhumb_guest_sdk::testing;

    #[test]
    fn judges_its_cases() {
        testing::rule_cases::<NoReapply>(env!("CARGO_MANIFEST_DIR"));
    }
}
