//! A Kubernetes API in memory for the tests here: storage, discovery, apply, merge patches, lists in pages, watches.
//!
//! It runs under the ordinary client without a socket. It is small on purpose and no proof of anything about
//! Kubernetes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::extract::Request;
use axum::http::{Method, Response};
use futures::StreamExt as _;
use serde_json::{Value, json};
use tokio::sync::broadcast;

use super::Cluster;
use crate::fake::answer;

type Fault = Box<dyn Fn(&str, &str) -> Option<Response<Body>> + Send + Sync>;

#[derive(Default)]
struct State {
    /// Path of the object → object.
    objects: BTreeMap<String, Value>,
    resources: BTreeMap<String, Vec<(String, String, bool)>>,
    version: u64,
    log: Vec<String>,
    fault: Option<Fault>,
    /// Everything that happened, for watches that begin at a version: version, path of the object, event.
    history: Vec<(u64, String, Value)>,
}

/// The API.
#[derive(Clone)]
pub(crate) struct Api {
    state: Arc<Mutex<State>>,
    events: broadcast::Sender<(String, Value)>,
}

impl Api {
    pub(crate) fn new() -> Self {
        let api = Self { state: Arc::default(), events: broadcast::channel(100).0 };
        for (version, kind, plural) in [
            ("v1", "ConfigMap", "configmaps"),
            ("v1", "Secret", "secrets"),
            ("v1", "Service", "services"),
            ("v1", "Pod", "pods"),
            ("v1", "Event", "events"),
            ("v1", "PersistentVolumeClaim", "persistentvolumeclaims"),
            ("apps/v1", "Deployment", "deployments"),
            ("batch/v1", "Job", "jobs"),
            ("helm.fluxcd.io/v1", "HelmRelease", "helmreleases"),
        ] {
            api.add_kind(version, kind, plural, true);
        }
        api.add_kind("v1", "Namespace", "namespaces", false);
        api.add_kind("apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions", false);
        api
    }

    pub(crate) fn add_kind(&self, version: &str, kind: &str, plural: &str, namespaced: bool) {
        let mut state = self.state.lock().unwrap();
        let list = state.resources.entry(version.to_owned()).or_default();
        list.push((kind.to_owned(), plural.to_owned(), namespaced));
    }

    pub(crate) fn cluster(&self) -> Cluster {
        let api = self.clone();
        let app = axum::Router::new().fallback(move |request: Request| {
            let api = api.clone();
            async move { api.answer(request).await }
        });
        Cluster::over(kube::Client::new(app, "default"))
    }

    /// Answers instead of the API where it gives an answer; gets method and path with query.
    pub(crate) fn fault(&self, fault: impl Fn(&str, &str) -> Option<Response<Body>> + Send + Sync + 'static) {
        self.state.lock().unwrap().fault = Some(Box::new(fault));
    }

    pub(crate) fn no_fault(&self) {
        self.state.lock().unwrap().fault = None;
    }

