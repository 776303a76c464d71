//! `PolicyBinding`: a promotion rule for the objects that it selects, whether they ask for it or not.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::spec;
use crate::attach::{By, Mode, Rule};
use crate::id::{ObjectId, PolicyName};

/// A promotion rule for the releases and workloads that it selects; none of them can remove it or set anything of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PolicyBindingSpec {
    /// The rule, such as `approval`.
    #[cfg_attr(test, schemars(length(min = 1, max = 64)))]
    pub policy: String,
    /// Its settings, as `rhumb policy inspect` shows them.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[cfg_attr(test, schemars(schema_with = "super::definitions::anything"))]
    pub config: Map<String, Value>,
    /// Namespaces whose objects it selects; all of them when left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(test, schemars(length(max = 256)))]
    pub namespaces: Vec<String>,
    /// Environments whose objects it selects; all of them, and objects of none, when left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(test, schemars(length(max = 64)))]
    pub environments: Vec<String>,
    /// Labels that the objects it selects have.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub match_labels: BTreeMap<String, String>,
    /// Whether its verdict counts; it does when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
}

/// What the status of a binding holds.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct BindingStatus {
    /// The generation that this is about.
    pub observed_generation: i64,
    /// How many objects with images it selects.
    pub objects: usize,
    /// Digest of the policy that it binds, when there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Whether it binds a policy, and why not.
    #[cfg_attr(test, schemars(schema_with = "super::definitions::conditions"))]
    pub conditions: Vec<Value>,
}

/// The object of a binding.
#[derive(Clone, Debug, PartialEq)]
pub struct BindingObject {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.uid`.
    pub uid: String,
    /// `metadata.generation`.
    pub generation: i64,
    /// `status` as it stands.
    pub status: Value,
}

/// A binding as it stands in the cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct Binding {
    /// What says so; nothing for the rule of the stop switch.
    pub object: Option<BindingObject>,
    /// The rule.
    pub rule: Rule,
    /// Namespaces; none for all.
    pub namespaces: Vec<String>,
    /// Environments; none for all.
    pub environments: Vec<String>,
    /// Labels that an object must have.
    pub labels: BTreeMap<String, String>,
}

impl Binding {
    /// Reads a `PolicyBinding`. One that cannot be read binds everything to a rule that there is not, so that nothing moves
    /// past it.
    pub fn of(object: &Value) -> Option<Self> {
        let name = object.pointer("/metadata/name")?.as_str()?;
        let about = Some(BindingObject {
            name: name.to_owned(),
            uid: object.pointer("/metadata/uid").and_then(Value::as_str).unwrap_or_default().to_owned(),
            generation: object.pointer("/metadata/generation").and_then(Value::as_i64).unwrap_or_default(),
            status: object.get("status").cloned().unwrap_or_default(),
        });
        let Some(spec) = spec::<PolicyBindingSpec>(object) else {
            let all = Self::all(Rule {
                name: PolicyName::new(format!("?@{name}")),
                policy: PolicyName::new("?"),
                config: Value::Object(Map::new()),
                mode: Mode::Enforce,
                by: By::Binding,
            });
            return Some(Self { object: about, ..all });
        };
        let rule = Rule {
            name: PolicyName::new(format!("{}@{name}", spec.policy)),
            policy: PolicyName::new(spec.policy),
            config: Value::Object(spec.config),
            mode: spec.mode.unwrap_or_default(),
            by: By::Binding,
        };
        let (namespaces, environments, labels) = (spec.namespaces, spec.environments, spec.match_labels);
        Some(Self { object: about, rule, namespaces, environments, labels })
    }

    /// A rule for all objects.
    pub fn all(rule: Rule) -> Self {
        Self { object: None, rule, namespaces: Vec::new(), environments: Vec::new(), labels: BTreeMap::new() }
    }

    /// Whether it selects this object.
    pub fn selects(&self, object: &ObjectId, environment: Option<&String>, labels: &BTreeMap<String, String>) -> bool {
        let namespace = object.namespace.as_deref().unwrap_or("default");
        (self.namespaces.is_empty() || self.namespaces.iter().any(|one| one == namespace))
            && (self.environments.is_empty() || environment.is_some_and(|one| self.environments.contains(one)))
            && self.labels.iter().all(|(key, value)| labels.get(key) == Some(value))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn binding(spec: Value) -> Binding {
        Binding::of(&json!({"metadata": {"name": "b"}, "spec": spec})).unwrap()
    }

    /// Checks whether a binding with these parts selects `prod/app` of the environment `live` with `team: a`.
    fn check(more: Value, expected: bool) {
        let mut spec = json!({"policy": "soak"});
        for (key, value) in more.as_object().unwrap() {
            spec[key] = value.clone();
        }
        let app = ObjectId { kind: "HelmRelease".into(), namespace: Some("prod".into()), name: "app".into() };
        let labels = BTreeMap::from([("team".to_owned(), "a".to_owned())]);
        assert_eq!(binding(spec.clone()).selects(&app, Some(&"live".to_owned()), &labels), expected, "{spec}");
    }

    #[test]
    fn selects_by_all_that_it_says() {
        check(json!({}), true);
        check(json!({"namespaces": ["dev", "prod"]}), true);
        check(json!({"namespaces": ["dev"]}), false);
        check(json!({"environments": ["live"], "matchLabels": {"team": "a"}}), true);
        check(json!({"environments": ["live"], "matchLabels": {"team": "b"}}), false);
        check(json!({"environments": ["test"], "matchLabels": {"team": "a"}}), false);
        let nowhere = ObjectId { kind: "Deployment".into(), namespace: None, name: "app".into() };
        let only = |key: &str, value: &str| binding(json!({"policy": "soak", key: [value]}));
        assert!(only("namespaces", "default").selects(&nowhere, None, &BTreeMap::new()));
        assert!(!only("environments", "live").selects(&nowhere, None, &BTreeMap::new()));
    }

    #[test]
    fn one_that_cannot_be_read_lets_nothing_past() {
        let bound = binding(json!({"policy": "soak", "mode": "shadow", "config": {"for": "1h"}}));
        assert_eq!((bound.rule.name.as_str(), bound.rule.mode), ("soak@b", Mode::Shadow));
        let broken = binding(json!({"policy": "soak", "mode": "whatever"}));
        assert_eq!((broken.rule.policy.as_str(), broken.rule.mode), ("?", Mode::Enforce));
        assert!(broken.namespaces.is_empty());
    }
}
