//! JSON Pointers (RFC 6901) that can also be written through: parents are made.

use serde_json::{Map, Value};

/// A parsed pointer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pointer(Vec<String>);

impl Pointer {
    /// Deepest pointer that is taken.
    pub const DEPTH: usize = 64;

    /// Parses `/a/b~1c/0`; the empty text is the whole. `None` when it is no pointer or too deep.
    pub fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self(Vec::new()));
        }
        let rest = text.strip_prefix('/')?;
        let mut keys = Vec::new();
        for part in rest.split('/') {
            let escaped =
                part.match_indices('~').all(|(at, _)| matches!(part.as_bytes().get(at + 1), Some(b'0' | b'1')));
            if !escaped {
                return None;
            }
            keys.push(part.replace("~1", "/").replace("~0", "~"));
        }
        (keys.len() <= Self::DEPTH).then_some(Self(keys))
    }

    /// How many keys lead there.
    pub fn depth(&self) -> usize {
        self.0.len()
    }

    /// What is there.
    pub fn get<'a>(&self, root: &'a Value) -> Option<&'a Value> {
        self.0.iter().try_fold(root, |value, key| match value {
            Value::Object(map) => map.get(key),
            Value::Array(items) => items.get(key.parse::<usize>().ok()?),
            _ => None,
        })
    }

    /// Puts a value there and makes the maps above it. `false` when something on the way is neither map nor list.
    #[must_use]
    pub fn set(&self, root: &mut Value, new: Value) -> bool {
        let mut value = root;
        for key in &self.0 {
            if value.is_null() {
                *value = Value::Object(Map::new());
            }
            value = match value {
                Value::Object(map) => map.entry(key.clone()).or_insert(Value::Null),
                Value::Array(items) => {
                    let index = if key == "-" { Some(items.len()) } else { key.parse().ok() };
                    match index {
                        Some(index) if index == items.len() => items.push(Value::Null),
                        Some(index) if index < items.len() => {}
                        _ => return false,
                    }
                    match index.and_then(|index| items.get_mut(index)) {
                        Some(item) => item,
                        None => return false,
                    }
                }
                _ => return false,
            };
        }
        *value = new;
        true
    }

    /// Takes away what is there and gives it back.
    pub fn remove(&self, root: &mut Value) -> Option<Value> {
        let (last, above) = self.0.split_last()?;
        let parent = above.iter().try_fold(root, |value, key| match value {
            Value::Object(map) => map.get_mut(key),
            Value::Array(items) => items.get_mut(key.parse::<usize>().ok()?),
            _ => None,
        })?;
        match parent {
            Value::Object(map) => map.shift_remove(last),
            Value::Array(items) => {
                let index: usize = last.parse().ok()?;
                (index < items.len()).then(|| items.remove(index))
            }
            _ => None,
        }
    }
}
