//! "The newest of the images that match", for filters that order by build time; the shipped `glob` and `regexp` do.
//!
//! The rules are Flux v1's: newest build time first, of equal times the name that sorts first, no build time is oldest;
//! nothing moves while anything about build times is in doubt. Where they differ, `policies/README.md` says so.

use crate::{Container, Metadata, Reason, Selection, Tags, Timestamp};

/// The reason codes of such filters.
pub const REASONS: [(&str, &str); 8] = [
    ("newest", "the newest image that matches"),
    ("older", "it matches, but another image is newer"),
    ("up-to-date", "no image that matches is newer than the current one"),
    ("no-match", "no tag on offer matches"),
    ("metadata-incomplete", "some build times are not known yet"),
    ("no-build-time", "no image that matches claims a build time, so none can be called newer"),
    ("current-unknown", "the current tag is not on offer or claims no build time, so nothing can be called newer"),
    ("tags-incomplete", "the registry's list is incomplete and what matches is older than the current image"),
];

/// How many tags a selection gives reasons for.
const CONSIDERED: usize = 20;

/// The tags whose build times are needed: those that match, and the current one.
pub fn shortlist(container: &Container, tags: &Tags, matches: impl Fn(&str) -> bool) -> Vec<u32> {
    let current = container.current_tag.as_deref();
    tags.iter().filter(|tag| matches(tag.name) || Some(tag.name) == current).map(|tag| tag.index).collect()
}

/// The newest of the tags that match, or why nothing moves.
pub fn choose(container: &Container, tags: &Tags, metadata: &Metadata, matches: impl Fn(&str) -> bool) -> Selection {
    let names = tags.names();
    let current_tag = container.current_tag.as_deref().unwrap_or_default();
    let mut current = None;
    let mut candidates = Vec::with_capacity(metadata.indices.len());
    for (index, created) in metadata.created() {
        let Some(name) = names.get(index as usize).copied() else { continue };
        let image = Image { index, name, created };
        if name == current_tag {
            current = Some(image);
        }
        if matches(name) {
            candidates.push(image);
        }
    }
    if !metadata.complete {
        let known = candidates.len();
        let wanted = tags.iter().filter(|tag| matches(tag.name)).count();
        return Selection::keep_current(Reason::new(
            "metadata-incomplete",
            format!(
                "build times of {known} of {wanted} matching images are known; the current image stays until all are"
            ),
        ));
    }
    sort_best(&mut candidates);
    let Some(newest) = candidates.first().copied() else {
        return Selection::none(Reason::new("no-match", format!("none of {} tags matches", names.len())));
    };
    let selection = decide(tags, current_tag, current, newest);
    selection.considering(candidates.iter().take(CONSIDERED).map(|image| (image.index, image.reason(&newest))))
}

#[derive(Clone, Copy)]
struct Image<'a> {
    index: u32,
    name: &'a str,
    created: Option<u64>,
}

impl Image<'_> {
    fn reason(&self, newest: &Image<'_>) -> Reason {
        match self.created {
            None => Reason::new("no-build-time", "claims no build time"),
            Some(time) if self.index == newest.index => Reason::new("newest", format!("built {}", Timestamp(time))),
            Some(time) => Reason::new("older", format!("built {}", Timestamp(time))),
        }
    }
}

/// Flux's conditions for a move, in its order, then ours.
fn decide(tags: &Tags, current_tag: &str, current: Option<Image<'_>>, newest: Image<'_>) -> Selection {
    if newest.name == current_tag {
        return Selection::keep_current(Reason::new(
            "up-to-date",
            format!("`{current_tag}` is the newest that matches"),
        ));
    }
    let Some(built) = newest.created else {
        return Selection::keep_current(Reason::new("no-build-time", "no image that matches claims a build time"));
    };
    let Some(current_built) = current.and_then(|image| image.created) else {
        let text = match (current_tag, current) {
            ("", _) => "there is no current tag to compare with".to_owned(),
            (_, None) => format!("the current tag `{current_tag}` is not on offer"),
            (_, Some(_)) => format!("the current image `{current_tag}` claims no build time"),
        };
        return Selection::keep_current(Reason::new("current-unknown", text));
    };
    if current_built >= built && !tags.complete {
        let text = format!("`{}` is older than the current image, and the list of tags is incomplete", newest.name);
        return Selection::keep_current(Reason::new("tags-incomplete", text));
    }
    if current_built == built {
        let text = format!("`{}` was built at the same time as the current image", newest.name);
        return Selection::keep_current(Reason::new("up-to-date", text));
    }
    let text = format!("`{}` is the newest that matches, built {}", newest.name, Timestamp(built));
    Selection::pick(newest.index, Reason::new("newest", text))
}

/// Brings the best to the front in order; the rest stays as it is, because sorting 10,000 tags would cost more than
/// everything else.
fn sort_best(images: &mut [Image<'_>]) {
    let order = |a: &Image<'_>, b: &Image<'_>| b.created.cmp(&a.created).then_with(|| a.name.cmp(b.name));
    if images.len() > CONSIDERED {
        images.select_nth_unstable_by(CONSIDERED, order);
    }
    let best = images.len().min(CONSIDERED);
    if let Some(best) = images.get_mut(..best) {
        best.sort_unstable_by(order);
    }
}
