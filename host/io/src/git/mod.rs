//! A bare mirror of one branch of one git repository, and commits made in it.
//!
//! Everything here blocks: callers on an async runtime use `spawn_blocking`.
//! A remote is a path on this machine (`local.rs`) or behind a server (`wire/`), by SSH or HTTPS.
//!
//! Invariant: the remote branch moves only from the revision a commit was built on (compare and swap under git's own
//! ref lock, or by the server), never by force, and the mirror's own ref moves only after the remote's. So a process killed anywhere
//! leaves at most unreferenced objects.
//!
//! Invariant: neither the owner of a directory nor the git configuration of the user or the machine changes what
//! happens here.

mod access;
mod address;
mod commit;
mod error;
mod known_hosts;
mod local;
mod mirror;
mod mirrors;
mod read;
mod remote;
#[cfg(test)]
mod tests;
mod url;
mod wire;

pub use access::{Access, Options, PATIENCE, read_ca, read_known_hosts, read_token};
pub use address::Login;
pub use commit::{Commit, Push, Signature};
pub use error::Error;
pub use known_hosts::{KNOWN_HOSTS_LIMIT, KnownHosts, Trust};
pub use mirror::{CommitInfo, Mirror};
pub use mirrors::{MIRRORS_LIMIT, Mirrors, Origin};
pub use read::{Listing, Skipped};
pub use url::{Names, Rewrites, same_repository};

/// Most files that one [`Mirror::files`] returns.
pub const FILES_LIMIT: usize = 50_000;
/// Largest file that is read, in bytes.
pub const FILE_SIZE_LIMIT: usize = 16 * 1024 * 1024;
/// Most bytes that one [`Mirror::files`] returns.
pub const TOTAL_SIZE_LIMIT: usize = 512 * 1024 * 1024;
/// Deepest folder that is read, counted from the root.
pub const DEPTH_LIMIT: usize = 64;
/// Most tree entries that one [`Mirror::files`] walks over, picked or not.
pub const ENTRIES_LIMIT: usize = 1_000_000;
/// Most commits that one [`Mirror::log`] returns.
pub const LOG_LIMIT: usize = 1_000;
/// Longest path in a commit, in bytes.
pub const PATH_LIMIT: usize = 4_096;
