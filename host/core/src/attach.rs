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

/// The promotion rules of an object: `rhumb.dev/promotion: <name>,<name>`.
pub fn promotion_rules(annotations: &BTreeMap<String, String>) -> Result<Vec<Attached>, FilterError> {
    attached(annotations, "rhumb.dev/promotion")
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
