//! What is to be proved of an edit, and what both proofs ask of a document.

use std::collections::BTreeSet;

use rhumb_yaml::{Kind, Node};

use super::edit::Edit;
use crate::id::ObjectId;

/// What is to be proved: `after` reads as `before` with these edits, and with nothing else changed.
pub(super) struct Claim<'a> {
    pub(super) file: &'a str,
    /// A part of the file, and where it begins in there, which the spans of the edits count from.
    pub(super) before: &'a str,
    pub(super) start: usize,
    /// Its one document as it was read from the file, where that is at hand.
    pub(super) tree: Option<&'a Node>,
    pub(super) after: &'a str,
    /// Sorted by their spans.
    pub(super) edits: &'a [&'a Edit],
}

/// The anchors that aliases of this document refer to.
pub(super) fn shared<'a>(node: &'a Node, names: &mut BTreeSet<&'a str>) {
    match &node.kind {
        Kind::Alias { name } => {
            names.insert(name);
        }
        Kind::Sequence { items, .. } => items.iter().for_each(|item| shared(item, names)),
        Kind::Mapping { entries, .. } => entries.iter().for_each(|(key, value)| {
            shared(key, names);
            shared(value, names);
        }),
        Kind::Scalar { .. } => {}
    }
}

/// Whether this mapping is the object, as far as kind and name are written out.
pub(super) fn is(root: &Node, object: &ObjectId) -> bool {
    let name = root.get("metadata").and_then(|metadata| metadata.get("name"));
    let [kind, name] = [root.get("kind"), name].map(|node| node.and_then(Node::as_str));
    kind.is_none_or(|kind| kind == object.kind) && name.is_none_or(|name| name == object.name)
}

/// Whether two nodes are the same, wherever they stand.
pub(super) fn same_but_places(a: &Node, b: &Node) -> bool {
    let same = |a: &[Node], b: &[Node]| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_but_places(a, b));
    a.anchor == b.anchor
        && a.tag == b.tag
        && match (&a.kind, &b.kind) {
            (Kind::Sequence { items, .. }, Kind::Sequence { items: others, .. }) => same(items, others),
            (Kind::Mapping { entries, .. }, Kind::Mapping { entries: others, .. }) => {
                entries.len() == others.len()
                    && entries
                        .iter()
                        .zip(others)
                        .all(|((k, v), (other_k, other_v))| same_but_places(k, other_k) && same_but_places(v, other_v))
            }
            (a, b) => a == b,
        }
}
