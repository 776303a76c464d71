//! Carries out the actions of the releases loop: renders, and hands the result to the cluster.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Context as _;
use rhumb_core::releases::{Action, Orphan, Outcome, Ready};
use rhumb_helm::{Capabilities, Entropy, Limits, ReleaseOptions, RenderInput};
use rhumb_io::cluster::release::{self, Clock, HookRun, Settings, Wait, Work};

use crate::context::Context;

/// Installs or upgrades one release.
pub(crate) async fn release(ctx: &Context, action: &Action, ready: &Ready) -> anyhow::Result<Outcome> {
    let chart = ctx.parsed_chart(&ready.chart).context("the chart left the cache before it was used")?;
    let now = ctx.clock.now();
    let capabilities = ctx.cluster.capabilities().await?;
    let first = matches!(action, Action::Install(_));
    let options = ReleaseOptions {
        name: ready.release.clone(),
        namespace: ready.namespace.clone(),
        revision: ready.revision,
        action: if first { rhumb_helm::Action::Install } else { rhumb_helm::Action::Upgrade },
    };
    ctx.renders.fetch_add(1, Ordering::Relaxed);
    let rendered = render(&chart, ready, (&options, &capabilities), now.0)?;
    let owner = (ready.object.namespace.as_deref().unwrap_or("default"), ready.object.name.as_str());
    let stored = chart.stored(&ready.values)?;
    let work = Work {
        owner,
        inputs: &ready.inputs,
        release: &ready.release,
        namespace: &ready.namespace,
        revision: ready.revision,
        chart: &stored,
        config: &ready.values,
        rendered: &rendered,
        settings: settings(ready),
    };
    let now = || ctx.clock.now();
    let report = if first {
        ctx.cluster.install(&work, Clock(&now)).await
    } else {
        let history = ctx.cluster.history(&ready.namespace, &ready.release).await?;
        ctx.cluster.upgrade(&work, &history, Clock(&now)).await
    };
    for note in &report.notes {
        tracing::info!(release = ready.release, note, "note of a release");
    }
    match report.error {
        Some(error) => {
            // A failure with a record is held off by that record.
            let recorded = report.revision.is_some();
            Err(Failed { recorded, error }.into())
        }
        None => {
            let (release, revision) = (ready.release.as_str(), ready.revision);
            tracing::info!(release, namespace = ready.namespace, revision, "released");
            Ok(Outcome::Succeeded { revision: ready.chart_revision.clone() })
        }
    }
}

/// A release action that the cluster took part in.
#[derive(Debug, thiserror::Error)]
#[error("the cluster refused it")]
pub(crate) struct Failed {
    /// Whether a record says so.
    pub recorded: bool,
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
) -> anyhow::Result<rhumb_helm::Rendered> {
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
pub(crate) async fn heal(ctx: &Context, (namespace, release): (&str, &str), revision: u32) -> anyhow::Result<Outcome> {
    let history = ctx.cluster.history(namespace, release).await?;
    let stored = history.iter().find(|stored| stored.release.version == revision);
    let stored = stored.with_context(|| format!("there is no record v{revision} of {namespace}/{release} any more"))?;
    ctx.cluster.heal(stored, Clock(&|| ctx.clock.now())).await?;
    tracing::info!(release, namespace, revision, "healed interrupted release");
    Ok(Outcome::Healed)
}

/// Uninstalls a release whose HelmRelease is gone.
pub(crate) async fn uninstall(ctx: &Context, orphan: &Orphan) -> anyhow::Result<Outcome> {
    let history = ctx.cluster.history(&orphan.namespace, &orphan.name).await?;
    let owner = orphan.owner.split_once('/').unwrap_or(("default", &orphan.owner));
    let now = || ctx.clock.now();
    let context = release::Context { owner, settings: Settings::default(), clock: Clock(&now) };
    let report = ctx.cluster.uninstall(&history, &context).await;
    if let Some(error) = report.error {
        return Err(error.into());
    }
    tracing::info!(release = orphan.name, namespace = orphan.namespace, owner = orphan.owner, "uninstalled");
    Ok(Outcome::Nothing)
}
