//! Edits single scalars of a file by their bytes, and proves that nothing else changed.

use std::ops::Range;
use std::sync::Arc;

use rhumb_yaml::Node;

use super::claim::Claim;
use super::edit::{Edit, EditError};
use super::load::File;
use super::{line, whole};

/// Makes these edits of one file and proves the result: after = before + edits, byte for byte elsewhere.
///
/// Read again, every value of the file is what it was, but for the edited scalars, which are the new strings. The same
/// edit twice counts once.
pub fn apply(file: &File, edits: &[Edit]) -> Result<File, EditError> {
    let misplaced = || EditError::Misplaced { file: file.path.clone() };
    let text = std::str::from_utf8(&file.data).map_err(|_| misplaced())?;
    let mut sorted: Vec<&Edit> = edits.iter().collect();
    sorted.sort_by_key(|edit| (edit.span.start, edit.span.end));
    sorted.dedup_by(|a, b| a.span == b.span && a.value == b.value);
    let mut after = String::with_capacity(text.len() + 64);
    let mut end = 0;
    for (range, edits) in by_document(text, &sorted) {
        let before = text.get(range.clone()).ok_or_else(misplaced)?;
        after.push_str(text.get(end..range.start).ok_or_else(misplaced)?);
        let edited = splice(before, range.start, edits).ok_or_else(misplaced)?;
        let tree = document(&range, edits);
        prove(&Claim { file: &file.path, before, start: range.start, tree, after: &edited, edits })?;
        after.push_str(&edited);
        end = range.end;
    }
    after.push_str(text.get(end..).ok_or_else(misplaced)?);
    Ok(File { path: file.path.clone(), data: after.into_bytes() })
}

/// The document of these edits as it was read, where all of them come from that one reading.
fn document<'e>(part: &Range<usize>, edits: &[&'e Edit]) -> Option<&'e Node> {
    let (first, others) = edits.split_first()?;
    let tree = first.document.as_ref()?;
    let one = others.iter().all(|edit| edit.document.as_ref().is_some_and(|other| Arc::ptr_eq(other, tree)));
    let inside = part.start <= tree.span.start && tree.span.end <= part.end;
    (one && inside).then_some(tree.as_ref())
}

/// The text with these edits made, which are sorted; `None` when they overlap or do not fit.
fn splice(text: &str, start: usize, edits: &[&Edit]) -> Option<String> {
    let mut after = String::with_capacity(text.len() + 64);
    let mut end = 0;
    for edit in edits {
        let span = edit.span.start.checked_sub(start)?..edit.span.end.checked_sub(start)?;
        let _fits = text.get(span.clone())?;
        after.push_str(text.get(end..span.start)?);
        // `tag:` with nothing behind it: a value needs a blank before it.
        if span.is_empty() && !after.ends_with([' ', '\t', '\n']) {
            after.push(' ');
        }
        after.push_str(&rhumb_yaml::scalar(&edit.value, edit.style));
        end = span.end;
    }
    after.push_str(text.get(end..)?);
    Some(after)
}

/// The parts of the text that these edits stand in, each from one `---` to the next. Documents do not see each other's
/// anchors, so what is proved of one alone is proved; the others are the same bytes.
fn by_document<'a, 'e>(text: &str, edits: &'a [&'e Edit]) -> Vec<(Range<usize>, &'a [&'e Edit])> {
    // A directive before `---` belongs to the document behind it: then the whole text is one part.
    let directives = text.starts_with('%') || text.contains("\n%") || text.contains("\r%");
    let mut starts: Vec<usize> = vec![0];
    if !directives {
        let marker = |rest: &str| rest.is_empty() || rest.starts_with([' ', '\t', '\n', '\r']);
        let markers = text.match_indices("\n---").map(|(at, _)| at + 1);
        starts.extend(markers.filter(|at| text.get(at + 3..).is_some_and(marker)));
    }
    let part = |edit: &Edit| starts.partition_point(|start| *start <= edit.span.start).saturating_sub(1);
    let groups = edits.chunk_by(|a, b| part(a) == part(b)).filter_map(|group| {
        let part = part(group.first()?);
        Some((*starts.get(part)?..starts.get(part + 1).copied().unwrap_or(text.len()), group))
    });
    groups.collect()
}

/// Proves the claim, or says which edit is at fault.
fn prove(claim: &Claim<'_>) -> Result<(), EditError> {
    if line::is_proved(claim) { Ok(()) } else { whole::prove(claim) }
}
