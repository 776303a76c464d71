//! Questions to policies and their answers, in the host's own words.
//!
//! The shapes follow the contract in `wit/policy.wit`, which says what each field promises. The sandbox converts
//! between the two; nothing else knows the contract's own types.
//!
//! Invariant: a [`Question`] holds everything that its answer may depend on, so an answer can be had again from it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::id::{Digest, PolicyName, Tag, Timestamp};

/// What a policy decides about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Chooses a tag for one container.
    ImageFilter,
    /// Says whether a version may move.
    PromotionRule,
    /// Changes the values of a release before it is rendered.
    ValueTransform,
}

impl Kind {
    /// The name in the contract: `image-filter`, `promotion-rule` or `value-transform`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ImageFilter => "image-filter",
            Self::PromotionRule => "promotion-rule",
            Self::ValueTransform => "value-transform",
        }
    }
}

/// One question to one policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Question {
    /// The name by which the release asked for it.
    pub policy: PolicyName,
    /// The component that answers.
    pub component: Digest,
    /// JSON text, valid under the policy's schema.
    pub config: String,
    /// What the decision is about and when it is made.
    pub context: Context,
    /// What is asked.
    pub ask: Ask,
}

/// What a decision is about and when it is made (`types.context` of the contract).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Context {
    /// Name of the HelmRelease or workload.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Its kind.
    pub kind: String,
    /// From the label `rhumb.dev/environment` of the object or else of its namespace.
    pub environment: Option<String>,
    /// Labels of the object, by key.
    pub labels: Vec<(String, String)>,
    /// Annotations of the object, by key.
    pub annotations: Vec<(String, String)>,
    /// The time of the decision.
    pub now: Timestamp,
    /// The same for the same subject and policy.
    pub seed: u64,
}

/// What is asked: one function of one kind interface.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ask {
    /// Which tags may be chosen at all.
    Shortlist {
        /// The container whose image is chosen.
        container: Container,
        /// What is on offer.
        tags: Arc<Tags>,
    },
    /// The choice.
    Select {
        /// The container whose image is chosen.
        container: Container,
        /// What is on offer.
        tags: Arc<Tags>,
        /// What is known of the shortlisted tags.
        metadata: Metadata,
    },
    /// May these versions move, all together?
    Judge {
        /// What would change.
        moves: Vec<Move>,
        /// JSON text that follows `wit/evidence.schema.json`.
        evidence: String,
    },
    /// What to change in the values.
    Transform {
        /// The chart that the values are for.
        chart: Chart,
        /// JSON text; secret values are opaque handles.
        values: String,
        /// JSON text that follows `wit/evidence.schema.json`.
        evidence: String,
    },
}

impl Ask {
    /// The kind of policy that can answer.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Shortlist { .. } | Self::Select { .. } => Kind::ImageFilter,
            Self::Judge { .. } => Kind::PromotionRule,
            Self::Transform { .. } => Kind::ValueTransform,
        }
    }
}

/// The container whose image is chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Container {
    /// Name by which the filter annotation reaches it.
    pub name: String,
    /// Canonical repository, such as `index.docker.io/stefanprodan/podinfo`.
    pub repository: String,
    /// Tag in git now.
    pub current_tag: Option<Tag>,
    /// Digest in git now, `sha256:…`.
    pub current_digest: Option<String>,
    /// When the current tag came into the config repository; 0 when unknown.
    pub current_since: Timestamp,
}

/// The tags on offer, as columns: the same length and order, no duplicates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tags {
    /// One name per line, each ended by a line feed.
    pub names: String,
    /// When Rhumb first saw each tag.
    pub first_seen: Vec<Timestamp>,
    /// How often each tag was moved to another digest since then.
    pub moves: Vec<u32>,
    /// Whether the registry gave its complete list.
    pub complete: bool,
}

impl Tags {
    /// How many tags there are.
    pub fn len(&self) -> usize {
        self.first_seen.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.first_seen.is_empty()
    }

    /// The names in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.names.lines()
    }

    /// The names at these indices, found in one walk; what is out of range is left out.
    pub fn names_of(&self, indices: impl IntoIterator<Item = u32>) -> BTreeMap<u32, &str> {
        let mut wanted: Vec<u32> = indices.into_iter().collect();
        wanted.sort_unstable();
        wanted.dedup();
        let mut lines = self.names.lines();
        let mut next = 0;
        let names = wanted.into_iter().map_while(|index| {
            let name = lines.nth(usize::try_from(index - next).ok()?)?;
            next = index.saturating_add(1);
            Some((index, name))
        });
        names.collect()
    }

    /// The name at this index. A walk over the names: for many of them see [`Tags::names_of`].
    pub fn get(&self, index: u32) -> Option<&str> {
        self.names.lines().nth(usize::try_from(index).ok()?)
    }
}

/// What is known of the shortlisted tags, as columns of the same length.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// Which tags these are, counted as in [`Tags`].
    pub indices: Vec<u32>,
    /// Build time that the image claims; 0 when it claims none.
    pub created: Vec<Timestamp>,
    /// One digest per line, where the policy wants them.
    pub digests: Option<String>,
    /// One JSON object per line, where the policy wants more.
    pub facts: Option<String>,
    /// Whether every shortlisted tag is here.
    pub complete: bool,
}

/// How far apart two versions are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// The same version.
    None,
    /// Build metadata only.
    Build,
    /// Pre-release only.
    PreRelease,
    /// Patch.
    Patch,
    /// Minor.
    Minor,
    /// Major.
    Major,
    /// To a lower version.
    Backwards,
}

