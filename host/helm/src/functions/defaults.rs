//! What to do with values that are not set: `default`, `empty`, `coalesce`, `ternary`.

use super::{Call, Function};
use crate::template::Outcome;
use crate::value::Value;

pub(super) fn find(name: &str) -> Option<Function> {
    Some(match name {
        "all" => all,
        "any" => any,
        "coalesce" => coalesce,
        "default" => default,
        "empty" => empty,
        "ternary" => ternary,
        _ => return None,
    })
}

/// Sprig's `empty`: like Go's truth, but a struct is never empty.
fn is_empty(value: &Value) -> bool {
    !value.truth()
}

fn default(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.at_least(1)?;
    match call.args.get(1) {
        Some(given) if !is_empty(given) => Ok(given.clone()),
        _ => call.any(0),
    }
}

fn empty(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    Ok(Value::Bool(is_empty(&call.any(0)?)))
}

fn coalesce(call: &mut Call<'_, '_>) -> Outcome<Value> {
    Ok(call.args.iter().find(|arg| !is_empty(arg)).cloned().unwrap_or(Value::Nil))
}

fn all(call: &mut Call<'_, '_>) -> Outcome<Value> {
    Ok(Value::Bool(!call.args.iter().any(is_empty)))
}

fn any(call: &mut Call<'_, '_>) -> Outcome<Value> {
    Ok(Value::Bool(!call.args.iter().all(is_empty)))
}

fn ternary(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(3)?;
    if call.bool(2)? { call.any(0) } else { call.any(1) }
}
