//! Waiting for objects: by one watch of each kind for everybody who waits, not by asking again and again.
//!
//! A waiter begins before the objects are written, so that no change of theirs is missed, and is told what the write
//! answered. Only when a watch was interrupted, or cannot be had, are the objects asked for.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::ready::{Ready, finished, readiness};
use crate::cluster::client::Cluster;
use crate::cluster::error::{Error, Kind};
use crate::cluster::key::Key;
use crate::cluster::watch::{News, Part, Selection, Start, Watch};

/// How often objects are asked for while their kind cannot be watched.
const WITHOUT_WATCH: Duration = Duration::from_secs(2);
/// How long the watch of a kind stays when nobody waits any more.
const LINGER: Duration = Duration::from_secs(30);
/// How long a definition of a kind may take to be served.
const ESTABLISHED_TIMEOUT: Duration = Duration::from_secs(60);
/// First and longest pause between two looks whether an object is gone.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));
/// Most objects that an error names.
const NAMED: usize = 5;

type Judge = fn(&Value) -> Ready;

/// The watches of the kinds that somebody waits for.
#[derive(Default)]
pub(in crate::cluster) struct Waits(Mutex<BTreeMap<(String, String), Weak<OfKind>>>);

impl fmt::Debug for Waits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Waits(…)")
    }
}

/// The watch of one kind, and who waits for which of its objects.
struct OfKind {
    watch: Watch,
    waiting: Arc<Waiting>,
}

type Waiting = Mutex<BTreeMap<(String, String), Vec<Weak<Slot>>>>;

/// What one waiter knows.
struct Slot {
    judge: Judge,
    known: Mutex<Known>,
    changed: Notify,
}

#[derive(Default)]
struct Known {
    states: BTreeMap<Key, State>,
    /// Whether something may have been missed.
    gap: bool,
}

/// How an object is, and at which version; 0 when the version is no number.
struct State {
    ready: Ready,
    version: u64,
}

/// Waits for some objects.
pub(super) struct Waiter<'a> {
    cluster: &'a Cluster,
    kinds: Vec<Arc<OfKind>>,
    slot: Arc<Slot>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is guarded is whole at any time, so another thread's panic does not matter.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Slot {
    fn tell(&self, key: &Key, object: &Value, ready: Ready) {
        let version = object.pointer("/metadata/resourceVersion").and_then(Value::as_str);
        let version = version.and_then(|version| version.parse().ok()).unwrap_or(0);
        let mut known = lock(&self.known);
        let old = known.states.get(key).map_or(0, |state| state.version);
        // A watch may still tell of the time before a write whose answer is known.
        if version != 0 && version < old {
            return;
        }
        known.states.insert(key.clone(), State { ready, version });
        drop(known);
        self.changed.notify_one();
    }
}

impl<'a> Waiter<'a> {
    /// Begins to wait until each of these objects serves.
    pub(super) async fn ready(cluster: &'a Cluster, keys: &[Key]) -> Self {
        Self::new(cluster, keys, readiness).await
    }

    /// Begins to wait until a Job or Pod has done its work; any other object has, once it is there.
    pub(super) async fn finished(cluster: &'a Cluster, key: &Key) -> Self {
        let waits = matches!(key.kind.as_str(), "Job" | "Pod");
        Self::new(cluster, if waits { std::slice::from_ref(key) } else { &[] }, finished).await
    }

    async fn new(cluster: &'a Cluster, keys: &[Key], judge: Judge) -> Self {
        let states = keys.iter().map(|key| (key.clone(), State { ready: Ready::No("not there"), version: 0 }));
        let known = Known { states: states.collect(), gap: false };
        let slot = Arc::new(Slot { judge, known: Mutex::new(known), changed: Notify::new() });
        let mut kinds: BTreeMap<(String, String), Arc<OfKind>> = BTreeMap::new();
        for key in keys {
            let kind = (key.api_version.clone(), key.kind.clone());
            let of_kind = kinds.entry(kind).or_insert_with_key(|kind| cluster.waits.of_kind(cluster, kind));
            lock(&of_kind.waiting).entry(place(key)).or_default().push(Arc::downgrade(&slot));
        }
        let waiter = Self { cluster, kinds: kinds.into_values().collect(), slot };
        for of_kind in &waiter.kinds {
            // Without a watch the objects are asked for.
            let _ = of_kind.watch.listed().await;
        }
        // The objects are not written yet: what was missed until now was not theirs.
        lock(&waiter.slot.known).gap = false;
        waiter
    }

    /// Takes what a write of one of the objects answered.
    pub(super) fn tell(&self, key: &Key, answer: &Value) {
        if lock(&self.slot.known).states.contains_key(key) {
            self.slot.tell(key, answer, (self.slot.judge)(answer));
        }
    }

    /// Returns when all of them are; the error names those that are not in time.
    pub(super) async fn wait(self, timeout: Duration) -> Result<(), Error> {
        let deadline = Instant::now() + timeout;
        loop {
            let left = self.left()?;
            if left.is_empty() {
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(late(&left));
            }
            let watched = self.kinds.iter().all(|of_kind| of_kind.watch.is_live());
            let gap = std::mem::take(&mut lock(&self.slot.known).gap);
            if gap || !watched {
                for (key, _) in &left {
                    match self.cluster.get(key).await {
                        Ok(Some(object)) => self.tell(key, &object),
                        Ok(None) => {}
                        // The server is away; what was applied comes to be ready without it.
                        Err(error) if error.is_passing() => lock(&self.slot.known).gap = true,
                        Err(error) => return Err(error),
                    }
                }
                if self.left()?.is_empty() {
                    return Ok(());
                }
            }
            let sure = watched && !lock(&self.slot.known).gap;
            let pause = if sure { deadline } else { deadline.min(Instant::now() + WITHOUT_WATCH) };
            // A permit of the notification stays while nobody waits for it.
            let _ = tokio::time::timeout_at(pause, self.slot.changed.notified()).await;
        }
    }

