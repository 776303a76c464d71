//! Which image each filter would pick: the very questions and the very plan of the daemon, on the offered tags.

use std::collections::BTreeMap;
use std::sync::Arc;

use rhumb_core::id::Revision;
use rhumb_core::images::{self, Decided, ImagesView, Kept, Promotions, Scan, Verdicts};
use rhumb_core::judge::{Metadata, Tags};
use rhumb_core::manifest::{File, Manifests};
use rhumb_core::policies::Last;

use super::attached::Attached;
use super::offers::{Offer, Offers};
use super::report::Container;

/// Most images that a registry is asked about for one container.
const METADATA_LIMIT: usize = 200;

/// Every container; without offers, filters are shown and not asked.
pub(super) async fn containers(
    attached: &Attached<'_>,
    files: &[File],
    manifests: &Manifests,
    offers: Option<&Offers>,
) -> Vec<Container> {
    let workloads = images::workloads(manifests);
    let (sandbox, policies) = (attached.sandbox, attached.policies(&images::attached(&workloads, &attached.bound)));
    let mut view = ImagesView {
        head: Revision::new("worktree"),
        now: attached.now,
        files: files.iter().map(|file| (file.path.clone(), file.clone())).collect(),
        workloads,
        repositories: offers.map(|offers| scans(&offers.tags, manifests)).unwrap_or_default(),
        policies,
        metadata: BTreeMap::new(),
        unread: BTreeMap::new(),
        evidence: attached.evidence.clone(),
        bound: attached.bound.clone(),
        last: Last::default(),
    };
    let mut verdicts = Verdicts::default();
    if let Some(offers) = offers {
        verdicts.shortlists = sandbox.judge(images::shortlists(&view));
        view.metadata = metadata(&view, &verdicts, offers).await;
        verdicts.selections = sandbox.judge(images::selections(&view, &verdicts));
        let mut promotions = Promotions::new(&view, &verdicts);
        while let Some(questions) = promotions.next(&verdicts) {
            verdicts.promotions.extend(sandbox.judge(questions));
        }
    }
    let plan = images::plan(&view, &verdicts);
    plan.rows.iter().map(|row| container(row, offers.is_some())).collect()
}

fn scans(offers: &BTreeMap<String, Offer>, manifests: &Manifests) -> BTreeMap<String, Scan> {
    let scan = |offer: &Offer| match offer {
        Err(why) => Scan::Failed(why.clone()),
        Ok(tags) => Scan::Listed(Arc::new(Tags {
            names: tags.keys().map(|tag| format!("{tag}\n")).collect(),
            first_seen: tags.values().copied().collect(),
            moves: vec![0; tags.len()],
            complete: true,
        })),
    };
    let slots = images::workloads(manifests).into_iter().flat_map(|workload| workload.slots);
    let missing = |repository: &String| Scan::Failed(format!("no tags of `{repository}` are on offer"));
    let mut scans: BTreeMap<String, Scan> = slots
        .map(|slot| slot.image.repository())
        .map(|repository| (repository.clone(), missing(&repository)))
        .collect();
    scans.extend(offers.iter().map(|(repository, offer)| (repository.clone(), scan(offer))));
    scans
}

/// Build times of the tags that filters look at, at most [`METADATA_LIMIT`] for each container.
async fn metadata(view: &ImagesView, verdicts: &Verdicts, offers: &Offers) -> BTreeMap<images::Target, Metadata> {
    let mut all = BTreeMap::new();
    for (target, (repository, indices)) in images::shortlisted(verdicts) {
        let Some(Scan::Listed(tags)) = view.repositories.get(&repository) else { continue };
        let names: Vec<&str> = tags.iter().collect();
        let mut columns = Metadata { complete: indices.len() <= METADATA_LIMIT, ..Metadata::default() };
        for index in indices.into_iter().take(METADATA_LIMIT) {
            let name = usize::try_from(index).ok().and_then(|index| names.get(index));
            match name {
                Some(name) => match offers.created(&repository, name).await {
                    Some(created) => {
                        columns.indices.push(index);
                        columns.created.push(created);
                    }
                    None => columns.complete = false,
                },
                None => columns.complete = false,
            }
        }
        all.insert(target, columns);
    }
    all
}

fn container(row: &images::Row, asked: bool) -> Container {
    let (pick, problem) = match &row.decided {
        Decided::Update { to, reason } => (format!("{to} ({})", reason.message), false),
        Decided::Keep(Kept::NoTags(why)) if asked => (why.clone(), true),
        // Without tags on offer the filter is only shown.
        Decided::Keep(Kept::NoTags(_)) => ("-".to_owned(), false),
        Decided::Keep(
            kept @ (Kept::NoSuchContainer { .. }
            | Kept::BadFilter(_)
            | Kept::NoPolicy(_)
            | Kept::PolicyFailed { .. }
            | Kept::Unwritable { .. }),
        ) => (kept.to_string(), true),
        Decided::Keep(Kept::NotAutomated) => ("-".to_owned(), false),
        Decided::Keep(kept) => (format!("keep: {kept}"), false),
    };
    let automated = !matches!(row.decided, Decided::Keep(Kept::NotAutomated));
    Container {
        object: row.object.to_string(),
        container: row.container.to_string(),
        image: row.image.clone(),
        place: format!("{}:{}", row.file, row.line),
        filter: if automated { row.filter.clone() } else { "-".to_owned() },
        pick,
        problem,
    }
}
