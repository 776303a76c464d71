//! Keeps decisions: one record for each that says something new about its subject.

use rhumb_core::chain::chain;
use rhumb_core::id::{Digest, ObjectId, PolicyName, Timestamp};
use rhumb_core::images::{Decided, Plan, Pushed, Verdicts};
use rhumb_core::judge::{Answer, Ask, Decision, Outcome, Question, Reason, Verdict};
use rhumb_core::policies::{Answered, Last};
use rhumb_io::store;
use rhumb_policy::Record;

use crate::context::Context;
use crate::report::{self, Arrival, Said};

/// Where the answers that count on are kept.
const ANSWERED: &str = "answered/";

/// Keeps what an images pass was told.
pub(crate) fn record_images(ctx: &Context, verdicts: &Verdicts, now: Timestamp) {
    for (target, (question, decision)) in verdicts.shortlists.iter().chain(&verdicts.selections) {
        keep(ctx, &target.object, target.container.as_str(), (question, decision), now);
    }
    record_promotions(ctx, verdicts, now);
}

/// Keeps why the tags of a commit came, for as long as no other commit of ours brings another.
pub(crate) fn record_arrivals(ctx: &Context, (plan, verdicts): (&Plan, &Verdicts), pushed: &Pushed, now: Timestamp) {
    let Pushed::Commit(commit) = pushed else { return };
    for row in &plan.rows {
        let Decided::Update { to, reason } = &row.decided else { continue };
        let said = |policy: String, reason: &Reason| Said {
            policy,
            code: reason.code.clone(),
            message: reason.message.clone(),
        };
        let of_object = verdicts.promotions.iter().filter(|((object, _), _)| *object == row.object);
        let allowed = of_object.filter_map(|((_, rule), (_, decision))| match &decision.answer {
            Ok(Answer::Verdict(Verdict::Allow(reason))) => Some(said(rule.to_string(), reason)),
            _ => None,
        });
        let arrival = Arrival {
            container: row.container.to_string(),
            tag: to.to_string(),
            at: now.to_string(),
            commit: commit.to_string(),
            picked: said(row.filter.clone(), reason),
            allowed: allowed.collect(),
        };
        let key = format!("{}{}", arrivals_of(&row.object), row.container);
        if let Err(error) = store::facts::put(&ctx.store, &key, &arrival)
            && !error.is_told()
        {
            tracing::warn!(object = %row.object, error = chain(&error), "reasons of a commit not kept");
        }
    }
}

/// Why each container of an object is on the tag that a commit of ours brought.
pub(crate) fn arrivals(ctx: &Context, object: &ObjectId) -> Vec<Arrival> {
    let found: Vec<(String, Arrival)> = store::facts::with_prefix(&ctx.store, &arrivals_of(object)).unwrap_or_default();
    found.into_iter().map(|(_, arrival)| arrival).collect()
}

fn arrivals_of(object: &ObjectId) -> String {
    format!("arrival/{object}/")
}

/// Keeps what promotion rules said.
pub(crate) fn record_promotions(ctx: &Context, verdicts: &Verdicts, now: Timestamp) {
    for ((object, rule), (question, decision)) in &verdicts.promotions {
        keep(ctx, object, part(rule, question), (question, decision), now);
    }
}

/// What tells the decisions of a policy that is attached more than once apart: the name with its binding.
pub(crate) fn part<'a>(name: &'a PolicyName, question: &Question) -> &'a str {
    if *name == question.policy { "" } else { name.as_str() }
}

/// Keeps the answers that are to count on while a policy gives none.
pub(crate) fn keep_answers(ctx: &Context, answers: impl IntoIterator<Item = (String, Answered)>) {
    for (key, answered) in answers {
        if let Err(error) = store::facts::put(&ctx.store, &format!("{ANSWERED}{key}"), &answered)
            && !error.is_told()
        {
            tracing::warn!(key, error = chain(&error), "answer not kept");
        }
    }
}

/// The answers that count on.
pub(crate) fn last(ctx: &Context) -> Last {
    let found: Vec<(String, Answered)> = store::facts::with_prefix(&ctx.store, ANSWERED).unwrap_or_default();
    Last::new(found.into_iter().filter_map(|(key, answered)| Some((key.strip_prefix(ANSWERED)?.to_owned(), answered))))
}

