//! Edits single scalars of a file by their bytes, and proves that nothing else changed.

use std::ops::Range;

use rhumb_yaml::{Limits, Style};
use serde_json::Value;

use super::load::{File, load};
use super::slot::Slot;
use crate::id::{ObjectId, Tag};

/// One scalar to be replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// The file.
    pub file: String,
    /// The object.
    pub object: ObjectId,
    /// JSON Pointer of the scalar in the object.
    pub pointer: String,
    /// Bytes of the scalar in the file.
    pub span: Range<usize>,
    /// How it is written now; kept where the new value allows.
    pub style: Style,
    /// The new value.
    pub value: String,
}

/// Why edits were not made. Nothing is changed then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The file is not there, is no text, or two edits overlap.
    #[error("edit of `{file}` does not fit the file")]
    Misplaced {
        /// The file.
        file: String,
    },
    /// Reading the edited file gives something else than was meant.
    #[error("edit of `{file}` would change more than `{pointer}` of `{object}`; nothing was written")]
    Unproved {
        /// The file.
        file: String,
        /// The object that differs, or that was to be edited.
        object: ObjectId,
        /// The scalar that was to be edited.
        pointer: String,
    },
}

impl Edit {
    /// The edit that gives this container a new tag.
    pub fn retag(slot: &Slot, tag: &Tag) -> Option<Self> {
        let place = slot.place.as_ref().ok()?;
        Some(Self {
            file: slot.file.clone(),
            object: slot.object.clone(),
            pointer: place.pointer.clone(),
            span: place.span.clone(),
            style: place.style,
            value: format!("{}{tag}", place.prefix),
        })
    }
}

/// Makes these edits of one file and proves the result: after = before + edits, byte for byte elsewhere.
///
/// Read again, every object of the file is what it was, but for the edited scalars, which are the new strings.
pub fn apply(file: &File, edits: &[Edit]) -> Result<File, EditError> {
    let misplaced = || EditError::Misplaced { file: file.path.clone() };
    let text = std::str::from_utf8(&file.data).map_err(|_| misplaced())?;
    let mut sorted: Vec<&Edit> = edits.iter().collect();
    sorted.sort_by_key(|edit| edit.span.start);
    let mut after = String::with_capacity(text.len() + 64);
    let mut end = 0;
    for edit in sorted {
        after.push_str(text.get(end..edit.span.start).ok_or_else(misplaced)?);
        after.push_str(&rhumb_yaml::scalar(&edit.value, edit.style));
        end = edit.span.end;
    }
    after.push_str(text.get(end..).ok_or_else(misplaced)?);
    let after = File { path: file.path.clone(), data: after.into_bytes() };
    prove(file, &after, edits)?;
    Ok(after)
}

fn prove(before: &File, after: &File, edits: &[Edit]) -> Result<(), EditError> {
    let mut expected = values(before);
    for edit in edits {
        let scalar = expected
            .iter_mut()
            .find(|(id, _)| id.as_ref() == Some(&edit.object))
            .and_then(|(_, value)| value.pointer_mut(&edit.pointer));
        match scalar {
            Some(scalar) => *scalar = Value::String(edit.value.clone()),
            None => return Err(EditError::Misplaced { file: before.path.clone() }),
        }
    }
    let found = values(after);
    let first = edits.first();
    let unproved = |object: ObjectId| EditError::Unproved {
        file: before.path.clone(),
        object,
        pointer: first.map(|edit| edit.pointer.clone()).unwrap_or_default(),
    };
    for (index, (id, value)) in expected.iter().enumerate() {
        if found.get(index).map(|(_, found)| found) != Some(value) {
            let object = id.clone().or_else(|| first.map(|edit| edit.object.clone()));
            return object.map_or(Err(EditError::Misplaced { file: before.path.clone() }), |id| Err(unproved(id)));
        }
    }
    match first {
        Some(edit) if found.len() != expected.len() => Err(unproved(edit.object.clone())),
        _ => Ok(()),
    }
}

/// Every object of the file, and every other document of it, so that an edit cannot spill into a neighbour.
fn values(file: &File) -> Vec<(Option<ObjectId>, Value)> {
    let objects = load(std::slice::from_ref(file)).objects;
    let mut values: Vec<(Option<ObjectId>, Value)> =
        objects.into_iter().map(|object| (Some(object.id), object.value)).collect();
    let text = String::from_utf8_lossy(&file.data);
    let limits = Limits::default();
    for document in rhumb_yaml::documents(&text, &limits).unwrap_or_default() {
        let Ok(value) = rhumb_yaml::to_json(&document, &limits) else { continue };
        if value.get("kind").is_none() {
            values.push((None, value));
        }
    }
    values
}
