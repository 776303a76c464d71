//! How large a value is. Lists and maps are shared, so a few steps make one that holds itself, or one that is endless to
//! walk through: `list $l $l` again and again.

use super::Value;
use crate::limits::{VALUE_DEPTH, VALUE_NODES, than};

/// How many values are in it, each as often as it would be printed; an error when they are too many or nest too deep.
pub(crate) fn size(value: &Value) -> Result<usize, String> {
    let mut nodes = 0;
    add(value, 0, &mut nodes)?;
    Ok(nodes)
}

fn add(value: &Value, depth: usize, nodes: &mut usize) -> Result<(), String> {
    *nodes += 1;
    if *nodes > VALUE_NODES {
        return Err(format!("a value holds more values {}", than("value_nodes", VALUE_NODES)));
    }
    if depth > VALUE_DEPTH {
        return Err(format!("a value nests deeper {}, or holds itself", than("value_depth", VALUE_DEPTH)));
    }
    match value {
        Value::List(list) => list.0.iter().try_for_each(|item| add(item, depth + 1, nodes)),
        Value::Map(map) | Value::Values(map) => {
            map.0.borrow().values().try_for_each(|value| add(value, depth + 1, nodes))
        }
        Value::Struct(object) => object.fields.iter().try_for_each(|(_, value)| add(value, depth + 1, nodes)),
        _ => Ok(()),
    }
}
