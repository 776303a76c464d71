//! The connection and one request over it.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::header::{ACCEPT, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use kube::client::Body;
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::Value;
use tokio::time::Instant;

use super::BODY_LIMIT;
use super::discovery::Discovery;
use super::error::{Error, Kind};
use super::release::Waits;
use super::term::Term;

/// Bound of one request, its body and what the server has it wait included. Watches have their own.
const TIMEOUT: Duration = Duration::from_secs(60);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Shortest wait when the server asks to slow down, whatever it says.
const THROTTLED_PAUSE: Duration = Duration::from_secs(1);
/// How often a request is sent again that met another one, and the first pause, doubled with each.
const CONFLICTS: (u32, Duration) = (4, Duration::from_millis(50));
const AGENT: &str = concat!("rhumb/", env!("CARGO_PKG_VERSION"));

/// How to reach a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Connection {
    /// A kubeconfig file; its current context is used.
    KubeconfigFile(PathBuf),
    /// The text of a kubeconfig.
    KubeconfigText(String),
    /// What `kubectl` would use: a file or else `KUBECONFIG` or else `~/.kube/config`, and a context or else the current.
    User {
        /// The file.
        kubeconfig: Option<PathBuf>,
        /// The context.
        context: Option<String>,
    },
    /// The service account of the pod that we run in.
    InCluster,
}

/// A cluster. Cheap to clone; clones share the connection and what was discovered.
#[derive(Clone)]
pub struct Cluster {
    client: kube::Client,
    /// When it may write.
    term: Term,
    /// What it calls itself.
    agent: &'static str,
    pub(super) discovery: Arc<Discovery>,
    pub(super) waits: Arc<Waits>,
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cluster(…)")
    }
}

/// What to send.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) method: Method,
    /// Path and query.
    pub(super) path: String,
    pub(super) accept: &'static str,
    pub(super) body: Option<(&'static str, Value)>,
}

impl Call {
    pub(super) fn get(path: impl Into<String>) -> Self {
        Self { method: Method::GET, path: path.into(), accept: JSON, body: None }
    }

    pub(super) fn with_body(method: Method, path: impl Into<String>, kind: &'static str, body: Value) -> Self {
        Self { method, path: path.into(), accept: JSON, body: Some((kind, body)) }
    }
}

pub(super) const JSON: &str = "application/json";

impl Cluster {
    /// Reads the configuration; the cluster is not asked yet.
    pub async fn connect(connection: Connection) -> Result<Self, Error> {
        let attempt = "connect to the cluster";
        let wrong = |error: Box<dyn std::error::Error + Send + Sync>| Kind::Configuration(error).at(attempt, "");
        let config = match &connection {
            Connection::InCluster => kube::Config::incluster().map_err(|error| wrong(error.into()))?,
            Connection::KubeconfigFile(_) | Connection::KubeconfigText(_) | Connection::User { .. } => {
                let kubeconfig = match &connection {
                    Connection::KubeconfigText(text) => Kubeconfig::from_yaml(text),
                    Connection::KubeconfigFile(path) | Connection::User { kubeconfig: Some(path), .. } => {
                        Kubeconfig::read_from(path)
                    }
                    Connection::User { kubeconfig: None, .. } => Kubeconfig::read(),
                    Connection::InCluster => Ok(Kubeconfig::default()),
                };
                let kubeconfig = kubeconfig.map_err(|error| wrong(error.into()))?;
                let context = match &connection {
                    Connection::User { context, .. } => context.clone(),
                    _ => None,
                };
                let options = KubeConfigOptions { context, ..KubeConfigOptions::default() };
                kube::Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(|error| wrong(error.into()))?
            }
        };
        // Retries are the next pass; the library's own would hide a throttled cluster for minutes.
        let mut config = config;
        config.default_retry = false;
        config.connect_timeout = Some(CONNECT_TIMEOUT);
        let client = kube::Client::try_from(config).map_err(|error| wrong(error.into()))?;
        Ok(Self::over(client))
    }

    /// Speaks over a client that is made already, such as one over an API in this process.
    pub fn over(client: kube::Client) -> Self {
        let term = Term::endless();
        Self { client, term, agent: AGENT, discovery: Arc::new(Discovery::default()), waits: Arc::default() }
    }

    /// The same cluster, written to only within this term.
    #[must_use]
    pub fn within(&self, term: Term) -> Self {
        Self { term, ..self.clone() }
    }

    /// The same cluster, asked under another name.
    pub(super) fn called(self, agent: &'static str) -> Self {
        Self { agent, ..self }
    }

    /// The term within which it is written to.
    pub fn term(&self) -> &Term {
        &self.term
    }

    /// The client itself, for what is not a request and an answer.
    pub(super) fn client(&self) -> kube::Client {
        self.client.clone()
    }

