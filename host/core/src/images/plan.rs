//! View and verdicts → at most one commit, and a reason for every container left alone.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Verdicts;
use super::commit::{Wanted, commit};
use super::decide::{missing_containers, row};
use super::gate::gate;
use super::row::{Decided, Kept, Row};
use super::view::ImagesView;
use crate::evidence::retry;
use crate::id::{ContainerName, ObjectId, Revision, Tag, Timestamp};
use crate::image::Reference;
use crate::manifest::{Edit, File, Slot};

/// What an images pass will do.
#[must_use = "a plan does nothing until it is applied"]
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// At most one.
    pub actions: Vec<Action>,
    /// Every container, in the order of the manifests.
    pub rows: Vec<Row>,
    /// The earliest time at which a policy wants to be asked again.
    pub wake: Option<Timestamp>,
}

/// The closed list of effects of an images pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Commit these files and push.
    Commit {
        /// The commit that must still be the branch's head.
        onto: Revision,
        /// Their new content, already proved to be the old content plus the edits.
        files: Vec<File>,
        /// As Flux v1 words it.
        message: String,
        /// What changes: object, container, old and new reference.
        updates: Vec<Update>,
    },
}

/// One image that a commit changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Update {
    /// The object.
    pub object: ObjectId,
    /// The container.
    pub container: ContainerName,
    /// As it stands.
    pub from: Reference,
    /// As it will stand.
    pub to: Reference,
}

/// Plans one pass. Total: whatever is wrong with one container is a reason on its row.
pub fn plan(view: &ImagesView, verdicts: &Verdicts) -> Plan {
    let mut rows = Vec::new();
    let mut wanted: BTreeMap<String, Vec<Wanted>> = BTreeMap::new();
    for workload in &view.workloads {
        rows.extend(missing_containers(workload));
        let gate = gate(view, workload, verdicts);
        for slot in &workload.slots {
            let mut row = row(view, workload, slot, verdicts);
            if let Decided::Update { to, .. } = &row.decided {
                match (slot.place.as_ref(), &gate, Edit::retag(slot, to)) {
                    (Ok(_), None, Some(edit)) => {
                        let wanted = wanted.entry(slot.file.clone()).or_default();
                        wanted.push(Wanted { row: rows.len(), edit, update: update(slot, to) });
                    }
                    (Ok(_), Some(held), _) => row.decided = Decided::Keep(held.of(to)),
                    (place, ..) => {
                        let message = place.err().cloned().unwrap_or_default();
                        row.decided = Decided::Keep(Kept::Unwritable { to: to.clone(), message });
                    }
                }
            }
            rows.push(row);
        }
    }
    let actions = commit(view, wanted, &mut rows).into_iter().collect();
    let wake = rows.iter().filter_map(|row| wake_of(view, row)).min();
    Plan { actions, rows, wake }
}

fn update(slot: &Slot, to: &Tag) -> Update {
    Update {
        object: slot.object.clone(),
        container: slot.container.clone(),
        from: slot.image.clone(),
        to: slot.image.with_tag(to),
    }
}

/// When to look again at a container that was left alone.
fn wake_of(view: &ImagesView, row: &Row) -> Option<Timestamp> {
    // A switch that ends by itself lets go what it held.
    let stop_ends = || view.evidence.stop.as_ref().map(|stop| stop.until).filter(|until| *until > view.now);
    match &row.decided {
        Decided::Keep(Kept::HeldByFilter { until, .. }) => Some(*until),
        Decided::Keep(Kept::HeldByRule { until, .. }) => until.iter().copied().chain(stop_ends()).min(),
        Decided::Keep(Kept::NoEvidence { .. }) => Some(retry(view.now)),
        _ => None,
    }
}
