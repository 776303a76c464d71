//! Git → cluster: one pass.

use std::collections::{BTreeMap, BTreeSet};

use rhumb_core::chain::chain;
use rhumb_core::sync::{self, Action, Applied, Collect, Outcome, Plan, Status, SyncView};
use rhumb_io::store;

use super::Error;
use crate::context::Context;
use crate::{report, words};

/// Who applied an object, in `metadata.managedFields`.
pub const FIELD_MANAGER: &str = "rhumb";

/// Makes one pass: look, decide, act, tell.
pub async fn pass(ctx: &Context) -> Result<Status, Error> {
    let view = observe(ctx).await?;
    let plan = sync::plan(&view);
    let outcomes = apply(ctx, &plan).await;
    let status = sync::status(&view.revision, &plan, &view.manifests.problems, &outcomes);
    publish(ctx, &status)?;
    Ok(status)
}

async fn observe(ctx: &Context) -> Result<SyncView, Error> {
    let snapshot = ctx.repository.snapshot().await?;
    let kinds: BTreeSet<(String, String)> =
        snapshot.manifests.objects.iter().map(|object| (object.api_version.clone(), object.id.kind.clone())).collect();
    let mut scopes = BTreeMap::new();
    for (api_version, kind) in kinds {
        if let Some(scope) = ctx.cluster.scope(&api_version, &kind).await? {
            scopes.insert((api_version, kind), words::scope(scope));
        }
    }
    let collect = if ctx.config.sync_garbage_collection { Collect::On } else { Collect::Off };
    let mut view = SyncView {
        revision: snapshot.revision.clone(),
        manifests: snapshot.manifests.clone(),
        scopes,
        live: BTreeMap::new(),
        previous: store::inventory::read(&ctx.store)?,
        collect,
    };
    let keys = sync::keys(&view).iter().map(words::cluster_key).collect();
    let live = ctx.cluster.live(&keys).await?;
    view.live = live.iter().map(|live| (words::sync_key(&live.key), words::live(live))).collect();
    Ok(view)
}

/// One attempt at each action, in order; a failure never stops the others.
async fn apply(ctx: &Context, plan: &Plan) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    let mut last = None;
    for action in &plan.actions {
        let outcome = match action {
            Action::Apply { key, object, because, .. } => match ctx.cluster.apply(object, FIELD_MANAGER).await {
                Ok(live) => {
                    tracing::info!(object = %key, because = ?because, "applied object");
                    if key.kind == "HelmRelease" {
                        let place = (key.namespace.clone().unwrap_or_default(), key.name.clone());
                        last = Some((place, live.resource_version.clone()));
                    }
                    let version = words::version(live.generation, &live.resource_version);
                    Outcome::Applied(Applied { uid: live.uid, version })
                }
                Err(error) => Outcome::Failed(chain(&error)),
            },
            Action::Delete { key, .. } => match ctx.cluster.delete(&words::cluster_key(key)).await {
                Ok(()) => {
                    tracing::info!(object = %key, "deleted object");
                    Outcome::Deleted
                }
                Err(error) => Outcome::Failed(chain(&error)),
            },
        };
        outcomes.push(outcome);
    }
    // The releases loop looks at a copy, and is not to begin with what git has moved on from.
    if let Some((place, version)) = last {
        ctx.watched.helm_release_known(&place, &version).await;
    }
    outcomes
}

fn publish(ctx: &Context, status: &Status) -> Result<(), Error> {
    if !status.remember.is_empty() {
        store::inventory::write(&ctx.store, &status.remember)?;
    }
    let report = report::Sync {
        revision: status.revision.to_string(),
        changed: status.changed,
        kept: status.kept,
        problems: status.problems.iter().map(ToString::to_string).collect(),
    };
    let before = std::mem::replace(&mut ctx.reports().sync, report.clone());
    // Said once, not at every pass.
    for problem in report.problems.iter().filter(|problem| !before.problems.contains(problem)) {
        tracing::warn!(problem, "object not synced");
    }
    Ok(())
}
