//! What to do and what came of it.

use std::fmt;
use std::time::Duration;

use rhumb_core::id::Timestamp;
use rhumb_core::releases::Marks;
use rhumb_helm::Rendered;
use rhumb_helm::record::Status;
use serde_json::{Map, Value};

use super::worker::Worker;
use crate::cluster::error::Error;

/// A chart that was rendered for a release, ready to be released.
#[derive(Clone, Debug)]
pub struct Work<'a> {
    /// Namespace and name of the HelmRelease that asked for it.
    pub owner: (&'a str, &'a str),
    /// Kept with the record.
    pub marks: &'a Marks,
    /// Name of the release.
    pub release: &'a str,
    /// Namespace of the release.
    pub namespace: &'a str,
    /// Revision of the new record.
    pub revision: u32,
    /// The chart in its stored form.
    pub chart: &'a Value,
    /// Values that the user gave.
    pub config: &'a Map<String, Value>,
    /// What the chart came to.
    pub rendered: &'a Rendered,
    /// How to go about it.
    pub settings: Settings,
    /// Who does it.
    pub worker: &'a Worker,
    /// What people are told of a failure goes through it.
    pub redact: Redact<'a>,
}

/// How an action goes about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Bound of each hook and of the wait, in real time.
    pub timeout: Duration,
    /// Whether to wait for readiness.
    pub wait: Wait,
    /// Whether hooks run.
    pub hooks: HookRun,
    /// How objects are changed that are there; an install patches them.
    pub update: Update,
    /// What becomes of the pods of a workload; asked for by rollbacks.
    pub pods: Pods,
    /// Most records to keep; 0 keeps all.
    pub max_history: usize,
}

impl Default for Settings {
    /// Helm's defaults with Helm Operator's history: 5 minutes, no wait, hooks, 10 records.
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(300),
            wait: Wait::No,
            hooks: HookRun::Yes,
            update: Update::Patch,
            pods: Pods::Keep,
            max_history: 10,
        }
    }
}

/// Whether an action waits until its objects are ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Applied is enough.
    No,
    /// Everything must be ready in time.
    Ready,
}

/// Whether hooks run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HookRun {
    /// They do.
    Yes,
    /// They are left out.
    No,
}

/// How objects are changed that are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Update {
    /// What the chart names; what others set besides stays.
    Patch,
    /// They become what the chart says, and nothing else (Helm's `--force`).
    Replace,
}

/// What becomes of the pods of a workload when it was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pods {
    /// The workload sees to them.
    Keep,
    /// They are deleted, so that the workload makes new ones.
    Restart,
}

/// What an action needs that renders nothing.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// Namespace and name of the HelmRelease that asked for it.
    pub owner: (&'a str, &'a str),
    /// How to go about it.
    pub settings: Settings,
    /// Who does it.
    pub worker: &'a Worker,
    /// Where the times in records come from.
    pub clock: Clock<'a>,
    /// What people are told of a failure goes through it.
    pub redact: Redact<'a>,
}

/// Where the times in records come from.
#[derive(Clone, Copy)]
pub struct Clock<'a>(pub &'a (dyn Fn() -> Timestamp + Send + Sync));

impl fmt::Debug for Clock<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock(…)")
    }
}

impl Clock<'_> {
    pub(super) fn now(&self) -> Timestamp {
        (self.0)()
    }

    /// As Helm writes it.
    pub(super) fn text(&self) -> String {
        rhumb_helm::record::time(i128::from(self.now().0) * 1_000_000)
    }
}

/// Takes secrets out of a text: servers quote in their refusals what they refuse.
#[derive(Clone, Copy)]
pub struct Redact<'a>(pub &'a (dyn Fn(&str) -> String + Send + Sync));

impl fmt::Debug for Redact<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redact(…)")
    }
}

impl Redact<'_> {
    pub(super) fn text(&self, text: &str) -> String {
        (self.0)(text)
    }
}

/// What came of an action.
#[derive(Debug)]
pub struct Report {
    /// The record that the action left; `None` when it failed before it wrote one, so that the cluster is as it was
    /// (but for `crds/`).
    pub revision: Option<u32>,
    /// What the record says; `None` without one, or when the last word could not be written.
    pub status: Option<Status>,
    /// What the record says for people.
    pub description: String,
    /// Why it failed.
    pub error: Option<Error>,
    /// The record of the release that was written last: its revision and `metadata.resourceVersion`. It may be one that
    /// was superseded; whoever knows of it knows of all writes before.
    pub written: Option<(u32, String)>,
    /// What was left alone or failed on the side, for people.
    pub notes: Vec<String>,
}

/// How the tests of a release went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestReport {
    /// Why a test failed; `None` when all passed.
    pub failure: Option<String>,
    /// `metadata.resourceVersion` of the record as it was written.
    pub record_version: String,
}

impl Report {
    pub(super) fn refused(error: Error) -> Self {
        Self {
            revision: None,
            status: None,
            description: String::new(),
            error: Some(error),
            written: None,
            notes: Vec::new(),
        }
    }

    /// Whether the action did what it was to do.
    pub fn is_success(&self) -> bool {
        self.error.is_none()
    }
}
