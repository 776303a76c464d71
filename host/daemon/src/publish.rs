//! Reports, written where people look: conditions and events on HelmReleases, and the operator's API.
//!
//! Invariant: nothing is written that says what is already there.

use std::collections::BTreeMap;

use rhumb_core::chain::chain;
use rhumb_core::condition::{Condition, set_condition};
use rhumb_core::id::ObjectId;
use rhumb_core::images::{self, Plan, Pushed};
use rhumb_core::objects::{API_VERSION, BindingObject};
use rhumb_core::releases::{self, Next, Outcome, ReleaseView, ReleasesView, Row, status};
use rhumb_io::cluster::{Event, EventType, Key, Kind};
use serde_json::Value;

use crate::context::Context;
use crate::statements::BINDING;
use crate::{report, words};

/// How often a condition is written anew because somebody else wrote meanwhile.
const ATTEMPTS: usize = 3;

/// Publishes an images pass: the report, and the condition `ImagesUpdated` of each automated HelmRelease.
pub(crate) async fn images(ctx: &Context, plan: &Plan, pushed: &Pushed) {
    let rows: Vec<report::Image> = plan.rows.iter().map(report::Image::from).collect();
    let before = std::mem::replace(&mut ctx.reports().images, rows.clone());
    let before: BTreeMap<(&str, &str), &report::Image> =
        before.iter().map(|row| ((row.object.as_str(), row.container.as_str()), row)).collect();
    for row in rows.iter().filter(|row| before.get(&(row.object.as_str(), row.container.as_str())) != Some(row)) {
        tracing::debug!(
            object = row.object,
            container = row.container,
            code = row.code,
            reason = row.reason,
            "decided"
        );
    }
    let conditions = images::conditions(plan, pushed);
    for value in ctx.watched.helm_releases() {
        let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let namespace = text("/metadata/namespace");
        let mut id =
            ObjectId { kind: "HelmRelease".to_owned(), namespace: Some(namespace), name: text("/metadata/name") };
        let mut found = conditions.get(&id);
        if found.is_none() && id.namespace.as_deref() == Some("default") {
            // In git the namespace may be left out.
            id.namespace = None;
            found = conditions.get(&id);
        }
        let Some(condition) = found else { continue };
        write_condition(ctx, &id, (*value).clone(), condition).await;
    }
}

/// Publishes what each `PolicyBinding` binds.
pub(crate) async fn bindings(ctx: &Context, statuses: Vec<(BindingObject, Value)>) {
    for (object, status) in statuses {
        let key = Key::new(API_VERSION, BINDING, "", &object.name);
        match patched(ctx, &key, (&object.status, &status), None).await {
            Ok(Some(version)) => ctx.statements.binding_known(&object.name, &version).await,
            Ok(None) => {}
            Err(error) => tracing::warn!(binding = object.name, error = chain(&error), "status not written"),
        }
    }
}

/// Writes one condition among those that stand there: the releases loop writes the others meanwhile, and what was watched
/// may lack its last word.
async fn write_condition(ctx: &Context, id: &ObjectId, mut value: Value, condition: &Condition) {
    let key = words::helm_release(id);
    for _ in 0..ATTEMPTS {
        let old = value.get("status").cloned().unwrap_or(Value::Null);
        let mut new = old.as_object().cloned().unwrap_or_default();
        set_condition(&mut new, condition, ctx.clock.now());
        let version = value.pointer("/metadata/resourceVersion").and_then(Value::as_str);
        let error = match write_status_at(ctx, id, (&old, &Value::Object(new)), version).await {
            Ok(_) => return,
            Err(error) => error,
        };
        if !matches!(*error.kind, Kind::Conflict { .. }) {
            tracing::warn!(object = %id, error = chain(&error), "status not written");
            return;
        }
        let Ok(Some(live)) = ctx.cluster.get(&key).await else { return };
        value = live;
    }
}

/// Publishes a releases pass: status and an event for each release that has something new to say before anything is done.
pub(crate) async fn releases(ctx: &Context, view: &ReleasesView, plan: &releases::Plan) {
    for (release, row) in view.releases.iter().zip(&plan.rows) {
        release_status(ctx, release, row, &Outcome::Nothing).await;
    }
}

