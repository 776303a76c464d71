//! View and verdicts → at most one commit, and a reason for every container left alone.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Verdicts;
use super::message::message;
use super::view::{ImagesView, Scan, Target, Workload};
use crate::attach::promotion_rules;
use crate::id::{ContainerName, ObjectId, PolicyName, Revision, Tag, Timestamp};
use crate::image::{Reference, filter_of};
use crate::judge::{Answer, Ask, Kind, Outcome, Reason, Verdict};
use crate::manifest::{Edit, File, Slot, apply, containers_named};

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

/// What was decided about one container, and from what.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// The object.
    pub object: ObjectId,
    /// The container.
    pub container: ContainerName,
    /// The image as it stands; empty for a container that does not exist.
    pub image: String,
    /// File and line of the tag.
    pub file: String,
    /// Line from 1.
    pub line: usize,
    /// The filter as written.
    pub filter: String,
    /// The decision.
    pub decided: Decided,
    /// Tags that the filter looked at, best first.
    pub considered: Vec<Considered>,
    /// Fuel that the policies used.
    pub fuel: u64,
}

/// One tag that a filter looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Considered {
    /// The tag.
    pub tag: Tag,
    /// Why it was or wasn't chosen.
    pub reason: Reason,
}

/// Update or keep.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decided {
    /// The image moves.
    Update {
        /// To this tag.
        to: Tag,
        /// The filter's reason.
        reason: Reason,
    },
    /// The image stays.
    Keep(Kept),
}

/// Why a container was left alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kept {
    /// `fluxcd.io/automated` is off.
    NotAutomated,
    /// `fluxcd.io/locked` is on.
    Locked(String),
    /// `fluxcd.io/ignore` is on.
    Ignored,
    /// The filter names a container that the object does not have.
    NoSuchContainer {
        /// The containers that there are.
        known: Vec<ContainerName>,
    },
    /// The filter's annotation cannot be read.
    BadFilter(String),
    /// There is no list of tags.
    NoTags(String),
    /// There is no such policy, or it is of another kind.
    NoPolicy(String),
    /// The policy gave no verdict.
    PolicyFailed {
        /// The policy.
        policy: PolicyName,
        /// Stable word.
        code: String,
        /// For people.
        message: String,
    },
    /// The filter keeps the current image.
    Current(Reason),
    /// The filter accepts no tag on offer.
    NoneAcceptable(Reason),
    /// The filter wants to be asked again.
    HeldByFilter {
        /// When.
        until: Timestamp,
        /// Why.
        reason: Reason,
    },
    /// A promotion rule does not let the version move.
    HeldByRule {
        /// The rule.
        rule: PolicyName,
        /// Where it would have gone.
        to: Tag,
        /// `deny`, `hold`, `require-approval` or `observe`.
        verdict: String,
        /// When to ask again, where the rule says so.
        until: Option<Timestamp>,
        /// Why.
        reason: Reason,
    },
    /// The new tag cannot be written.
    Unwritable {
        /// Where it would have gone.
        to: Tag,
        /// Why.
        message: String,
    },
}

/// Plans one pass. Total: whatever is wrong with one container is a reason on its row.
pub fn plan(view: &ImagesView, verdicts: &Verdicts) -> Plan {
    let mut rows = Vec::new();
    let mut wanted: BTreeMap<String, Vec<(usize, Edit, Update)>> = BTreeMap::new();
    for workload in &view.workloads {
        rows.extend(unknown_containers(workload));
        let gate = gate(view, workload, verdicts);
        for slot in &workload.slots {
            let mut row = row(workload, slot, verdicts);
            row.decided = decide(view, workload, slot, verdicts);
            if let (Decided::Update { to, .. }, Some(held)) = (&row.decided, &gate) {
                row.decided = Decided::Keep(held.of(to));
            }
            if let Decided::Update { to, .. } = &row.decided {
                match Edit::retag(slot, to) {
                    Some(edit) => {
                        wanted.entry(slot.file.clone()).or_default().push((rows.len(), edit, update(slot, to)))
                    }
                    None => row.decided = Decided::Keep(unwritable(slot, to)),
                }
            }
            rows.push(row);
        }
    }
    let actions = commit(view, wanted, &mut rows).into_iter().collect();
    let wake = rows.iter().filter_map(wake_of).min();
    Plan { actions, rows, wake }
}

/// The tag that the filter chose and that is not the current one.
pub(super) fn choice(slot: &Slot, verdicts: &Verdicts) -> Option<Tag> {
    let (question, decision) = verdicts.selections.get(&Target::of(slot))?;
    let (Ask::Select { tags, .. }, Ok(Answer::Selection(selection))) = (&question.ask, &decision.answer) else {
        return None;
    };
    let Outcome::Pick(index) = selection.outcome else { return None };
    let tag = Tag::new(tags.get(index)?);
    (slot.image.tag.as_ref() != Some(&tag)).then_some(tag)
}

