//! As much OpenAPI as clients need to go on: which kinds there are and that `fieldValidation` is understood.
//!
//! Schemas are left out. Given this, `kubectl` and `helm` leave checking to the server, which here checks no schema.

use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::kinds::{Resource, Scope};
use super::refusal::Refusal;
use super::store::Store;

/// `/openapi/v2`: a document without definitions.
pub(super) fn version_2(headers: &HeaderMap) -> Response {
    let accept = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    if accept.contains("protobuf") {
        // No bytes are a valid, empty document in that encoding.
        let media = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
        return ([(header::CONTENT_TYPE, media)], Vec::<u8>::new()).into_response();
    }
    let info = json!({"title": "Kubernetes", "version": "v1.34.0"});
    axum::Json(json!({"swagger": "2.0", "info": info, "paths": {}, "definitions": {}})).into_response()
}

/// `/openapi/v3`: where the document of each version is.
pub(super) fn version_3_index(store: &Store) -> Value {
    let mut paths = Map::new();
    for resource in store.resources() {
        for version in &resource.versions {
            let path = base(resource, version);
            let url = format!("/openapi/v3/{path}?hash={}", store.resources().len());
            paths.insert(path, json!({"serverRelativeURL": url}));
        }
    }
    json!({"paths": paths})
}

/// `/openapi/v3/apis/<group>/<version>`.
pub(super) fn version_3(store: &Store, wanted: &str) -> Result<Value, Refusal> {
    let mut paths = Map::new();
    for resource in store.resources() {
        for version in resource.versions.iter().filter(|version| base(resource, version) == wanted) {
            let within = if resource.scope == Scope::Namespaced { "namespaces/{namespace}/" } else { "" };
            let path = format!("/{wanted}/{within}{}/{{name}}", resource.plural);
            let parameter = |name: &str| json!({"name": name, "in": "query", "schema": {"type": "string"}});
            let parameters = ["dryRun", "fieldManager", "fieldValidation", "force"].map(parameter);
            let patch = json!({
                "operationId": format!("patch{}{version}{}", resource.group.replace('.', ""), resource.kind),
                "parameters": parameters,
                "requestBody": {"content": {"application/merge-patch+json": {"schema": {"type": "object"}}}},
                "responses": {"200": {"description": "OK"}},
                "x-kubernetes-action": "patch",
                "x-kubernetes-group-version-kind":
                    {"group": resource.group, "version": version, "kind": resource.kind},
            });
            paths.insert(path, json!({"patch": patch}));
        }
    }
    if paths.is_empty() {
        return Err(Refusal::no_such_path());
    }
    let info = json!({"title": "Kubernetes", "version": "v1.34.0"});
    Ok(json!({"openapi": "3.0.0", "info": info, "paths": paths, "components": {"schemas": {}}}))
}

fn base(resource: &Resource, version: &str) -> String {
    if resource.group.is_empty() { format!("api/{version}") } else { format!("apis/{}/{version}", resource.group) }
}
