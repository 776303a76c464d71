//! What is declared, what serves, and what is on its way.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rhumb_core::id::{Digest, Revision, Timestamp};
use rhumb_core::objects::{API_VERSION, Declared, Source};
use rhumb_core::policies::{PolicyId, PolicyInfo, Served, Serving, Settings, Stand, Standing, Trouble};
use rhumb_io::cluster::{Change, Cluster, Informer, Look, Part, Selection, Start};
use tokio::sync::Semaphore;

use super::load::{self, Failed, Loaded};
use crate::context::Context;
use crate::event::{Event, Wakeups};
use crate::statements::known;

const KINDS: [&str; 2] = ["Policy", "ClusterPolicy"];
/// Policies that are loaded at the same time.
const AT_ONCE: usize = 4;
/// How soon what may pass is tried again; doubled with each further failure.
const RETRY_MILLIS: u64 = 10_000;
/// Longest wait between two tries.
const RETRY_LIMIT_MILLIS: u64 = 600_000;

/// The policies that objects of the cluster declare.
pub(crate) struct Declarations {
    cluster: Cluster,
    objects: [Informer<Declared>; 2],
    table: Mutex<Table>,
    at_once: Arc<Semaphore>,
    wakeups: Arc<Wakeups>,
}

/// What is asked of an object: the same wish is granted once.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    pub(crate) declared: Arc<Declared>,
    digest: Digest,
}

#[derive(Default)]
struct Table {
    entries: BTreeMap<PolicyId, Entry>,
    loading: BTreeSet<PolicyId>,
    /// The commit that policies of the config repository were read from.
    revision: Option<Revision>,
    /// What was served and suspended when the loops were told the last time.
    told: BTreeMap<PolicyId, (Served, Option<String>)>,
}

/// One policy.
struct Entry {
    /// What was tried last.
    wish: Digest,
    state: State,
    good: Option<Good>,
}

enum State {
    Loading,
    Ready,
    Failed { trouble: Trouble, failures: u32, again: Option<Timestamp> },
}

/// What serves.
#[derive(Clone)]
struct Good {
    info: PolicyInfo,
    serving: Serving,
    settings: Settings,
}

impl Wish {
    /// What this object asks for, of a source that is another one when `version` is.
    pub(crate) fn new(declared: Arc<Declared>, version: &str) -> Self {
        let generation = declared.generation.to_be_bytes();
        let digest = Digest::of_parts([declared.uid.as_bytes(), generation.as_slice(), version.as_bytes()]);
        Self { declared, digest }
    }
}