fn row(workload: &Workload, slot: &Slot, verdicts: &Verdicts) -> Row {
    let target = Target::of(slot);
    let (mut considered, mut fuel) = (Vec::new(), 0);
    fuel += verdicts.shortlists.get(&target).map_or(0, |(_, decision)| decision.fuel);
    if let Some((question, decision)) = verdicts.selections.get(&target) {
        fuel += decision.fuel;
        if let (Ask::Select { tags, .. }, Ok(Answer::Selection(selection))) = (&question.ask, &decision.answer) {
            let tag = |index| Some(Tag::new(tags.get(index)?));
            let looked_at = selection.considered.iter();
            considered =
                looked_at.filter_map(|c| Some(Considered { tag: tag(c.index)?, reason: c.reason.clone() })).collect();
        }
    }
    Row {
        object: slot.object.clone(),
        container: slot.container.clone(),
        image: slot.image.to_string(),
        file: slot.file.clone(),
        line: slot.line,
        filter: filter_of(&workload.annotations, &slot.container).map(|filter| filter.text).unwrap_or_default(),
        decided: Decided::Keep(Kept::NotAutomated),
        considered,
        fuel,
    }
}

fn decide(view: &ImagesView, workload: &Workload, slot: &Slot, verdicts: &Verdicts) -> Decided {
    Decided::Keep(match open(view, workload, slot) {
        Err(kept) => kept,
        Ok(policy) => {
            let target = Target::of(slot);
            let failed = |(_, decision): &(_, crate::judge::Decision)| decision.answer.as_ref().err().cloned();
            let failure = verdicts.shortlists.get(&target).and_then(failed);
            match (failure, verdicts.selections.get(&target).map(|(_, decision)| &decision.answer)) {
                (Some(failure), _) => policy_failed(&policy, failure.code(), failure.to_string()),
                (None, Some(Err(failure))) => policy_failed(&policy, failure.code(), failure.to_string()),
                (None, Some(Ok(Answer::Selection(selection)))) => match (&selection.outcome, choice(slot, verdicts)) {
                    (Outcome::Pick(_), Some(to)) => return Decided::Update { to, reason: selection.reason.clone() },
                    (Outcome::Pick(_) | Outcome::KeepCurrent, _) => Kept::Current(selection.reason.clone()),
                    (Outcome::None, _) => Kept::NoneAcceptable(selection.reason.clone()),
                    (Outcome::HoldUntil(until), _) => {
                        Kept::HeldByFilter { until: *until, reason: selection.reason.clone() }
                    }
                },
                (None, _) => policy_failed(&policy, "no-verdict", "was not asked or gave no selection".to_owned()),
            }
        }
    })
}

/// The policy that decides about this container, or why none does.
fn open(view: &ImagesView, workload: &Workload, slot: &Slot) -> Result<PolicyName, Kept> {
    if workload.ignored {
        return Err(Kept::Ignored);
    }
    if let Some(why) = &workload.locked {
        return Err(Kept::Locked(why.clone()));
    }
    if !workload.automated {
        return Err(Kept::NotAutomated);
    }
    let filter =
        filter_of(&workload.annotations, &slot.container).map_err(|error| Kept::BadFilter(error.to_string()))?;
    match view.policies.get(&filter.policy) {
        None => return Err(Kept::NoPolicy(format!("there is no policy `{}`", filter.policy))),
        Some(policy) if policy.kind != Kind::ImageFilter => {
            return Err(Kept::NoPolicy(format!(
                "policy `{}` is a {}, not an image-filter",
                filter.policy,
                policy.kind.as_str()
            )));
        }
        Some(_) => {}
    }
    match view.repositories.get(&slot.image.repository()) {
        Some(Scan::Listed(tags)) if tags.is_empty() => Err(Kept::NoTags("the registry lists no tags".to_owned())),
        Some(Scan::Listed(_)) => Ok(filter.policy),
        Some(Scan::Failed(why)) => Err(Kept::NoTags(why.clone())),
        None => Err(Kept::NoTags("the repository was not scanned yet".to_owned())),
    }
}

fn policy_failed(policy: &PolicyName, code: &str, message: String) -> Kept {
    Kept::PolicyFailed { policy: policy.clone(), code: code.to_owned(), message }
}

