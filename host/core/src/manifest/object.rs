//! One Kubernetes object of a file in git.

use std::collections::BTreeMap;

use rhumb_yaml::Node;
use serde_json::Value;

use crate::id::{Digest, ObjectId};

/// One object as it stands in a file.
#[derive(Clone, Debug)]
pub struct Object {
    /// Path of the file from the root of the repository.
    pub file: String,
    /// Line of the object's first key, from 1.
    pub line: usize,
    /// `apiVersion`.
    pub api_version: String,
    /// Kind, namespace as written, and name.
    pub id: ObjectId,
    /// The object as Kubernetes reads it.
    pub value: Value,
    /// Where each scalar stands; the mapping of this object alone, also for an item of a `List`.
    pub node: Node,
}

/// The three states of `fluxcd.io/ignore`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    /// Not ignored.
    Off,
    /// `sync_only`: applied and updated, never collected.
    SyncOnly,
    /// `true`: never applied, updated or collected.
    On,
}

impl Object {
    /// An object as the cluster gives it, in the same form as one of a file; `None` when it has no kind or name.
    pub fn of_cluster(value: &Value) -> Option<Self> {
        let text = rhumb_yaml::to_string(value);
        let file = super::load::File { path: "cluster.yaml".to_owned(), data: text.into_bytes() };
        super::load::load(&[file]).objects.pop()
    }

    /// The digest of the object as Kubernetes reads it: comments, order and quotes do not count.
    pub fn digest(&self) -> Digest {
        digest_of(&self.value)
    }

    /// `metadata.labels`, strings only.
    pub fn labels(&self) -> BTreeMap<String, String> {
        strings(self.value.pointer("/metadata/labels"))
    }

    /// `metadata.annotations`, strings only; a bare `true` counts as the text `true`, as Flux's parser takes it.
    pub fn annotations(&self) -> BTreeMap<String, String> {
        strings(self.value.pointer("/metadata/annotations"))
    }

    /// Whether the boolean policy is on: `fluxcd.io/<name>: "true"`, or with the older prefix.
    pub fn is_on(&self, name: &str) -> bool {
        self.policy(name).as_deref() == Some("true")
    }

    /// The value of a Flux policy under either prefix; the newer prefix wins.
    pub fn policy(&self, name: &str) -> Option<String> {
        let annotations = self.annotations();
        ["fluxcd.io/", "flux.weave.works/"]
            .iter()
            .find_map(|prefix| annotations.get(&format!("{prefix}{name}")).cloned())
    }

    /// Whether Flux's `ignore` policy is set.
    pub fn ignored(&self) -> Switch {
        match self.policy("ignore").as_deref() {
            Some("true") => Switch::On,
            Some("sync_only") => Switch::SyncOnly,
            _ => Switch::Off,
        }
    }
}

/// The digest of a JSON value with sorted keys.
pub(crate) fn digest_of(value: &Value) -> Digest {
    Digest::of(canonical_text(value))
}

/// The value as JSON text with sorted keys, so that equal values print equally.
pub(crate) fn canonical_text(value: &Value) -> String {
    canonical(value).to_string()
}

/// The value with the keys of every object sorted.
fn canonical(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let sorted: BTreeMap<&String, &Value> = map.iter().collect();
            Value::Object(sorted.into_iter().map(|(key, value)| (key.clone(), canonical(value))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(canonical).collect()),
        other => other.clone(),
    }
}

fn strings(map: Option<&Value>) -> BTreeMap<String, String> {
    let entries = map.and_then(Value::as_object).into_iter().flatten();
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        _ => None,
    };
    entries.filter_map(|(key, value)| Some((key.clone(), text(value)?))).collect()
}
