//! Charts → cluster: one pass.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use rhumb_core::chain::chain;
use rhumb_core::id::ObjectId;
use rhumb_core::releases::{self, Action, Attempt, Next, Outcome, Plan, ReleasesView, State};

use super::Error;
use crate::context::Context;
use crate::{execute, publish, releases_view, verdicts};

/// What one pass came to.
#[derive(Debug)]
pub struct Pass {
    /// What was planned.
    pub plan: Plan,
    /// What became of the action of each release that had one.
    pub outcomes: BTreeMap<ObjectId, Outcome>,
}

/// Makes one pass: look, ask, decide, act, tell.
pub async fn pass(ctx: &Context) -> Result<Pass, Error> {
    let mut view = releases_view::observe(ctx).await?;
    let transformed = judge(ctx, &mut view).await;
    let plan = releases::plan(&view, &transformed);
    let outcomes = apply(ctx, &plan).await;
    publish::releases(ctx, &view, &plan, (&outcomes, &transformed)).await;
    Ok(Pass { plan, outcomes })
}

/// Runs the transform chain of each release that is about to be released, and of no other.
async fn judge(ctx: &Context, view: &mut ReleasesView) -> BTreeMap<ObjectId, Next> {
    let mut transformed = BTreeMap::new();
    for index in 0..view.releases.len() {
        let Some(release) = view.releases.get(index) else { continue };
        let due = match releases::state(view, release) {
            State::Absent(_) | State::OutOfSync(_) => true,
            State::Failed { until, .. } => until <= view.now,
            _ => false,
        };
        if !due {
            continue;
        }
        // A transform sees the chart's name and version, so the chart is read first.
        let chart = releases_view::read_chart(ctx, release).await;
        if let Some(release) = view.releases.get_mut(index) {
            match (chart, release.chart.as_mut()) {
                (Ok(about), Ok(chart)) => chart.about = about,
                (Err(why), _) => release.chart = Err(why),
                (Ok(_), Err(_)) => {}
            }
        }
        let Some(release) = view.releases.get(index) else { continue };
        let mut decided = Vec::new();
        let end = loop {
            match releases::next(view, release, &decided) {
                Next::Ask(question) => {
                    let decision = tokio::task::block_in_place(|| ctx.sandbox.decide(&question));
                    verdicts::keep(ctx, &release.id, "", (&question, &decision), view.now);
                    decided.push(decision);
                }
                end => break end,
            }
        };
        transformed.insert(release.id.clone(), end);
    }
    transformed
}

/// Remembers a failure that left no record, so that the same is not tried at every wake-up.
fn note_attempt(ctx: &Context, action: &Action, outcome: &anyhow::Result<Outcome>) {
    let (Action::Install(ready) | Action::Upgrade(ready)) = action else { return };
    let mut attempts = ctx.attempts.lock().unwrap_or_else(PoisonError::into_inner);
    let recorded =
        |error: &anyhow::Error| error.downcast_ref::<execute::Failed>().is_some_and(|failed| failed.recorded);
    match outcome {
        Err(error) if !recorded(error) => {
            let before = attempts.get(&ready.object).filter(|attempt| attempt.inputs == ready.inputs);
            let failures = before.map_or(0, |attempt| attempt.failures).saturating_add(1);
            let attempt = Attempt { inputs: ready.inputs.clone(), failures, at: ctx.clock.now() };
            attempts.insert(ready.object.clone(), attempt);
        }
        _ => {
            attempts.remove(&ready.object);
        }
    }
}

/// One attempt at each action; a failure never stops the others.
async fn apply(ctx: &Context, plan: &Plan) -> BTreeMap<ObjectId, Outcome> {
    let mut outcomes = BTreeMap::new();
    for action in &plan.actions {
        let (object, outcome) = match action {
            Action::Install(ready) | Action::Upgrade(ready) => {
                (Some(&ready.object), execute::release(ctx, action, ready).await)
            }
            Action::Heal { object, namespace, release, revision } => {
                (Some(object), execute::heal(ctx, (namespace, release), *revision).await)
            }
            Action::Uninstall(orphan) => (None, execute::uninstall(ctx, orphan).await),
        };
        note_attempt(ctx, action, &outcome);
        let outcome = outcome.unwrap_or_else(|error| {
            let error = chain(error.as_ref());
            tracing::warn!(action = ?action, error, "release action failed");
            Outcome::Failed(error)
        });
        if let Some(object) = object {
            outcomes.insert(object.clone(), outcome);
        }
    }
    outcomes
}
