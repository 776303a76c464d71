//! A release by hand: one object, one image, one tag, now (`flux-v1.md` 8.2). It goes the way of every other move: rules
//! judge it, one commit makes it.
//!
//! A lock and a filter refuse it, and force passes over both. A promotion rule is never passed over: whoever wants that
//! edits git.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::propose::{container, question};
use super::view::{ImagesView, Scan, Target, Workload};
use super::{Action, Plan, Verdicts, plan};
use crate::id::{ContainerName, Tag};
use crate::image::{Filter, Reference, filter_of};
use crate::judge::{Answer, Ask, Decision, Kind, Metadata, Outcome, Question, Reason, Selection, Tags};
use crate::manifest::Slot;
use crate::policies::{Asker, Found};

/// What an operator asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Flux's identity of the object, such as `dev:helmrelease/podinfo`.
    pub object: String,
    /// The image with its tag, as it is or as it stands in the manifests.
    pub image: Reference,
    /// Whether locks and filters count.
    pub force: Force,
}

/// Whether locks and filters count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Force {
    /// They do.
    No,
    /// They are passed over.
    Yes,
}

/// Why a request is refused. Nothing is written then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Nothing of that name has images.
    #[error("there is no `{0}` with images in the repository")]
    NoSuchObject(String),
    /// The image names no tag.
    #[error("`{0}` names no tag; write it as IMAGE:TAG")]
    NoTag(String),
    /// The object uses other images.
    #[error("`{object}` does not use `{image}`; it uses {uses}")]
    OtherImage {
        /// The object.
        object: String,
        /// The repository that was asked for.
        image: String,
        /// What it uses.
        uses: String,
    },
    /// Every container has that tag already.
    #[error("`{object}` has `{tag}` already")]
    UpToDate {
        /// The object.
        object: String,
        /// The tag.
        tag: Tag,
    },
    /// `fluxcd.io/ignore` is on.
    #[error("`{0}` is ignored")]
    Ignored(String),
    /// `fluxcd.io/locked` is on.
    #[error("`{object}` is locked{why}")]
    Locked {
        /// The object.
        object: String,
        /// Who and why, behind a blank; empty where nothing is said.
        why: String,
    },
    /// The registry does not list the tag.
    #[error("the registry lists no tag `{tag}` of `{repository}`")]
    NoSuchTag {
        /// The canonical repository.
        repository: String,
        /// The tag.
        tag: Tag,
    },
    /// The registry could not be asked.
    #[error("the tags of `{repository}` are not known: {why}")]
    NoTags {
        /// The canonical repository.
        repository: String,
        /// The registry's words.
        why: String,
    },
    /// The filter does not take the tag, or could not be asked.
    #[error("filter `{filter}` of container `{container}` does not take `{tag}`: {why}")]
    Filtered {
        /// The container.
        container: ContainerName,
        /// The filter as written.
        filter: String,
        /// The tag.
        tag: Tag,
        /// The filter's reason.
        why: String,
    },
}

impl Refused {
    /// Whether force would pass over it.
    pub fn yields_to_force(&self) -> bool {
        matches!(self, Self::Locked { .. } | Self::Filtered { .. } | Self::Ignored(_))
    }
}

impl Request {
    fn tag(&self) -> Result<&Tag, Refused> {
        self.image.tag.as_ref().ok_or_else(|| Refused::NoTag(self.image.to_string()))
    }
}

/// The object that the request names, with the containers that use its image, as if it were automated.
pub fn opened(workloads: Vec<Workload>, request: &Request) -> Result<Workload, Refused> {
    let tag = request.tag()?;
    let found = workloads.into_iter().find(|workload| workload.id.to_string() == request.object);
    let mut workload = found.ok_or_else(|| Refused::NoSuchObject(request.object.clone()))?;
    let object = request.object.clone();
    if request.force == Force::No {
        if workload.ignored {
            return Err(Refused::Ignored(object));
        }
        if let Some(why) = &workload.locked {
            let why = if why.is_empty() { String::new() } else { format!(" by {why}") };
            return Err(Refused::Locked { object, why });
        }
    }
    let wanted = request.image.repository();
    let (slots, others): (Vec<Slot>, Vec<Slot>) =
        workload.slots.into_iter().partition(|slot| slot.image.repository() == wanted);
    if slots.is_empty() {
        let mut uses: Vec<String> = others.iter().map(|slot| format!("`{}`", slot.image.repository())).collect();
        uses.dedup();
        return Err(Refused::OtherImage { object, image: wanted, uses: uses.join(", ") });
    }
    workload.slots = slots.into_iter().filter(|slot| slot.image.tag.as_ref() != Some(tag)).collect();
    if workload.slots.is_empty() {
        return Err(Refused::UpToDate { object, tag: tag.clone() });
    }
    (workload.automated, workload.ignored, workload.locked) = (true, false, None);
    if request.force == Force::Yes {
        // What no annotation filters takes everything.
        for slot in &workload.slots {
            for prefix in ["filter.fluxcd.io/", "fluxcd.io/tag.", "flux.weave.works/tag."] {
                workload.annotations.remove(&format!("{prefix}{}", slot.container));
            }
        }
    }
    Ok(workload)
}