    /// Sends and reads one JSON answer.
    pub(super) async fn json(&self, call: Call) -> Result<Value, Kind> {
        self.json_with_status(call).await.map(|(_, value)| value)
    }

    /// The same with the status, which tells a creation from a change.
    ///
    /// A server that is too busy, or at which two writers met, has done nothing, so the same is sent again: after the time
    /// that it asks for, or a few times shortly after. A write that depends on a version fails each time.
    pub(super) async fn json_with_status(&self, call: Call) -> Result<(StatusCode, Value), Kind> {
        let deadline = Instant::now() + TIMEOUT;
        let mut n_conflicts = 0;
        loop {
            let answer = tokio::time::timeout_at(deadline, self.answer(&call)).await;
            let kind = match answer.unwrap_or(Err(Kind::Timeout { limit: TIMEOUT })) {
                Err(kind) => kind,
                done => return done,
            };
            let pause = match kind {
                Kind::Throttled { retry_after } => retry_after.unwrap_or_default().max(THROTTLED_PAUSE),
                Kind::Conflict { .. } if n_conflicts < CONFLICTS.0 => {
                    n_conflicts += 1;
                    CONFLICTS.1 * 2_u32.pow(n_conflicts - 1)
                }
                other => return Err(other),
            };
            if Instant::now() + pause >= deadline {
                return Err(kind);
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// One answer; to what changes something only within the term.
    async fn answer(&self, call: &Call) -> Result<(StatusCode, Value), Kind> {
        if call.method == Method::GET {
            return self.read_answer(call).await;
        }
        tokio::select! {
            biased;
            () = self.term.over() => Err(Kind::NotLeading),
            answer = self.read_answer(call) => answer,
        }
    }

    async fn read_answer(&self, call: &Call) -> Result<(StatusCode, Value), Kind> {
        let (status, headers, body) = match self.exchange(call).await {
            // The connection broke, and asking twice does no harm.
            Err(Kind::Unreachable(_)) if call.method == Method::GET => self.exchange(call).await?,
            other => other?,
        };
        judge(status, &headers, &body)?;
        let value = serde_json::from_slice(&body).map_err(|error| malformed(&error))?;
        Ok((status, value))
    }

    async fn exchange(&self, call: &Call) -> Result<(StatusCode, HeaderMap, Vec<u8>), Kind> {
        let response = self.send(call).await?;
        let (parts, mut body) = response.into_parts();
        let mut data = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| Kind::Unreachable(Box::new(error)))?;
            if let Ok(chunk) = frame.into_data() {
                if data.len() + chunk.len() > BODY_LIMIT {
                    return Err(Kind::TooLarge { limit: BODY_LIMIT });
                }
                data.extend_from_slice(&chunk);
            }
        }
        Ok((parts.status, parts.headers, data))
    }

    /// Sends and returns when the headers are here.
    pub(super) async fn send(&self, call: &Call) -> Result<Response<Body>, Kind> {
        let mut builder = Request::builder()
            .method(call.method.clone())
            .uri(&call.path)
            .header(USER_AGENT, self.agent)
            .header(ACCEPT, call.accept);
        let body = match &call.body {
            Some((content_type, value)) => {
                builder = builder.header(CONTENT_TYPE, *content_type);
                Body::from(value.to_string().into_bytes())
            }
            None => Body::empty(),
        };
        let request = builder.body(body).map_err(|error| malformed(&error))?;
        self.client.send(request).await.map_err(|error| Kind::Unreachable(Box::new(error)))
    }
}

/// Sorts a bad status into a kind, with the server's own words.
pub(super) fn judge(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Result<(), Kind> {
    if status.is_success() {
        return Ok(());
    }
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |key: &str| answer.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let message = match text("message") {
        empty if empty.is_empty() => String::from_utf8_lossy(body.get(..200).unwrap_or(body)).trim().to_owned(),
        message => rhumb_core::chain::cut(&message, 2048),
    };
    let seconds = answer.pointer("/details/retryAfterSeconds").and_then(Value::as_u64).filter(|seconds| *seconds > 0);
    let retry_after = crate::web::retry_after(headers).or(seconds.map(Duration::from_secs));
    Err(match status.as_u16() {
        400 | 413 | 415 | 422 => Kind::Invalid { message },
        401 | 403 => Kind::Refused { message },
        404 => Kind::NotFound,
        409 if text("reason") == "AlreadyExists" => Kind::AlreadyExists,
        409 => Kind::Conflict { message },
        429 => Kind::Throttled { retry_after },
        503 if retry_after.is_some() => Kind::Throttled { retry_after },
        status => Kind::Server { status, message },
    })
}

pub(super) fn malformed(why: &dyn fmt::Display) -> Kind {
    Kind::Malformed(rhumb_core::chain::cut(&why.to_string(), 200))
}
