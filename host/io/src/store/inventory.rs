//! What the sync loop applied, one row for each object.

use std::collections::BTreeMap;

use rhumb_core::sync::{Key, Previous};
use serde::{Deserialize, Serialize};

use super::error::Error;
use super::{Store, rows};

#[derive(Serialize, Deserialize)]
struct Row {
    key: Key,
    previous: Previous,
}

/// Every applied object.
pub fn read(store: &Store) -> Result<BTreeMap<Key, Previous>, Error> {
    let all = store.read("read the inventory", |t| rows::with_prefix::<Row>(t, rows::INVENTORY, ""))?;
    Ok(all.into_iter().map(|(_, row)| (row.key, row.previous)).collect())
}

/// Remembers what was applied (`Some`) and forgets what is gone (`None`), in one transaction.
pub fn write(store: &Store, changes: &BTreeMap<Key, Option<Previous>>) -> Result<(), Error> {
    let mut encoded = Vec::with_capacity(changes.len());
    for (key, previous) in changes {
        let name = format!("{} {key}", key.api_version);
        let row = match previous {
            Some(previous) => Some(rows::encode(&name, &Row { key: key.clone(), previous: previous.clone() })?),
            None => None,
        };
        encoded.push((name, row));
    }
    store.write("write the inventory", |t| {
        let mut table = t.open_table(rows::INVENTORY)?;
        for (name, row) in &encoded {
            match row {
                Some(row) => table.insert(name.as_str(), row.as_slice())?,
                None => table.remove(name.as_str())?,
            };
        }
        Ok(())
    })
}
