//! How values of charts, users and sub-charts are combined.

use serde_json::{Map, Value};

use crate::chart::Node;
use crate::error::Error;

/// The key that all sub-charts share.
const GLOBAL: &str = "global";

/// Lays values over others: maps are merged, everything else is replaced, and a null stays, so that it removes a chart's
/// default when the chart is rendered.
pub fn merge(mut base: Map<String, Value>, over: &Map<String, Value>) -> Map<String, Value> {
    for (key, value) in over {
        let merged = match (base.get_mut(key), value) {
            (Some(Value::Object(old)), Value::Object(new)) => Value::Object(merge(std::mem::take(old), new)),
            _ => value.clone(),
        };
        base.insert(key.clone(), merged);
    }
    base
}

/// What a null does when values are laid over others.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nulls {
    /// It removes the key below it.
    Remove,
    /// It stays, for a later step to see.
    Keep,
}

/// Helm's `CoalesceValues`: the values that a chart and its sub-charts are rendered with.
pub(crate) fn coalesce(chart: &Node, mut values: Map<String, Value>) -> Result<Map<String, Value>, Error> {
    coalesce_values(chart, &mut values);
    coalesce_dependencies(chart, &mut values)?;
    Ok(values)
}

fn coalesce_dependencies(chart: &Node, values: &mut Map<String, Value>) -> Result<(), Error> {
    for child in &chart.children {
        let name = child.metadata.name.clone();
        let slot = values.entry(name.clone()).or_insert_with(|| Value::Object(Map::new()));
        let Value::Object(inner) = slot else {
            let message = format!("type mismatch on {name}: the values of a sub-chart are a map");
            return Err(Error::Values { chart: chart.metadata.name.clone(), message });
        };
        let mut inner = std::mem::take(inner);
        coalesce_globals(&mut inner, values);
        let inner = coalesce(child, inner)?;
        values.insert(name, Value::Object(inner));
    }
    Ok(())
}

/// Hands the globals of a chart to a sub-chart; the parent's win.
fn coalesce_globals(into: &mut Map<String, Value>, from: &Map<String, Value>) {
    let mut globals = match into.get(GLOBAL) {
        None => Map::new(),
        Some(Value::Object(globals)) => globals.clone(),
        Some(_) => return,
    };
    let source = match from.get(GLOBAL) {
        None => Map::new(),
        Some(Value::Object(source)) => source.clone(),
        Some(_) => return,
    };
    for (key, value) in source {
        let merged = match (value, globals.get(&key)) {
            (Value::Object(mut table), Some(Value::Object(below))) => {
                coalesce_tables(&mut table, below, Nulls::Keep);
                Value::Object(table)
            }
            (Value::Object(_), Some(_)) => continue,
            (value @ Value::Object(_), None) => value,
            (_, Some(Value::Object(_))) => continue,
            (value, _) => value,
        };
        globals.insert(key, merged);
    }
    into.insert(GLOBAL.to_owned(), Value::Object(globals));
}

fn coalesce_values(chart: &Node, values: &mut Map<String, Value>) {
    for (key, default) in &chart.values {
        let is_child = chart.children.iter().any(|child| child.metadata.name == *key);
        match values.get_mut(key) {
            None => {
                values.insert(key.clone(), default.clone());
            }
            Some(Value::Null) => {
                values.remove(key);
            }
            Some(Value::Object(given)) => {
                if let Value::Object(default) = default {
                    coalesce_tables(given, default, if is_child { Nulls::Keep } else { Nulls::Remove });
                }
            }
            Some(_) => {}
        }
    }
}

/// Helm's `CoalesceTables`: adds what `over` lacks.
pub(crate) fn coalesce_tables(over: &mut Map<String, Value>, below: &Map<String, Value>, nulls: Nulls) {
    for (key, value) in below {
        match (over.get_mut(key), value) {
            (Some(Value::Null), _) if nulls == Nulls::Remove => {
                over.remove(key);
            }
            (None, _) => {
                over.insert(key.clone(), value.clone());
            }
            (Some(Value::Object(inner)), Value::Object(table)) => coalesce_tables(inner, table, nulls),
            _ => {}
        }
    }
}

/// Takes nulls out, on all levels of maps.
pub(crate) fn without_nulls(values: Map<String, Value>) -> Map<String, Value> {
    let kept = values.into_iter().filter(|(_, value)| !value.is_null());
    kept.map(|(key, value)| match value {
        Value::Object(table) => (key, Value::Object(without_nulls(table))),
        other => (key, other),
    })
    .collect()
}

/// The value at a dotted path.
pub(crate) fn at_path<'v>(values: &'v Map<String, Value>, path: &str) -> Option<&'v Value> {
    let mut parts = path.split('.');
    let first = values.get(parts.next()?)?;
    parts.try_fold(first, |value, part| value.as_object()?.get(part))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn merging_keeps_nulls_and_replaces_lists() {
        let base = json!({"a": {"b": 1, "c": [1, 2]}, "d": 1});
        let over = json!({"a": {"b": null, "c": [3]}, "d": {"e": 1}});
        let merged = merge(base.as_object().unwrap().clone(), over.as_object().unwrap());
        assert_eq!(Value::Object(merged), json!({"a": {"b": null, "c": [3]}, "d": {"e": 1}}));
    }
}
