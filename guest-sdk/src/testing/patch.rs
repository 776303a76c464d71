//! Operations of a value transform, applied as a host does.

use serde_json::{Map, Value};

use crate::{Change, Transformation};

/// The values after the operations.
///
/// # Panics
///
/// When a pointer leads nowhere.
pub fn patched(mut values: Value, transformation: &Transformation) -> Value {
    for operation in &transformation.operations {
        let path = &operation.path;
        let new = match &operation.change {
            Change::Set(text) => Some(serde_json::from_str(text).expect("a transform writes JSON")),
            Change::Remove => None,
            Change::CopyFrom(from) => Some(values.pointer(from).expect("a copy comes from somewhere").clone()),
            Change::MoveFrom(from) => Some(take(&mut values, from).expect("a move comes from somewhere")),
        };
        match new {
            Some(new) => put(&mut values, path, new),
            None => drop(take(&mut values, path).unwrap_or_else(|| panic!("there is nothing at `{path}`"))),
        }
    }
    values
}

fn take(values: &mut Value, pointer: &str) -> Option<Value> {
    let (parent, key) = pointer.rsplit_once('/')?;
    match values.pointer_mut(parent)? {
        Value::Object(map) => map.shift_remove(&unescaped(key)),
        Value::Array(items) => {
            let index = key.parse().ok().filter(|index| *index < items.len())?;
            Some(items.remove(index))
        }
        _ => None,
    }
}

fn put(values: &mut Value, pointer: &str, new: Value) {
    let mut at = values;
    for key in pointer.split('/').skip(1) {
        if at.is_null() {
            *at = Value::Object(Map::new());
        }
        at = match at {
            Value::Object(map) => map.entry(unescaped(key)).or_insert(Value::Null),
            Value::Array(items) => {
                let index = if key == "-" { items.len() } else { key.parse().unwrap_or(usize::MAX) };
                if index == items.len() {
                    items.push(Value::Null);
                }
                items.get_mut(index).unwrap_or_else(|| panic!("`{pointer}` is behind the end of a list"))
            }
            _ => panic!("`{pointer}` leads into a plain value"),
        };
    }
    *at = new;
}

fn unescaped(key: &str) -> String {
    key.replace("~1", "/").replace("~0", "~")
}
