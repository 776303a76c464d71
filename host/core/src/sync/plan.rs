//! View → what to apply and what to delete, and a reason for every object left alone.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

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
    /// Objects that were applied before and are not ours any more: they left git and the cluster, or live on under
    /// another version of their API.
    pub forget: Vec<Key>,
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
    /// `fluxcd.io/ignore: "true"` on the live object; for one that left git, `sync_only` too.
    IgnoredInCluster,
    /// The cluster does not know its kind (yet).
    UnknownKind(String),
    /// It left git, and collection is off.
    NotCollected,
    /// It left git, but a file could not be read, so that it may be in there, or git holds no object at all, which a
    /// wrong path or an emptied branch looks like (`flux-v1.md` 14, row 35).
    CollectionPaused,
    /// Another object of git is the same object of the cluster; neither is taken.
    Duplicate,
}

/// Plans one pass.
pub fn plan(view: &SyncView) -> Plan {
    let mut plan = Plan { actions: Vec::new(), rows: Vec::new(), forget: Vec::new() };
    let mut objects: Vec<(&Object, Option<Key>)> =
        view.manifests.objects.iter().map(|object| (object, view.key(object))).collect();
    objects.sort_by(|(a, _), (b, _)| (rank(&a.id.kind), &a.id.name).cmp(&(rank(&b.id.kind), &b.id.name)));
    // Objects of the cluster lose their namespace, so that two of git can become one.
    let mut in_git: BTreeMap<&Key, usize> = BTreeMap::new();
    objects.iter().filter_map(|(_, key)| key.as_ref()).for_each(|key| *in_git.entry(key).or_default() += 1);
    for (object, key) in &objects {
        let decided = match key {
            None => Err(Kept::UnknownKind(format!("{} {}", object.api_version, object.id.kind))),
            Some(key) if in_git.get(key).is_some_and(|count| *count > 1) => Err(Kept::Duplicate),
            Some(key) => decide(view, object, key),
        };
        plan.rows.push(Row {
            object: key.as_ref().map_or_else(|| object.id.to_string(), ToString::to_string),
            file: object.file.clone(),
            line: object.line,
            decided: decided.as_ref().map(|(because, _)| because.as_str()).map_err(Clone::clone),
        });
        if let (Some(key), Ok((because, digest))) = (key, decided) {
            let object = with_namespace(&object.value, key.namespace.as_deref());
            plan.actions.push(Action::Apply { key: key.clone(), object, digest, because });
        }
    }
    collect(view, &in_git, &mut plan);
    plan
}

/// What was applied before and is not in git any more: deleted last and in the opposite order.
fn collect(view: &SyncView, in_git: &BTreeMap<&Key, usize>, plan: &mut Plan) {
    let unknown: Vec<&Object> = view.manifests.objects.iter().filter(|object| view.key(object).is_none()).collect();
    let unknown: BTreeSet<(&str, &str)> = unknown.iter().map(|o| (o.id.kind.as_str(), o.id.name.as_str())).collect();
    // One object can be reached through several versions and groups of its API; under whichever git names it, it stays.
    let uids: BTreeSet<&str> =
        in_git.keys().filter_map(|key| Some(view.live.get(key)?.uid.as_str()).filter(|uid| !uid.is_empty())).collect();
    let names: BTreeSet<_> = in_git.keys().map(|key| without_version(key)).collect();
    let paused = !view.manifests.problems.is_empty() || view.manifests.objects.is_empty();
    let mut left: Vec<(&Key, &Previous)> = view.previous.iter().filter(|(key, _)| !in_git.contains_key(key)).collect();
    left.sort_by_key(|(key, _)| (Reverse(rank(&key.kind)), &key.name));
    for (key, previous) in left {
        // Of a kind that the cluster does not know just now nothing can be said.
        if !view.scopes.contains_key(&(key.api_version.clone(), key.kind.clone()))
            || unknown.contains(&(key.kind.as_str(), key.name.as_str()))
        {
            continue;
        }
        let ours = view.live.get(key).filter(|live| live.uid == previous.uid);
        let moved = uids.contains(previous.uid.as_str()) || names.contains(&without_version(key));
        let Some(live) = ours.filter(|_| !moved) else {
            plan.forget.push(key.clone());
            continue;
        };
        let decided = match view.collect {
            Collect::Off => Err(Kept::NotCollected),
            Collect::On if paused => Err(Kept::CollectionPaused),
            Collect::On if live.ignored || previous.sync_only => Err(Kept::IgnoredInCluster),
            Collect::On => Ok("delete"),
        };
        if decided.is_ok() {
            plan.actions.push(Action::Delete { key: key.clone(), uid: previous.uid.clone() });
        }
        plan.rows.push(Row { object: key.to_string(), file: String::new(), line: 0, decided });
    }
}

/// API group and identity.
fn without_version(key: &Key) -> (&str, &str, Option<&str>, &str) {
    let group = key.api_version.rsplit_once('/').map_or("", |(group, _)| group);
    (group, &key.kind, key.namespace.as_deref(), &key.name)
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

fn decide(view: &SyncView, object: &Object, key: &Key) -> Result<(Because, Digest), Kept> {
    if object.ignored() == Switch::On {
        return Err(Kept::IgnoredInGit);
    }
    let live = view.live.get(key);
    if live.is_some_and(|live| live.ignored) {
        return Err(Kept::IgnoredInCluster);
    }
    let digest = object.digest();
    let because = match (live, view.previous.get(key)) {
        (None, _) => Because::Missing,
        (Some(_), None) => Because::New,
        (Some(_), Some(previous)) if previous.digest != digest => Because::Changed,
        (Some(live), Some(previous)) if previous.uid != live.uid || previous.version != live.version => {
            Because::Drifted
        }
        (Some(_), Some(_)) => return Err(Kept::Unchanged),
    };
    Ok((because, digest))
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
