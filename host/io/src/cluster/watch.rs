//! Following the objects of a kind: everything there is, then every change.
//!
//! Survives disconnects, places that are too old and kinds that come later, with back-off. After any gap everything is
//! told anew, so whoever listens never misses a change.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt as _;
use serde_json::Value;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use super::WATCH_LINE_LIMIT;
use super::client::{Call, Cluster, JSON, judge, malformed};
use super::error::{Error, Kind};
use super::objects::{List, METADATA, METADATA_LIST, query};

/// The server ends each watch after this time, so that a connection that died in silence is noticed.
const WATCH_SECONDS: &str = "290";
/// When nothing came for this long the connection is given up.
const SILENCE_LIMIT: Duration = Duration::from_secs(310);
const FIRST_BACK_OFF: Duration = Duration::from_millis(500);
const LONGEST_BACK_OFF: Duration = Duration::from_secs(60);

/// Which objects to follow.
#[derive(Clone, Debug)]
pub struct Selection {
    /// Such as `apps/v1`.
    pub api_version: String,
    /// Such as `Deployment`.
    pub kind: String,
    /// A label selector; `None` takes all.
    pub labels: Option<&'static str>,
    /// How much of each.
    pub part: Part,
    /// Where to begin.
    pub start: Start,
}

/// Where following begins, and where it goes on after a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// With everything there is.
    All,
    /// With what changes from now on.
    Now,
}

/// How much of an object is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// `metadata` only.
    Metadata,
    /// All of it.
    Whole,
}

/// What is told to whoever follows.
#[derive(Clone, Debug)]
pub enum News {
    /// What changes is told from now on; what changed before may have been missed.
    Gap,
    /// Everything there is; what was known before and is not in it is gone.
    All(Vec<Value>),
    /// An object came or changed.
    Changed(Value),
    /// An object is gone.
    Deleted(Value),
}

/// A running watch; it ends when this is dropped.
#[derive(Debug)]
pub struct Watch {
    task: JoinHandle<()>,
    asked: watch::Sender<u64>,
    answered: watch::Receiver<Answered>,
    /// Ends a back-off.
    soon: Arc<Notify>,
}

