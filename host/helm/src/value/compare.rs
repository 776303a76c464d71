//! `eq`, `lt` and `reflect.DeepEqual`.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::rc::Rc;

use super::Value;
use crate::limits::VALUE_DEPTH;

/// The kinds that templates compare; integers of all widths are one.
#[derive(PartialEq, Eq)]
enum Basic {
    Bool,
    Int,
    Float,
    Text,
    Other,
}

fn basic(value: &Value) -> Basic {
    match value {
        Value::Bool(_) => Basic::Bool,
        Value::Int(_) | Value::Int64(_) | Value::Uint64(_) => Basic::Int,
        Value::Struct(object) if object.number().is_some() => Basic::Int,
        Value::Float(_) => Basic::Float,
        Value::Text(_) => Basic::Text,
        _ => Basic::Other,
    }
}

/// `eq` of two values: numbers of different kinds are an error, nil is only equal to nil.
#[allow(clippy::float_cmp, reason = "that is what Go does")]
pub(crate) fn equal(a: &Value, b: &Value) -> Result<bool, String> {
    match (a, b) {
        (Value::Nil, other) | (other, Value::Nil) => Ok(other.is_nil()),
        (Value::Bool(a), Value::Bool(b)) => Ok(a == b),
        (Value::Int(a) | Value::Int64(a), Value::Int(b) | Value::Int64(b)) => Ok(a == b),
        (Value::Float(a), Value::Float(b)) => Ok(a == b),
        (Value::Text(a), Value::Text(b)) => Ok(a == b),
        (Value::Time(a), Value::Time(b)) => Ok(a.nanos == b.nanos && a.zone.is(&b.zone)),
        (Value::Struct(a), Value::Struct(b)) if a.name.starts_with('*') && a.name == b.name => Ok(Rc::ptr_eq(a, b)),
        _ if basic(a) == Basic::Int && basic(b) == Basic::Int => Ok(integer(a) == integer(b)),
        _ if basic(a) != basic(b) => Err("incompatible types for comparison".to_owned()),
        _ => Err(format!("non-comparable types {}: {}", a.type_name(), b.type_name())),
    }
}

fn integer(value: &Value) -> Option<i128> {
    match value {
        Value::Int(int) | Value::Int64(int) => Some((*int).into()),
        Value::Uint64(uint) => Some((*uint).into()),
        Value::Struct(object) => object.number().map(i128::from),
        _ => None,
    }
}

/// `lt`.
pub(crate) fn less(a: &Value, b: &Value) -> Result<bool, String> {
    let order = match (a, b) {
        (Value::Int(a) | Value::Int64(a), Value::Int(b) | Value::Int64(b)) => a.cmp(b),
        (Value::Float(a), Value::Float(b)) => a.partial_cmp(b).unwrap_or(Ordering::Greater),
        (Value::Text(a), Value::Text(b)) => a.cmp(b),
        _ if basic(a) == Basic::Int && basic(b) == Basic::Int => integer(a).cmp(&integer(b)),
        _ if basic(a) == Basic::Other || basic(b) == Basic::Other || basic(a) == Basic::Bool => {
            return Err("invalid type for comparison".to_owned());
        }
        _ => return Err("incompatible types for comparison".to_owned()),
    };
    Ok(order == Ordering::Less)
}

/// `reflect.DeepEqual`; values nested over [`VALUE_DEPTH`] are taken for different.
pub(crate) fn deep_equal(a: &Value, b: &Value) -> bool {
    deep_equal_at(a, b, 0, &mut HashSet::new())
}

/// Two lists or maps, by where they are.
type Pair = (*const (), *const ());

#[allow(clippy::float_cmp, reason = "that is what Go does")]
fn deep_equal_at(a: &Value, b: &Value, depth: usize, seen: &mut HashSet<Pair>) -> bool {
    if depth > VALUE_DEPTH {
        return false;
    }
    let below = depth + 1;
    match (a, b) {
        (Value::Nil, Value::Nil) => true,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Int(a), Value::Int(b)) | (Value::Int64(a), Value::Int64(b)) => a == b,
        (Value::Uint64(a), Value::Uint64(b)) => a == b,
        (Value::Float(a), Value::Float(b)) => a == b,
        (Value::Text(a), Value::Text(b)) => a == b,
        (Value::Bytes(a), Value::Bytes(b)) => a == b,
        (Value::Time(a), Value::Time(b)) => a == b,
        (Value::List(a), Value::List(b)) => {
            if Rc::ptr_eq(a, b) || !seen.insert((Rc::as_ptr(a).cast(), Rc::as_ptr(b).cast())) {
                return a.1 == b.1;
            }
            a.1 == b.1 && a.0.len() == b.0.len() && a.0.iter().zip(&b.0).all(|(a, b)| deep_equal_at(a, b, below, seen))
        }
        (Value::Map(a), Value::Map(b)) if a.1 != b.1 => false,
        (Value::Map(a), Value::Map(b)) | (Value::Values(a), Value::Values(b)) => {
            // A pair that is compared already is taken for equal, as in Go; if it is not, that comparison says so.
            if Rc::ptr_eq(a, b) || !seen.insert((Rc::as_ptr(a).cast(), Rc::as_ptr(b).cast())) {
                return true;
            }
            let (a, b) = (a.0.borrow(), b.0.borrow());
            a.len() == b.len()
                && a.iter().zip(b.iter()).all(|((k, a), (l, b))| k == l && deep_equal_at(a, b, below, seen))
        }
        (Value::Struct(a), Value::Struct(b)) => {
            let mut fields = || a.fields.iter().zip(&b.fields).all(|((_, a), (_, b))| deep_equal_at(a, b, below, seen));
            Rc::ptr_eq(a, b) || a.name == b.name && a.fields.len() == b.fields.len() && a.text == b.text && fields()
        }
        (Value::Files(a), Value::Files(b)) => a.iter().eq(b.iter()),
        (Value::Versions(a), Value::Versions(b)) => a == b,
        _ => false,
    }
}