/// One thing that would change: an image of a container, or the chart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    /// A container's name, or `chart`.
    pub subject: String,
    /// Canonical repository of the image, or of the chart.
    pub repository: String,
    /// `None` when nothing runs yet.
    pub from_version: Option<String>,
    /// Where it would go.
    pub to_version: String,
    /// Its digest where known.
    pub to_digest: Option<String>,
    /// Where both are semantic versions.
    pub step: Option<Step>,
}

/// The chart that values are for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chart {
    /// `name` of `Chart.yaml`.
    pub name: String,
    /// `version` of `Chart.yaml`.
    pub version: String,
    /// `appVersion` of `Chart.yaml`.
    pub app_version: Option<String>,
}

/// Why something was decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// Stable, lower-case, dashes: one of the codes that the policy declares.
    pub code: String,
    /// One line for people.
    pub message: String,
}

/// What is wrong with a config or an input, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// JSON Pointer; empty for the whole.
    pub pointer: String,
    /// What is wrong.
    pub reason: Reason,
}

/// A policy's answer, already checked by the host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// Indices that were offered, most wanted first, no duplicates.
    Shortlist(Vec<u32>),
    /// The choice of an image filter.
    Selection(Selection),
    /// The verdict of a promotion rule.
    Verdict(Verdict),
    /// The operations of a value transform.
    Transformation(Transformation),
}

/// The choice of an image filter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// What was chosen.
    pub outcome: Outcome,
    /// Why.
    pub reason: Reason,
    /// Tags that were looked at, best first.
    pub considered: Vec<Consideration>,
}

/// What an image filter chose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// This tag, counted as in [`Tags`]; it was offered.
    Pick(u32),
    /// The current image is the right one.
    KeepCurrent,
    /// No tag on offer is acceptable; the current image stays.
    None,
    /// Ask again at this time, which is later than the question's.
    HoldUntil(Timestamp),
}

/// A tag that was looked at and why it was or wasn't chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consideration {
    /// Counted as in [`Tags`]; it was offered.
    pub index: u32,
    /// Why.
    pub reason: Reason,
}

/// The verdict of a promotion rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The versions may move.
    Allow(Reason),
    /// They may not.
    Deny(Reason),
    /// Not yet.
    Hold {
        /// When to ask again; without it, when the evidence changes.
        until: Option<Timestamp>,
        /// Why.
        reason: Reason,
    },
    /// People must agree first.
    RequireApproval {
        /// Why.
        reason: Reason,
        /// How many different people.
        quorum: u32,
        /// Who counts; empty means anybody whom the cluster allows to approve.
        groups: Vec<String>,
        /// Until when approvals count.
        expires: Option<Timestamp>,
    },
    /// Record and show it, and do nothing.
    Observe(Reason),
}

/// What a value transform wants changed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Transformation {
    /// In order.
    pub operations: Vec<Operation>,
    /// For people.
    pub warnings: Vec<Reason>,
}

/// One change of the values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Operation {
    /// JSON Pointer into the values.
    pub path: String,
    /// What to do there.
    pub change: Change,
    /// Why.
    pub reason: Reason,
}

/// RFC 6902's operations as far as values need them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// Add the value, or replace what is there; parents are made.
    Set(serde_json::Value),
    /// Remove what is there.
    Remove,
    /// Move from this pointer.
    MoveFrom(String),
    /// Copy from this pointer.
    CopyFrom(String),
}

/// Why a policy gave no verdict. None of these is a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum Failure {
    /// The policy says that its config cannot be used.
    #[error("config refused: {}", problems(.0))]
    BadConfig(Vec<Problem>),
    /// The policy says that the input lacks something.
    #[error("input refused: {}", problems(.0))]
    BadInput(Vec<Problem>),
    /// The policy refuses to decide about this subject.
    #[error("refused to decide: {}", .0.message)]
    Refused(Reason),
    /// The policy reports a defect of its own.
    #[error("policy reports a defect: {0}")]
    Internal(String),
    /// It used up its fuel.
    #[error("used up its fuel of {budget}")]
    OutOfFuel {
        /// What it was given.
        budget: u64,
    },
    /// It ran longer than the wall-clock limit. Unlike fuel this cannot be replayed.
    #[error("ran longer than {limit_millis} ms")]
    Timeout {
        /// The limit.
        limit_millis: u64,
    },
    /// It trapped, or asked for more memory than it may have.
    #[error("trapped: {0}")]
    Trap(String),
    /// What it returned breaks a rule of the contract.
    #[error("answer breaks the contract: {0}")]
    BadOutput(String),
    /// There is no such policy, or it could not be loaded.
    #[error("unavailable: {0}")]
    Unavailable(String),
}

impl Failure {
    /// Stable word for metrics, conditions and JSON.
    pub fn code(&self) -> &'static str {
        match self {
            Self::BadConfig(_) => "bad-config",
            Self::BadInput(_) => "bad-input",
            Self::Refused(_) => "refused",
            Self::Internal(_) => "internal",
            Self::OutOfFuel { .. } => "out-of-fuel",
            Self::Timeout { .. } => "timeout",
            Self::Trap(_) => "trap",
            Self::BadOutput(_) => "bad-output",
            Self::Unavailable(_) => "unavailable",
        }
    }
}

/// What came of one question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// The checked answer, or why there is none.
    pub answer: Result<Answer, Failure>,
    /// Fuel used; the same each time for the same question and engine profile.
    pub fuel: u64,
}

fn problems(list: &[Problem]) -> String {
    let text: Vec<String> = list
        .iter()
        .map(|p| {
            if p.pointer.is_empty() { p.reason.message.clone() } else { format!("{}: {}", p.pointer, p.reason.message) }
        })
        .collect();
    text.join("; ")
}
