//! View → what to apply and what to delete, and a reason for every object left alone.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use super::order::rank;
use super::view::{Collect, Key, Previous, SyncView};
use crate::id::Digest;
use crate::manifest::{Object, Switch};

/// What a sync pass will do, in order.
#[must_use = "a plan does nothing until it is applied"]
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// In the order of application.
    pub actions: Vec<Action>,
    /// Every object of git and every object that left it.
    pub rows: Vec<Row>,
}

/// The closed list of effects of a sync pass.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Server-side apply of this object.
    Apply {
        /// Its identity.
        key: Key,
        /// The object, with its namespace.
        object: Value,
        /// Digest of the object in git.
        digest: Digest,
        /// Why.
        because: Because,
    },
    /// Delete with background propagation.
    Delete {
        /// Its identity.
        key: Key,
        /// The object that may be deleted, and no other of that name.
        uid: String,
    },
}

/// Why an object is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Because {
    /// It is not in the cluster.
    Missing,
    /// It was not applied by us before.
    New,
    /// Git changed.
    Changed,
    /// Somebody changed it in the cluster.
    Drifted,
}

/// One object of git, or one that left it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// `Kind namespace/name`.
    pub object: String,
    /// File; empty for one that left git.
    pub file: String,
    /// Line from 1.
    pub line: usize,
    /// `Ok` with the word for what is done, or why nothing is.
    pub decided: Result<&'static str, Kept>,
}

/// Why an object was left alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kept {
    /// Git and the cluster are as they were.
    Unchanged,
    /// `fluxcd.io/ignore: "true"` in the file.
    IgnoredInGit,
    /// `fluxcd.io/ignore: "true"` on the live object.
    IgnoredInCluster,
    /// The cluster does not know its kind (yet).
    UnknownKind(String),
    /// It left git, and collection is off.
    NotCollected,
    /// It left git, but a file could not be read, so that it may be in there.
    CollectionPaused,
}

/// Plans one pass.
pub fn plan(view: &SyncView) -> Plan {
    let mut rows = Vec::new();
    let mut actions = Vec::new();
    let mut in_git = BTreeSet::new();
    let mut objects: Vec<&Object> = view.manifests.objects.iter().collect();
    objects.sort_by_key(|object| (rank(&object.id.kind), object.id.name.clone()));
    for object in objects {
        let key = view.key(object);
        let decided = match &key {
            None => Err(Kept::UnknownKind(format!("{} {}", object.api_version, object.id.kind))),
            Some(key) => decide(view, object, key),
        };
        rows.push(Row {
            object: key.as_ref().map_or_else(|| object.id.to_string(), ToString::to_string),
            file: object.file.clone(),
            line: object.line,
            decided: decided.clone().map(Because::as_str),
        });
        if let Some(key) = key {
            if let Ok(because) = decided {
                let value = with_namespace(&object.value, key.namespace.as_deref());
                actions.push(Action::Apply { key: key.clone(), object: value, digest: object.digest(), because });
            }
            in_git.insert(key);
        }
    }
    // Deleted last and in the opposite order.
    let mut left: Vec<(&Key, &Previous)> = view.previous.iter().filter(|(key, _)| !in_git.contains(*key)).collect();
    left.sort_by_key(|(key, _)| (std::cmp::Reverse(rank(&key.kind)), key.name.clone()));
    for (key, previous) in left {
        let Some(live) = view.live.get(key).filter(|live| live.uid == previous.uid) else { continue };
        let decided = match view.collect {
            Collect::Off => Err(Kept::NotCollected),
            Collect::On if !view.manifests.problems.is_empty() => Err(Kept::CollectionPaused),
            Collect::On if live.ignored => Err(Kept::IgnoredInCluster),
            Collect::On => Ok("delete"),
        };
        if decided.is_ok() {
            actions.push(Action::Delete { key: key.clone(), uid: previous.uid.clone() });
        }
        rows.push(Row { object: key.to_string(), file: String::new(), line: 0, decided });
    }
    Plan { actions, rows }
}

impl Because {
    fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "create",
            Self::New => "take over",
            Self::Changed => "update",
            Self::Drifted => "restore",
        }
    }
}

fn decide(view: &SyncView, object: &Object, key: &Key) -> Result<Because, Kept> {
    if object.ignored() == Switch::On {
        return Err(Kept::IgnoredInGit);
    }
    let Some(live) = view.live.get(key) else { return Ok(Because::Missing) };
    if live.ignored {
        return Err(Kept::IgnoredInCluster);
    }
    match view.previous.get(key) {
        None => Ok(Because::New),
        Some(previous) if previous.digest != object.digest() => Ok(Because::Changed),
        Some(previous) if previous.uid != live.uid || previous.version != live.version => Ok(Because::Drifted),
        Some(_) => Err(Kept::Unchanged),
    }
}

fn with_namespace(value: &Value, namespace: Option<&str>) -> Value {
    let mut value = value.clone();
    if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
        match namespace {
            Some(namespace) => metadata.insert("namespace".to_owned(), Value::from(namespace)),
            None => metadata.shift_remove("namespace"),
        };
    }
    value
}
