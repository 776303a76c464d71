//! Row and outcome → the status of a HelmRelease, with Helm Operator's phases, conditions and messages
//! (`helm-operator.md` 1.6). Unlike there, the message says what went wrong.

use serde_json::{Map, Value, json};

use super::plan::{Kept, Row};
use super::view::ReleaseView;
use crate::chain::{CONDITION_LIMIT, cut};
use crate::condition::{Condition, Truth};
use crate::id::Timestamp;

/// What became of an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing was to be done.
    Nothing,
    /// Installed or upgraded; `status.revision` to show.
    Succeeded {
        /// The chart's commit or version.
        revision: String,
    },
    /// Failed, with the whole chain of causes.
    Failed(String),
    /// A record left by a crash was marked as failed.
    Healed,
}

/// Phases that Rhumb writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The chart cannot be had.
    ChartFetchFailed,
    /// Install or upgrade failed.
    DeployFailed,
    /// All is well.
    Succeeded,
    /// Something before that failed.
    Failed,
}

impl Phase {
    fn as_str(self) -> &'static str {
        match self {
            Self::ChartFetchFailed => "ChartFetchFailed",
            Self::DeployFailed => "DeployFailed",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
        }
    }
}

/// The new `status`; equal to the old one when there is nothing new to say, so that nothing is written.
pub fn status(release: &ReleaseView, row: &Row, outcome: &Outcome, now: Timestamp) -> Value {
    let mut status = release.status.as_object().cloned().unwrap_or_default();
    let Some((phase, conditions)) = conditions(release, row, outcome) else { return release.status.clone() };
    put(&mut status, "observedGeneration", json!(release.generation));
    put(&mut status, "phase", json!(phase.as_str()));
    if let Ok(spec) = &release.spec {
        put(&mut status, "releaseName", json!(spec.release_name));
    }
    match outcome {
        Outcome::Succeeded { revision } => {
            put(&mut status, "revision", json!(revision));
            put(&mut status, "lastAttemptedRevision", json!(revision));
            put(&mut status, "releaseStatus", json!("deployed"));
        }
        Outcome::Failed(_) => {
            if let Ok(chart) = &release.chart {
                put(&mut status, "lastAttemptedRevision", json!(chart.revision));
            }
            put(&mut status, "releaseStatus", json!("failed"));
        }
        Outcome::Nothing | Outcome::Healed => {
            if let Some(head) = release.history.last() {
                put(&mut status, "releaseStatus", json!(head.status));
            }
            // A crash between the release and its status left none.
            if let (Err(Kept::InSync), Ok(chart), None) = (&row.decided, &release.chart, status.get("revision")) {
                put(&mut status, "revision", json!(chart.revision));
                put(&mut status, "lastAttemptedRevision", json!(chart.revision));
            }
        }
    }
    for condition in conditions {
        set_condition(&mut status, &condition, now);
    }
    Value::Object(status)
}

/// Sets one condition of a status; its times change only when it says something else than before.
pub fn set_condition(status: &mut Map<String, Value>, condition: &Condition, now: Timestamp) {
    let list = status.entry("conditions").or_insert_with(|| json!([]));
    let Some(list) = list.as_array_mut() else { return };
    let place = list.iter().position(|c| c.get("type").and_then(Value::as_str) == Some(condition.r#type));
    let before = place.and_then(|place| list.get(place)).cloned();
    let had = |key: &str| before.as_ref().and_then(|before| before.get(key)).and_then(Value::as_str);
    let same = had("status") == Some(condition.status.as_str());
    if same && had("reason") == Some(condition.reason) && had("message") == Some(condition.message.as_str()) {
        return;
    }
    let now = now.to_string();
    let since = had("lastTransitionTime").filter(|_| same).unwrap_or(&now);
    let new = json!({
        "type": condition.r#type,
        "status": condition.status.as_str(),
        "reason": condition.reason,
        "message": condition.message,
        "lastUpdateTime": now,
        "lastTransitionTime": since,
    });
    match place.and_then(|place| list.get_mut(place)) {
        Some(entry) => *entry = new,
        None => list.push(new),
    }
}

fn conditions(release: &ReleaseView, row: &Row, outcome: &Outcome) -> Option<(Phase, Vec<Condition>)> {
    let own = (release.id.name.as_str(), release.id.namespace.as_deref().unwrap_or("default"));
    let (name, namespace) = release.spec.as_ref().map_or(own, |spec| (&spec.release_name, &spec.target_namespace));
    let of = format!("Helm release '{name}' in '{namespace}'");
    let condition = |kind, truth, phase: Phase, message: &str| {
        Condition::new(kind, truth, phase.as_str(), &cut(message, CONDITION_LIMIT))
    };
    let failed = |phase, kinds: &[&'static str], what: &str, why: &str| {
        let message = if why.is_empty() { format!("{what} for {of}.") } else { format!("{what} for {of}: {why}") };
        Some((phase, kinds.iter().map(|kind| condition(kind, Truth::False, phase, &message)).collect()))
    };
    match (outcome, &row.decided) {
        (Outcome::Succeeded { .. }, _) | (Outcome::Nothing, Err(Kept::InSync)) => {
            let phase = Phase::Succeeded;
            let message = |what: &str| format!("{what} for {of}.");
            Some((
                phase,
                vec![
                    Condition::new("ChartFetched", Truth::True, "ChartFetched", &message("Chart fetch was successful")),
                    Condition::new("Deployed", Truth::True, "Deployed", &message("Installation or upgrade succeeded")),
                    condition("Released", Truth::True, phase, &message("Release was successful")),
                ],
            ))
        }
        (Outcome::Failed(why), _) => {
            failed(Phase::DeployFailed, &["Deployed", "Released"], "Installation or upgrade failed", why)
        }
        (Outcome::Healed, _) => failed(
            Phase::DeployFailed,
            &["Deployed", "Released"],
            "An interrupted operation was marked as failed",
            "it is tried again soon",
        ),
        (Outcome::Nothing, Err(Kept::Chart(why))) => {
            failed(Phase::ChartFetchFailed, &["ChartFetched", "Released"], "Chart fetch failed", why)
        }
        // What was said when it failed stays until it is tried again, and what is at work will say how it went.
        (Outcome::Nothing, Err(Kept::BackingOff { .. } | Kept::InFlight) | Ok(_)) => None,
        (Outcome::Nothing, Err(kept)) => failed(Phase::Failed, &["Released"], "Release failed", &kept.to_string()),
    }
}

fn put(status: &mut Map<String, Value>, key: &str, value: Value) {
    status.insert(key.to_owned(), value);
}
