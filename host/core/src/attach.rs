//! Which promotion rules and value transforms an object asks for, in its annotations.

use std::collections::BTreeMap;

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

/// The promotion rules of an object: those that are enforced, then its own, `rhumb.dev/promotion: <name>,<name>`.
///
/// Its own annotations neither remove nor set anything of a rule that is enforced.
pub fn promotion_rules(
    annotations: &BTreeMap<String, String>,
    enforced: &[Attached],
) -> Result<Vec<Attached>, FilterError> {
    let own = attached(annotations, "rhumb.dev/promotion")?;
    let own = own.into_iter().filter(|own| enforced.iter().all(|rule| rule.policy != own.policy));
    Ok(enforced.iter().cloned().chain(own).collect())
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

    #[test]
    fn what_is_enforced_can_neither_be_removed_nor_set_from_below() {
        let rules = |annotations: &[(&str, &str)]| {
            let own = annotations.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
            let enforced = [Attached { policy: PolicyName::new("stop"), config: json!({"strict": true}) }];
            let rules = promotion_rules(&own, &enforced).unwrap();
            rules.iter().map(|rule| format!("{} {}", rule.policy, rule.config)).collect::<Vec<String>>()
        };
        let stop = r#"stop {"strict":true}"#;
        assert_eq!(rules(&[]), [stop]);
        assert_eq!(rules(&[("rhumb.dev/promotion", "soak")]), [stop, "soak {}"]);
        let own = [("rhumb.dev/promotion", "soak,stop"), ("rhumb.dev/config.stop", "{strict: false}")];
        assert_eq!(rules(&own), [stop, "soak {}"]);
    }
}
