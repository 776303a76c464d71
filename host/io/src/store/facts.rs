//! Small facts by key, such as since when a container has its current image.
//!
//! Keys are paths made by the caller, such as `current-since/<release>/<container>`.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::Error;
use super::{Store, rows};

/// The fact with this key; `None` too when it was written in another shape.
pub fn get<T: DeserializeOwned>(store: &Store, key: &str) -> Result<Option<T>, Error> {
    store.read("read a fact", |t| rows::get(t, rows::FACTS, key))
}

/// Keeps a fact; writes only when it changes.
pub fn put<T: Serialize>(store: &Store, key: &str, fact: &T) -> Result<(), Error> {
    let row = rows::encode(key, fact)?;
    let same = store.read("read a fact", |t| {
        let table = t.open_table(rows::FACTS)?;
        Ok(table.get(key)?.is_some_and(|known| known.value() == row))
    })?;
    if same {
        return Ok(());
    }
    store.write("write a fact", |t| rows::put(t, rows::FACTS, key, &row))
}

/// Every fact whose key begins with `prefix`, in order of the keys.
pub fn with_prefix<T: DeserializeOwned>(store: &Store, prefix: &str) -> Result<Vec<(String, T)>, Error> {
    store.read("read facts", |t| rows::with_prefix(t, rows::FACTS, prefix))
}

/// Forgets a fact.
pub fn remove(store: &Store, key: &str) -> Result<(), Error> {
    store.write("forget a fact", |t| {
        t.open_table(rows::FACTS)?.remove(key)?;
        Ok(())
    })
}
