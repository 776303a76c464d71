//! One scalar of a file that is to be replaced.

use std::ops::Range;
use std::sync::Arc;

use rhumb_yaml::{Node, Style};

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
    /// The document that the scalar stands in, as it was read from the file; without it the file is read again.
    pub document: Option<Arc<Node>>,
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
    /// Reading the edited file gives something else than was meant, such as a second place that an alias changes too.
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
            document: slot.document.clone(),
        })
    }
}
