//! Which promotion rules and value transforms an object asks for, in its annotations.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::id::PolicyName;
use crate::image::FilterError;

/// A policy that an object asks for, with its settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Attached {
    /// The policy.
    pub policy: PolicyName,
    /// From `rhumb.dev/config.<name>`.
    pub config: Value,
}

/// A promotion rule that counts for an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// What people read: the policy, and behind `@` the binding that says so.
    pub name: PolicyName,
    /// The policy.
    pub policy: PolicyName,
    /// Its settings.
    pub config: Value,
    /// Whether its verdict counts.
    pub mode: Mode,
    /// Who says that it counts.
    pub by: By,
}

/// Who says that a rule counts for an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Somebody above it, so that it is named as they name it.
    Binding,
    /// The object itself.
    Object,
}

/// Whether a verdict counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum Mode {
    /// It does.
    #[default]
    Enforce,
    /// It is recorded and shown, and nothing follows from it.
    Shadow,
}

/// What it means when a policy gives no answer: it failed, or cannot be loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum OnFailure {
    /// Nothing moves past it.
    #[default]
    Hold,
    /// A rule or a transform is passed over, as if nobody had attached it. A filter chooses nothing.
    Skip,
}

/// The promotion rules of an object: those that are bound to it, then its own, `rhumb.dev/promotion: <name>,<name>`.
///
/// Its own annotations neither remove nor set anything of a rule that is bound.
pub fn promotion_rules(annotations: &BTreeMap<String, String>, bound: &[Rule]) -> Result<Vec<Rule>, FilterError> {
    let own = attached(annotations, "rhumb.dev/promotion")?;
    let is_enforced = |own: &Attached| bound.iter().any(|rule| rule.policy == own.policy && rule.mode == Mode::Enforce);
    let own = own.into_iter().filter(|own| !is_enforced(own)).map(|Attached { policy, config }| Rule {
        name: policy.clone(),
        policy,
        config,
        mode: Mode::Enforce,
        by: By::Object,
    });
    Ok(bound.iter().cloned().chain(own).collect())
}

/// The value transforms of an object, in order: `rhumb.dev/values: <name>,<name>`.
pub fn value_transforms(annotations: &BTreeMap<String, String>) -> Result<Vec<Attached>, FilterError> {
    attached(annotations, "rhumb.dev/values")
}

fn attached(annotations: &BTreeMap<String, String>, key: &str) -> Result<Vec<Attached>, FilterError> {
    let names = annotations.get(key).map(String::as_str).unwrap_or_default();
    let names = names.split(',').map(str::trim).filter(|name| !name.is_empty());
    names
        .map(|name| Ok(Attached { policy: PolicyName::new(name), config: crate::image::config_of(annotations, name)? }))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn bound(policy: &str, mode: Mode) -> Rule {
        let name = PolicyName::new(format!("{policy}@b"));
        Rule { name, policy: PolicyName::new(policy), config: json!({"strict": true}), mode, by: By::Binding }
    }

    #[test]
    fn what_is_enforced_can_neither_be_removed_nor_set_from_below() {
        let rules = |annotations: &[(&str, &str)]| {
            let own = annotations.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
            let rules = promotion_rules(&own, &[bound("stop", Mode::Enforce), bound("soak", Mode::Shadow)]).unwrap();
            rules.iter().map(|rule| format!("{} {}", rule.name, rule.config)).collect::<Vec<String>>()
        };
        let (stop, shadow) = (r#"stop@b {"strict":true}"#, r#"soak@b {"strict":true}"#);
        assert_eq!(rules(&[]), [stop, shadow]);
        // What only looks on takes nothing from an object.
        assert_eq!(rules(&[("rhumb.dev/promotion", "soak")]), [stop, shadow, "soak {}"]);
        let own = [("rhumb.dev/promotion", "soak,stop"), ("rhumb.dev/config.stop", "{strict: false}")];
        assert_eq!(rules(&own), [stop, shadow, "soak {}"]);
    }
}
