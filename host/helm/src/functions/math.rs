//! Numbers: integers are `int64` in and out, the functions that end in `f` and the rounding ones are `float64`.

use std::cmp::Ordering;

use super::call::wrong_type;
use super::decimal::Decimal;
use super::{Call, Function};
use crate::template::{Failure, Outcome};
use crate::value::{Value, decimal_int, display, to_float, to_int};

pub(super) fn find(name: &str) -> Option<Function> {
    Some(match name {
        "add" => add,
        "add1" => add1,
        "add1f" => add1f,
        "addf" => addf,
        "atoi" => atoi,
        "ceil" => ceil,
        "div" => div,
        "divf" => divf,
        "float64" => float64,
        "floor" => floor,
        "int" => int,
        "int64" => int64,
        "max" | "biggest" => max,
        "maxf" => maxf,
        "min" => min,
        "minf" => minf,
        "mod" => modulo,
        "mul" => mul,
        "mulf" => mulf,
        "round" => round,
        "sub" => sub,
        "subf" => subf,
        "toDecimal" => to_decimal,
        _ => return None,
    })
}

fn int(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    Ok(Value::Int(to_int(&call.any(0)?)))
}

fn int64(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    Ok(Value::Int64(to_int(&call.any(0)?)))
}

fn float64(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    Ok(Value::Float(to_float(&call.any(0)?)))
}

fn atoi(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    Ok(Value::Int(decimal_int(&call.text(0)?)))
}

fn to_decimal(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    Ok(Value::Int64(i64::from_str_radix(&display(&call.any(0)?), 8).unwrap_or(0)))
}

fn fold(call: &Call<'_, '_>, start: i64, step: fn(i64, i64) -> i64) -> Value {
    Value::Int64(call.args.iter().map(to_int).fold(start, step))
}

fn from_first(call: &Call<'_, '_>, step: fn(i64, i64) -> i64) -> Outcome<Value> {
    call.at_least(1)?;
    let rest = call.args.iter().skip(1).map(to_int);
    Ok(Value::Int64(rest.fold(to_int(&call.any(0)?), step)))
}

fn add(call: &mut Call<'_, '_>) -> Outcome<Value> {
    Ok(fold(call, 0, i64::wrapping_add))
}

fn add1(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    Ok(fold(call, 1, i64::wrapping_add))
}

fn sub(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(2)?;
    from_first(call, i64::wrapping_sub)
}

fn mul(call: &mut Call<'_, '_>) -> Outcome<Value> {
    from_first(call, i64::wrapping_mul)
}

fn divisor(call: &Call<'_, '_>) -> Outcome<(i64, i64)> {
    call.exactly(2)?;
    match (to_int(&call.any(0)?), to_int(&call.any(1)?)) {
        (_, 0) => Err(Failure::new("runtime error: integer divide by zero")),
        pair => Ok(pair),
    }
}

fn div(call: &mut Call<'_, '_>) -> Outcome<Value> {
    divisor(call).map(|(a, b)| Value::Int64(a.wrapping_div(b)))
}

fn modulo(call: &mut Call<'_, '_>) -> Outcome<Value> {
    divisor(call).map(|(a, b)| Value::Int64(a.wrapping_rem(b)))
}

fn max(call: &mut Call<'_, '_>) -> Outcome<Value> {
    from_first(call, i64::max)
}

fn min(call: &mut Call<'_, '_>) -> Outcome<Value> {
    from_first(call, i64::min)
}

/// What `step` makes of the first and each further argument.
fn decimals(call: &Call<'_, '_>, step: fn(Decimal, Decimal) -> Outcome<Decimal>) -> Outcome<Value> {
    call.at_least(1)?;
    call.exec.engine.spend(call.args.len() * 16)?;
    let mut decimals = call.args.iter().map(|arg| Decimal::of(to_float(arg)));
    let first = decimals.next().unwrap_or_else(|| Decimal::of(0.0))?;
    Ok(Value::Float(decimals.try_fold(first, |so_far, next| step(so_far, next?))?.float()))
}

fn addf(call: &mut Call<'_, '_>) -> Outcome<Value> {
    // Nothing adds up to 0.
    if call.args.is_empty() { Ok(Value::Float(0.0)) } else { decimals(call, Decimal::add) }
}

fn add1f(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    Ok(Value::Float(Decimal::of(to_float(&call.any(0)?))?.add(Decimal::of(1.0)?)?.float()))
}

fn subf(call: &mut Call<'_, '_>) -> Outcome<Value> {
    decimals(call, Decimal::sub)
}

fn mulf(call: &mut Call<'_, '_>) -> Outcome<Value> {
    decimals(call, Decimal::mul)
}

fn divf(call: &mut Call<'_, '_>) -> Outcome<Value> {
    decimals(call, Decimal::div)
}

/// One of the arguments, as it is.
fn extreme(call: &Call<'_, '_>, choose: fn(f64, f64) -> f64) -> Outcome<Value> {
    call.at_least(1)?;
    let rest = call.args.iter().skip(1).map(to_float);
    Ok(Value::Float(rest.fold(to_float(&call.any(0)?), choose)))
}

fn maxf(call: &mut Call<'_, '_>) -> Outcome<Value> {
    extreme(call, |a, b| match a.partial_cmp(&b) {
        _ if a == f64::INFINITY || b == f64::INFINITY => f64::INFINITY,
        None => f64::NAN,
        Some(Ordering::Equal) if a == 0.0 => {
            if a.is_sign_negative() {
                b
            } else {
                a
            }
        }
        Some(order) => {
            if order.is_lt() {
                b
            } else {
                a
            }
        }
    })
}

fn minf(call: &mut Call<'_, '_>) -> Outcome<Value> {
    extreme(call, |a, b| match a.partial_cmp(&b) {
        _ if a == f64::NEG_INFINITY || b == f64::NEG_INFINITY => f64::NEG_INFINITY,
        None => f64::NAN,
        Some(Ordering::Equal) if a == 0.0 => {
            if a.is_sign_negative() {
                a
            } else {
                b
            }
        }
        Some(order) => {
            if order.is_gt() {
                b
            } else {
                a
            }
        }
    })
}

fn ceil(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    Ok(Value::Float(to_float(&call.any(0)?).ceil()))
}

fn floor(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    Ok(Value::Float(to_float(&call.any(0)?).floor()))
}

fn round(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.at_least(2)?;
    let (value, places) = (to_float(&call.any(0)?), call.int(1)?);
    let further = call.args.get(2..).unwrap_or_default();
    let is_number = |(at, arg): &(usize, &Value)| match arg {
        Value::Float(_) => true,
        Value::Int(_) => call.is_literal(at + 2),
        _ => false,
    };
    if let Some((_, wrong)) = further.iter().enumerate().find(|arg| !is_number(arg)) {
        return Err(wrong_type("float64", wrong));
    }
    let up_from = further.first().map_or(0.5, to_float);
    let power = 10_f64.powi(i32::try_from(places).unwrap_or(0));
    let shifted = power * value;
    let rounded = if shifted.fract() >= up_from { shifted.ceil() } else { shifted.floor() };
    Ok(Value::Float(rounded / power))
}
