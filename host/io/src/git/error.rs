//! What can go wrong with a git repository.

/// A failure to read or write a git repository.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The URL needs a transport that is not built yet.
    #[error("git over {scheme} is not in yet; give a path or a file:// URL instead of `{url}`")]
    NotInYet {
        /// `ssh`, `https`, …
        scheme: String,
        /// Without user and password.
        url: String,
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