impl Declarations {
    /// Begins to watch.
    pub(crate) fn start(cluster: &Cluster, wakeups: &Arc<Wakeups>) -> Self {
        let objects = KINDS.map(|kind| {
            let selection = Selection {
                api_version: API_VERSION.to_owned(),
                kind: kind.to_owned(),
                labels: None,
                part: Part::Whole,
                start: Start::All,
            };
            let woken = Arc::clone(wakeups);
            let wake = move |change: Change<'_, Declared>| {
                if is_news(&change) {
                    woken.notify(Event::Policies);
                }
            };
            cluster.inform(selection, |object| Declared::of(&object), wake)
        });
        let (table, at_once) = (Mutex::default(), Arc::new(Semaphore::new(AT_ONCE)));
        Self { cluster: cluster.clone(), objects, table, at_once, wakeups: Arc::clone(wakeups) }
    }

    /// Every object that declares a policy, as current as asked for; or why nobody knows them.
    pub(crate) async fn objects(&self, look: Look) -> Result<Vec<Arc<Declared>>, String> {
        let [own, cluster] = &self.objects;
        let (one, other) =
            futures::join!(known(&self.cluster, KINDS[0], own, look), known(&self.cluster, KINDS[1], cluster, look));
        one.and(other)?;
        Ok(own.all().into_values().chain(cluster.all().into_values()).collect())
    }

    /// What there is to ask under each name; or why nobody knows.
    pub(crate) async fn served(&self, look: Look) -> Result<BTreeMap<PolicyId, Served>, String> {
        let objects = self.objects(look).await?;
        let table = self.table();
        Ok(objects.iter().map(|declared| (declared.id.clone(), table.served(declared))).collect())
    }

    /// Whether anything is being loaded.
    pub(crate) fn is_loading(&self) -> bool {
        !self.table().loading.is_empty()
    }

    /// Whether a pass would find something new that no watch tells of: another commit, or a policy that was suspended.
    pub(crate) fn is_outdated(&self, ctx: &Context) -> bool {
        let table = self.table();
        let reads_git = self.objects.iter().flat_map(|objects| objects.all().into_values());
        let moved = table.revision != ctx.repository.known();
        let in_git = |declared: &Arc<Declared>| matches!(declared.source, Ok(Source::Path(_)));
        let suspended = |(id, entry): (&PolicyId, &Entry)| {
            let told = table.told.get(id).and_then(|(_, suspended)| suspended.clone());
            entry.suspended(ctx).map(|(why, _)| why) != told
        };
        table.entries.iter().any(suspended) || (moved && reads_git.into_iter().any(|declared| in_git(&declared)))
    }

    /// Begins to load what is wished for and was not tried yet, or may be tried again. Answers the tasks.
    pub(crate) fn grant(
        &self,
        ctx: &Arc<Context>,
        wishes: &[Wish],
        revision: Revision,
    ) -> Vec<tokio::task::JoinHandle<()>> {
        let now = ctx.clock.now();
        let mut table = self.table();
        table.revision = Some(revision);
        let ids: BTreeSet<&PolicyId> = wishes.iter().map(|wish| &wish.declared.id).collect();
        table.entries.retain(|id, _| ids.contains(id));
        let due: Vec<Wish> = wishes.iter().filter(|wish| table.begin(wish, now)).cloned().collect();
        drop(table);
        due.into_iter().map(|wish| tokio::spawn(Self::load(Arc::clone(ctx), wish))).collect()
    }

    async fn load(ctx: Arc<Context>, wish: Wish) {
        let declarations = &ctx.declared;
        // Nobody closes it.
        let _turn = Arc::clone(&declarations.at_once).acquire_owned().await;
        let outcome = load::load(&ctx, &wish.declared).await;
        declarations.table().end(&wish, outcome, ctx.clock.now());
        declarations.wakeups.notify(Event::Policies);
    }

    /// How each of these stands, and when one of them wants to be looked at again.
    pub(crate) fn standings(&self, ctx: &Context, wishes: &[Wish]) -> (Vec<Standing>, Option<Timestamp>) {
        let table = self.table();
        let mut due = None;
        let standings = wishes.iter().map(|wish| {
            let (standing, again) = table.standing(ctx, &wish.declared);
            due = due.into_iter().chain(again).min();
            standing
        });
        (standings.collect(), due)
    }

    /// Whether the loops are asked to look as there is something else to ask than the last time.
    pub(crate) fn is_told(&self, ctx: &Context, wishes: &[Wish]) -> bool {
        let mut table = self.table();
        let now: BTreeMap<PolicyId, (Served, Option<String>)> = wishes
            .iter()
            .map(|Wish { declared, .. }| {
                let suspended = table.entries.get(&declared.id).and_then(|entry| entry.suspended(ctx));
                (declared.id.clone(), (table.served(declared), suspended.map(|(why, _)| why)))
            })
            .collect();
        let same = now == table.told;
        table.told = now;
        same
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn served(&self, declared: &Declared) -> Served {
        let entry = self.entries.get(&declared.id);
        if let Some(Good { info, settings, .. }) = entry.and_then(|entry| entry.good.as_ref()) {
            return Served { settings: settings.clone(), policy: Ok(info.clone()) };
        }
        let why = match entry.map(|entry| &entry.state) {
            Some(State::Failed { trouble, .. }) => trouble.words(),
            _ => "it is being loaded".to_owned(),
        };
        Served { settings: declared.settings.clone(), policy: Err(why) }
    }

    /// Whether this is to be loaded now; notes that it is.
    fn begin(&mut self, wish: &Wish, now: Timestamp) -> bool {
        let id = &wish.declared.id;
        if self.loading.contains(id) {
            return false;
        }
        let is_new = match self.entries.get_mut(id) {
            Some(entry) if entry.wish == wish.digest => match &entry.state {
                State::Failed { again, .. } => again.is_some_and(|again| again <= now),
                // Of a task that ended otherwise than by its outcome.
                State::Loading => true,
                State::Ready => false,
            },
            Some(entry) => {
                entry.wish.clone_from(&wish.digest);
                entry.state = State::Loading;
                true
            }
            None => {
                let entry = Entry { wish: wish.digest.clone(), state: State::Loading, good: None };
                self.entries.insert(id.clone(), entry);
                true
            }
        };
        if is_new {
            self.loading.insert(id.clone());
        }
        is_new
    }

    fn end(&mut self, wish: &Wish, outcome: Result<Loaded, Failed>, now: Timestamp) {
        self.loading.remove(&wish.declared.id);
        // Something else may be wished for by now.
        let Some(entry) = self.entries.get_mut(&wish.declared.id).filter(|entry| entry.wish == wish.digest) else {
            return;
        };
        entry.state = match outcome {
            Ok(Loaded { info, serving }) => {
                tracing::info!(policy = %wish.declared.id, component = %serving.component, "policy serves");
                entry.good = Some(Good { info, serving, settings: wish.declared.settings.clone() });
                State::Ready
            }
            Err(Failed { trouble, may_pass }) => {
                let failures = match &entry.state {
                    State::Failed { failures, .. } => failures.saturating_add(1),
                    State::Loading | State::Ready => 1,
                };
                if failures == 1 {
                    tracing::warn!(policy = %wish.declared.id, error = trouble.words(), "policy not loaded");
                }
                let wait = RETRY_MILLIS.saturating_mul(2_u64.saturating_pow(failures - 1)).min(RETRY_LIMIT_MILLIS);
                State::Failed { trouble, failures, again: may_pass.then(|| now.plus_millis(wait)) }
            }
        };
    }

    fn standing(&self, ctx: &Context, declared: &Declared) -> (Standing, Option<Timestamp>) {
        let entry = self.entries.get(&declared.id);
        let serving = entry.and_then(|entry| entry.good.as_ref()).map(|good| good.serving.clone());
        let (stand, again) = match entry.map(|entry| (&entry.state, entry.suspended(ctx))) {
            Some((State::Failed { trouble, again, .. }, _)) => (Stand::Stuck(trouble.clone()), *again),
            Some((State::Ready, Some((why, until)))) => (Stand::Suspended(why), Some(until)),
            Some((State::Ready, None)) => (Stand::Ready, None),
            Some((State::Loading, _)) | None => (Stand::Loading, None),
        };
        (Standing { generation: declared.generation, serving, stand }, again)
    }
}

impl Entry {
    /// Why what serves is left alone now, and until when.
    fn suspended(&self, ctx: &Context) -> Option<(String, Timestamp)> {
        let suspended = ctx.sandbox.suspended(&self.good.as_ref()?.info.component)?;
        let left = u64::try_from(suspended.left.as_millis()).unwrap_or(u64::MAX);
        Some((suspended.why, ctx.clock.now().plus_millis(left.saturating_add(1))))
    }
}

/// Whether more than the status changed, which we write ourselves.
fn is_news(change: &Change<'_, Declared>) -> bool {
    let (Some(before), Some(after)) = (change.before, change.after) else { return true };
    (&before.uid, before.generation) != (&after.uid, after.generation)
}

impl Declarations {
    /// Returns when an object is known as a write of ours left it.
    pub(crate) async fn known(&self, id: &PolicyId, version: &str) {
        let [own, cluster] = &self.objects;
        let informer = if id.namespace.is_some() { own } else { cluster };
        let place = (id.namespace.clone().unwrap_or_default(), id.name.to_string());
        informer.until(&place, Some(version)).await;
    }
}
