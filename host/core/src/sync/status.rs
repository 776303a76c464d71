//! Plan and outcomes → what the daemon says about a pass, and what the next pass needs to know.

use std::collections::BTreeMap;

use serde::Serialize;

use super::plan::{Action, Kept, Plan};
use super::view::{Key, Previous};
use crate::id::Revision;
use crate::manifest::{Object, Problem, Switch};

/// What became of each action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Applied; what the cluster has now.
    Applied(Applied),
    /// Deleted or already gone.
    Deleted,
    /// Refused or failed, with the cluster's words.
    Failed(String),
}

/// The identity and version of an object after it was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// `metadata.uid`.
    pub uid: String,
    /// [`super::Live::version`].
    pub version: String,
}

/// What the daemon says about a pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    /// The commit.
    pub revision: Revision,
    /// How many objects were applied or deleted.
    pub changed: usize,
    /// How many were left alone.
    pub kept: usize,
    /// How many are tried again soon, whatever git says meanwhile: refused by the cluster, or of a kind that it lacks.
    pub to_retry: usize,
    /// What could not be read or applied, with its place.
    pub problems: Vec<Problem>,
    /// Applied objects to remember (`Some`), and ones to forget (`None`).
    #[serde(skip)]
    pub remember: BTreeMap<Key, Option<Previous>>,
}

/// Reports one pass; `outcomes` has one entry for each action, in order.
pub fn status(revision: &Revision, plan: &Plan, read: &[Problem], outcomes: &[Outcome]) -> Status {
    let mut status = Status {
        revision: revision.clone(),
        changed: 0,
        kept: 0,
        to_retry: 0,
        problems: read.to_vec(),
        remember: BTreeMap::new(),
    };
    let places: BTreeMap<&str, (&str, usize)> =
        plan.rows.iter().map(|row| (row.object.as_str(), (row.file.as_str(), row.line))).collect();
    for key in &plan.forget {
        status.remember.insert(key.clone(), None);
    }
    for (action, outcome) in plan.actions.iter().zip(outcomes) {
        let (Action::Apply { key, .. } | Action::Delete { key, .. }) = action;
        match (action, outcome) {
            (_, Outcome::Failed(message)) => {
                let object = key.to_string();
                let (file, line) = places.get(object.as_str()).copied().unwrap_or_default();
                let message = format!("{object}: {message}");
                status.to_retry += 1;
                status.problems.push(Problem { file: file.to_owned(), line, message });
            }
            (Action::Apply { digest, object, .. }, Outcome::Applied(applied)) => {
                let previous = Previous {
                    digest: digest.clone(),
                    uid: applied.uid.clone(),
                    version: applied.version.clone(),
                    sync_only: Object::of_cluster(object).is_some_and(|object| object.ignored() == Switch::SyncOnly),
                };
                status.remember.insert(key.clone(), Some(previous));
                status.changed += 1;
            }
            _ => {
                status.remember.insert(key.clone(), None);
                status.changed += 1;
            }
        }
    }
    for row in &plan.rows {
        match &row.decided {
            Ok(_) => {}
            Err(Kept::UnknownKind(kind)) => {
                status.to_retry += 1;
                let message = format!("the cluster does not know {kind}; it is applied once its definition is there");
                status.problems.push(Problem { file: row.file.clone(), line: row.line, message });
            }
            Err(Kept::Duplicate) => {
                let message = format!("{} is defined more than once; none of them is applied: keep one", row.object);
                status.problems.push(Problem { file: row.file.clone(), line: row.line, message });
            }
            Err(_) => status.kept += 1,
        }
    }
    status
}
