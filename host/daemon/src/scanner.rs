//! When registries are asked: for their tags when somebody says that there may be new ones, and at each interval; for
//! what images say when it is not known. Not at every wake-up of the images loop, never sooner than a registry asked us
//! to come back, and no more in a pass once a registry does not answer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::StreamExt as _;
use rhumb_core::chain::chain;
use rhumb_core::id::{Tag, Timestamp};
use rhumb_core::images::Scan;
use rhumb_core::manifest::Puller;
use rhumb_io::registry;
use rhumb_io::store::{self, Store};

use crate::clock::Clock;
use crate::credentials::Credentials;

/// How soon a repository is asked again that could not be listed, or for an image that could not be looked at.
const RETRY_MILLIS: u64 = 30_000;
/// Most repositories that are listed at the same time.
const CONCURRENCY: usize = 8;
/// Of how many known tags it is asked after each listing whether they moved to another image; others have their turn
/// after the next.
const RECHECKS: usize = 5;

/// Asks registries and remembers what came of it.
pub struct Scanner {
    registry: registry::Client,
    credentials: Credentials,
    clock: Clock,
    interval_millis: u64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Somebody said that there may be new images.
    asked: bool,
    /// Repositories that failed.
    failed: BTreeMap<String, Failed>,
    /// Why images could not be looked at.
    unread: BTreeMap<(String, Tag), String>,
    /// Until when an image is left alone although its registry answers, as it is the image that is wrong.
    wrong: BTreeMap<(String, Tag), Timestamp>,
    /// Repositories that this pass listed.
    listed: BTreeSet<String>,
    /// The tag of each repository of which it was last asked whether it moved.
    turns: BTreeMap<String, Tag>,
}

struct Failed {
    why: String,
    again: Timestamp,
    /// The registry named the time itself; nothing makes us come sooner.
    binding: bool,
}

impl Scanner {
    /// A scanner that has everything to do.
    pub fn new(registry: registry::Client, credentials: Credentials, clock: Clock, interval_millis: u64) -> Self {
        let state = Mutex::new(State { asked: true, ..State::default() });
        Self { registry, credentials, clock, interval_millis, state }
    }

    /// The registry client, with the credentials of those who pull an image.
    pub async fn registry(&self, pullers: Option<&BTreeSet<Puller>>) -> registry::Client {
        self.registry.with_keyring(self.credentials.keyring(pullers.unwrap_or(&BTreeSet::new())).await)
    }

    /// The registry client for a policy, with the credentials of this Secret.
    pub(crate) async fn registry_for_policy(&self, secret: Option<(&str, &str)>) -> Result<registry::Client, String> {
        Ok(self.registry.with_keyring(self.credentials.with_secret(secret).await?))
    }

    /// Has the next pass ask, whatever was asked when.
    pub fn ask(&self) {
        self.state().asked = true;
    }

    /// When a repository or an image that failed is due again.
    pub fn due(&self) -> Option<Timestamp> {
        let state = self.state();
        state.failed.values().map(|failed| failed.again).chain(state.wrong.values().copied()).min()
    }

    /// The tags of these repositories: asked for where that is due, as those who pull from it, and from the store where
    /// not.
    pub async fn scan(
        &self,
        store: &Store,
        repositories: BTreeMap<String, BTreeSet<Puller>>,
        now: Timestamp,
    ) -> BTreeMap<String, Scan> {
        let asked = {
            let mut state = self.state();
            state.failed.retain(|repository, _| repositories.contains_key(repository));
            state.turns.retain(|repository, _| repositories.contains_key(repository));
            state.listed.clear();
            let asked = std::mem::take(&mut state.asked);
            state
                .wrong
                .retain(|(repository, _), again| !asked && *again > now && repositories.contains_key(repository));
            asked
        };
        // At the same time, so that one that does not answer holds up the pass once.
        let scans = futures::stream::iter(repositories).map(|(repository, pullers)| async move {
            let scan = match self.known(store, &repository, (asked, now)) {
                Some(scan) => scan,
                None => self.list(store, (&repository, &pullers), now).await,
            };
            (repository, scan)
        });
        scans.buffer_unordered(CONCURRENCY).collect().await
    }

    /// What the image at a tag says of itself, or why that cannot be had now, which is logged once.
    pub async fn metadata(
        &self,
        registry: &registry::Client,
        place: (&str, &Tag),
        now: Timestamp,
    ) -> Result<registry::ImageMetadata, String> {
        self.rests(place, now)?;
        let (repository, tag) = place;
        match registry.metadata(repository, tag).await {
            Ok(image) => {
                self.state().unread.remove(&(repository.to_owned(), tag.clone()));
                Ok(image)
            }
            Err(error) => {
                self.note(repository, Some(tag), &error);
                Err(chain(&error))
            }
        }
    }

