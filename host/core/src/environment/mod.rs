//! What runs where, since when and how healthy: the evidence that promotion rules and transforms see.
//!
//! It comes from durable state alone, the HelmRelease's conditions and the release records, so that a lost store or a
//! restarted daemon changes no verdict.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::id::{ObjectId, Timestamp};
use crate::manifest::{Object, slots};
use crate::releases::{Spec, Tested};

/// Label of an object or of its namespace that names its environment.
pub const ENVIRONMENT_LABEL: &str = "rhumb.dev/environment";

/// One release record, as far as evidence needs it.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Helm's revision.
    pub revision: u32,
    /// Helm's status, such as `deployed`.
    pub status: String,
    /// `<name>-<version>` of the chart.
    pub chart: String,
    /// The values that the release was given.
    pub config: Value,
    /// `info.last_deployed`.
    pub at: Timestamp,
    /// How its tests went; `None` when they did not run to the end.
    pub tests: Option<Tested>,
}

/// One release as it runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Deployed {
    /// The HelmRelease.
    pub object: ObjectId,
    /// Its environment, where one is named.
    pub environment: Option<String>,
    /// Its images.
    pub images: Vec<DeployedImage>,
    /// `<name>-<version>` of the chart.
    pub chart: Option<String>,
    /// Since when it is healthy; `None` when it is not.
    pub healthy_since: Option<Timestamp>,
    /// Newest last.
    pub history: Vec<Record>,
}

/// One image of a release as it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeployedImage {
    /// Name by which annotations reach it.
    pub container: String,
    /// Canonical repository.
    pub repository: String,
    /// The tag.
    pub tag: String,
    /// When the release was first deployed with this tag, counted without a break until now.
    pub since: Timestamp,
}

/// The environment of an object: its own label, or else that of its namespace.
pub fn environment_of(
    labels: &BTreeMap<String, String>,
    namespace: Option<&str>,
    namespaces: &BTreeMap<String, BTreeMap<String, String>>,
) -> Option<String> {
    let of_namespace = || namespaces.get(namespace?)?.get(ENVIRONMENT_LABEL);
    labels.get(ENVIRONMENT_LABEL).or_else(of_namespace).cloned()
}

/// What a HelmRelease of the cluster runs, from its status and its records (newest last).
///
/// A failed record counts as a break, because part of it may have run; one that is under way does not count yet. One
/// whose tests are asked for is healthy when they passed.
pub fn deployed(helm_release: &Object, environment: Option<String>, history: Vec<Record>) -> Deployed {
    let ran = |record: &Record| matches!(record.status.as_str(), "deployed" | "superseded");
    let done: Vec<&Record> = history.iter().filter(|record| ran(record) || record.status == "failed").collect();
    let images: Vec<Vec<DeployedImage>> = done.iter().map(|record| images(helm_release, record)).collect();
    let gone = history.last().is_some_and(|record| matches!(record.status.as_str(), "uninstalled" | "uninstalling"));
    let current = done.iter().rposition(|record| ran(record)).and_then(|newest| images.get(newest)).filter(|_| !gone);
    let since = |image: &DeployedImage| {
        let has = |at: &[DeployedImage]| at.iter().any(|other| same_image(other, image));
        let newest = done.iter().rposition(|record| ran(record)).map_or(0, |newest| newest + 1);
        let run = images.iter().zip(&done).take(newest).rev().take_while(|(images, _)| has(images));
        run.filter(|(_, record)| ran(record)).last().map_or(image.since, |(_, record)| record.at)
    };
    let images = current.into_iter().flatten().map(|image| DeployedImage { since: since(image), ..image.clone() });
    let images = images.collect();
    let newest = history.last().filter(|record| record.status == "deployed");
    let tests = Spec::parse(&helm_release.value).ok().and_then(|spec| spec.tests);
    let untested =
        |record: &&Record| tests.is_some_and(|tests| !tests.ignore_failures) && record.tests != Some(Tested::Passed);
    let healthy = newest.filter(|record| !untested(record));
    Deployed {
        object: helm_release.id.clone(),
        environment,
        images,
        chart: newest.map(|record| record.chart.clone()),
        healthy_since: healthy.and_then(|record| Some(released_since(&helm_release.value)?.max(record.at))),
        history,
    }
}

