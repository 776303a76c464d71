//! Evidence: what a host knows beyond the question itself (`wit/evidence.schema.json`).

use serde::{Deserialize, Serialize};

/// What a promotion rule or a transform may look at; a part that it did not ask for is empty.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Evidence {
    /// What the other environments run.
    pub environments: Vec<Environment>,
    /// Revisions of this release, oldest first.
    pub history: Vec<Revision>,
}

/// One release in one environment.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Environment {
    /// Such as `stg`.
    pub environment: String,
    /// Namespace of the object.
    pub namespace: String,
    /// Name of the object.
    pub name: String,
    /// Kind of the object.
    pub kind: String,
    /// What it runs.
    pub images: Vec<Image>,
    /// Its chart, where it has one.
    pub chart: Option<ChartVersion>,
    /// Whether all of it is up to date and ready.
    pub healthy: bool,
    /// Since when, in milliseconds since 1970; 0 when it is not.
    pub healthy_since: u64,
}

/// An image that something runs.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Image {
    /// Name of the container.
    pub container: String,
    /// Canonical repository.
    pub repository: String,
    /// Tag.
    pub tag: String,
    /// Since when it runs there, in milliseconds since 1970; 0 when unknown.
    pub since: u64,
}

/// A chart by name and version.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct ChartVersion {
    /// `name` of `Chart.yaml`.
    pub name: String,
    /// `version` of `Chart.yaml`.
    pub version: String,
}

/// One revision of this release.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Revision {
    /// Counted from 1.
    pub revision: u32,
    /// As Helm names it, such as `deployed`.
    pub status: String,
    /// Name and version, such as `podinfo-3.1.5`.
    pub chart: String,
    /// When, in milliseconds since 1970.
    pub at: u64,
    /// What it ran.
    pub images: Vec<Image>,
}
