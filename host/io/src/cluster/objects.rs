//! Reading and changing objects.

use std::collections::{BTreeMap, BTreeSet};

use http::Method;
use serde_json::{Value, json};

use super::client::{Call, Cluster, JSON};
use super::error::{Error, Kind};
use super::key::Key;
use super::{PAGE_SIZE, PAGES_LIMIT, twins};

const APPLY: &str = "application/apply-patch+yaml";
const MERGE: &str = "application/merge-patch+json";
pub(super) const METADATA: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";
pub(super) const METADATA_LIST: &str =
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";

/// What the cluster made of an applied object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// `metadata.uid`.
    pub uid: String,
    /// `metadata.generation`; `None` for kinds without one.
    pub generation: Option<i64>,
    /// `metadata.resourceVersion`.
    pub resource_version: String,
}

/// The metadata of an object as it is in the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Live {
    /// Which object.
    pub key: Key,
    /// `metadata.uid`.
    pub uid: String,
    /// `metadata.generation`; `None` for kinds without one.
    pub generation: Option<i64>,
    /// `metadata.resourceVersion`.
    pub resource_version: String,
    /// `metadata.annotations`.
    pub annotations: BTreeMap<String, String>,
    /// `metadata.labels`.
    pub labels: BTreeMap<String, String>,
}

impl Cluster {
    /// Applies an object on the server, taking over fields that others own.
    pub async fn apply(&self, object: &Value, field_manager: &str) -> Result<Applied, Error> {
        self.apply_whole(object, field_manager).await.map(|answer| applied(&answer))
    }

    /// The same; answers the object as it is then.
    pub(super) async fn apply_whole(&self, object: &Value, field_manager: &str) -> Result<Value, Error> {
        let attempt = "apply";
        let key = key_of(object, attempt)?;
        let run = async {
            let path = self.path(&key).await?;
            let query = query(&[("fieldManager", field_manager), ("force", "true")]);
            let body = twins::merged(object).into_owned();
            let call = Call::with_body(Method::PATCH, format!("{path}?{query}"), APPLY, body);
            self.making(&key, self.json(call).await).await
        };
        run.await.map_err(|kind| kind.at(attempt, &key))
    }

    /// What a request came to that makes an object: where something was not found, it is the kind or the namespace.
    async fn making(&self, key: &Key, answer: Result<Value, Kind>) -> Result<Value, Kind> {
        if matches!(answer, Err(Kind::NotFound)) {
            self.discovery.forget(&key.api_version);
            self.resource(&key.api_version, &key.kind).await?;
            let namespace = key.namespace.as_deref().unwrap_or_default();
            return Err(Kind::Invalid { message: format!("there is no namespace `{namespace}`") });
        }
        answer
    }

    /// Creates an object; that it exists already is an error of its own.
    pub async fn create(&self, object: &Value) -> Result<Applied, Error> {
        self.create_whole(object).await.map(|answer| applied(&answer))
    }

    /// The same; answers the object as it is then.
    pub(super) async fn create_whole(&self, object: &Value) -> Result<Value, Error> {
        let attempt = "create";
        let key = key_of(object, attempt)?;
        let run = async {
            let path = self.collection(&key).await?;
            let call = Call::with_body(Method::POST, path, JSON, object.clone());
            self.making(&key, self.json(call).await).await
        };
        run.await.map_err(|kind| kind.at(attempt, &key))
    }

    /// Replaces an object; with a `resourceVersion` in it only if it didn't change meanwhile.
    pub async fn replace(&self, object: &Value) -> Result<Applied, Error> {
        self.replaced(object).await.map(|answer| applied(&answer))
    }

    /// The same; answers the object as it is then.
    pub(super) async fn replaced(&self, object: &Value) -> Result<Value, Error> {
        let attempt = "replace";
        let key = key_of(object, attempt)?;
        let run = async {
            let path = format!("{}?fieldManager=rhumb", self.path(&key).await?);
            self.json(Call::with_body(Method::PUT, path, JSON, object.clone())).await
        };
        run.await.map_err(|kind| kind.at(attempt, &key))
    }

