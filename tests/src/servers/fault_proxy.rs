//! A proxy in front of a real server that does to it what networks, load balancers and busy servers do: answers of its
//! own, delays, bodies that drip or end too soon, streams that break.
//!
//! What no rule takes goes through as it is, streams included. Everything is noted, so that a test can count.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use futures::{StreamExt as _, TryStreamExt as _};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::tls::Tls;

/// Largest request that is taken.
const REQUEST_LIMIT: usize = 64 * 1024 * 1024;

/// Methods that look.
pub const READS: &[&str] = &["GET", "HEAD"];
/// Methods that change something.
pub const WRITES: &[&str] = &["POST", "PUT", "PATCH", "DELETE"];
/// All methods.
pub const ALL: &[&str] = &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

/// What is done to a request.
#[derive(Clone, Debug)]
pub enum Fault {
    /// The proxy answers itself; the server is not asked.
    Answer {
        /// The status.
        status: u16,
        /// More headers.
        headers: Vec<(&'static str, String)>,
        /// The body.
        body: String,
    },
    /// The server is asked after this time.
    Delay(Duration),
    /// The server's answer comes byte by byte, with this pause between them.
    Drip(Duration),
    /// Of the server's answer so many bytes come, as if it were whole.
    Cut(usize),
}

impl Fault {
    /// An answer with nothing to say but its status.
    pub fn status(status: u16) -> Self {
        Self::Answer { status, headers: Vec::new(), body: String::new() }
    }

    /// 429 with `Retry-After`.
    pub fn slow_down(seconds: u64) -> Self {
        Self::Answer { status: 429, headers: vec![("retry-after", seconds.to_string())], body: String::new() }
    }

    /// An answer as the Kubernetes API gives it when it refuses something.
    pub fn of_api(status: u16, reason: &str) -> Self {
        let body = json!({
            "apiVersion": "v1", "kind": "Status", "status": "Failure", "code": status, "reason": reason,
            "message": format!("{reason}, says the proxy"),
        });
        Self::Answer { status, headers: vec![("content-type", "application/json".to_owned())], body: body.to_string() }
    }
}

/// Which of the requests that fit are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// All of them.
    Each,
    /// The first so many.
    First(usize),
    /// The second, the fourth …
    EverySecond,
    /// The first of each method and path without query.
    FirstOfEach,
}

/// What is done to which requests.
#[derive(Clone, Debug)]
pub struct Rule {
    methods: &'static [&'static str],
    /// What path and query contain.
    part: String,
    turn: Turn,
    fault: Fault,
    /// Requests that fitted so far, as method and path.
    fitted: Vec<(String, String)>,
}

impl Rule {
    /// A rule for requests of these methods with this in path and query.
    pub fn new(methods: &'static [&'static str], part: &str, turn: Turn, fault: Fault) -> Self {
        Self { methods, part: part.to_owned(), turn, fault, fitted: Vec::new() }
    }

    fn take(&mut self, method: &str, target: &str) -> Option<Fault> {
        if !self.methods.contains(&method) || !target.contains(&self.part) {
            return None;
        }
        let path = target.split('?').next().unwrap_or_default();
        let request = (method.to_owned(), path.to_owned());
        let taken = match self.turn {
            Turn::Each => true,
            Turn::First(n) => self.fitted.len() < n,
            Turn::EverySecond => self.fitted.len() % 2 == 1,
            Turn::FirstOfEach => !self.fitted.contains(&request),
        };
        self.fitted.push(request);
        taken.then(|| self.fault.clone())
    }
}

/// A request that came.
#[derive(Clone, Debug)]
pub struct Seen {
    /// When.
    pub at: Instant,
    /// The method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Whether a rule took it.
    pub faulted: bool,
}

impl Seen {
    /// The path without the query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }
}

/// A running proxy.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    ca: String,
    front: Front,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Clone, Debug)]
struct Front {
    server: String,
    client: reqwest::Client,
    state: Arc<Mutex<Shared>>,
    breaks: Arc<watch::Sender<u64>>,
}

#[derive(Debug, Default)]
struct Shared {
    rules: Vec<Rule>,
    seen: Vec<Seen>,
}

impl FaultProxy {
    /// Stands before a server that speaks in the clear, such as `http://127.0.0.1:5000`, and does so too.
    ///
    /// # Panics
    ///
    /// When it cannot be set up.
    pub async fn in_the_clear(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let front = Front::new(server, Vec::new());
        let app = Router::new().fallback(serve).with_state(front.clone());
        let task = tokio::spawn(async move {
            let _ = axum::serve(listener, app).await;
        });
        Self { address, ca: String::new(), front, task }
    }

    /// Stands before a server that speaks TLS with a certificate of this file, and does so too, with one of its own.
    ///
    /// # Panics
    ///
    /// When it cannot be set up.
    pub async fn with_tls(server: &str, certificates: &Path) -> Self {
        let pem = fs::read(certificates).expect("the certificates can be read");
        let trusted = CertificateDer::pem_slice_iter(&pem).map(|one| one.expect("they are certificates")).collect();
        let front = Front::new(server, trusted);
        let (listener, ca) = Tls::bind().await;
        let address = listener.address();
        let app = Router::new().fallback(serve).with_state(front.clone());
        let task = tokio::spawn(async move {
            let _ = axum::serve(listener, app).await;
        });
        Self { address, ca, front, task }
    }

    /// `127.0.0.1:<port>`.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// The authority that signed its certificate, in PEM; empty in the clear.
    pub fn ca(&self) -> &str {
        &self.ca
    }

