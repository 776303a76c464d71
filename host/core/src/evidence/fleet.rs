//! What each release is busy with, from the cluster and from git, without its records' content.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::id::ObjectId;
use crate::image::Reference;
use crate::images::Workload;
use crate::manifest::{Object, slots};

/// What one release is busy with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Load {
    /// The HelmRelease.
    pub object: ObjectId,
    /// It is being changed, or is about to be: git or the HelmRelease asks for what was not dealt with yet.
    pub changing: bool,
    /// Its newest revision failed.
    pub failed: bool,
}

/// The load of a HelmRelease of the cluster. `newest` is the status of its newest revision as Helm names it, and `in_git`
/// the same object as git has it, if it does.
///
/// What git asks for and what the cluster has not got yet counts, as many commits may be on their way at once; else
/// "at most two at a time" would let any number pass between a commit and the release that it leads to.
pub fn load(helm_release: &Object, newest: Option<&str>, in_git: Option<&Workload>) -> Load {
    let at = |pointer: &str| helm_release.value.pointer(pointer).and_then(Value::as_u64);
    let is_observed = at("/metadata/generation") == at("/status/observedGeneration");
    let is_pending = newest.is_some_and(|status| status.starts_with("pending-") || status == "uninstalling");
    let differs = in_git.is_some_and(|workload| !workload.ignored && tags(workload) != tags_of(helm_release));
    Load {
        object: helm_release.id.clone(),
        changing: !is_observed || is_pending || differs,
        failed: newest == Some("failed"),
    }
}

/// What each container runs.
type Tags = BTreeMap<String, String>;

fn tags(workload: &Workload) -> Tags {
    workload.slots.iter().filter_map(|slot| tag(slot.container.as_str(), &slot.image)).collect()
}

fn tags_of(object: &Object) -> Tags {
    slots(object).iter().filter_map(|slot| tag(slot.container.as_str(), &slot.image)).collect()
}

fn tag(container: &str, image: &Reference) -> Option<(String, String)> {
    Some((container.to_owned(), image.tag.as_ref()?.to_string()))
}
