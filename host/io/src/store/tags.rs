//! Tags per repository: when each was first seen, and how often it moved.

use std::collections::{BTreeMap, HashSet};

use rhumb_core::id::{Digest, Tag, Timestamp};
use rhumb_core::judge;
use serde::{Deserialize, Serialize};

use super::error::Error;
use super::{GONE_TAGS_KEPT_MILLIS, Store, rows};
use crate::registry::TagList;

/// What is kept of one tag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// When it was first listed.
    pub first_seen: Timestamp,
    /// The digest that it named when its metadata was last read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// How often it was found at another digest than before.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub moves: u32,
    /// Since when it is no longer listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone: Option<Timestamp>,
}

/// The last listing of a repository.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Scan {
    at: Timestamp,
    complete: bool,
}

pub(super) type SeenTags = BTreeMap<String, Seen>;

/// Merges a fresh listing into what is stored and returns it as columns, newest first-seen first, then by name.
///
/// A tag that is no longer listed leaves the columns at once; its first-seen time is kept for 30 days more, so that one
/// bad answer of a registry does not make every tag look new. Writes only when something changed.
pub fn observe(store: &Store, repository: &str, list: &TagList, now: Timestamp) -> Result<judge::Tags, Error> {
    store.write("write the tags", |t| {
        let mut seen = rows::get_for_update::<SeenTags>(t, rows::TAGS, repository)?.unwrap_or_default();
        if merge(&mut seen, list, now) {
            rows::put(t, rows::TAGS, repository, &rows::encode(repository, &seen)?)?;
        }
        let scan = Scan { at: now, complete: list.complete };
        rows::put(t, rows::SCANS, repository, &rows::encode(repository, &scan)?)?;
        Ok(columns(&seen, list.complete))
    })
}

/// The columns as last observed, without a registry. `None` when the repository was never scanned.
pub fn known(store: &Store, repository: &str) -> Result<Option<judge::Tags>, Error> {
    store.read("read the tags", |t| {
        let seen = rows::get::<SeenTags>(t, rows::TAGS, repository)?;
        let complete = rows::get::<Scan>(t, rows::SCANS, repository)?.is_some_and(|scan| scan.complete);
        Ok(seen.map(|seen| columns(&seen, complete)))
    })
}

/// What is kept of each tag of a repository, those that are gone included.
pub fn seen(store: &Store, repository: &str) -> Result<BTreeMap<String, Seen>, Error> {
    let stored = store.read("read the tags", |t| rows::get::<SeenTags>(t, rows::TAGS, repository))?;
    Ok(stored.unwrap_or_default())
}

/// When the repository was last scanned with success.
pub fn last_scan(store: &Store, repository: &str) -> Result<Option<Timestamp>, Error> {
    let scan = store.read("read the time of a scan", |t| rows::get::<Scan>(t, rows::SCANS, repository))?;
    Ok(scan.map(|scan| scan.at))
}

/// Moves first-seen times back to what the cluster remembers, for tags that are seen later here.
pub fn restore_first_seen(store: &Store, repository: &str, times: &BTreeMap<Tag, Timestamp>) -> Result<(), Error> {
    store.write("write the tags", |t| {
        let mut seen = rows::get_for_update::<SeenTags>(t, rows::TAGS, repository)?.unwrap_or_default();
        let mut changed = false;
        for (tag, first_seen) in times {
            let fresh = Seen { first_seen: *first_seen, digest: None, moves: 0, gone: None };
            let known = seen.entry(tag.as_str().to_owned()).or_insert_with(|| {
                changed = true;
                fresh
            });
            changed |= *first_seen < known.first_seen;
            known.first_seen = known.first_seen.min(*first_seen);
        }
        if changed {
            rows::put(t, rows::TAGS, repository, &rows::encode(repository, &seen)?)?;
        }
        Ok(())
    })
}

/// Takes a fresh listing in and says whether anything changed.
fn merge(seen: &mut SeenTags, list: &TagList, now: Timestamp) -> bool {
    let mut changed = false;
    let listed: HashSet<&str> = list.names.iter().map(Tag::as_str).collect();
    for name in &listed {
        match seen.get_mut(*name) {
            Some(known) => changed |= known.gone.take().is_some(),
            None => {
                seen.insert((*name).to_owned(), Seen { first_seen: now, digest: None, moves: 0, gone: None });
                changed = true;
            }
        }
    }
    for (_, known) in seen.iter_mut().filter(|(name, _)| list.complete && !listed.contains(name.as_str())) {
        if known.gone.is_none() {
            known.gone = Some(now);
            changed = true;
        }
    }
    let n_before = seen.len();
    seen.retain(|_, known| known.gone.is_none_or(|gone| now.millis_since(gone) < GONE_TAGS_KEPT_MILLIS));
    changed || seen.len() != n_before
}

fn columns(seen: &SeenTags, complete: bool) -> judge::Tags {
    let mut sorted: Vec<(&String, &Seen)> = seen.iter().filter(|(_, known)| known.gone.is_none()).collect();
    // The sort is stable and the map is ordered by name.
    sorted.sort_by_key(|(_, known)| std::cmp::Reverse(known.first_seen));
    let mut tags = judge::Tags { complete, ..judge::Tags::default() };
    for (name, known) in sorted {
        tags.names.push_str(name);
        tags.names.push('\n');
        tags.first_seen.push(known.first_seen);
        tags.moves.push(known.moves);
    }
    tags
}

fn is_zero(n: &u32) -> bool {
    *n == 0
}