    /// Puts these rules in place of the ones before, and forgets what came so far. The first that takes a request counts.
    pub fn set(&self, rules: impl IntoIterator<Item = Rule>) {
        *self.front.lock() = Shared { rules: rules.into_iter().collect(), seen: Vec::new() };
    }

    /// Lets everything through, and gives what came under the rules before.
    pub fn clear(&self) -> Vec<Seen> {
        std::mem::take(&mut *self.front.lock()).seen
    }

    /// What came since the rules were set.
    pub fn seen(&self) -> Vec<Seen> {
        self.front.lock().seen.clone()
    }

    /// How many requests rules took since they were set.
    pub fn n_faulted(&self) -> usize {
        self.front.lock().seen.iter().filter(|seen| seen.faulted).count()
    }

    /// Breaks off every answer that is under way, such as watches.
    pub fn break_off(&self) {
        self.front.breaks.send_modify(|n| *n += 1);
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.task.abort();
        // Connections that are open have tasks of their own; what they carry ends.
        self.break_off();
    }
}

impl Front {
    fn new(server: &str, trusted: Vec<CertificateDer<'static>>) -> Self {
        let mut roots = rustls::RootCertStore::empty();
        roots.add_parsable_certificates(trusted);
        let tls = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring has the default versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .expect("a client can be made");
        let breaks = Arc::new(watch::channel(0).0);
        Self { server: server.to_owned(), client, state: Arc::default(), breaks }
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        // What is guarded is whole at any time.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fault(&self, method: &str, target: &str) -> Option<Fault> {
        let mut shared = self.lock();
        let fault = shared.rules.iter_mut().find_map(|rule| rule.take(method, target));
        let (method, target, faulted) = (method.to_owned(), target.to_owned(), fault.is_some());
        shared.seen.push(Seen { at: Instant::now(), method, target, faulted });
        fault
    }
}

async fn serve(State(front): State<Front>, request: Request) -> Response {
    let target = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
    let fault = front.fault(request.method().as_str(), &target);
    match &fault {
        Some(Fault::Answer { status, headers, body }) => {
            let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let headers: HeaderMap = headers
                .iter()
                .filter_map(|(name, value)| Some((HeaderName::from_static(name), value.parse().ok()?)))
                .collect();
            return (status, headers, body.clone()).into_response();
        }
        Some(Fault::Delay(time)) => tokio::time::sleep(*time).await,
        _ => {}
    }
    match forward(&front, &target, request).await {
        Ok(answer) => broken(&front, answer, fault).await,
        // As a load balancer says it.
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}

async fn forward(front: &Front, target: &str, request: Request) -> Result<reqwest::Response, reqwest::Error> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, REQUEST_LIMIT).await.unwrap_or_default();
    let mut headers = parts.headers;
    for name in [header::CONNECTION, header::TRANSFER_ENCODING, header::CONTENT_LENGTH] {
        headers.remove(name);
    }
    let url = format!("{}{target}", front.server);
    front.client.request(parts.method, url).headers(headers).body(body).send().await
}

/// The server's answer, with what the fault does to its body.
async fn broken(front: &Front, answer: reqwest::Response, fault: Option<Fault>) -> Response {
    let (status, mut headers) = (answer.status(), answer.headers().clone());
    headers.remove(header::CONNECTION);
    headers.remove(header::TRANSFER_ENCODING);
    let mut breaks = front.breaks.subscribe();
    let body = match fault {
        Some(Fault::Cut(length)) => {
            headers.remove(header::CONTENT_LENGTH);
            let bytes = answer.bytes().await.unwrap_or_default();
            Body::from(bytes.slice(..length.min(bytes.len())))
        }
        Some(Fault::Drip(pause)) => {
            let bytes = answer.bytes().await.unwrap_or_default();
            Body::from_stream(futures::stream::iter(bytes).then(move |byte| async move {
                tokio::time::sleep(pause).await;
                Ok::<_, std::io::Error>(vec![byte])
            }))
        }
        _ => {
            let broken = async move {
                let _ = breaks.changed().await;
                Err(std::io::Error::other("broken off"))
            };
            let bytes = answer.bytes_stream().map_err(std::io::Error::other);
            let end = futures::stream::once(broken);
            Body::from_stream(until_broken(bytes, end))
        }
    };
    (status, headers, body).into_response()
}

/// What `bytes` brings, until it ends or `broken` does, which is the end.
fn until_broken<T: Send>(
    bytes: impl futures::Stream<Item = std::io::Result<T>> + Send + 'static,
    broken: impl futures::Stream<Item = std::io::Result<T>> + Send + 'static,
) -> impl futures::Stream<Item = std::io::Result<T>> + Send {
    let whole = bytes.map(Some).chain(futures::stream::once(async { None }));
    let both = futures::stream::select(whole, broken.map(Some));
    both.take_while(|item| std::future::ready(item.is_some())).filter_map(|item| async { item })
}

/// A kubeconfig for the same user by way of a proxy.
///
/// # Panics
///
/// When the kubeconfig is not one of ours.
pub fn kubeconfig_through(kubeconfig: &str, proxy: &FaultProxy) -> String {
    use base64::Engine as _;
    let mut config: Value = serde_json::from_str(kubeconfig).expect("ours are JSON");
    config["clusters"][0]["cluster"] = json!({
        "server": format!("https://{}", proxy.host()),
        "certificate-authority-data": base64::engine::general_purpose::STANDARD.encode(proxy.ca()),
    });
    config.to_string()
}
