//! One Kubernetes object of a file in git.

use std::collections::BTreeMap;
use std::sync::Arc;

use rhumb_yaml::{Kind, Layout, Node};
use serde_json::Value;

use super::found::Found;
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
    /// Kind, namespace and name. Without a namespace in the file, a kind that names images is in `default`; whether any
    /// other is, only the cluster can say.
    pub id: ObjectId,
    /// The object as Kubernetes reads it.
    pub value: Value,
    /// Where each scalar stands; the mapping of this object alone, also for an item of a `List`.
    pub node: Arc<Node>,
    /// The document, where this object is all of it.
    pub document: Option<Arc<Node>>,
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
    /// An object as the cluster gives it; `None` when it has no kind or name. It stands in no file, so its node is empty
    /// and none of its images can be edited.
    pub fn of_cluster(value: &Value) -> Option<Self> {
        let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty());
        let id = ObjectId {
            kind: text("/kind")?.to_owned(),
            namespace: text("/metadata/namespace").map(str::to_owned),
            name: text("/metadata/name")?.to_owned(),
        };
        let kind = Kind::Mapping { entries: Vec::new(), layout: Layout::Block };
        Some(Self {
            file: String::new(),
            line: 0,
            api_version: text("/apiVersion").unwrap_or_default().to_owned(),
            id,
            value: value.clone(),
            node: Arc::new(Node { span: 0..0, line: 0, anchor: None, tag: None, kind }),
            document: None,
        })
    }

    /// The digest of the object as Kubernetes reads it: comments, order and quotes do not count.
    pub fn digest(&self) -> Digest {
        digest_of(&self.value)
    }

    /// `metadata.labels` as text.
    pub fn labels(&self) -> BTreeMap<String, String> {
        self.strings("labels")
    }

    /// `metadata.annotations` as text.
    ///
    /// What is no string counts as the text that is written, as Flux's parser takes it: a bare `true` is `true` and a
    /// bare `yes` is `yes`. A null is the empty text. A list or map is its JSON, which no policy is called: what was
    /// meant as a filter or a rule must not vanish.
    pub fn annotations(&self) -> BTreeMap<String, String> {
        self.strings("annotations")
    }

    fn strings(&self, key: &str) -> BTreeMap<String, String> {
        let Some(map) = Found::root(self).child("metadata").and_then(|metadata| metadata.child(key)) else {
            return BTreeMap::new();
        };
        let text = |found: Found<'_>| match found.value {
            Value::Array(_) | Value::Object(_) => found.value.to_string(),
            _ => found.as_written().unwrap_or_default().into_owned(),
        };
        map.children(|_| true).into_iter().map(|(key, found)| (key.to_owned(), text(found))).collect()
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
