//! Registry → git: one pass.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rhumb_core::chain::chain;
use rhumb_core::id::{Tag, Timestamp};
use rhumb_core::images::{self, Action, ImagesView, Plan, Pushed, Scan, Target, Verdicts, Workload};
use rhumb_core::judge::Metadata;
use rhumb_core::manifest::Puller;
use rhumb_io::cluster::Look;
use rhumb_io::git::{Commit, Push, Signature};
use rhumb_io::store;
use tokio::sync::OnceCell;

use super::Error;
use crate::context::Context;
use crate::repository::{Snapshot, blocking};
use crate::{evidence, publish, verdicts};

/// Most tags whose metadata is fetched in one pass; the others follow in later passes, in the order of the shortlist.
const METADATA_BUDGET: usize = 200;

/// What one pass came to.
#[derive(Debug)]
pub struct Pass {
    /// What was planned.
    pub plan: Plan,
    /// What became of the commit.
    pub pushed: Pushed,
}

/// Makes one pass: look, ask, decide, act, tell.
pub async fn pass(ctx: &Context, look: Look) -> Result<Pass, Error> {
    if let Err(error) = ctx.watched.current(look).await {
        // Images can be looked at without the cluster.
        tracing::warn!(error = chain(&error), "cluster not looked at");
    }
    let mut view = observe(ctx, look).await?;
    let verdicts = judge(ctx, &mut view).await;
    let plan = images::plan(&view, &verdicts);
    let pushed = apply(ctx, &plan, view.now).await;
    verdicts::record_images(ctx, &verdicts, view.now);
    verdicts::keep_answers(ctx, images::answered(&view, &verdicts));
    verdicts::record_arrivals(ctx, (&plan, &verdicts), &pushed, view.now);
    publish::images(ctx, &plan, &pushed).await;
    publish::bindings(ctx, images::bindings(&view)).await;
    Ok(Pass { plan, pushed })
}

async fn observe(ctx: &Context, look: Look) -> Result<ImagesView, Error> {
    let snapshot = ctx.repository.snapshot().await?;
    view_of(ctx, &snapshot, images::workloads(&snapshot.manifests), look).await
}

/// The view of a pass that looks at these objects of a commit.
pub(super) async fn view_of(
    ctx: &Context,
    snapshot: &Snapshot,
    workloads: Vec<Workload>,
    look: Look,
) -> Result<ImagesView, Error> {
    let now = ctx.clock.now();
    let (said, bindings) = futures::join!(ctx.statements.look(look, now), ctx.statements.bindings(look));
    let bound = images::bound(&said, bindings);
    let policies = ctx.policies(&images::attached(&workloads, &bound), look).await;
    let wanted = images::evidence_wanted(&workloads, &policies, &bound);
    let view = ImagesView {
        head: snapshot.revision.clone(),
        now,
        files: snapshot.files.clone(),
        repositories: scan(ctx, &workloads, now).await,
        evidence: evidence::gather(ctx, snapshot, &wanted, said).await,
        policies,
        workloads,
        metadata: BTreeMap::new(),
        unread: BTreeMap::new(),
        bound,
        last: verdicts::last(ctx),
    };
    Ok(view)
}

/// The tags of every repository that an open workload uses.
async fn scan(ctx: &Context, workloads: &[Workload], now: Timestamp) -> BTreeMap<String, Scan> {
    ctx.scanner.scan(&ctx.store, pullers(workloads), now).await
}

/// The repositories that open workloads use, and who pulls from each.
fn pullers(workloads: &[Workload]) -> BTreeMap<String, BTreeSet<Puller>> {
    let mut pullers: BTreeMap<String, BTreeSet<Puller>> = BTreeMap::new();
    for workload in workloads.iter().filter(|workload| workload.is_open()) {
        for slot in &workload.slots {
            pullers.entry(slot.image.repository()).or_default().insert(workload.puller.clone());
        }
    }
    pullers
}

/// Three rounds: which tags to look at, which to take, whether it may move.
async fn judge(ctx: &Context, view: &mut ImagesView) -> Verdicts {
    let mut verdicts = Verdicts { shortlists: ctx.judge(images::shortlists(view)), ..Verdicts::default() };
    let looked = metadata(ctx, view, &verdicts).await;
    (view.metadata, view.unread) = (looked.metadata, looked.unread);
    verdicts.selections = ctx.judge(images::selections(view, &verdicts));
    ctx.judge_promotions(view, &mut verdicts);
    verdicts
}

/// What came of looking at shortlisted images.
#[derive(Default)]
struct Looked {
    metadata: BTreeMap<Target, Metadata>,
    unread: BTreeMap<Target, String>,
}

