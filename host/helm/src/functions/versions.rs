//! `semver` and `semverCompare`.

use std::cmp::Ordering;
use std::rc::Rc;

use super::{Call, Function};
use crate::template::{Failure, Outcome};
use crate::value::{Struct, Value, display};
use crate::version::{Range, Version};

pub(super) fn find(name: &str) -> Option<Function> {
    Some(match name {
        "semver" => semver,
        "semverCompare" => semver_compare,
        _ => return None,
    })
}

/// Helm's `IsCompatibleRange`: whether a version fits a range; a range or version that cannot be read fits nothing.
pub(crate) fn is_compatible_range(range: &str, version: &str) -> bool {
    match (Version::parse(version), Range::parse(range)) {
        (Some(version), Some(range)) => range.contains(&version),
        _ => false,
    }
}

fn semver_compare(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(2)?;
    let (range, version) = (call.text(0)?, call.text(1)?);
    let range = Range::parse(&range).ok_or_else(|| Failure::new(format!("improper constraint: {range}")))?;
    let version =
        Version::parse(&version).ok_or_else(|| Failure::new(format!("invalid semantic version: {version}")))?;
    Ok(Value::Bool(range.contains(&version)))
}

fn semver(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    let text = call.text(0)?;
    let version = Version::parse(&text).ok_or_else(|| Failure::new("invalid semantic version"))?;
    let number = |at: usize| Value::Uint64(version.number(at));
    let [major, minor, patch] = version.numbers;
    let mut full = format!("{major}.{minor}.{patch}");
    for (mark, part) in [('-', &version.prerelease), ('+', &version.metadata)] {
        if !part.is_empty() {
            full.push(mark);
            full.push_str(part);
        }
    }
    Ok(Value::Struct(Rc::new(Struct {
        name: "*semver.Version",
        fields: vec![
            ("Major", number(0)),
            ("Minor", number(1)),
            ("Patch", number(2)),
            ("Prerelease", Value::text(version.prerelease.as_str())),
            ("Metadata", Value::text(version.metadata.as_str())),
            ("Original", Value::Text(text)),
        ],
        text: Some(full),
    })))
}

/// `(semver "1.2.3").Compare` and the methods that say the same as a boolean.
pub(crate) fn compare_versions(method: &str, a: &Value, b: &Value) -> Outcome<Value> {
    let read = |value: &Value| Version::parse(&display(value)).ok_or_else(|| Failure::new("invalid semantic version"));
    let order = read(a)?.cmp(&read(b)?);
    Ok(match method {
        "Equal" => Value::Bool(order.is_eq()),
        "GreaterThan" => Value::Bool(order.is_gt()),
        "GreaterThanEqual" => Value::Bool(order.is_ge()),
        "LessThan" => Value::Bool(order.is_lt()),
        "LessThanEqual" => Value::Bool(order.is_le()),
        _ => Value::Int(match order {
            Ordering::Less => -1,
            Ordering::Equal => 0,
            Ordering::Greater => 1,
        }),
    })
}
