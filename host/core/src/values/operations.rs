//! Applies the operations of a value transform.

use serde_json::Value;

use super::pointer::Pointer;
use crate::judge::{Change, Operation};

/// Largest result, in bytes of JSON.
const RESULT_BYTES: usize = 1 << 20;
/// Deepest nesting that an operation may make; deeper values would overflow the stack of whoever walks them.
const DEPTH: usize = 128;

/// Why an operation cannot be applied. None of a transform's operations is taken then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// Not a JSON Pointer.
    #[error("operation {index}: `{pointer}` is not a JSON Pointer")]
    NotAPointer {
        /// Counted from 0.
        index: usize,
        /// As given.
        pointer: String,
    },
    /// Nothing there to remove, move or copy.
    #[error("operation {index}: there is nothing at `{pointer}`")]
    Nothing {
        /// Counted from 0.
        index: usize,
        /// As given.
        pointer: String,
    },
    /// Something on the way is neither a map nor a list, or the whole would be replaced by no map.
    #[error("operation {index}: cannot write at `{pointer}`")]
    Unwritable {
        /// Counted from 0.
        index: usize,
        /// As given.
        pointer: String,
    },
    /// The values would nest deeper than the contract allows.
    #[error("operation {index}: the values would be nested deeper than {DEPTH}")]
    TooDeep {
        /// Counted from 0.
        index: usize,
    },
    /// The result, or all that is written on the way to it, is larger than 1 MiB.
    #[error("the values would be larger than {RESULT_BYTES} bytes")]
    TooLarge,
}

/// The values after these operations, in order; all of them or an error.
pub fn apply(values: &Value, operations: &[Operation]) -> Result<Value, ApplyError> {
    let mut result = values.clone();
    // A list of copies, each of all before it, would grow without bounds before the result is measured.
    let mut written = 0;
    for (index, operation) in operations.iter().enumerate() {
        let parse = |text: &str| {
            Pointer::parse(text).ok_or_else(|| ApplyError::NotAPointer { index, pointer: text.to_owned() })
        };
        let nothing = |pointer: &str| ApplyError::Nothing { index, pointer: pointer.to_owned() };
        let path = parse(&operation.path)?;
        let new = match &operation.change {
            Change::Set(value) => value.clone(),
            Change::Remove => {
                path.remove(&mut result).ok_or_else(|| nothing(&operation.path))?;
                continue;
            }
            // RFC 6902, section 4.4: a place cannot be moved into itself.
            Change::MoveFrom(from) if operation.path.strip_prefix(from).is_some_and(|rest| rest.starts_with('/')) => {
                return Err(ApplyError::Unwritable { index, pointer: operation.path.clone() });
            }
            Change::MoveFrom(from) => parse(from)?.remove(&mut result).ok_or_else(|| nothing(from))?,
            Change::CopyFrom(from) => {
                let pointer = parse(from)?;
                let copied = pointer.get(&result).ok_or_else(|| nothing(from))?;
                written += size(copied);
                if written > RESULT_BYTES {
                    return Err(ApplyError::TooLarge);
                }
                copied.clone()
            }
        };
        if path.depth() + depth(&new) > DEPTH {
            return Err(ApplyError::TooDeep { index });
        }
        if !path.set(&mut result, new) || !result.is_object() {
            return Err(ApplyError::Unwritable { index, pointer: operation.path.clone() });
        }
    }
    if result.to_string().len() > RESULT_BYTES {
        return Err(ApplyError::TooLarge);
    }
    Ok(result)
}

/// Roughly the bytes of a value as JSON.
fn size(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len() + 2,
        Value::Array(items) => 2 + items.iter().map(|item| 1 + size(item)).sum::<usize>(),
        Value::Object(map) => 2 + map.iter().map(|(key, item)| key.len() + 4 + size(item)).sum::<usize>(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 4,
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(map) => 1 + map.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::judge::Reason;

    fn check(change: Change, path: &str, expected: Result<Value, &str>) {
        let values = json!({"a": {"b": 1}, "list": ["x"]});
        let reason = Reason { code: "test".to_owned(), message: String::new() };
        let operations = [Operation { path: path.to_owned(), change, reason }];
        assert_eq!(apply(&values, &operations).map_err(|e| e.to_string()), expected.map_err(str::to_owned));
    }

    #[test]
    fn changes_values_as_the_contract_says() {
        check(Change::Set(json!(2)), "/a/b", Ok(json!({"a": {"b": 2}, "list": ["x"]})));
        check(Change::Set(json!(2)), "/new/deep", Ok(json!({"a": {"b": 1}, "list": ["x"], "new": {"deep": 2}})));
        check(Change::Set(json!("y")), "/list/-", Ok(json!({"a": {"b": 1}, "list": ["x", "y"]})));
        check(Change::Remove, "/a/b", Ok(json!({"a": {}, "list": ["x"]})));
        check(Change::MoveFrom("/a/b".to_owned()), "/c", Ok(json!({"a": {}, "list": ["x"], "c": 1})));
        check(Change::CopyFrom("/a".to_owned()), "/c", Ok(json!({"a": {"b": 1}, "list": ["x"], "c": {"b": 1}})));
    }

    #[test]
    fn refuses_what_cannot_be_done() {
        check(Change::Remove, "/a/z", Err("operation 0: there is nothing at `/a/z`"));
        check(Change::Set(json!(1)), "/a/b/c", Err("operation 0: cannot write at `/a/b/c`"));
        check(Change::Set(json!(1)), "", Err("operation 0: cannot write at ``"));
        check(Change::Set(json!(1)), "a", Err("operation 0: `a` is not a JSON Pointer"));
        check(Change::Set(json!(1)), "/list/7", Err("operation 0: cannot write at `/list/7`"));
    }

    #[test]
    fn copies_and_moves_cannot_grow_without_bounds() {
        let many = |count: usize, operation: fn(usize) -> (&'static str, Change)| {
            let reason = Reason { code: "test".to_owned(), message: String::new() };
            let operation = |n| {
                let (path, change) = operation(n);
                Operation { path: path.to_owned(), change, reason: reason.clone() }
            };
            let operations: Vec<Operation> = (0..count).map(operation).collect();
            apply(&json!({"a": {"text": "x".repeat(100)}, "list": []}), &operations)
                .map_err(|e| e.to_string())
                .map(|_| ())
        };
        let too_large = Err("the values would be larger than 1048576 bytes".to_owned());
        assert_eq!(many(30, |_| ("/list/-", Change::CopyFrom(String::new()))), too_large);
        assert_eq!(many(20_000, |_| ("/list/-", Change::CopyFrom("/a".to_owned()))), too_large);
        let nest = |n: usize| match n % 2 {
            0 => ("/b/b/b/b/b/b/b/b", Change::MoveFrom("/a".to_owned())),
            _ => ("/a", Change::MoveFrom("/b".to_owned())),
        };
        let too_deep = Err("operation 36: the values would be nested deeper than 128".to_owned());
        assert_eq!(many(1000, nest), too_deep);
    }

    #[test]
    fn a_place_cannot_be_moved_into_itself() {
        check(Change::MoveFrom("/a".to_owned()), "/a/c", Err("operation 0: cannot write at `/a/c`"));
        check(Change::MoveFrom("/a".to_owned()), "/ab", Ok(json!({"list": ["x"], "ab": {"b": 1}})));
        check(Change::MoveFrom(String::new()), "/c", Err("operation 0: cannot write at `/c`"));
    }
}
