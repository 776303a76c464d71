//! Server-side apply: merges what a manager sends, removes what it no longer sends, and refuses what others own.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::fields::{self, Lists, Owner, Path};
use super::object;

/// Whether fields of other managers may be taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Force {
    Yes,
    No,
}

/// A field that another manager owns with another value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Conflict {
    pub(super) manager: String,
    /// Such as `.spec.replicas`.
    pub(super) field: String,
}

/// The object after `writer` applied `sent` onto `live`, `managedFields` included.
pub(super) fn apply(
    live: &Value,
    sent: &Value,
    writer: Owner,
    force: Force,
    lists: Lists,
) -> Result<Value, Vec<Conflict>> {
    let mut owners = fields::owners(live);
    let sent_fields = fields::of(sent, lists);
    let live_fields = fields::of(live, lists);
    let mut conflicts = Vec::new();
    for owner in owners.iter_mut().filter(|owner| !owner.is(&writer)) {
        let differs = |path: &Path| sent_fields.get(path).is_some_and(|value| live_fields.get(path) != Some(value));
        let taken: Vec<Path> = owner.fields.iter().filter(|path| differs(path)).cloned().collect();
        let conflict = |path: &Path| Conflict { manager: owner.manager.clone(), field: display(path) };
        conflicts.extend(taken.iter().map(conflict));
        owner.fields.retain(|path| !taken.contains(path));
    }
    if force == Force::No && !conflicts.is_empty() {
        return Err(conflicts);
    }
    let sent_paths: BTreeSet<Path> = sent_fields.into_keys().collect();
    let mut merged = live.clone();
    merge(&mut merged, sent, "", lists);
    let before = owners.iter().find(|owner| owner.is(&writer)).map(|owner| owner.fields.clone()).unwrap_or_default();
    let others: BTreeSet<&Path> = owners.iter().filter(|o| !o.is(&writer)).flat_map(|o| &o.fields).collect();
    for gone in before.difference(&sent_paths).filter(|path| !others.contains(path)) {
        remove(&mut merged, gone, lists);
    }
    let unchanged = before == sent_paths;
    owners.retain(|owner| !owner.is(&writer) || unchanged);
    if !unchanged {
        owners.push(Owner { fields: sent_paths, ..writer });
    }
    object::metadata(&mut merged).insert("managedFields".into(), fields::print(&owners));
    Ok(merged)
}

/// Puts `sent` over `target`: maps and lists with keys are merged, everything else is replaced.
fn merge(target: &mut Value, sent: &Value, field: &str, lists: Lists) {
    match (target, sent) {
        (Value::Object(target), Value::Object(sent)) => {
            for (key, value) in sent {
                merge(target.entry(key).or_insert(Value::Null), value, key, lists);
            }
        }
        (Value::Array(target), Value::Array(sent)) if field == "finalizers" => {
            let new: Vec<Value> = sent.iter().filter(|item| !target.contains(item)).cloned().collect();
            target.extend(new);
        }
        (Value::Array(target), Value::Array(sent)) => {
            let Some(keys) = fields::list_keys(field, sent.first().or(target.first()), lists) else {
                target.clone_from(sent);
                return;
            };
            for item in sent {
                let key = fields::item_key(item, keys);
                match target.iter_mut().find(|have| fields::item_key(have, keys) == key) {
                    Some(have) => merge(have, item, "", lists),
                    None => target.push(item.clone()),
                }
            }
        }
        (target, sent) => *target = sent.clone(),
    }
}

/// Removes a field, and the maps that are empty without it.
fn remove(value: &mut Value, path: &[String], lists: Lists) {
    let Some((element, rest)) = path.split_first() else { return };
    if let Some(key) = element.strip_prefix("f:") {
        let Some(map) = value.as_object_mut() else { return };
        let inner = rest.first().is_some_and(|next| next.starts_with("k:") || next.starts_with("v:"));
        match map.get_mut(key) {
            Some(Value::Array(items)) if inner => remove_item(items, key, rest, lists),
            Some(below) if !rest.is_empty() => remove(below, rest, lists),
            _ => {
                map.shift_remove(key);
            }
        }
        let empty = |v: &Value| v.as_object().is_some_and(Map::is_empty) || v.as_array().is_some_and(Vec::is_empty);
        if map.get(key).is_some_and(empty) {
            map.shift_remove(key);
        }
    }
}

fn remove_item(items: &mut Vec<Value>, field: &str, path: &[String], lists: Lists) {
    let Some((element, rest)) = path.split_first() else { return };
    if let Some(text) = element.strip_prefix("v:") {
        let gone: Value = serde_json::from_str(text).unwrap_or_default();
        items.retain(|item| *item != gone);
        return;
    }
    let Some(keys) = fields::list_keys(field, items.first(), lists) else { return };
    if rest.first().is_some_and(|next| next == ".") {
        items.retain(|item| &fields::item_key(item, keys) != element);
    } else if let Some(item) = items.iter_mut().find(|item| &fields::item_key(item, keys) == element) {
        remove(item, rest, lists);
    }
}

/// A path as conflict messages show it.
fn display(path: &[String]) -> String {
    let element = |e: &String| match e.split_once(':') {
        Some(("f", name)) => format!(".{name}"),
        Some((_, rest)) => format!("[{}]", rest.trim_matches(['{', '}']).replace(':', "=")),
        None => String::new(),
    };
    path.iter().map(element).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn writer(manager: &str) -> Owner {
        Owner {
            manager: manager.into(),
            operation: "Apply",
            subresource: String::new(),
            api_version: "apps/v1".into(),
            time: "2026-11-23T14:35:00Z".into(),
            fields: BTreeSet::new(),
        }
    }

    #[test]
    fn removes_what_the_manager_no_longer_sends_and_keeps_the_rest() {
        let first = json!({"spec": {"replicas": 2, "template": {"spec": {"containers": [
            {"name": "a", "image": "a:1", "env": [{"name": "X", "value": "1"}]}, {"name": "b", "image": "b:1"}]}}}});
        let live = apply(&json!({}), &first, writer("one"), Force::No, Lists::BuiltIn).unwrap();
        let other = json!({"metadata": {"labels": {"team": "x"}}});
        let live = apply(&live, &other, writer("two"), Force::No, Lists::BuiltIn).unwrap();
        let second = json!({"spec": {"template": {"spec": {"containers": [{"name": "a", "image": "a:2"}]}}}});
        let live = apply(&live, &second, writer("one"), Force::No, Lists::BuiltIn).unwrap();
        assert_eq!(live["spec"], second["spec"]);
        assert_eq!(live["metadata"]["labels"], json!({"team": "x"}));
    }

    #[test]
    fn refuses_a_field_of_another_manager_unless_forced() {
        let live =
            apply(&json!({}), &json!({"spec": {"replicas": 2}}), writer("one"), Force::No, Lists::BuiltIn).unwrap();
        let sent = json!({"spec": {"replicas": 3}});
        let conflicts = apply(&live, &sent, writer("two"), Force::No, Lists::BuiltIn).unwrap_err();
        assert_eq!(conflicts, [Conflict { manager: "one".into(), field: ".spec.replicas".into() }]);
        let live = apply(&live, &sent, writer("two"), Force::Yes, Lists::BuiltIn).unwrap();
        assert_eq!(live["spec"]["replicas"], 3);
        assert_eq!(fields::owners(&live).len(), 1);
    }
}
