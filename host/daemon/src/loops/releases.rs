//! Charts → cluster: one pass.
//!
//! A pass decides; what it decides is carried out beside the loops, each action by a task of its own that tells at its
//! end. A release that is worked on is left alone by the passes meanwhile.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use rhumb_core::attach::OnFailure;
use rhumb_core::chain::chain;
use rhumb_core::id::ObjectId;
use rhumb_core::policies::{Answered, Last};
use rhumb_core::releases::{self, Action, Attempt, Next, Outcome, Plan, ReleaseView, ReleasesView, Row};
use rhumb_io::cluster::Look;
use rhumb_io::cluster::release::{Redact, Worker};

use super::Error;
use crate::context::Context;
use crate::execute::{Done, Written};
use crate::flights::Flight;
use crate::{evidence, execute, publish, releases_view, verdicts};

/// Makes one pass: look, ask, decide, tell; and begins what was decided.
pub async fn pass(ctx: &Arc<Context>, look: Look) -> Result<Plan, Error> {
    let mut view = releases_view::observe(ctx, look).await?;
    let transformed = judge(ctx, &mut view, look).await?;
    let plan = releases::plan(&view, &transformed);
    publish::releases(ctx, &view, &plan).await;
    publish::bindings(ctx, releases::bindings(&view)).await;
    begin(ctx, view, &plan, transformed);
    Ok(plan)
}

/// Runs the transform chain of each release that is about to be released, and of no other.
async fn judge(ctx: &Context, view: &mut ReleasesView, look: Look) -> Result<BTreeMap<ObjectId, Next>, Error> {
    let mut transformed = BTreeMap::new();
    let wants_values = |release: &ReleaseView| releases::state(view, release).wants_values(view.now);
    let asking: Vec<usize> =
        (0..).zip(&view.releases).filter(|(_, release)| wants_values(release)).map(|(index, _)| index).collect();
    let wanted = releases::evidence_wanted(view, asking.iter().filter_map(|index| view.releases.get(*index)));
    if !wanted.is_empty() {
        let snapshot = ctx.repository.snapshot().await?;
        let said = ctx.statements.look(look, view.now).await;
        view.evidence = evidence::gather(ctx, &snapshot, &wanted, said).await;
    }
    for index in asking {
        let Some(release) = view.releases.get(index) else { continue };
        // A transform sees the chart's name and version, so the chart is read first.
        let chart = releases_view::read_chart(ctx, release).await.map(|chart| releases_view::about(&chart));
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
                Next::Ask { name, question, on_failure } => {
                    let decision = tokio::task::block_in_place(|| ctx.sandbox.decide(&question));
                    let part = verdicts::part(&name, &question);
                    verdicts::keep(ctx, &release.id, part, (&question, &decision), view.now);
                    if on_failure == OnFailure::KeepLast {
                        let answered = Answered::of(&question, &decision);
                        verdicts::keep_answers(ctx, answered.map(|one| (Last::key(&release.id, &name), one)));
                    }
                    decided.push(decision);
                }
                end => break end,
            }
        };
        transformed.insert(release.id.clone(), end);
    }
    Ok(transformed)
}

/// An action on its way, with all that is needed to tell of it.
struct Begun {
    action: Action,
    /// `None` for an uninstall, as its HelmRelease is gone.
    about: Option<(ReleaseView, Row, Option<Next>)>,
    flight: Flight,
}

/// Begins each action of a plan.
fn begin(ctx: &Arc<Context>, view: ReleasesView, plan: &Plan, mut transformed: BTreeMap<ObjectId, Next>) {
    let mut releases: BTreeMap<ObjectId, (ReleaseView, Row)> = BTreeMap::new();
    for (release, row) in view.releases.into_iter().zip(&plan.rows) {
        if row.decided.is_ok() {
            releases.insert(release.id.clone(), (release, row.clone()));
        }
    }
    for action in &plan.actions {
        let (namespace, name) = action.release();
        let Some(flight) = ctx.flights.begin((namespace.to_owned(), name.to_owned())) else { continue };
        let about = action.object().and_then(|object| {
            let (release, row) = releases.remove(object)?;
            Some((release, row, transformed.remove(object)))
        });
        tokio::spawn(carry_out(Arc::clone(ctx), Begun { action: action.clone(), about, flight }));
    }
}

