//! One store behind two event APIs: `v1` and `events.k8s.io/v1` show the same events in their own fields.

use serde_json::Value;

use super::kinds::Resource;
use super::object;

/// Fields of `events.k8s.io/v1` and what they are called in `v1`.
const NAMES: [(&str, &str); 7] = [
    ("regarding", "involvedObject"),
    ("note", "message"),
    ("deprecatedSource", "source"),
    ("deprecatedFirstTimestamp", "firstTimestamp"),
    ("deprecatedLastTimestamp", "lastTimestamp"),
    ("deprecatedCount", "count"),
    ("reportingController", "reportingComponent"),
];

/// Turns what a client sent into what is stored.
pub(super) fn accept(resource: &Resource, object: &mut Value) {
    if resource.group == "events.k8s.io" {
        rename(object, |(new, old)| (new, old));
        object::map_at(object, &[]).insert("apiVersion".into(), "v1".into());
    }
}

/// Turns what is stored into what a client of this resource and version reads.
pub(super) fn present(resource: &Resource, version: &str, stored: &Value) -> Value {
    let mut object = stored.clone();
    if resource.group == "events.k8s.io" {
        rename(&mut object, |(new, old)| (old, new));
    }
    object::map_at(&mut object, &[]).insert("apiVersion".into(), resource.api_version(version).into());
    object
}

fn rename(object: &mut Value, direction: impl Fn((&'static str, &'static str)) -> (&'static str, &'static str)) {
    let map = object::map_at(object, &[]);
    for (from, to) in NAMES.map(direction) {
        if let Some(value) = map.shift_remove(from) {
            map.insert(to.into(), value);
        }
    }
}
