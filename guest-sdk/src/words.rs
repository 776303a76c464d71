//! Short ways to say what the contract's records say.

use crate::{Change, Value};
use crate::{Consideration, Failure, Metadata, Operation, Outcome, Problem, Reason, Selection, Tags, Transformation};

impl Reason {
    /// A declared code and one line for people.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into() }
    }
}

impl Problem {
    /// What is wrong at this JSON Pointer.
    pub fn new(pointer: &str, code: &str, message: impl Into<String>) -> Self {
        Self { pointer: pointer.to_owned(), reason: Reason::new(code, message) }
    }
}

impl Failure {
    /// The input lacks something.
    pub fn bad_input(pointer: &str, code: &str, message: impl Into<String>) -> Self {
        Self::BadInput(vec![Problem::new(pointer, code, message)])
    }
}

/// One tag on offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag<'a> {
    /// Counted as in [`Tags`].
    pub index: u32,
    /// Its name.
    pub name: &'a str,
}

impl Tags {
    /// The tags in order.
    pub fn iter(&self) -> impl Iterator<Item = Tag<'_>> {
        self.names.split_terminator('\n').zip(0u32..).map(|(name, index)| Tag { index, name })
    }

    /// How many there are.
    pub fn count(&self) -> u32 {
        u32::try_from(self.first_seen.len()).unwrap_or(u32::MAX)
    }

    /// The names as a list, for access by index.
    pub fn names(&self) -> Vec<&str> {
        self.names.split_terminator('\n').collect()
    }
}

impl Metadata {
    /// Tags whose metadata is known, with the build time that the image claims; `None` when it claims none.
    pub fn created(&self) -> impl Iterator<Item = (u32, Option<u64>)> {
        let known = |time: u64| (time != 0).then_some(time);
        self.indices.iter().copied().zip(self.created.iter().copied().map(known))
    }
}

impl Selection {
    /// Use this tag.
    pub fn pick(index: u32, reason: Reason) -> Self {
        Self { outcome: Outcome::Pick(index), reason, considered: Vec::new() }
    }

    /// The current image is the right one.
    pub fn keep_current(reason: Reason) -> Self {
        Self { outcome: Outcome::KeepCurrent, reason, considered: Vec::new() }
    }

    /// No tag on offer is acceptable.
    pub fn none(reason: Reason) -> Self {
        Self { outcome: Outcome::None, reason, considered: Vec::new() }
    }

    /// Ask again at this time, in milliseconds since 1970.
    pub fn hold_until(time: u64, reason: Reason) -> Self {
        Self { outcome: Outcome::HoldUntil(time), reason, considered: Vec::new() }
    }

    /// The same with the tags that were looked at, best first; the first 100 are kept, which is what hosts take.
    #[must_use]
    pub fn considering(mut self, tags: impl IntoIterator<Item = (u32, Reason)>) -> Self {
        self.considered = tags.into_iter().take(100).map(|(index, reason)| Consideration { index, reason }).collect();
        self
    }
}

impl Transformation {
    /// Nothing to change.
    pub fn none() -> Self {
        Self { operations: Vec::new(), warnings: Vec::new() }
    }

    /// Adds the value at this JSON Pointer or replaces what is there.
    pub fn set(&mut self, path: impl Into<String>, value: &Value, reason: Reason) {
        self.operations.push(Operation { path: path.into(), change: Change::Set(value.to_string()), reason });
    }

    /// Moves what stands at `from`; the only thing that can be done with a secret besides copying it.
    pub fn move_from(&mut self, from: impl Into<String>, path: impl Into<String>, reason: Reason) {
        self.operations.push(Operation { path: path.into(), change: Change::MoveFrom(from.into()), reason });
    }
}

/// Whether something can be put at this JSON Pointer into values: what stands on the way there is an object, a list that
/// is long enough, or nothing.
///
/// ```
/// # use rhumb_guest_sdk::{can_hold, json};
/// let values = json!({"a": {"b": 1}, "c": []});
/// assert!(can_hold(&values, "/a/x") && can_hold(&values, "/new/x") && can_hold(&values, "/c/0"));
/// assert!(!can_hold(&values, "/a/b/x") && !can_hold(&values, "/c/1"));
/// ```
pub fn can_hold(values: &Value, path: &str) -> bool {
    let mut at = values;
    for step in path.split('/').skip(1) {
        at = match at {
            Value::Null => return true,
            Value::Object(map) => match map.get(&step.replace("~1", "/").replace("~0", "~")) {
                Some(below) => below,
                None => return true,
            },
            Value::Array(items) => match step.parse::<usize>().ok().and_then(|index| items.get(index)) {
                Some(below) => below,
                None => return step == "-" || step == items.len().to_string(),
            },
            _ => return false,
        };
    }
    true
}
