//! What can go wrong with a Helm repository, as data.

use std::time::Duration;

use crate::web::Failure;

/// A failure to fetch from a Helm repository.
#[derive(Debug, thiserror::Error)]
#[error("failed to {attempt} from `{url}`")]
pub struct Error {
    /// What was tried, such as ``fetch chart `podinfo` ``.
    pub attempt: String,
    /// Repository or archive, without user, password and query.
    pub url: String,
    /// What went wrong.
    #[source]
    pub kind: Kind,
}

/// What went wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Kind {
    /// The URL's scheme is not built yet.
    #[error("charts over {scheme} are not in yet; give an http or https URL")]
    NotInYet {
        /// Such as `oci`.
        scheme: String,
    },
    /// The URL is not one.
    #[error("that is not a URL")]
    BadUrl,
    /// No answer came, or the host may not be spoken to.
    #[error("repository is unreachable")]
    Unreachable(#[source] Failure),
    /// The repository wants credentials, or refuses the ones it was given.
    #[error("repository refuses access")]
    Unauthorized,
    /// There is nothing at the URL.
    #[error("not found")]
    NotFound,
    /// The repository asks us to slow down.
    #[error("repository asks to slow down")]
    RateLimited {
        /// How long it asks us to wait, if it says so.
        retry_after: Option<Duration>,
    },
    /// The repository failed.
    #[error("repository answered with status {status}")]
    Server {
        /// HTTP status.
        status: u16,
    },
    /// The answer cannot be used.
    #[error("repository gave an answer that cannot be used: {0}")]
    Malformed(String),
    /// The answer exceeds a bound.
    #[error("answer is larger than {limit} bytes")]
    TooLarge {
        /// The bound.
        limit: usize,
    },
    /// No answer in time.
    #[error("no answer in time")]
    Timeout,
    /// The index has no such chart.
    #[error("the index has no chart `{name}`")]
    NoChart {
        /// What was asked for.
        name: String,
    },
    /// The index has the chart in no such version.
    #[error("the index has no version of chart `{name}` that fits `{version}`")]
    NoVersion {
        /// The chart.
        name: String,
        /// The version or range that was asked for.
        version: String,
    },
    /// The version is neither one nor a range.
    #[error("`{version}` is neither a version of the chart nor a range")]
    BadRange {
        /// What was asked for.
        version: String,
    },
    /// The archive is not the one that the index promised.
    #[error("archive has digest `{found}`, and the index says `{expected}`")]
    DigestMismatch {
        /// What the index says.
        expected: String,
        /// What came.
        found: String,
    },
}

impl From<Failure> for Kind {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Timeout => Self::Timeout,
            Failure::TooLarge { limit } => Self::TooLarge { limit },
            other => Self::Unreachable(other),
        }
    }
}
