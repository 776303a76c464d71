//! Decision records: JSON documents by digest, the oldest dropped first, and which ones belong to which release.

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use redb::{ReadableTable as _, ReadableTableMetadata as _, WriteTransaction};
use rhumb_core::id::{Digest, ObjectId};
use serde_json::Value;

use super::error::{Error, Step};
use super::{RECORD_LIMIT, RECORDS_BYTES_LIMIT, RECORDS_LIMIT, RECORDS_PER_RELEASE, Store, rows};

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Most records.
    pub records: u64,
    /// Most bytes, compressed.
    pub bytes: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { records: RECORDS_LIMIT, bytes: RECORDS_BYTES_LIMIT }
    }
}

/// Keeps a record and drops the oldest ones beyond the bounds. A record that is kept already stays as old as it is.
pub fn put(store: &Store, digest: &Digest, record: &Value, bounds: Bounds) -> Result<(), Error> {
    let key = digest.as_str();
    let row = rows::encode(key, record)?;
    if row.len() > RECORD_LIMIT {
        return Err(Error::RecordTooLarge { digest: key.to_owned(), limit: RECORD_LIMIT });
    }
    let packed = gzip(&row);
    store.write("write a decision record", |t| {
        {
            let mut table = t.open_table(rows::RECORDS)?;
            if table.get(key)?.is_some() {
                return Ok(());
            }
            table.insert(key, packed.as_slice())?;
            let mut by_age = t.open_table(rows::RECORDS_BY_AGE)?;
            let next = by_age.last()?.map_or(0, |(sequence, _)| sequence.value().saturating_add(1));
            by_age.insert(next, (key, packed.len() as u64))?;
        }
        prune(t, bounds)
    })
}

/// The record with this digest; `None` when it was dropped or never kept.
pub fn get(store: &Store, digest: &Digest) -> Result<Option<Value>, Error> {
    store.read("read a decision record", |t| {
        let table = t.open_table(rows::RECORDS)?;
        let row = table.get(digest.as_str())?;
        Ok(row.and_then(|row| gunzip(row.value())).and_then(|row| rows::decode(digest.as_str(), &row)))
    })
}

/// Records in the order in which they were kept, and where to go on.
#[derive(Debug, Default, PartialEq)]
pub struct Page {
    /// The oldest of what was left.
    pub records: Vec<Value>,
    /// What to ask the next page after; `None` at the end.
    pub next: Option<u64>,
}

/// Records that were kept after this place, the oldest first: as many as come to this many bytes of JSON, at least one.
pub fn page(store: &Store, after: Option<u64>, bytes: usize) -> Result<Page, Error> {
    store.read("read decision records", |t| {
        let (by_age, table) = (t.open_table(rows::RECORDS_BY_AGE)?, t.open_table(rows::RECORDS)?);
        let (mut page, mut left) = (Page::default(), bytes);
        let first = after.map_or(0, |after| after.saturating_add(1));
        for row in by_age.range(first..)? {
            let (sequence, of) = row?;
            let digest = of.value().0;
            let row = table.get(digest)?.and_then(|row| gunzip(row.value()));
            left = left.saturating_sub(row.as_ref().map_or(0, Vec::len));
            page.records.extend(row.and_then(|row| rows::decode(digest, &row)));
            if left == 0 {
                page.next = Some(sequence.value());
                break;
            }
        }
        Ok(page)
    })
}

/// Puts these records on top of the release's list, newest first.
pub fn note(store: &Store, release: &ObjectId, digests: &[Digest]) -> Result<(), Error> {
    let key = release.to_string();
    store.write("write the list of a release's decisions", |t| {
        let known = rows::get_for_update::<Vec<Digest>>(t, rows::DECISIONS, &key)?.unwrap_or_default();
        let mut list: Vec<&Digest> = digests.iter().collect();
        list.extend(known.iter().filter(|known| !digests.contains(known)));
        list.truncate(RECORDS_PER_RELEASE);
        rows::put(t, rows::DECISIONS, &key, &rows::encode(&key, &list)?)
    })
}

/// The records of a release, newest first. Some of them may have been dropped.
pub fn of_release(store: &Store, release: &ObjectId) -> Result<Vec<Digest>, Error> {
    let key = release.to_string();
    let list = store.read("read the list of a release's decisions", |t| rows::get(t, rows::DECISIONS, &key))?;
    Ok(list.unwrap_or_default())
}

fn prune(transaction: &WriteTransaction, bounds: Bounds) -> Result<(), Step> {
    let mut records = transaction.open_table(rows::RECORDS)?;
    let mut by_age = transaction.open_table(rows::RECORDS_BY_AGE)?;
    let mut n_records = by_age.len()?;
    let mut n_bytes: u64 = 0;
    // The sum is small work beside the write itself: one short row per record.
    for row in by_age.iter()? {
        n_bytes = n_bytes.saturating_add(row?.1.value().1);
    }
    while n_records > 1 && (n_records > bounds.records || n_bytes > bounds.bytes) {
        let Some((digest, size)) = by_age.pop_first()?.map(|(_, row)| (row.value().0.to_owned(), row.value().1)) else {
            return Ok(());
        };
        records.remove(digest.as_str())?;
        n_records -= 1;
        n_bytes = n_bytes.saturating_sub(size);
    }
    Ok(())
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let written = encoder.write_all(bytes).and_then(|()| encoder.finish());
    written.expect("writing to memory does not fail")
}

fn gunzip(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    GzDecoder::new(bytes).take(RECORD_LIMIT as u64 + 1).read_to_end(&mut out).ok()?;
    Some(out)
}
