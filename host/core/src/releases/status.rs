//! Row and outcome → the status of a HelmRelease, with Helm Operator's phases, conditions and messages
//! (`helm-operator.md` 1.6). Unlike there, the message says what went wrong.

use serde_json::{Map, Value, json};

use super::marks::Tested;
use super::plan::{Kept, Row};
use super::view::ReleaseView;
use crate::chain::{CONDITION_LIMIT, cut};
use crate::condition::{Condition, Truth, set_condition};
use crate::id::Timestamp;

/// What became of an action. Failures have the whole chain of causes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing was done, or not yet.
    Nothing,
    /// Installed or upgraded; `status.revision` to show.
    Succeeded {
        /// The chart's commit or version.
        revision: String,
    },
    /// An install or upgrade failed, and its record says so.
    Failed(String),
    /// It failed before it left a record: the release is as it was.
    Refused(String),
    /// The last good revision is back.
    RolledBack {
        /// How often the same was taken back.
        count: u32,
    },
    /// It could not be brought back.
    RollbackFailed(String),
    /// All tests passed.
    Tested,
    /// A test failed.
    TestsFailed(String),
    /// A record left by a crash was marked as failed.
    Healed,
}

/// Phases that Rhumb writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The chart cannot be had.
    ChartFetchFailed,
    /// Installed or upgraded; its tests come next.
    Deployed,
    /// Install or upgrade failed.
    DeployFailed,
    /// Tests run.
    Testing,
    /// All tests passed.
    Tested,
    /// A test failed.
    TestFailed,
    /// The last good revision is coming back.
    RollingBack,
    /// It is back.
    RolledBack,
    /// It did not come back.
    RollbackFailed,
    /// All is well.
    Succeeded,
    /// Something before that failed.
    Failed,
}

impl Phase {
    fn as_str(self) -> &'static str {
        match self {
            Self::ChartFetchFailed => "ChartFetchFailed",
            Self::Deployed => "Deployed",
            Self::DeployFailed => "DeployFailed",
            Self::Testing => "Testing",
            Self::Tested => "Tested",
            Self::TestFailed => "TestFailed",
            Self::RollingBack => "RollingBack",
            Self::RolledBack => "RolledBack",
            Self::RollbackFailed => "RollbackFailed",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
        }
    }

    /// Whether this generation of the HelmRelease has been dealt with, for better or worse.
    fn is_end(self) -> bool {
        !matches!(self, Self::Deployed | Self::Testing | Self::RollingBack)
    }
}

/// The new `status`; equal to the old one when there is nothing new to say, so that nothing is written.
pub fn status(release: &ReleaseView, row: &Row, outcome: &Outcome, now: Timestamp) -> Value {
    let Some((phase, conditions)) = Teller::new(release).tell(row, outcome) else { return release.status.clone() };
    let mut status = release.status.as_object().cloned().unwrap_or_default();
    if phase.is_end() {
        put(&mut status, "observedGeneration", json!(release.generation));
    }
    put(&mut status, "phase", json!(phase.as_str()));
    if let Ok(spec) = &release.spec {
        put(&mut status, "releaseName", json!(spec.release_name));
    }
    revisions(&mut status, release, phase, outcome);
    let in_records = release.history.last().map(|head| head.status.as_str());
    let release_status = match outcome {
        Outcome::Succeeded { .. } | Outcome::RolledBack { .. } | Outcome::Tested | Outcome::TestsFailed(_) => {
            Some("deployed")
        }
        Outcome::Failed(_) | Outcome::RollbackFailed(_) => Some("failed"),
        Outcome::Nothing | Outcome::Refused(_) | Outcome::Healed => in_records,
    };
    if let Some(release_status) = release_status {
        put(&mut status, "releaseStatus", json!(release_status));
    }
    for condition in conditions {
        set_condition(&mut status, &condition, now);
    }
    if let Outcome::RolledBack { count } = outcome {
        put(&mut status, "rollbackCount", json!(count));
    } else if let Err(Kept::RolledBack { count, .. }) = row.decided {
        put(&mut status, "rollbackCount", json!(count));
    }
    if phase == Phase::Succeeded {
        status.remove("rollbackCount");
        remove_condition(&mut status, "RolledBack");
        if release.spec.as_ref().is_ok_and(|spec| spec.tests.is_none()) {
            remove_condition(&mut status, "Tested");
        }
    }
    Value::Object(status)
}

