//! What can go wrong with a registry, as data.

use std::time::Duration;

use crate::web::Failure;

/// A failure to ask a registry.
#[derive(Debug, thiserror::Error)]
#[error("failed to {attempt} of `{repository}` at `{host}`")]
pub struct Error {
    /// What was tried, such as `list the tags`.
    pub attempt: &'static str,
    /// The host that was asked, after mirrors.
    pub host: String,
    /// The canonical repository.
    pub repository: String,
    /// What went wrong.
    #[source]
    pub kind: Kind,
}

/// What went wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Kind {
    /// No answer came, or the host may not be spoken to.
    #[error("registry is unreachable")]
    Unreachable(#[source] Failure),
    /// The registry wants credentials, or refuses the ones it was given. Many registries answer like this for a
    /// repository that does not exist.
    #[error("registry refuses access: there is no such repository, or a pull secret is missing or wrong")]
    Unauthorized,
    /// There is no such repository, tag or blob.
    #[error("not found")]
    NotFound,
    /// The registry asks us to slow down.
    #[error("registry asks to slow down")]
    RateLimited {
        /// How long it asks us to wait, if it says so; at most a day.
        retry_after: Option<Duration>,
    },
    /// The registry failed.
    #[error("registry answered with status {status}")]
    Server {
        /// HTTP status.
        status: u16,
    },
    /// The registry's answer cannot be used.
    #[error("registry gave an answer that cannot be used: {0}")]
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

/// An answer that cannot be used, told in few words.
pub(super) fn malformed(why: impl std::fmt::Display) -> Kind {
    Kind::Malformed(rhumb_core::chain::cut(&why.to_string(), 200))
}
