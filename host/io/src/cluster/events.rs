//! Kubernetes events: what `kubectl describe` shows.

use rhumb_core::chain::cut;
use rhumb_core::id::{Digest, Timestamp};
use serde_json::json;

use super::client::Cluster;
use super::error::{Error, Kind};
use super::key::Key;

/// Longest message that the API takes.
const MESSAGE_LIMIT: usize = 1024;

/// Whether something is as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventType {
    /// It is.
    Normal,
    /// It is not.
    Warning,
}

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Which object it is about.
    pub about: Key,
    /// `metadata.uid` of the object, so that the event ends with it; empty when unknown.
    pub uid: String,
    /// Whether it is good.
    pub event_type: EventType,
    /// One word in camel case, such as `ReleaseSynced`.
    pub reason: String,
    /// For people; cut to 1,024 bytes.
    pub message: String,
    /// When it happened.
    pub now: Timestamp,
}

impl Cluster {
    /// Records an event. The same event at the same time is recorded once.
    pub async fn event(&self, event: &Event) -> Result<(), Error> {
        let namespace = event.about.namespace.as_deref().unwrap_or("default");
        let parts = [event.about.to_string(), event.reason.clone(), event.message.clone(), event.now.0.to_string()];
        let unique = Digest::of_parts(parts.iter().map(String::as_bytes));
        let name = event.about.name.get(..200).unwrap_or(&event.about.name);
        let time = event.now.to_string();
        let object = json!({
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": { "name": format!("{name}.{}", unique.short()), "namespace": namespace },
            "involvedObject": {
                "apiVersion": event.about.api_version,
                "kind": event.about.kind,
                "namespace": event.about.namespace,
                "name": event.about.name,
                "uid": event.uid,
            },
            "type": match event.event_type { EventType::Normal => "Normal", EventType::Warning => "Warning" },
            "reason": event.reason,
            "message": cut(&event.message, MESSAGE_LIMIT),
            "source": { "component": "rhumb" },
            "firstTimestamp": time,
            "lastTimestamp": time,
            "count": 1,
        });
        match self.create(&object).await {
            Err(error) if matches!(*error.kind, Kind::AlreadyExists) => Ok(()),
            other => other.map(|_| ()),
        }
    }
}
