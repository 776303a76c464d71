//! Plan and outcome → a condition for each object that is automated.

use std::collections::BTreeMap;

use super::plan::Plan;
use super::row::{Decided, Kept, Row};
use crate::condition::{Condition, Truth};
use crate::id::{ObjectId, Revision};

/// What became of the commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// There was none to make.
    Nothing,
    /// It is the branch's head now.
    Commit(Revision),
    /// Another writer was faster: the branch stands here now. Nothing is left; the next pass plans anew on top of it.
    Raced(Revision),
    /// It was not pushed, and nothing of it is left; the next pass plans anew.
    Failed(String),
}

/// The condition `ImagesUpdated` of each automated object: its worst row speaks.
pub fn conditions(plan: &Plan, pushed: &Pushed) -> BTreeMap<ObjectId, Condition> {
    let mut worst: BTreeMap<ObjectId, (u8, Condition)> = BTreeMap::new();
    for row in &plan.rows {
        let Some((rank, condition)) = condition(row, pushed) else { continue };
        let entry = worst.entry(row.object.clone()).or_insert_with(|| (rank, condition.clone()));
        if rank > entry.0 {
            *entry = (rank, condition);
        }
    }
    worst.into_iter().map(|(object, (_, condition))| (object, condition)).collect()
}

fn condition(row: &Row, pushed: &Pushed) -> Option<(u8, Condition)> {
    let say = |rank, status, reason, message: String| {
        Some((rank, Condition::new("ImagesUpdated", status, reason, &format!("{}: {message}", row.container))))
    };
    match (&row.decided, pushed) {
        (Decided::Update { to, .. }, Pushed::Commit(revision)) => {
            let short = revision.short();
            say(1, Truth::True, "Committed", format!("{to} in commit {short}"))
        }
        (Decided::Update { to, .. }, Pushed::Failed(why)) => {
            say(9, Truth::False, "PushFailed", format!("{to} not pushed: {why}"))
        }
        (Decided::Update { to, .. }, Pushed::Raced(head)) => {
            let head = head.short();
            say(1, Truth::Unknown, "Planned", format!("{to}, on top of commit {head} that came in between"))
        }
        (Decided::Update { to, .. }, Pushed::Nothing) => say(1, Truth::Unknown, "Planned", to.to_string()),
        (Decided::Keep(Kept::NotAutomated), _) => None,
        (Decided::Keep(kept), _) => {
            let (rank, status, reason) = match kept {
                Kept::Current(_) | Kept::NotAutomated => (0, Truth::True, "UpToDate"),
                Kept::Locked(_) => (2, Truth::False, "Locked"),
                Kept::Ignored => (2, Truth::False, "Ignored"),
                Kept::NoneAcceptable(_) => (3, Truth::False, "NoTagAccepted"),
                Kept::LooksOn { .. } => (3, Truth::False, "Shadow"),
                Kept::HeldByFilter { .. } => (4, Truth::False, "HeldByFilter"),
                Kept::HeldByRule { .. } => (5, Truth::False, "HeldByRule"),
                Kept::NoTags(_) | Kept::Unread(_) => (6, Truth::False, "RegistryFailed"),
                Kept::Unwritable { .. } => (7, Truth::False, "CannotWrite"),
                Kept::PolicyFailed { .. } => (8, Truth::False, "PolicyFailed"),
                Kept::NoEvidence { .. } => (8, Truth::False, "EvidenceNotRead"),
                Kept::NoPolicy(_) => (8, Truth::False, "NoPolicy"),
                Kept::BadFilter(_) => (8, Truth::False, "BadFilter"),
                Kept::NoSuchContainer { .. } => (8, Truth::False, "NoSuchContainer"),
            };
            say(rank, status, reason, kept.to_string())
        }
    }
}
