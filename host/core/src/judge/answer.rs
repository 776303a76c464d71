//! What a policy says, already checked by the host, or why it says nothing.

use serde::{Deserialize, Serialize};

use crate::id::Timestamp;

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
    /// This tag, counted as in [`Tags`](super::Tags); it was offered.
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
    /// Counted as in [`Tags`](super::Tags); it was offered.
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
    /// The process that ran it ended, or had to be ended. Unlike a trap this cannot be replayed.
    #[error("ended the process that ran it: {0}")]
    Died(String),
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
            Self::Died(_) => "died",
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
