//! One daemon: an agenda, three loops, one pass of a loop at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rhumb_core::chain::chain;
use rhumb_core::id::Timestamp;
use rhumb_core::images::Pushed;
use rhumb_io::cluster::Look;
use tokio::time::Instant;

use crate::clock::Clock;
use crate::config::Config;
use crate::context::Context;
use crate::event::{Agenda, Event, Loop};
use crate::loops;

/// How soon a loop whose pass failed looks again.
const RETRY_MILLIS: u64 = 10_000;
/// How soon a push is tried again that lost a race or failed; doubled with each further failure.
const PUSH_RETRY_MILLIS: u64 = 1_000;
/// Longest wait between two pushes that fail.
const PUSH_RETRY_LIMIT_MILLIS: u64 = 300_000;
/// Longest sleep of the driver: the system clock may be set meanwhile.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

/// How much longer than its pass a loop rests, so that many events cost a bounded share of a core.
const REST_FACTOR: u32 = 4;
const SHORTEST_REST: Duration = Duration::from_millis(50);

/// A running daemon.
pub struct Daemon {
    /// Clients and caches.
    pub ctx: Arc<Context>,
    /// Pushes that failed in a row.
    push_failures: AtomicU32,
    /// What went wrong last, of the pushes and of each loop: said once, not at each attempt.
    complaints: Mutex<BTreeMap<&'static str, String>>,
}

/// How many passes of each loop ran, and in how many of them something was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Passes {
    /// Passes of all loops.
    pub ran: usize,
    /// Those that changed something.
    pub changed: usize,
    /// Those that could not look at the world.
    pub failed: usize,
}

impl Daemon {
    /// Opens everything, makes the SSH identity when there is none, and asks every loop to look.
    pub async fn start(config: Config, clock: Clock, cluster: rhumb_io::cluster::Cluster) -> anyhow::Result<Arc<Self>> {
        let ctx = Context::open(config, clock, cluster).await?;
        let daemon = Self { ctx: Arc::new(ctx), push_failures: AtomicU32::new(0), complaints: Mutex::default() };
        daemon.notify(Event::Git);
        Ok(Arc::new(daemon))
    }

    /// Says that something may have changed. Carries no data; wake-ups coalesce.
    pub fn notify(&self, event: Event) {
        if event == Event::Registry {
            self.ctx.scanner.ask();
        }
        self.ctx.wakeups.notify(event);
    }

    /// Runs loops until nothing is due at the present time and nothing is at work.
    ///
    /// Work flows from loop to loop through git and the cluster, so the driver itself notes what a pass touched, and
    /// each pass looks afresh: what was written before this call is seen by it.
    pub async fn settle(&self) -> Passes {
        let mut passes = Passes::default();
        // A bound, so that two loops that keep waking each other show as a failure and not as a hang.
        while passes.ran < 1000 {
            let next = self.agenda().next(self.ctx.clock.now(), &BTreeSet::new());
            match next {
                Some(which) => self.count(&mut passes, which, Look::Fresh).await,
                None if self.ctx.flights.in_flight().is_empty() && !self.ctx.declared.is_loading() => {
                    // The last one may have asked for a look between the two questions.
                    if self.agenda().is_empty(self.ctx.clock.now()) {
                        break;
                    }
                }
                None => {
                    tokio::select! {
                        () = self.ctx.flights.landing() => {}
                        () = self.ctx.wakeups.rung() => {}
                    }
                }
            }
        }
        passes
    }

    /// Makes a pass and counts it; one that fails is made again soon.
    async fn count(&self, passes: &mut Passes, which: Loop, look: Look) {
        passes.ran += 1;
        match self.pass(which, look).await {
            Ok(changed) => {
                passes.changed += usize::from(changed);
                self.is_news(which.as_str(), None);
            }
            Err(error) => {
                passes.failed += 1;
                let error = chain(&error);
                if self.is_news(which.as_str(), Some(&error)) {
                    tracing::warn!(pass = which.as_str(), error, "pass failed; tried again until it works");
                }
                let again = self.later(RETRY_MILLIS);
                self.agenda().due(which, Some(again));
            }
        }
    }

    /// Makes the passes that are due, each loop with rests. Returns when a loop that is asked for has rested.
    async fn work(&self, rests: &mut BTreeMap<Loop, Instant>) -> Option<Instant> {
        while !self.ctx.flights.is_closed() {
            rests.retain(|_, until| *until > Instant::now());
            let resting = rests.keys().copied().collect();
            let Some(which) = self.agenda().next(self.ctx.clock.now(), &resting) else { break };
            let loading = || Duration::from_millis(self.ctx.loading.load(Ordering::Relaxed));
            let (start, loaded) = (Instant::now(), loading());
            self.count(&mut Passes::default(), which, Look::Watched).await;
            // A policy is compiled once, however many events there are.
            let took = start.elapsed().saturating_sub(loading().saturating_sub(loaded));
            rests.insert(which, Instant::now() + (took * REST_FACTOR).max(SHORTEST_REST));
        }
        let now = self.ctx.clock.now();
        if self.agenda().is_empty(now) { None } else { rests.values().min().copied() }
    }