    /// The object as it is; `None` when there is none, or no such kind.
    pub async fn get(&self, key: &Key) -> Result<Option<Value>, Error> {
        let run = async { self.json(Call::get(self.path(key).await?)).await };
        match run.await {
            Err(Kind::NotFound | Kind::UnknownKind { .. }) => Ok(None),
            other => other.map(Some).map_err(|kind| kind.at("get", key)),
        }
    }

    /// The metadata of an object; `None` when there is none, or no such kind.
    pub async fn get_metadata(&self, key: &Key) -> Result<Option<Live>, Error> {
        let run = async { self.json(Call { accept: METADATA, ..Call::get(self.path(key).await?) }).await };
        match run.await {
            Err(Kind::NotFound | Kind::UnknownKind { .. }) => Ok(None),
            other => other.map(|object| Some(live(key.clone(), &object))).map_err(|kind| kind.at("get", key)),
        }
    }

    /// Deletes an object and, in the background, what it owns. That there is none is fine.
    pub async fn delete(&self, key: &Key) -> Result<(), Error> {
        let run = async {
            let options = json!({ "apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background" });
            self.json(Call::with_body(Method::DELETE, self.path(key).await?, JSON, options)).await
        };
        match run.await {
            Ok(_) | Err(Kind::NotFound | Kind::UnknownKind { .. }) => Ok(()),
            Err(kind) => Err(kind.at("delete", key)),
        }
    }

    /// Changes the status subresource by a JSON merge patch; with a `metadata.resourceVersion` only if it is still that
    /// version, else the error is `Conflict`.
    pub async fn patch_status(&self, key: &Key, status: &Value, version: Option<&str>) -> Result<Applied, Error> {
        let run = async {
            let path = format!("{}/status?fieldManager=rhumb", self.path(key).await?);
            let mut patch = json!({ "status": status });
            if let (Some(version), Some(patch)) = (version, patch.as_object_mut()) {
                patch.insert("metadata".to_owned(), json!({ "resourceVersion": version }));
            }
            let call = Call::with_body(Method::PATCH, path, MERGE, patch);
            self.json(call).await.map(|value| applied(&value))
        };
        run.await.map_err(|kind| kind.at("write the status of", key))
    }

    /// Changes an object by a JSON merge patch.
    pub async fn patch(&self, key: &Key, patch: &Value) -> Result<Applied, Error> {
        let run = async {
            let path = format!("{}?fieldManager=rhumb", self.path(key).await?);
            self.json(Call::with_body(Method::PATCH, path, MERGE, patch.clone())).await.map(|value| applied(&value))
        };
        run.await.map_err(|kind| kind.at("patch", key))
    }

    /// Which of these objects are in the cluster, by one list of metadata per kind.
    ///
    /// Objects of kinds that the cluster does not know are not there.
    pub async fn live(&self, keys: &BTreeSet<Key>) -> Result<Vec<Live>, Error> {
        let kinds: BTreeSet<(&str, &str)> =
            keys.iter().map(|key| (key.api_version.as_str(), key.kind.as_str())).collect();
        let mut found = Vec::new();
        for (api_version, kind) in kinds {
            let listed = match self.list_metadata(api_version, kind, None).await {
                Err(error) if matches!(*error.kind, Kind::UnknownKind { .. }) => continue,
                other => other?,
            };
            found.extend(listed.into_iter().filter(|live| keys.contains(&live.key)));
        }
        Ok(found)
    }

    /// The metadata of every object of a kind, in all namespaces, or of those that a label selector takes.
    pub async fn list_metadata(
        &self,
        api_version: &str,
        kind: &str,
        selector: Option<&str>,
    ) -> Result<Vec<Live>, Error> {
        let list = List { api_version, kind, namespace: None, selector, accept: METADATA_LIST };
        let items = self.list_pages(&list).await?;
        let key = |object: &Value| {
            let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
            Key::new(api_version, kind, text("/metadata/namespace"), text("/metadata/name"))
        };
        Ok(items.iter().map(|object| live(key(object), object)).collect())
    }

    /// Every object of a kind, whole, in all namespaces or one. Each has its `apiVersion` and `kind`.
    pub async fn list(&self, api_version: &str, kind: &str, namespace: Option<&str>) -> Result<Vec<Value>, Error> {
        self.list_pages(&List { api_version, kind, namespace, selector: None, accept: JSON }).await
    }

    pub(super) async fn list_pages(&self, list: &List<'_>) -> Result<Vec<Value>, Error> {
        self.list_at(list).await.map(|(items, _)| items)
    }

