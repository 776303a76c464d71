//! The short proof of an edit: the line of the edited scalar, read alone, where nothing outside the line can matter.
//!
//! It holds for `key: value` on one line, with collections in block layout only around it. A block mapping ends its
//! entry at the end of the line, whatever stands in other lines: were the next line a part of the value, the value would
//! not end before it. So the line decides alone how the new text is read. Everything else needs the whole text read
//! again, which `whole.rs` does.

use std::collections::BTreeSet;

use rhumb_yaml::{Document, Kind, Layout, Limits, Node, documents, to_json};
use serde_json::Value;

use super::claim::{Claim, is, same_but_places, shared};
use super::edit::Edit;

/// Whether the edits are proved by their lines alone. `false` says nothing of the claim.
pub(super) fn is_proved(claim: &Claim<'_>) -> bool {
    let Some(tree) = claim.tree else { return false };
    let mut names = BTreeSet::new();
    shared(tree, &mut names);
    let (mut before, mut after, mut start) = (claim.before, claim.after, claim.start);
    for edit in claim.edits {
        let Some((key, value)) = entry(tree, edit, &names) else { return false };
        // Up to the key both are the same bytes. An edit of the same line as the one before it is behind this already.
        let Some(kept) = key.span.start.checked_sub(start).and_then(|n| before.get(..n)) else { return false };
        let (Some(from), Some(to)) = (before.strip_prefix(kept), after.strip_prefix(kept)) else { return false };
        let (old, new) = (first_line(from), first_line(to));
        if edit.span.end > key.span.start + old.len() || !reads(new, key, value, edit) {
            return false;
        }
        start = key.span.start + old.len();
        (before, after) = (from.get(old.len()..).unwrap_or_default(), to.get(new.len()..).unwrap_or_default());
    }
    before == after
}

/// The entry of the edit, as its pointer leads to it from the root of the document.
fn entry<'a>(root: &'a Node, edit: &Edit, aliased: &BTreeSet<&str>) -> Option<(&'a Node, &'a Node)> {
    let is_shared = |node: &Node| node.anchor.as_deref().is_some_and(|anchor| aliased.contains(anchor));
    let (mut node, mut found) = (root, None);
    for step in edit.pointer.split('/').skip(1) {
        found = None;
        let holds = |value: &Node| value.span.start <= edit.span.start && edit.span.end <= value.span.end;
        match &node.kind {
            _ if is_shared(node) => return None,
            Kind::Mapping { entries, layout: Layout::Block } => {
                let step = step.replace("~1", "/").replace("~0", "~");
                let (key, value) = entries.iter().find(|(key, value)| holds(value) && key.as_str() == Some(&step))?;
                found = Some((key, value));
                node = value;
            }
            Kind::Sequence { items, layout: Layout::Block } => node = items.get(step.parse::<usize>().ok()?)?,
            _ => return None,
        }
    }
    let (key, value) = found?;
    let is_bare = key.anchor.is_none() && key.tag.is_none() && key.line == value.line;
    let is_it = value.span == edit.span && !value.span.is_empty() && matches!(value.kind, Kind::Scalar { .. });
    (is_bare && is_it && !is_shared(value) && is(root, &edit.object)).then_some((key, value))
}

fn first_line(text: &str) -> &str {
    text.split(['\n', '\r']).next().unwrap_or_default()
}

/// Whether the line is this key with the edit's value, and nothing else.
fn reads(line: &str, key: &Node, value: &Node, edit: &Edit) -> bool {
    let limits = Limits::default();
    let Ok(read) = documents(line, &limits) else { return false };
    let [Document { root }] = read.as_slice() else { return false };
    let Kind::Mapping { layout: Layout::Block, .. } = root.kind else { return false };
    let [(other_key, new)] = root.entries() else { return false };
    let string = to_json(&Document { root: new.clone() }, &limits);
    same_but_places(key, other_key)
        && (&value.anchor, &value.tag) == (&new.anchor, &new.tag)
        && string == Ok(Value::String(edit.value.clone()))
}
