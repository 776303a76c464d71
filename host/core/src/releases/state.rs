//! View → the state of one release, with its reason. The state maps to at most one action.
//!
//! Invariant: everything here follows from the records and the HelmRelease, but for attempts that left no record.

use super::attached::missing;
use super::inputs::inputs;
use super::marks::{RolledBack, Tested};
use super::spec::{Retries, Rollback, Spec, Tests};
use super::view::{Attempt, Head, ReleaseView, ReleasesView};
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
    /// The newest record was made from these very inputs, and its tests passed where they are asked for.
    InSync,
    /// The newest record is what is wanted, and a crash or a stop left it half done.
    Unfinished {
        /// The record.
        revision: u32,
    },
    /// The newest record was made from other inputs, or by somebody else.
    OutOfSync(Digest),
    /// The newest record failed with these very inputs.
    Failed {
        /// When to try again.
        until: Timestamp,
        /// What to try.
        inputs: Digest,
    },
    /// What is to be done next failed before it left a record.
    HeldOff {
        /// When to try again.
        until: Timestamp,
    },
    /// The newest record was made from these very inputs, and its tests have not run to their end.
    Untested(Untested),
    /// The tests of the newest record failed, and there is nothing to go back to.
    TestsFailed {
        /// When to run them again.
        until: Timestamp,
        /// What to run.
        tests: Untested,
    },
    /// The newest record, or its tests, failed with these very inputs, and the last good one is to come back.
    ToRollBack {
        /// When.
        until: Timestamp,
        /// To what.
        back: Back,
    },
    /// The newest record took these very inputs back.
    RolledBack {
        /// How often.
        count: u32,
        /// When to try them again; `None` for not before something changes.
        until: Option<Timestamp>,
        /// What to try.
        inputs: Digest,
    },
    /// The release belongs to another HelmRelease.
    Foreign {
        /// `<namespace>/<name>`.
        owner: String,
    },
}

/// A way back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Back {
    /// The last good revision.
    pub to: u32,
    /// What is taken back.
    pub takes_back: RolledBack,
    /// How.
    pub options: Rollback,
}

/// A revision whose tests are to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Untested {
    /// The record.
    pub revision: u32,
    /// How often its tests failed before.
    pub failures: u32,
    /// What it was made from.
    pub inputs: Digest,
    /// How they are run.
    pub options: Tests,
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

impl State {
    /// Whether a new revision is to be made now, for which the values must be known.
    pub fn wants_values(&self, now: Timestamp) -> bool {
        match self {
            Self::Absent(_) | Self::OutOfSync(_) => true,
            Self::Failed { until, .. } | Self::RolledBack { until: Some(until), .. } => *until <= now,
            _ => false,
        }
    }
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
    let other = newest.and_then(|head| head.marks.owner.as_ref()).filter(|other| **other != owner);
    if let Some(other) = other.filter(|other| view.releases.iter().any(|release| release.id.namespaced() == **other)) {
        return State::Foreign { owner: other.clone() };
    }
    let held_off = |tried: &Digest| held_off(view.now, release.attempt.as_ref(), tried);
    if let Some(head) = newest.filter(|head| is_under_way(&head.status)) {
        // Only one daemon acts and it knows what it is at, so any other record of ours that is under way was left by a crash.
        let until = head.at.plus_millis(spec.timeout_seconds.saturating_mul(1000));
        let revision = head.revision;
        let ours = head.marks.owner.is_some() && other.is_none();
        let goes_on = ours && goes_on(view, release, head);
        let tried = if goes_on { resuming(revision) } else { healing(revision) };
        return match (&head.marks.owner, held_off(&tried)) {
            (None, _) if until > view.now => State::Busy { until },
            (_, Some(until)) => State::HeldOff { until },
            _ if goes_on => State::Unfinished { revision },
            _ => State::Interrupted { revision },
        };
    }
    match (&release.chart, &release.values) {
        (Err(why), _) => return State::Blocked(Blocked::Chart(why.clone())),
        (_, Err(why)) => return State::Blocked(Blocked::Values(why.clone())),
        _ => {}
    }
    let Some(inputs) = inputs(view, release) else {
        return State::Blocked(Blocked::Policy(missing(view, release).unwrap_or_default()));
    };
    let held = held_off(&inputs);
    let found = match newest {
        None => State::Absent(inputs),
        // `helm uninstall --keep-history` leaves records of a release that is gone.
        Some(head) if head.status == "uninstalled" => State::Absent(inputs),
        // Its HelmRelease is gone, because it was renamed: it is taken over by a new record.
        Some(_) if other.is_some() => State::OutOfSync(inputs),
        Some(head) => recorded((release, spec), head, inputs),
    };
    let found = match (found, newest) {
        (State::OutOfSync(inputs), _) => State::OutOfSync(inputs),
        // Killed before it said so of the one before.
        (_, Some(head)) if head.status == "deployed" && n_deployed(release) > 1 => {
            State::Unfinished { revision: head.revision }
        }
        (found, _) => found,
    };
    let held = if let State::Unfinished { revision } = &found { held_off(&resuming(*revision)) } else { held };
    match (held, &found) {
        (None, _) | (_, State::InSync | State::RolledBack { until: None, .. }) => found,
        (Some(until), _) => State::HeldOff { until },
    }
}

