//! The rules that a write keeps: what the path fixes, what may not change, and which part it is about.

use serde_json::{Map, Value};

use super::kinds::{Resource, Scope, StatusPart};
use super::object;
use super::refusal::Refusal;
use super::write::{Call, Part};

/// Most data that a Secret or a ConfigMap may hold.
const DATA_LIMIT: usize = 1024 * 1024;

/// Checks and sets what the path says: kind, version, namespace and name.
pub(super) fn identify(call: &Call, object: &mut Value) -> Result<(), Refusal> {
    let resource = &call.resource;
    if !object.is_object() {
        return Err(Refusal::bad_request("the body of the request is not an object"));
    }
    let expected = [("apiVersion", resource.api_version(&call.version)), ("kind", resource.kind.clone())];
    for (key, expected) in expected {
        let given = object.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        if !given.is_empty() && given != expected {
            let what = if key == "kind" { "kind" } else { "API version" };
            let message = format!("the {what} in the data ({given}) does not match the expected {what} ({expected})");
            return Err(Refusal::bad_request(message));
        }
        object::map_at(object, &[]).insert(key.into(), expected.into());
    }
    for (key, expected, what) in [("namespace", &call.namespace, "namespace"), ("name", &call.name, "name")] {
        let given = object::text(object, &format!("/metadata/{key}")).to_owned();
        let cluster = key == "namespace" && resource.scope == Scope::Cluster;
        if !given.is_empty() && !expected.is_empty() && &given != expected {
            let message =
                format!("the {what} of the object ({given}) does not match the {what} on the URL ({expected})");
            return Err(Refusal::bad_request(message));
        }
        if cluster {
            object::metadata(object).shift_remove("namespace");
        } else if !expected.is_empty() {
            object::metadata(object).insert(key.into(), expected.clone().into());
        }
    }
    for key in ["labels", "annotations"] {
        if let Some(Value::Object(map)) = object::metadata(object).get_mut(key) {
            // A null text is an empty one to the real server's decoder.
            map.values_mut().filter(|value| value.is_null()).for_each(|value| *value = "".into());
        }
    }
    well_formed(object)?;
    // The typed decoder of the real server knows no null; custom resources keep theirs.
    if resource.custom.is_none() {
        drop_nulls(object);
    } else {
        object::metadata(object).retain(|_, value| !value.is_null());
    }
    Ok(())
}

/// Refuses metadata that no client could read back. (The real server decodes all of an object; here only this much.)
fn well_formed(object: &Value) -> Result<(), Refusal> {
    let metadata = object.get("metadata").and_then(Value::as_object);
    for (key, value) in metadata.into_iter().flatten().filter(|(_, value)| !value.is_null()) {
        let sound = match key.as_str() {
            "labels" | "annotations" => value.as_object().is_some_and(|map| map.values().all(Value::is_string)),
            "finalizers" => value.as_array().is_some_and(|list| list.iter().all(Value::is_string)),
            "ownerReferences" | "managedFields" => {
                value.as_array().is_some_and(|list| list.iter().all(Value::is_object))
            }
            "name" | "namespace" | "generateName" | "uid" | "resourceVersion" => value.is_string(),
            _ => true,
        };
        if !sound {
            let message = format!("the object cannot be decoded: metadata.{key} has the wrong type");
            return Err(Refusal::bad_request(message));
        }
    }
    Ok(())
}

/// Refuses a Secret or ConfigMap with more data than the real server takes; values of a Secret count decoded.
pub(super) fn small_enough(resource: &Resource, object: &Value) -> Result<(), Refusal> {
    let encoded = match (resource.group.as_str(), resource.kind.as_str()) {
        ("", "Secret") => true,
        ("", "ConfigMap") => false,
        _ => return Ok(()),
    };
    let texts = object.get("data").and_then(Value::as_object).into_iter().flatten().filter_map(|(_, v)| v.as_str());
    let size: usize = texts.map(|text| if encoded { text.len() / 4 * 3 } else { text.len() }).sum();
    if size <= DATA_LIMIT {
        return Ok(());
    }
    let why = format!("data: Too long: may not be more than {DATA_LIMIT} bytes");
    Err(Refusal::invalid(resource, object::name(object), &why))
}

fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, inner| !inner.is_null());
            map.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

/// A write of the main part keeps the status, and a write of the status keeps everything else.
pub(super) fn keep_other_part(call: &Call, live: &Value, object: Value) -> Value {
    if call.resource.status == StatusPart::None {
        return object;
    }
    let (mut result, status) = match call.part {
        Part::Main => (object, live.get("status").cloned()),
        Part::Status => {
            let mut result = live.clone();
            let (status, owners) = (object.get("status").cloned(), object.pointer("/metadata/managedFields").cloned());
            match owners {
                Some(owners) => object::metadata(&mut result).insert("managedFields".into(), owners),
                None => object::metadata(&mut result).shift_remove("managedFields"),
            };
            (result, status)
        }
    };
    match status {
        Some(status) => object::map_at(&mut result, &[]).insert("status".into(), status),
        None => object::map_at(&mut result, &[]).shift_remove("status"),
    };
    result
}

/// Refuses to change a field that is fixed once an object is there.
pub(super) fn immutable(resource: &Resource, live: &Value, object: &Value) -> Result<(), Refusal> {
    let fixed: &[&str] = match (resource.group.as_str(), resource.kind.as_str()) {
        ("apps", "Deployment" | "ReplicaSet" | "DaemonSet") => &["/spec/selector"],
        ("apps", "StatefulSet") => &["/spec/selector", "/spec/serviceName"],
        ("batch", "Job") => &["/spec/template"],
        ("", "Service") => &["/spec/clusterIP"],
        ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") => &["/roleRef"],
        ("", "Secret" | "ConfigMap") if live.get("immutable") == Some(&Value::Bool(true)) => &["/data"],
        ("", "Secret") => &["/type"],
        _ => &[],
    };
    match fixed.iter().find(|pointer| live.pointer(pointer) != object.pointer(pointer)) {
        Some(pointer) => {
            let field = pointer.trim_start_matches('/').replace('/', ".");
            Err(Refusal::invalid(
                resource,
                object::name(object),
                &format!("{field}: Invalid value: field is immutable"),
            ))
        }
        None => Ok(()),
    }
}

/// Whether anything but metadata and status differs.
pub(super) fn spec_changed(before: &Value, after: &Value) -> bool {
    let parts = |object: &Value| {
        let map = object.as_object().cloned().unwrap_or_default();
        let spec = map.into_iter().filter(|(key, _)| !matches!(key.as_str(), "metadata" | "status"));
        spec.collect::<Map<_, _>>()
    };
    parts(before) != parts(after)
}

/// Whether the generation of such objects is counted.
pub(super) fn has_generation(resource: &Resource) -> bool {
    let plain = ["", "events.k8s.io", "rbac.authorization.k8s.io", "coordination.k8s.io"];
    resource.custom.is_some() || !plain.contains(&resource.group.as_str()) || resource.kind == "Pod"
}

/// Names of roles may hold colons and more; everything else is a DNS subdomain.
pub(super) fn valid_name(resource: &Resource, name: &str) -> bool {
    if resource.group == "rbac.authorization.k8s.io" {
        return !name.is_empty() && !name.contains(['/', '%']) && name != "." && name != "..";
    }
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    name.len() <= 253 && name.chars().all(inner) && name.starts_with(edge) && name.ends_with(edge)
}