/// How far the last list came.
#[derive(Clone, Debug, Default)]
struct Answered {
    /// Which asking it answers.
    asking: u64,
    /// Whether there was a list at all so far.
    listed: bool,
    /// Why the last one failed, or the watch after it.
    error: Option<String>,
    /// How many lists succeeded, and how many failed.
    lists: (u64, u64),
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Watch {
    /// Lists everything anew and returns when it was told: what was written before the call is known after it.
    pub async fn refresh(&self) -> Result<(), String> {
        let mut wanted = 0;
        self.asked.send_modify(|asked| {
            *asked += 1;
            wanted = *asked;
        });
        self.answer(|answered| answered.asking >= wanted).await
    }

    /// Returns when there was a first list. A watch that is broken is begun anew at once and not at the end of its
    /// back-off; the error says why it cannot be listed. What was listed since then is current, whatever becomes of the
    /// watch after it.
    pub async fn listed(&self) -> Result<(), String> {
        let known = self.answer(|answered| answered.listed || answered.error.is_some()).await;
        if known.is_ok() {
            return known;
        }
        let (good, bad) = self.answered.borrow().lists;
        self.soon.notify_one();
        let mut answered = self.answered.clone();
        match answered.wait_for(|answered| answered.lists != (good, bad)).await {
            Ok(answered) if answered.lists.0 > good => Ok(()),
            Ok(answered) => Err(answered.error.clone().unwrap_or_default()),
            Err(_) => Err("the watch has ended".to_owned()),
        }
    }

    /// Whether everything was told, and changes are.
    pub fn is_live(&self) -> bool {
        let answered = self.answered.borrow();
        answered.listed && answered.error.is_none()
    }

    async fn answer(&self, is_it: impl FnMut(&Answered) -> bool) -> Result<(), String> {
        let mut answered = self.answered.clone();
        match answered.wait_for(is_it).await {
            Ok(answered) => answered.error.clone().map_or(Ok(()), Err),
            Err(_) => Err("the watch has ended".to_owned()),
        }
    }
}

impl Cluster {
    /// Tells `hear` of the objects of a kind, in all namespaces. `hear` must not block.
    pub fn follow(&self, selection: Selection, hear: impl FnMut(News) + Send + 'static) -> Watch {
        let (asked, asking) = watch::channel(0);
        let (answers, answered) = watch::channel(Answered::default());
        let soon = Arc::new(Notify::new());
        let waken = Arc::clone(&soon);
        let follower = Follower { cluster: self.clone(), selection, hear: Box::new(hear), asking, answers, waken };
        Watch { task: tokio::spawn(follower.run()), asked, answered, soon }
    }
}

struct Follower {
    cluster: Cluster,
    selection: Selection,
    hear: Box<dyn FnMut(News) + Send>,
    asking: watch::Receiver<u64>,
    answers: watch::Sender<Answered>,
    waken: Arc<Notify>,
}

impl Follower {
    async fn run(mut self) {
        // The version to go on from; `None` when everything has to be told anew.
        let mut place: Option<String> = None;
        let mut back_off = FIRST_BACK_OFF;
        loop {
            let mut asking = self.asking.clone();
            asking.borrow_and_update();
            let step = async {
                let from = match place.take() {
                    Some(from) => from,
                    None => self.list().await?,
                };
                self.stream(from).await
            };
            let ended = tokio::select! {
                ended = step => Some(ended),
                // Somebody wants to be sure: begin anew.
                Ok(()) = asking.changed() => None,
            };
            match ended {
                None => continue,
                // The server ends streams by itself; going on at once is fine if it said anything.
                Some(Ok(Ended { place: at, how: How::Heard })) => {
                    (place, back_off) = (at, FIRST_BACK_OFF);
                    continue;
                }
                Some(Ok(Ended { place: at, how: How::Throttled(pause) })) => {
                    place = at;
                    back_off = back_off.max(pause.unwrap_or_default());
                }
                // A server that says nothing for so long may not know the place, as after etcd was restored.
                Some(Ok(Ended { how: How::Silent, .. })) => {}
                Some(Err(error)) => {
                    let error = rhumb_core::chain::chain(&error);
                    tracing::debug!(kind = self.selection.kind, error, "lost a watch");
                    self.answers.send_modify(|answered| answered.error = Some(error));
                }
            }
            tokio::select! {
                () = tokio::time::sleep(back_off) => {}
                () = self.waken.notified() => {}
                Ok(()) = self.asking.changed() => {}
            }
            back_off = (back_off * 2).min(LONGEST_BACK_OFF);
        }
    }

    /// Tells everything there is; returns the version to go on from.
    async fn list(&mut self) -> Result<String, Error> {
        let asking = *self.asking.borrow_and_update();
        let begun = match self.selection.start {
            Start::All => self.all().await,
            Start::Now => self.now().await.map(|version| (News::Gap, version)),
        };
        let error = begun.as_ref().err().map(|error| rhumb_core::chain::chain(error));
        let version = begun.map(|(news, version)| {
            (self.hear)(news);
            version
        });
        self.answers.send_modify(|answered| {
            let listed = answered.listed || error.is_none();
            let (good, bad) = answered.lists;
            let lists = if error.is_none() { (good + 1, bad) } else { (good, bad + 1) };
            *answered = Answered { asking, listed, error, lists };
        });
        version
    }

    async fn all(&mut self) -> Result<(News, String), Error> {
        let Selection { api_version, kind, labels, part, .. } = &self.selection;
        let accept = if *part == Part::Metadata { METADATA_LIST } else { JSON };
        let list = List { api_version, kind, namespace: None, selector: *labels, accept };
        self.cluster.list_at(&list).await.map(|(items, version)| (News::All(items), version))
    }