/// What the newest record of ours says.
fn recorded(about: (&ReleaseView, &Spec), head: &Head, inputs: Digest) -> State {
    let (release, spec) = about;
    let made_of_these = head.marks.inputs.as_ref() == Some(&inputs);
    // An edit may be the remedy although neither chart nor values changed: a longer time-out, for one.
    let edited = head.marks.generation.is_some_and(|generation| generation != release.generation);
    let took_these_back = head.marks.rolled_back.as_ref().filter(|back| back.inputs == inputs && !edited);
    match (head.status.as_str(), took_these_back) {
        ("deployed", _) if made_of_these => tested(about, head, edited, inputs),
        ("deployed", Some(back)) => {
            let retries = spec.rollback.map_or(Retries::Never, |rollback| rollback.retries);
            let until = retries.allow(back.count).then(|| after_failures(head.at, back.count));
            State::RolledBack { count: back.count, until, inputs }
        }
        ("failed", Some(taken_back)) => match way_back(about, head, taken_back.clone()) {
            Some(back) => State::ToRollBack { until: retry_at(head, &release.history), back },
            None => State::Failed { until: retry_at(head, &release.history), inputs },
        },
        ("failed", None) if made_of_these && head.marks.rolled_back.is_none() && !edited => {
            let back = way_back(about, head, takes_back(release, head, &inputs));
            // What was interrupted may be good; it is tried once more.
            match back.filter(|_| !head.marks.interrupted) {
                Some(back) => State::ToRollBack { until: head.at, back },
                None => State::Failed { until: retry_at(head, &release.history), inputs },
            }
        }
        _ => State::OutOfSync(inputs),
    }
}

fn tested(about: (&ReleaseView, &Spec), head: &Head, edited: bool, inputs: Digest) -> State {
    let (release, spec) = about;
    let Some(options) = spec.tests else { return State::InSync };
    match head.marks.tests {
        None => State::Untested(Untested { revision: head.revision, failures: 0, inputs, options }),
        Some(Tested::Passed) => State::InSync,
        Some(Tested::Failed { .. }) if options.ignore_failures => State::InSync,
        Some(Tested::Failed { times }) => match way_back(about, head, takes_back(release, head, &inputs)) {
            // What came back is not sent away again.
            Some(back) if head.marks.rolled_back.is_none() => State::ToRollBack { until: head.at, back },
            _ => State::TestsFailed {
                until: if edited { head.at } else { after_failures(head.at, times) },
                tests: Untested { revision: head.revision, failures: times, inputs, options },
            },
        },
    }
}

