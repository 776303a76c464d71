//! JSON of what is read, without a tree between.

use serde_json::{Map, Value};

use super::{Begun, Declined, Outcome, Scalar, Sink};
use crate::resolve::{self, resolve};
use crate::{Part, Style, json};

/// Which entries of a document's root are kept.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wanted<'w> {
    All,
    /// Those with one of these keys; all others are read and checked, but not kept.
    Keys(&'w [&'w str]),
}

/// Makes the JSON of a document.
pub(super) struct Values<'w> {
    wanted: Wanted<'w>,
    open: Vec<Open>,
    /// Collections that are open inside an entry that is not kept.
    dropped: usize,
    /// Whether the value of the last key of the root is dropped.
    drops: bool,
    nodes: usize,
    root: Option<Value>,
}

enum Open {
    Sequence(Vec<Value>),
    Mapping(Map<String, Value>, String),
}

impl<'w> Values<'w> {
    pub(super) fn new(wanted: Wanted<'w>) -> Self {
        Self { wanted, open: Vec::new(), dropped: 0, drops: false, nodes: 0, root: None }
    }

    pub(super) fn take(&mut self) -> Option<Part> {
        Some(Part { value: self.root.take()?, nodes: self.nodes })
    }

    fn add(&mut self, value: Value) {
        match self.open.last_mut() {
            Some(Open::Sequence(items)) => items.push(value),
            Some(Open::Mapping(entries, key)) => {
                entries.insert(std::mem::take(key), value);
            }
            None => self.root = Some(value),
        }
    }

    fn is_dropped(&self) -> bool {
        self.dropped > 0 || self.drops
    }

    fn begin(&mut self, open: Open) {
        self.nodes += 1;
        if self.is_dropped() {
            self.dropped += 1;
        } else {
            self.open.push(open);
        }
    }
}

impl Sink for Values<'_> {
    fn reads_text(&self) -> bool {
        !self.is_dropped()
    }

    fn key(&mut self, key: Scalar<'_>) -> Outcome {
        let kind = if key.style == Style::Plain { resolve(&key.text) } else { resolve::Scalar::Text };
        let name = match kind {
            resolve::Scalar::Text if key.style == Style::Plain && key.text == "<<" => return Err(Declined),
            resolve::Scalar::Text | resolve::Scalar::Timestamp => None,
            resolve::Scalar::Int(int) => Some(int.to_string()),
            resolve::Scalar::Bool(bool) => Some(bool.to_string()),
            resolve::Scalar::Null | resolve::Scalar::Uint(_) | resolve::Scalar::Float(_) => return Err(Declined),
        };
        if self.dropped > 0 {
            return Ok(());
        }
        self.drops = false;
        if let (Wanted::Keys(keys), 1) = (self.wanted, self.open.len())
            && !keys.contains(&name.as_deref().unwrap_or(&key.text))
        {
            self.drops = true;
            return Ok(());
        }
        if let Some(Open::Mapping(_, pending)) = self.open.last_mut() {
            *pending = name.unwrap_or_else(|| key.text.into_owned());
        }
        Ok(())
    }

    fn scalar(&mut self, scalar: Scalar<'_>) -> Outcome {
        self.nodes += 1;
        let Scalar { text, style, .. } = scalar;
        let kind = if style == Style::Plain { resolve(&text) } else { resolve::Scalar::Text };
        if self.is_dropped() {
            // A number that JSON cannot hold is an error wherever it stands.
            return match kind {
                resolve::Scalar::Float(float) if !float.is_finite() => Err(Declined),
                _ => Ok(()),
            };
        }
        let value = match kind {
            resolve::Scalar::Text | resolve::Scalar::Timestamp => Value::String(text.into_owned()),
            typed => json::value(&typed).ok_or(Declined)?,
        };
        self.add(value);
        Ok(())
    }

    fn sequence(&mut self, _: Begun) -> Outcome {
        self.begin(Open::Sequence(Vec::new()));
        Ok(())
    }

    fn mapping(&mut self, _: Begun) -> Outcome {
        self.begin(Open::Mapping(Map::new(), String::new()));
        Ok(())
    }

    fn close(&mut self, _: Option<usize>) -> Outcome {
        if self.dropped > 0 {
            self.dropped -= 1;
            return Ok(());
        }
        // Of the root nothing is dropped any more.
        self.drops = false;
        let value = match self.open.pop().ok_or(Declined)? {
            Open::Sequence(items) => Value::Array(items),
            Open::Mapping(entries, _) => Value::Object(entries),
        };
        self.add(value);
        Ok(())
    }
}