/// `revision` is what was last released well, `lastAttemptedRevision` what was last tried.
fn revisions(status: &mut Map<String, Value>, release: &ReleaseView, phase: Phase, outcome: &Outcome) {
    let chart = release.chart.as_ref().ok().map(|chart| chart.revision.clone());
    // Of a crash between the release and its status the record tells. One without a mark tells as much as there is.
    let recorded = release.history.last().and_then(|head| head.marks.chart_revision.clone());
    let (attempted, released) = match outcome {
        Outcome::Succeeded { revision } => (Some(revision.clone()), Some(revision.clone())),
        Outcome::Failed(_) | Outcome::Refused(_) => (chart, None),
        Outcome::Nothing | Outcome::Tested | Outcome::TestsFailed(_) if phase == Phase::Succeeded => {
            let revision = recorded.or_else(|| chart.filter(|_| !status.contains_key("revision")));
            (revision.clone(), revision)
        }
        _ => (None, None),
    };
    if let Some(released) = released.filter(|_| phase == Phase::Succeeded) {
        put(status, "revision", json!(released));
    }
    if let Some(attempted) = attempted {
        put(status, "lastAttemptedRevision", json!(attempted));
    }
}

fn remove_condition(status: &mut Map<String, Value>, kind: &str) {
    if let Some(list) = status.get_mut("conditions").and_then(Value::as_array_mut) {
        list.retain(|condition| condition.get("type").and_then(Value::as_str) != Some(kind));
    }
}

/// Finds the words about one release.
struct Teller<'a> {
    release: &'a ReleaseView,
    /// `Helm release '<name>' in '<namespace>'`.
    of: String,
}

type Told = Option<(Phase, Vec<Condition>)>;

impl<'a> Teller<'a> {
    fn new(release: &'a ReleaseView) -> Self {
        let own = (release.id.name.as_str(), release.id.namespace.as_deref().unwrap_or("default"));
        let (name, namespace) = release.spec.as_ref().map_or(own, |spec| (&spec.release_name, &spec.target_namespace));
        Self { release, of: format!("Helm release '{name}' in '{namespace}'") }
    }

    fn tell(&self, row: &Row, outcome: &Outcome) -> Told {
        let tests = self.release.spec.as_ref().ok().and_then(|spec| spec.tests);
        match (outcome, &row.decided) {
            (Outcome::Succeeded { .. }, _) if tests.is_some() => {
                let mut conditions = self.deployed();
                // What was said of the revision before says nothing of this one.
                conditions.push(self.condition("Released", Truth::Unknown, Phase::Deployed, "Tests come next for"));
                Some((Phase::Deployed, conditions))
            }
            (Outcome::Succeeded { .. }, _) => self.succeeded(None),
            (Outcome::Tested, _) => self.succeeded(Some(self.tested())),
            (Outcome::TestsFailed(why), _) if tests.is_some_and(|tests| tests.ignore_failures) => {
                self.succeeded(Some(self.failure("Tested", Phase::TestFailed, "Test failed", why)))
            }
            (Outcome::TestsFailed(why), _) => {
                self.failed(Phase::TestFailed, &["Tested", "Released"], "Test failed", why)
            }
            (Outcome::Failed(why) | Outcome::Refused(why), _) => {
                self.failed(Phase::DeployFailed, &["Deployed", "Released"], "Installation or upgrade failed", why)
            }
            (Outcome::RolledBack { .. }, _) | (Outcome::Nothing, Err(Kept::RolledBack { .. })) => self.rolled_back(),
            (Outcome::RollbackFailed(why), _) => {
                let phase = Phase::RollbackFailed;
                let mut conditions = vec![self.failure("RolledBack", phase, "Rollback failed", why)];
                conditions.extend(self.unless_said(self.failure("Released", phase, "Rollback failed", why)));
                Some((phase, conditions))
            }
            (Outcome::Healed, _) => self.failed(
                Phase::DeployFailed,
                &["Deployed", "Released"],
                "An interrupted operation was marked as failed",
                "it is tried again soon",
            ),
            (Outcome::Nothing, Err(Kept::InSync)) => self.in_sync(),
            (Outcome::Nothing, Err(Kept::TestsFailed { .. })) => {
                let failure = |kind| self.unless_said(self.failure(kind, Phase::TestFailed, "Test failed", ""));
                Some((Phase::TestFailed, ["Tested", "Released"].into_iter().filter_map(failure).collect()))
            }
            (Outcome::Nothing, Err(Kept::Chart(why))) => {
                self.failed(Phase::ChartFetchFailed, &["ChartFetched", "Released"], "Chart fetch failed", why)
            }
            (Outcome::Nothing, Ok("test")) => {
                Some((Phase::Testing, vec![self.condition("Tested", Truth::Unknown, Phase::Testing, "Testing")]))
            }
            (Outcome::Nothing, Ok("rollback")) => {
                let phase = Phase::RollingBack;
                Some((phase, vec![self.condition("RolledBack", Truth::Unknown, phase, "Rolling back")]))
            }
            // What was said when it failed stays until it is tried again, and what is at work will say how it went.
            (Outcome::Nothing, Err(Kept::BackingOff { .. } | Kept::InFlight) | Ok(_)) => None,
            (Outcome::Nothing, Err(kept)) => {
                self.failed(Phase::Failed, &["Released"], "Release failed", &kept.to_string())
            }
        }
    }

