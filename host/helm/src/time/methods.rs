//! The methods of `time.Time` that a template can call.

use std::rc::Rc;

use super::calendar::days;
use super::format::{Local, rfc3339};
use super::{SECOND, Time, Zone};
use crate::template::{Failure, Outcome};
use crate::value::{Struct, Value};

/// Calls a method; `None` when there is none of this name here.
pub(crate) fn method(time: &Rc<Time>, name: &str, args: &[Value]) -> Outcome<Option<Value>> {
    let none = |value: Value| match args {
        [] => Ok(Some(value)),
        _ => Err(count(name, 0, args)),
    };
    let local = Local::new(time.nanos + time.zone.offset(time.nanos) * SECOND);
    let (year, month, day) = local.date;
    let since = |unit: i128| none(Value::Int64(wrapped(time.nanos.div_euclid(unit))));
    match name {
        "Year" => none(int(year)),
        "Month" => none(named("time.Month", month)),
        "Day" => none(int(day)),
        "Weekday" => none(named("time.Weekday", local.weekday())),
        "YearDay" => none(int(local.year_day())),
        "Hour" => none(int(local.second / 3600)),
        "Minute" => none(int(local.second / 60 % 60)),
        "Second" => none(int(local.second % 60)),
        "Nanosecond" => none(int(local.nanos)),
        "Unix" => since(SECOND),
        "UnixMilli" => since(1_000_000),
        "UnixMicro" => since(1_000),
        "UnixNano" => since(1),
        "IsZero" => none(Value::Bool(time.nanos == Time::ZERO.nanos)),
        "String" => none(Value::text(time.go_string())),
        "GoString" => none(Value::text(time.go_syntax())),
        "UTC" => none(Value::Time(Rc::new(Time { nanos: time.nanos, zone: Zone::Utc }))),
        "Local" => none(Value::Time(Rc::new(Time { nanos: time.nanos, zone: Zone::Local }))),
        "MarshalText" => none(Value::bytes(rfc3339(time)?.as_bytes())),
        "MarshalJSON" => none(Value::bytes(format!("\"{}\"", rfc3339(time)?).as_bytes())),
        "Format" => match args {
            [Value::Text(layout)] => Ok(Some(Value::text(time.format(layout)))),
            [other] => Err(wrong("string", other)),
            _ => Err(count(name, 1, args)),
        },
        "Equal" | "Before" | "After" | "Compare" => {
            let order = match args {
                [Value::Time(other)] => time.nanos.cmp(&other.nanos),
                [other] => return Err(wrong("time.Time", other)),
                _ => return Err(count(name, 1, args)),
            };
            Ok(Some(match name {
                "Equal" => Value::Bool(order.is_eq()),
                "Before" => Value::Bool(order.is_lt()),
                "After" => Value::Bool(order.is_gt()),
                _ => Value::Int(order as i64),
            }))
        }
        "AddDate" => match args {
            [Value::Int(years), Value::Int(months), Value::Int(more)] => {
                let month = month - 1 + i128::from(*months);
                let year = year + i128::from(*years) + month.div_euclid(12);
                let date = days(year, month.rem_euclid(12) + 1, 1) + day - 1 + i128::from(*more);
                let wall = (date * 86_400 + local.second) * SECOND + local.nanos;
                let nanos = wall - time.zone.offset(wall) * SECOND;
                Ok(Some(Value::Time(Rc::new(Time { nanos, zone: time.zone.clone() }))))
            }
            [_, _, _] => Err(Failure::new("wrong type for value; expected int")),
            _ => Err(count(name, 3, args)),
        },
        _ => Ok(None),
    }
}

fn count(name: &str, want: usize, args: &[Value]) -> Box<Failure> {
    Failure::new(format!("wrong number of args for {name}: want {want} got {}", args.len()))
}

fn wrong(expected: &str, got: &Value) -> Box<Failure> {
    Failure::new(format!("wrong type for value; expected {expected}; got {}", got.type_name()))
}

fn int(number: i128) -> Value {
    Value::Int(wrapped(number))
}

#[allow(clippy::cast_possible_truncation, reason = "as Go does")]
fn wrapped(number: i128) -> i64 {
    number as i64
}

/// A number with a name, which is what it prints.
fn named(type_name: &'static str, number: i128) -> Value {
    let names: (&[&str], i128) = match type_name {
        "time.Month" => (&super::NAMES.0, 1),
        _ => (&super::NAMES.1, 0),
    };
    let name = usize::try_from(number - names.1).ok().and_then(|at| names.0.get(at));
    Value::Struct(Rc::new(Struct {
        name: type_name,
        fields: vec![("", int(number))],
        text: Some((*name.unwrap_or(&"")).to_owned()),
    }))
}
