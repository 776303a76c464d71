//! State → at most one action for each release, and a reason for every release left alone.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::action::{Action, Options, Ready, Rollback, Test, Unfinished};
use super::spec::Spec;
use super::state::{Back, Blocked, State, Untested, held_off, state};
use super::transform::Next;
use super::view::{Orphan, ReleaseView, ReleasesView};
use crate::id::{Digest, ObjectId, Timestamp};

/// What a releases pass will do.
#[must_use = "a plan does nothing until it is applied"]
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// At most one for each release.
    pub actions: Vec<Action>,
    /// Every release.
    pub rows: Vec<Row>,
    /// The earliest time at which a release is due again.
    pub wake: Option<Timestamp>,
}

/// One release.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// The HelmRelease.
    pub object: ObjectId,
    /// The word for what is done, or why nothing is.
    pub decided: Result<&'static str, Kept>,
}

impl Row {
    /// When it is to be looked at again.
    fn due(&self) -> Option<Timestamp> {
        match self.decided {
            Err(Kept::Busy { until } | Kept::BackingOff { until } | Kept::TestsFailed { until }) => Some(until),
            Err(Kept::RolledBack { until, .. }) => until,
            _ => None,
        }
    }
}

/// Why a release was left alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum Kept {
    /// Nothing changed.
    #[error("in sync")]
    InSync,
    /// The HelmRelease cannot be read.
    #[error("{0}")]
    Spec(String),
    /// The chart is missing.
    #[error("{0}")]
    Chart(String),
    /// The values cannot be composed.
    #[error("{0}")]
    Values(String),
    /// The transforms cannot be asked.
    #[error("{0}")]
    NoPolicy(String),
    /// A transform gave no usable answer.
    #[error("value transform `{policy}` gave no usable answer: {message}")]
    Policy {
        /// The policy.
        policy: String,
        /// Stable word.
        code: String,
        /// For people.
        message: String,
    },
    /// An action of an earlier pass still works on it.
    #[error("an action of an earlier pass is still at work")]
    InFlight,
    /// Somebody else's operation is under way.
    #[error("another operation is in progress; looked at again at {until}")]
    Busy {
        /// When.
        until: Timestamp,
    },
    /// The same failed before.
    #[error("failed before with the same chart and values; tried again at {until}")]
    BackingOff {
        /// When.
        until: Timestamp,
    },
    /// What was asked for failed and was taken back.
    #[error("failed with the same chart and values and was rolled back{}", again(*until))]
    RolledBack {
        /// How often.
        count: u32,
        /// When it is tried again; `None` for not before something changes.
        until: Option<Timestamp>,
    },
    /// Its tests failed.
    #[error("its tests failed; run again at {until}")]
    TestsFailed {
        /// When.
        until: Timestamp,
    },
    /// It belongs to another HelmRelease.
    #[error("release belongs to HelmRelease {owner}")]
    Foreign {
        /// `<namespace>/<name>`.
        owner: String,
    },
}

fn again(until: Option<Timestamp>) -> String {
    let not = || "; not tried again before chart, values or spec change".to_owned();
    until.map_or_else(not, |until| format!("; tried again at {until}"))
}

/// Plans one pass; `transformed` holds the end of each transform chain that was asked for.
pub fn plan(view: &ReleasesView, transformed: &BTreeMap<ObjectId, Next>) -> Plan {
    let (mut actions, mut rows) = (Vec::new(), Vec::new());
    let mut claimed: BTreeMap<(&str, &str), &ObjectId> = BTreeMap::new();
    for release in &view.releases {
        let decided = match decide(view, release, transformed).and_then(|action| claim(release, &mut claimed, action)) {
            Ok(action) => {
                let word = action.word();
                actions.push(action);
                Ok(word)
            }
            Err(kept) => Err(kept),
        };
        rows.push(Row { object: release.id.clone(), decided });
    }
    let in_flight = |orphan: &&Orphan| view.in_flight.contains(&(orphan.namespace.clone(), orphan.name.clone()));
    let mut due: Vec<Timestamp> = rows.iter().filter_map(Row::due).collect();
    for orphan in view.orphans.iter().filter(|orphan| !in_flight(orphan)) {
        let action = Action::Uninstall(orphan.clone());
        match held_off(view.now, orphan.attempt.as_ref(), &action.tried()) {
            Some(until) => due.push(until),
            None => actions.push(action),
        }
    }
    Plan { actions, rows, wake: due.into_iter().min() }
}

/// Of two HelmReleases that make the same new release the first gets it, as it would if it had come first.
fn claim<'a>(
    release: &'a ReleaseView,
    claimed: &mut BTreeMap<(&'a str, &'a str), &'a ObjectId>,
    action: Action,
) -> Result<Action, Kept> {
    let Ok(spec) = &release.spec else { return Ok(action) };
    match claimed.insert((&spec.target_namespace, &spec.release_name), &release.id) {
        None => Ok(action),
        Some(first) => {
            claimed.insert((&spec.target_namespace, &spec.release_name), first);
            Err(Kept::Foreign { owner: first.namespaced() })
        }
    }
}

