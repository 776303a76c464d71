//! Carries out the actions of the releases loop: renders, and hands the result to the cluster.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Context as _;
use rhumb_core::releases::{Marks, Options, Orphan, Outcome, Ready, ReleaseView, Rollback, Test, Tested, Unfinished};
use rhumb_helm::record::Status;
use rhumb_helm::{Capabilities, Chart, Entropy, Integers, Limits, ReleaseOptions, RenderInput, Rendered};
use rhumb_io::cluster::Key;
use rhumb_io::cluster::records::Stored;
use rhumb_io::cluster::release::{self, Clock, HookRun, Pods, Redact, Report, Settings, Update, Wait, Work, Worker};
use serde_json::{Map, Value};

use crate::context::Context;
use crate::{releases_view, words};

/// What an action came to.
pub(crate) struct Done {
    /// For the status.
    pub outcome: Outcome,
    /// The record that it left or took away.
    pub record: Option<Written>,
}

/// A record as it was last written.
#[derive(Debug)]
pub(crate) struct Written {
    /// Helm's revision.
    pub revision: u32,
    /// `metadata.resourceVersion`; `None` when it was deleted.
    pub version: Option<String>,
}

/// Installs a release.
pub(crate) async fn install(
    ctx: &Context,
    (ready, view): (&Ready, &ReleaseView),
    worker: &Worker,
    redact: Redact<'_>,
) -> anyhow::Result<Done> {
    // Of a first install there is nothing to ask for.
    let history = match ready.revision {
        1 => Vec::new(),
        _ => ctx.cluster.history(&ready.namespace, &ready.release).await?,
    };
    let prepared = prepare(ctx, (ready, view), rhumb_helm::Action::Install, &history).await?;
    let (marks, now) = (marks(ready), || ctx.clock.now());
    let report = ctx.cluster.install(&prepared.work(ready, &marks, (worker, redact)), &history, Clock(&now)).await;
    told(ready, report)
}

/// Upgrades a release.
pub(crate) async fn upgrade(
    ctx: &Context,
    (ready, view): (&Ready, &ReleaseView),
    worker: &Worker,
    redact: Redact<'_>,
) -> anyhow::Result<Done> {
    let history = ctx.cluster.history(&ready.namespace, &ready.release).await?;
    let prepared = prepare(ctx, (ready, view), rhumb_helm::Action::Upgrade, &history).await?;
    let (marks, now) = (marks(ready), || ctx.clock.now());
    let report = ctx.cluster.upgrade(&prepared.work(ready, &marks, (worker, redact)), &history, Clock(&now)).await;
    told(ready, report)
}

/// A chart that was rendered for a release.
struct Prepared {
    /// In its stored form.
    chart: Value,
    /// The values of the user, with those that are reused.
    config: Map<String, Value>,
    rendered: Rendered,
}

async fn prepare(
    ctx: &Context,
    (ready, view): (&Ready, &ReleaseView),
    action: rhumb_helm::Action,
    history: &[Stored],
) -> anyhow::Result<Prepared> {
    let mut chart = releases_view::read_chart(ctx, view).await.map_err(anyhow::Error::msg)?;
    let mut config = ready.values.clone();
    if let Some(before) =
        reused(history).filter(|_| ready.options.reuse_values && action == rhumb_helm::Action::Upgrade)
    {
        let reused = rhumb_helm::values::reuse(&before.release.chart, &before.release.config, &config)?;
        chart = Arc::new(chart.with_values(reused.defaults));
        config = reused.config;
    }
    let capabilities = ctx.cluster.capabilities().await?;
    let options = ReleaseOptions {
        name: ready.release.clone(),
        namespace: ready.namespace.clone(),
        revision: ready.revision,
        action,
    };
    ctx.renders.fetch_add(1, Ordering::Relaxed);
    let mut rendered = render((&chart, &config), (&options, &capabilities), ctx.clock.now().0)?;
    tracing::debug!(release = ready.release, namespace = ready.namespace, "rendered chart");
    if ready.options.skip_crds {
        rendered.crds.clear();
    }
    Ok(Prepared { chart: chart.stored(&config)?, config, rendered })
}

/// The revision whose values Helm reuses: the newest if it is deployed, else the newest that is, else the newest.
fn reused(history: &[Stored]) -> Option<&Stored> {
    let is_deployed = |stored: &&Stored| stored.release.info.status == Status::Deployed;
    history.iter().rev().find(is_deployed).or(history.last())
}