/// Keeps one decision, unless the newest one of the same policy about the same subject came to the same.
pub(crate) fn keep(
    ctx: &Context,
    object: &ObjectId,
    part: &str,
    (question, decision): (&Question, &Decision),
    now: Timestamp,
) {
    if let Err(error) = try_keep(ctx, object, part, (question, decision), now)
        && !error.is_told()
    {
        tracing::warn!(object = %object, error = chain(&error), "decision not recorded");
    }
}

fn try_keep(
    ctx: &Context,
    object: &ObjectId,
    part: &str,
    (question, decision): (&Question, &Decision),
    now: Timestamp,
) -> Result<(), store::Error> {
    let key = format!("decision/{object}/{}/{}/{part}", asked(&question.ask), question.policy);
    let same = Digest::of_parts([
        question.component.as_str().as_bytes(),
        question.config.as_bytes(),
        serde_json::to_string(decision).unwrap_or_default().as_bytes(),
    ]);
    let before: Option<Newest> = store::facts::get(&ctx.store, &key)?;
    if before.is_some_and(|before| before.same == same) {
        return Ok(());
    }
    let record = Record::new(question, decision, ctx.sandbox.profile());
    let digest = record.digest();
    let document = serde_json::to_value(&record).unwrap_or_default();
    store::records::put(&ctx.store, &digest, &document, store::records::Bounds::default())?;
    store::records::note(&ctx.store, object, std::slice::from_ref(&digest))?;
    let line = report::Decision {
        record: digest.to_string(),
        at: now.to_string(),
        policy: named(question, part).to_owned(),
        component: question.component.to_string(),
        asked: asked(&question.ask).to_owned(),
        outcome: outcome(question, decision),
        fuel: decision.fuel,
    };
    store::facts::put(&ctx.store, &key, &Newest { same, line })
}

/// The policy, with the binding that asked it.
fn named<'a>(question: &'a Question, part: &'a str) -> &'a str {
    let bound = part.strip_prefix(question.policy.as_str()).is_some_and(|rest| rest.starts_with('@'));
    if bound { part } else { question.policy.as_str() }
}

/// The newest decision of each policy about an object.
pub(crate) fn newest(ctx: &Context, object: &ObjectId) -> Vec<report::Decision> {
    let found: Vec<(String, Newest)> =
        store::facts::with_prefix(&ctx.store, &format!("decision/{object}/")).unwrap_or_default();
    found.into_iter().map(|(_, newest)| newest.line).collect()
}

/// The newest decision of one policy about one part of an object.
#[derive(serde::Serialize, serde::Deserialize)]
struct Newest {
    /// Digest of component, config and decision.
    same: Digest,
    line: report::Decision,
}

fn asked(ask: &Ask) -> &'static str {
    match ask {
        Ask::Shortlist { .. } => "shortlist",
        Ask::Select { .. } => "select",
        Ask::Judge { .. } => "judge",
        Ask::Transform { .. } => "apply",
    }
}

/// What came of a question, in one line.
fn outcome(question: &Question, decision: &Decision) -> String {
    match &decision.answer {
        Err(failure) => format!("failed: {failure}"),
        Ok(Answer::Shortlist(indices)) => format!("{} tags shortlisted", indices.len()),
        Ok(Answer::Selection(selection)) => match (&selection.outcome, &question.ask) {
            (Outcome::Pick(index), Ask::Select { tags, .. }) => format!("pick {}", tags.get(*index).unwrap_or("?")),
            (Outcome::Pick(_), _) => "pick".to_owned(),
            (Outcome::KeepCurrent, _) => "keep current".to_owned(),
            (Outcome::None, _) => "none acceptable".to_owned(),
            (Outcome::HoldUntil(until), _) => format!("hold until {until}"),
        },
        Ok(Answer::Verdict(verdict)) => match verdict {
            Verdict::Allow(reason) => format!("allow: {}", reason.message),
            Verdict::Deny(reason) => format!("deny: {}", reason.message),
            Verdict::Hold { until: Some(until), reason } => format!("hold until {until}: {}", reason.message),
            Verdict::Hold { until: None, reason } => format!("hold: {}", reason.message),
            Verdict::RequireApproval { quorum, reason, .. } => format!("needs {quorum} approvals: {}", reason.message),
            Verdict::Observe(reason) => format!("observe: {}", reason.message),
        },
        Ok(Answer::Transformation(done)) => format!("{} operations", done.operations.len()),
    }
}
