//! Which kinds the cluster knows, asked once per group and version.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rhumb_helm::Capabilities;
use serde::Deserialize;

use super::client::{Call, Cluster, malformed};
use super::error::{Error, Kind};
use super::key::Key;

/// Where objects of a kind live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// In a namespace.
    Namespaced,
    /// In the cluster itself.
    Cluster,
}

/// A kind as the API serves it.
#[derive(Clone, Debug)]
pub(super) struct Resource {
    pub(super) kind: String,
    plural: String,
    scope: Scope,
}

pub(super) type Resources = Arc<Vec<Resource>>;

/// What was discovered so far, by `apiVersion`.
#[derive(Debug, Default)]
pub(super) struct Discovery {
    kinds: Mutex<BTreeMap<String, Resources>>,
    /// Everything together, as charts may ask for it; one task asks for all that wait.
    pub(super) capabilities: tokio::sync::Mutex<Option<(u64, Arc<Capabilities>)>>,
    /// Moves when something may have changed.
    pub(super) age: AtomicU64,
}

impl Discovery {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Resources>> {
        // The map is whole at any time, so another thread's panic does not matter.
        self.kinds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self, api_version: &str, kind: &str) -> Option<Resource> {
        self.lock().get(api_version)?.iter().find(|resource| resource.kind == kind).cloned()
    }

    pub(super) fn forget(&self, api_version: &str) {
        self.lock().remove(api_version);
        self.age.fetch_add(1, Ordering::SeqCst);
    }
}

#[derive(Deserialize)]
struct ResourceList {
    #[serde(default)]
    resources: Vec<ListedResource>,
}

#[derive(Deserialize)]
struct ListedResource {
    name: String,
    kind: String,
    #[serde(default)]
    namespaced: bool,
}

impl Cluster {
    /// Where objects of this kind live; `None` when the cluster does not know it. An unknown kind is asked for again
    /// each time, as its definition may have come meanwhile.
    pub async fn scope(&self, api_version: &str, kind: &str) -> Result<Option<Scope>, Error> {
        match self.resource(api_version, kind).await {
            Ok(resource) => Ok(Some(resource.scope)),
            Err(Kind::UnknownKind { .. }) => Ok(None),
            Err(other) => Err(other.at("discover the kinds of", api_version)),
        }
    }

    /// The kind, from what is known or else asked for anew.
    pub(super) async fn resource(&self, api_version: &str, kind: &str) -> Result<Resource, Kind> {
        if let Some(known) = self.discovery.known(api_version, kind) {
            return Ok(known);
        }
        let unknown = || Kind::UnknownKind { api_version: api_version.to_owned(), kind: kind.to_owned() };
        let resources = match self.refresh(api_version).await {
            Err(Kind::NotFound) => return Err(unknown()),
            other => other?,
        };
        resources.iter().find(|resource| resource.kind == kind).cloned().ok_or_else(unknown)
    }

    /// The path of one object.
    pub(super) async fn path(&self, key: &Key) -> Result<String, Kind> {
        let resource = self.resource(&key.api_version, &key.kind).await?;
        let collection = collection(&resource, &key.api_version, key.namespace.as_deref())?;
        Ok(format!("{collection}/{}", segment(&key.name)?))
    }

    /// The path of the collection that an object is created in.
    pub(super) async fn collection(&self, key: &Key) -> Result<String, Kind> {
        let resource = self.resource(&key.api_version, &key.kind).await?;
        collection(&resource, &key.api_version, key.namespace.as_deref())
    }

    /// The path of all objects of a kind, in one namespace or in all.
    pub(super) async fn list_path(
        &self,
        api_version: &str,
        kind: &str,
        namespace: Option<&str>,
    ) -> Result<String, Kind> {
        let resource = self.resource(api_version, kind).await?;
        match namespace {
            Some(namespace) => collection(&resource, api_version, Some(namespace)),
            None => Ok(format!("{}/{}", root(api_version)?, resource.plural)),
        }
    }

    /// Asks for the kinds of one group and version.
    pub(super) async fn refresh(&self, api_version: &str) -> Result<Resources, Kind> {
        let answer = self.json(Call::get(root(api_version)?)).await;
        if matches!(answer, Err(Kind::NotFound)) {
            self.discovery.forget(api_version);
        }
        let list: ResourceList = serde_json::from_value(answer?).map_err(|error| malformed(&error))?;
        // Names with a slash are subresources.
        let resources = list.resources.into_iter().filter(|one| !one.name.contains('/')).map(|one| Resource {
            kind: one.kind,
            plural: one.name,
            scope: if one.namespaced { Scope::Namespaced } else { Scope::Cluster },
        });
        let resources = Arc::new(resources.collect::<Vec<_>>());
        self.discovery.lock().insert(api_version.to_owned(), Arc::clone(&resources));
        Ok(resources)
    }
}

fn collection(resource: &Resource, api_version: &str, namespace: Option<&str>) -> Result<String, Kind> {
    let (root, plural) = (root(api_version)?, &resource.plural);
    match (resource.scope, namespace) {
        (Scope::Cluster, _) => Ok(format!("{root}/{plural}")),
        (Scope::Namespaced, Some(namespace)) => Ok(format!("{root}/namespaces/{}/{plural}", segment(namespace)?)),
        (Scope::Namespaced, None) => Err(Kind::Invalid { message: "it names no namespace".to_owned() }),
    }
}

fn root(api_version: &str) -> Result<String, Kind> {
    match api_version.split_once('/') {
        None => Ok(format!("/api/{}", segment(api_version)?)),
        Some((group, version)) => Ok(format!("/apis/{}/{}", segment(group)?, segment(version)?)),
    }
}

/// A name that stands in a path as it is. Objects come from repositories, so their names may be anything.
fn segment(name: &str) -> Result<&str, Kind> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._:@".contains(c);
    if !name.is_empty() && name.len() <= 253 && name != "." && name != ".." && name.chars().all(plain) {
        return Ok(name);
    }
    Err(Kind::Invalid { message: format!("`{}` is no name of an object", rhumb_core::chain::cut(name, 100)) })
}
