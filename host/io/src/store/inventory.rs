//! What the last sync left in the cluster, by object.

use std::collections::BTreeMap;

use rhumb_core::id::Revision;
use serde::{Deserialize, Serialize};

use super::error::Error;
use super::{Store, rows};

/// What is remembered of one applied object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Of the manifest as it was applied.
    pub checksum: String,
    /// `metadata.uid`: an object that was deleted and made again by others has another.
    pub uid: String,
    /// `metadata.generation` after the apply, for kinds that have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<i64>,
    /// `metadata.resourceVersion` after the apply, for kinds without a generation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_version: Option<String>,
}

/// What changed in one sync.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Applied objects by key.
    pub applied: BTreeMap<String, Item>,
    /// Keys of objects that are gone.
    pub removed: Vec<String>,
    /// What was synced, when the sync is through.
    pub revision: Option<Revision>,
}

const REVISION: &str = "revision";

/// Every applied object by its key.
pub fn read(store: &Store) -> Result<BTreeMap<String, Item>, Error> {
    let all = store.read("read the inventory", |t| rows::with_prefix(t, rows::INVENTORY, ""))?;
    Ok(all.into_iter().collect())
}

/// Writes a change in one transaction.
pub fn write(store: &Store, change: &Change) -> Result<(), Error> {
    let mut applied = Vec::with_capacity(change.applied.len());
    for (key, item) in &change.applied {
        applied.push((key, rows::encode(key, item)?));
    }
    let revision = change.revision.as_ref().map(|revision| rows::encode(REVISION, revision)).transpose()?;
    store.write("write the inventory", |t| {
        let mut table = t.open_table(rows::INVENTORY)?;
        for (key, row) in &applied {
            table.insert(key.as_str(), row.as_slice())?;
        }
        for key in &change.removed {
            table.remove(key.as_str())?;
        }
        drop(table);
        revision.iter().try_for_each(|row| rows::put(t, rows::SYNC, REVISION, row))
    })
}

/// The revision that was last synced completely.
pub fn synced(store: &Store) -> Result<Option<Revision>, Error> {
    store.read("read the synced revision", |t| rows::get(t, rows::SYNC, REVISION))
}
