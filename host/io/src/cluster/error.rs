//! What can go wrong with the Kubernetes API, as data.

use std::time::Duration;

/// A failure to read or change the cluster.
#[derive(Debug, thiserror::Error)]
#[error("failed to {attempt}{}", within(.subject))]
pub struct Error {
    /// What was tried, such as `apply`.
    pub attempt: &'static str,
    /// The object or list, such as `dev:deployment/podinfo`; empty for the cluster itself.
    pub subject: String,
    /// What went wrong. Boxed, as results are returned by value everywhere.
    #[source]
    pub kind: Box<Kind>,
}

/// What went wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Kind {
    /// The configuration to reach the cluster cannot be used.
    #[error("kubeconfig cannot be used")]
    Configuration(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// No answer came.
    #[error("cluster is unreachable")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// No answer came in time.
    #[error("cluster did not answer within {} s", .limit.as_secs())]
    Timeout {
        /// The bound.
        limit: Duration,
    },
    /// Another process may write now, so this one does not.
    #[error("this daemon does not hold the lease, so it writes nothing")]
    NotLeading,
    /// There is no such object.
    #[error("not found")]
    NotFound,
    /// The object is there already.
    #[error("exists already")]
    AlreadyExists,
    /// The server refuses: not allowed, or an admission webhook said no.
    #[error("refused by the cluster: {message}")]
    Refused {
        /// The server's own words.
        message: String,
    },
    /// The object changed in between, or another owns the field.
    #[error("conflict: {message}")]
    Conflict {
        /// The server's own words.
        message: String,
    },
    /// The server asks us to slow down.
    #[error("cluster asks to slow down")]
    Throttled {
        /// How long it asks us to wait, if it says so.
        retry_after: Option<Duration>,
    },
    /// The server does not know this kind (now).
    #[error("cluster knows no kind `{kind}` in `{api_version}`")]
    UnknownKind {
        /// As in the object.
        api_version: String,
        /// As in the object.
        kind: String,
    },
    /// The object is wrong.
    #[error("object is not valid: {message}")]
    Invalid {
        /// The server's own words, or what is missing.
        message: String,
    },
    /// What was asked for did not come about, though no answer was wrong: a wait, a hook, a bound of ours.
    #[error("{message}")]
    Failed {
        /// What did not.
        message: String,
    },
    /// The server failed.
    #[error("cluster failed with status {status}: {message}")]
    Server {
        /// HTTP status.
        status: u16,
        /// The server's own words.
        message: String,
    },
    /// The answer cannot be used.
    #[error("cluster gave an answer that cannot be used: {0}")]
    Malformed(String),
    /// The answer exceeds a bound.
    #[error("answer is larger than {limit} bytes")]
    TooLarge {
        /// The bound.
        limit: usize,
    },
}

impl Kind {
    pub(super) fn at(self, attempt: &'static str, subject: impl ToString) -> Error {
        Error { attempt, subject: subject.to_string(), kind: Box::new(self) }
    }
}

impl Error {
    /// Whether the object is not there.
    pub fn is_not_found(&self) -> bool {
        matches!(*self.kind, Kind::NotFound)
    }

    /// Whether it says nothing about what was asked for: the server was not there, was too busy or failed.
    pub fn is_passing(&self) -> bool {
        matches!(*self.kind, Kind::Unreachable(_) | Kind::Timeout { .. } | Kind::Throttled { .. } | Kind::Server { .. })
    }
}

fn within(subject: &str) -> String {
    if subject.is_empty() { String::new() } else { format!(" `{subject}`") }
}
