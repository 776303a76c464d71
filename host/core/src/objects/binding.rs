//! `PolicyBinding`: a promotion rule or a value transform for the objects that it selects, whether they ask for it or not.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::spec;
use crate::attach::{Attached, By, Mode};
use crate::id::PolicyName;
use crate::judge::Kind;
use crate::policies::Selected;

/// Stands for the policy of a binding that cannot be read; no object can have this name.
const UNREADABLE: &str = "?";

/// A promotion rule for the releases and workloads that it selects, or a value transform for the releases; none of them
/// can remove it or set anything of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PolicyBindingSpec {
    /// What it binds: a rule when left out. Transforms come after those that a release asks for itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<BoundKind>,
    /// The policy, such as `approval` or `registry-mirror`.
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
    /// Whether its answer counts; it does when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
}

/// The kinds of policies that can be bound, in the words of `describe`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum BoundKind {
    /// A promotion rule.
    PromotionRule,
    /// A value transform.
    ValueTransform,
}

/// What the status of a binding holds.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct BindingStatus {
    /// The generation that this is about.
    pub observed_generation: i64,
    /// How many objects it selects: for a rule those with images, for a transform releases.
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
    /// What it binds; nothing for one that cannot be read, which counts as both.
    pub kind: Option<Kind>,
    /// The policy.
    pub attached: Attached,
    /// Namespaces; none for all.
    pub namespaces: Vec<String>,
    /// Environments; none for all.
    pub environments: Vec<String>,
    /// Labels that an object must have.
    pub labels: BTreeMap<String, String>,
}

impl Binding {
    /// Reads a `PolicyBinding`. One that cannot be read binds everything to a policy that there is not, so that nothing
    /// moves or is released past it.
    pub fn of(object: &Value) -> Option<Self> {
        let name = object.pointer("/metadata/name")?.as_str()?;
        let about = BindingObject {
            name: name.to_owned(),
            uid: object.pointer("/metadata/uid").and_then(Value::as_str).unwrap_or_default().to_owned(),
            generation: object.pointer("/metadata/generation").and_then(Value::as_i64).unwrap_or_default(),
            status: object.get("status").cloned().unwrap_or_default(),
        };
        let attached = |policy: &str, config: Map<String, Value>, mode: Mode| Attached {
            name: PolicyName::new(format!("{policy}@{name}")),
            policy: PolicyName::new(policy),
            config: Value::Object(config),
            mode,
            by: By::Binding,
        };
        let Some(spec) = spec::<PolicyBindingSpec>(object) else {
            let all = Self::rule_for_all(attached(UNREADABLE, Map::new(), Mode::Enforce));
            return Some(Self { object: Some(about), kind: None, ..all });
        };
        let kind = match spec.kind {
            None | Some(BoundKind::PromotionRule) => Kind::PromotionRule,
            Some(BoundKind::ValueTransform) => Kind::ValueTransform,
        };
        let attached = attached(&spec.policy, spec.config, spec.mode.unwrap_or_default());
        let (namespaces, environments, labels) = (spec.namespaces, spec.environments, spec.match_labels);
        Some(Self { object: Some(about), kind: Some(kind), attached, namespaces, environments, labels })
    }

    /// A rule for all objects.
    pub fn rule_for_all(attached: Attached) -> Self {
        let (namespaces, environments, labels) = (Vec::new(), Vec::new(), BTreeMap::new());
        Self { object: None, kind: Some(Kind::PromotionRule), attached, namespaces, environments, labels }
    }

    /// Whether it binds policies of this kind.
    pub fn binds(&self, kind: Kind) -> bool {
        self.kind.is_none_or(|own| own == kind)
    }

    /// Whether it stands for one that cannot be read.
    pub fn is_unreadable(&self) -> bool {
        self.kind.is_none()
    }

    /// Whether it selects this object.
    pub(crate) fn selects(&self, (object, environment, labels): Selected<'_>) -> bool {
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
    use crate::id::ObjectId;

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
        assert_eq!(binding(spec.clone()).selects((&app, Some(&"live".to_owned()), &labels)), expected, "{spec}");
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
        assert!(only("namespaces", "default").selects((&nowhere, None, &BTreeMap::new())));
        assert!(!only("environments", "live").selects((&nowhere, None, &BTreeMap::new())));
    }

    #[test]
    fn one_that_cannot_be_read_lets_nothing_past() {
        let bound = binding(json!({"policy": "soak", "mode": "shadow", "config": {"for": "1h"}}));
        assert_eq!((bound.attached.name.as_str(), bound.attached.mode), ("soak@b", Mode::Shadow));
        let broken = binding(json!({"policy": "soak", "mode": "whatever"}));
        assert_eq!((broken.attached.policy.as_str(), broken.attached.mode), ("?", Mode::Enforce));
        assert!(broken.namespaces.is_empty());
        assert!(broken.binds(Kind::PromotionRule) && broken.binds(Kind::ValueTransform));
        let transform = binding(json!({"policy": "registry-mirror", "kind": "value-transform"}));
        assert!(transform.binds(Kind::ValueTransform) && !transform.binds(Kind::PromotionRule));
    }
}
