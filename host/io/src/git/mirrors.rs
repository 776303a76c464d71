//! Mirrors of the repositories that charts come from: one for each URL and login, shared by the releases that use it.
//!
//! Invariant: whoever writes a release names a URL, so it leads to no path of this machine, and the daemon's token for
//! https goes to the host of the config repository only. What the machine's own git configuration maps is trusted.
//!
//! Invariant: a repository that fails is asked again ever later, and what was fetched from it before stays in use.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rhumb_core::id::{Digest, Revision, Timestamp};

use super::access::Access;
use super::address::{self, Address, Login};
use super::{Error, Mirror};

/// Most repositories that are kept; the one that was not used for the longest time goes first.
pub const MIRRORS_LIMIT: usize = 64;
/// Most branches and tags of one repository that are remembered.
const REFERENCES_LIMIT: usize = 256;
/// How soon a repository is asked again that failed; doubled with each further failure.
const RETRY_MILLIS: u64 = 10_000;

/// Where a chart's repository is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    /// As the release names it.
    pub url: String,
    /// `<namespace>/<name>` of the Secret with the login; the daemon's own access when `None`.
    pub secret: Option<String>,
}

/// The mirrors.
#[derive(Debug)]
pub struct Mirrors {
    folder: PathBuf,
    access: Access,
    // The config repository.
    own: String,
    // How long what was fetched is good for.
    every_millis: u64,
    shelves: Mutex<BTreeMap<Origin, Arc<Shelf>>>,
}

/// One repository.
#[derive(Debug)]
struct Shelf {
    folder: PathBuf,
    access: Access,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    used: Timestamp,
    references: BTreeMap<String, Known>,
}

/// What is known of one branch or tag.
#[derive(Debug)]
struct Known {
    mirror: Arc<Mirror>,
    revision: Option<Revision>,
    failure: Option<Arc<Error>>,
    failures: u32,
    due: Timestamp,
}

impl Mirrors {
    /// Keeps them below this folder; nothing is fetched yet. What earlier processes left is used again.
    pub fn new(folder: &Path, access: Access, own: &str, every_millis: u64) -> Self {
        if std::fs::read_dir(folder).is_ok_and(|entries| entries.count() > MIRRORS_LIMIT) {
            let _ = std::fs::remove_dir_all(folder);
        }
        Self { folder: folder.to_owned(), access, own: own.to_owned(), every_millis, shelves: Mutex::default() }
    }

    /// The commit at a branch or tag, or the commit of this id, with the mirror that holds it. Blocks.
    ///
    /// The remote is asked when it is time. One that fails gives what it gave before; the failure when there is nothing.
    pub fn head(
        &self,
        origin: &Origin,
        login: Option<Login>,
        reference: &str,
        now: Timestamp,
    ) -> Result<(Arc<Mirror>, Revision), Arc<Error>> {
        let mapped = self.access.rewrites().fetch_url(&origin.url);
        let is_local = matches!(address::parse(&mapped), Ok((Address::Local(_), _)));
        if is_local && mapped == origin.url && origin.url != self.own {
            let reason = "a release names a repository by ssh:// or https://, not by a path";
            return Err(Arc::new(Error::BadUrl { url: origin.url.clone(), reason }));
        }
        let shelf = self.shelf(origin, now);
        if origin.secret.is_some() {
            shelf.access.log_in(login);
        }
        // One at a time for each repository; the others go on.
        let mut state = lock(&shelf.state);
        state.used = now;
        let due = state.references.get(reference).is_none_or(|known| known.due <= now);
        if due {
            let known = state.references.remove(reference);
            let mirror = match &known {
                Some(known) => Arc::clone(&known.mirror),
                None => Arc::new(Mirror::open(&shelf.folder, &origin.url, reference, &shelf.access).map_err(Arc::new)?),
            };
            let known = self.ask(mirror, known, now);
            if state.references.len() >= REFERENCES_LIMIT {
                state.references.pop_first();
            }
            state.references.insert(reference.to_owned(), known);
        }
        let known = state.references.get(reference);
        match known.map(|known| (&known.mirror, &known.revision, &known.failure)) {
            Some((mirror, Some(revision), _)) => Ok((Arc::clone(mirror), revision.clone())),
            Some((_, None, Some(failure))) => Err(Arc::clone(failure)),
            _ => Err(Arc::new(Error::NoReference { url: origin.url.clone(), reference: reference.to_owned() })),
        }
    }

