//! A remote behind a server: git's own protocol over SSH and HTTPS.
//!
//! Spoken here and not by libgit2's transports, which would bring a second TLS stack, keep their registrations for the
//! whole process, and neither ask for one reference alone nor say in what words a server refused. libgit2 still
//! reads and writes the packs.
//!
//! ```text
//! fetch:  version 2: ls-refs of what is wanted ▶ fetch ▶ pack, streamed to disk
//!         version 0, for servers that know no other: all references ▶ wants and haves ▶ the same
//! push:   references ▶ old, new and pack ▶ what the server says of it
//! ```
//!
//! Invariant: everything that a server sends is bounded in size and in time, and nothing of a conversation outlives it.
//!
//! Invariant: a push names the commit that it replaces, and the server compares: a branch that moved is never
//! overwritten.

mod fetch;
mod packet;
mod push;
mod refs;
mod ssh;
mod talk;
mod web;

use std::time::Duration;

use git2::{Oid, Repository};

use super::error::Error;
use super::remote::{Remote, Tip, Wanted};

/// Longest time for one fetch or one push.
const OPERATION_LIMIT: Duration = Duration::from_secs(15 * 60);
/// Largest pack that is fetched, in bytes.
const PACK_LIMIT: usize = 2 * 1024 * 1024 * 1024;
/// Most bytes of references that a server may send.
const REFERENCES_LIMIT: usize = 64 * 1024 * 1024;
/// Most bytes of words that are kept of what a server says to people.
const WORDS_LIMIT: usize = 2_000;
const AGENT: &str = concat!("agent=rhumb/", env!("CARGO_PKG_VERSION"));

/// What became of a push.
pub(super) enum Pushed {
    /// The branch stands at this new commit.
    Moved(Oid),
    /// The branch stood elsewhere.
    Stale(Oid),
    /// The server does not take it: why, for people.
    Rejected(String),
}

/// One of the two services of a git server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Service {
    UploadPack,
    ReceivePack,
}

impl Service {
    fn name(self) -> &'static str {
        match self {
            Self::UploadPack => "git-upload-pack",
            Self::ReceivePack => "git-receive-pack",
        }
    }
}

/// Brings what the references stand on into `ours` and says where they are now.
pub(super) fn fetch(remote: &Remote, ours: &Repository, wanted: &Wanted<'_>) -> Result<Vec<Tip>, Error> {
    run(remote, fetch::fetch(remote, ours, wanted))
}

/// Moves a branch from `old` to the commit that `make` gives, together with its pack, if it still stands at `old`.
///
/// `make` is called only when the branch stands there.
pub(super) fn push(
    remote: &Remote,
    reference: &str,
    old: Oid,
    make: impl FnOnce() -> Result<(Oid, Vec<u8>), Error>,
) -> Result<Pushed, Error> {
    run(remote, push::push(remote, reference, old, make))
}

/// Runs one conversation to its end on this thread. With it end its connections and all that it started.
fn run<T>(remote: &Remote, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let unreachable = |source| Error::Unreachable { url: remote.url.clone(), source: Box::new(source) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(unreachable)?;
    let result = runtime.block_on(async {
        let late = |_| Error::Timeout { url: remote.url.clone(), seconds: OPERATION_LIMIT.as_secs() };
        tokio::time::timeout(OPERATION_LIMIT, work).await.map_err(late)?
    });
    // Not waited for: a name that is being looked up may take for ever.
    runtime.shutdown_background();
    result
}