    /// The version of the kind, without its objects.
    async fn now(&mut self) -> Result<String, Error> {
        let Selection { api_version, kind, .. } = &self.selection;
        let run = async {
            let path = self.cluster.list_path(api_version, kind, None).await?;
            let call = Call { accept: METADATA_LIST, ..Call::get(format!("{path}?limit=1")) };
            self.cluster.collected(self.cluster.json(call).await, api_version, kind)
        };
        let list = run.await.map_err(|error| error.at("watch", format!("{api_version}/{kind}")))?;
        let version = list.pointer("/metadata/resourceVersion").and_then(Value::as_str).unwrap_or("0");
        Ok(version.to_owned())
    }

    async fn stream(&mut self, from: String) -> Result<Ended, Error> {
        let subject = format!("{}/{}", self.selection.api_version, self.selection.kind);
        let mut ended = Ended { place: Some(from), how: How::Silent };
        match self.events(&mut ended).await {
            Ok(()) => Ok(ended),
            // It was not even begun.
            Err(Kind::Throttled { retry_after }) => Ok(Ended { how: How::Throttled(retry_after), ..ended }),
            Err(kind) => Err(kind.at("watch", subject)),
        }
    }

    async fn events(&mut self, ended: &mut Ended) -> Result<(), Kind> {
        let path = self.cluster.list_path(&self.selection.api_version, &self.selection.kind, None).await?;
        let from = ended.place.clone();
        let mut pairs = vec![
            ("watch", "true"),
            ("allowWatchBookmarks", "true"),
            ("timeoutSeconds", WATCH_SECONDS),
            ("resourceVersion", from.as_deref().unwrap_or("0")),
        ];
        pairs.extend(self.selection.labels.map(|labels| ("labelSelector", labels)));
        let accept = if self.selection.part == Part::Metadata { METADATA } else { JSON };
        let call = Call { accept, ..Call::get(format!("{path}?{}", query(&pairs))) };
        let response = tokio::time::timeout(SILENCE_LIMIT, self.cluster.send(&call))
            .await
            .unwrap_or(Err(Kind::Timeout { limit: SILENCE_LIMIT }))?;
        // 410, the version is too old, is an error like others: all of them begin anew.
        judge(response.status(), response.headers(), b"")?;
        let mut body = response.into_body();
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
                self.event(line, ended)?;
            }
            pending = rest.to_vec();
            if pending.len() > WATCH_LINE_LIMIT {
                return Err(Kind::TooLarge { limit: WATCH_LINE_LIMIT });
            }
        }
    }

    fn event(&mut self, line: &[u8], ended: &mut Ended) -> Result<(), Kind> {
        if line.iter().all(u8::is_ascii_whitespace) {
            return Ok(());
        }
        let mut event: Value = serde_json::from_slice(line).map_err(|error| malformed(&error))?;
        let object = event.get_mut("object").map(Value::take).unwrap_or_default();
        let kind = event.get("type").and_then(Value::as_str).unwrap_or_default();
        if kind == "ERROR" {
            let message = object.get("message").and_then(Value::as_str).unwrap_or("watch failed");
            return Err(malformed(&message));
        }
        ended.how = How::Heard;
        if let Some(version) = object.pointer("/metadata/resourceVersion").and_then(Value::as_str) {
            ended.place = Some(version.to_owned());
        }
        match kind {
            "ADDED" | "MODIFIED" => (self.hear)(News::Changed(object)),
            "DELETED" => (self.hear)(News::Deleted(object)),
            _ => {}
        }
        Ok(())
    }
}

/// How a stream ended that the server ended.
struct Ended {
    /// The version to go on from.
    place: Option<String>,
    how: How,
}

enum How {
    /// It brought something; a healthy server sends a bookmark each minute.
    Heard,
    /// It brought nothing.
    Silent,
    /// The server asks to come again, perhaps after this time.
    Throttled(Option<Duration>),
}
