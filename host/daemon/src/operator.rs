//! What operators ask a running daemon: list, images, history, explain. Read from the cluster and from the last reports.

use rhumb_core::id::ObjectId;
use rhumb_core::manifest::{Object, slots};
use rhumb_core::releases::Spec;
use serde_json::Value;

use crate::context::Context;
use crate::loops::Error;
use crate::report::{Explanation, Head, History, Release};
use crate::{evidence, verdicts};

/// Every HelmRelease with what runs of it, by namespace and name.
pub async fn list(ctx: &Context) -> Result<Vec<Release>, Error> {
    let mut releases = Vec::new();
    for value in ctx.cluster.helm_releases().await? {
        releases.push(release(ctx, &value).await?);
    }
    releases.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
    Ok(releases)
}

async fn release(ctx: &Context, value: &Value) -> Result<Release, Error> {
    let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let spec = Spec::parse(value).ok();
    let newest = match &spec {
        Some(spec) => ctx.cluster.history(&spec.target_namespace, &spec.release_name).await?.pop(),
        None => None,
    };
    let images = Object::of_cluster(value).map(|object| slots(&object)).unwrap_or_default();
    Ok(Release {
        namespace: text("/metadata/namespace"),
        name: text("/metadata/name"),
        release: spec.as_ref().map(|spec| spec.release_name.clone()).unwrap_or_default(),
        target_namespace: spec.map(|spec| spec.target_namespace).unwrap_or_default(),
        chart: newest.as_ref().map(|stored| evidence::chart_of(&stored.release)).unwrap_or_default(),
        images: images.iter().map(|slot| slot.image.to_string()).collect(),
        revision: newest.as_ref().map(|stored| stored.release.version).unwrap_or_default(),
        status: newest
            .map_or_else(|| before_any(text("/status/phase")), |stored| stored.release.info.status.as_str().to_owned()),
        message: released_message(value),
    })
}

/// What a HelmRelease without a release is at.
fn before_any(phase: String) -> String {
    if phase.is_empty() { "-".to_owned() } else { phase }
}

/// The records of a HelmRelease, oldest first; `None` when there is no such HelmRelease.
pub async fn history(ctx: &Context, namespace: &str, name: &str) -> Result<Option<Vec<History>>, Error> {
    let Some(value) = find(ctx, namespace, name).await? else { return Ok(None) };
    let Ok(spec) = Spec::parse(&value) else { return Ok(Some(Vec::new())) };
    let stored = ctx.cluster.history(&spec.target_namespace, &spec.release_name).await?;
    let line = |release: &rhumb_helm::record::Release| History {
        revision: release.version,
        updated: release.info.last_deployed.clone(),
        status: release.info.status.as_str().to_owned(),
        chart: evidence::chart_of(release),
        app_version: release
            .chart
            .pointer("/metadata/appVersion")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned(),
        description: release.info.description.clone(),
    };
    Ok(Some(stored.iter().map(|stored| line(&stored.release)).collect()))
}

/// Everything about one HelmRelease.
pub async fn explain(ctx: &Context, namespace: &str, name: &str) -> Result<Explanation, Error> {
    let id = ObjectId { kind: "HelmRelease".to_owned(), namespace: Some(namespace.to_owned()), name: name.to_owned() };
    let found = match find(ctx, namespace, name).await? {
        Some(value) => Some(release(ctx, &value).await?),
        None => None,
    };
    let object = id.to_string();
    let reports = ctx.reports();
    let images = reports.images.iter().filter(|image| image.object == object).cloned().collect();
    let transforms = reports.transforms.get(&format!("{namespace}/{name}")).cloned().unwrap_or_default();
    drop(reports);
    let (arrivals, decisions) = (verdicts::arrivals(ctx, &id), verdicts::newest(ctx, &id));
    Ok(Explanation { release: found, images, arrivals, transforms, decisions })
}

/// The branch as fetched last, and what of it was applied.
pub async fn head(ctx: &Context) -> Result<Head, Error> {
    let snapshot = ctx.repository.snapshot().await?;
    let branch = ctx.repository.mirror().branch().to_owned();
    Ok(Head { branch, head: snapshot.revision.to_string(), sync: ctx.reports().sync.clone() })
}

async fn find(ctx: &Context, namespace: &str, name: &str) -> Result<Option<Value>, Error> {
    let is = |value: &Value| {
        let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str);
        text("/metadata/namespace") == Some(namespace) && text("/metadata/name") == Some(name)
    };
    Ok(ctx.cluster.helm_releases().await?.into_iter().find(is))
}

fn released_message(value: &Value) -> String {
    let conditions = value.pointer("/status/conditions").and_then(Value::as_array);
    let released = conditions.into_iter().flatten().find(|c| c.get("type").and_then(Value::as_str) == Some("Released"));
    released.and_then(|c| c.get("message")).and_then(Value::as_str).unwrap_or_default().to_owned()
}