fn decide(view: &ReleasesView, release: &ReleaseView, transformed: &BTreeMap<ObjectId, Next>) -> Result<Action, Kept> {
    let spec = release.spec.as_ref().map_err(|error| Kept::Spec(error.to_string()))?;
    let about = (release, spec);
    match state(view, release) {
        State::Blocked(Blocked::Spec(why)) => Err(Kept::Spec(why)),
        State::Blocked(Blocked::Chart(why)) => Err(Kept::Chart(why)),
        State::Blocked(Blocked::Values(why)) => Err(Kept::Values(why)),
        State::Blocked(Blocked::Policy(message)) => Err(Kept::NoPolicy(message)),
        State::Foreign { owner } => Err(Kept::Foreign { owner }),
        State::InFlight => Err(Kept::InFlight),
        State::Busy { until } => Err(Kept::Busy { until }),
        State::InSync => Err(Kept::InSync),
        State::HeldOff { until } => Err(Kept::BackingOff { until }),
        State::Interrupted { revision } => {
            let (namespace, name) = (spec.target_namespace.clone(), spec.release_name.clone());
            Ok(Action::Heal { object: release.id.clone(), namespace, release: name, revision })
        }
        State::Unfinished { revision } => resume(about, revision),
        State::Absent(inputs) | State::OutOfSync(inputs) => revise(about, inputs, transformed),
        State::Failed { until, .. } if until > view.now => Err(Kept::BackingOff { until }),
        State::Failed { inputs, .. } => revise(about, inputs, transformed),
        State::TestsFailed { until, .. } if until > view.now => Err(Kept::TestsFailed { until }),
        State::Untested(tests) | State::TestsFailed { tests, .. } => Ok(test(about, tests)),
        State::ToRollBack { until, .. } if until > view.now => Err(Kept::BackingOff { until }),
        State::ToRollBack { back, .. } => Ok(roll_back(about, back)),
        State::RolledBack { until: Some(until), inputs, .. } if until <= view.now => revise(about, inputs, transformed),
        State::RolledBack { count, until, .. } => Err(Kept::RolledBack { count, until }),
    }
}

/// A new revision: an upgrade of what was deployed once, else an install, so that its hooks run.
fn revise(
    (release, spec): (&ReleaseView, &Spec),
    inputs: Digest,
    transformed: &BTreeMap<ObjectId, Next>,
) -> Result<Action, Kept> {
    let since = release.history.iter().rev().take_while(|head| head.status != "uninstalled");
    let only_failed = since.into_iter().all(|head| head.status == "failed");
    let ready = ready((release, spec), inputs, transformed)?;
    Ok(if only_failed { Action::Install(ready) } else { Action::Upgrade(ready) })
}

fn resume((release, spec): (&ReleaseView, &Spec), revision: u32) -> Result<Action, Kept> {
    let chart = release.chart.as_ref().map_err(|why| Kept::Chart(why.clone()))?;
    Ok(Action::Resume(Unfinished {
        object: release.id.clone(),
        release: spec.release_name.clone(),
        namespace: spec.target_namespace.clone(),
        revision,
        chart_revision: chart.revision.clone(),
        options: options(spec),
    }))
}

fn test((release, spec): (&ReleaseView, &Spec), tests: Untested) -> Action {
    Action::Test(Test {
        object: release.id.clone(),
        release: spec.release_name.clone(),
        namespace: spec.target_namespace.clone(),
        generation: release.generation,
        tests,
    })
}

fn roll_back((release, spec): (&ReleaseView, &Spec), back: Back) -> Action {
    let newest = release.history.last();
    Action::Rollback(Rollback {
        object: release.id.clone(),
        release: spec.release_name.clone(),
        namespace: spec.target_namespace.clone(),
        from: newest.map_or(0, |head| head.revision),
        back,
        // Of the attempt, not of now: an edit since then is a reason to try anew.
        generation: newest.and_then(|head| head.marks.generation),
        max_history: spec.max_history,
    })
}

fn ready(
    (release, spec): (&ReleaseView, &Spec),
    inputs: Digest,
    transformed: &BTreeMap<ObjectId, Next>,
) -> Result<Ready, Kept> {
    let chart = release.chart.as_ref().map_err(|why| Kept::Chart(why.clone()))?;
    let sealed = release.values.as_ref().map_err(|why| Kept::Values(why.clone()))?;
    let values = match transformed.get(&release.id) {
        Some(Next::Done { values, .. }) => values,
        Some(Next::Stopped { policy, code, message }) => {
            return Err(Kept::Policy { policy: policy.clone(), code: code.clone(), message: message.clone() });
        }
        Some(Next::Ask { name, .. }) => {
            let message = "was not asked to the end".to_owned();
            return Err(Kept::Policy { policy: name.to_string(), code: "no-verdict".to_owned(), message });
        }
        None => return Err(Kept::Values("the values were not transformed".to_owned())),
    };
    let values = match sealed.unseal(values) {
        Ok(Value::Object(values)) => values,
        Ok(_) => return Err(Kept::Values("the values are not a mapping".to_owned())),
        Err(error) => return Err(Kept::Values(error.to_string())),
    };
    Ok(Ready {
        object: release.id.clone(),
        generation: release.generation,
        release: spec.release_name.clone(),
        namespace: spec.target_namespace.clone(),
        chart: chart.digest.clone(),
        chart_revision: chart.revision.clone(),
        values,
        inputs,
        revision: release.history.last().map_or(1, |head| head.revision.saturating_add(1)),
        options: options(spec),
    })
}

fn options(spec: &Spec) -> Options {
    Options {
        wait: spec.wait,
        timeout_seconds: spec.timeout_seconds,
        max_history: spec.max_history,
        skip_crds: spec.skip_crds,
        force: spec.force_upgrade,
        reuse_values: spec.reuse_values,
    }
}
