//! The long proof of an edit: the two texts, read again, are the same trees but for the edited scalars.

use std::collections::BTreeSet;

use rhumb_yaml::{Document, Kind, Limits, Node, documents, to_json};
use serde_json::Value;

use super::claim::{Claim, is, same_but_places, shared};
use super::edit::{Edit, EditError};

/// Proves the claim, or says which edit is at fault.
pub(super) fn prove(claim: &Claim<'_>) -> Result<(), EditError> {
    let misplaced = || EditError::Misplaced { file: claim.file.to_owned() };
    let first = claim.edits.first().ok_or_else(misplaced)?;
    let limits = Limits::default();
    let read;
    // A tree that is at hand has the places of the file, one read here those of the part.
    let (before, start): (Vec<&Node>, usize) = match claim.tree {
        Some(tree) => (vec![tree], 0),
        None => {
            read = documents(claim.before, &limits).map_err(|_| misplaced())?;
            (read.iter().map(|document| &document.root).collect(), claim.start)
        }
    };
    let after = documents(claim.after, &limits).map_err(|_| unproved(claim, first))?;
    if before.len() != after.len() {
        return Err(unproved(claim, first));
    }
    let mut edits = claim.edits.iter();
    let next = edits.next().copied();
    let mut walk = Walk { claim, start, path: Vec::new(), next, edits, shared: BTreeSet::new() };
    for (before, after) in before.into_iter().zip(&after) {
        walk.shared.clear();
        shared(before, &mut walk.shared);
        walk.compare(before, &after.root)?;
    }
    match walk.next {
        None => Ok(()),
        Some(_) => Err(misplaced()),
    }
}

fn unproved(claim: &Claim<'_>, edit: &Edit) -> EditError {
    EditError::Unproved { file: claim.file.to_owned(), object: edit.object.clone(), pointer: edit.pointer.clone() }
}

struct Walk<'a> {
    claim: &'a Claim<'a>,
    /// What the spans of `before` lack to those of the file.
    start: usize,
    /// The nodes above, each with the step that leads on from it.
    path: Vec<(&'a Node, Step<'a>)>,
    /// The edit that comes next in the text.
    next: Option<&'a Edit>,
    edits: std::slice::Iter<'a, &'a Edit>,
    shared: BTreeSet<&'a str>,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Key(&'a Node),
    Index(usize),
}

impl<'a> Walk<'a> {
    fn compare(&mut self, before: &'a Node, after: &Node) -> Result<(), EditError> {
        if before.anchor != after.anchor || before.tag != after.tag {
            return Err(self.fault());
        }
        match (&before.kind, &after.kind) {
            (Kind::Scalar { .. }, _) if self.is_next(before) => self.edited(before, after),
            (Kind::Sequence { items, layout }, Kind::Sequence { items: others, layout: other })
                if layout == other && items.len() == others.len() =>
            {
                for (index, (item, other)) in items.iter().zip(others).enumerate() {
                    self.path.push((before, Step::Index(index)));
                    self.compare(item, other)?;
                    self.path.pop();
                }
                Ok(())
            }
            (Kind::Mapping { entries, layout }, Kind::Mapping { entries: others, layout: other })
                if layout == other && entries.len() == others.len() =>
            {
                for ((key, value), (other_key, other)) in entries.iter().zip(others) {
                    self.path.push((before, Step::Key(key)));
                    // A key is never what is edited; an empty one has the span of an empty value.
                    if key.kind != other_key.kind && !same_but_places(key, other_key) {
                        return Err(self.fault());
                    }
                    self.compare(value, other)?;
                    self.path.pop();
                }
                Ok(())
            }
            (before, after) if before == after => Ok(()),
            _ => Err(self.fault()),
        }
    }

    fn is_next(&self, node: &Node) -> bool {
        let start = self.start;
        self.next.is_some_and(|edit| edit.span == (node.span.start + start..node.span.end + start))
    }

    fn edited(&mut self, before: &'a Node, after: &Node) -> Result<(), EditError> {
        let Some(edit) = self.next else { return Err(self.fault()) };
        let above = self.path.iter().map(|(node, _)| *node).chain([before]);
        let spills = above.filter_map(|node| node.anchor.as_deref()).any(|anchor| self.shared.contains(anchor));
        let read = to_json(&Document { root: after.clone() }, &Limits::default());
        if spills || !self.leads_to(edit) || read != Ok(Value::String(edit.value.clone())) {
            return Err(self.fault());
        }
        self.next = self.edits.next().copied();
        Ok(())
    }

    /// Whether the way down to the scalar is that of the edit: its pointer, below its object.
    fn leads_to(&self, edit: &Edit) -> bool {
        let mut above = self.path.iter().rev();
        let mut root = None;
        for key in edit.pointer.split('/').skip(1).collect::<Vec<_>>().into_iter().rev() {
            let Some((node, step)) = above.next() else { return false };
            let same = match step {
                Step::Index(index) => key.parse() == Ok(*index),
                Step::Key(node) => node.as_str() == Some(&key.replace("~1", "/").replace("~0", "~")),
            };
            if !same {
                return false;
            }
            root = Some(*node);
        }
        root.is_some_and(|root| is(root, &edit.object))
    }

    fn fault(&self) -> EditError {
        match self.next.or(self.claim.edits.last().copied()) {
            Some(edit) => unproved(self.claim, edit),
            None => EditError::Misplaced { file: self.claim.file.to_owned() },
        }
    }
}
