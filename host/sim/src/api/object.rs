//! Reading and changing Kubernetes objects as JSON.

use serde_json::{Map, Value};

/// The text at a JSON Pointer, or an empty one.
pub(super) fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

pub(super) fn name(object: &Value) -> &str {
    text(object, "/metadata/name")
}

pub(super) fn namespace(object: &Value) -> &str {
    text(object, "/metadata/namespace")
}

pub(super) fn uid(object: &Value) -> &str {
    text(object, "/metadata/uid")
}

pub(super) fn revision(object: &Value) -> u64 {
    text(object, "/metadata/resourceVersion").parse().unwrap_or_default()
}

/// The map at `keys`, which is made where it is missing; what is there and is no map is replaced.
pub(super) fn map_at<'a>(object: &'a mut Value, keys: &[&str]) -> &'a mut Map<String, Value> {
    let mut here = object;
    for key in keys {
        here = as_map(here).entry(*key).or_insert(Value::Null);
    }
    as_map(here)
}

pub(super) fn metadata(object: &mut Value) -> &mut Map<String, Value> {
    map_at(object, &["metadata"])
}

/// Sets a value in the map at `keys` unless there is one already.
pub(super) fn default_at(object: &mut Value, keys: &[&str], key: &str, value: impl Into<Value>) {
    let entry = map_at(object, keys).entry(key).or_insert(Value::Null);
    if entry.is_null() {
        *entry = value.into();
    }
}

fn as_map(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut().expect("it was just made an object")
}

/// Whether the list at the pointer holds this text.
pub(super) fn lists(object: &Value, pointer: &str, item: &str) -> bool {
    object.pointer(pointer).and_then(Value::as_array).is_some_and(|list| list.iter().any(|v| v == item))
}

/// Whether the object is on its way out.
pub(super) fn is_deleting(object: &Value) -> bool {
    object.pointer("/metadata/deletionTimestamp").is_some()
}

/// Whether anything still wants to clean up after it.
pub(super) fn has_finalizers(object: &Value) -> bool {
    object.pointer("/metadata/finalizers").and_then(Value::as_array).is_some_and(|list| !list.is_empty())
}
