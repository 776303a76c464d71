//! View → the state of one release, with its reason. The state maps to at most one action.

use super::inputs::inputs;
use super::view::{Head, ReleaseView, ReleasesView};
use crate::id::{Digest, Timestamp};

/// First wait after a failure; doubled with each further one.
const BACKOFF_MILLIS: u64 = 10_000;
/// Longest wait between two tries of the same.
const BACKOFF_LIMIT_MILLIS: u64 = 300_000;

/// The state of one release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It cannot be acted on.
    Blocked(Blocked),
    /// There is no record, or the newest one says that the release was uninstalled.
    Absent(Digest),
    /// A record says that an operation is under way, and none is: it was left by a crash.
    Interrupted {
        /// The record.
        revision: u32,
    },
    /// An operation of our own is under way.
    InFlight,
    /// Somebody else's operation is under way.
    Busy {
        /// When it counts as left behind.
        until: Timestamp,
    },
    /// The newest record was made from these very inputs.
    InSync,
    /// The newest record was made from other inputs, or by somebody else.
    OutOfSync(Digest),
    /// The newest record failed with these very inputs.
    Failed {
        /// When to try again.
        until: Timestamp,
        /// What to try.
        inputs: Digest,
    },
    /// The release belongs to another HelmRelease.
    Foreign {
        /// `<namespace>/<name>`.
        owner: String,
    },
}

/// What is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Blocked {
    /// The HelmRelease itself.
    Spec(String),
    /// The chart.
    Chart(String),
    /// The values.
    Values(String),
    /// A policy.
    Policy(String),
}

/// Names the state of one release.
pub fn state(view: &ReleasesView, release: &ReleaseView) -> State {
    let spec = match &release.spec {
        Ok(spec) => spec,
        Err(error) => return State::Blocked(Blocked::Spec(error.to_string())),
    };
    // Whatever the records say meanwhile, that operation writes the next of them.
    if view.in_flight.contains(&(spec.target_namespace.clone(), spec.release_name.clone())) {
        return State::InFlight;
    }
    let owner = release.id.namespaced();
    let newest = release.history.last();
    let other = newest.and_then(|head| head.owner.as_ref()).filter(|other| **other != owner);
    if let Some(other) = other.filter(|other| view.releases.iter().any(|release| release.id.namespaced() == **other)) {
        return State::Foreign { owner: other.clone() };
    }
    if let Some(head) = newest.filter(|head| is_under_way(&head.status)) {
        // Only one daemon acts and it knows what it is at, so any other record of ours that is under way was left by a crash.
        let until = head.at.plus_millis(spec.timeout_seconds.saturating_mul(1000));
        return match head.owner {
            None if until > view.now => State::Busy { until },
            _ => State::Interrupted { revision: head.revision },
        };
    }
    match (&release.chart, &release.values) {
        (Err(why), _) => return State::Blocked(Blocked::Chart(why.clone())),
        (_, Err(why)) => return State::Blocked(Blocked::Values(why.clone())),
        _ => {}
    }
    let Some(inputs) = inputs(view, release) else {
        return State::Blocked(Blocked::Policy(missing_policy(view, release)));
    };
    // Deployed from these inputs is in sync, whatever failed before that. A release whose HelmRelease is gone, because it
    // was renamed, is taken over by a new record.
    let deployed = newest.is_some_and(|head| head.status == "deployed" && head.inputs.as_ref() == Some(&inputs));
    let in_sync = deployed && other.is_none();
    if let Some(until) = held_off(view, release, &inputs).filter(|_| !in_sync) {
        return State::Failed { until, inputs };
    }
    match newest {
        Some(_) if in_sync => State::InSync,
        None => State::Absent(inputs),
        // `helm uninstall --keep-history` leaves records of a release that is gone.
        Some(head) if head.status == "uninstalled" => State::Absent(inputs),
        Some(_) if other.is_some() => State::OutOfSync(inputs),
        Some(head) if head.inputs.as_ref() != Some(&inputs) => State::OutOfSync(inputs),
        Some(head) if head.status == "failed" => State::Failed { until: retry_at(head, &release.history), inputs },
        Some(_) => State::OutOfSync(inputs),
    }
}

fn is_under_way(status: &str) -> bool {
    status.starts_with("pending-") || status == "uninstalling"
}

/// Until when a failure of the very same inputs that left no record holds off the next try.
fn held_off(view: &ReleasesView, release: &ReleaseView, inputs: &Digest) -> Option<Timestamp> {
    let attempt = release.attempt.as_ref().filter(|attempt| attempt.inputs == *inputs)?;
    let until = after_failures(attempt.at, attempt.failures);
    (until > view.now).then_some(until)
}

fn retry_at(head: &Head, history: &[Head]) -> Timestamp {
    let same = |other: &&Head| other.status == "failed" && other.inputs == head.inputs;
    let failures = u32::try_from(history.iter().rev().take_while(same).count()).unwrap_or(u32::MAX);
    after_failures(head.at, failures)
}

fn after_failures(at: Timestamp, failures: u32) -> Timestamp {
    let wait = BACKOFF_MILLIS.saturating_mul(2u64.saturating_pow(failures.saturating_sub(1)));
    at.plus_millis(wait.min(BACKOFF_LIMIT_MILLIS))
}

fn missing_policy(view: &ReleasesView, release: &ReleaseView) -> String {
    match crate::attach::value_transforms(&release.annotations) {
        Err(error) => error.to_string(),
        Ok(transforms) => {
            let missing = transforms.iter().find(|transform| !view.policies.contains_key(&transform.policy));
            missing.map_or_else(String::new, |transform| format!("there is no policy `{}`", transform.policy))
        }
    }
}
