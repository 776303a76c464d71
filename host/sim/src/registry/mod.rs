//! An OCI registry in memory, by the distribution specification: push and pull of blobs and manifests, tags in pages.
//!
//! Anything that a registry does wrong can be switched on with a [`Fault`].

mod content;
mod routes;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use self::content::Content;
use crate::Clock;
use crate::listener::Listener;

/// Tags in one page, unless set otherwise.
const PAGE_LIMIT: usize = 1000;

/// What a registry does instead of answering.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// 401 that asks for user and password.
    Unauthorized,
    /// 429; the wait is in seconds.
    TooMany {
        /// For the header `Retry-After`, which is left out without it.
        retry_after: Option<u64>,
    },
    /// This status with an error body.
    Status(u16),
    /// 200 with something that is no JSON.
    Garbage,
    /// The right answer, cut in the middle, and the connection closed.
    Truncated,
    /// The right answer, after this time.
    Slow(Duration),
}

/// How often a registry was asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Pages of tags.
    pub tags: u64,
    /// Manifests read or asked about.
    pub manifests: u64,
    /// Blobs read or asked about.
    pub blobs: u64,
    /// Everything that changes something.
    pub pushes: u64,
}

impl Counts {
    /// All requests.
    pub fn total(&self) -> u64 {
        self.tags + self.manifests + self.blobs + self.pushes
    }
}

/// A running registry; it goes down when this is dropped.
#[derive(Debug)]
pub struct Server {
    shared: Arc<Shared>,
    listener: Listener,
}

/// What all requests share.
#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    content: Content,
    counts: Counts,
    /// For all repositories.
    fault: Option<Fault>,
    /// For one repository.
    faults: BTreeMap<String, Fault>,
    page_limit: usize,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Server {
    /// Starts an empty registry on a free port of 127.0.0.1.
    pub async fn start() -> io::Result<Self> {
        let state = State {
            content: Content::default(),
            counts: Counts::default(),
            fault: None,
            faults: BTreeMap::new(),
            page_limit: PAGE_LIMIT,
        };
        let shared = Arc::new(Shared { state: Mutex::new(state) });
        let listener = Listener::start(|_| routes::router(Arc::clone(&shared))).await?;
        Ok(Self { shared, listener })
    }

    /// Such as `http://127.0.0.1:41234`.
    pub fn url(&self) -> String {
        format!("http://{}", self.listener.address())
    }

    /// Such as `127.0.0.1:41234`: what stands in front of a repository in an image reference.
    pub fn host(&self) -> String {
        self.listener.address().to_string()
    }

    /// How often the registry was asked since the last call.
    pub fn requests(&self) -> Counts {
        std::mem::take(&mut self.shared.lock().counts)
    }

    /// Lets every request fail this way.
    pub fn set_fault(&self, fault: Fault) {
        self.shared.lock().fault = Some(fault);
    }

    /// Lets requests about one repository fail this way.
    pub fn set_fault_for(&self, repository: &str, fault: Fault) {
        self.shared.lock().faults.insert(repository.to_owned(), fault);
    }

    /// Ends all faults.
    pub fn clear_faults(&self) {
        let mut state = self.shared.lock();
        state.fault = None;
        state.faults.clear();
    }

    /// Gives at most this many tags in one page, whatever is asked for.
    pub fn set_page_limit(&self, limit: usize) {
        self.shared.lock().page_limit = limit.max(1);
    }

    /// Adds images without a push: each tag with the build time, in milliseconds, that its config claims.
    pub fn add_tags(&self, repository: &str, tags: impl IntoIterator<Item = (String, u64)>) {
        let mut state = self.shared.lock();
        for (tag, created) in tags {
            state.content.add_image(repository, &tag, created);
        }
    }

    /// The tags of a repository, sorted.
    pub fn tags(&self, repository: &str) -> Vec<String> {
        self.shared.lock().content.tags(repository).unwrap_or_default()
    }

    /// The digest that a tag points to.
    pub fn digest(&self, repository: &str, tag: &str) -> Option<String> {
        self.shared.lock().content.manifest(repository, tag).map(|(digest, _)| digest)
    }

    /// Removes a tag; what it pointed to stays.
    pub fn remove_tag(&self, repository: &str, tag: &str) {
        self.shared.lock().content.remove_tag(repository, tag);
    }

    /// Goes down; what it holds is kept for [`Server::resume`].
    pub async fn pause(&mut self) {
        self.listener.stop().await;
    }

    /// Comes back at the same address with everything it held.
    pub async fn resume(&mut self) -> io::Result<()> {
        let shared = Arc::clone(&self.shared);
        self.listener.resume(|_| routes::router(shared)).await
    }

    /// Goes down for good.
    pub async fn stop(mut self) {
        self.listener.stop().await;
    }
}

/// The build time of an image's config, as RFC 3339.
fn created(millis: u64) -> String {
    Clock::fixed(millis).rfc3339()
}
