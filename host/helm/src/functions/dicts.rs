//! Maps. `set`, `unset` and `merge` change the map that they are given, and all who hold it see that.

use std::rc::Rc;

use super::{Call, Function};
use crate::limits::VALUE_DEPTH;
use crate::template::{Failure, Outcome};
use crate::value::{Entries, Items, ListOf, MapOf, Shared, Text, Value, strval};

pub(super) fn find(name: &str) -> Option<Function> {
    Some(match name {
        "deepCopy" | "mustDeepCopy" => deep_copy,
        "dict" => dict,
        "dig" => dig,
        "get" => get,
        "hasKey" => has_key,
        "keys" => keys,
        "merge" | "mustMerge" => merge,
        "mergeOverwrite" | "mustMergeOverwrite" => merge_overwrite,
        "omit" => omit,
        "pick" => pick,
        "pluck" => pluck,
        "set" => set,
        "unset" => unset,
        "values" => values,
        _ => return None,
    })
}

fn dict(call: &mut Call<'_, '_>) -> Outcome<Value> {
    let mut entries = Entries::new();
    for pair in call.args.chunks(2) {
        let key = pair.first().map(strval).unwrap_or_default();
        entries.insert(key.into(), pair.get(1).cloned().unwrap_or_else(|| Value::text("")));
    }
    Ok(Value::map(entries))
}

fn get(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(2)?;
    let (map, key) = (call.map(0)?, call.text(1)?);
    Ok(map.0.borrow().get(&key).cloned().unwrap_or_else(|| Value::text("")))
}

fn set(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(3)?;
    let (map, key, value) = (call.map(0)?, call.text(1)?, call.any(2)?);
    if call.args.first().is_some_and(Value::is_nil) {
        return Err(Failure::new("assignment to entry in nil map"));
    }
    map.0.borrow_mut().insert(key, value);
    Ok(Value::Map(map))
}

fn unset(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(2)?;
    let (map, key) = (call.map(0)?, call.text(1)?);
    map.0.borrow_mut().remove(&key);
    Ok(Value::Map(map))
}

fn has_key(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(2)?;
    let (map, key) = (call.map(0)?, call.text(1)?);
    Ok(Value::Bool(map.0.borrow().contains_key(&key)))
}

/// The order of Go's `keys` and `values` is random; sorted by key is one of its orders.
fn keys(call: &mut Call<'_, '_>) -> Outcome<Value> {
    let mut keys = Vec::new();
    for at in 0..call.args.len() {
        keys.extend(call.map(at)?.0.borrow().keys().cloned().map(Value::Text));
    }
    Ok(Value::list_of(keys, ListOf::Texts))
}

fn values(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    Ok(Value::list(call.map(0)?.0.borrow().values().cloned().collect()))
}

fn pluck(call: &mut Call<'_, '_>) -> Outcome<Value> {
    let key = call.text(0)?;
    let mut found = Vec::new();
    for at in 1..call.args.len() {
        found.extend(call.map(at)?.0.borrow().get(&key).cloned());
    }
    Ok(Value::list(found))
}

fn named(call: &Call<'_, '_>) -> Outcome<Vec<Text>> {
    (1..call.args.len()).map(|at| call.text(at)).collect()
}

fn pick(call: &mut Call<'_, '_>) -> Outcome<Value> {
    let (map, names) = (call.map(0)?, named(call)?);
    let map = map.0.borrow();
    let kept = names.iter().filter_map(|name| map.get(name).map(|value| (name.clone(), value.clone())));
    Ok(Value::map(kept.collect::<Entries>()))
}

fn omit(call: &mut Call<'_, '_>) -> Outcome<Value> {
    let (map, names) = (call.map(0)?, named(call)?);
    let map = map.0.borrow();
    let kept = map.iter().filter(|(key, _)| !names.contains(key));
    Ok(Value::map(kept.map(|(key, value)| (key.clone(), value.clone())).collect::<Entries>()))
}

