//! What is said about one container: the decision, its reason, and from what.

use std::fmt;

use serde::Serialize;

use crate::id::{ContainerName, ObjectId, PolicyName, Tag, Timestamp};
use crate::judge::Reason;

/// What was decided about one container, and from what.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// The object.
    pub object: ObjectId,
    /// The container.
    pub container: ContainerName,
    /// The image as it stands; empty for a container that does not exist.
    pub image: String,
    /// File and line of the tag.
    pub file: String,
    /// Line from 1.
    pub line: usize,
    /// The filter as written.
    pub filter: String,
    /// The decision.
    pub decided: Decided,
    /// Tags that the filter looked at, best first.
    pub considered: Vec<Considered>,
    /// Fuel that the policies used.
    pub fuel: u64,
}

/// One tag that a filter looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Considered {
    /// The tag.
    pub tag: Tag,
    /// Why it was or wasn't chosen.
    pub reason: Reason,
}

/// Update or keep.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decided {
    /// The image moves.
    Update {
        /// To this tag.
        to: Tag,
        /// The filter's reason.
        reason: Reason,
    },
    /// The image stays.
    Keep(Kept),
}

/// Why a container was left alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kept {
    /// `fluxcd.io/automated` is off.
    NotAutomated,
    /// `fluxcd.io/locked` is on.
    Locked(String),
    /// `fluxcd.io/ignore` is on.
    Ignored,
    /// The filter names a container that the object does not have.
    NoSuchContainer {
        /// The containers that there are.
        known: Vec<ContainerName>,
    },
    /// The filter's annotation cannot be read.
    BadFilter(String),
    /// There is no list of tags.
    NoTags(String),
    /// The filter keeps the current image, as there is one that could not be looked at.
    Unread(String),
    /// There is no such policy, or it is of another kind.
    NoPolicy(String),
    /// The policy gave no verdict.
    PolicyFailed {
        /// The policy.
        policy: PolicyName,
        /// Stable word.
        code: String,
        /// For people.
        message: String,
    },
    /// A rule was not asked, as something that it wants to see could not be read.
    NoEvidence {
        /// The rule.
        rule: PolicyName,
        /// What, and why.
        unread: String,
    },
    /// The filter keeps the current image.
    Current(Reason),
    /// The filter accepts no tag on offer.
    NoneAcceptable(Reason),
    /// The filter wants to be asked again.
    HeldByFilter {
        /// When.
        until: Timestamp,
        /// Why.
        reason: Reason,
    },
    /// The filter's policy only looks on (`mode: shadow`).
    LooksOn {
        /// The policy.
        policy: PolicyName,
        /// What it would have chosen.
        to: Tag,
        /// Why.
        reason: Reason,
    },
    /// A promotion rule does not let the version move.
    HeldByRule {
        /// The rule.
        rule: PolicyName,
        /// Where it would have gone.
        to: Tag,
        /// `deny`, `hold`, `require-approval` or `observe`.
        verdict: String,
        /// When to ask again, where the rule says so.
        until: Option<Timestamp>,
        /// Why.
        reason: Reason,
    },
    /// The new tag cannot be written.
    Unwritable {
        /// Where it would have gone.
        to: Tag,
        /// Why.
        message: String,
    },
}

impl Kept {
    pub(super) fn policy_failed(policy: &PolicyName, code: &str, message: String) -> Self {
        Self::PolicyFailed { policy: policy.clone(), code: code.to_owned(), message }
    }
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAutomated => f.write_str("not automated"),
            Self::Locked(why) if why.is_empty() => f.write_str("locked"),
            Self::Locked(why) => write!(f, "locked by {why}"),
            Self::Ignored => f.write_str("ignored"),
            Self::NoSuchContainer { known } if known.is_empty() => {
                f.write_str("no such container: the object has no image that can be found")
            }
            Self::NoSuchContainer { known } => {
                let known: Vec<&str> = known.iter().map(ContainerName::as_str).collect();
                write!(f, "no such container; there are: {}", known.join(", "))
            }
            Self::BadFilter(message) | Self::NoTags(message) | Self::Unread(message) | Self::NoPolicy(message) => {
                f.write_str(message)
            }
            Self::PolicyFailed { policy, message, .. } => write!(f, "policy `{policy}` gave no verdict: {message}"),
            Self::NoEvidence { rule, unread } => write!(f, "rule `{rule}` was not asked: {unread}"),
            Self::Current(reason) | Self::NoneAcceptable(reason) => f.write_str(&reason.message),
            Self::HeldByFilter { until, reason } => write!(f, "hold until {until}: {}", reason.message),
            Self::LooksOn { policy, to, reason } => {
                write!(f, "policy `{policy}` looks on in shadow; it would take {to}: {}", reason.message)
            }
            Self::HeldByRule { rule, to, verdict, until, reason } => {
                write!(f, "{to}: {verdict}")?;
                if let Some(until) = until {
                    write!(f, " until {until}")?;
                }
                write!(f, " by `{rule}`: {}", reason.message)
            }
            Self::Unwritable { to, message } => write!(f, "{to} cannot be written: {message}"),
        }
    }
}