    fn in_sync(&self) -> Told {
        let newest = self.release.history.last();
        let tests = self.release.spec.as_ref().ok().and_then(|spec| spec.tests);
        let told = match newest.and_then(|head| head.marks.tests).filter(|_| tests.is_some()) {
            None => None,
            Some(Tested::Passed) => Some(self.tested()),
            Some(Tested::Failed { .. }) => {
                self.unless_said(self.failure("Tested", Phase::TestFailed, "Test failed", ""))
            }
        };
        self.succeeded(told)
    }

    fn rolled_back(&self) -> Told {
        let phase = Phase::RolledBack;
        let mut conditions = vec![self.condition("RolledBack", Truth::True, phase, "Rolled back")];
        let why = "the upgrade failed and was rolled back";
        conditions.extend(self.unless_said(self.failure("Released", phase, "Release failed", why)));
        Some((phase, conditions))
    }

    fn deployed(&self) -> Vec<Condition> {
        let condition = |kind, what: &str| Condition::new(kind, Truth::True, kind, &format!("{what} for {}.", self.of));
        vec![
            condition("ChartFetched", "Chart fetch was successful"),
            condition("Deployed", "Installation or upgrade succeeded"),
        ]
    }

    fn succeeded(&self, tested: Option<Condition>) -> Told {
        let phase = Phase::Succeeded;
        let message = format!("Release was successful for {}.", self.of);
        let mut conditions = self.deployed();
        conditions.push(Condition::new("Released", Truth::True, phase.as_str(), &message));
        conditions.extend(tested);
        Some((phase, conditions))
    }

    fn failed(&self, phase: Phase, kinds: &[&'static str], what: &str, why: &str) -> Told {
        Some((phase, kinds.iter().map(|kind| self.failure(kind, phase, what, why)).collect()))
    }

    fn failure(&self, kind: &'static str, phase: Phase, what: &str, why: &str) -> Condition {
        let of = &self.of;
        let message = if why.is_empty() { format!("{what} for {of}.") } else { format!("{what} for {of}: {why}") };
        Condition::new(kind, Truth::False, phase.as_str(), &cut(&message, CONDITION_LIMIT))
    }

    fn tested(&self) -> Condition {
        self.condition("Tested", Truth::True, Phase::Tested, "Tested")
    }

    fn condition(&self, kind: &'static str, truth: Truth, phase: Phase, what: &str) -> Condition {
        Condition::new(kind, truth, phase.as_str(), &format!("{what} {}.", self.of))
    }

    /// The condition, unless it says already that it does not hold: what was said then knows more.
    fn unless_said(&self, condition: Condition) -> Option<Condition> {
        let list = self.release.status.get("conditions").and_then(Value::as_array);
        let text = |entry: &Value, key: &str| entry.get(key).and_then(Value::as_str).map(str::to_owned);
        let said = list.into_iter().flatten().any(|entry| {
            text(entry, "type").as_deref() == Some(condition.r#type)
                && text(entry, "status").as_deref() == Some(condition.status.as_str())
        });
        (!said).then_some(condition)
    }
}

fn put(status: &mut Map<String, Value>, key: &str, value: Value) {
    status.insert(key.to_owned(), value);
}
