//! The three patch formats that are no apply: JSON Patch, merge patch and strategic merge patch.

use serde_json::{Map, Value};

use super::refusal::Refusal;

/// JSON Patch (RFC 6902).
pub(super) fn json(target: &mut Value, patch: &Value) -> Result<(), Refusal> {
    let patch: json_patch::Patch =
        serde_json::from_value(patch.clone()).map_err(|e| Refusal::bad_request(format!("json patch: {e}")))?;
    let failed =
        |e: json_patch::PatchError| Refusal::new(422, "Invalid", format!("the server rejected our request: {e}"));
    json_patch::patch(target, &patch).map_err(failed)
}

/// JSON Merge Patch (RFC 7386).
pub(super) fn merge(target: &mut Value, patch: &Value) {
    json_patch::merge(target, patch);
}

/// Strategic merge patch: lists of built-in kinds are merged by their keys, with the `$patch`, `$setElementOrder`,
/// `$deleteFromPrimitiveList` and `$retainKeys` directives.
pub(super) fn strategic(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if patch.get("$patch").is_some_and(|directive| directive == "replace") {
        let rest = patch.iter().filter(|(key, _)| !key.starts_with('$'));
        *target = Value::Object(rest.map(|(k, v)| (k.clone(), v.clone())).collect());
        return;
    }
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Some(map) = target.as_object_mut() else { return };
    if let Some(Value::Array(keep)) = patch.get("$retainKeys") {
        map.retain(|key, _| keep.iter().any(|k| k == key));
    }
    for (key, value) in patch.iter().filter(|(key, _)| !key.starts_with('$')) {
        match value {
            Value::Null => {
                map.shift_remove(key);
            }
            Value::Object(inner) if inner.get("$patch").is_some_and(|directive| directive == "delete") => {
                map.shift_remove(key);
            }
            Value::Object(_) => strategic(map.entry(key).or_insert(Value::Null), value),
            Value::Array(items) => list(map.entry(key).or_insert(Value::Null), items, key),
            _ => {
                map.insert(key.clone(), value.clone());
            }
        }
    }
    for (key, value) in patch {
        let Value::Array(named) = value else { continue };
        let (delete, order) = (key.strip_prefix("$deleteFromPrimitiveList/"), key.strip_prefix("$setElementOrder/"));
        let Some(Value::Array(items)) = delete.or(order).and_then(|field| map.get_mut(field)) else { continue };
        match order {
            Some(field) => reorder(items, named, field),
            None => items.retain(|item| !named.contains(item)),
        }
    }
}

fn list(target: &mut Value, patch: &[Value], field: &str) {
    if !target.is_array() {
        *target = Value::Array(Vec::new());
    }
    let Some(items) = target.as_array_mut() else { return };
    if field == "finalizers" {
        let new: Vec<Value> = patch.iter().filter(|item| !items.contains(item)).cloned().collect();
        items.extend(new);
        return;
    }
    let directive = |item: &Value, word: &str| item.get("$patch").is_some_and(|directive| directive == word);
    let key = merge_key(field, patch.iter().chain(items.iter()));
    let replaces = patch.iter().any(|item| directive(item, "replace"));
    let Some(key) = key.filter(|_| !replaces) else {
        *items = patch.iter().filter(|item| !directive(item, "replace")).cloned().collect();
        return;
    };
    for item in patch {
        let at = items.iter().position(|have| have.get(key).is_some() && have.get(key) == item.get(key));
        match at {
            Some(at) if directive(item, "delete") => {
                items.remove(at);
            }
            Some(at) => {
                if let Some(have) = items.get_mut(at) {
                    strategic(have, item);
                }
            }
            None if directive(item, "delete") => {}
            None => {
                let mut fresh = Value::Null;
                strategic(&mut fresh, item);
                items.push(fresh);
            }
        }
    }
}

/// Kubernetes' `patchMergeKey` of a list field, or `None` for lists that are replaced.
fn merge_key<'a>(field: &str, mut items: impl Iterator<Item = &'a Value>) -> Option<&'static str> {
    match field {
        "containers"
        | "initContainers"
        | "ephemeralContainers"
        | "env"
        | "volumes"
        | "imagePullSecrets"
        | "secrets" => Some("name"),
        "volumeMounts" => Some("mountPath"),
        "volumeDevices" => Some("devicePath"),
        "hostAliases" => Some("ip"),
        "conditions" | "addresses" => Some("type"),
        "ownerReferences" => Some("uid"),
        "taints" => Some("key"),
        "topologySpreadConstraints" => Some("topologyKey"),
        "ports" => {
            let in_container = items.any(|item| item.get("containerPort").is_some());
            Some(if in_container { "containerPort" } else { "port" })
        }
        _ => None,
    }
}

/// Items named in `order` come in that order; the others keep their place behind them.
fn reorder(items: &mut [Value], order: &[Value], field: &str) {
    let key = merge_key(field, order.iter().chain(items.iter()));
    let same = |item: &Value, wanted: &Value| match key {
        Some(key) => item.get(key).is_some() && item.get(key) == wanted.get(key),
        None => item == wanted,
    };
    items.sort_by_key(|item| order.iter().position(|wanted| same(item, wanted)).unwrap_or(usize::MAX));
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn merges_lists_by_key_and_follows_directives() {
        let mut target = json!({"spec": {"containers": [
            {"name": "a", "image": "a:1", "env": [{"name": "X", "value": "1"}, {"name": "Y", "value": "2"}]},
            {"name": "b", "image": "b:1"}], "args": ["1", "2"], "strategy": {"type": "RollingUpdate", "rollingUpdate": {}}}});
        let patch = json!({"spec": {
            "$setElementOrder/containers": [{"name": "c"}, {"name": "a"}],
            "containers": [{"name": "a", "image": "a:2", "env": [{"name": "X", "$patch": "delete"}]},
                {"name": "b", "$patch": "delete"}, {"name": "c", "image": "c:1"}],
            "args": ["3"], "strategy": {"$retainKeys": ["type"], "type": "Recreate"}}});
        strategic(&mut target, &patch);
        let expected = json!({"spec": {"containers": [{"name": "c", "image": "c:1"},
            {"name": "a", "image": "a:2", "env": [{"name": "Y", "value": "2"}]}],
            "args": ["3"], "strategy": {"type": "Recreate"}}});
        assert_eq!(target, expected);
    }

    #[test]
    fn json_patch_and_merge_patch_follow_their_standards() {
        let mut target = json!({"a": [1, 2], "b": {"c": 1}});
        json(&mut target, &json!([{"op": "add", "path": "/a/-", "value": 3}, {"op": "remove", "path": "/b/c"}]))
            .unwrap();
        assert_eq!(target, json!({"a": [1, 2, 3], "b": {}}));
        merge(&mut target, &json!({"a": null, "b": {"d": 2}}));
        assert_eq!(target, json!({"b": {"d": 2}}));
        assert!(json(&mut target, &json!([{"op": "test", "path": "/b/d", "value": 3}])).is_err());
    }
}
