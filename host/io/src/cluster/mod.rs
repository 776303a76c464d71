//! The Kubernetes API.
//!
//! Speaks through `kube`'s client (configuration, TLS, authentication) with JSON values, as the objects come from
//! repositories and charts and have no types here.
//!
//! Invariant: a request takes effect once. It is sent again only where the server says that it did nothing (too busy,
//! another write at the same moment) and for a `GET` whose connection broke. What any other answer means and when to try
//! again is said by whoever planned it. One that changes something goes out only within the [`Term`] of whoever asks.

mod capabilities;
mod client;
mod config;
mod discovery;
mod error;
mod events;
mod forward;
mod informer;
mod key;
mod lease;
mod objects;
mod ownership;
pub mod records;
pub mod release;
mod term;
mod twins;
mod user;
mod watch;

#[cfg(test)]
pub(crate) mod fake;
#[cfg(test)]
mod tests;

pub use client::{Cluster, Connection};
pub use config::{config_map_value, secret_value};
pub use discovery::Scope;
pub use error::{Error, Kind};
pub use events::{Event, EventType};
pub use forward::Answer;
pub use informer::{Change, Informer, Look, Place};
pub use key::Key;
pub use lease::{Held, LEASE, holder};
pub use objects::{Applied, Live};
pub use term::Term;
pub use user::User;
pub use watch::{News, Part, Selection, Start, Watch};

/// Largest answer that is read, in bytes.
pub const BODY_LIMIT: usize = 64 * 1024 * 1024;
/// Objects per page of a list.
pub const PAGE_SIZE: usize = 500;
/// Most pages of one list.
pub const PAGES_LIMIT: usize = 2_000;
/// Longest event of a watch, in bytes.
pub const WATCH_LINE_LIMIT: usize = 8 * 1024 * 1024;