/// One attempt at an action, in its own task; it ends when what it wrote is known, so that the next pass goes on from it.
async fn carry_out(ctx: Arc<Context>, begun: Begun) {
    let Begun { action, about, flight } = begun;
    let worker = ctx.workers.begin().await;
    // Told to stop while it waited for a worker.
    if ctx.flights.is_closed() {
        return;
    }
    let release = about.as_ref().map(|(release, ..)| release);
    let redact = |text: &str| match release.map(|release| &release.values) {
        Some(Ok(values)) => values.redact(text),
        _ => text.to_owned(),
    };
    let done = attempt(&ctx, (&action, release), &worker, Redact(&redact)).await;
    note_attempt(&ctx, &action, &done);
    let (outcome, written) = match done {
        Ok(done) => (done.outcome, done.record),
        Err(error) => {
            let text = redact(&chain(error.as_ref()));
            tracing::warn!(action = ?action, error = text, "release action failed");
            let written = error.downcast::<execute::Failed>().ok().and_then(|failed| failed.record);
            (failed(&action, text, written.as_ref()), written)
        }
    };
    if let Some((mut release, row, transformed)) = about {
        // Others write to the status as well.
        let place = (release.id.namespace.clone().unwrap_or_default(), release.id.name.clone());
        if let Some(now) = ctx.watched.helm_release(&place) {
            release.status = now.get("status").cloned().unwrap_or_default();
        }
        publish::outcome(&ctx, (&release, &row), &outcome, transformed.as_ref()).await;
    }
    drop(worker);
    if let Some(record) = written {
        ctx.watched.record_known(action.release(), record.revision, record.version.as_deref()).await;
    }
    drop(flight);
}

/// What to tell of an action that failed.
fn failed(action: &Action, why: String, record: Option<&Written>) -> Outcome {
    match (action, record) {
        (Action::Rollback(_), _) => Outcome::RollbackFailed(why),
        (Action::Test(_), _) => Outcome::TestsFailed(why),
        (_, Some(_)) => Outcome::Failed(why),
        (_, None) => Outcome::Refused(why),
    }
}

async fn attempt(
    ctx: &Context,
    (action, release): (&Action, Option<&ReleaseView>),
    worker: &Worker,
    redact: Redact<'_>,
) -> anyhow::Result<Done> {
    match (action, release) {
        (Action::Install(ready), Some(release)) => execute::install(ctx, (ready, release), worker, redact).await,
        (Action::Upgrade(ready), Some(release)) => execute::upgrade(ctx, (ready, release), worker, redact).await,
        (Action::Rollback(rollback), _) => execute::rollback(ctx, rollback, worker, redact).await,
        (Action::Test(test), _) => execute::test(ctx, test, worker, redact).await,
        (Action::Resume(unfinished), _) => execute::resume(ctx, unfinished, worker, redact).await,
        (Action::Heal { revision, .. }, _) => execute::heal(ctx, action.release(), *revision).await,
        (Action::Uninstall(orphan), _) => execute::uninstall(ctx, orphan, worker, redact).await,
        (Action::Install(_) | Action::Upgrade(_), None) => {
            anyhow::bail!("the plan names a release that it does not show")
        }
    }
}

/// Remembers a failure that left no record, so that the same is not tried at every wake-up.
fn note_attempt(ctx: &Context, action: &Action, outcome: &anyhow::Result<Done>) {
    let (namespace, name) = action.release();
    let (release, tried) = ((namespace.to_owned(), name.to_owned()), action.tried());
    let mut attempts = ctx.attempts.lock().unwrap_or_else(PoisonError::into_inner);
    let recorded =
        |error: &anyhow::Error| error.downcast_ref::<execute::Failed>().is_some_and(|failed| failed.record.is_some());
    match outcome {
        Err(error) if !recorded(error) => {
            let before = attempts.get(&release).filter(|attempt| attempt.tried == tried);
            let failures = before.map_or(0, |attempt| attempt.failures).saturating_add(1);
            attempts.insert(release, Attempt { tried, failures, at: ctx.clock.now() });
        }
        _ => {
            attempts.remove(&release);
        }
    }
}
