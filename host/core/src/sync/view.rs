//! Everything that one sync pass may look at, frozen at one moment.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::{Digest, Revision};
use crate::manifest::{Manifests, Object};

/// The frozen view of one pass.
#[derive(Clone, Debug)]
pub struct SyncView {
    /// The commit that was read.
    pub revision: Revision,
    /// Its objects and problems.
    pub manifests: Manifests,
    /// Scope of each `(apiVersion, kind)` that the cluster knows.
    pub scopes: BTreeMap<(String, String), Scope>,
    /// What the cluster has of the objects in git and of those applied before.
    pub live: BTreeMap<Key, Live>,
    /// What earlier passes applied.
    pub previous: BTreeMap<Key, Previous>,
    /// Whether objects that left git are deleted.
    pub collect: Collect,
}

/// The identity of an object in the cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key {
    /// `apiVersion` as written.
    pub api_version: String,
    /// Kind.
    pub kind: String,
    /// `None` for objects of the cluster.
    pub namespace: Option<String>,
    /// Name.
    pub name: String,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind, self.name),
            None => write!(f, "{} {}", self.kind, self.name),
        }
    }
}

/// Where objects of a kind live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// In a namespace.
    Namespaced,
    /// In the cluster.
    Cluster,
}

/// What the cluster has of an object, without its content.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Live {
    /// `metadata.uid`.
    pub uid: String,
    /// Changes when somebody changes the object: `metadata.generation`, or the resource version of kinds without one.
    pub version: String,
    /// `fluxcd.io/ignore` on the live object is `true`.
    pub ignored: bool,
}

/// What an earlier pass applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Previous {
    /// Digest of the object in git.
    pub digest: Digest,
    /// `metadata.uid` after that.
    pub uid: String,
    /// [`Live::version`] after that.
    pub version: String,
    /// Whether it said `fluxcd.io/ignore: sync_only`: applied, and never deleted.
    #[serde(default)]
    pub sync_only: bool,
}

/// Whether objects that left git are deleted (Flux's `--sync-garbage-collection`, off by default).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Collect {
    /// They stay.
    Off,
    /// They are deleted, when every file could be read.
    On,
}

impl SyncView {
    /// The identity that an object of git has in the cluster; `None` while its kind is unknown.
    ///
    /// Objects of the cluster lose a namespace; others without one go to `default` (`flux-v1.md` 4.2).
    pub fn key(&self, object: &Object) -> Option<Key> {
        let scope = self.scopes.get(&(object.api_version.clone(), object.id.kind.clone()))?;
        let namespace = match scope {
            Scope::Cluster => None,
            Scope::Namespaced => Some(object.id.namespace.clone().unwrap_or_else(|| "default".to_owned())),
        };
        Some(Key {
            api_version: object.api_version.clone(),
            kind: object.id.kind.clone(),
            namespace,
            name: object.id.name.clone(),
        })
    }
}

/// The identities whose live state a pass needs: what git has and what was applied before.
pub fn keys(view: &SyncView) -> Vec<Key> {
    let mut keys: Vec<Key> = view.manifests.objects.iter().filter_map(|object| view.key(object)).collect();
    keys.extend(view.previous.keys().cloned());
    keys.sort();
    keys.dedup();
    keys
}
