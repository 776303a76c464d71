//! The three loops and the one that keeps policies ready for them, each the same six verbs: observe, propose, judge, plan, apply, report.

pub mod by_hand;
pub mod images;
pub mod policies;
pub mod releases;
pub mod sync;

use rhumb_io::{cluster, git, store};

/// Why a pass could not look at the world. Nothing was done then; the next pass looks again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The config repository.
    #[error("failed to read the config repository")]
    Git(#[from] git::Error),
    /// The cluster.
    #[error("failed to read the cluster")]
    Cluster(#[from] cluster::Error),
    /// The cluster, as far as it is watched.
    #[error("failed to read the cluster: {0}")]
    Watch(String),
    /// The daemon's own memory.
    #[error("failed to read or write the store")]
    Store(#[from] store::Error),
}
