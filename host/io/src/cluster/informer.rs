//! A copy of the objects of a kind, kept up to date, so that looking at them costs no request.
//!
//! Invariant: only the watch writes to the copy. What we write ourselves comes back through it; [`Informer::until`] waits
//! for that, so that nothing is decided twice.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;
use tokio::time::Instant;

use super::client::Cluster;
use super::watch::{News, Selection, Watch};

/// Namespace (empty for objects of the cluster) and name.
pub type Place = (String, String);

/// How long a write of ours may take to come back before everything is listed anew.
const ECHO_LIMIT: Duration = Duration::from_secs(5);

/// How current a look must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// As far as the watches have brought it.
    Watched,
    /// Everything that was written before the look, at the price of a list.
    Fresh,
}

/// A change of one object, told when it is in the copy already.
#[derive(Debug)]
pub struct Change<'a, T> {
    /// Which object.
    pub place: &'a Place,
    /// As it was; `None` when it is new.
    pub before: Option<&'a T>,
    /// As it is; `None` when it is gone.
    pub after: Option<&'a T>,
}

/// A copy of the objects of a kind.
#[derive(Debug)]
pub struct Informer<T> {
    watch: Watch,
    known: Arc<Known<T>>,
}

#[derive(Debug)]
struct Known<T> {
    objects: Mutex<BTreeMap<Place, Held<T>>>,
    changes: watch::Sender<u64>,
}

#[derive(Debug)]
struct Held<T> {
    version: String,
    object: Arc<T>,
}

impl<T> Known<T> {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Place, Held<T>>> {
        // The map is whole at any time, so another thread's panic does not matter.
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cluster {
    /// Keeps a copy of objects. `make` says what is kept of each, and leaves out what it gives `None` for; `wake` is told
    /// of every change and must not block.
    pub fn inform<T: Send + Sync + 'static>(
        &self,
        selection: Selection,
        make: impl Fn(Value) -> Option<T> + Send + 'static,
        wake: impl Fn(Change<'_, T>) + Send + 'static,
    ) -> Informer<T> {
        let known = Arc::new(Known { objects: Mutex::default(), changes: watch::channel(0).0 });
        let kept = Arc::clone(&known);
        let watch = self.follow(selection, move |news| {
            hear(&kept, &make, &wake, news);
            kept.changes.send_modify(|n| *n += 1);
        });
        Informer { watch, known }
    }
}

fn hear<T>(known: &Known<T>, make: &impl Fn(Value) -> Option<T>, wake: &impl Fn(Change<'_, T>), news: News) {
    let keep = |object: Value| {
        let (place, version) = (place(&object), text(&object, "/metadata/resourceVersion").to_owned());
        (place, make(object).map(|object| Held { version, object: Arc::new(object) }))
    };
    let change = |place: Place, held: Option<Held<T>>| {
        let after = held.as_ref().map(|held| Arc::clone(&held.object));
        let mut objects = known.lock();
        let before = match held {
            Some(held) => objects.insert(place.clone(), held),
            None => objects.remove(&place),
        };
        drop(objects);
        let before = before.map(|held| held.object);
        if before.is_some() || after.is_some() {
            wake(Change { place: &place, before: before.as_deref(), after: after.as_deref() });
        }
    };
    match news {
        // An informer begins with everything.
        News::Gap => {}
        News::Changed(object) => {
            let (place, held) = keep(object);
            change(place, held);
        }
        News::Deleted(object) => change(place(&object), None),
        News::All(objects) => {
            let all: BTreeMap<Place, Option<Held<T>>> = objects.into_iter().map(keep).collect();
            let gone: Vec<Place> = known.lock().keys().filter(|place| !all.contains_key(*place)).cloned().collect();
            for place in gone {
                change(place, None);
            }
            for (place, held) in all {
                let same = match (&held, known.lock().get(&place)) {
                    (Some(held), Some(old)) => held.version == old.version,
                    (None, None) => true,
                    _ => false,
                };
                if !same {
                    change(place, held);
                }
            }
        }
    }
}

impl<T> Informer<T> {
    /// Returns when the copy is as current as asked for. The error says why it cannot be.
    pub async fn current(&self, look: Look) -> Result<(), String> {
        match look {
            Look::Watched => self.watch.listed().await,
            Look::Fresh => self.watch.refresh().await,
        }
    }

    /// Whether it hears of every change at this moment.
    pub fn is_live(&self) -> bool {
        self.watch.is_live()
    }

    /// Everything that is known, by place.
    pub fn all(&self) -> BTreeMap<Place, Arc<T>> {
        self.known.lock().iter().map(|(place, held)| (place.clone(), Arc::clone(&held.object))).collect()
    }

    /// One object.
    pub fn get(&self, place: &Place) -> Option<Arc<T>> {
        self.known.lock().get(place).map(|held| Arc::clone(&held.object))
    }

    /// Returns when an object is known as a write of ours left it, or later; `None` for one that was deleted.
    pub async fn until(&self, place: &Place, version: Option<&str>) {
        let mut changes = self.known.changes.subscribe();
        let mut limit = Instant::now() + ECHO_LIMIT;
        loop {
            changes.borrow_and_update();
            let seen = match (self.known.lock().get(place), version) {
                (None, version) => version.is_none(),
                (Some(_), None) => false,
                (Some(held), Some(version)) => is_at(&held.version, version),
            };
            if seen {
                return;
            }
            match tokio::time::timeout_at(limit, changes.changed()).await {
                Ok(Ok(())) => {}
                // The watch is gone, and with it whoever would decide on the copy.
                Ok(Err(_)) => return,
                // It was overwritten or deleted by somebody else, or the watch is broken: a list tells.
                Err(_) => {
                    if self.watch.refresh().await.is_ok() {
                        return;
                    }
                    limit = Instant::now() + ECHO_LIMIT;
                }
            }
        }
    }
}

/// Whether a version is another one or a later one. Versions are numbers in every server that there is; where they are
/// not, only the same one counts.
fn is_at(version: &str, wanted: &str) -> bool {
    match (version.parse::<u64>(), wanted.parse::<u64>()) {
        (Ok(version), Ok(wanted)) => version >= wanted,
        _ => version == wanted,
    }
}

fn place(object: &Value) -> Place {
    (text(object, "/metadata/namespace").to_owned(), text(object, "/metadata/name").to_owned())
}

fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}
