//! What images say of themselves, by repository and digest.

use redb::ReadableTableMetadata as _;
use rhumb_core::id::{Digest, Tag};

use super::error::Error;
use super::tags::SeenTags;
use super::{IMAGES_LIMIT, Store, rows};
use crate::registry::ImageMetadata;

/// Keeps the metadata of these tags, in one transaction, and counts the tags that moved to another digest.
///
/// A tag that was never observed is not counted among the repository's tags; its metadata is kept all the same.
pub fn put(store: &Store, repository: &str, images: &[(Tag, ImageMetadata)]) -> Result<(), Error> {
    if images.is_empty() {
        return Ok(());
    }
    store.write("write metadata of images", |t| {
        let mut seen = rows::get_for_update::<SeenTags>(t, rows::TAGS, repository)?.unwrap_or_default();
        let mut changed = false;
        let mut table = t.open_table(rows::IMAGES)?;
        if table.len()? >= IMAGES_LIMIT {
            table.retain(|_, _| false)?;
        }
        for (tag, image) in images {
            let key = key(repository, &image.digest);
            table.insert(key.as_str(), rows::encode(&key, image)?.as_slice())?;
            let known = seen.get_mut(tag.as_str()).filter(|known| known.digest.as_ref() != Some(&image.digest));
            if let Some(known) = known {
                known.moves = known.moves.saturating_add(u32::from(known.digest.is_some()));
                known.digest = Some(image.digest.clone());
                changed = true;
            }
        }
        drop(table);
        if changed {
            rows::put(t, rows::TAGS, repository, &rows::encode(repository, &seen)?)?;
        }
        Ok(())
    })
}

/// The metadata of each of these tags at the digest that it was last found at, in order; `None` where it isn't known.
pub fn of_tags(store: &Store, repository: &str, tags: &[Tag]) -> Result<Vec<Option<ImageMetadata>>, Error> {
    store.read("read metadata of images", |t| {
        let seen = rows::get::<SeenTags>(t, rows::TAGS, repository)?.unwrap_or_default();
        let table = t.open_table(rows::IMAGES)?;
        tags.iter()
            .map(|tag| {
                let Some(digest) = seen.get(tag.as_str()).and_then(|known| known.digest.as_ref()) else {
                    return Ok(None);
                };
                let key = key(repository, digest);
                Ok(table.get(key.as_str())?.and_then(|row| rows::decode(&key, row.value())))
            })
            .collect()
    })
}

/// The metadata of one image by its digest.
pub fn of_digest(store: &Store, repository: &str, digest: &Digest) -> Result<Option<ImageMetadata>, Error> {
    let key = key(repository, digest);
    store.read("read metadata of an image", |t| rows::get(t, rows::IMAGES, &key))
}

fn key(repository: &str, digest: &Digest) -> String {
    format!("{repository}@{digest}")
}
