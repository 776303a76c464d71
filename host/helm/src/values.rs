//! How values of charts, users and sub-charts are combined.

use std::rc::Rc;

use serde_json::{Map, Value};

use crate::chart::Live;
use crate::error::Error;
use crate::render::Integers;
use crate::value::{Entries, NoJson, Shared, Value as Dynamic, copy, from_json_as, to_json};

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

/// What an upgrade that reuses values is rendered with.
#[derive(Clone, Debug, PartialEq)]
pub struct Reused {
    /// The values of the user: the new ones over those before.
    pub config: Map<String, Value>,
    /// What takes the place of the new chart's defaults: the old chart's, with the values before over them.
    pub defaults: Map<String, Value>,
}

/// Helm's `--reuse-values`: lays new values over those of a revision, given its chart as the record stores it and the
/// values that its user gave. Defaults that only the new chart has are not seen then, as in Helm.
pub fn reuse(chart: &Value, config: &Map<String, Value>, new: &Map<String, Value>) -> Result<Reused, Error> {
    let empty = Map::new();
    let defaults = chart.get("values").and_then(Value::as_object).unwrap_or(&empty);
    Ok(Reused { config: laid_over(new, config)?, defaults: laid_over(config, defaults)? })
}

/// `over` with what it lacks of `below`; a null removes.
fn laid_over(over: &Map<String, Value>, below: &Map<String, Value>) -> Result<Map<String, Value>, Error> {
    let over = table(over, Integers::Float);
    coalesce_tables(&over, &table(below, Integers::Float), Nulls::Remove);
    let wrong = |reason: NoJson| Error::Values { chart: "of the revision before".to_owned(), message: reason.into() };
    match to_json(&Dynamic::Map(over)).map_err(wrong)? {
        Value::Object(map) => Ok(map),
        _ => Ok(Map::new()),
    }
}

/// What a null does when values are laid over others.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nulls {
    /// It removes the key below it.
    Remove,
    /// It stays, for a later step to see.
    Keep,
}

/// Helm's `CoalesceValues` (nulls remove) and `MergeValues` (nulls stay): the values that a chart and its sub-charts are
/// rendered with.
///
/// Maps are shared as in Helm, down to its side effects: a table inside a global is one and the same for a chart and its
/// sub-charts, so what one sub-chart adds to it all others see.
pub(crate) fn coalesce(chart: &Live, values: &Rc<Shared>, nulls: Nulls) -> Result<Rc<Shared>, Error> {
    coalesce_chart(chart, values, nulls)?;
    Ok(Rc::clone(values))
}

/// A map of its own.
pub(crate) fn table(values: &Map<String, Value>, integers: Integers) -> Rc<Shared> {
    let entries = values.iter().map(|(key, value)| (key.as_str().into(), from_json_as(value, integers)));
    Rc::new(entries.collect::<Entries>().into())
}

fn coalesce_chart(chart: &Live, values: &Rc<Shared>, nulls: Nulls) -> Result<(), Error> {
    coalesce_values(chart, values, nulls);
    for child in &chart.children {
        let name = child.metadata.name.as_str();
        let inner = values.0.borrow().get(name).cloned();
        let inner = match inner {
            None => {
                let inner = Rc::default();
                values.0.borrow_mut().insert(name.into(), Dynamic::Map(Rc::clone(&inner)));
                inner
            }
            Some(Dynamic::Map(inner)) => inner,
            Some(_) => {
                let message = format!("type mismatch on {name}: the values of a sub-chart are a map");
                return Err(Error::Values { chart: chart.metadata.name.clone(), message });
            }
        };
        coalesce_globals(&inner, values);
        coalesce_chart(child, &inner, nulls)?;
    }
    Ok(())
}

/// Hands the globals of a chart to a sub-chart; the parent's win.
fn coalesce_globals(into: &Rc<Shared>, from: &Rc<Shared>) {
    let globals_of = |values: &Rc<Shared>| match values.0.borrow().get(GLOBAL) {
        None => Some(Rc::default()),
        Some(Dynamic::Map(globals)) => Some(Rc::clone(globals)),
        Some(_) => None,
    };
    let (Some(globals), Some(source)) = (globals_of(into), globals_of(from)) else { return };
    let entries = source.0.borrow().clone();
    for (key, value) in entries {
        let present = globals.0.borrow().get(&key).cloned();
        let merged = match (&value, present) {
            (Dynamic::Map(table), Some(Dynamic::Map(below))) => {
                // Only the first level is a copy.
                let copy = Rc::new(table.0.borrow().clone().into());
                coalesce_tables(&copy, &below, Nulls::Keep);
                Dynamic::Map(copy)
            }
            (Dynamic::Map(table), None) => Dynamic::Map(Rc::new(table.0.borrow().clone().into())),
            (Dynamic::Map(_), Some(_)) | (_, Some(Dynamic::Map(_))) => continue,
            _ => value,
        };
        globals.0.borrow_mut().insert(key, merged);
    }
    into.0.borrow_mut().insert(GLOBAL.into(), Dynamic::Map(globals));
}

