//! Rows: text keys, JSON values with a version.

use redb::{Database, ReadTransaction, ReadableTable as _, TableDefinition, WriteTransaction};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::error::{Error, Step};

/// A table of JSON rows.
pub(super) type Table = TableDefinition<'static, &'static str, &'static [u8]>;

pub(super) const TAGS: Table = TableDefinition::new("tags");
pub(super) const SCANS: Table = TableDefinition::new("scans");
pub(super) const IMAGES: Table = TableDefinition::new("images");
pub(super) const RECORDS: Table = TableDefinition::new("records");
/// Sequence number → digest and size, so that the oldest record is the first row.
pub(super) const RECORDS_BY_AGE: TableDefinition<'static, u64, (&'static str, u64)> =
    TableDefinition::new("records-by-age");
pub(super) const DECISIONS: Table = TableDefinition::new("decisions");
pub(super) const INVENTORY: Table = TableDefinition::new("inventory");
pub(super) const FACTS: Table = TableDefinition::new("facts");

/// The form that rows are written in now. Rows of another form are read as absent.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Row<T> {
    v: u32,
    value: T,
}

/// Makes every table, so that reading never meets a missing one.
pub(super) fn create_tables(database: &Database) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    for table in [TAGS, SCANS, IMAGES, RECORDS, DECISIONS, INVENTORY, FACTS] {
        transaction.open_table(table)?;
    }
    transaction.open_table(RECORDS_BY_AGE)?;
    transaction.commit()?;
    Ok(())
}

pub(super) fn encode<T: Serialize>(key: &str, value: &T) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(&Row { v: VERSION, value }).map_err(|source| Error::Encode { key: key.to_owned(), source })
}

/// The value, or `None` with a warning when the row is of another version or damaged.
pub(super) fn decode<T: DeserializeOwned>(key: &str, bytes: &[u8]) -> Option<T> {
    match serde_json::from_slice::<Row<T>>(bytes) {
        Ok(row) if row.v == VERSION => Some(row.value),
        Ok(row) => {
            tracing::warn!(key, version = row.v, "left out a row of the store that has another version");
            None
        }
        Err(error) => {
            tracing::warn!(key, %error, "left out a row of the store that cannot be read");
            None
        }
    }
}

pub(super) fn get<T: DeserializeOwned>(
    transaction: &ReadTransaction,
    table: Table,
    key: &str,
) -> Result<Option<T>, Step> {
    let table = transaction.open_table(table)?;
    Ok(table.get(key)?.and_then(|row| decode(key, row.value())))
}

/// The same within a transaction that goes on to write.
pub(super) fn get_for_update<T: DeserializeOwned>(
    transaction: &WriteTransaction,
    table: Table,
    key: &str,
) -> Result<Option<T>, Step> {
    let table = transaction.open_table(table)?;
    Ok(table.get(key)?.and_then(|row| decode(key, row.value())))
}

pub(super) fn put(transaction: &WriteTransaction, table: Table, key: &str, row: &[u8]) -> Result<(), Step> {
    transaction.open_table(table)?.insert(key, row)?;
    Ok(())
}

/// All rows whose key begins with `prefix`, in order of their keys.
pub(super) fn with_prefix<T: DeserializeOwned>(
    transaction: &ReadTransaction,
    table: Table,
    prefix: &str,
) -> Result<Vec<(String, T)>, Step> {
    let table = transaction.open_table(table)?;
    let mut found = Vec::new();
    for row in table.range(prefix..)? {
        let (key, value) = row?;
        if !key.value().starts_with(prefix) {
            break;
        }
        if let Some(value) = decode(key.value(), value.value()) {
            found.push((key.value().to_owned(), value));
        }
    }
    Ok(found)
}
