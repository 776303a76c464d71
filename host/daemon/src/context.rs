//! What the loops hold in common: clients and caches, no state that one loop leaves for another.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::Context as _;
use rhumb_core::chain::chain;
use rhumb_core::id::{Digest, PolicyName};
use rhumb_core::images::{ImagesView, Promotions, Verdicts};
use rhumb_core::judge::{Decision, Question};
use rhumb_core::policies::Policies;
use rhumb_core::releases::{Attempt, ChartSource, ChartView};
use rhumb_helm::Chart;
use rhumb_io::cluster::release::Workers;
use rhumb_io::cluster::{Cluster, Look, Term};
use rhumb_io::git::Mirrors;
use rhumb_io::store::Store;
use rhumb_io::{charts, git};
use rhumb_policy::{Isolation, Library, Program, Sandbox};

use crate::clock::Clock;
use crate::config::{Config, PolicyIsolation};
use crate::credentials::Credentials;
use crate::event::Wakeups;
use crate::evidence::Histories;
use crate::external::Documents;
use crate::flights::{Flights, ReleaseName};
use crate::git_access::GitAccess;
use crate::policies::{Declarations, Kept};
use crate::report;
use crate::repository::Repository;
use crate::scanner::Scanner;
use crate::statements::Statements;
use crate::values::ChartFiles;
use crate::watched::Watched;

/// Most charts that are kept parsed.
const CHARTS_KEPT: usize = 64;

/// The clients and caches of a running daemon.
pub struct Context {
    /// What it was told.
    pub config: Config,
    /// The time.
    pub clock: Clock,
    /// Who we are to git servers.
    pub git_access: GitAccess,
    /// The config repository.
    pub repository: Repository,
    /// Other git repositories that charts come from.
    pub chart_repositories: Arc<Mirrors>,
    /// Registries, asked when it is time.
    pub scanner: Scanner,
    /// Helm repositories.
    pub charts: charts::Client,
    /// The cluster.
    pub cluster: Cluster,
    /// The daemon's own memory.
    pub store: Store,
    /// The sandbox.
    pub sandbox: Sandbox,
    /// The policies that it ships with.
    pub library: Library,
    /// The policies that objects of the cluster declare.
    pub(crate) declared: Arc<Declarations>,
    /// Milliseconds that loading shipped ones took so far.
    pub loading: AtomicU64,
    /// What wakes the loops.
    pub wakeups: Arc<Wakeups>,
    /// Release actions at work.
    pub flights: Arc<Flights>,
    /// What watches know of the cluster.
    pub watched: Watched,
    /// What people say in the cluster: approvals and the stop switch.
    pub statements: Statements,
    /// Release records that rules look at.
    pub histories: Histories,
    /// Components that came over the network.
    pub components: Kept,
    /// How many release actions work at the same time.
    pub workers: Workers,
    /// Charts of exact versions that were found lately, so that an event asks no chart repository.
    pub found_charts: Mutex<BTreeMap<ChartSource, (Instant, ChartView)>>,
    /// Parsed charts by digest: many releases of one chart parse once.
    parsed: Mutex<BTreeMap<Digest, Arc<Chart>>>,
    /// How many charts were rendered since the start.
    pub renders: AtomicU64,
    /// Failures of releases that left no record. Lost at a restart, which tries once more.
    pub attempts: Mutex<BTreeMap<ReleaseName, Attempt>>,
    /// Values behind URLs.
    pub documents: Documents,
    /// Files of charts that values come from.
    pub(crate) chart_files: ChartFiles,
    /// What the last passes came to; written by `publish`, read by the operator's API.
    pub reports: Mutex<Reports>,
}

/// What the last passes came to.
#[derive(Debug, Default)]
pub struct Reports {
    /// Of the images loop.
    pub images: Vec<report::Image>,
    /// Of the sync loop.
    pub sync: report::Sync,
    /// What value transforms did, by `<namespace>/<name>` of the HelmRelease.
    pub transforms: BTreeMap<String, Vec<report::Step>>,
}

