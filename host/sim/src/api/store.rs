//! What the server holds: objects, their versions, and the log that watches follow.
//!
//! Invariant: every change goes through [`Store::put`] or [`Store::remove`], gets the next resource version, and is in
//! the log exactly once.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::controller::Fate;
use super::kinds::{self, Resource, Scope, StorageKey};
use super::object;
use super::refusal::Refusal;
use crate::Clock;

/// How many changes a watch may lag behind.
const LOG_LIMIT: usize = 20_000;

/// Namespace (empty for objects of the cluster) and name.
pub(super) type Key = (String, String);

/// How an object changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Added,
    Modified,
    Deleted,
}

/// One change of one object.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) revision: u64,
    pub(super) storage: StorageKey,
    pub(super) change: Change,
    pub(super) object: Arc<Value>,
    /// The object before, for watches whose selector it left or entered.
    pub(super) previous: Option<Arc<Value>>,
}

/// All objects and their history.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) clock: Clock,
    resources: Vec<Arc<Resource>>,
    objects: BTreeMap<StorageKey, BTreeMap<Key, Arc<Value>>>,
    revision: u64,
    log: VecDeque<Event>,
    /// Changes up to this version are no longer in the log.
    forgotten: u64,
    identifiers: u64,
    /// Identifiers that an object names or once named as its owner's.
    owners: BTreeSet<String>,
    /// By kind, namespace and name.
    fates: BTreeMap<(String, String, String), Fate>,
}