fn dig(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.at_least(3)?;
    let count = call.args.len();
    let default = call.any(count - 2)?;
    let mut value = call.any(count - 1)?;
    let keys = (0..count - 2).map(|at| call.text(at)).collect::<Outcome<Vec<_>>>()?;
    for key in keys {
        let Some(map) = plain_map(&value) else {
            let got = value.type_name();
            return Err(Failure::new(format!(
                "interface conversion: interface {{}} is {got}, not map[string]interface {{}}"
            )));
        };
        let Some(next) = map.0.borrow().get(&key).cloned() else { return Ok(default) };
        value = next;
    }
    Ok(value)
}

/// A map of anything, and none of Go's other types of maps.
fn plain_map(value: &Value) -> Option<&Rc<Shared>> {
    match value {
        Value::Map(map) if map.1 != MapOf::Texts => Some(map),
        _ => None,
    }
}

fn deep_copy(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    let value = call.any(0)?;
    if matches!(value, Value::Nil) {
        return Err(Failure::new("reflect: call of reflect.Value.Type on zero Value"));
    }
    copy(call, &value, 0)
}

fn copy(call: &Call<'_, '_>, value: &Value, depth: usize) -> Outcome<Value> {
    call.exec.engine.spend(1)?;
    if depth > VALUE_DEPTH {
        return Err(Failure::limit("the value holds itself, or nests deeper", "value_depth", VALUE_DEPTH));
    }
    Ok(match value {
        Value::List(list) => {
            let items = list.0.iter().map(|item| copy(call, item, depth + 1)).collect::<Outcome<_>>()?;
            Value::List(Rc::new(Items(items, list.1)))
        }
        Value::Map(map) | Value::Values(map) => {
            let of = map.1;
            let map = map.0.borrow();
            let entries = map.iter().map(|(key, value)| Ok((key.clone(), copy(call, value, depth + 1)?)));
            Value::map_of(entries.collect::<Outcome<Entries>>()?, of)
        }
        other => other.clone(),
    })
}

fn merge(call: &mut Call<'_, '_>) -> Outcome<Value> {
    merge_all(call, Winner::Destination)
}

fn merge_overwrite(call: &mut Call<'_, '_>) -> Outcome<Value> {
    merge_all(call, Winner::Source)
}

/// Who keeps a key that both have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Winner {
    Destination,
    Source,
}

fn merge_all(call: &Call<'_, '_>, winner: Winner) -> Outcome<Value> {
    let into = call.map(0)?;
    for at in 1..call.args.len() {
        merge_into(call, &into, &call.map(at)?, winner, 0)?;
    }
    Ok(Value::Map(into))
}

/// `mergo.Merge` of maps: maps are merged, an empty destination takes the source, and with overwriting the source wins,
/// even when it is empty or nil.
fn merge_into(call: &Call<'_, '_>, into: &Rc<Shared>, from: &Rc<Shared>, winner: Winner, depth: usize) -> Outcome<()> {
    if depth > VALUE_DEPTH {
        return Err(Failure::limit("the value holds itself, or nests deeper", "value_depth", VALUE_DEPTH));
    }
    if Rc::ptr_eq(into, from) {
        return Ok(());
    }
    let source: Vec<(Text, Value)> = from.0.borrow().iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    call.exec.engine.spend(source.len())?;
    for (key, value) in source {
        let present = into.0.borrow().get(&key).cloned();
        if let (Some(Value::Map(inner) | Value::Values(inner)), Value::Map(other) | Value::Values(other)) =
            (&present, &value)
        {
            merge_into(call, inner, other, winner, depth + 1)?;
            continue;
        }
        let takes = match winner {
            Winner::Source => true,
            Winner::Destination => !matches!(value, Value::Nil) && present.is_none_or(|old| !old.truth()),
        };
        if takes {
            into.0.borrow_mut().insert(key, value);
        }
    }
    Ok(())
}
