//! Copies that share nothing that can be changed.

use std::rc::Rc;

use super::{Items, Shared, Value};

/// A copy of a map of a document and of all maps in it, which do not hold themselves.
pub(crate) fn copy_map(map: &Rc<Shared>) -> Rc<Shared> {
    let copies = map.0.borrow().iter().map(|(key, value)| (key.clone(), copy(value))).collect();
    Rc::new(Shared(std::cell::RefCell::new(copies), map.1))
}

/// A copy of a value of a document.
pub(crate) fn copy(value: &Value) -> Value {
    match value {
        Value::Map(map) => Value::Map(copy_map(map)),
        // A list itself is never changed, only what is in it.
        Value::List(list) if list.0.iter().any(|item| matches!(item, Value::Map(_) | Value::List(_))) => {
            Value::List(Rc::new(Items(list.0.iter().map(copy).collect(), list.1)))
        }
        other => other.clone(),
    }
}