impl Context {
    /// Opens everything, and makes the SSH key when there is none. Else nothing is written but below `config.state`.
    pub async fn open(config: Config, clock: Clock, cluster: Cluster) -> anyhow::Result<Self> {
        let wakeups: Arc<Wakeups> = Arc::default();
        let flights = Arc::new(Flights::new(Arc::clone(&wakeups)));
        let state = config.state.clone();
        let made = || format!("failed to make the state folder `{}`", state.display());
        std::fs::create_dir_all(&state).with_context(made)?;
        let interval = u64::try_from(config.automation_interval.as_millis()).unwrap_or(u64::MAX);
        let credentials = Credentials::new(cluster.clone(), config.registries.docker_config.clone());
        let sandbox = sandbox(&config)?;
        let library = Library::open(&config.policies)?;
        let mirror = state.join("mirror");
        let (url, branch, paths) = (config.git_url.clone(), config.git_branch.clone(), config.git_path.clone());
        // A daemon that does not lead yet has an identity as well; when two make one, both end up with the same.
        let git_access = GitAccess::open(&config, &cluster.within(Term::endless())).await?;
        let access = git_access.access().clone();
        let own = access.clone();
        let poll = u64::try_from(config.git_poll_interval.as_millis()).unwrap_or(u64::MAX);
        let repository =
            tokio::task::spawn_blocking(move || Repository::open((&mirror, &url, &branch), paths, &own)).await??;
        Ok(Self {
            chart_repositories: Arc::new(Mirrors::new(
                &state.join("chart-repositories"),
                access,
                &config.git_url,
                poll,
            )),
            git_access,
            repository,
            scanner: Scanner::new(config.registries.client()?, credentials, clock.clone(), interval),
            charts: charts::Client::new(charts::Options {
                cache: Some(state.join("charts")),
                mirrors: config.chart_mirror.clone(),
                ..charts::Options::default()
            })?,
            watched: Watched::start(&cluster, &wakeups, &flights),
            statements: Statements::start(&cluster, &config.namespace, &wakeups),
            declared: Arc::new(Declarations::start(&cluster, &wakeups)),
            components: Kept::open(&state.join("components")).with_context(made)?,
            histories: Histories::default(),
            wakeups,
            flights,
            workers: Workers::new(config.workers.get()),
            found_charts: Mutex::default(),
            store: Store::open(&state.join("store.redb"))?,
            documents: Documents::new(config.charts_sync_interval)?,
            chart_files: Mutex::default(),
            cluster,
            sandbox,
            library,
            loading: AtomicU64::new(0),
            clock,
            config,
            parsed: Mutex::default(),
            attempts: Mutex::default(),
            renders: AtomicU64::new(0),
            reports: Mutex::default(),
        })
    }

    /// Brings the mirror of the config repository up to date.
    pub async fn fetch(&self) -> Result<(), git::Error> {
        if !self.repository.mirror().is_local() {
            self.git_access.refresh(&self.config, &self.cluster).await;
        }
        self.repository.fetch().await
    }

    /// The policies that these objects attach, as decisions see them. Compiling one may take a while, so the other tasks of
    /// this thread move elsewhere.
    pub async fn policies(&self, attached: &BTreeSet<PolicyName>, look: Look) -> Policies {
        let declared = self.declared.served(look).await;
        let start = Instant::now();
        let (policies, refused) = tokio::task::block_in_place(|| self.library.attach(&self.sandbox, attached));
        let millis = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.loading.fetch_add(millis, Ordering::Relaxed);
        for error in refused {
            tracing::error!(error = chain(&error), "policy refused");
        }
        Policies::new(policies, declared)
    }

    /// Asks the sandbox. A policy may compute for a while, so the other tasks of this thread move elsewhere.
    pub fn judge<K: Ord>(&self, questions: BTreeMap<K, Question>) -> BTreeMap<K, (Question, Decision)> {
        tokio::task::block_in_place(|| self.sandbox.judge(questions))
    }

    /// Asks the promotion rules about all that the filters chose, turn after turn.
    pub fn judge_promotions(&self, view: &ImagesView, verdicts: &mut Verdicts) {
        let mut promotions = Promotions::new(view, verdicts);
        while let Some(questions) = promotions.next(verdicts) {
            verdicts.promotions.extend(self.judge(questions));
        }
    }

    /// What was tried on a release lately and left no record.
    pub fn attempt(&self, release: &ReleaseName) -> Option<Attempt> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner).get(release).cloned()
    }

    /// A chart that was parsed before.
    pub fn parsed_chart(&self, digest: &Digest) -> Option<Arc<Chart>> {
        self.parsed.lock().unwrap_or_else(PoisonError::into_inner).get(digest).cloned()
    }

    /// Keeps a parsed chart.
    pub fn keep_chart(&self, digest: Digest, chart: Arc<Chart>) {
        let mut parsed = self.parsed.lock().unwrap_or_else(PoisonError::into_inner);
        if parsed.len() >= CHARTS_KEPT {
            parsed.pop_first();
        }
        parsed.insert(digest, chart);
    }

    /// The reports, to read or to change.
    pub fn reports(&self) -> std::sync::MutexGuard<'_, Reports> {
        self.reports.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts the sandbox, and says what its walls lack.
fn sandbox(config: &Config) -> anyhow::Result<Sandbox> {
    let isolation = match config.policy_isolation {
        PolicyIsolation::Process => Isolation::Process(Program::this().context("failed to find this program's file")?),
        PolicyIsolation::InProcess => Isolation::InProcess,
    };
    let sandbox = Sandbox::new(rhumb_policy::Options {
        cache_dir: Some(config.state.join("compiled")),
        isolation,
        ..rhumb_policy::Options::default()
    })?;
    for missing in sandbox.walls().into_iter().flat_map(|walls| &walls.missing) {
        tracing::warn!(missing, "the processes that run policies are not walled in on all sides");
    }
    Ok(sandbox)
}