/// The evidence document (`wit/evidence.schema.json`) for a question about `subject`.
pub fn evidence(subject: &ObjectId, deployed: &[Deployed]) -> Value {
    let environments: Vec<Value> = deployed.iter().map(environment_json).collect();
    let history: Vec<Value> = deployed
        .iter()
        .filter(|release| release.object == *subject)
        .flat_map(|release| &release.history)
        .map(|record| json!({"revision": record.revision, "status": record.status, "chart": record.chart, "at": record.at}))
        .collect();
    json!({"environments": environments, "history": history})
}

fn environment_json(release: &Deployed) -> Value {
    let images: Vec<Value> = release
        .images
        .iter()
        .map(|i| json!({"container": i.container, "repository": i.repository, "tag": i.tag, "since": i.since}))
        .collect();
    let mut json = Map::new();
    let mut put = |key: &str, value: Value| json.insert(key.to_owned(), value);
    put("namespace", json!(release.object.namespace));
    put("name", json!(release.object.name));
    put("kind", json!(release.object.kind));
    put("images", json!(images));
    put("healthy", json!(release.healthy_since.is_some()));
    if let Some(environment) = &release.environment {
        put("environment", json!(environment));
    }
    if let Some(since) = release.healthy_since {
        put("healthySince", json!(since));
    }
    if let Some((name, version)) = release.chart.as_deref().and_then(chart_name_version) {
        put("chart", json!({"name": name, "version": version}));
    }
    Value::Object(json)
}

/// Splits `<name>-<version>` where a version with three numbers begins, or else where a digit does.
fn chart_name_version(chart: &str) -> Option<(&str, &str)> {
    let splits = || chart.match_indices('-').filter_map(|(at, _)| Some((chart.get(..at)?, chart.get(at + 1..)?)));
    let number = |text: Option<&str>| text.is_some_and(|text| text.starts_with(|c: char| c.is_ascii_digit()));
    let semantic = |version: &str| {
        let mut parts = version.strip_prefix('v').unwrap_or(version).splitn(3, '.');
        let whole =
            |part: Option<&str>| part.is_some_and(|part| part.bytes().all(|b| b.is_ascii_digit()) && !part.is_empty());
        whole(parts.next()) && whole(parts.next()) && number(parts.next())
    };
    splits().find(|(_, version)| semantic(version)).or_else(|| splits().find(|(_, version)| number(Some(version))))
}

fn same_image(a: &DeployedImage, b: &DeployedImage) -> bool {
    a.container == b.container && a.repository == b.repository && a.tag == b.tag
}

/// The images that a record's values name, found as in the HelmRelease itself.
fn images(helm_release: &Object, record: &Record) -> Vec<DeployedImage> {
    let mut value = helm_release.value.clone();
    if let Some(spec) = value.get_mut("spec").and_then(Value::as_object_mut) {
        spec.insert("values".to_owned(), record.config.clone());
    }
    let Some(object) = Object::of_cluster(&value) else { return Vec::new() };
    slots(&object)
        .into_iter()
        .filter_map(|slot| {
            let tag = slot.image.tag.as_ref()?.to_string();
            let repository = slot.image.repository();
            Some(DeployedImage { container: slot.container.to_string(), repository, tag, since: record.at })
        })
        .collect()
}

/// Since when the condition `Released` is true.
fn released_since(helm_release: &Value) -> Option<Timestamp> {
    let conditions = helm_release.pointer("/status/conditions")?.as_array()?;
    let is = |c: &&Value, key: &str, value: &str| c.get(key).and_then(Value::as_str) == Some(value);
    let released = conditions.iter().find(|c| is(c, "type", "Released") && is(c, "status", "True"))?;
    Timestamp::parse(released.get("lastTransitionTime")?.as_str()?)
}

#[cfg(test)]
mod tests;