    /// Of which of these tags it is asked now whether they moved; of none in a pass that did not list the repository.
    pub fn turn(&self, repository: &str, tags: &BTreeSet<Tag>) -> BTreeSet<Tag> {
        let mut state = self.state();
        if !state.listed.remove(repository) {
            return BTreeSet::new();
        }
        let last = state.turns.get(repository);
        let after = tags.iter().filter(|tag| last.is_none_or(|last| *tag > last));
        let chosen: Vec<Tag> = after.chain(tags).take(RECHECKS).cloned().collect();
        if let Some(last) = chosen.last() {
            state.turns.insert(repository.to_owned(), last.clone());
        }
        chosen.into_iter().collect()
    }

    /// Whether a tag names another image than this one now; `false` when the registry does not say.
    pub async fn has_moved(
        &self,
        registry: &registry::Client,
        place: (&str, &Tag),
        known: &registry::ImageMetadata,
        now: Timestamp,
    ) -> bool {
        if self.rests(place, now).is_err() {
            return false;
        }
        let (repository, tag) = place;
        match registry.digest(repository, tag).await {
            Ok(digest) => digest.is_some_and(|digest| digest != known.digest),
            // The next list lacks it, or the next look at it says what is wrong.
            Err(error) if is_of_the_image(&error) => false,
            Err(error) => {
                self.note(repository, Some(tag), &error);
                false
            }
        }
    }

    /// Why a registry, or an image of it, is to be left alone until later.
    fn rests(&self, (repository, tag): (&str, &Tag), now: Timestamp) -> Result<(), String> {
        let state = self.state();
        if let Some(failed) = state.failed.get(repository).filter(|failed| failed.again > now) {
            return Err(failed.why.clone());
        }
        let place = (repository.to_owned(), tag.clone());
        if state.wrong.get(&place).is_some_and(|again| *again > now) {
            return Err(state.unread.get(&place).cloned().unwrap_or_default());
        }
        Ok(())
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
        let error = match self.registry(Some(pullers)).await.tags(repository).await {
            Ok(list) => match store::tags::observe(store, repository, &list, now) {
                Ok(tags) => {
                    let mut state = self.state();
                    state.failed.remove(repository);
                    state.unread.retain(|(of, tag), _| of != repository || list.names.contains(tag));
                    state.listed.insert(repository.to_owned());
                    return Scan::Listed(Arc::new(tags));
                }
                Err(error) => {
                    let why = chain(&error);
                    let again = self.clock.now().plus_millis(RETRY_MILLIS);
                    self.complain(repository, None, Failed { why: why.clone(), again, binding: false });
                    return Scan::Failed(why);
                }
            },
            Err(error) => error,
        };
        self.note(repository, None, &error);
        Scan::Failed(chain(&error))
    }

    /// Remembers what a registry did not say.
    fn note(&self, repository: &str, tag: Option<&Tag>, error: &registry::Error) {
        let asked = retry_after(error);
        // From now on, not from the beginning of the pass: the answer may have taken its time.
        let again = self.clock.now().plus_millis(asked.unwrap_or(RETRY_MILLIS));
        if let Some(tag) = tag.filter(|_| is_of_the_image(error)) {
            self.state().wrong.insert((repository.to_owned(), tag.clone()), again);
        }
        self.complain(repository, tag, Failed { why: chain(error), again, binding: asked.is_some() });
    }

    /// Says what went wrong, once, and leaves the repository alone until it is due again, unless it is an image of it that
    /// is wrong.
    fn complain(&self, repository: &str, tag: Option<&Tag>, failed: Failed) {
        let mut state = self.state();
        let why = failed.why.clone();
        let mut known = state.failed.get(repository).is_some_and(|before| before.why == why);
        let place = tag.map(|tag| (repository.to_owned(), tag.clone()));
        if let Some(place) = &place {
            known |= state.unread.insert(place.clone(), why.clone()).is_some_and(|before| before == why);
        }
        if place.is_none_or(|place| !state.wrong.contains_key(&place)) {
            state.failed.insert(repository.to_owned(), failed);
        }
        drop(state);
        if !known {
            tracing::warn!(repository, error = why, "registry did not say what was asked");
        }
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

/// Whether the registry answers as it should, and it is the image that is wrong.
fn is_of_the_image(error: &registry::Error) -> bool {
    matches!(error.kind, registry::Kind::NotFound | registry::Kind::Malformed(_) | registry::Kind::TooLarge { .. })
}