/// A container, the repository of its image, and the tags that its filter wants to know about.
type Shortlist = (Target, String, Vec<(u32, Tag)>);

fn shortlists(view: &ImagesView, verdicts: &Verdicts) -> Vec<Shortlist> {
    let mut shortlists = Vec::new();
    for (target, (repository, indices)) in images::shortlisted(verdicts) {
        let Some(Scan::Listed(tags)) = view.repositories.get(&repository) else { continue };
        let names: Vec<&str> = tags.iter().collect();
        let tag = |index: u32| Some((index, Tag::new(*names.get(usize::try_from(index).ok()?)?)));
        shortlists.push((target, repository, indices.into_iter().filter_map(tag).collect()));
    }
    shortlists
}

/// The tags of each repository of which it is asked in this pass whether they moved to another image.
fn turns(ctx: &Context, shortlists: &[Shortlist]) -> BTreeMap<String, BTreeSet<Tag>> {
    let mut all: BTreeMap<String, BTreeSet<Tag>> = BTreeMap::new();
    for (_, repository, wanted) in shortlists {
        all.entry(repository.clone()).or_default().extend(wanted.iter().map(|(_, tag)| tag.clone()));
    }
    all.iter().map(|(repository, tags)| (repository.clone(), ctx.scanner.turn(repository, tags))).collect()
}

/// What shortlisted images say of themselves, from the store or else from the registry, within the pass's budget.
async fn metadata(ctx: &Context, view: &ImagesView, verdicts: &Verdicts) -> Looked {
    let mut budget = METADATA_BUDGET;
    let mut looked = Looked::default();
    let pullers = pullers(&view.workloads);
    let shortlists = shortlists(view, verdicts);
    let mut turns = turns(ctx, &shortlists);
    for (target, repository, wanted) in shortlists {
        let tags: Vec<Tag> = wanted.iter().map(|(_, tag)| tag.clone()).collect();
        let known = store::images::of_tags(&ctx.store, &repository, &tags).unwrap_or_default();
        let mut columns = Metadata { complete: true, ..Metadata::default() };
        let mut fetched = Vec::new();
        let turn = turns.entry(repository.clone()).or_default();
        // Made when it is needed: it costs looks at the cluster.
        let registry = OnceCell::new();
        let ask = || registry.get_or_init(|| async { ctx.scanner.registry(pullers.get(&repository)).await });
        for (position, (index, tag)) in wanted.into_iter().enumerate() {
            let (place, known) = ((repository.as_str(), &tag), known.get(position).cloned().flatten());
            let moved = match &known {
                // Asked once, whoever uses it.
                Some(image) if turn.remove(&tag) => ctx.scanner.has_moved(ask().await, place, image, view.now).await,
                _ => false,
            };
            let image = match known.filter(|_| !moved) {
                Some(image) => Some(image),
                None if budget == 0 => None,
                None => {
                    budget -= 1;
                    match ctx.scanner.metadata(ask().await, place, view.now).await {
                        Ok(image) => {
                            fetched.push((tag, image.clone()));
                            Some(image)
                        }
                        Err(why) => {
                            looked.unread.entry(target.clone()).or_insert(why);
                            None
                        }
                    }
                }
            };
            match image {
                Some(image) => {
                    columns.indices.push(index);
                    columns.created.push(image.created);
                }
                None => columns.complete = false,
            }
        }
        if let Err(error) = store::images::put(&ctx.store, &repository, &fetched)
            && !error.is_told()
        {
            tracing::warn!(repository, error = chain(&error), "image metadata not kept");
        }
        looked.metadata.insert(target, columns);
    }
    looked
}

/// One attempt to commit and push. A branch that moved is looked at again in the next pass.
pub(super) async fn apply(ctx: &Context, plan: &Plan, now: Timestamp) -> Pushed {
    let Some(Action::Commit { onto, files, message, updates }) = plan.actions.first() else { return Pushed::Nothing };
    let author = Signature { name: ctx.config.git_user.clone(), email: ctx.config.git_email.clone() };
    let commit = Commit { onto: onto.clone(), files: files.clone(), message: message.clone(), author, time: now };
    let mirror = Arc::clone(ctx.repository.mirror());
    match blocking(move || mirror.push(&commit)).await {
        Ok(Push::Pushed(revision)) => {
            tracing::info!(revision = revision.as_str(), images = updates.len(), "pushed commit");
            Pushed::Commit(revision)
        }
        Ok(Push::Stale { head }) => Pushed::Raced(head),
        Ok(Push::Rejected { reason }) => Pushed::Failed(format!("the remote refused the push: {reason}")),
        Err(error) => Pushed::Failed(chain(&error)),
    }
}