/// What each container's filter is asked: whether it would have the tag, if nothing ran and nothing else were there.
///
/// A filter that wants metadata names in its shortlist what it may choose, and the other ones choose.
pub fn admissions(view: &ImagesView, request: &Request) -> Result<BTreeMap<Target, Question>, Refused> {
    let tag = request.tag()?;
    let mut questions = BTreeMap::new();
    for (workload, slot) in containers(view) {
        let offered = offered(view, slot, tag)?;
        let (filter, policy) = filter(view, workload, slot, tag)?;
        let container = crate::judge::Container { current_tag: None, current_digest: None, ..container(slot) };
        let ask = match policy.info.wants_metadata {
            true => Ask::Shortlist { container, tags: offered },
            false => {
                let metadata = Metadata { complete: true, ..Metadata::default() };
                Ask::Select { container, tags: offered, metadata }
            }
        };
        questions.insert(Target::of(slot), question(view, workload, (&filter, &policy), ask));
    }
    Ok(questions)
}

/// The choice of the tag for each container, in the place of its filter's, when every filter would have it.
pub fn chosen(
    view: &ImagesView,
    request: &Request,
    answers: &BTreeMap<Target, (Question, Decision)>,
) -> Result<Verdicts, Refused> {
    let tag = request.tag()?;
    let mut verdicts = Verdicts::default();
    for (workload, slot) in containers(view) {
        let (filter, policy) = filter(view, workload, slot, tag)?;
        let refused = |why: String| Refused::Filtered {
            container: slot.container.clone(),
            filter: filter.text.clone(),
            tag: tag.clone(),
            why,
        };
        match answers.get(&Target::of(slot)).map(|(_, decision)| &decision.answer) {
            _ if request.force == Force::Yes => {}
            Some(Ok(Answer::Shortlist(indices))) if indices.contains(&0) => {}
            Some(Ok(Answer::Shortlist(_))) => return Err(refused("it does not match".to_owned())),
            Some(Ok(Answer::Selection(selection))) => match selection.outcome {
                Outcome::Pick(0) => {}
                _ => return Err(refused(selection.reason.message.clone())),
            },
            Some(Ok(_)) | None => return Err(refused("it gave no verdict".to_owned())),
            Some(Err(failure)) => return Err(refused(failure.to_string())),
        }
        let metadata = Metadata { complete: true, ..Metadata::default() };
        let ask = Ask::Select { container: container(slot), tags: offered(view, slot, tag)?, metadata };
        let selection = Selection {
            outcome: Outcome::Pick(0),
            reason: Reason { code: "by-hand".to_owned(), message: "asked for by hand".to_owned() },
            considered: Vec::new(),
        };
        let decision = Decision { answer: Ok(Answer::Selection(selection)), fuel: 0 };
        let question = question(view, workload, (&filter, &policy), ask);
        verdicts.selections.insert(Target::of(slot), (question, decision));
    }
    Ok(verdicts)
}

/// Plans the commit, with Flux's words for it or the operator's own.
pub fn plan_by_hand(view: &ImagesView, verdicts: &Verdicts, request: &Request, message: Option<&str>) -> Plan {
    let mut plan = plan(view, verdicts);
    let words = format!("Release {} to {}\n", request.image, request.object);
    for Action::Commit { message: planned, .. } in &mut plan.actions {
        *planned = message.map_or_else(|| words.clone(), |message| format!("{}\n", message.trim_end()));
    }
    plan
}

fn containers(view: &ImagesView) -> impl Iterator<Item = (&Workload, &Slot)> {
    view.workloads.iter().flat_map(|workload| workload.slots.iter().map(move |slot| (workload, slot)))
}

/// The one tag on offer, which the registry must have.
fn offered(view: &ImagesView, slot: &Slot, tag: &Tag) -> Result<Arc<Tags>, Refused> {
    let repository = slot.image.repository();
    let listed = match view.repositories.get(&repository) {
        Some(Scan::Listed(tags)) => tags,
        Some(Scan::Failed(why)) => return Err(Refused::NoTags { repository, why: why.clone() }),
        None => return Err(Refused::NoTags { repository, why: "it was not scanned".to_owned() }),
    };
    let Some(index) = listed.iter().position(|name| name == tag.as_str()) else {
        return Err(Refused::NoSuchTag { repository, tag: tag.clone() });
    };
    Ok(Arc::new(Tags {
        names: format!("{tag}\n"),
        first_seen: listed.first_seen.get(index).copied().into_iter().collect(),
        moves: listed.moves.get(index).copied().into_iter().collect(),
        complete: true,
    }))
}

fn filter<'a>(
    view: &'a ImagesView,
    workload: &Workload,
    slot: &Slot,
    tag: &Tag,
) -> Result<(Filter, Found<'a>), Refused> {
    let refused = |filter: &str, why: String| Refused::Filtered {
        container: slot.container.clone(),
        filter: filter.to_owned(),
        tag: tag.clone(),
        why,
    };
    let filter = filter_of(&workload.annotations, &slot.container)
        .map_err(|error| refused("(unreadable)", crate::chain::chain(&error)))?;
    match view.policies.find(Asker::Object(&workload.id), &filter.policy, Kind::ImageFilter) {
        Ok(found) => Ok((filter, found)),
        Err(missing) => Err(refused(&filter.text, missing.to_string())),
    }
}
