//! Which promotion rules and value transforms an object asks for, in its annotations.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::id::PolicyName;
use crate::image::FilterError;

/// A promotion rule or a value transform that counts for an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Attached {
    /// What people read: the policy, and behind `@` the binding that says so.
    pub name: PolicyName,
    /// The policy.
    pub policy: PolicyName,
    /// Its settings.
    pub config: Value,
    /// Whether its answer counts.
    pub mode: Mode,
    /// Who says that it counts.
    pub by: By,
}

/// Who says that a policy counts for an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Somebody above it, so that it is named as they name it.
    Binding,
    /// The object itself.
    Object,
}

/// Whether an answer counts.
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
#[serde(rename_all = "kebab-case")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum OnFailure {
    /// Nothing moves past it.
    #[default]
    Hold,
    /// What it answered last to the very same counts on: a verdict about the same versions, the operations of a transform
    /// with the same settings. As `hold` where there is nothing of the kind, or no component to ask.
    KeepLast,
    /// A rule or a transform is passed over, as if nobody had attached it. A filter chooses nothing.
    Skip,
}

/// The promotion rules of an object: those that are bound to it, then its own, `rhumb.dev/promotion: <name>,<name>`.
///
/// Its own annotations neither remove nor set anything of a rule that is bound.
pub fn promotion_rules(
    annotations: &BTreeMap<String, String>,
    bound: &[Attached],
) -> Result<Vec<Attached>, FilterError> {
    let own = own(annotations, "rhumb.dev/promotion", bound)?;
    Ok(bound.iter().cloned().chain(own).collect())
}

/// The value transforms of an object, in order: its own, `rhumb.dev/values: <name>,<name>`, then those that are bound to
/// it, so that none of its own undoes what they did.
pub fn value_transforms(
    annotations: &BTreeMap<String, String>,
    bound: &[Attached],
) -> Result<Vec<Attached>, FilterError> {
    let own = own(annotations, "rhumb.dev/values", bound)?;
    Ok(own.into_iter().chain(bound.iter().cloned()).collect())
}

/// What an object asks for itself, but for what is enforced from above.
fn own(annotations: &BTreeMap<String, String>, key: &str, bound: &[Attached]) -> Result<Vec<Attached>, FilterError> {
    let is_enforced = |name: &str| bound.iter().any(|one| one.policy.as_str() == name && one.mode == Mode::Enforce);
    let names = annotations.get(key).map(String::as_str).unwrap_or_default();
    let names = names.split(',').map(str::trim).filter(|name| !name.is_empty() && !is_enforced(name));
    let attached = names.map(|name| {
        let (policy, config) = (PolicyName::new(name), crate::image::config_of(annotations, name)?);
        Ok(Attached { name: policy.clone(), policy, config, mode: Mode::Enforce, by: By::Object })
    });
    attached.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn bound(policy: &str, mode: Mode) -> Attached {
        let name = PolicyName::new(format!("{policy}@b"));
        Attached { name, policy: PolicyName::new(policy), config: json!({"strict": true}), mode, by: By::Binding }
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

    #[test]
    fn what_is_bound_transforms_last() {
        let own = BTreeMap::from([("rhumb.dev/values".to_owned(), "registry-mirror, env-sizing".to_owned())]);
        let transforms = value_transforms(&own, &[bound("registry-mirror", Mode::Enforce)]).unwrap();
        let names: Vec<&str> = transforms.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["env-sizing", "registry-mirror@b"]);
    }
}
