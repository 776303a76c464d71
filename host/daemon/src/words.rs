//! The cluster's words and the decisions' words for the same things: the one place that turns one into the other.

use rhumb_core::id::ObjectId;
use rhumb_core::sync;
use rhumb_io::cluster;

/// `apiVersion` of a HelmRelease.
pub(crate) const HELM_RELEASE: &str = "helm.fluxcd.io/v1";

pub(crate) fn cluster_key(key: &sync::Key) -> cluster::Key {
    cluster::Key {
        api_version: key.api_version.clone(),
        kind: key.kind.clone(),
        namespace: key.namespace.clone(),
        name: key.name.clone(),
    }
}

pub(crate) fn sync_key(key: &cluster::Key) -> sync::Key {
    sync::Key {
        api_version: key.api_version.clone(),
        kind: key.kind.clone(),
        namespace: key.namespace.clone(),
        name: key.name.clone(),
    }
}

pub(crate) fn scope(scope: cluster::Scope) -> sync::Scope {
    match scope {
        cluster::Scope::Namespaced => sync::Scope::Namespaced,
        cluster::Scope::Cluster => sync::Scope::Cluster,
    }
}

pub(crate) fn live(live: &cluster::Live) -> sync::Live {
    let ignored = ["fluxcd.io/ignore", "flux.weave.works/ignore"];
    sync::Live {
        uid: live.uid.clone(),
        version: version(live.generation, &live.resource_version),
        ignored: ignored.iter().any(|key| live.annotations.get(*key).is_some_and(|value| value == "true")),
    }
}

/// The generation, which status writes do not move; the resource version of kinds without one.
pub(crate) fn version(generation: Option<i64>, resource_version: &str) -> String {
    generation.map_or_else(|| resource_version.to_owned(), |generation| format!("generation {generation}"))
}

/// The key of a HelmRelease.
pub(crate) fn helm_release(id: &ObjectId) -> cluster::Key {
    cluster::Key::new(HELM_RELEASE, "HelmRelease", id.namespace.as_deref().unwrap_or("default"), &id.name)
}
