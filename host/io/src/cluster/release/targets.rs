//! The objects of a manifest as they go to the cluster, and whose they are there.

use std::collections::BTreeSet;

use rhumb_helm::Manifest;
use serde_json::{Map, Value, json};

use crate::cluster::client::Cluster;
use crate::cluster::discovery::Scope;
use crate::cluster::error::{Error, Kind};
use crate::cluster::key::Key;
use crate::cluster::objects::text_map;

const MANAGED_BY: (&str, &str) = ("app.kubernetes.io/managed-by", "Helm");
const RELEASE_NAME: &str = "meta.helm.sh/release-name";
const RELEASE_NAMESPACE: &str = "meta.helm.sh/release-namespace";
const ANTECEDENT: &str = "helm.fluxcd.io/antecedent";
const RESOURCE_POLICY: &str = "helm.sh/resource-policy";

/// Whose objects they are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Owner<'a> {
    pub(super) release: &'a str,
    pub(super) namespace: &'a str,
    /// Namespace and name of the HelmRelease.
    pub(super) helm_release: (&'a str, &'a str),
}

/// The objects of manifests, lists taken apart.
pub(super) fn flatten(manifests: &[Manifest]) -> Vec<Value> {
    let mut found = Vec::new();
    for manifest in manifests {
        let value = manifest.value();
        let is_list = value.get("kind").and_then(Value::as_str).is_some_and(|kind| kind.ends_with("List"));
        match value.get("items").and_then(Value::as_array).filter(|_| is_list) {
            Some(items) => found.extend(items.iter().cloned()),
            None if value.is_null() => {}
            None => found.push(value),
        }
    }
    found
}

/// Group, kind, namespace and name: what Helm compares objects by, so that a new version of an API is no new object.
pub(super) fn identity(key: &Key, namespace: &str) -> (String, String, String, String) {
    let (group, kind) = key.group_kind();
    let namespace = key.namespace.as_deref().unwrap_or(namespace);
    (group.to_owned(), kind.to_owned(), namespace.to_owned(), key.name.clone())
}

/// The key of an object of a release: without a namespace it gets the release's, if its kind has one.
pub(super) async fn key(cluster: &Cluster, object: &Value, namespace: &str) -> Result<Key, Error> {
    let attempt = "find the place of";
    let lacks = || {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty());
        let fields = ["/apiVersion", "/kind", "/metadata/name"];
        let missing = fields.into_iter().filter(|field| text(field).is_none());
        let missing = missing.map(|field| field.trim_start_matches('/').replace('/', "."));
        let message = format!("it lacks {}", missing.collect::<Vec<_>>().join(" and "));
        Kind::Invalid { message }.at(attempt, format!("{} of the chart", text("/kind").unwrap_or("object")))
    };
    let mut key = Key::of(object).ok_or_else(lacks)?;
    let scope = cluster.scope(&key.api_version, &key.kind).await?;
    let Some(scope) = scope else {
        let kind = Kind::UnknownKind { api_version: key.api_version.clone(), kind: key.kind.clone() };
        return Err(kind.at(attempt, &key));
    };
    match scope {
        Scope::Namespaced if key.namespace.is_none() => key.namespace = Some(namespace.to_owned()),
        Scope::Namespaced => {}
        Scope::Cluster => key.namespace = None,
    }
    Ok(key)
}

/// The object with its namespace and the marks of its owner.
pub(super) fn marked(object: &Value, key: &Key, owner: &Owner<'_>) -> Value {
    let mut object = object.clone();
    let (namespace, name) = owner.helm_release;
    set(&mut object, "labels", &[(MANAGED_BY.0, MANAGED_BY.1.to_owned())]);
    set(
        &mut object,
        "annotations",
        &[
            (RELEASE_NAME, owner.release.to_owned()),
            (RELEASE_NAMESPACE, owner.namespace.to_owned()),
            (ANTECEDENT, format!("{namespace}:helmrelease/{name}")),
        ],
    );
    placed(object, key)
}

/// The object with its namespace, as hooks go: they get no marks.
pub(super) fn placed(mut object: Value, key: &Key) -> Value {
    if let (Some(namespace), Some(metadata)) =
        (&key.namespace, object.get_mut("metadata").and_then(Value::as_object_mut))
    {
        metadata.insert("namespace".to_owned(), json!(namespace));
    }
    object
}

/// Refuses when an object that the release did not have is there already and belongs to somebody else.
///
/// `known` are the identities of the previous manifest. Kinds that the cluster doesn't know yet are passed over.
pub(super) async fn check_conflicts(
    cluster: &Cluster,
    objects: &[Value],
    known: &BTreeSet<(String, String, String, String)>,
    owner: &Owner<'_>,
) -> Result<(), Error> {
    let mut found = Vec::new();
    for object in objects {
        let key = match key(cluster, object, owner.namespace).await {
            Err(error) if matches!(*error.kind, Kind::UnknownKind { .. }) => continue,
            other => other?,
        };
        if known.contains(&identity(&key, owner.namespace)) {
            continue;
        }
        let Some(live) = cluster.get_metadata(&key).await? else { continue };
        let is = |value: Option<&String>, wanted: &str| value.is_some_and(|value| value == wanted);
        let ours = is(live.labels.get(MANAGED_BY.0), MANAGED_BY.1)
            && is(live.annotations.get(RELEASE_NAME), owner.release)
            && is(live.annotations.get(RELEASE_NAMESPACE), owner.namespace);
        if !ours {
            let other = live.annotations.get(RELEASE_NAME).map_or("no release", String::as_str);
            found.push(format!("`{key}` exists and belongs to {other}"));
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    let message = format!("cannot take over objects that are not the release's: {}", found.join("; "));
    Err(Kind::Conflict { message }.at("release", format!("{}/{}", owner.namespace, owner.release)))
}

/// Whether an object is to stay when its release lets go of it. Any value of the annotation keeps it, as in Helm.
pub(super) fn is_kept(object: &Value) -> bool {
    text_map(object, "/metadata/annotations").contains_key(RESOURCE_POLICY)
}

fn set(object: &mut Value, field: &str, pairs: &[(&str, String)]) {
    let Some(object) = object.as_object_mut() else { return };
    let metadata = object.entry("metadata").or_insert_with(|| Value::Object(Map::new()));
    let Some(metadata) = metadata.as_object_mut() else { return };
    let map = metadata.entry(field).or_insert_with(|| Value::Object(Map::new()));
    if map.is_null() {
        *map = Value::Object(Map::new());
    }
    if let Some(map) = map.as_object_mut() {
        map.extend(pairs.iter().map(|(key, value)| ((*key).to_owned(), json!(value))));
    }
}
