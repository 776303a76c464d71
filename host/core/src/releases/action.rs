//! What a releases pass can do, each with all that it needs; nothing is left to choose.

use serde_json::{Map, Value};

use super::state::{Back, Untested, healing, resuming};
use super::view::Orphan;
use crate::id::{Digest, ObjectId};

/// The closed list of effects of a releases pass.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Install: there is no record, or only those of a release that was uninstalled, or that never came up.
    Install(Ready),
    /// Upgrade what was deployed before, also from a failed upgrade.
    Upgrade(Ready),
    /// Bring the last good revision back, as a new one.
    Rollback(Rollback),
    /// Run the tests of what is deployed, and note how they went.
    Test(Test),
    /// Go on with a record that a crash or a stop left behind.
    Resume(Unfinished),
    /// Mark a record that a crash left behind as failed, so that the next pass goes on from it: by now something else is
    /// wanted.
    Heal {
        /// The HelmRelease.
        object: ObjectId,
        /// Namespace of the record.
        namespace: String,
        /// Helm's release name.
        release: String,
        /// The record.
        revision: u32,
    },
    /// Uninstall: the HelmRelease is gone.
    Uninstall(Orphan),
}

impl Action {
    /// The word for it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Install(_) => "install",
            Self::Upgrade(_) => "upgrade",
            Self::Rollback(_) => "rollback",
            Self::Test(_) => "test",
            Self::Resume(_) => "resume",
            Self::Heal { .. } => "heal",
            Self::Uninstall(_) => "uninstall",
        }
    }

    /// The HelmRelease that it is for; `None` when that is gone.
    pub fn object(&self) -> Option<&ObjectId> {
        match self {
            Self::Install(ready) | Self::Upgrade(ready) => Some(&ready.object),
            Self::Rollback(rollback) => Some(&rollback.object),
            Self::Test(test) => Some(&test.object),
            Self::Resume(unfinished) => Some(&unfinished.object),
            Self::Heal { object, .. } => Some(object),
            Self::Uninstall(_) => None,
        }
    }

    /// The release that it works on: namespace and Helm's name.
    pub fn release(&self) -> (&str, &str) {
        match self {
            Self::Install(ready) | Self::Upgrade(ready) => (&ready.namespace, &ready.release),
            Self::Rollback(rollback) => (&rollback.namespace, &rollback.release),
            Self::Test(test) => (&test.namespace, &test.release),
            Self::Resume(unfinished) => (&unfinished.namespace, &unfinished.release),
            Self::Heal { namespace, release, .. } => (namespace, release),
            Self::Uninstall(orphan) => (&orphan.namespace, &orphan.name),
        }
    }

    /// What it tries: after a failure that left no record, the same is held off.
    pub fn tried(&self) -> Digest {
        match self {
            Self::Install(ready) | Self::Upgrade(ready) => ready.inputs.clone(),
            Self::Rollback(rollback) => rollback.back.takes_back.inputs.clone(),
            Self::Test(test) => test.tests.inputs.clone(),
            Self::Resume(unfinished) => resuming(unfinished.revision),
            Self::Heal { revision, .. } => healing(*revision),
            Self::Uninstall(orphan) => Digest::of(format!("uninstall {}", orphan.owner)),
        }
    }
}

/// Everything that an install or upgrade needs; nothing is left to choose.
#[derive(Clone, PartialEq)]
pub struct Ready {
    /// The HelmRelease.
    pub object: ObjectId,
    /// Its `metadata.generation`.
    pub generation: u64,
    /// Helm's release name.
    pub release: String,
    /// Namespace of the record and of objects without one.
    pub namespace: String,
    /// The chart.
    pub chart: Digest,
    /// What `status.revision` will show.
    pub chart_revision: String,
    /// Values with secrets in the clear: never printed.
    pub values: Map<String, Value>,
    /// Digest of all that goes in.
    pub inputs: Digest,
    /// Helm's revision that this makes.
    pub revision: u32,
    /// Options of the spec.
    pub options: Options,
}

impl std::fmt::Debug for Ready {
    /// Leaves out the values, which hold secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}/{} v{} chart {}", self.object, self.namespace, self.release, self.revision, self.chart.short())
    }
}

/// A record that was left half done. All that it is to become stands in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfinished {
    /// The HelmRelease.
    pub object: ObjectId,
    /// Helm's release name.
    pub release: String,
    /// Namespace of the record and of objects without one.
    pub namespace: String,
    /// The record.
    pub revision: u32,
    /// What `status.revision` will show.
    pub chart_revision: String,
    /// Options of the spec.
    pub options: Options,
}

/// Options of an install or upgrade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Wait for readiness.
    pub wait: bool,
    /// For hooks and for waiting.
    pub timeout_seconds: u64,
    /// Records kept; 0 keeps all.
    pub max_history: u32,
    /// Leave `crds/` alone.
    pub skip_crds: bool,
    /// Replace objects instead of patching them; an upgrade only.
    pub force: bool,
    /// Lay the values over those of the revision before; an upgrade only.
    pub reuse_values: bool,
}

/// Everything that a rollback needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rollback {
    /// The HelmRelease.
    pub object: ObjectId,
    /// Helm's release name.
    pub release: String,
    /// Namespace of the record.
    pub namespace: String,
    /// The newest record, which must still be that.
    pub from: u32,
    /// To what, and how.
    pub back: Back,
    /// `metadata.generation` of the HelmRelease that the revision was made of which is taken back.
    pub generation: Option<u64>,
    /// Records kept; 0 keeps all.
    pub max_history: u32,
}

/// Everything that a run of a release's tests needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Test {
    /// The HelmRelease.
    pub object: ObjectId,
    /// Helm's release name.
    pub release: String,
    /// Namespace of the record.
    pub namespace: String,
    /// `metadata.generation` of the HelmRelease that asks for it.
    pub generation: u64,
    /// Of what, and how.
    pub tests: Untested,
}