    /// One pass of one loop; `true` when it changed something.
    async fn pass(&self, which: Loop, look: Look) -> Result<bool, loops::Error> {
        if self.agenda().fetches(which) {
            self.ctx.fetch().await?;
        }
        let (changed, due, touched) = match which {
            Loop::Policies => {
                let pass = loops::policies::pass(&self.ctx, look).await?;
                (pass.changed, pass.due, pass.changed.then_some(Event::Cluster))
            }
            Loop::Images => {
                let pass = loops::images::pass(&self.ctx, look).await?;
                let changed = matches!(pass.pushed, Pushed::Commit(_));
                let again = self.push_again(&pass.pushed);
                let due = pass.plan.wake.into_iter().chain(self.ctx.scanner.due()).chain(again).min();
                (changed, due, changed.then_some(Event::Git))
            }
            Loop::Sync => {
                let status = loops::sync::pass(&self.ctx).await?;
                let retry = (status.to_retry > 0).then(|| self.later(RETRY_MILLIS));
                (status.changed > 0, retry, (status.changed > 0).then_some(Event::Cluster))
            }
            Loop::Releases => {
                let plan = loops::releases::pass(&self.ctx, look).await?;
                let now = self.ctx.clock.now();
                let documents = self.ctx.documents.due();
                let due = plan.wake.into_iter().chain(self.ctx.chart_repositories.due(now)).chain(documents).min();
                // What is at work now says itself when it has ended.
                (!plan.actions.is_empty(), due, None)
            }
        };
        let asks_for_policies = which != Loop::Policies && self.ctx.declared.is_outdated(&self.ctx);
        let mut agenda = self.agenda();
        if asks_for_policies {
            agenda.ask(Loop::Policies);
        }
        agenda.due(which, due);
        if let Some(event) = touched {
            agenda.wake(event);
        }
        Ok(changed)
    }

    /// Lets no pass and no action begin any more; [`Daemon::run`] returns when what is at work has ended.
    pub fn stop(&self) {
        self.ctx.flights.close();
        self.ctx.wakeups.ring();
    }

    /// Runs until [`Daemon::stop`]: by events, at noted times, and at each interval. While this daemon may not write, it
    /// makes no pass.
    pub async fn run(self: Arc<Self>) {
        let config = &self.ctx.config;
        let mut git = tokio::time::interval(config.git_poll_interval);
        let mut sync = tokio::time::interval(config.sync_interval);
        let mut images = tokio::time::interval(config.automation_interval);
        let mut releases = tokio::time::interval(config.charts_sync_interval);
        let mut rests = BTreeMap::new();
        while !self.ctx.flights.is_closed() {
            tokio::select! {
                () = self.ctx.cluster.term().begun() => {}
                () = self.ctx.flights.closing() => break,
            }
            let rested = self.work(&mut rests).await;
            let until_due = Instant::now() + self.until_due();
            let wake = rested.map_or(until_due, |rested| rested.min(until_due));
            tokio::select! {
                _ = git.tick() => self.notify(Event::Git),
                _ = sync.tick() => self.agenda().ask(Loop::Sync),
                _ = images.tick() => self.notify(Event::Registry),
                _ = releases.tick() => self.agenda().ask(Loop::Releases),
                () = self.ctx.wakeups.rung() => {}
                () = tokio::time::sleep_until(wake) => {}
            }
        }
        self.ctx.flights.ended().await;
    }

    /// When a push that failed is tried again: soon after a lost race, ever later where the remote keeps refusing.
    fn push_again(&self, pushed: &Pushed) -> Option<Timestamp> {
        let why = match pushed {
            Pushed::Failed(why) => why,
            Pushed::Raced(_) => return Some(self.later(PUSH_RETRY_MILLIS)),
            Pushed::Nothing | Pushed::Commit(_) => {
                self.push_failures.store(0, Ordering::Relaxed);
                self.is_news("push", None);
                return None;
            }
        };
        if self.is_news("push", Some(why)) {
            tracing::warn!(error = why, "push failed; tried again ever later");
        }
        let failures = self.push_failures.fetch_add(1, Ordering::Relaxed);
        let wait = PUSH_RETRY_MILLIS.saturating_mul(2_u64.saturating_pow(failures));
        Some(self.later(wait.min(PUSH_RETRY_LIMIT_MILLIS)))
    }

    /// Whether this went wrong otherwise than the last time; `None` when it went well.
    fn is_news(&self, what: &'static str, complaint: Option<&str>) -> bool {
        let mut complaints = self.complaints.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(complaint) = complaint else {
            complaints.remove(what);
            return false;
        };
        complaints.insert(what, complaint.to_owned()).is_none_or(|before| before != complaint)
    }

    fn until_due(&self) -> Duration {
        let earliest = self.agenda().earliest();
        let wait = earliest.map(|at| Duration::from_millis(at.millis_since(self.ctx.clock.now())));
        wait.unwrap_or(LONGEST_SLEEP).min(LONGEST_SLEEP)
    }

    fn later(&self, millis: u64) -> Timestamp {
        self.ctx.clock.now().plus_millis(millis)
    }

    fn agenda(&self) -> MutexGuard<'_, Agenda> {
        self.ctx.wakeups.agenda()
    }
}
