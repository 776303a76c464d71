//! Everything that one releases pass may look at, frozen at one moment.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::marks::Marks;
use super::spec::{Spec, SpecError};
use crate::evidence::Evidence;
use crate::id::{Digest, ObjectId, Timestamp};
use crate::policies::{Bindings, Last, Policies};
use crate::values::Sealed;

/// The frozen view of one pass.
#[derive(Clone, Debug)]
pub struct ReleasesView {
    /// The time of the pass.
    pub now: Timestamp,
    /// Every HelmRelease.
    pub releases: Vec<ReleaseView>,
    /// Releases of ours whose HelmRelease is gone.
    pub orphans: Vec<Orphan>,
    /// Releases that an action of an earlier pass still works on, as namespace and name.
    pub in_flight: BTreeSet<(String, String)>,
    /// The policies that transforms name, as far as there are such.
    pub policies: Policies,
    /// What is bound to which releases, or why nobody knows it; then nothing is released.
    pub bound: Bindings,
    /// What transforms answered last, where it counts on.
    pub last: Last,
    /// What transforms may see, as far as one of them wants it; filled when it is known which are asked.
    pub evidence: Evidence,
}

/// One HelmRelease and what is known around it.
#[derive(Clone, Debug)]
pub struct ReleaseView {
    /// The HelmRelease.
    pub id: ObjectId,
    /// `metadata.generation`.
    pub generation: u64,
    /// `status` as it stands.
    pub status: Value,
    /// Its environment, where one is named.
    pub environment: Option<String>,
    /// `metadata.labels`.
    pub labels: BTreeMap<String, String>,
    /// `metadata.annotations`.
    pub annotations: BTreeMap<String, String>,
    /// What it asks for.
    pub spec: Result<Spec, SpecError>,
    /// Its chart, or why there is none, for people.
    pub chart: Result<ChartView, String>,
    /// Its values with secrets sealed, or why they cannot be composed, for people.
    pub values: Result<Sealed, String>,
    /// Digest of the secrets that went into the values, so that a changed secret is seen.
    pub secrets: Digest,
    /// Its release records, oldest first, without their content.
    pub history: Vec<Head>,
    /// A failure that left no record, such as a chart that does not render.
    pub attempt: Option<Attempt>,
}

/// Failures that left no record: what was tried, how often in a row, and when the last time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// [`Action::tried`](super::Action::tried).
    pub tried: Digest,
    /// How often.
    pub failures: u32,
    /// When the last time.
    pub at: Timestamp,
}

/// A chart before it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChartView {
    /// Digest of its files or of its archive.
    pub digest: Digest,
    /// What `status.revision` shows: the commit, or the version.
    pub revision: String,
    /// For messages: `charts/podinfo at 1a2b3c4` or `sealed-secrets 1.6.1`.
    pub title: String,
    /// The chart as policies see it; known once it was read.
    pub about: crate::judge::Chart,
}

/// A release record without its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Helm's revision.
    pub revision: u32,
    /// Helm's status, such as `pending-upgrade`.
    pub status: String,
    /// When it was last written.
    pub at: Timestamp,
    /// What the Secret's annotations say; nothing for a record that `helm` wrote.
    pub marks: Marks,
}

/// A release of ours whose HelmRelease is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Orphan {
    /// Namespace of its records.
    pub namespace: String,
    /// Helm's release name.
    pub name: String,
    /// `<namespace>/<name>` of the HelmRelease that was.
    pub owner: String,
    /// Attempts at it that failed.
    pub attempt: Option<Attempt>,
}
