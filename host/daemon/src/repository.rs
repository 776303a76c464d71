//! The config repository as the loops see it: fetched once, read once per commit.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rhumb_core::id::Revision;
use rhumb_core::manifest::{self, File, Manifests};
use rhumb_io::git::{self, Access, Mirror};

/// A commit of the config repository, read and parsed.
#[derive(Debug)]
pub struct Snapshot {
    /// The commit.
    pub revision: Revision,
    /// YAML files by path.
    pub files: BTreeMap<String, File>,
    /// Objects and problems.
    pub manifests: Manifests,
}

/// The config repository.
///
/// The snapshot is a cache by revision and nothing else: a loop that finds another head reads it anew.
pub struct Repository {
    mirror: Arc<Mirror>,
    paths: Vec<String>,
    snapshot: Mutex<Option<Arc<Snapshot>>>,
}

impl Repository {
    /// Opens the mirror of a URL's branch in this folder and makes it when it is not there.
    pub fn open(
        (folder, url, branch): (&Path, &str, &str),
        paths: Vec<String>,
        access: &Access,
    ) -> Result<Self, git::Error> {
        let mirror = Arc::new(Mirror::open(folder, url, branch, access)?);
        Ok(Self { mirror, paths, snapshot: Mutex::new(None) })
    }

    /// The mirror.
    pub fn mirror(&self) -> &Arc<Mirror> {
        &self.mirror
    }

    /// The commit that was looked at last.
    pub fn known(&self) -> Option<Revision> {
        let snapshot = self.snapshot.lock().unwrap_or_else(PoisonError::into_inner);
        snapshot.as_ref().map(|snapshot| snapshot.revision.clone())
    }

    /// Fetches the branch.
    pub async fn fetch(&self) -> Result<(), git::Error> {
        let mirror = Arc::clone(&self.mirror);
        blocking(move || mirror.fetch().map(drop)).await
    }

    /// The head as last fetched, parsed; fetches when nothing was fetched yet.
    pub async fn snapshot(&self) -> Result<Arc<Snapshot>, git::Error> {
        let mirror = Arc::clone(&self.mirror);
        let head = blocking(move || match mirror.head()? {
            Some(head) => Ok(head),
            None => mirror.fetch(),
        })
        .await?;
        let known = self.snapshot.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(snapshot) = known.filter(|snapshot| snapshot.revision == head) {
            return Ok(snapshot);
        }
        let (mirror, paths) = (Arc::clone(&self.mirror), self.paths.clone());
        let snapshot = Arc::new(blocking(move || read(&mirror, head, &paths)).await?);
        *self.snapshot.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&snapshot));
        Ok(snapshot)
    }
}

fn read(mirror: &Mirror, revision: Revision, paths: &[String]) -> Result<Snapshot, git::Error> {
    // Chart.yaml and values.yaml tell charts from manifests, so every YAML file is read.
    let files = mirror.files(&revision, paths, &|path| path.ends_with(".yaml") || path.ends_with(".yml"))?;
    let manifests = manifest::load(&files);
    let files = files.into_iter().map(|file| (file.path.clone(), file)).collect();
    Ok(Snapshot { revision, files, manifests })
}

/// Runs libgit2's blocking work off the async threads.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, git::Error> + Send + 'static,
) -> Result<T, git::Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        // The work neither panics nor is cancelled while the runtime lives.
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
