//! Paths with `/`, as Go's `path`.

use super::{Call, Function};
use crate::template::Outcome;
use crate::value::Value;

pub(super) fn find(name: &str) -> Option<Function> {
    Some(match name {
        "base" | "osBase" => base,
        "clean" | "osClean" => clean,
        "dir" | "osDir" => dir,
        "ext" | "osExt" => ext,
        "isAbs" | "osIsAbs" => is_abs,
        _ => return None,
    })
}

fn base(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    let path = call.text(0)?;
    Ok(Value::text(match path.trim_end_matches('/') {
        "" if path.is_empty() => ".",
        "" => "/",
        trimmed => trimmed.rsplit('/').next().unwrap_or(trimmed),
    }))
}

/// `path.Clean`.
fn cleaned(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match (part, parts.last()) {
            ("" | ".", _) => {}
            ("..", Some(&"..")) => parts.push(part),
            ("..", None) if rooted => {}
            ("..", None) => parts.push(part),
            ("..", Some(_)) => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    match (rooted, parts.is_empty()) {
        (true, _) => format!("/{}", parts.join("/")),
        (false, true) => ".".to_owned(),
        (false, false) => parts.join("/"),
    }
}

fn clean(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    Ok(Value::text(cleaned(&call.text(0)?)))
}

fn dir(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    let path = call.text(0)?;
    Ok(Value::text(cleaned(path.get(..path.rfind('/').map_or(0, |at| at + 1)).unwrap_or_default())))
}

fn ext(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    let path = call.text(0)?;
    let name = path.rsplit('/').next().unwrap_or_default();
    Ok(Value::text(name.rfind('.').and_then(|at| name.get(at..)).unwrap_or_default()))
}

fn is_abs(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    Ok(Value::Bool(call.text(0)?.starts_with('/')))
}
