//! Decides about one container by itself: what its filter chose, or why the image stays.

use super::Verdicts;
use super::propose::{container, looks_on};
use super::row::{Considered, Decided, Kept, Row};
use super::view::{ImagesView, Scan, Target, Workload};
use crate::id::{ContainerName, PolicyName, Tag};
use crate::image::filter_of;
use crate::judge::{Answer, Ask, Decision, Kind, Outcome, Question, Selection, Tags};
use crate::manifest::{Slot, containers_named};
use crate::policies::Asker;

/// The row of this container, as if no rule held it back.
pub(super) fn row(view: &ImagesView, workload: &Workload, slot: &Slot, verdicts: &Verdicts) -> Row {
    let shortlist = asked(slot, verdicts.shortlists.get(&Target::of(slot)));
    let selection = asked(slot, verdicts.selections.get(&Target::of(slot)));
    let fuel = [shortlist, selection].into_iter().flatten().map(|(_, decision)| decision.fuel).sum();
    Row {
        object: slot.object.clone(),
        container: slot.container.clone(),
        image: slot.image.to_string(),
        file: slot.file.clone(),
        line: slot.line,
        filter: filter_of(&workload.annotations, &slot.container).map(|filter| filter.text).unwrap_or_default(),
        decided: decide(view, workload, slot, verdicts),
        considered: selected(slot, verdicts).map(|(tags, selection)| considered(tags, selection)).unwrap_or_default(),
        fuel,
    }
}

/// Rows for containers that filters of an automated object name and that it does not have, and one for an automated
/// object in which no image can be found at all.
pub(super) fn missing_containers(workload: &Workload) -> Vec<Row> {
    if !workload.automated {
        return Vec::new();
    }
    let known: Vec<ContainerName> = workload.slots.iter().map(|slot| slot.container.clone()).collect();
    let mut missing = containers_named(&workload.annotations);
    missing.retain(|name| !known.contains(name));
    if known.is_empty() && missing.is_empty() {
        missing.insert(ContainerName::new("*"));
    }
    let rows = missing.into_iter().map(|container| Row {
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

/// The tag that the filter chose and that is not the current one.
pub(super) fn choice(slot: &Slot, verdicts: &Verdicts) -> Option<Tag> {
    let (tags, selection) = selected(slot, verdicts)?;
    let Outcome::Pick(index) = selection.outcome else { return None };
    let tag = Tag::new(tags.get(index)?);
    (slot.image.tag.as_ref() != Some(&tag)).then_some(tag)
}

/// What the filter said about exactly this container as it stands. An answer about anything else does not count, such
/// as one about an object of the same kind and name in another API group.
fn asked<'a>(slot: &Slot, asked: Option<&'a (Question, Decision)>) -> Option<&'a (Question, Decision)> {
    asked.filter(|(question, _)| match &question.ask {
        Ask::Shortlist { container: about, .. } | Ask::Select { container: about, .. } => *about == container(slot),
        _ => false,
    })
}

fn selected<'a>(slot: &Slot, verdicts: &'a Verdicts) -> Option<(&'a Tags, &'a Selection)> {
    match asked(slot, verdicts.selections.get(&Target::of(slot)))? {
        (Question { ask: Ask::Select { tags, .. }, .. }, Decision { answer: Ok(Answer::Selection(selection)), .. }) => {
            Some((tags, selection))
        }
        _ => None,
    }
}

/// The tags that were looked at, found in one walk over the names.
fn considered(tags: &Tags, selection: &Selection) -> Vec<Considered> {
    let names = tags.names_of(selection.considered.iter().map(|considered| considered.index));
    let looked_at = selection.considered.iter().filter_map(|considered| {
        Some(Considered { tag: Tag::new(*names.get(&considered.index)?), reason: considered.reason.clone() })
    });
    looked_at.collect()
}

fn decide(view: &ImagesView, workload: &Workload, slot: &Slot, verdicts: &Verdicts) -> Decided {
    let policy = match open(view, workload, slot) {
        Err(kept) => return Decided::Keep(*kept),
        Ok(policy) => policy,
    };
    let shortlist = asked(slot, verdicts.shortlists.get(&Target::of(slot)));
    let answer = asked(slot, verdicts.selections.get(&Target::of(slot))).map(|(_, decision)| &decision.answer);
    let failure = shortlist.and_then(|(_, decision)| decision.answer.as_ref().err());
    Decided::Keep(match (failure, answer) {
        (Some(failure), _) | (None, Some(Err(failure))) => {
            Kept::policy_failed(&policy, failure.code(), failure.to_string())
        }
        (None, Some(Ok(Answer::Selection(selection)))) => {
            let reason = selection.reason.clone();
            match (&selection.outcome, choice(slot, verdicts)) {
                (Outcome::Pick(_), Some(to)) if looks_on(view, workload, slot) => Kept::LooksOn { policy, to, reason },
                (Outcome::Pick(_), Some(to)) => return Decided::Update { to, reason },
                (Outcome::KeepCurrent, _) if view.unread.contains_key(&Target::of(slot)) => {
                    Kept::Unread(view.unread.get(&Target::of(slot)).cloned().unwrap_or_default())
                }
                (Outcome::Pick(_) | Outcome::KeepCurrent, _) => Kept::Current(reason),
                (Outcome::None, _) => Kept::NoneAcceptable(reason),
                (Outcome::HoldUntil(until), _) => Kept::HeldByFilter { until: *until, reason },
            }
        }
        (None, Some(Ok(_))) => Kept::policy_failed(&policy, "bad-output", "gave no selection".to_owned()),
        (None, None) => Kept::policy_failed(&policy, "no-verdict", "was not asked".to_owned()),
    })
}

/// The policy that decides about this container, or why none does.
fn open(view: &ImagesView, workload: &Workload, slot: &Slot) -> Result<PolicyName, Box<Kept>> {
    if workload.ignored {
        return Err(Box::new(Kept::Ignored));
    }
    if let Some(why) = &workload.locked {
        return Err(Box::new(Kept::Locked(why.clone())));
    }
    if !workload.automated {
        return Err(Box::new(Kept::NotAutomated));
    }
    let filter = filter_of(&workload.annotations, &slot.container)
        .map_err(|error| Box::new(Kept::BadFilter(crate::chain::chain(&error))))?;
    let found = view.policies.find(Asker::Object(&workload.id), &filter.policy, Kind::ImageFilter);
    found.map_err(|missing| Box::new(Kept::NoPolicy(missing.to_string())))?;
    let no_tags = |why: &str| Err(Box::new(Kept::NoTags(why.to_owned())));
    match view.repositories.get(&slot.image.repository()) {
        Some(Scan::Listed(tags)) if tags.is_empty() => no_tags("the registry lists no tags"),
        Some(Scan::Listed(_)) => Ok(filter.policy),
        Some(Scan::Failed(why)) => no_tags(why),
        None => no_tags("the repository was not scanned yet"),
    }
}