/// Publishes what became of an action.
pub(crate) async fn outcome(
    ctx: &Context,
    (release, row): (&ReleaseView, &Row),
    outcome: &Outcome,
    transformed: Option<&Next>,
) {
    release_status(ctx, release, row, outcome).await;
    if let (Outcome::Succeeded { .. }, Some(Next::Done { steps, .. })) = (outcome, transformed) {
        let steps = steps.iter().map(|(policy, done)| report::Step::of(policy, done)).collect();
        ctx.reports().transforms.insert(release.id.namespaced(), steps);
    }
}

async fn release_status(ctx: &Context, release: &ReleaseView, row: &Row, outcome: &Outcome) {
    let new = status(release, row, outcome, ctx.clock.now());
    let written = write_status(ctx, &release.id, &release.status, &new).await;
    if let (true, Ok(spec)) = (written, &release.spec) {
        let of = format!("release '{}' in namespace '{}'", spec.release_name, spec.target_namespace);
        event(ctx, &release.id, &of, (&release.status, &new), outcome).await;
    }
}

async fn write_status(ctx: &Context, id: &ObjectId, old: &Value, new: &Value) -> bool {
    write_status_at(ctx, id, (old, new), None).await.unwrap_or_else(|error| {
        tracing::warn!(object = %id, error = chain(&error), "status not written");
        false
    })
}

/// Writes a status where it has changed, and only over this version where one is given. Says whether it was written.
async fn write_status_at(
    ctx: &Context,
    id: &ObjectId,
    (old, new): (&Value, &Value),
    version: Option<&str>,
) -> Result<bool, rhumb_io::cluster::Error> {
    let key = words::helm_release(id);
    let Some(written) = patched(ctx, &key, (old, new), version).await? else { return Ok(false) };
    // The next pass compares with what it knows, so it must know this.
    let place = (key.namespace.unwrap_or_default(), key.name);
    ctx.watched.helm_release_known(&place, &written).await;
    Ok(true)
}

/// Writes the status of an object where it has changed; the version that it has then.
pub(crate) async fn patched(
    ctx: &Context,
    key: &Key,
    (old, new): (&Value, &Value),
    version: Option<&str>,
) -> Result<Option<String>, rhumb_io::cluster::Error> {
    if old == new {
        return Ok(None);
    }
    let mut patch = new.clone();
    // What a merge patch leaves out stays.
    if let (Some(patch), Some(old)) = (patch.as_object_mut(), old.as_object()) {
        for gone in old.keys() {
            patch.entry(gone).or_insert(Value::Null);
        }
    }
    let applied = ctx.cluster.patch_status(key, &patch, version).await?;
    Ok(Some(applied.resource_version))
}

/// Helm Operator's events, but only where there is something new: a release that is through, one that came back, and a
/// reason why one is not through.
async fn event(ctx: &Context, id: &ObjectId, of: &str, (old, new): (&Value, &Value), outcome: &Outcome) {
    let before = condition(old, "Released");
    let (released, why) = condition(new, "Released").unwrap_or_default();
    let new_reason = before.is_none_or(|(_, before)| before != why);
    let (event_type, reason, message) = match (outcome, released) {
        (Outcome::Succeeded { .. } | Outcome::Tested | Outcome::TestsFailed(_), "True") => {
            (EventType::Normal, "ReleaseSynced", format!("managed {of} synchronized"))
        }
        (Outcome::RolledBack { .. }, _) => {
            (EventType::Warning, "FailedReleaseSync", format!("synchronization of {of} failed and was rolled back"))
        }
        (Outcome::RollbackFailed(why), _) => {
            (EventType::Warning, "FailedReleaseSync", format!("rollback of {of} failed: {why}"))
        }
        (_, "False") if new_reason => {
            (EventType::Warning, "FailedReleaseSync", format!("synchronization of {of} failed: {why}"))
        }
        _ => return,
    };
    let event = Event {
        about: words::helm_release(id),
        uid: String::new(),
        event_type,
        reason: reason.to_owned(),
        message,
        now: ctx.clock.now(),
    };
    if let Err(error) = ctx.cluster.event(&event).await {
        tracing::warn!(object = %id, error = chain(&error), "event not written");
    }
}

/// Status and message of a condition.
fn condition<'a>(status: &'a Value, kind: &str) -> Option<(&'a str, &'a str)> {
    let conditions = status.get("conditions").and_then(Value::as_array)?;
    let found = conditions.iter().find(|c| c.get("type").and_then(Value::as_str) == Some(kind))?;
    let text = |key: &str| found.get(key).and_then(Value::as_str).unwrap_or_default();
    Some((text("status"), text("message")))
}
