//! Helm's release records: one Secret per revision, as the `helm` command reads and writes them.
//!
//! Invariant: creating a revision that exists already fails. That is Helm's only guard against two writers, and ours.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rhumb_core::id::Timestamp;
use rhumb_helm::record::{self, Release, Status};
use serde_json::{Value, json};

use super::client::{Cluster, JSON, malformed};
use super::error::{Error, Kind};
use super::key::Key;
use super::objects::{List, text_map};

/// Largest record, in bytes as the API counts a Secret's data.
pub const RECORD_LIMIT: usize = 1024 * 1024;
/// What a new record leaves free for what is noted in it later: why it failed, how its hooks went.
const RECORD_ROOM: usize = 16 * 1024;

/// Labels that Helm keeps for itself; any other belongs to the user and stays.
const SYSTEM_LABELS: [&str; 6] = ["name", "owner", "status", "version", "createdAt", "modifiedAt"];

/// A record as it is in the cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    /// What it says.
    pub release: Release,
    /// Of the Secret.
    pub annotations: BTreeMap<String, String>,
    /// Of the Secret.
    pub labels: BTreeMap<String, String>,
    /// Of the Secret.
    pub resource_version: String,
}

/// What is known of a record without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Namespace of the release.
    pub namespace: String,
    /// Name of the release.
    pub release: String,
    /// Revision.
    pub version: u32,
    /// As Helm writes it, such as `deployed`.
    pub status: String,
    /// Of the Secret; ours are [`Marks`](rhumb_core::releases::Marks).
    pub annotations: BTreeMap<String, String>,
    /// Of the Secret.
    pub resource_version: String,
    /// When it was last written, from Helm's labels; 0 when they do not say.
    pub written: Timestamp,
}

impl Head {
    /// Reads the metadata of a record; `None` when it lacks Helm's labels.
    pub fn of(secret: &Value) -> Option<Self> {
        head(super::objects::live(Key::of(secret)?, secret))
    }
}

fn head(secret: super::Live) -> Option<Head> {
    let label = |key: &str| secret.labels.get(key).cloned();
    Some(Head {
        namespace: secret.key.namespace.clone()?,
        release: label("name")?,
        version: label("version")?.parse().ok()?,
        status: label("status")?,
        written: written(&secret.labels),
        annotations: secret.annotations,
        resource_version: secret.resource_version,
    })
}

/// Name of the Secret of a record.
pub fn name(release: &str, revision: u32) -> String {
    record::secret_name(release, revision)
}

impl Cluster {
    /// The records of one release, newest last. A record that cannot be read is left out with a warning.
    pub async fn history(&self, namespace: &str, release: &str) -> Result<Vec<Stored>, Error> {
        let selector = format!("owner=helm,name={release}");
        let list = List {
            api_version: "v1",
            kind: "Secret",
            namespace: Some(namespace),
            selector: Some(&selector),
            accept: JSON,
        };
        let mut found = Vec::new();
        for secret in self.list_pages(&list).await? {
            match read(&secret) {
                Ok(stored) => found.push(stored),
                Err(error) => {
                    let name = secret.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
                    let error = rhumb_core::chain::chain(&error);
                    tracing::warn!(namespace, name, error, "left out a release record that cannot be read");
                }
            }
        }
        found.sort_by_key(|stored| stored.release.version);
        Ok(found)
    }

    /// All records of all releases in the cluster by their metadata, by namespace, release and revision.
    pub async fn heads(&self) -> Result<Vec<Head>, Error> {
        let secrets = self.list_metadata("v1", "Secret", Some("owner=helm")).await?;
        let mut heads: Vec<Head> = secrets.into_iter().filter_map(head).collect();
        heads.sort_by(|a, b| (&a.namespace, &a.release, a.version).cmp(&(&b.namespace, &b.release, b.version)));
        Ok(heads)
    }

    /// Writes a new record. That the revision exists already is the error `AlreadyExists`.
    pub async fn create_record(
        &self,
        release: &Release,
        annotations: &BTreeMap<String, String>,
        now: Timestamp,
    ) -> Result<Stored, Error> {
        let mut labels = record::labels(release);
        labels.insert("createdAt".to_owned(), (now.0 / 1000).to_string());
        let stored = Stored {
            release: release.clone(),
            annotations: annotations.clone(),
            labels,
            resource_version: String::new(),
        };
        let applied = self.create(&secret(&stored)?).await?;
        Ok(Stored { resource_version: applied.resource_version, ..stored })
    }