fn coalesce_values(chart: &Live, values: &Rc<Shared>, nulls: Nulls) {
    for (key, default) in chart.values.0.borrow().iter() {
        let is_child = || chart.children.iter().any(|child| *child.metadata.name == **key);
        let present = values.0.borrow().get(key).cloned();
        match (present, default) {
            (None, default) => {
                values.0.borrow_mut().insert(key.clone(), copy(default));
            }
            (Some(Dynamic::Nil), _) if nulls == Nulls::Remove => {
                values.0.borrow_mut().remove(key);
            }
            (Some(Dynamic::Map(given)), Dynamic::Map(default)) => {
                lay_below(&given, default, if is_child() { Nulls::Keep } else { nulls });
            }
            _ => {}
        }
    }
}

/// Adds copies of what `over` lacks: [`coalesce_tables`] for the values of a chart, which are used again.
fn lay_below(over: &Rc<Shared>, below: &Rc<Shared>, nulls: Nulls) {
    for (key, value) in below.0.borrow().iter() {
        let present = over.0.borrow().get(key).cloned();
        match (present, value) {
            (Some(Dynamic::Nil), _) if nulls == Nulls::Remove => {
                over.0.borrow_mut().remove(key);
            }
            (None, _) => {
                over.0.borrow_mut().insert(key.clone(), copy(value));
            }
            (Some(Dynamic::Map(inner)), Dynamic::Map(table)) => lay_below(&inner, table, nulls),
            _ => {}
        }
    }
}

/// Helm's `CoalesceTables` (nulls remove) and `MergeTables` (nulls stay): adds what `over` lacks.
pub(crate) fn coalesce_tables(over: &Rc<Shared>, below: &Rc<Shared>, nulls: Nulls) {
    if Rc::ptr_eq(over, below) {
        return;
    }
    let entries = below.0.borrow().clone();
    for (key, value) in entries {
        let present = over.0.borrow().get(&key).cloned();
        match (present, &value) {
            (Some(Dynamic::Nil), _) if nulls == Nulls::Remove => {
                over.0.borrow_mut().remove(&key);
            }
            (None, _) => {
                over.0.borrow_mut().insert(key, value);
            }
            (Some(Dynamic::Map(inner)), Dynamic::Map(table)) => coalesce_tables(&inner, table, nulls),
            _ => {}
        }
    }
}

/// The value at a dotted path.
pub(crate) fn at_path(values: &Rc<Shared>, path: &str) -> Option<Dynamic> {
    path.split('.').try_fold(Dynamic::Map(Rc::clone(values)), |value, part| match value {
        Dynamic::Map(map) => map.0.borrow().get(part).cloned(),
        _ => None,
    })
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

    #[test]
    fn values_are_reused_as_helm_reuses_them() {
        let map = |value: Value| value.as_object().unwrap().clone();
        let chart = json!({"values": {"replicas": 1, "image": {"tag": "a", "pull": "Always"}, "gone": true}});
        let config = map(json!({"replicas": 2, "image": {"tag": "b"}, "extra": {"x": 1, "y": 2}}));
        let reused = reuse(&chart, &config, &map(json!({"image": {"tag": "c"}, "extra": {"y": null}}))).unwrap();
        let expected = json!({"replicas": 2, "image": {"tag": "c"}, "extra": {"x": 1}});
        assert_eq!(Value::Object(reused.config), expected);
        let expected =
            json!({"replicas": 2, "image": {"tag": "b", "pull": "Always"}, "gone": true, "extra": {"x": 1, "y": 2}});
        assert_eq!(Value::Object(reused.defaults), expected);
        let nothing = reuse(&json!({"values": null}), &Map::new(), &map(json!({"a": 1.5}))).unwrap();
        assert_eq!((Value::Object(nothing.config), nothing.defaults), (json!({"a": 1.5}), Map::new()));
    }
}
