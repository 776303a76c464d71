//! A release by hand: one look, the rules, one commit, on the way of every other move.

use std::collections::BTreeMap;

use rhumb_core::chain::chain;
use rhumb_core::images::{self, Decided, Force, Kept, Pushed, Refused, Request, Row};
use rhumb_io::cluster::Look;

use super::images::{apply, view_of};
use crate::context::Context;
use crate::event::Event;
use crate::report::{Moved, Released};
use crate::verdicts;

/// How often a release by hand is planned anew because somebody else pushed.
const TRIES: usize = 5;

/// Why nothing was released.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The world could not be looked at.
    #[error(transparent)]
    Look(#[from] super::Error),
    /// The request is refused.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// A rule holds it, or it cannot be written.
    #[error("`{object}` {container}: {kept}")]
    Kept {
        /// The object.
        object: String,
        /// The container.
        container: String,
        /// Why.
        kept: Box<Kept>,
    },
    /// The commit was not pushed.
    #[error("failed to push the commit: {0}")]
    Push(String),
}

/// Releases what was asked for: commits and pushes it. Applying it is the next pass.
pub async fn release(ctx: &Context, request: &Request, message: Option<&str>) -> Result<Released, Error> {
    let mut raced = String::new();
    for _ in 0..TRIES {
        ctx.fetch().await.map_err(super::Error::from)?;
        match attempt(ctx, request, message).await {
            Ok((Pushed::Commit(revision), moved, automated)) => {
                ctx.wakeups.notify(Event::Git);
                return Ok(Released { revision: Some(revision.to_string()), moved, automated });
            }
            Ok((Pushed::Raced(head), ..)) => raced = format!("the branch moved to {} meanwhile", head.short()),
            Ok((Pushed::Failed(why), ..)) => return Err(Error::Push(why)),
            Ok((Pushed::Nothing, ..)) | Err(Error::Refused(Refused::UpToDate { .. })) => return Ok(Released::default()),
            Err(error) => return Err(error),
        }
    }
    Err(Error::Push(raced))
}

/// One look and one push: what became of it, what moved, and whether the object is automated.
async fn attempt(ctx: &Context, request: &Request, message: Option<&str>) -> Result<(Pushed, Vec<Moved>, bool), Error> {
    let snapshot = ctx.repository.snapshot().await.map_err(super::Error::from)?;
    let workloads = images::workloads(&snapshot.manifests);
    let automated = workloads.iter().any(|one| one.id.to_string() == request.object && one.is_open());
    let workload = images::opened(workloads, request)?;
    // A tag that was pushed a moment ago is to be found.
    ctx.scanner.ask();
    // So is what somebody said a moment ago.
    let view = view_of(ctx, &snapshot, vec![workload], Look::Fresh).await?;
    let answers = match request.force {
        // Nothing is asked that would not count.
        Force::Yes => BTreeMap::new(),
        Force::No => ctx.judge(images::admissions(&view, request)?),
    };
    let mut verdicts = images::chosen(&view, request, &answers)?;
    ctx.judge_promotions(&view, &mut verdicts);
    let plan = images::plan_by_hand(&view, &verdicts, request, message);
    verdicts::record_promotions(ctx, &verdicts, view.now);
    if let Some(error) = plan.rows.iter().find_map(held) {
        return Err(error);
    }
    let pushed = apply(ctx, &plan, view.now).await;
    verdicts::record_arrivals(ctx, (&plan, &verdicts), &pushed, view.now);
    let moved = plan.actions.iter().flat_map(|images::Action::Commit { updates, .. }| updates).map(Moved::from);
    Ok((pushed, moved.collect(), automated))
}

fn held(row: &Row) -> Option<Error> {
    let Decided::Keep(kept) = &row.decided else { return None };
    let (object, container) = (row.object.to_string(), row.container.to_string());
    Some(Error::Kept { object, container, kept: Box::new(kept.clone()) })
}

impl Error {
    /// The words for the operator, with what he can do.
    pub fn words(&self) -> String {
        let hint = match self {
            Self::Refused(refused) if refused.yields_to_force() => "\n\nhint: --force passes over it",
            Self::Kept { .. } => "\n\nhint: what a promotion rule holds is released by changing git",
            _ => "",
        };
        format!("{}{hint}", chain(self))
    }
}
