//! Conditions as HelmReleases carry them: type, status, reason and message.

use serde::Serialize;

use crate::chain::{CONDITION_LIMIT, cut};

/// `True`, `False` or `Unknown`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Truth {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// Not known yet.
    Unknown,
}

impl Truth {
    /// As Kubernetes spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

/// One condition, without times: those are written when its status changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Condition {
    /// Such as `Released`.
    pub r#type: &'static str,
    /// Whether it holds.
    pub status: Truth,
    /// One word in camel case.
    pub reason: &'static str,
    /// For people, at most 1,024 bytes.
    pub message: String,
}

impl Condition {
    /// A condition with its message cut to size.
    pub fn new(r#type: &'static str, status: Truth, reason: &'static str, message: &str) -> Self {
        Self { r#type, status, reason, message: cut(message, CONDITION_LIMIT) }
    }
}