impl Prepared {
    fn work<'a>(&'a self, ready: &'a Ready, marks: &'a Marks, (worker, redact): (&'a Worker, Redact<'a>)) -> Work<'a> {
        Work {
            owner: (ready.object.namespace.as_deref().unwrap_or("default"), ready.object.name.as_str()),
            marks,
            release: &ready.release,
            namespace: &ready.namespace,
            revision: ready.revision,
            chart: &self.chart,
            config: &self.config,
            rendered: &self.rendered,
            settings: settings(&ready.options),
            worker,
            redact,
        }
    }
}

fn marks(ready: &Ready) -> Marks {
    Marks {
        owner: Some(ready.object.namespaced()),
        inputs: Some(ready.inputs.clone()),
        generation: Some(ready.generation),
        chart_revision: Some(ready.chart_revision.clone()),
        ..Marks::default()
    }
}

fn told(ready: &Ready, report: Report) -> anyhow::Result<Done> {
    let record = recorded(&ready.release, report)?;
    let (release, revision) = (ready.release.as_str(), ready.revision);
    tracing::info!(release, namespace = ready.namespace, revision, "released");
    Ok(Done { outcome: Outcome::Succeeded { revision: ready.chart_revision.clone() }, record })
}

/// The record that an action left, if it went well.
fn recorded(release: &str, report: Report) -> Result<Option<Written>, Failed> {
    for note in &report.notes {
        tracing::info!(release, note, "note of a release");
    }
    let record = report.written.map(|(revision, version)| Written { revision, version: Some(version) });
    match report.error {
        Some(error) => Err(Failed { record, error }),
        None => Ok(record),
    }
}

/// Brings an earlier revision back, as a new one.
pub(crate) async fn rollback(
    ctx: &Context,
    rollback: &Rollback,
    worker: &Worker,
    redact: Redact<'_>,
) -> anyhow::Result<Done> {
    let history = ctx.cluster.history(&rollback.namespace, &rollback.release).await?;
    let (release, to) = (rollback.release.as_str(), rollback.back.to);
    anyhow::ensure!(
        history.last().is_some_and(|newest| newest.release.version == rollback.from),
        "another revision was made meanwhile"
    );
    let target = history.iter().find(|stored| stored.release.version == to);
    let target = target.with_context(|| format!("there is no record v{to} any more"))?;
    let before = Marks::read(&target.annotations);
    let marks = Marks {
        owner: Some(rollback.object.namespaced()),
        generation: rollback.generation,
        tests: before.tests.filter(|tests| *tests == Tested::Passed),
        rolled_back: Some(rollback.back.takes_back.clone()),
        interrupted: false,
        ..before
    };
    let options = rollback.back.options;
    let settings = Settings {
        timeout: Duration::from_secs(options.timeout_seconds),
        wait: if options.wait { Wait::Ready } else { Wait::No },
        hooks: if options.disable_hooks { HookRun::No } else { HookRun::Yes },
        update: if options.force { Update::Replace } else { Update::Patch },
        pods: if options.recreate { Pods::Restart } else { Pods::Keep },
        max_history: usize::try_from(rollback.max_history).unwrap_or(usize::MAX),
    };
    let owner = (rollback.object.namespace.as_deref().unwrap_or("default"), rollback.object.name.as_str());
    let now = || ctx.clock.now();
    let context = release::Context { owner, settings, worker, clock: Clock(&now), redact };
    let report = ctx.cluster.rollback((target, &marks), &history, &context).await;
    let record = recorded(release, report)?;
    tracing::info!(release, namespace = rollback.namespace, to, "rolled back");
    Ok(Done { outcome: Outcome::RolledBack { count: rollback.back.takes_back.count }, record })
}

/// Runs the tests of what is deployed.
pub(crate) async fn test(ctx: &Context, test: &Test, worker: &Worker, redact: Redact<'_>) -> anyhow::Result<Done> {
    let history = ctx.cluster.history(&test.namespace, &test.release).await?;
    let revision = test.tests.revision;
    let newest = history.last().filter(|newest| newest.release.version == revision);
    let newest = newest.context("another revision was made meanwhile")?;
    let settings = Settings { timeout: Duration::from_secs(test.tests.options.timeout_seconds), ..Settings::default() };
    let owner = (test.object.namespace.as_deref().unwrap_or("default"), test.object.name.as_str());
    let now = || ctx.clock.now();
    let context = release::Context { owner, settings, worker, clock: Clock(&now), redact };
    let marks = Marks { generation: Some(test.generation), ..Marks::read(&newest.annotations) };
    let report = ctx.cluster.test(newest, (marks, test.tests.failures), &context).await?;
    let record = Written { revision, version: Some(report.record_version) };
    let outcome = match report.failure {
        None => Outcome::Tested,
        Some(why) => {
            tracing::warn!(release = test.release, namespace = test.namespace, revision, error = why, "tests failed");
            Outcome::TestsFailed(why)
        }
    };
    Ok(Done { outcome, record: Some(record) })
}

