//! The `scale` subresource of workloads: their number of replicas as an object of its own.

use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::object;
use super::refusal::Refusal;
use super::store::Store;
use super::write::{self, Call, PatchKind, Written};

/// Reads or changes the scale of what the call names.
pub(super) fn answer(store: &mut Store, call: &Call, verb: &str, body: &Value) -> Result<Response, Refusal> {
    let live = store.find(&call.resource, &call.namespace, &call.name)?;
    let object = match verb {
        "get" => live,
        "update" | "patch" => {
            let sent = body.pointer("/spec/replicas").and_then(Value::as_u64);
            let why = "only a merge patch or a whole Scale with spec.replicas is understood here";
            let replicas = sent.ok_or_else(|| Refusal::bad_request(why))?;
            let version = body.pointer("/metadata/resourceVersion");
            let patch = json!({"metadata": {"resourceVersion": version}, "spec": {"replicas": replicas}});
            match write::patch(store, call, PatchKind::Merge, &patch)? {
                Written::Created(object) | Written::Updated(object) => object,
            }
        }
        _ => return Err(Refusal::no_such_path()),
    };
    Ok(axum::Json(scale(&object)).into_response())
}

fn scale(object: &Value) -> Value {
    let labels = object.pointer("/spec/selector/matchLabels").and_then(Value::as_object);
    let selector: Vec<String> = labels
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    let metadata = |key: &str| object.pointer("/metadata").and_then(|m| m.get(key));
    json!({
        "kind": "Scale", "apiVersion": "autoscaling/v1",
        "metadata": {
            "name": object::name(object), "namespace": object::namespace(object), "uid": object::uid(object),
            "resourceVersion": metadata("resourceVersion"), "creationTimestamp": metadata("creationTimestamp"),
        },
        "spec": {"replicas": object.pointer("/spec/replicas")},
        "status": {"replicas": object.pointer("/status/replicas"), "selector": selector.join(",")},
    })
}
