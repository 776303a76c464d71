//! Walks down an object in two trees at once: what Kubernetes reads, and where it is written.

use std::borrow::Cow;
use std::collections::HashMap;

use rhumb_yaml::{Kind, Node};
use serde_json::Value;

use super::object::Object;

/// A value of an object, and its node where it is written out in place.
pub(super) struct Found<'a> {
    pub(super) value: &'a Value,
    /// `None` for what comes through an alias or a merge key, or stands below a key that is no plain text.
    pub(super) node: Option<&'a Node>,
    /// JSON Pointer into the object.
    pub(super) pointer: String,
}

impl<'a> Found<'a> {
    pub(super) fn root(object: &'a Object) -> Self {
        Self { value: &object.value, node: Some(object.node.as_ref()), pointer: String::new() }
    }

    /// The value of a key of a mapping.
    pub(super) fn child(&self, key: &str) -> Option<Self> {
        let value = self.value.as_object()?.get(key)?;
        Some(Self { value, node: self.node.and_then(|node| node.get(key)), pointer: self.pointer_to(key) })
    }

    /// The values of a mapping that `pick` takes. Looking each key up by itself would cost the square of their number.
    pub(super) fn children(&self, pick: fn(&Value) -> bool) -> Vec<(&'a str, Self)> {
        let Some(map) = self.value.as_object() else { return Vec::new() };
        let picked: Vec<(&String, &Value)> = map.iter().filter(|(_, value)| pick(value)).collect();
        if picked.is_empty() {
            return Vec::new();
        }
        let entries = self.node.map(Node::entries).unwrap_or_default();
        let nodes: HashMap<&str, &Node> =
            entries.iter().filter_map(|(key, node)| Some((key.as_str()?, node))).collect();
        let child = |(key, value): (&'a String, &'a Value)| {
            let found = Self { value, node: nodes.get(key.as_str()).copied(), pointer: self.pointer_to(key) };
            (key.as_str(), found)
        };
        picked.into_iter().map(child).collect()
    }

    fn pointer_to(&self, key: &str) -> String {
        format!("{}/{}", self.pointer, key.replace('~', "~0").replace('/', "~1"))
    }

    /// An item of a list.
    pub(super) fn item(&self, index: usize) -> Option<Self> {
        let value = self.value.as_array()?.get(index)?;
        let node = self.node.and_then(|node| node.items().get(index));
        Some(Self { value, node, pointer: format!("{}/{index}", self.pointer) })
    }

    /// What stands at a dotted path of mappings.
    pub(super) fn dig(&self, path: &str) -> Option<Self> {
        let start = Self { value: self.value, node: self.node, pointer: self.pointer.clone() };
        path.split('.').try_fold(start, |found, key| found.child(key))
    }

    /// A string that is not empty.
    pub(super) fn text(&self) -> Option<&'a str> {
        self.value.as_str().filter(|text| !text.is_empty())
    }

    /// A scalar as it is written, whatever its type; `None` for null, empty and collections.
    pub(super) fn as_written(&self) -> Option<Cow<'a, str>> {
        match (self.value, self.node.map(|node| &node.kind)) {
            (Value::Null | Value::Array(_) | Value::Object(_), _) => None,
            (Value::String(text), _) => Some(text.as_str().into()).filter(|text: &Cow<'_, str>| !text.is_empty()),
            (_, Some(Kind::Scalar { value, .. })) => Some(value.as_str().into()),
            (other, _) => Some(other.to_string().into()),
        }
    }
}