    /// Requests since the last call, as `METHOD path`.
    pub(crate) fn requests(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().unwrap().log)
    }

    pub(crate) fn put(&self, path: &str, object: Value) {
        self.store(path, object, "ADDED");
    }

    pub(crate) fn object(&self, path: &str) -> Option<Value> {
        self.state.lock().unwrap().objects.get(path).cloned()
    }

    pub(crate) fn paths(&self) -> Vec<String> {
        self.state.lock().unwrap().objects.keys().cloned().collect()
    }

    pub(crate) fn drop_watches(&mut self) {
        self.events.send((String::new(), Value::Null)).unwrap();
    }

    async fn answer(&self, request: Request) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let target = parts.uri.path_and_query().unwrap().to_string();
        let path = parts.uri.path().to_owned();
        let query = parts.uri.query().unwrap_or_default().to_owned();
        {
            let mut state = self.state.lock().unwrap();
            state.log.push(format!("{} {target}", parts.method));
            let faulty = state.fault.as_ref().and_then(|fault| fault(parts.method.as_str(), &target));
            if let Some(answer) = faulty {
                return answer;
            }
        }
        if parts.method == Method::GET && query.contains("watch=true") {
            return self.watch(path, &query);
        }
        if let Some(found) = self.discovery(&path) {
            return json_answer(200, &found);
        }
        let value: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        match parts.method {
            Method::GET if self.is_collection(&path) => self.list(&path, &query),
            Method::GET => match self.object(&path) {
                Some(object) => json_answer(200, &object),
                None => status(404, "NotFound"),
            },
            Method::POST => {
                let path = format!("{path}/{}", value["metadata"]["name"].as_str().unwrap());
                if self.object(&path).is_some() {
                    return status(409, "AlreadyExists");
                }
                json_answer(201, &self.store(&path, value, "ADDED"))
            }
            Method::PUT => {
                let Some(old) = self.object(&path) else { return status(404, "NotFound") };
                let expected = &value["metadata"]["resourceVersion"];
                if expected.is_string() && *expected != old["metadata"]["resourceVersion"] {
                    return status(409, "Conflict");
                }
                json_answer(200, &self.store(&path, value, "MODIFIED"))
            }
            Method::PATCH => {
                let (path, exists) = match path.strip_suffix("/status") {
                    Some(path) => (path.to_owned(), true),
                    None => (path, query.contains("force=true")),
                };
                let old = self.object(&path);
                if old.is_none() && !exists || old.is_none() && target.contains("/status?") {
                    return status(404, "NotFound");
                }
                let mut object = old.clone().unwrap_or_default();
                let expected = &value["metadata"]["resourceVersion"];
                if expected.is_string() && *expected != object["metadata"]["resourceVersion"] {
                    return status(409, "Conflict");
                }
                merge(&mut object, &value);
                let kind = if old.is_some() { "MODIFIED" } else { "ADDED" };
                json_answer(200, &self.store(&path, object, kind))
            }
            Method::DELETE => {
                let mut state = self.state.lock().unwrap();
                match state.objects.remove(&path) {
                    Some(mut object) => {
                        state.version += 1;
                        object["metadata"]["resourceVersion"] = json!(state.version.to_string());
                        self.tell(&mut state, &path, json!({ "type": "DELETED", "object": object }));
                        json_answer(200, &json!({ "kind": "Status", "status": "Success" }))
                    }
                    None => status(404, "NotFound"),
                }
            }
            _ => status(405, "MethodNotAllowed"),
        }
    }

    fn store(&self, path: &str, mut object: Value, kind: &str) -> Value {
        let mut state = self.state.lock().unwrap();
        state.version += 1;
        let version = state.version;
        let old = state.objects.get(path).cloned();
        let metadata = object["metadata"].as_object_mut().unwrap();
        metadata.entry("uid").or_insert_with(|| json!(format!("uid-{version}")));
        metadata.insert("resourceVersion".into(), json!(version.to_string()));
        let changed = old.as_ref().is_none_or(|old| old["spec"] != object["spec"]);
        let generation = old.as_ref().and_then(|old| old["metadata"]["generation"].as_i64()).unwrap_or(0);
        if object.get("spec").is_some() {
            object["metadata"]["generation"] = json!(generation + i64::from(changed));
        }
        settle(&mut object);
        state.objects.insert(path.to_owned(), object.clone());
        self.tell(&mut state, path, json!({ "type": kind, "object": object.clone() }));
        object
    }

    fn tell(&self, state: &mut State, path: &str, event: Value) {
        state.history.push((state.version, path.to_owned(), event.clone()));
        let _ = self.events.send((path.to_owned(), event));
    }

    fn discovery(&self, path: &str) -> Option<Value> {
        let state = self.state.lock().unwrap();
        if path == "/version" {
            return Some(json!({ "gitVersion": "v1.34.0" }));
        }
        if path == "/apis" {
            let groups = state.resources.keys().filter(|version| version.contains('/'));
            let groups = groups.map(|version| json!({ "versions": [{ "groupVersion": version }] }));
            return Some(json!({ "groups": groups.collect::<Vec<_>>() }));
        }
        let version = path.strip_prefix("/api/").or_else(|| path.strip_prefix("/apis/"))?;
        let resources = state.resources.get(version)?.iter().flat_map(|(kind, plural, namespaced)| {
            let status = json!({ "name": format!("{plural}/status"), "kind": kind, "namespaced": namespaced });
            [json!({ "name": plural, "kind": kind, "namespaced": namespaced }), status]
        });
        Some(json!({ "resources": resources.collect::<Vec<_>>() }))
    }

    fn is_collection(&self, path: &str) -> bool {
        let state = self.state.lock().unwrap();
        let last = path.rsplit('/').next().unwrap();
        state.resources.values().flatten().any(|(_, plural, _)| plural == last)
    }

    fn list(&self, path: &str, query: &str) -> Response<Body> {
        let state = self.state.lock().unwrap();
        let get = |key: &str| query.split('&').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='));
        let selector =
            get("labelSelector").unwrap_or_default().replace("%3D", "=").replace("%2C", ",").replace("%2F", "/");
        let wanted: Vec<(&str, &str)> = selector.split(',').filter_map(|pair| pair.split_once('=')).collect();
        let (root, plural) = path.rsplit_once('/').unwrap();
        let plural = format!("/{plural}/");
        let matching = state.objects.iter().filter(|(key, object)| {
            let labels = &object["metadata"]["labels"];
            key.starts_with(&format!("{root}/"))
                && key.contains(&plural)
                && key.rsplit_once(&plural).is_some_and(|(_, name)| !name.contains('/'))
                && wanted.iter().all(|(label, value)| labels[*label] == *value)
        });
        let items: Vec<Value> = matching.map(|(_, object)| untyped(object)).collect();
        let start = get("continue").map_or(0, |token| token.parse::<usize>().unwrap());
        // Pages of three, whatever is asked for.
        let end = (start + 3).min(items.len());
        let next = if end < items.len() { end.to_string() } else { String::new() };
        let metadata = json!({ "resourceVersion": state.version.to_string(), "continue": next });
        json_answer(200, &json!({ "metadata": metadata, "items": items[start..end] }))
    }

    fn watch(&self, path: String, query: &str) -> Response<Body> {
        let plural = format!("/{}/", path.rsplit('/').next().unwrap());
        let version = query.split('&').find_map(|pair| pair.strip_prefix("resourceVersion="));
        let version: u64 = version.and_then(|version| version.parse().ok()).unwrap_or(u64::MAX);
        // Under the lock, so that every event is either in the history or still to come.
        let state = self.state.lock().unwrap();
        let receiver = self.events.subscribe();
        let missed = state.history.iter().filter(|(at, path, _)| *at > version && path.contains(&plural));
        let missed: Vec<_> = missed.map(|(_, _, event)| Ok::<_, std::io::Error>(format!("{event}\n"))).collect();
        drop(state);
        let lines = futures::stream::unfold(receiver, move |mut receiver| {
            let plural = plural.clone();
            async move {
                loop {
                    let (path, event) = receiver.recv().await.ok()?;
                    if path.is_empty() {
                        return None;
                    }
                    if path.contains(&plural) {
                        return Some((Ok::<_, std::io::Error>(format!("{event}\n")), receiver));
                    }
                }
            }
        });
        answer(200, &[], Body::from_stream(futures::stream::iter(missed).chain(lines).boxed()))
    }
}

