//! Conditions as HelmReleases carry them: type, status, reason and message.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::chain::{CONDITION_LIMIT, cut};
use crate::id::Timestamp;

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

/// Sets one condition of a status; its times change only when it says something else than before.
pub fn set_condition(status: &mut Map<String, Value>, condition: &Condition, now: Timestamp) {
    let list = status.entry("conditions").or_insert_with(|| json!([]));
    let Some(list) = list.as_array_mut() else { return };
    let place = list.iter().position(|c| c.get("type").and_then(Value::as_str) == Some(condition.r#type));
    let before = place.and_then(|place| list.get(place)).cloned();
    let had = |key: &str| before.as_ref().and_then(|before| before.get(key)).and_then(Value::as_str);
    let same = had("status") == Some(condition.status.as_str());
    if same && had("reason") == Some(condition.reason) && had("message") == Some(condition.message.as_str()) {
        return;
    }
    let now = now.to_string();
    let since = had("lastTransitionTime").filter(|_| same).unwrap_or(&now);
    let new = json!({
        "type": condition.r#type,
        "status": condition.status.as_str(),
        "reason": condition.reason,
        "message": condition.message,
        "lastUpdateTime": now,
        "lastTransitionTime": since,
    });
    match place.and_then(|place| list.get_mut(place)) {
        Some(entry) => *entry = new,
        None => list.push(new),
    }
}
