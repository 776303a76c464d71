//! "The highest of the tags that can be read", for filters that order by what stands in the tag; the shipped `calver`
//! and `numeric` do.
//!
//! Such a filter never goes down: a current tag above everything on offer stays.

use crate::{Container, Reason, Selection, Tag, Tags};

/// The reason codes of such filters.
pub const REASONS: [(&str, &str); 6] = [
    ("highest", "the highest tag that has the form"),
    ("lower", "it has the form, but another tag is higher"),
    ("up-to-date", "no tag on offer is higher than the current one"),
    ("no-match", "no tag on offer has the form"),
    ("current-higher", "what is on offer is lower than the current tag"),
    ("tags-incomplete", "the registry's list is incomplete and the current tag cannot be compared with it"),
];

/// How many tags a selection gives reasons for.
const CONSIDERED: usize = 20;

/// The tag with the highest key, or why nothing moves; a tag without key is never chosen.
///
/// Of equal keys the greater text is higher, so that the answer does not depend on the order of the tags.
pub fn choose<K: Ord>(container: &Container, tags: &Tags, key: impl Fn(&str) -> Option<K>) -> Selection {
    let mut found: Vec<(K, Tag<'_>)> = tags.iter().filter_map(|tag| Some((key(tag.name)?, tag))).collect();
    let order = |a: &(K, Tag<'_>), b: &(K, Tag<'_>)| b.0.cmp(&a.0).then_with(|| b.1.name.cmp(a.1.name));
    if found.len() > CONSIDERED {
        found.select_nth_unstable_by(CONSIDERED, order);
        found.truncate(CONSIDERED);
    }
    found.sort_unstable_by(order);
    let Some((highest, tag)) = found.first() else {
        return Selection::none(Reason::new("no-match", format!("none of {} tags has the form", tags.count())));
    };
    let name = tag.name;
    let selection = match container.current_tag.as_deref() {
        Some(current) if current == name => keep("up-to-date", format!("`{name}` is the highest on offer")),
        current => match current.and_then(&key) {
            Some(held) if held > *highest => {
                keep("current-higher", format!("`{name}` is the highest on offer, lower than the current tag"))
            }
            Some(held) if held == *highest => keep("up-to-date", format!("`{name}` is as high as the current tag")),
            None if !tags.complete => keep(
                "tags-incomplete",
                format!("`{name}` cannot be compared with the current tag, and the list of tags is incomplete"),
            ),
            _ => Selection::pick(tag.index, Reason::new("highest", format!("`{name}` is the highest on offer"))),
        },
    };
    let why = |at: usize| if at == 0 { "highest" } else { "lower" };
    let considered = found.iter().enumerate();
    selection.considering(considered.map(|(at, (_, tag))| (tag.index, Reason::new(why(at), "has the form"))))
}

fn keep(code: &str, text: String) -> Selection {
    Selection::keep_current(Reason::new(code, text))
}