/// What controllers would do: everything is ready at once, except what its name says will fail or stay.
fn settle(object: &mut Value) {
    let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    if name.contains("stuck") {
        return;
    }
    let generation = object["metadata"]["generation"].clone();
    match object["kind"].as_str().unwrap_or_default() {
        "Job" => {
            let outcome = if name.contains("fail") { "Failed" } else { "Complete" };
            let condition = json!({ "type": outcome, "status": "True", "message": "BackoffLimitExceeded" });
            object["status"] = json!({ "conditions": [condition] });
        }
        "Deployment" => {
            let replicas = object["spec"]["replicas"].as_i64().unwrap_or(1);
            object["status"] = json!({ "observedGeneration": generation, "replicas": replicas,
                "updatedReplicas": replicas, "readyReplicas": replicas, "availableReplicas": replicas });
        }
        "CustomResourceDefinition" => {
            object["status"] = json!({ "conditions": [{ "type": "Established", "status": "True" }] });
        }
        _ => {}
    }
}

fn untyped(object: &Value) -> Value {
    let mut object = object.clone();
    let map = object.as_object_mut().unwrap();
    map.shift_remove("kind");
    map.shift_remove("apiVersion");
    object
}

fn merge(into: &mut Value, patch: &Value) {
    let Some(patch) = patch.as_object() else {
        *into = patch.clone();
        return;
    };
    if !into.is_object() {
        *into = json!({});
    }
    for (key, value) in patch {
        if value.is_null() {
            into.as_object_mut().unwrap().shift_remove(key);
        } else {
            merge(&mut into[key.as_str()], value);
        }
    }
}

pub(super) fn status(code: u16, reason: &str) -> Response<Body> {
    json_answer(
        code,
        &json!({ "kind": "Status", "code": code, "reason": reason, "message": format!("it is {reason}") }),
    )
}

pub(super) fn json_answer(code: u16, value: &Value) -> Response<Body> {
    answer(code, &[("content-type", "application/json")], value.to_string())
}
