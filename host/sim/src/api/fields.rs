//! Who owns which field: `metadata.managedFields` as server-side apply keeps it.
//!
//! A path is a list of the elements that `fieldsV1` is made of: `f:name` for a key, `k:{…}` for an item of a list with
//! keys, `v:…` for an item of a set, and `.` for the item itself.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

/// One field.
pub(super) type Path = Vec<String>;

/// Whose lists have keys: those of built-in kinds, by the names of their fields, or only those of `metadata`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lists {
    BuiltIn,
    Custom,
}

/// One entry of `managedFields`.
#[derive(Clone, Debug)]
pub(super) struct Owner {
    pub(super) manager: String,
    /// `Apply` or `Update`.
    pub(super) operation: &'static str,
    /// Empty, or `status`.
    pub(super) subresource: String,
    pub(super) api_version: String,
    pub(super) time: String,
    pub(super) fields: BTreeSet<Path>,
}

impl Owner {
    /// Whether both are the same writer in the same way.
    pub(super) fn is(&self, other: &Self) -> bool {
        (&self.manager, self.operation, &self.subresource) == (&other.manager, other.operation, &other.subresource)
    }
}

/// The keys that tell the items of a list apart, or `None` for a list that is one value.
pub(super) fn list_keys(field: &str, item: Option<&Value>, lists: Lists) -> Option<&'static [&'static str]> {
    if lists == Lists::Custom {
        return (field == "ownerReferences").then_some(&["uid"]);
    }
    match field {
        "containers" | "initContainers" | "ephemeralContainers" | "env" | "volumes" | "imagePullSecrets" => {
            Some(&["name"])
        }
        "volumeMounts" => Some(&["mountPath"]),
        "volumeDevices" => Some(&["devicePath"]),
        "hostAliases" => Some(&["ip"]),
        "ownerReferences" => Some(&["uid"]),
        "conditions" => Some(&["type"]),
        "ports" if item.is_some_and(|i| i.get("containerPort").is_some()) => Some(&["containerPort", "protocol"]),
        "ports" if item.is_some_and(|i| i.get("port").is_some()) => Some(&["port", "protocol"]),
        _ => None,
    }
}

/// The `k:` element of an item, with the protocol that is the default where it is left out.
pub(super) fn item_key(item: &Value, keys: &[&str]) -> String {
    let value = |key: &&str| match item.get(*key) {
        None if *key == "protocol" => json!("TCP"),
        found => found.cloned().unwrap_or(Value::Null),
    };
    let map: Map<String, Value> = keys.iter().map(|key| ((*key).to_owned(), value(key))).collect();
    format!("k:{}", Value::Object(map))
}

/// All fields that an object sets, with their values; what only the server sets is left out.
pub(super) fn of(object: &Value, lists: Lists) -> BTreeMap<Path, &Value> {
    let mut found = BTreeMap::new();
    for (key, value) in object.as_object().into_iter().flatten() {
        match key.as_str() {
            "apiVersion" | "kind" => {}
            "metadata" => {
                for name in ["labels", "annotations", "finalizers", "ownerReferences"] {
                    if let Some(value) = value.get(name) {
                        collect(value, vec!["f:metadata".into(), format!("f:{name}")], lists, &mut found);
                    }
                }
            }
            _ => collect(value, vec![format!("f:{key}")], lists, &mut found),
        }
    }
    found
}

fn collect<'a>(value: &'a Value, path: Path, lists: Lists, found: &mut BTreeMap<Path, &'a Value>) {
    let below = |element: String| {
        let mut longer = path.clone();
        longer.push(element);
        longer
    };
    let field = path.last().and_then(|e| e.strip_prefix("f:")).unwrap_or_default();
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, value) in map {
                collect(value, below(format!("f:{key}")), lists, found);
            }
        }
        Value::Array(items) if field == "finalizers" => {
            found.extend(items.iter().map(|item| (below(format!("v:{item}")), item)));
        }
        Value::Array(items) => match list_keys(field, items.first(), lists) {
            Some(keys) => {
                for item in items {
                    let path = below(item_key(item, keys));
                    let mut itself = path.clone();
                    itself.push(".".into());
                    found.insert(itself, &Value::Null);
                    collect(item, path, lists, found);
                }
            }
            None => {
                found.insert(path, value);
            }
        },
        _ => {
            found.insert(path, value);
        }
    }
}

/// Reads `metadata.managedFields`.
pub(super) fn owners(object: &Value) -> Vec<Owner> {
    let entries = object.pointer("/metadata/managedFields").and_then(Value::as_array);
    let text = |entry: &Value, key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let read = |entry: &Value| {
        let mut fields = BTreeSet::new();
        flatten(entry.get("fieldsV1").unwrap_or(&Value::Null), &mut Vec::new(), &mut fields);
        Owner {
            manager: text(entry, "manager"),
            operation: if text(entry, "operation") == "Apply" { "Apply" } else { "Update" },
            subresource: text(entry, "subresource"),
            api_version: text(entry, "apiVersion"),
            time: text(entry, "time"),
            fields,
        }
    };
    entries.into_iter().flatten().map(read).collect()
}

fn flatten(tree: &Value, path: &mut Path, fields: &mut BTreeSet<Path>) {
    for (element, below) in tree.as_object().into_iter().flatten() {
        path.push(element.clone());
        if below.as_object().is_none_or(Map::is_empty) {
            fields.insert(path.clone());
        } else {
            flatten(below, path, fields);
        }
        path.pop();
    }
}

/// Prints owners as `metadata.managedFields`; those that own nothing are left out.
pub(super) fn print(owners: &[Owner]) -> Value {
    let entry = |owner: &Owner| {
        let mut tree = Value::Object(Map::new());
        for path in &owner.fields {
            let elements: Vec<&str> = path.iter().map(String::as_str).collect();
            super::object::map_at(&mut tree, &elements);
        }
        let mut entry = json!({
            "manager": owner.manager, "operation": owner.operation, "apiVersion": owner.api_version,
            "time": owner.time, "fieldsType": "FieldsV1", "fieldsV1": tree,
        });
        if !owner.subresource.is_empty() {
            super::object::map_at(&mut entry, &[]).insert("subresource".into(), json!(owner.subresource));
        }
        entry
    };
    owners.iter().filter(|owner| !owner.fields.is_empty()).map(entry).collect()
}

/// Notes a write that was no apply: what it changed is its own from now on.
pub(super) fn note_update(before: Option<&Value>, after: &mut Value, writer: Owner, lists: Lists) {
    let mut owners = before.map(owners).unwrap_or_default();
    let empty = Value::Null;
    let old = of(before.unwrap_or(&empty), lists);
    let new = of(after, lists);
    let changed: BTreeSet<Path> = new.iter().filter(|(p, v)| old.get(*p) != Some(v)).map(|(p, _)| p.clone()).collect();
    let removed: BTreeSet<Path> = old.keys().filter(|path| !new.contains_key(*path)).cloned().collect();
    for owner in &mut owners {
        owner.fields.retain(|path| !removed.contains(path) && !changed.contains(path));
    }
    if !changed.is_empty() {
        match owners.iter_mut().find(|owner| owner.is(&writer)) {
            Some(owner) => {
                owner.fields.extend(changed);
                owner.time = writer.time;
            }
            None => owners.push(Owner { fields: changed, ..writer }),
        }
    }
    super::object::metadata(after).insert("managedFields".into(), print(&owners));
}
