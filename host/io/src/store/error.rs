//! What can go wrong with the store.

/// A failure to read or write the store.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file could not be opened, for a reason other than damage.
    #[error("failed to open the store `{path}`")]
    Open {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: Box<redb::Error>,
    },
    /// Another process has it open.
    #[error("the store `{path}` is in use by another process")]
    InUse {
        /// The file.
        path: String,
    },
    /// A damaged file could not be set aside, or its folder not be made.
    #[error("failed to prepare a place for the store `{path}`")]
    Place {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A transaction failed.
    #[error("failed to {attempt} in the store")]
    Transaction {
        /// What was tried.
        attempt: &'static str,
        /// Why.
        #[source]
        source: Box<redb::Error>,
    },
    /// A value could not be written as JSON.
    #[error("failed to write `{key}` as JSON for the store")]
    Encode {
        /// The row.
        key: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// A decision record is larger than it may be.
    #[error("decision record `{digest}` is larger than {limit} bytes")]
    RecordTooLarge {
        /// The record.
        digest: String,
        /// The bound.
        limit: usize,
    },
}

impl Error {
    /// Whether the store itself says this in the log, once for all uses that meet it.
    pub fn is_told(&self) -> bool {
        matches!(self, Self::Open { .. } | Self::InUse { .. } | Self::Place { .. } | Self::Transaction { .. })
    }
}

/// Why a step of a transaction failed: the library, or our own reason to give up.
pub(super) enum Step {
    Redb(redb::Error),
    Own(Error),
}

impl Step {
    /// Whether the file has to be opened again before anything else can be done with it.
    pub(super) fn ends_the_file(&self) -> bool {
        use redb::Error::{Backend, Corrupted, DatabaseClosed, Io, LockPoisoned, PreviousIo};
        let Self::Redb(error) = self else { return false };
        matches!(error, Io(_) | PreviousIo | Backend(_) | Corrupted(_) | DatabaseClosed | LockPoisoned(_))
    }

    pub(super) fn into_error(self, attempt: &'static str) -> Error {
        match self {
            Self::Redb(source) => Error::Transaction { attempt, source: Box::new(source) },
            Self::Own(error) => error,
        }
    }
}

impl From<Error> for Step {
    fn from(error: Error) -> Self {
        Self::Own(error)
    }
}

macro_rules! from_redb {
    ($($error:ty),+) => {
        $(impl From<$error> for Step {
            fn from(error: $error) -> Self {
                Self::Redb(error.into())
            }
        })+
    };
}

from_redb!(redb::TransactionError, redb::TableError, redb::StorageError, redb::CommitError);
