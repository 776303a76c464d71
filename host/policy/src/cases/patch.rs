//! Operations of a value transform, applied.

use rhumb_core::judge::{Change, Transformation};
use serde_json::{Map, Value};

/// The values after the operations; an error names a pointer that leads nowhere.
pub fn patched(mut values: Value, transformation: &Transformation) -> Result<Value, String> {
    for operation in &transformation.operations {
        let nothing = |pointer: &str| format!("there is nothing at `{pointer}`");
        let new = match &operation.change {
            Change::Set(value) => Some(value.clone()),
            Change::CopyFrom(from) => Some(values.pointer(from).cloned().ok_or_else(|| nothing(from))?),
            Change::MoveFrom(from) => Some(take(&mut values, from).ok_or_else(|| nothing(from))?),
            Change::Remove => {
                take(&mut values, &operation.path).ok_or_else(|| nothing(&operation.path))?;
                None
            }
        };
        if let Some(new) = new {
            put(&mut values, &operation.path, new)?;
        }
    }
    Ok(values)
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

fn put(values: &mut Value, pointer: &str, new: Value) -> Result<(), String> {
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
                items.get_mut(index).ok_or_else(|| format!("`{pointer}` is behind the end of a list"))?
            }
            _ => return Err(format!("`{pointer}` leads into a plain value")),
        };
    }
    *at = new;
    Ok(())
}

fn unescaped(key: &str) -> String {
    key.replace("~1", "/").replace("~0", "~")
}