    /// The same, with the version of the list, which a watch goes on from.
    pub(super) async fn list_at(&self, list: &List<'_>) -> Result<(Vec<Value>, String), Error> {
        let run = async {
            let path = self.list_path(list.api_version, list.kind, list.namespace).await?;
            let mut found: Vec<Value> = Vec::new();
            let mut token = String::new();
            // The first page's: what changed while the others were read is told again by a watch.
            let mut version: Option<String> = None;
            for _ in 0..PAGES_LIMIT {
                let limit = PAGE_SIZE.to_string();
                let mut pairs = vec![("limit", limit.as_str())];
                pairs.extend(list.selector.map(|selector| ("labelSelector", selector)));
                if !token.is_empty() {
                    pairs.push(("continue", &token));
                }
                let call = Call { accept: list.accept, ..Call::get(format!("{path}?{}", query(&pairs))) };
                let mut page = self.collected(self.json(call).await, list.api_version, list.kind)?;
                if let Some(Value::Array(items)) = page.get_mut("items").map(Value::take) {
                    found.extend(items.into_iter().map(|item| list.typed(item)));
                }
                let next = page.pointer("/metadata/continue").and_then(Value::as_str).unwrap_or_default();
                let of_page = page.pointer("/metadata/resourceVersion").and_then(Value::as_str);
                let version = version.get_or_insert_with(|| of_page.unwrap_or("0").to_owned());
                if next.is_empty() || next == token {
                    return Ok((found, std::mem::take(version)));
                }
                next.clone_into(&mut token);
            }
            Err(Kind::TooLarge { limit: PAGES_LIMIT * PAGE_SIZE })
        };
        run.await.map_err(|kind| kind.at("list", format!("{}/{}", list.api_version, list.kind)))
    }

    /// What asking for the objects of a kind came to. A kind whose definition is gone is known no more, so that it is
    /// discovered again when it comes back.
    pub(super) fn collected(&self, answer: Result<Value, Kind>, api_version: &str, kind: &str) -> Result<Value, Kind> {
        if matches!(answer, Err(Kind::NotFound)) {
            self.discovery.forget(api_version);
            return Err(Kind::UnknownKind { api_version: api_version.to_owned(), kind: kind.to_owned() });
        }
        answer
    }
}

/// What to list.
pub(super) struct List<'a> {
    pub(super) api_version: &'a str,
    pub(super) kind: &'a str,
    pub(super) namespace: Option<&'a str>,
    pub(super) selector: Option<&'a str>,
    pub(super) accept: &'static str,
}

impl List<'_> {
    /// Items of a list come without their type.
    fn typed(&self, mut item: Value) -> Value {
        if let Some(object) = item.as_object_mut() {
            object.insert("apiVersion".to_owned(), json!(self.api_version));
            object.insert("kind".to_owned(), json!(self.kind));
        }
        item
    }
}

/// `key=value` pairs as they stand in a URL.
pub(super) fn query(pairs: &[(&str, &str)]) -> String {
    let url = reqwest::Url::parse_with_params("http://localhost/", pairs);
    url.ok().and_then(|url| url.query().map(str::to_owned)).unwrap_or_default()
}

pub(super) fn live(key: Key, object: &Value) -> Live {
    let applied = applied(object);
    Live {
        key,
        uid: applied.uid,
        generation: applied.generation,
        resource_version: applied.resource_version,
        annotations: text_map(object, "/metadata/annotations"),
        labels: text_map(object, "/metadata/labels"),
    }
}

pub(super) fn text_map(object: &Value, pointer: &str) -> BTreeMap<String, String> {
    let map = object.pointer(pointer).and_then(Value::as_object).into_iter().flatten();
    map.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

pub(super) fn key_of(object: &Value, attempt: &'static str) -> Result<Key, Error> {
    let message = "it lacks apiVersion, kind or metadata.name".to_owned();
    Key::of(object).ok_or_else(|| Kind::Invalid { message }.at(attempt, "object"))
}

fn applied(object: &Value) -> Applied {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    Applied {
        uid: text("/metadata/uid"),
        generation: object.pointer("/metadata/generation").and_then(Value::as_i64),
        resource_version: text("/metadata/resourceVersion"),
    }
}
