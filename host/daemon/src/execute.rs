//! Carries out the actions of the releases loop: renders, and hands the result to the cluster.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Context as _;
use rhumb_core::releases::{Orphan, Outcome, Ready, ReleaseView};
use rhumb_helm::{Capabilities, Entropy, Limits, ReleaseOptions, RenderInput, Rendered};
use rhumb_io::cluster::Key;
use rhumb_io::cluster::release::{self, Clock, HookRun, Report, Settings, Wait, Work, Worker};
use serde_json::Value;

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
pub(crate) async fn install(ctx: &Context, ready: &Ready, view: &ReleaseView, worker: &Worker) -> anyhow::Result<Done> {
    let (stored, rendered) = prepare(ctx, (ready, view), rhumb_helm::Action::Install).await?;
    let now = || ctx.clock.now();
    let report = ctx.cluster.install(&work(ready, (&stored, &rendered), worker), Clock(&now)).await;
    told(ready, report)
}

/// Upgrades a release.
pub(crate) async fn upgrade(ctx: &Context, ready: &Ready, view: &ReleaseView, worker: &Worker) -> anyhow::Result<Done> {
    let (stored, rendered) = prepare(ctx, (ready, view), rhumb_helm::Action::Upgrade).await?;
    let now = || ctx.clock.now();
    let history = ctx.cluster.history(&ready.namespace, &ready.release).await?;
    let report = ctx.cluster.upgrade(&work(ready, (&stored, &rendered), worker), &history, Clock(&now)).await;
    told(ready, report)
}

/// The chart in its stored form, and what it comes to.
async fn prepare(
    ctx: &Context,
    (ready, view): (&Ready, &ReleaseView),
    action: rhumb_helm::Action,
) -> anyhow::Result<(Value, Rendered)> {
    let chart = releases_view::read_chart(ctx, view).await.map_err(anyhow::Error::msg)?;
    let capabilities = ctx.cluster.capabilities().await?;
    let options = ReleaseOptions {
        name: ready.release.clone(),
        namespace: ready.namespace.clone(),
        revision: ready.revision,
        action,
    };
    ctx.renders.fetch_add(1, Ordering::Relaxed);
    let rendered = render(&chart, ready, (&options, &capabilities), ctx.clock.now().0)?;
    tracing::debug!(release = ready.release, namespace = ready.namespace, "rendered chart");
    Ok((chart.stored(&ready.values)?, rendered))
}

fn work<'a>(ready: &'a Ready, (chart, rendered): (&'a Value, &'a Rendered), worker: &'a Worker) -> Work<'a> {
    Work {
        owner: (ready.object.namespace.as_deref().unwrap_or("default"), ready.object.name.as_str()),
        inputs: &ready.inputs,
        release: &ready.release,
        namespace: &ready.namespace,
        revision: ready.revision,
        chart,
        config: &ready.values,
        rendered,
        settings: settings(ready),
        worker,
    }
}

fn told(ready: &Ready, report: Report) -> anyhow::Result<Done> {
    for note in &report.notes {
        tracing::info!(release = ready.release, note, "note of a release");
    }
    let record = report.revision.map(|revision| Written { revision, version: report.record_version });
    match report.error {
        Some(error) => Err(Failed { record, error }.into()),
        None => {
            let (release, revision) = (ready.release.as_str(), ready.revision);
            tracing::info!(release, namespace = ready.namespace, revision, "released");
            Ok(Done { outcome: Outcome::Succeeded { revision: ready.chart_revision.clone() }, record })
        }
    }
}

/// A release action that the cluster took part in.
#[derive(Debug, thiserror::Error)]
#[error("the cluster refused it")]
pub(crate) struct Failed {
    /// The record that says so. A failure with a record is held off by that record.
    pub record: Option<Written>,
    #[source]
    error: rhumb_io::cluster::Error,
}

fn settings(ready: &Ready) -> Settings {
    Settings {
        timeout: Duration::from_secs(ready.options.timeout_seconds),
        wait: if ready.options.wait { Wait::Ready } else { Wait::No },
        hooks: HookRun::Yes,
        max_history: usize::try_from(ready.options.max_history).unwrap_or(usize::MAX),
    }
}

fn render(
    chart: &Arc<rhumb_helm::Chart>,
    ready: &Ready,
    (options, capabilities): (&ReleaseOptions, &Capabilities),
    now_millis: u64,
) -> anyhow::Result<Rendered> {
    let seed = ready.inputs.seed() ^ u64::from(ready.revision);
    let input = RenderInput {
        chart,
        values: &ready.values,
        release: options,
        capabilities,
        entropy: Entropy { seed, now: i64::try_from(now_millis / 1000).unwrap_or_default() },
        limits: &Limits::default(),
    };
    Ok(rhumb_helm::render(&input)?)
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
pub(crate) async fn uninstall(ctx: &Context, orphan: &Orphan, worker: &Worker) -> anyhow::Result<Done> {
    let owner = orphan.owner.split_once('/').unwrap_or(("default", &orphan.owner));
    let helm_release = Key::new(words::HELM_RELEASE, "HelmRelease", owner.0, owner.1);
    if ctx.cluster.get_metadata(&helm_release).await?.is_some() {
        return Ok(Done { outcome: Outcome::Nothing, record: None });
    }
    let history = ctx.cluster.history(&orphan.namespace, &orphan.name).await?;
    let revision = history.last().map(|stored| stored.release.version);
    let now = || ctx.clock.now();
    let context = release::Context { owner, settings: Settings::default(), worker, clock: Clock(&now) };
    let report = ctx.cluster.uninstall(&history, &context).await;
    if let Some(error) = report.error {
        return Err(error.into());
    }
    tracing::info!(release = orphan.name, namespace = orphan.namespace, owner = orphan.owner, "uninstalled");
    let record = revision.map(|revision| Written { revision, version: None });
    Ok(Done { outcome: Outcome::Nothing, record })
}
