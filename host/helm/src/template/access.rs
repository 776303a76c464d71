//! Fields and methods: `.a.b`, `.Files.Get "x"`, `.Capabilities.APIVersions.Has "v1"`.

use std::rc::Rc;

use super::{Failure, Outcome};
use crate::value::{Text, Value, display};

/// One step of a chain. `args` are those of the call, for the last step only.
///
/// A missing key of a map is nil; a field of nil is an error.
pub(crate) fn field(value: &Value, name: &Text, args: &[Value]) -> Outcome<Value> {
    if let Some(result) = method(value, name, args)? {
        return Ok(result);
    }
    if !args.is_empty() {
        return Err(Failure::new(format!("{name} is not a method but has arguments")));
    }
    match value {
        Value::Nil => Err(Failure::new(format!("nil pointer evaluating interface {{}}.{name}"))),
        Value::Map(map) => Ok(map.0.borrow().get(name).cloned().unwrap_or(Value::Nil)),
        Value::Files(files) => Ok(match files.bytes(name) {
            bytes if bytes.is_empty() => Value::Nil,
            bytes => Value::Bytes(bytes),
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
        (Value::Files(files), "Get") => Value::text(String::from_utf8_lossy(&files.bytes(one()?)).as_ref()),
        (Value::Files(files), "GetBytes") => Value::Bytes(files.bytes(one()?)),
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
        (Value::Versions(versions), "Has") => Value::Bool(versions.contains(&**one()?)),
        (Value::Struct(object), "String" | "GitVersion") if object.text.is_some() => {
            none()?;
            Value::text(display(value))
        }
        (Value::Struct(object), "Compare") if object.name == "*semver.Version" => {
            let [other] = args else { return Err(Failure::new("wrong number of args for Compare: want 1")) };
            crate::functions::compare_versions(value, other)?
        }
        (Value::Time(nanos), "Unix") => {
            none()?;
            Value::Int64(i64::try_from(nanos.div_euclid(1_000_000_000)).unwrap_or_default())
        }
        (Value::Time(nanos), "Format") => Value::text(crate::time::format(*nanos, one()?, &crate::time::Zone::UTC)),
        _ => return Ok(None),
    }))
}
