//! What a value is: `kindOf`, `typeOf`, `deepEqual`.

use super::{Call, Function};
use crate::template::Outcome;
use crate::value::{Value, deep_equal};

pub(super) fn find(name: &str) -> Option<Function> {
    Some(match name {
        "deepEqual" => deeply_equal,
        "kindIs" => kind_is,
        "kindOf" => kind_of,
        "typeIs" => type_is,
        "typeIsLike" => type_is_like,
        "typeOf" => type_of,
        _ => return None,
    })
}

fn kind_of(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    Ok(Value::text(call.any(0)?.kind()))
}

fn kind_is(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(2)?;
    Ok(Value::Bool(&*call.text(0)? == call.any(1)?.kind()))
}

fn type_of(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    Ok(Value::text(call.any(0)?.type_name()))
}

fn type_is(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(2)?;
    Ok(Value::Bool(&*call.text(0)? == call.any(1)?.type_name()))
}

fn type_is_like(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(2)?;
    let (target, name) = (call.text(0)?, call.any(1)?.type_name());
    Ok(Value::Bool(&*target == name || format!("*{target}") == name))
}

fn deeply_equal(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(2)?;
    Ok(Value::Bool(deep_equal(&call.any(0)?, &call.any(1)?)))
}