/// What holds back every move of an object.
enum Held {
    /// A rule's verdict other than allow.
    ByRule { rule: PolicyName, verdict: &'static str, until: Option<Timestamp>, reason: Reason },
    /// A rule that is missing, cannot be read or failed.
    Broken(Kept),
}

impl Held {
    /// The reason for a container that would have moved to this tag.
    fn of(&self, to: &Tag) -> Kept {
        match self {
            Self::Broken(kept) => kept.clone(),
            Self::ByRule { rule, verdict, until, reason } => Kept::HeldByRule {
                rule: rule.clone(),
                to: to.clone(),
                verdict: (*verdict).to_owned(),
                until: *until,
                reason: reason.clone(),
            },
        }
    }
}

/// The strictest of an object's promotion rules: deny > hold > require approval > observe > allow.
///
/// A rule that fails, is missing or cannot be read counts as a hold: no failure of a policy lets a version through.
fn gate(view: &ImagesView, workload: &Workload, verdicts: &Verdicts) -> Option<Held> {
    let rules = match promotion_rules(&workload.annotations) {
        Ok(rules) => rules,
        Err(error) => return Some(Held::Broken(Kept::BadFilter(error.to_string()))),
    };
    let held = rules.into_iter().filter_map(|rule| held_by(view, &workload.id, rule.policy, verdicts));
    held.max_by_key(|(rank, _)| *rank).map(|(_, held)| held)
}

fn held_by(view: &ImagesView, object: &ObjectId, rule: PolicyName, verdicts: &Verdicts) -> Option<(u8, Held)> {
    let broken = |kept| Some((3, Held::Broken(kept)));
    match view.policies.get(&rule) {
        Some(policy) if policy.kind == Kind::PromotionRule => {}
        Some(policy) => {
            return broken(Kept::NoPolicy(format!(
                "policy `{rule}` is a {}, not a promotion-rule",
                policy.kind.as_str()
            )));
        }
        None => return broken(Kept::NoPolicy(format!("there is no policy `{rule}`"))),
    }
    let Some((_, decision)) = verdicts.promotions.get(&(object.clone(), rule.clone())) else {
        return broken(policy_failed(&rule, "no-verdict", "was not asked".to_owned()));
    };
    let verdict = match &decision.answer {
        Ok(Answer::Verdict(verdict)) => verdict,
        Ok(_) => return broken(policy_failed(&rule, "bad-output", "gave no verdict".to_owned())),
        Err(failure) => return broken(policy_failed(&rule, failure.code(), failure.to_string())),
    };
    let (rank, verdict, until, reason) = match verdict {
        Verdict::Allow(_) => return None,
        Verdict::Deny(reason) => (4, "deny", None, reason),
        Verdict::Hold { until, reason } => (3, "hold", *until, reason),
        Verdict::RequireApproval { reason, .. } => (2, "require-approval", None, reason),
        Verdict::Observe(reason) => (1, "observe", None, reason),
    };
    Some((rank, Held::ByRule { rule, verdict, until, reason: reason.clone() }))
}

fn unknown_containers(workload: &Workload) -> Vec<Row> {
    let known: Vec<ContainerName> = workload.slots.iter().map(|slot| slot.container.clone()).collect();
    let named = containers_named(&workload.annotations).into_iter().filter(|name| !known.contains(name));
    let rows = named.map(|container| Row {
        object: workload.id.clone(),
        image: String::new(),
        file: workload.file.clone(),
        line: workload.line,
        filter: filter_of(&workload.annotations, &container).map(|filter| filter.text).unwrap_or_default(),
        container,
        decided: Decided::Keep(Kept::NoSuchContainer { known: known.clone() }),
        considered: Vec::new(),
        fuel: 0,
    });
    rows.collect()
}

fn update(slot: &Slot, to: &Tag) -> Update {
    Update {
        object: slot.object.clone(),
        container: slot.container.clone(),
        from: slot.image.clone(),
        to: slot.image.with_tag(to),
    }
}

fn unwritable(slot: &Slot, to: &Tag) -> Kept {
    let message = slot.place.as_ref().err().cloned().unwrap_or_default();
    Kept::Unwritable { to: to.clone(), message }
}

/// Edits file by file. A file whose edits cannot be proved is left alone; the others go on.
fn commit(view: &ImagesView, wanted: BTreeMap<String, Vec<(usize, Edit, Update)>>, rows: &mut [Row]) -> Option<Action> {
    let (mut files, mut updates) = (Vec::new(), Vec::new());
    for (path, wanted) in wanted {
        let edits: Vec<Edit> = wanted.iter().map(|(_, edit, _)| edit.clone()).collect();
        let edited = match view.files.get(&path) {
            Some(file) => apply(file, &edits).map_err(|error| error.to_string()),
            None => Err(format!("`{path}` was not read")),
        };
        match edited {
            Ok(file) => {
                files.push(file);
                updates.extend(wanted.into_iter().map(|(_, _, update)| update));
            }
            Err(message) => {
                for (index, _, update) in wanted {
                    if let (Some(row), Some(to)) = (rows.get_mut(index), update.to.tag) {
                        row.decided = Decided::Keep(Kept::Unwritable { to, message: message.clone() });
                    }
                }
            }
        }
    }
    let message = message(&updates);
    (!files.is_empty()).then(|| Action::Commit { onto: view.head.clone(), files, message, updates })
}

fn wake_of(row: &Row) -> Option<Timestamp> {
    match &row.decided {
        Decided::Keep(Kept::HeldByFilter { until, .. }) => Some(*until),
        Decided::Keep(Kept::HeldByRule { until, .. }) => *until,
        _ => None,
    }
}
