//! Tells clients which resources there are, in the plain and in the aggregated form.

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::kinds::{self, Resource, Scope, StatusPart, VERBS};
use super::refusal::Refusal;
use super::store::Store;
use super::target::accepts;

/// `/api`: the versions of the core group.
pub(super) fn core(store: &Store, headers: &HeaderMap, address: &str) -> Response {
    match aggregated_version(headers) {
        Some(version) => aggregated(store, version, &[(String::new(), vec!["v1".to_owned()])]),
        None => axum::Json(json!({
            "kind": "APIVersions", "versions": ["v1"],
            "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}],
        }))
        .into_response(),
    }
}

/// `/apis`: the other groups.
pub(super) fn groups(store: &Store, headers: &HeaderMap) -> Response {
    let groups = kinds::groups(store.resources());
    match aggregated_version(headers) {
        Some(version) => aggregated(store, version, &groups),
        None => {
            let list: Vec<Value> = groups.iter().map(|(name, versions)| api_group(name, versions)).collect();
            axum::Json(json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": list})).into_response()
        }
    }
}

/// `/apis/<group>`.
pub(super) fn group(store: &Store, name: &str) -> Result<Value, Refusal> {
    let groups = kinds::groups(store.resources());
    let (name, versions) = groups.iter().find(|(group, _)| group == name).ok_or_else(Refusal::no_such_path)?;
    let mut group = api_group(name, versions);
    super::object::default_at(&mut group, &[], "kind", "APIGroup");
    super::object::default_at(&mut group, &[], "apiVersion", "v1");
    Ok(group)
}

/// `/api/v1` and `/apis/<group>/<version>`.
pub(super) fn version(store: &Store, group: &str, version: &str) -> Result<Value, Refusal> {
    let mut list = Vec::new();
    for resource in of(store, group, version) {
        let entry = |name: String, verbs: &[&str]| {
            json!({
                "name": name, "singularName": resource.singular, "namespaced": resource.scope == Scope::Namespaced,
                "kind": resource.kind, "verbs": verbs, "shortNames": resource.short_names,
                "categories": resource.categories,
            })
        };
        list.push(entry(resource.plural.clone(), &VERBS));
        if resource.status == StatusPart::Separate {
            list.push(entry(format!("{}/status", resource.plural), &["get", "patch", "update"]));
        }
        if resource.scales() {
            list.push(json!({
                "name": format!("{}/scale", resource.plural), "singularName": "", "namespaced": true, "group": "autoscaling",
                "version": "v1", "kind": "Scale", "verbs": ["get", "patch", "update"],
            }));
        }
    }
    if list.is_empty() {
        return Err(Refusal::no_such_path());
    }
    let name = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    Ok(json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": name, "resources": list}))
}

fn of<'a>(store: &'a Store, group: &'a str, version: &'a str) -> impl Iterator<Item = &'a Resource> {
    let all = store.resources().iter().map(AsRef::as_ref);
    all.filter(move |r: &&Resource| r.group == group && r.versions.iter().any(|v| v == version))
}

fn api_group(name: &str, versions: &[String]) -> Value {
    let entry = |version: &String| json!({"groupVersion": format!("{name}/{version}"), "version": version});
    let list: Vec<Value> = versions.iter().map(entry).collect();
    json!({"name": name, "preferredVersion": list.first(), "versions": list})
}

/// `v2` or `v2beta1` where the client asks for the aggregated form.
fn aggregated_version(headers: &HeaderMap) -> Option<&'static str> {
    let wanted = accepts(headers);
    let has = |version: &str| {
        let parameters = [format!("v={version}"), "g=apidiscovery.k8s.io".into(), "as=APIGroupDiscoveryList".into()];
        wanted.iter().any(|accept| parameters.iter().all(|p| accept.split(';').any(|part| part.trim() == p)))
    };
    ["v2", "v2beta1"].into_iter().find(|version| has(version))
}

fn aggregated(store: &Store, form: &str, groups: &[(String, Vec<String>)]) -> Response {
    let items: Vec<Value> = groups
        .iter()
        .map(|(group, versions)| {
            let versions: Vec<Value> = versions
                .iter()
                .map(|version| {
                    let resources: Vec<Value> =
                        of(store, group, version).map(|r| aggregated_resource(r, version)).collect();
                    json!({"version": version, "freshness": "Current", "resources": resources})
                })
                .collect();
            json!({"metadata": {"name": group, "creationTimestamp": null}, "versions": versions})
        })
        .collect();
    let body = json!({
        "kind": "APIGroupDiscoveryList", "apiVersion": format!("apidiscovery.k8s.io/{form}"), "metadata": {},
        "items": items,
    });
    let mut response = axum::Json(body).into_response();
    let media = match form {
        "v2" => "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
        _ => "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList",
    };
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    response
}

fn aggregated_resource(resource: &Resource, version: &str) -> Value {
    let kind = json!({"group": resource.group, "version": version, "kind": resource.kind});
    let mut subresources = Vec::new();
    if resource.status == StatusPart::Separate {
        subresources.push(json!({"subresource": "status", "responseKind": kind, "verbs": ["get", "patch", "update"]}));
    }
    if resource.scales() {
        let scale = json!({"group": "autoscaling", "version": "v1", "kind": "Scale"});
        subresources.push(json!({"subresource": "scale", "responseKind": scale, "verbs": ["get", "patch", "update"]}));
    }
    json!({
        "resource": resource.plural, "responseKind": kind, "singularResource": resource.singular,
        "scope": if resource.scope == Scope::Namespaced { "Namespaced" } else { "Cluster" },
        "verbs": VERBS, "shortNames": resource.short_names, "categories": resource.categories,
        "subresources": subresources,
    })
}