/// A release action that the cluster took part in; says what its error says.
#[derive(Debug)]
pub(crate) struct Failed {
    /// The record that says so. A failure with a record is held off by that record.
    pub record: Option<Written>,
    error: rhumb_io::cluster::Error,
}

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for Failed {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error.source()
    }
}

fn settings(options: &Options) -> Settings {
    Settings {
        timeout: Duration::from_secs(options.timeout_seconds),
        wait: if options.wait { Wait::Ready } else { Wait::No },
        hooks: HookRun::Yes,
        update: if options.force { Update::Replace } else { Update::Patch },
        pods: Pods::Keep,
        max_history: usize::try_from(options.max_history).unwrap_or(usize::MAX),
    }
}

fn render(
    (chart, values): (&Chart, &Map<String, Value>),
    (options, capabilities): (&ReleaseOptions, &Capabilities),
    now_millis: u64,
) -> anyhow::Result<Rendered> {
    // Passwords and keys come from it: nothing that stands in a repository may lead to them. What was rendered is in the
    // record before anything is applied, so that it is not rendered again.
    let seed: [u8; 32] = rand::random();
    let input = RenderInput {
        chart,
        values,
        integers: Integers::Float,
        release: options,
        capabilities,
        entropy: Entropy { seed: seed.into(), now: i64::try_from(now_millis / 1000).unwrap_or_default() },
        limits: &Limits::default(),
    };
    Ok(rhumb_helm::render(&input)?)
}

/// Goes on with what a crash or a stop left.
pub(crate) async fn resume(
    ctx: &Context,
    unfinished: &Unfinished,
    worker: &Worker,
    redact: Redact<'_>,
) -> anyhow::Result<Done> {
    let Unfinished { object, namespace, release, revision, chart_revision, options } = unfinished;
    let history = ctx.cluster.history(namespace, release).await?;
    let now = || ctx.clock.now();
    let owner = (object.namespace.as_deref().unwrap_or("default"), object.name.as_str());
    let context = release::Context { owner, settings: settings(options), worker, clock: Clock(&now), redact };
    tracing::info!(release, namespace, revision, "going on with what was left half done");
    let only_told = |stored: &&Stored| stored.release.info.status == Status::Deployed;
    let done = history.iter().find(|stored| stored.release.version == *revision).filter(only_told).is_some();
    let report = ctx.cluster.resume(*revision, &history, &context).await;
    let record = recorded(release, report)?;
    // Of one that was deployed already the next pass says how it is.
    let outcome = if done { Outcome::Nothing } else { Outcome::Succeeded { revision: chart_revision.clone() } };
    Ok(Done { outcome, record })
}

/// Marks a record that a crash left behind as failed.
pub(crate) async fn heal(ctx: &Context, (namespace, release): (&str, &str), revision: u32) -> anyhow::Result<Done> {
    let history = ctx.cluster.history(namespace, release).await?;
    let stored = history.iter().find(|stored| stored.release.version == revision);
    let stored = stored.with_context(|| format!("there is no record v{revision} of {namespace}/{release} any more"))?;
    let healed = ctx.cluster.heal(stored, Clock(&|| ctx.clock.now())).await?;
    tracing::info!(release, namespace, revision, "healed interrupted release");
    let record = Written { revision, version: Some(healed.resource_version) };
    Ok(Done { outcome: Outcome::Healed, record: Some(record) })
}

/// Uninstalls a release whose HelmRelease is gone.
///
/// Nothing is taken away on hearsay: what the watches say is asked for once more.
pub(crate) async fn uninstall(
    ctx: &Context,
    orphan: &Orphan,
    worker: &Worker,
    redact: Redact<'_>,
) -> anyhow::Result<Done> {
    let owner = orphan.owner.split_once('/').unwrap_or(("default", &orphan.owner));
    let helm_release = Key::new(words::HELM_RELEASE, "HelmRelease", owner.0, owner.1);
    if ctx.cluster.get_metadata(&helm_release).await?.is_some() {
        return Ok(Done { outcome: Outcome::Nothing, record: None });
    }
    let history = ctx.cluster.history(&orphan.namespace, &orphan.name).await?;
    let revision = history.last().map(|stored| stored.release.version);
    let now = || ctx.clock.now();
    let context = release::Context { owner, settings: Settings::default(), worker, clock: Clock(&now), redact };
    let report = ctx.cluster.uninstall(&history, &context).await;
    if let Some(error) = report.error {
        return Err(error.into());
    }
    tracing::info!(release = orphan.name, namespace = orphan.namespace, owner = orphan.owner, "uninstalled");
    let record = revision.map(|revision| Written { revision, version: None });
    Ok(Done { outcome: Outcome::Nothing, record })
}
