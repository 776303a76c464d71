//! When registries are asked for their tags: when somebody says that there may be new ones, and at each interval; not
//! at every wake-up of the images loop, and never sooner than a registry asked us to come back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rhumb_core::chain::chain;
use rhumb_core::id::Timestamp;
use rhumb_core::images::Scan;
use rhumb_core::manifest::Puller;
use rhumb_io::registry;
use rhumb_io::store::{self, Store};

use crate::credentials::Credentials;

/// How soon a repository is asked again that could not be listed.
const RETRY_MILLIS: u64 = 30_000;

/// Asks registries and remembers what came of it.
pub struct Scanner {
    registry: registry::Client,
    credentials: Credentials,
    interval_millis: u64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Somebody said that there may be new images.
    asked: bool,
    /// Repositories that failed.
    failed: BTreeMap<String, Failed>,
}

struct Failed {
    why: String,
    again: Timestamp,
    /// The registry named the time itself; nothing makes us come sooner.
    binding: bool,
}

impl Scanner {
    /// A scanner that has everything to do.
    pub fn new(registry: registry::Client, credentials: Credentials, interval_millis: u64) -> Self {
        Self { registry, credentials, interval_millis, state: Mutex::new(State { asked: true, ..State::default() }) }
    }

    /// The registry client, with the credentials of those who pull an image.
    pub async fn registry(&self, pullers: &BTreeSet<Puller>) -> registry::Client {
        self.registry.with_keyring(self.credentials.keyring(pullers).await)
    }

    /// Has the next pass ask, whatever was asked when.
    pub fn ask(&self) {
        self.state().asked = true;
    }

    /// When a repository that failed is due again.
    pub fn due(&self) -> Option<Timestamp> {
        self.state().failed.values().map(|failed| failed.again).min()
    }

    /// The tags of these repositories: asked for where that is due, as those who pull from it, and from the store where
    /// not.
    pub async fn scan(
        &self,
        store: &Store,
        repositories: BTreeMap<String, BTreeSet<Puller>>,
        now: Timestamp,
    ) -> BTreeMap<String, Scan> {
        let asked = std::mem::take(&mut self.state().asked);
        self.state().failed.retain(|repository, _| repositories.contains_key(repository));
        let mut scans = BTreeMap::new();
        for (repository, pullers) in repositories {
            let scan = match self.known(store, &repository, (asked, now)) {
                Some(scan) => scan,
                None => self.list(store, (&repository, &pullers), now).await,
            };
            scans.insert(repository, scan);
        }
        scans
    }

    /// What is known without asking, unless it is time to ask.
    fn known(&self, store: &Store, repository: &str, (asked, now): (bool, Timestamp)) -> Option<Scan> {
        if let Some(failed) = self.state().failed.get(repository) {
            let wait = failed.again > now && (failed.binding || !asked);
            return wait.then(|| Scan::Failed(failed.why.clone()));
        }
        let last = store::tags::last_scan(store, repository).ok().flatten()?;
        if asked || now.millis_since(last) >= self.interval_millis {
            return None;
        }
        store::tags::known(store, repository).ok().flatten().map(|tags| Scan::Listed(Arc::new(tags)))
    }

    async fn list(&self, store: &Store, (repository, pullers): (&str, &BTreeSet<Puller>), now: Timestamp) -> Scan {
        let (why, again) = match self.registry(pullers).await.tags(repository).await {
            Ok(list) => match store::tags::observe(store, repository, &list, now) {
                Ok(tags) => {
                    self.state().failed.remove(repository);
                    return Scan::Listed(Arc::new(tags));
                }
                Err(error) => (chain(&error), None),
            },
            Err(error) => (chain(&error), retry_after(&error)),
        };
        tracing::warn!(repository, error = why, "tags not listed");
        let binding = again.is_some();
        let again = now.plus_millis(again.unwrap_or(RETRY_MILLIS));
        self.state().failed.insert(repository.to_owned(), Failed { why: why.clone(), again, binding });
        Scan::Failed(why)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn retry_after(error: &registry::Error) -> Option<u64> {
    match &error.kind {
        registry::Kind::RateLimited { retry_after: Some(wait) } => u64::try_from(wait.as_millis()).ok(),
        _ => None,
    }
}
