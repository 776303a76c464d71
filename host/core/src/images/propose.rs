//! View → questions of the first two rounds: which tags are worth a closer look, which one to take.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::view::{ImagesView, Scan, Target, Workload};
use super::{Verdicts, decide::choice};
use crate::attach::Mode;
use crate::id::Timestamp;
use crate::image::{Filter, filter_of, step};
use crate::judge::{Answer, Ask, Container, Kind, Metadata, Move, Question, Tags};
use crate::manifest::Slot;
use crate::policies::{Asker, Found};

/// First round: filters that want metadata say which tags are worth fetching it for.
pub fn shortlists(view: &ImagesView) -> BTreeMap<Target, Question> {
    let filters = filters(view).into_iter().filter(|(_, _, _, policy)| policy.info.wants_metadata);
    let questions = filters.filter_map(|(workload, slot, filter, policy)| {
        let tags = on_offer(view, slot)?;
        let ask = Ask::Shortlist { container: container(slot), tags: tags.clone() };
        Some((Target::of(slot), question(view, workload, (&filter, &policy), ask)))
    });
    questions.collect()
}

/// The tags that the first round asks metadata for: canonical repository and indices, for each container.
pub fn shortlisted(verdicts: &Verdicts) -> BTreeMap<Target, (String, Vec<u32>)> {
    let answers = verdicts.shortlists.iter().filter_map(|(target, (question, decision))| {
        let (Ask::Shortlist { container, .. }, Ok(Answer::Shortlist(indices))) = (&question.ask, &decision.answer)
        else {
            return None;
        };
        Some((target.clone(), (container.repository.clone(), indices.clone())))
    });
    answers.collect()
}

/// Second round: each filter chooses.
pub fn selections(view: &ImagesView, verdicts: &Verdicts) -> BTreeMap<Target, Question> {
    let questions = filters(view).into_iter().filter_map(|(workload, slot, filter, policy)| {
        let tags = on_offer(view, slot)?;
        let target = Target::of(slot);
        let metadata = if policy.info.wants_metadata {
            // A shortlist that failed is reported as it is; there is nothing to choose from.
            verdicts.shortlists.get(&target)?.1.answer.as_ref().ok()?;
            view.metadata.get(&target).cloned().unwrap_or_default()
        } else {
            Metadata { complete: true, ..Metadata::default() }
        };
        let ask = Ask::Select { container: container(slot), tags: tags.clone(), metadata };
        Some((target, question(view, workload, (&filter, &policy), ask)))
    });
    questions.collect()
}

/// The tags that a filter may choose from; an empty list is no question.
fn on_offer<'a>(view: &'a ImagesView, slot: &Slot) -> Option<&'a Arc<Tags>> {
    match view.repositories.get(&slot.image.repository())? {
        Scan::Listed(tags) => Some(tags).filter(|tags| !tags.is_empty()),
        Scan::Failed(_) => None,
    }
}

/// The open containers whose filter is a loaded image filter.
fn filters(view: &ImagesView) -> Vec<(&Workload, &Slot, Filter, Found<'_>)> {
    let open = view.workloads.iter().filter(|workload| workload.is_open());
    let slots = open.flat_map(|workload| workload.slots.iter().map(move |slot| (workload, slot)));
    let filters = slots.filter_map(|(workload, slot)| {
        let filter = filter_of(&workload.annotations, &slot.container).ok()?;
        let policy = view.policies.find(Asker::Object(&workload.id), &filter.policy, Kind::ImageFilter).ok()?;
        Some((workload, slot, filter, policy))
    });
    filters.collect()
}

pub(super) fn question(
    view: &ImagesView,
    workload: &Workload,
    (filter, policy): (&Filter, &Found<'_>),
    ask: Ask,
) -> Question {
    Question {
        context: workload.context(&filter.policy, view.now),
        policy: filter.policy.clone(),
        component: policy.info.component.clone(),
        config: policy.config(&filter.config).to_string(),
        ask,
    }
}

/// The container as the policies see it.
pub(super) fn container(slot: &Slot) -> Container {
    Container {
        name: slot.container.to_string(),
        repository: slot.image.repository(),
        current_tag: slot.image.tag.clone(),
        current_digest: slot.image.digest.clone(),
        current_since: Timestamp(0),
    }
}

/// Whether the filter of this container only looks on.
pub(super) fn looks_on(view: &ImagesView, workload: &Workload, slot: &Slot) -> bool {
    let Ok(filter) = filter_of(&workload.annotations, &slot.container) else { return false };
    let found = view.policies.find(Asker::Object(&workload.id), &filter.policy, Kind::ImageFilter);
    found.is_ok_and(|found| found.mode() == Mode::Shadow)
}

/// What would change in this object, as far as it can be written.
pub(super) fn moves(view: &ImagesView, workload: &Workload, verdicts: &Verdicts) -> Vec<Move> {
    let writable = workload.slots.iter().filter(|slot| slot.place.is_ok() && !looks_on(view, workload, slot));
    let moves = writable.filter_map(|slot| {
        let tag = choice(slot, verdicts)?;
        let from = slot.image.tag.as_ref().map(ToString::to_string);
        Some(Move {
            subject: slot.container.to_string(),
            repository: slot.image.repository(),
            step: from.as_deref().and_then(|from| step(from, tag.as_str())),
            from_version: from,
            to_version: tag.to_string(),
            to_digest: None,
        })
    });
    moves.collect()
}
