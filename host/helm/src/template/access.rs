//! Fields and methods: `.a.b`, `.Files.Get "x"`, `.Capabilities.APIVersions.Has "v1"`.

use std::rc::Rc;

use super::{Failure, Outcome};
use crate::value::{Shared, Value, display, from_bytes, to_json};

/// One step of a chain. `args` are those of the call, for the last step only.
///
/// A missing key of a map is nil; a field of nil is an error.
pub(crate) fn field(value: &Value, name: &str, args: &[Value]) -> Outcome<Value> {
    if let Some(result) = method(value, name, args)? {
        return Ok(result);
    }
    if !args.is_empty() {
        return Err(Failure::new(format!("{name} is not a method but has arguments")));
    }
    match value {
        Value::Nil => Err(Failure::new(format!("nil pointer evaluating interface {{}}.{name}"))
            .hint("the template takes a value for given that is not set, or is null")),
        Value::Map(map) | Value::Values(map) => Ok(map.get(name)),
        Value::Files(files) => Ok(match files.get(name) {
            [] => Value::Nil,
            bytes => Value::bytes(bytes),
        }),
        Value::Struct(object) => {
            let missing = || Failure::new(format!("can't evaluate field {name} in type {}", object.name));
            object.get(name).cloned().ok_or_else(missing)
        }
        other => Err(Failure::new(format!("can't evaluate field {name} in type {}", interface(other)))),
    }
}

/// Values of a document are seen through `interface {}`.
fn interface(value: &Value) -> &'static str {
    match value {
        Value::Versions(_) | Value::Time(_) => value.type_name(),
        _ => "interface {}",
    }
}

fn method(value: &Value, name: &str, args: &[Value]) -> Outcome<Option<Value>> {
    let one = || match args {
        [Value::Text(text)] => Ok(text),
        [other] => Err(Failure::new(format!("wrong type for value; expected string; got {}", other.type_name()))),
        _ => Err(Failure::new(format!("wrong number of args for {name}: want 1 got {}", args.len()))),
    };
    let none = || match args {
        [] => Ok(()),
        _ => Err(Failure::new(format!("wrong number of args for {name}: want 0 got {}", args.len()))),
    };
    Ok(Some(match (value, name) {
        (Value::Files(files), "Get") => Value::Text(from_bytes(files.get(one()?))),
        (Value::Files(files), "GetBytes") => Value::bytes(files.get(one()?)),
        (Value::Files(files), "Glob") => Value::Files(Rc::new(files.glob(one()?))),
        (Value::Files(files), "Lines") => Value::texts(files.lines(one()?)),
        (Value::Files(files), "AsConfig") => {
            none()?;
            Value::text(files.as_config())
        }
        (Value::Files(files), "AsSecrets") => {
            none()?;
            Value::text(files.as_secrets())
        }
        (Value::Values(values), "AsMap") => {
            none()?;
            Value::Map(Rc::clone(values))
        }
        (Value::Values(_), "YAML") => {
            none()?;
            Value::text(rhumb_yaml::to_string(&to_json(value)?))
        }
        (Value::Values(values), "Table") => table(values, one()?)?,
        (Value::Values(values), "PathValue") => path_value(values, one()?)?,
        (Value::Versions(versions), "Has") => {
            let wanted = one()?;
            Value::Bool(versions.iter().any(|version| **version == **wanted))
        }
        (Value::Struct(object), "String" | "GitVersion") if object.text.is_some() => {
            none()?;
            Value::text(display(value))
        }
        (
            Value::Struct(object),
            "Compare" | "Equal" | "GreaterThan" | "GreaterThanEqual" | "LessThan" | "LessThanEqual",
        ) if object.name == "*semver.Version" => {
            let [other] = args else { return Err(Failure::new(format!("wrong number of args for {name}: want 1"))) };
            crate::functions::compare_versions(name, value, other)?
        }
        (Value::Time(time), _) => return crate::time::method(time, name, args),
        _ => return Ok(None),
    }))
}

/// `Values.Table`: the map at a dotted path.
fn table(values: &Rc<Shared>, path: &str) -> Outcome<Value> {
    let mut table = Rc::clone(values);
    for part in path.split('.') {
        let next = table.get(part);
        match next {
            Value::Map(next) | Value::Values(next) => table = next,
            _ => return Err(Failure::new(format!("\"{part}\" is not a table"))),
        }
    }
    Ok(Value::Values(table))
}

/// `Values.PathValue`: what is at a dotted path and no map.
fn path_value(values: &Rc<Shared>, path: &str) -> Outcome<Value> {
    let (tables, key) = path.rsplit_once('.').map_or((None, path), |(tables, key)| (Some(tables), key));
    let missing = || Failure::new(format!("\"{key}\" is not a value"));
    let holder = match tables {
        Some(tables) => table(values, tables).map_err(|_| missing())?,
        None => Value::Values(Rc::clone(values)),
    };
    match holder {
        Value::Values(map) => match map.0.borrow().get(key).cloned() {
            None | Some(Value::Map(_)) => Err(missing()),
            Some(value) => Ok(value),
        },
        _ => Err(missing()),
    }
}