    fn left(&self) -> Result<Vec<(Key, &'static str)>, Error> {
        let known = lock(&self.slot.known);
        let mut left = Vec::new();
        for (key, state) in &known.states {
            match &state.ready {
                Ready::Yes => {}
                Ready::No(why) => left.push((key.clone(), *why)),
                Ready::Failed(message) => return Err(Kind::Failed { message: message.clone() }.at("wait for", key)),
            }
        }
        Ok(left)
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        let kinds = std::mem::take(&mut self.kinds);
        for of_kind in &kinds {
            let mut waiting = lock(&of_kind.waiting);
            for key in lock(&self.slot.known).states.keys() {
                if let Some(slots) = waiting.get_mut(&place(key)) {
                    slots.retain(|slot| {
                        slot.strong_count() > 0 && !std::ptr::eq(slot.as_ptr(), Arc::as_ptr(&self.slot))
                    });
                }
            }
            waiting.retain(|_, slots| !slots.is_empty());
        }
        // The next waiter will likely come soon.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                tokio::time::sleep(LINGER).await;
                drop(kinds);
            });
        }
    }
}

impl Waits {
    fn of_kind(&self, cluster: &Cluster, kind: &(String, String)) -> Arc<OfKind> {
        let mut all = lock(&self.0);
        if let Some(of_kind) = all.get(kind).and_then(Weak::upgrade) {
            return of_kind;
        }
        let selection = Selection {
            api_version: kind.0.clone(),
            kind: kind.1.clone(),
            labels: None,
            part: Part::Whole,
            start: Start::Now,
        };
        let waiting: Arc<Waiting> = Arc::default();
        let (told, (api_version, name)) = (Arc::clone(&waiting), kind.clone());
        let watch = cluster.follow(selection, move |news| hear(&told, (&api_version, &name), &news));
        let of_kind = Arc::new(OfKind { watch, waiting });
        all.retain(|_, of_kind| of_kind.strong_count() > 0);
        all.insert(kind.clone(), Arc::downgrade(&of_kind));
        of_kind
    }
}

fn hear(waiting: &Waiting, (api_version, kind): (&str, &str), news: &News) {
    let told = |object: &Value, there: bool| {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let key = Key::new(api_version, kind, text("/metadata/namespace"), text("/metadata/name"));
        let slots: Vec<Arc<Slot>> =
            lock(waiting).get(&place(&key)).into_iter().flatten().filter_map(Weak::upgrade).collect();
        for slot in slots {
            let ready = if there { (slot.judge)(object) } else { Ready::No("not there") };
            slot.tell(&key, object, ready);
        }
    };
    match news {
        News::Changed(object) => told(object, true),
        News::Deleted(object) => told(object, false),
        News::All(objects) => objects.iter().for_each(|object| told(object, true)),
        News::Gap => {
            let slots: Vec<Arc<Slot>> = lock(waiting).values().flatten().filter_map(Weak::upgrade).collect();
            for slot in slots {
                lock(&slot.known).gap = true;
                slot.changed.notify_one();
            }
        }
    }
}

fn place(key: &Key) -> (String, String) {
    (key.namespace.clone().unwrap_or_default(), key.name.clone())
}

fn late(left: &[(Key, &'static str)]) -> Error {
    let named: Vec<String> = left.iter().take(NAMED).map(|(key, why)| format!("{key} ({why})")).collect();
    let more = left.len().saturating_sub(NAMED);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    // The words that Helm uses, so that people find them.
    let message = format!("timed out waiting for the condition: {}{more}", named.join(", "));
    Kind::Failed { message }.at("wait for", "readiness")
}

/// Waits until the definition of a kind is served, and forgets what was discovered before.
pub(super) async fn established(waiter: Waiter<'_>, object: &Value) -> Result<(), Error> {
    let cluster = waiter.cluster;
    waiter.wait(ESTABLISHED_TIMEOUT).await?;
    let group = object.pointer("/spec/group").and_then(Value::as_str).unwrap_or_default();
    for version in object.pointer("/spec/versions").and_then(Value::as_array).into_iter().flatten() {
        if let Some(version) = version.get("name").and_then(Value::as_str) {
            cluster.discovery.forget(&format!("{group}/{version}"));
        }
    }
    Ok(())
}

/// Waits until there is no such object.
pub(super) async fn gone(cluster: &Cluster, key: &Key, timeout: Duration) -> Result<(), Error> {
    let deadline = Instant::now() + timeout;
    let mut pause = PAUSES.0;
    loop {
        match cluster.get_metadata(key).await {
            Ok(None) => return Ok(()),
            Ok(Some(_)) => {}
            Err(error) if error.is_passing() => {}
            Err(error) => return Err(error),
        }
        if Instant::now() >= deadline {
            return Err(Kind::Timeout { limit: timeout }.at("wait for the end of", key));
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSES.1);
    }
}
