//! The daemon's own memory: one redb file.
//!
//! Losing it loses no release: git and the cluster hold the truth. It holds first-seen times of tags, what images say
//! of themselves, decision records, what the last sync applied, and small facts.
//!
//! Invariant: each function is one transaction, so a killed process leaves the state before or after it. Values are
//! JSON with a version; a row that cannot be read is left out with a warning and made again.

mod error;
pub mod facts;
mod file;
pub mod images;
pub mod inventory;
pub mod records;
mod rows;
pub mod tags;
#[cfg(test)]
mod tests;

pub use error::Error;
pub use file::Store;

/// Most images whose metadata is kept; when there are more, all are asked for again.
pub const IMAGES_LIMIT: u64 = 500_000;
/// Most decision records that are kept; the oldest go first.
pub const RECORDS_LIMIT: u64 = 20_000;
/// Most bytes of decision records that are kept, compressed.
pub const RECORDS_BYTES_LIMIT: u64 = 512 * 1024 * 1024;
/// Largest decision record, in bytes of JSON.
pub const RECORD_LIMIT: usize = 64 * 1024 * 1024;
/// Most decision records that are listed per release.
pub const RECORDS_PER_RELEASE: usize = 100;
/// How long the first-seen time of a tag outlives the tag, in milliseconds: 30 days.
pub const GONE_TAGS_KEPT_MILLIS: u64 = 30 * 86_400_000;
