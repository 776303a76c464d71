//! State → at most one action for each release, and a reason for every release left alone.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

use super::state::{Blocked, State, state};
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

/// The closed list of effects of a releases pass.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Install: there is no record, or only those of a release that was uninstalled.
    Install(Ready),
    /// Upgrade, also from a failed release.
    Upgrade(Ready),
    /// Mark a record that a crash left behind as failed, so that the next pass goes on from it.
    Heal {
        /// The HelmRelease.
        object: ObjectId,
        /// Namespace of the record.
        namespace: String,
        /// Helm's release name.
        release: String,
        /// The record.
        revision: u32,
    },
    /// Uninstall: the HelmRelease is gone.
    Uninstall(Orphan),
}

impl Action {
    /// The HelmRelease that it is for; `None` when that is gone.
    pub fn object(&self) -> Option<&ObjectId> {
        match self {
            Self::Install(ready) | Self::Upgrade(ready) => Some(&ready.object),
            Self::Heal { object, .. } => Some(object),
            Self::Uninstall(_) => None,
        }
    }

    /// The release that it works on: namespace and Helm's name.
    pub fn release(&self) -> (&str, &str) {
        match self {
            Self::Install(ready) | Self::Upgrade(ready) => (&ready.namespace, &ready.release),
            Self::Heal { namespace, release, .. } => (namespace, release),
            Self::Uninstall(orphan) => (&orphan.namespace, &orphan.name),
        }
    }
}

/// Everything that an install or upgrade needs; nothing is left to choose.
#[derive(Clone, PartialEq)]
pub struct Ready {
    /// The HelmRelease.
    pub object: ObjectId,
    /// Helm's release name.
    pub release: String,
    /// Namespace of the record and of objects without one.
    pub namespace: String,
    /// The chart.
    pub chart: Digest,
    /// What `status.revision` will show.
    pub chart_revision: String,
    /// Values with secrets in the clear: never printed.
    pub values: Map<String, Value>,
    /// Digest of all that goes in.
    pub inputs: Digest,
    /// Helm's revision that this makes.
    pub revision: u32,
    /// Options of the spec.
    pub options: Options,
}

impl std::fmt::Debug for Ready {
    /// Leaves out the values, which hold secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}/{} v{} chart {}", self.object, self.namespace, self.release, self.revision, self.chart.short())
    }
}

/// Options of an install or upgrade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Wait for readiness.
    pub wait: bool,
    /// For hooks and for waiting.
    pub timeout_seconds: u64,
    /// Records kept; 0 keeps all.
    pub max_history: u32,
    /// Leave `crds/` alone.
    pub skip_crds: bool,
}

/// One release.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// The HelmRelease.
    pub object: ObjectId,
    /// The word for what is done, or why nothing is.
    pub decided: Result<&'static str, Kept>,
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
    /// It belongs to another HelmRelease.
    #[error("release belongs to HelmRelease {owner}")]
    Foreign {
        /// `<namespace>/<name>`.
        owner: String,
    },
}

/// Plans one pass; `transformed` holds the end of each transform chain that was asked for.
pub fn plan(view: &ReleasesView, transformed: &BTreeMap<ObjectId, Next>) -> Plan {
    let (mut actions, mut rows) = (Vec::new(), Vec::new());
    let mut claimed: BTreeMap<(&str, &str), &ObjectId> = BTreeMap::new();
    for release in &view.releases {
        let decided = match decide(view, release, transformed).and_then(|action| claim(release, &mut claimed, action)) {
            Ok(action) => {
                let word = match action {
                    Action::Install(_) => "install",
                    Action::Upgrade(_) => "upgrade",
                    Action::Heal { .. } => "heal",
                    Action::Uninstall(_) => "uninstall",
                };
                actions.push(action);
                Ok(word)
            }
            Err(kept) => Err(kept),
        };
        rows.push(Row { object: release.id.clone(), decided });
    }
    let in_flight = |orphan: &&Orphan| view.in_flight.contains(&(orphan.namespace.clone(), orphan.name.clone()));
    let orphans = view.orphans.iter().filter(|orphan| !in_flight(orphan));
    actions.extend(orphans.cloned().map(Action::Uninstall));
    let wake = rows.iter().filter_map(|row| match row.decided {
        Err(Kept::Busy { until } | Kept::BackingOff { until }) => Some(until),
        _ => None,
    });
    let wake = wake.min();
    Plan { actions, rows, wake }
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
    match state(view, release) {
        State::Blocked(Blocked::Spec(why)) => Err(Kept::Spec(why)),
        State::Blocked(Blocked::Chart(why)) => Err(Kept::Chart(why)),
        State::Blocked(Blocked::Values(why)) => Err(Kept::Values(why)),
        State::Blocked(Blocked::Policy(message)) => {
            Err(Kept::Policy { policy: String::new(), code: "unavailable".to_owned(), message })
        }
        State::Foreign { owner } => Err(Kept::Foreign { owner }),
        State::InFlight => Err(Kept::InFlight),
        State::Busy { until } => Err(Kept::Busy { until }),
        State::InSync => Err(Kept::InSync),
        State::Interrupted { revision } => heal(release, revision),
        State::Absent(inputs) => ready(release, inputs, transformed).map(Action::Install),
        State::OutOfSync(inputs) => ready(release, inputs, transformed).map(Action::Upgrade),
        State::Failed { until, .. } if until > view.now => Err(Kept::BackingOff { until }),
        State::Failed { inputs, .. } => ready(release, inputs, transformed).map(Action::Upgrade),
    }
}

fn heal(release: &ReleaseView, revision: u32) -> Result<Action, Kept> {
    let spec = release.spec.as_ref().map_err(|error| Kept::Spec(error.to_string()))?;
    Ok(Action::Heal {
        object: release.id.clone(),
        namespace: spec.target_namespace.clone(),
        release: spec.release_name.clone(),
        revision,
    })
}

fn ready(release: &ReleaseView, inputs: Digest, transformed: &BTreeMap<ObjectId, Next>) -> Result<Ready, Kept> {
    let spec = release.spec.as_ref().map_err(|error| Kept::Spec(error.to_string()))?;
    let chart = release.chart.as_ref().map_err(|why| Kept::Chart(why.clone()))?;
    let sealed = release.values.as_ref().map_err(|why| Kept::Values(why.clone()))?;
    let values = match transformed.get(&release.id) {
        Some(Next::Done { values, .. }) => values,
        Some(Next::Stopped { policy, code, message }) => {
            return Err(Kept::Policy { policy: policy.clone(), code: code.clone(), message: message.clone() });
        }
        Some(Next::Ask(question)) => {
            let message = "was not asked to the end".to_owned();
            return Err(Kept::Policy { policy: question.policy.to_string(), code: "no-verdict".to_owned(), message });
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
        release: spec.release_name.clone(),
        namespace: spec.target_namespace.clone(),
        chart: chart.digest.clone(),
        chart_revision: chart.revision.clone(),
        values,
        inputs,
        revision: release.history.last().map_or(1, |head| head.revision.saturating_add(1)),
        options: Options {
            wait: spec.wait,
            timeout_seconds: spec.timeout_seconds,
            max_history: spec.max_history,
            skip_crds: spec.skip_crds,
        },
    })
}
