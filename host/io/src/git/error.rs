//! What can go wrong with a git repository.

/// A failure to read or write a git repository.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No connection came about, or it broke.
    #[error("failed to reach `{url}`")]
    Unreachable {
        /// The remote.
        url: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Nothing came for too long.
    #[error("`{url}` gave no answer for {seconds} s")]
    Timeout {
        /// The remote.
        url: String,
        /// How long it was waited for.
        seconds: u64,
    },
    /// The key of an SSH server is not one that is known.
    #[error("{problem} of `{host}`: {fingerprint}; if you know that it is right, {remedy}: {line}")]
    HostKey {
        /// What is wrong, such as `unknown SSH host key`.
        problem: &'static str,
        /// `host` or `host:port`.
        host: String,
        /// `SHA256:…`.
        fingerprint: String,
        /// What to do.
        remedy: &'static str,
        /// The line for `known_hosts`.
        line: String,
    },
    /// The remote does not accept who we are.
    #[error("`{url}` does not let us in: {reason}; {hint}")]
    Denied {
        /// The remote.
        url: String,
        /// What it said.
        reason: String,
        /// What to do.
        hint: String,
    },
    /// The remote says that it will not.
    #[error("`{url}` refused: {reason}")]
    Refused {
        /// The remote.
        url: String,
        /// What it said.
        reason: String,
    },
    /// What came is not git's protocol.
    #[error("`{url}` does not answer as a git server: {what}")]
    Protocol {
        /// The remote.
        url: String,
        /// What is wrong.
        what: &'static str,
    },
    /// A file of certificates holds none, or one that is broken.
    #[error("the file of certificates holds no certificate in PEM, or a broken one")]
    BadCertificates,
    /// TLS could not be set up.
    #[error("failed to set up TLS")]
    Tls(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A file of ours could not be read.
    #[error("failed to read `{path}`")]
    File {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The URL is not one.
    #[error("`{url}` is not a path or URL of a git repository: {reason}")]
    BadUrl {
        /// As given.
        url: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The branch does not exist on the remote.
    #[error("configured branch `{branch}` does not exist in `{url}`")]
    NoBranch {
        /// The remote.
        url: String,
        /// The branch that was asked for.
        branch: String,
    },
    /// No branch, tag or commit has this name.
    #[error("there is no branch, tag or commit `{reference}` in `{url}`")]
    NoReference {
        /// The remote.
        url: String,
        /// What was asked for.
        reference: String,
    },
    /// The mirror does not hold this commit.
    #[error("there is no commit `{revision}` in the mirror of `{url}`")]
    NoRevision {
        /// The remote.
        url: String,
        /// What was asked for.
        revision: String,
    },
    /// A folder that was asked for is not in the tree.
    #[error("there is no path `{path}` at commit `{revision}`")]
    NoPath {
        /// What was asked for.
        path: String,
        /// The commit.
        revision: String,
    },
    /// A bound was exceeded.
    #[error("`{path}` exceeds the limit of {limit} {what}")]
    TooLarge {
        /// Where it happened.
        path: String,
        /// The bound.
        limit: usize,
        /// Its unit, such as `bytes in one file`.
        what: &'static str,
    },
    /// A path that no commit of ours may hold.
    #[error("cannot commit to `{path}`: {reason}")]
    BadPath {
        /// The path.
        path: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The commit would not change anything.
    #[error("no changes made in `{url}`: the files are as given already at `{onto}`")]
    NothingChanged {
        /// The remote.
        url: String,
        /// The commit it would stand on.
        onto: String,
    },
    /// The mirror's folder could not be prepared.
    #[error("failed to prepare the mirror in `{dir}`")]
    Directory {
        /// The mirror's folder.
        dir: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Git itself failed.
    #[error("failed to {attempt} `{subject}`")]
    Git {
        /// What was tried.
        attempt: &'static str,
        /// The repository, path or commit.
        subject: String,
        /// Why.
        #[source]
        source: git2::Error,
    },
}

/// Names the attempt when git fails.
pub(super) fn failed<'a>(attempt: &'static str, subject: &'a str) -> impl FnOnce(git2::Error) -> Error + use<'a> {
    move |source| Error::Git { attempt, subject: subject.to_owned(), source }
}
