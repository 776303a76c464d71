//! `git http-backend` behind a small TLS front that asks for a token.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use futures::TryStreamExt as _;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio_util::io::{ReaderStream, StreamReader};

use super::tls::Tls;

/// Whether this machine has what it takes; says what was not proved when it hasn't.
pub fn is_there() -> bool {
    super::program("git", "git").is_some()
}

/// Who is let in.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The user of each token.
    pub user: String,
    /// May fetch and push.
    pub token: String,
    /// May fetch; a push is answered by 403.
    pub read_only: String,
}

/// A running server.
#[derive(Debug)]
pub struct GitHttp {
    address: SocketAddr,
    ca: String,
    requests: Arc<AtomicUsize>,
    connections: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Clone)]
struct Front {
    root: PathBuf,
    credentials: Credentials,
    requests: Arc<AtomicUsize>,
}

impl GitHttp {
    /// Serves the repositories below a folder, with a certificate of a new authority.
    ///
    /// # Panics
    ///
    /// When it cannot be set up.
    pub async fn start(root: &Path, credentials: Credentials) -> Self {
        let (listener, ca) = Tls::bind().await;
        let address = listener.address();
        let (requests, connections) = (Arc::new(AtomicUsize::new(0)), listener.connections());
        let front = Front { root: root.to_owned(), credentials, requests: Arc::clone(&requests) };
        let app = Router::new().fallback(serve).with_state(front);
        let task = tokio::spawn(async move {
            let _ = axum::serve(listener, app).await;
        });
        Self { address, ca, requests, connections, task }
    }

    /// The URL of a repository below the root.
    pub fn url(&self, repository: &str) -> String {
        format!("https://127.0.0.1:{}/{repository}", self.address.port())
    }

    /// The authority that signed its certificate, in PEM.
    pub fn ca(&self) -> &str {
        &self.ca
    }

    /// How many requests came so far.
    pub fn n_requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    /// How many connections came so far.
    pub fn n_connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for GitHttp {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(State(front): State<Front>, request: Request) -> Response {
    front.requests.fetch_add(1, Ordering::SeqCst);
    let path = request.uri().path().to_owned();
    let query = request.uri().query().unwrap_or_default().to_owned();
    let expected = |token: &str| {
        let text = format!("{}:{token}", front.credentials.user);
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(text))
    };
    let given = header(request.headers(), "authorization");
    let may_write = given == expected(&front.credentials.token);
    if !may_write && given != expected(&front.credentials.read_only) {
        return (StatusCode::UNAUTHORIZED, [("www-authenticate", "Basic realm=\"git\"")]).into_response();
    }
    if !may_write && (path.ends_with("git-receive-pack") || query.ends_with("git-receive-pack")) {
        return StatusCode::FORBIDDEN.into_response();
    }
    match backend(&front, &path, &query, request).await {
        Ok(response) => response,
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// Runs `git http-backend`, a CGI program, and streams in both directions.
async fn backend(front: &Front, path: &str, query: &str, request: Request) -> io::Result<Response> {
    let mut child = tokio::process::Command::from(super::repository::git(&front.root))
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", &front.root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("PATH_INFO", path)
        .env("QUERY_STRING", query)
        .env("REQUEST_METHOD", request.method().as_str())
        .env("CONTENT_TYPE", header(request.headers(), "content-type"))
        .env("GIT_PROTOCOL", header(request.headers(), "git-protocol"))
        .env("HTTP_CONTENT_ENCODING", header(request.headers(), "content-encoding"))
        .env("REMOTE_USER", &front.credentials.user)
        .env("REMOTE_ADDR", "127.0.0.1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let body = request.into_body().into_data_stream().map_err(io::Error::other);
    tokio::spawn(async move {
        if let Some(mut stdin) = stdin {
            let _ = tokio::io::copy(&mut StreamReader::new(body), &mut stdin).await;
        }
    });
    let mut output = BufReader::new(stdout.ok_or_else(|| io::Error::other("no output"))?);
    let (mut status, mut headers) = (StatusCode::OK, HeaderMap::new());
    loop {
        let mut line = String::new();
        output.read_line(&mut line).await?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        if name.eq_ignore_ascii_case("status") {
            let code = value.split(' ').next().and_then(|code| code.parse().ok());
            status = code.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        } else if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.insert(name, value);
        }
    }
    // The child lives as long as its output is read.
    let stream = ReaderStream::new(output).inspect_ok(move |_| {
        let _ = &child;
    });
    Ok((status, headers, Body::from_stream(stream)).into_response())
}

fn header(headers: &HeaderMap, name: &str) -> String {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}
