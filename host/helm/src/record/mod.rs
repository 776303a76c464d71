//! Release records: the Secrets in which Helm 3 keeps the history of a release.
//!
//! A record is JSON, compressed, as base64, in the key `release` of a Secret of type `helm.sh/release.v1`; the API
//! encodes that once more.

mod codec;
mod time;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use codec::{decode, encode};
pub use time::time;

/// The type of the Secret.
pub const SECRET_TYPE: &str = "helm.sh/release.v1";
/// The key of the Secret's data.
pub const SECRET_KEY: &str = "release";

/// One revision of a release.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Release {
    /// Its name.
    pub name: String,
    /// How it went.
    pub info: Info,
    /// What [`crate::Chart::stored`] gives.
    pub chart: Value,
    /// The values that the user supplied.
    #[serde(skip_serializing_if = "Map::is_empty", deserialize_with = "null_is_default")]
    pub config: Map<String, Value>,
    /// All objects, as [`crate::Rendered::manifest`].
    #[serde(skip_serializing_if = "String::is_empty")]
    pub manifest: String,
    /// All hooks.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "null_is_default")]
    pub hooks: Vec<Hook>,
    /// The revision, 1 for the first.
    pub version: u32,
    /// Its namespace.
    pub namespace: String,
    /// Labels of the Secret that are not Helm's own; they are not in the JSON.
    #[serde(skip)]
    pub labels: BTreeMap<String, String>,
}

/// How a revision went.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Info {
    /// When the release was first deployed, as [`time()`] prints it.
    pub first_deployed: String,
    /// When this revision was deployed.
    pub last_deployed: String,
    /// When it was uninstalled, or nothing.
    pub deleted: String,
    /// One sentence.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Where it stands.
    pub status: Status,
    /// What `NOTES.txt` printed.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub notes: String,
}

/// Where a revision stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// In use.
    Deployed,
    /// Removed, history kept.
    Uninstalled,
    /// A later revision is in use.
    Superseded,
    /// Its action failed.
    Failed,
    /// Being removed.
    Uninstalling,
    /// Being installed.
    PendingInstall,
    /// Being upgraded to.
    PendingUpgrade,
    /// Being rolled back to.
    PendingRollback,
    /// Not known; also what this program does not know.
    #[default]
    #[serde(other)]
    Unknown,
}

impl Status {
    /// As in the record and the label `status`.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Unknown => "unknown",
            Status::Deployed => "deployed",
            Status::Uninstalled => "uninstalled",
            Status::Superseded => "superseded",
            Status::Failed => "failed",
            Status::Uninstalling => "uninstalling",
            Status::PendingInstall => "pending-install",
            Status::PendingUpgrade => "pending-upgrade",
            Status::PendingRollback => "pending-rollback",
        }
    }
}

/// A document that runs at a point of a release's life.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Hook {
    /// `metadata.name`.
    pub name: String,
    /// `kind`.
    pub kind: String,
    /// Template file.
    pub path: String,
    /// The document.
    pub manifest: String,
    /// When it runs, such as `pre-install` or `test`.
    #[serde(deserialize_with = "null_is_default")]
    pub events: Vec<String>,
    /// How it went last.
    pub last_run: LastRun,
    /// Lower ones run first.
    #[serde(skip_serializing_if = "is_zero")]
    pub weight: i64,
    /// When its object is removed, such as `hook-succeeded`.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "null_is_default")]
    pub delete_policies: Vec<String>,
    /// When its log is shown, such as `hook-failed`.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "null_is_default")]
    pub output_log_policies: Vec<String>,
}

/// One run of a hook; times as [`time()`] prints them, or nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LastRun {
    /// When it began.
    pub started_at: String,
    /// When it ended.
    pub completed_at: String,
    /// Nothing, `Unknown`, `Running`, `Succeeded` or `Failed`.
    pub phase: String,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_zero(value: &i64) -> bool {
    *value == 0
}

fn null_is_default<'de, D: serde::Deserializer<'de>, T: Deserialize<'de> + Default>(input: D) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(input)?.unwrap_or_default())
}

/// The name of a revision's Secret.
pub fn secret_name(release: &str, revision: u32) -> String {
    format!("sh.helm.release.v1.{release}.v{revision}")
}

/// The labels of a revision's Secret by which Helm finds it, over those in [`Release::labels`]. `createdAt` or
/// `modifiedAt` in unix seconds come from whoever writes it.
pub fn labels(release: &Release) -> BTreeMap<String, String> {
    let mut labels = release.labels.clone();
    let own = [
        ("owner", "helm".to_owned()),
        ("name", release.name.clone()),
        ("status", release.info.status.as_str().to_owned()),
        ("version", release.version.to_string()),
    ];
    labels.extend(own.map(|(key, value)| (key.to_owned(), value)));
    labels
}
