//! Wake-ups: something of a kind changed, look again.
//!
//! A wake-up carries no data. What changed is read by the pass that it wakes.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use http_body_util::BodyExt as _;
use serde_json::Value;
use tokio::task::JoinHandle;

use super::WATCH_LINE_LIMIT;
use super::client::{Call, Cluster, judge, malformed};
use super::error::Kind;
use super::objects::{METADATA_LIST, query};

/// The server ends each watch after this time, so that a connection that died in silence is noticed.
const WATCH_SECONDS: &str = "290";
/// When nothing came for this long the connection is given up.
const SILENCE_LIMIT: Duration = Duration::from_secs(310);
const FIRST_BACK_OFF: Duration = Duration::from_secs(1);
const LONGEST_BACK_OFF: Duration = Duration::from_secs(60);
const METADATA: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";

/// A running watch; it ends when this is dropped.
#[derive(Debug)]
pub struct Watch {
    task: JoinHandle<()>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Cluster {
    /// Calls `wake` whenever an object of one of these kinds (`apiVersion`, `kind`) changes, in any namespace.
    ///
    /// Survives disconnects and kinds that come later, with back-off; a gap in what was seen is a wake-up too.
    /// `wake` must not block.
    pub fn watch(&self, kinds: &[(&str, &str)], wake: impl Fn() + Send + Sync + 'static) -> Watch {
        let wake: Arc<dyn Fn() + Send + Sync> = Arc::new(wake);
        let watches: Vec<_> = kinds
            .iter()
            .map(|(api_version, kind)| {
                let one = One {
                    cluster: self.clone(),
                    api_version: (*api_version).to_owned(),
                    kind: (*kind).to_owned(),
                    wake: Arc::clone(&wake),
                };
                one.run()
            })
            .collect();
        let task = tokio::spawn(async move {
            join_all(watches).await;
        });
        Watch { task }
    }
}

struct One {
    cluster: Cluster,
    api_version: String,
    kind: String,
    wake: Arc<dyn Fn() + Send + Sync>,
}

/// Where the stream stands.
#[derive(Default)]
struct Position {
    /// The version to go on from; `None` when it has to be asked for.
    resource_version: Option<String>,
    /// Whether a stream stood before, so that changes may have been missed.
    was_connected: bool,
    /// Whether the last stream brought anything.
    heard: bool,
}

impl One {
    async fn run(self) {
        let mut position = Position::default();
        let mut back_off = FIRST_BACK_OFF;
        loop {
            position.heard = false;
            let ended = self.stream(&mut position).await;
            if position.heard {
                back_off = FIRST_BACK_OFF;
            }
            match ended {
                // The server ends streams by itself; going on at once is fine if it said anything.
                Ok(()) if position.heard => continue,
                Ok(()) => {}
                Err(error) => {
                    let text = rhumb_core::chain::chain(&error);
                    tracing::debug!(kind = self.kind, error = text, "lost a watch");
                }
            }
            tokio::time::sleep(back_off).await;
            back_off = (back_off * 2).min(LONGEST_BACK_OFF);
        }
    }

    async fn stream(&self, position: &mut Position) -> Result<(), Kind> {
        let path = self.cluster.list_path(&self.api_version, &self.kind, None).await?;
        let from = match position.resource_version.clone() {
            Some(version) => version,
            None => {
                let call = Call { accept: METADATA_LIST, ..Call::get(format!("{path}?limit=1")) };
                let list = self.cluster.json(call).await?;
                let version = list.pointer("/metadata/resourceVersion").and_then(Value::as_str).unwrap_or("0");
                if position.was_connected {
                    (self.wake)();
                }
                version.to_owned()
            }
        };
        position.resource_version = Some(from.clone());
        position.was_connected = true;
        let pairs = [
            ("watch", "true"),
            ("allowWatchBookmarks", "true"),
            ("timeoutSeconds", WATCH_SECONDS),
            ("resourceVersion", from.as_str()),
        ];
        let call = Call { accept: METADATA, ..Call::get(format!("{path}?{}", query(&pairs))) };
        let response = tokio::time::timeout(SILENCE_LIMIT, self.cluster.send(&call))
            .await
            .unwrap_or(Err(Kind::Timeout { limit: SILENCE_LIMIT }))?;
        if let Err(kind) = judge(response.status(), response.headers(), b"") {
            // 410: the version is too old, so begin anew.
            position.resource_version = None;
            return Err(kind);
        }
        self.lines(response.into_body(), position).await
    }

    async fn lines(&self, mut body: kube::client::Body, position: &mut Position) -> Result<(), Kind> {
        let mut pending: Vec<u8> = Vec::new();
        loop {
            let frame = tokio::time::timeout(SILENCE_LIMIT, body.frame())
                .await
                .map_err(|_| Kind::Timeout { limit: SILENCE_LIMIT })?;
            let Some(frame) = frame else { return Ok(()) };
            let frame = frame.map_err(|error| Kind::Unreachable(Box::new(error)))?;
            let Ok(chunk) = frame.into_data() else { continue };
            pending.extend_from_slice(&chunk);
            let mut rest = pending.as_slice();
            while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                let (line, after) = rest.split_at(end);
                rest = after.get(1..).unwrap_or_default();
                self.line(line, position)?;
            }
            pending = rest.to_vec();
            if pending.len() > WATCH_LINE_LIMIT {
                return Err(Kind::TooLarge { limit: WATCH_LINE_LIMIT });
            }
        }
    }

    fn line(&self, line: &[u8], position: &mut Position) -> Result<(), Kind> {
        if line.iter().all(u8::is_ascii_whitespace) {
            return Ok(());
        }
        let event: Value = serde_json::from_slice(line).map_err(|error| malformed(&error))?;
        match event.get("type").and_then(Value::as_str) {
            Some("ERROR") => {
                position.resource_version = None;
                Err(malformed(&event.pointer("/object/message").and_then(Value::as_str).unwrap_or("watch failed")))
            }
            kind => {
                position.heard = true;
                if let Some(version) = event.pointer("/object/metadata/resourceVersion").and_then(Value::as_str) {
                    position.resource_version = Some(version.to_owned());
                }
                if kind != Some("BOOKMARK") {
                    (self.wake)();
                }
                Ok(())
            }
        }
    }
}
