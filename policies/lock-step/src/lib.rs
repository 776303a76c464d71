//! The promotion rule `lock-step`: several containers of a release, or its chart, move to one version together.

use std::collections::BTreeMap;

use rhumb_guest_sdk::{
    About, Context, Evidence, Failure, Hold, Move, Policy, PolicyConfig, Problem, PromotionRule, Reason, Verdict,
    Wants, export_policy,
};
use serde::Deserialize;

/// The settings of `lock-step`.
#[derive(Deserialize, PolicyConfig)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What moves together: names of containers, or `chart`.
    together: Vec<String>,
    /// What stands before the version in the tags of some of them, such as `{worker: "worker-"}`.
    #[serde(default)]
    prefixes: BTreeMap<String, String>,
    /// What stands behind it, such as `{web: "-alpine"}`.
    #[serde(default)]
    suffixes: BTreeMap<String, String>,
}

/// The rule, ready to judge.
pub struct LockStep {
    config: Config,
}

impl Policy for LockStep {
    type Config = Config;

    const ABOUT: About = About {
        name: "lock-step",
        version: env!("CARGO_PKG_VERSION"),
        summary: "Several containers of a release move to one version together",
        reasons: &[
            ("together", "all of them are at one version afterwards"),
            ("apart", "they would be at different versions afterwards"),
            ("unknown", "nobody knows which version one of them runs"),
            ("not-concerned", "none of them moves"),
        ],
        wants: Wants { evidence: &["history"], ..Wants::NOTHING },
        fuel: 20_000_000,
        examples: include_str!("../cases/examples.json"),
    };

    fn configure(config: Config) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        if config.together.len() < 2 {
            let text = "name at least two containers that move together";
            problems.push(Problem::new("/together", "too-few", text));
        }
        for (key, map) in [("prefixes", &config.prefixes), ("suffixes", &config.suffixes)] {
            for name in map.keys().filter(|name| !config.together.contains(name)) {
                let text = format!("`{name}` is not one of those that move together");
                problems.push(Problem::new(&format!("/{key}/{}", escaped(name)), "unknown-container", text));
            }
        }
        if problems.is_empty() { Ok(Self { config }) } else { Err(problems) }
    }
}

impl PromotionRule for LockStep {
    fn judge(&self, _: &Context, moves: &[Move], evidence: &Evidence) -> Result<Verdict, Failure> {
        if !moves.iter().any(|one| self.config.together.contains(&one.subject)) {
            return Ok(Verdict::Allow(Reason::new("not-concerned", "none of them moves")));
        }
        let mut versions: Vec<(&str, &str)> = Vec::new();
        for name in &self.config.together {
            let Some(tag) = tag_of(name, moves, evidence) else {
                return Ok(hold("unknown", format!("nobody knows which version `{name}` runs")));
            };
            let Some(version) = self.version(name, tag) else {
                return Ok(hold("unknown", format!("`{tag}` of `{name}` has not the prefix or suffix that it should")));
            };
            versions.push((name, version));
        }
        let Some((first, version)) = versions.first().copied() else {
            return Ok(Verdict::Allow(Reason::new("not-concerned", "none of them moves")));
        };
        Ok(match versions.iter().find(|(_, other)| *other != version) {
            None => Verdict::Allow(Reason::new("together", format!("all of them at `{version}`"))),
            Some((name, other)) => {
                hold("apart", format!("`{first}` would be at `{version}` and `{name}` at `{other}`"))
            }
        })
    }
}

impl LockStep {
    fn version<'a>(&self, name: &str, tag: &'a str) -> Option<&'a str> {
        let (prefix, suffix) = (self.config.prefixes.get(name), self.config.suffixes.get(name));
        let rest = prefix.map_or(Some(tag), |prefix| tag.strip_prefix(prefix.as_str()))?;
        suffix.map_or(Some(rest), |suffix| rest.strip_suffix(suffix.as_str()))
    }
}

/// Where this container goes, or else what it runs by the newest revision.
fn tag_of<'a>(name: &str, moves: &'a [Move], evidence: &'a Evidence) -> Option<&'a str> {
    if let Some(one) = moves.iter().find(|one| one.subject == name) {
        return Some(&one.to_version);
    }
    let newest = evidence.history.iter().rev().find(|revision| revision.status == "deployed")?;
    if name == "chart" {
        return newest.chart.rsplit_once('-').map(|(_, version)| version);
    }
    newest.images.iter().find(|image| image.container == name).map(|image| image.tag.as_str())
}

/// Without an instant: the next tag of the other one is what changes it.
fn hold(code: &str, text: String) -> Verdict {
    Verdict::Hold(Hold { until: None, reason: Reason::new(code, text) })
}

fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

export_policy!(LockStep: promotion-rule);

#[cfg(test)]
mod tests {
    use super::*;
    use rhumb_guest_sdk::testing;

    #[test]
    fn judges_its_cases() {
        testing::rule_cases::<LockStep>(env!("CARGO_MANIFEST_DIR"));
    }
}