    /// Writes a record over itself, if nobody else did meanwhile. Labels of users stay.
    pub async fn update_record(&self, stored: &Stored, now: Timestamp) -> Result<Stored, Error> {
        let mut labels = record::labels(&stored.release);
        labels.insert("modifiedAt".to_owned(), (now.0 / 1000).to_string());
        let stored = Stored { labels, ..stored.clone() };
        let applied = self.replace(&secret(&stored)?).await?;
        Ok(Stored { resource_version: applied.resource_version, ..stored })
    }

    /// Deletes a record.
    pub async fn delete_record(&self, namespace: &str, release: &str, version: u32) -> Result<(), Error> {
        self.delete(&key(namespace, release, version)).await
    }

    /// Deletes the oldest of these records until at most `keep` are left; the newest deployed one stays in any case.
    /// A record that cannot be deleted does not stop the others.
    pub async fn prune_records(&self, history: &[Stored], keep: usize) {
        let deployed = history.iter().rev().find(|stored| stored.release.info.status == Status::Deployed);
        let deployed = deployed.map(|stored| stored.release.version);
        let mut n_extra = history.len().saturating_sub(keep);
        for stored in history {
            let release = &stored.release;
            if n_extra == 0 {
                return;
            }
            if Some(release.version) == deployed {
                continue;
            }
            n_extra -= 1;
            if let Err(error) = self.delete_record(&release.namespace, &release.name, release.version).await {
                let error = rhumb_core::chain::chain(&error);
                tracing::warn!(release = release.name, version = release.version, error, "failed to prune a record");
            }
        }
    }
}

/// Helm's label of the last write: `modifiedAt`, or `createdAt` of a record that was written once; seconds since 1970.
fn written(labels: &BTreeMap<String, String>) -> Timestamp {
    let seconds =
        labels.get("modifiedAt").or_else(|| labels.get("createdAt")).and_then(|text| text.parse::<u64>().ok());
    Timestamp(seconds.unwrap_or_default().saturating_mul(1000))
}

/// Whether the record fits; asked before anything is applied.
pub(super) fn check_size(release: &Release) -> Result<(), Error> {
    encode(release, RECORD_LIMIT - RECORD_ROOM).map(|_| ())
}

fn encode(release: &Release, limit: usize) -> Result<Vec<u8>, Error> {
    let attempt = "write the record";
    let key = key(&release.namespace, &release.name, release.version);
    let data = record::encode(release).map_err(|error| malformed(&error).at(attempt, &key))?;
    if data.len() > limit {
        let message = format!(
            "the chart is too large: its record has {} bytes, and a Secret takes {RECORD_LIMIT}, of which {RECORD_ROOM} \
             stay free for how it goes; leave files out of the chart by .helmignore, or split it",
            data.len()
        );
        return Err(Kind::Failed { message }.at(attempt, &key));
    }
    Ok(data)
}

fn secret(stored: &Stored) -> Result<Value, Error> {
    let release = &stored.release;
    let mut metadata = json!({
        "namespace": release.namespace,
        "name": record::secret_name(&release.name, release.version),
        "labels": stored.labels,
        "annotations": stored.annotations,
    });
    if !stored.resource_version.is_empty()
        && let Some(metadata) = metadata.as_object_mut()
    {
        metadata.insert("resourceVersion".to_owned(), json!(stored.resource_version));
    }
    let data = STANDARD.encode(encode(release, RECORD_LIMIT)?);
    Ok(json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata,
        "type": record::SECRET_TYPE,
        "data": { record::SECRET_KEY: data },
    }))
}

fn read(secret: &Value) -> Result<Stored, Kind> {
    let data = secret
        .get("data")
        .and_then(|data| data.get(record::SECRET_KEY))
        .and_then(Value::as_str)
        .ok_or_else(|| malformed(&"it has no data"))?;
    let data = STANDARD.decode(data).map_err(|_| malformed(&"its data is not base64"))?;
    let mut release = record::decode(&data).map_err(|error| malformed(&error))?;
    let labels = text_map(secret, "/metadata/labels");
    let foreign = labels.iter().filter(|(key, _)| !SYSTEM_LABELS.contains(&key.as_str()));
    release.labels = foreign.map(|(key, value)| (key.clone(), value.clone())).collect();
    let version = secret.pointer("/metadata/resourceVersion").and_then(Value::as_str).unwrap_or_default();
    Ok(Stored {
        release,
        annotations: text_map(secret, "/metadata/annotations"),
        labels,
        resource_version: version.to_owned(),
    })
}

fn key(namespace: &str, release: &str, version: u32) -> Key {
    Key::new("v1", "Secret", namespace, &record::secret_name(release, version))
}
