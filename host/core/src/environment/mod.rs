//! What runs where, since when and how healthy, for [`evidence`](crate::evidence).
//!
//! It comes from durable state alone, the HelmRelease's conditions and the release records, so that a lost store or a
//! restarted daemon changes no verdict.

use std::collections::BTreeMap;

use serde_json::Value;

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
    /// `metadata.labels`.
    pub labels: BTreeMap<String, String>,
    /// Its images.
    pub images: Vec<DeployedImage>,
    /// `<name>-<version>` of the chart.
    pub chart: Option<String>,
    /// Since when it is healthy; `None` when it is not.
    pub healthy_since: Option<Timestamp>,
    /// Newest last.
    pub history: Vec<Record>,
    /// The images of each record of the history, in its order, whatever became of it.
    pub tried: Vec<Vec<DeployedImage>>,
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
    let tried: Vec<Vec<DeployedImage>> = history.iter().map(|record| images(helm_release, record)).collect();
    let counts = |(record, _): &(&Record, &Vec<DeployedImage>)| ran(record) || record.status == "failed";
    let done: Vec<(&Record, &Vec<DeployedImage>)> = history.iter().zip(&tried).filter(counts).collect();
    let gone = history.last().is_some_and(|record| matches!(record.status.as_str(), "uninstalled" | "uninstalling"));
    let newest_run = done.iter().rposition(|(record, _)| ran(record));
    let current = newest_run.and_then(|newest| done.get(newest)).filter(|_| !gone);
    let since = |image: &DeployedImage| {
        let has = |at: &[DeployedImage]| at.iter().any(|other| same_image(other, image));
        let run = done.iter().take(newest_run.map_or(0, |newest| newest + 1)).rev();
        let run = run.take_while(|(_, images)| has(images)).filter(|(record, _)| ran(record));
        run.last().map_or(image.since, |(record, _)| record.at)
    };
    let images = current.into_iter().flat_map(|(_, images)| images.iter());
    let images = images.map(|image| DeployedImage { since: since(image), ..image.clone() }).collect();
    let newest = history.last().filter(|record| record.status == "deployed");
    let tests = Spec::parse(&helm_release.value).ok().and_then(|spec| spec.tests);
    let untested =
        |record: &&Record| tests.is_some_and(|tests| !tests.ignore_failures) && record.tests != Some(Tested::Passed);
    let healthy = newest.filter(|record| !untested(record));
    Deployed {
        object: helm_release.id.clone(),
        environment,
        labels: helm_release.labels(),
        images,
        chart: newest.map(|record| record.chart.clone()),
        healthy_since: healthy.and_then(|record| Some(released_since(&helm_release.value)?.max(record.at))),
        history,
        tried,
    }
}

/// Splits `<name>-<version>` where a version with three numbers begins, or else where a digit does.
pub(crate) fn chart_name_version(chart: &str) -> Option<(&str, &str)> {
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