    /// When to look again. Never at once: what is due and was not asked has its reason.
    pub fn due(&self, now: Timestamp) -> Option<Timestamp> {
        let shelves: Vec<Arc<Shelf>> = lock(&self.shelves).values().cloned().collect();
        let due = |shelf: &Arc<Shelf>| lock(&shelf.state).references.values().map(|known| known.due).min();
        Some(shelves.iter().filter_map(due).min()?.max(now.plus_millis(RETRY_MILLIS)))
    }

    /// Forgets what no release uses any more, so that it is not asked again.
    pub fn keep(&self, used: &dyn Fn(&Origin, &str) -> bool) {
        lock(&self.shelves).retain(|origin, shelf| {
            let mut state = lock(&shelf.state);
            state.references.retain(|reference, _| used(origin, reference));
            let kept = !state.references.is_empty();
            if !kept {
                let _ = std::fs::remove_dir_all(&shelf.folder);
            }
            kept
        });
    }

    fn ask(&self, mirror: Arc<Mirror>, before: Option<Known>, now: Timestamp) -> Known {
        match mirror.fetch_reference() {
            Ok(revision) => {
                let due = now.plus_millis(self.every_millis);
                Known { mirror, revision: Some(revision), failure: None, failures: 0, due }
            }
            Err(error) => {
                let (revision, failures) = before.map_or((None, 0), |known| (known.revision, known.failures));
                if failures == 0 && revision.is_some() {
                    let (url, reference, error) = (mirror.url(), mirror.branch(), rhumb_core::chain::chain(&error));
                    tracing::warn!(url, reference, error, "chart repository not fetched; what it gave before is used");
                }
                let wait = RETRY_MILLIS.saturating_mul(2_u64.saturating_pow(failures)).min(self.every_millis);
                let due = now.plus_millis(wait);
                let failure = Some(Arc::new(error));
                Known { mirror, revision, failure, failures: failures.saturating_add(1), due }
            }
        }
    }

    /// Whether this is a web host other than the one of the config repository.
    fn is_strange(&self, url: &str) -> bool {
        let host = |url: &str| match address::parse(&self.access.rewrites().fetch_url(url)) {
            Ok((Address::Web { base }, _)) => Some(crate::web::origin(&base)),
            _ => None,
        };
        let strange = host(url);
        strange.is_some() && strange != host(&self.own)
    }

    fn shelf(&self, origin: &Origin, now: Timestamp) -> Arc<Shelf> {
        let mut shelves = lock(&self.shelves);
        if let Some(shelf) = shelves.get(origin) {
            return Arc::clone(shelf);
        }
        if shelves.len() >= MIRRORS_LIMIT {
            // One that is at work just now was used last.
            let used = |shelf: &Arc<Shelf>| shelf.state.try_lock().map_or(now, |state| state.used);
            let oldest = shelves.iter().min_by_key(|(_, shelf)| used(shelf)).map(|(origin, _)| origin.clone());
            if let Some(shelf) = oldest.and_then(|origin| shelves.remove(&origin)) {
                let _ = std::fs::remove_dir_all(&shelf.folder);
            }
        }
        let secret = origin.secret.as_deref().unwrap_or_default();
        let name = Digest::of_parts([origin.url.as_bytes(), secret.as_bytes()]).to_string();
        let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
        let anonymous = origin.secret.is_some() || self.is_strange(&origin.url);
        let access = if anonymous { self.access.with_login(None) } else { self.access.clone() };
        let shelf = Arc::new(Shelf { folder: self.folder.join(name), access, state: Mutex::default() });
        shelves.insert(origin.clone(), Arc::clone(&shelf));
        shelf
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::super::Options;
    use super::*;

    #[test]
    fn the_daemons_token_goes_to_the_host_of_the_config_repository_only() {
        let access = Access::new(Options::default()).unwrap();
        access.log_in(Some(Login { user: "git".to_owned(), password: "secret".to_owned() }));
        let own = "https://git.example.com/team/config";
        let mirrors = Mirrors::new(Path::new("/nowhere"), access, own, 1_000);
        let login = |url: &str, secret: Option<&str>| {
            let origin = Origin { url: url.to_owned(), secret: secret.map(str::to_owned) };
            mirrors.shelf(&origin, Timestamp(0)).access.login()
        };
        assert!(login("https://git.example.com/team/charts", None).is_some());
        assert!(login("https://git.example.com:8443/team/charts", None).is_none());
        assert!(login("https://elsewhere.example.com/team/charts", None).is_none());
        assert!(login("https://git.example.com/team/charts", Some("ns/own")).is_none());
    }
}
