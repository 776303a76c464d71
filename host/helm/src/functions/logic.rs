//! Go's own comparisons: `eq`, `lt`, `not` and their like. `and` and `or` are the evaluator's, because they stop early.

use super::{Call, Function};
use crate::template::{Failure, Outcome};
use crate::value::{Value, equal, less, to_bytes};

pub(super) fn find(name: &str) -> Option<Function> {
    Some(match name {
        "eq" => eq,
        "ge" => ge,
        "gt" => gt,
        "index" => index,
        "le" => le,
        "len" => len,
        "lt" => lt,
        "ne" => ne,
        "not" => not,
        _ => return None,
    })
}

fn not(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    Ok(Value::Bool(!call.any(0)?.truth()))
}

fn eq(call: &mut Call<'_, '_>) -> Outcome<Value> {
    let first = call.any(0)?;
    if call.args.len() < 2 {
        return Err(Failure::new("missing argument for comparison"));
    }
    for other in call.args.iter().skip(1) {
        if equal(&first, other)? {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

fn ne(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(2)?;
    Ok(Value::Bool(!equal(&call.any(0)?, &call.any(1)?)?))
}

fn lt(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(2)?;
    Ok(Value::Bool(less(&call.any(0)?, &call.any(1)?)?))
}

fn le(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(2)?;
    let (a, b) = (call.any(0)?, call.any(1)?);
    Ok(Value::Bool(less(&a, &b)? || equal(&a, &b)?))
}

fn gt(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(2)?;
    let (a, b) = (call.any(0)?, call.any(1)?);
    Ok(Value::Bool(!less(&a, &b)? && !equal(&a, &b)?))
}

fn ge(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(2)?;
    Ok(Value::Bool(!less(&call.any(0)?, &call.any(1)?)?))
}

fn len(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    let value = call.any(0)?;
    let length = match &value {
        Value::Text(text) => to_bytes(text).len(),
        Value::Map(map) | Value::Values(map) => map.0.borrow().len(),
        Value::Files(files) => files.len(),
        Value::Nil => return Err(Failure::new("len of nil pointer")),
        other => other.items().ok_or_else(|| Failure::new(format!("len of type {}", other.type_name())))?.len(),
    };
    Ok(Value::Int(i64::try_from(length).unwrap_or(i64::MAX)))
}

fn index(call: &mut Call<'_, '_>) -> Outcome<Value> {
    let mut value = call.any(0)?;
    if matches!(value, Value::Nil) {
        return Err(Failure::new("index of untyped nil"));
    }
    for key in call.args.iter().skip(1) {
        value = match (&value, key) {
            (Value::Map(map) | Value::Values(map), Value::Text(key)) => map.get(key),
            (Value::Files(files), Value::Text(path)) => Value::bytes(files.get(path)),
            (Value::Map(_) | Value::Values(_), key) => {
                return Err(Failure::new(format!("value has type {}; should be string", key.type_name())));
            }
            (Value::Nil, _) => return Err(Failure::new("index of nil pointer")),
            (Value::Text(text), Value::Int(at) | Value::Int64(at)) => {
                let byte = usize::try_from(*at).ok().and_then(|at| to_bytes(text).get(at).copied());
                Value::Int(i64::from(byte.ok_or_else(|| Failure::new(format!("index out of range: {at}")))?))
            }
            (list, Value::Int(at) | Value::Int64(at)) => {
                let wrong = || Failure::new(format!("can't index item of type {}", list.type_name()));
                let items = list.items().ok_or_else(wrong)?;
                let item = usize::try_from(*at).ok().and_then(|at| items.get(at).cloned());
                item.ok_or_else(|| Failure::new(format!("index out of range: {at}")))?
            }
            (_, key) => {
                return Err(Failure::new(format!("cannot index slice/array with type {}", key.type_name())));
            }
        };
    }
    Ok(value)
}
