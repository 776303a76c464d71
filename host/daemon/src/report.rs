//! What the daemon tells about itself: the shapes of the operator's API, of `--output json` and of the tables.

use rhumb_core::images::{Decided, Kept, Row, Update};
use rhumb_core::judge::{Change, Operation, Transformation};
use serde::{Deserialize, Serialize};

/// One line of `rhumb list`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Release {
    /// Namespace of the HelmRelease.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Helm's release name.
    pub release: String,
    /// Namespace of the release record.
    pub target_namespace: String,
    /// `<name>-<version>` of the deployed chart; empty before the first deployment.
    pub chart: String,
    /// Images in its values.
    pub images: Vec<String>,
    /// Helm's revision; 0 before the first.
    pub revision: u32,
    /// Helm's status; before there is a release the phase of the HelmRelease, such as `ChartFetchFailed`, or `-`.
    pub status: String,
    /// What the condition `Released` says.
    pub message: String,
}

/// One container in `rhumb images`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Image {
    /// Flux's identity of the object: `<namespace>:<kind>/<name>`.
    pub object: String,
    /// The container.
    pub container: String,
    /// As it stands in git.
    pub image: String,
    /// The filter as written.
    pub filter: String,
    /// File of the tag.
    pub file: String,
    /// Line from 1.
    pub line: usize,
    /// Whether it moves.
    pub update: Option<String>,
    /// What a promotion rule holds back, if one does.
    #[serde(default)]
    pub held: Option<Held>,
    /// Stable word for the decision.
    pub code: String,
    /// For people.
    pub reason: String,
    /// Tags that the filter looked at, best first.
    pub considered: Vec<Candidate>,
    /// Fuel that the policies used.
    pub fuel: u64,
}

/// A move that a promotion rule holds back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Where it would go.
    pub to: String,
    /// The rule.
    pub rule: String,
    /// `deny`, `hold`, `require-approval` or `observe`.
    pub verdict: String,
    /// When it is asked again, where the rule says so; RFC 3339.
    pub until: Option<String>,
}

/// One tag that a filter looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// The tag.
    pub tag: String,
    /// Stable word.
    pub code: String,
    /// For people.
    pub message: String,
}

/// One line of `rhumb history`, as `helm history` has them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct History {
    /// Helm's revision.
    pub revision: u32,
    /// RFC 3339.
    pub updated: String,
    /// Helm's status.
    pub status: String,
    /// `<name>-<version>`.
    pub chart: String,
    /// The chart's `appVersion`.
    pub app_version: String,
    /// Helm's words.
    pub description: String,
}

/// One recorded decision of a policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    /// Digest of the record; `rhumb policy replay` takes it.
    pub record: String,
    /// RFC 3339.
    pub at: String,
    /// The policy.
    pub policy: String,
    /// Its component.
    pub component: String,
    /// What was asked: `select`, `judge`, …
    pub asked: String,
    /// What came of it, in one line.
    pub outcome: String,
    /// Fuel used.
    pub fuel: u64,
}

/// Why a container is on the tag that a commit of ours brought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrival {
    /// The container.
    pub container: String,
    /// The tag that came.
    pub tag: String,
    /// When; RFC 3339.
    pub at: String,
    /// The commit.
    pub commit: String,
    /// What picked it, and why.
    pub picked: Said,
    /// What the promotion rules said that let it come.
    pub allowed: Vec<Said>,
}

/// What a policy said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// The policy, or the filter as written.
    pub policy: String,
    /// Stable word.
    pub code: String,
    /// For people.
    pub message: String,
}

/// What one value transform did to a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The policy.
    pub policy: String,
    /// Its operations, one line each: pointer, change, reason.
    pub operations: Vec<String>,
    /// Its warnings.
    pub warnings: Vec<String>,
}

impl Step {
    /// What a transform did, in the words of `rhumb explain`.
    pub fn of(policy: &str, done: &Transformation) -> Self {
        let operation = |operation: &Operation| {
            let change = match &operation.change {
                Change::Set(value) => format!("= {value}"),
                Change::Remove => "removed".to_owned(),
                Change::MoveFrom(from) => format!("moved from {from}"),
                Change::CopyFrom(from) => format!("copied from {from}"),
            };
            format!("{} {change}  ({}: {})", operation.path, operation.reason.code, operation.reason.message)
        };
        Self {
            policy: policy.to_owned(),
            operations: done.operations.iter().map(operation).collect(),
            warnings: done.warnings.iter().map(|warning| format!("warning: {}", warning.message)).collect(),
        }
    }
}