impl Store {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            clock,
            resources: kinds::built_in().into_iter().map(Arc::new).collect(),
            objects: BTreeMap::new(),
            revision: 1,
            log: VecDeque::new(),
            forgotten: 0,
            identifiers: 0,
            owners: BTreeSet::new(),
            fates: BTreeMap::new(),
        }
    }

    /// All resources, the built-in ones first.
    pub(super) fn resources(&self) -> &[Arc<Resource>] {
        &self.resources
    }

    /// The resource that is served at this group, version and plural.
    pub(super) fn resource(&self, group: &str, version: &str, plural: &str) -> Option<Arc<Resource>> {
        let served = |r: &&Arc<Resource>| r.is(group, plural) && r.versions.iter().any(|v| v == version);
        self.resources.iter().find(served).cloned()
    }

    /// A built-in resource.
    pub(super) fn known(&self, group: &str, plural: &str) -> Arc<Resource> {
        let found = self.resources.iter().find(|r| r.is(group, plural));
        Arc::clone(found.expect("only called with names of the built-in table"))
    }

    /// Starts to serve a custom resource, or serves it as its changed definition says.
    pub(super) fn register(&mut self, resource: Resource) {
        self.unregister(&resource.group, &resource.plural);
        self.resources.push(Arc::new(resource));
    }

    /// Stops to serve a custom resource.
    pub(super) fn unregister(&mut self, group: &str, plural: &str) {
        self.resources.retain(|r| r.custom.is_none() || !r.is(group, plural));
    }

    /// What is to become of an object, unless it simply gets ready.
    pub(super) fn fate(&self, resource: &Resource, object: &Value) -> Option<Fate> {
        let key = (resource.kind.clone(), object::namespace(object).to_owned(), object::name(object).to_owned());
        self.fates.get(&key).copied()
    }

    /// Decides what becomes of an object of this kind, namespace and name.
    pub(super) fn set_fate(&mut self, key: (String, String, String), fate: Option<Fate>) {
        match fate {
            Some(fate) => self.fates.insert(key, fate),
            None => self.fates.remove(&key),
        };
    }

    /// The newest version.
    pub(super) fn revision(&self) -> u64 {
        self.revision
    }

    /// A fresh identifier in the form of a UUID; the same sequence in every run, so that transcripts are alike.
    pub(super) fn new_uid(&mut self) -> String {
        self.identifiers += 1;
        let digest = hex::encode(Sha256::digest(self.identifiers.to_be_bytes()));
        let part = |from: usize, to: usize| digest.get(from..to).unwrap_or_default();
        format!("{}-{}-4{}-8{}-{}", part(0, 8), part(8, 12), part(12, 15), part(15, 18), part(18, 30))
    }

    /// The end of a generated name.
    pub(super) fn new_suffix(&mut self) -> String {
        const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
        self.identifiers += 1;
        let digest = Sha256::digest(self.identifiers.to_be_bytes());
        let letter = |byte: &u8| char::from(LETTERS.get(usize::from(*byte) % LETTERS.len()).copied().unwrap_or(b'x'));
        digest.iter().take(5).map(letter).collect()
    }

    pub(super) fn get(&self, resource: &Resource, namespace: &str, name: &str) -> Option<Arc<Value>> {
        let key = (namespace.to_owned(), name.to_owned());
        self.objects.get(&resource.storage())?.get(&key).cloned()
    }

    /// The object, or the 404 that says what is missing.
    pub(super) fn find(&self, resource: &Resource, namespace: &str, name: &str) -> Result<Arc<Value>, Refusal> {
        self.get(resource, namespace, name).ok_or_else(|| Refusal::not_found(resource, name))
    }

    /// All objects of a resource in one namespace, or in all when it is empty, by namespace and name.
    pub(super) fn list(&self, storage: &StorageKey, namespace: &str) -> Vec<Arc<Value>> {
        let all = self.objects.get(storage).into_iter().flatten();
        let wanted = all.filter(|((ns, _), _)| namespace.is_empty() || ns == namespace);
        wanted.map(|(_, object)| Arc::clone(object)).collect()
    }

    /// Every object, with the resource it is of.
    pub(super) fn everything(&self) -> Vec<(Arc<Resource>, Arc<Value>)> {
        let mut all = Vec::new();
        for resource in self.resources.iter().filter(|r| r.group != "events.k8s.io") {
            let objects = self.list(&resource.storage(), "");
            all.extend(objects.into_iter().map(|object| (Arc::clone(resource), object)));
        }
        all
    }

    /// Whether objects may be created in this namespace.
    pub(super) fn has_namespace(&self, name: &str) -> bool {
        self.get(&self.known("", "namespaces"), "", name).is_some()
    }

    /// Whether anything may belong to this object, so that most deletions need not look.
    pub(super) fn may_own(&self, object: &Value) -> bool {
        self.owners.contains(object::uid(object))
    }

    /// Stores an object under its own name with the next version.
    pub(super) fn put(&mut self, resource: &Resource, mut object: Value) -> Arc<Value> {
        self.revision += 1;
        object::metadata(&mut object).insert("resourceVersion".into(), json!(self.revision.to_string()));
        let namespace = if resource.scope == Scope::Cluster { "" } else { object::namespace(&object) };
        let key = (namespace.to_owned(), object::name(&object).to_owned());
        let references = object.pointer("/metadata/ownerReferences").and_then(Value::as_array);
        let owners = references.into_iter().flatten().filter_map(|r| r.get("uid")?.as_str());
        self.owners.extend(owners.map(str::to_owned));
        let object = Arc::new(object);
        let previous = self.objects.entry(resource.storage()).or_default().insert(key, Arc::clone(&object));
        let change = if previous.is_some() { Change::Modified } else { Change::Added };
        self.record(resource, change, Arc::clone(&object), previous);
        object
    }

    /// Removes an object; the log keeps its last state.
    pub(super) fn remove(&mut self, resource: &Resource, namespace: &str, name: &str) -> Option<Arc<Value>> {
        let key = (namespace.to_owned(), name.to_owned());
        let previous = self.objects.get_mut(&resource.storage())?.remove(&key)?;
        self.revision += 1;
        let mut last = Value::clone(&previous);
        object::metadata(&mut last).insert("resourceVersion".into(), json!(self.revision.to_string()));
        self.record(resource, Change::Deleted, Arc::new(last), Some(Arc::clone(&previous)));
        Some(previous)
    }

    /// The changes of one resource after a version; the error says that they are no longer kept.
    pub(super) fn since(&self, storage: &StorageKey, revision: u64) -> Result<Vec<Event>, Refusal> {
        if revision < self.forgotten {
            return Err(Refusal::expired(revision, self.forgotten));
        }
        let start = self.log.partition_point(|event| event.revision <= revision);
        Ok(self.log.iter().skip(start).filter(|event| &event.storage == storage).cloned().collect())
    }

    /// Forgets the log, so that watches from older versions are told to list again.
    pub(super) fn compact(&mut self) {
        self.log.clear();
        // One more than the newest version that anybody can have seen, which therefore is too old as well.
        self.revision += 1;
        self.forgotten = self.revision;
    }

    fn record(&mut self, resource: &Resource, change: Change, object: Arc<Value>, previous: Option<Arc<Value>>) {
        let storage = resource.storage();
        self.log.push_back(Event { revision: self.revision, storage, change, object, previous });
        while self.log.len() > LOG_LIMIT {
            self.forgotten = self.log.pop_front().map_or(self.forgotten, |event| event.revision);
        }
    }
}