/// The way to the newest revision before the newest record that worked, if the spec asks to go back.
///
/// One that failed did not work, nor can one that was made of what just failed. (Helm Operator takes the one before,
/// whatever it is.)
fn way_back((release, spec): (&ReleaseView, &Spec), newest: &Head, takes_back: RolledBack) -> Option<Back> {
    let options = spec.rollback?;
    let tests_count = spec.tests.is_some_and(|tests| !tests.ignore_failures);
    let good = |head: &&Head| {
        let tests_failed = matches!(head.marks.tests, Some(Tested::Failed { .. }));
        head.revision < newest.revision
            && matches!(head.status.as_str(), "deployed" | "superseded")
            && !(tests_count && tests_failed)
            && head.marks.inputs.as_ref() != Some(&takes_back.inputs)
    };
    let candidates = || release.history.iter().rev().filter(good);
    let deployed = candidates().find(|head| head.status == "deployed");
    let to = deployed.or_else(|| candidates().next())?.revision;
    Some(Back { to, takes_back, options })
}

/// What a rollback of the newest record takes back. The same that came back for the same spec is counted up.
fn takes_back(release: &ReleaseView, newest: &Head, inputs: &Digest) -> RolledBack {
    let mut before = release.history.iter().rev().filter(|head| head.revision < newest.revision);
    let before = before.find(|head| head.status != "failed");
    let same = before.filter(|head| head.marks.generation == newest.marks.generation);
    let counted = same.and_then(|head| head.marks.rolled_back.as_ref()).filter(|back| back.inputs == *inputs);
    RolledBack { count: counted.map_or(0, |back| back.count).saturating_add(1), inputs: inputs.clone() }
}

/// Whether a record that is under way is still what is wanted, so that it is gone on with.
fn goes_on(view: &ReleasesView, release: &ReleaseView, head: &Head) -> bool {
    let forward = matches!(head.status.as_str(), "pending-install" | "pending-upgrade");
    forward && inputs(view, release).is_some_and(|inputs| head.marks.inputs.as_ref() == Some(&inputs))
}

fn n_deployed(release: &ReleaseView) -> usize {
    release.history.iter().filter(|head| head.status == "deployed").count()
}

fn is_under_way(status: &str) -> bool {
    status.starts_with("pending-") || status == "uninstalling"
}

/// What is tried when a record that a crash left is gone on with.
pub(super) fn resuming(revision: u32) -> Digest {
    Digest::of(format!("resume {revision}"))
}

/// What is tried when a record that a crash left is marked as failed.
pub(super) fn healing(revision: u32) -> Digest {
    Digest::of(format!("heal {revision}"))
}

/// Until when a failure of the very same that left no record holds off the next try.
pub(super) fn held_off(now: Timestamp, attempt: Option<&Attempt>, tried: &Digest) -> Option<Timestamp> {
    let attempt = attempt.filter(|attempt| attempt.tried == *tried)?;
    let until = after_failures(attempt.at, attempt.failures);
    (until > now).then_some(until)
}

fn retry_at(head: &Head, history: &[Head]) -> Timestamp {
    let same = |other: &&Head| {
        let of = |head: &Head| (head.marks.inputs.clone(), head.marks.rolled_back.clone());
        other.status == "failed" && of(other) == of(head)
    };
    let failures = u32::try_from(history.iter().rev().take_while(same).count()).unwrap_or(u32::MAX);
    // What was interrupted goes on at once; what is interrupted again and again may be what kills the process.
    match (head.marks.interrupted, failures) {
        (true, 0..=1) => head.at,
        (true, _) => after_failures(head.at, failures - 1),
        (false, _) => after_failures(head.at, failures),
    }
}

fn after_failures(at: Timestamp, failures: u32) -> Timestamp {
    let wait = BACKOFF_MILLIS.saturating_mul(2u64.saturating_pow(failures.saturating_sub(1)));
    at.plus_millis(wait.min(BACKOFF_LIMIT_MILLIS))
}
