//! Watches: the log of changes as a stream of events, one JSON line each.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::{IntoResponse, Response};
use futures::stream;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::Instant;

use super::kinds::{Resource, StorageKey};
use super::present::Presenter;
use super::refusal::Refusal;
use super::selector::Selector;
use super::server::Shared;
use super::store::{Change, Event};

/// How often a watch that asked for bookmarks gets one.
const BOOKMARKS: Duration = Duration::from_secs(30);

/// What one watch follows.
pub(super) struct Watch {
    pub(super) shared: Arc<Shared>,
    pub(super) presenter: Presenter,
    pub(super) namespace: String,
    pub(super) selector: Selector,
    /// The version after which changes are wanted.
    pub(super) position: u64,
    /// Whether bookmarks are wanted.
    pub(super) bookmarks: bool,
    pub(super) until: Option<Instant>,
    pub(super) down: watch::Receiver<bool>,
    pub(super) changed: watch::Receiver<u64>,
    /// Lines that are ready to be sent.
    pub(super) ready: VecDeque<Bytes>,
    pub(super) over: bool,
}

impl Watch {
    /// Puts the present objects in front of what changes.
    pub(super) fn start_with(&mut self, objects: &[Arc<Value>]) {
        for object in objects {
            self.send("ADDED", object);
        }
    }

    /// A bookmark that says that all objects that were there have been sent.
    pub(super) fn mark_initial_end(&mut self) {
        self.bookmark(json!({"k8s.io/initial-events-end": "true"}));
    }

    /// The endless answer.
    pub(super) fn respond(self) -> Response {
        let lines = stream::unfold(self, |mut watch| async move {
            let line = watch.next().await?;
            Some((Ok::<_, std::convert::Infallible>(line), watch))
        });
        ([("content-type", "application/json")], Body::from_stream(lines)).into_response()
    }

    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(line) = self.ready.pop_front() {
                return Some(line);
            }
            if self.over || *self.down.borrow() {
                return None;
            }
            self.changed.borrow_and_update();
            self.follow();
            if self.ready.is_empty() {
                self.wait().await;
            }
        }
    }

    /// Takes what the log has.
    fn follow(&mut self) {
        let shared = Arc::clone(&self.shared);
        let state = shared.lock();
        match state.store.since(&self.storage(), self.position) {
            Ok(events) => {
                self.position = state.store.revision().max(self.position);
                drop(state);
                for event in events {
                    self.take(&event);
                }
            }
            Err(refusal) => self.fail(&refusal),
        }
    }

    async fn wait(&mut self) {
        let far = Instant::now() + Duration::from_secs(3600);
        let bookmark = Instant::now() + BOOKMARKS;
        let until = self.until.unwrap_or(far);
        let mut due = false;
        tokio::select! {
            _ = self.changed.changed() => {}
            _ = self.down.wait_for(|down| *down) => self.over = true,
            () = tokio::time::sleep_until(until) => self.over = true,
            () = tokio::time::sleep_until(bookmark), if self.bookmarks => due = true,
        }
        if due {
            self.bookmark(json!({}));
        }
    }

    /// Sends an event as this watch sees it: an object that leaves its selection is deleted for it.
    fn take(&mut self, event: &Event) {
        let in_namespace = self.namespace.is_empty() || super::object::namespace(&event.object) == self.namespace;
        if !in_namespace {
            return;
        }
        let before = event.previous.as_ref().is_some_and(|object| self.selector.matches(object));
        let after = event.change != Change::Deleted && self.selector.matches(&event.object);
        match (before, after) {
            (false, true) => self.send("ADDED", &event.object),
            (true, true) => self.send("MODIFIED", &event.object),
            (true, false) => self.send("DELETED", &event.object),
            (false, false) => {}
        }
    }

    fn send(&mut self, kind: &str, object: &Arc<Value>) {
        let object = self.presenter.object(object);
        self.line(&json!({"type": kind, "object": object}));
    }

    fn fail(&mut self, refusal: &Refusal) {
        self.line(&json!({"type": "ERROR", "object": refusal.status()}));
        self.over = true;
    }

    fn bookmark(&mut self, annotations: Value) {
        let resource = self.resource();
        let version = resource.api_version(&self.presenter.version);
        let mut metadata = json!({"resourceVersion": self.position.to_string(), "creationTimestamp": null});
        if annotations.as_object().is_some_and(|map| !map.is_empty()) {
            super::object::map_at(&mut metadata, &[]).insert("annotations".into(), annotations);
        }
        let object = json!({"kind": resource.kind, "apiVersion": version, "metadata": metadata});
        self.line(&json!({"type": "BOOKMARK", "object": object}));
    }

    fn line(&mut self, event: &Value) {
        self.ready.push_back(Bytes::from(format!("{event}\n")));
    }

    fn resource(&self) -> Arc<Resource> {
        Arc::clone(&self.presenter.resource)
    }

    fn storage(&self) -> StorageKey {
        self.presenter.resource.storage()
    }
}
