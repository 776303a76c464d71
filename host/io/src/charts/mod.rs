//! Charts from Helm repositories over HTTP: the index, the version that a range means, the archive.
//!
//! Invariant: an archive that the index has a digest for is checked against it, and what is cached is found by digest
//! only and checked again when it is read.

mod cache;
mod client;
mod error;
mod index;
#[cfg(test)]
mod tests;

pub use client::{Archive, Client, Options};
pub use error::{Error, Kind};
pub use index::{Entry, Index};

/// Largest index, in bytes.
pub const INDEX_LIMIT: usize = 64 * 1024 * 1024;
/// Most versions of all charts in one index.
pub const ENTRIES_LIMIT: usize = 200_000;
/// Largest archive, in bytes.
pub const ARCHIVE_LIMIT: usize = 20 * 1024 * 1024;
/// Most archives in the cache on disk; the oldest go first.
pub const CACHE_LIMIT: usize = 500;
/// Most indexes that are remembered in memory.
pub const INDEXES_LIMIT: usize = 64;
