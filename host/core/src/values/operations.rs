//! Applies the operations of a value transform.

use serde_json::Value;

use super::pointer::Pointer;
use crate::judge::{Change, Operation};

/// Largest result, in bytes of JSON.
const RESULT_BYTES: usize = 1 << 20;

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
    /// The result is larger than 1 MiB.
    #[error("the values would be larger than {RESULT_BYTES} bytes")]
    TooLarge,
}

/// The values after these operations, in order; all of them or an error.
pub fn apply(values: &Value, operations: &[Operation]) -> Result<Value, ApplyError> {
    let mut result = values.clone();
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
            Change::MoveFrom(from) => parse(from)?.remove(&mut result).ok_or_else(|| nothing(from))?,
            Change::CopyFrom(from) => parse(from)?.get(&result).cloned().ok_or_else(|| nothing(from))?,
        };
        if !path.set(&mut result, new) || !result.is_object() {
            return Err(ApplyError::Unwritable { index, pointer: operation.path.clone() });
        }
    }
    if result.to_string().len() > RESULT_BYTES {
        return Err(ApplyError::TooLarge);
    }
    Ok(result)
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
}