/// Everything about one release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// The release; `None` when the cluster has no such HelmRelease.
    pub release: Option<Release>,
    /// Its containers.
    pub images: Vec<Image>,
    /// Why each is on its tag, as far as a commit of ours brought it.
    #[serde(default)]
    pub arrivals: Vec<Arrival>,
    /// What value transforms did when it was last released.
    pub transforms: Vec<Step>,
    /// The newest decision of each policy about it.
    pub decisions: Vec<Decision>,
}

/// What the last sync pass came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sync {
    /// The commit.
    pub revision: String,
    /// How many objects were applied or deleted.
    pub changed: usize,
    /// How many were left alone.
    pub kept: usize,
    /// What could not be read or applied, with its place.
    pub problems: Vec<String>,
}

/// The branch as it was fetched last, and what of it was applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The branch.
    pub branch: String,
    /// Its head.
    pub head: String,
    /// The last sync pass.
    pub sync: Sync,
}

/// What `rhumb release` asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Ask {
    /// Flux's identity of the object.
    pub object: String,
    /// The image with its tag.
    pub image: String,
    /// Whether locks and filters are passed over.
    #[serde(default)]
    pub force: bool,
    /// Message of the commit, where it is to be another than Flux's.
    #[serde(default)]
    pub message: Option<String>,
}

/// What a release by hand came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Released {
    /// The commit; `None` when there was nothing to do.
    pub revision: Option<String>,
    /// What it changes.
    pub moved: Vec<Moved>,
    /// Whether the object's filter may move it again.
    pub automated: bool,
}

/// One container of a release by hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// Flux's identity of the object.
    pub object: String,
    /// The container.
    pub container: String,
    /// The image before.
    pub from: String,
    /// The image now.
    pub to: String,
}

impl From<&Update> for Moved {
    fn from(update: &Update) -> Self {
        Self {
            object: update.object.to_string(),
            container: update.container.to_string(),
            from: update.from.to_string(),
            to: update.to.to_string(),
        }
    }
}

impl From<&Row> for Image {
    fn from(row: &Row) -> Self {
        let (update, code, reason) = match &row.decided {
            Decided::Update { to, reason } => (Some(to.to_string()), reason.code.clone(), reason.message.clone()),
            Decided::Keep(kept) => (None, code(kept), kept.to_string()),
        };
        let candidate = |c: &rhumb_core::images::Considered| Candidate {
            tag: c.tag.to_string(),
            code: c.reason.code.clone(),
            message: c.reason.message.clone(),
        };
        Self {
            object: row.object.to_string(),
            container: row.container.to_string(),
            image: row.image.clone(),
            filter: row.filter.clone(),
            file: row.file.clone(),
            line: row.line,
            update,
            held: held(&row.decided),
            code,
            reason,
            considered: row.considered.iter().map(candidate).collect(),
            fuel: row.fuel,
        }
    }
}

fn held(decided: &Decided) -> Option<Held> {
    let Decided::Keep(Kept::HeldByRule { rule, to, verdict, until, .. }) = decided else { return None };
    let until = until.map(|until| until.to_string());
    Some(Held { to: to.to_string(), rule: rule.to_string(), verdict: verdict.clone(), until })
}

/// The policy's own code where it decided, and the host's word where it did not come to that.
fn code(kept: &Kept) -> String {
    match kept {
        Kept::Current(reason) | Kept::NoneAcceptable(reason) => reason.code.clone(),
        Kept::HeldByFilter { reason, .. } | Kept::HeldByRule { reason, .. } | Kept::LooksOn { reason, .. } => {
            reason.code.clone()
        }
        Kept::PolicyFailed { code, .. } => code.clone(),
        Kept::NotAutomated => "not-automated".to_owned(),
        Kept::Locked(_) => "locked".to_owned(),
        Kept::Ignored => "ignored".to_owned(),
        Kept::NoSuchContainer { .. } => "no-such-container".to_owned(),
        Kept::BadFilter(_) => "bad-filter".to_owned(),
        Kept::NoTags(_) => "no-tags".to_owned(),
        Kept::Unread(_) => "unread-image".to_owned(),
        Kept::NoPolicy(_) => "no-policy".to_owned(),
        Kept::NoEvidence { .. } => "no-evidence".to_owned(),
        Kept::Unwritable { .. } => "unwritable".to_owned(),
    }
}
