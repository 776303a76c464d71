//! The operator's API over HTTP: reports as JSON, "look again", a release by hand, a new SSH key. It listens on loopback,
//! where Kubernetes guards the way to it (`pods/portforward`).

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use rhumb_core::chain::chain;
use rhumb_core::id::Digest;
use rhumb_core::image::Reference;
use rhumb_core::images::{Force, Request};
use rhumb_io::store;
use serde::{Deserialize, Serialize};

use crate::driver::Daemon;
use crate::event::Event;
use crate::loops::by_hand;
use crate::operator;
use crate::report::Ask;

/// Serves the operator's API until the process ends.
pub async fn serve(daemon: Arc<Daemon>, listener: tokio::net::TcpListener) -> std::io::Result<()> {
    axum::serve(listener, router(daemon)).await
}

/// Header in which each answer says the daemon's version.
pub const VERSION_HEADER: &str = "x-rhumb-version";

/// After how many bytes of records, as JSON, a page of them ends.
const PAGE_BYTES: usize = 4 << 20;

/// A page of decision records.
#[derive(Debug, Serialize, Deserialize)]
pub struct Records {
    /// Decision records, the oldest first.
    pub records: Vec<serde_json::Value>,
    /// What to ask for the next page with; `None` at the end.
    pub next: Option<u64>,
}

/// The routes of the operator's API.
fn router(daemon: Arc<Daemon>) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/v1/list", get(list))
        .route("/v1/images", get(images))
        .route("/v1/sync", get(synced).post(fetch))
        .route("/v1/head", get(head))
        .route("/v1/history/{namespace}/{name}", get(history))
        .route("/v1/explain/{namespace}/{name}", get(explain))
        .route("/v1/records", get(records))
        .route("/v1/records/{digest}", get(record))
        .route("/v1/release", post(release))
        .route("/v1/identity", get(identity).post(regenerate))
        // Helm Operator's hook, which CI jobs call.
        .route("/api/v1/sync-git", post(sync))
        .layer(axum::middleware::map_response(versioned))
        .with_state(daemon)
}

async fn versioned(mut response: Response) -> Response {
    response.headers_mut().insert(VERSION_HEADER, HeaderValue::from_static(env!("CARGO_PKG_VERSION")));
    response
}

/// Whether this daemon is the one that acts.
async fn ready(State(daemon): State<Arc<Daemon>>) -> Response {
    if daemon.ctx.cluster.term().holds() {
        return "ok\n".into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, "another daemon leads\n").into_response()
}

async fn list(State(daemon): State<Arc<Daemon>>) -> Response {
    answer(operator::list(&daemon.ctx).await)
}

async fn images(State(daemon): State<Arc<Daemon>>) -> Response {
    Json(daemon.ctx.reports().images.clone()).into_response()
}

async fn synced(State(daemon): State<Arc<Daemon>>) -> Response {
    Json(daemon.ctx.reports().sync.clone()).into_response()
}

async fn sync(State(daemon): State<Arc<Daemon>>) -> Response {
    daemon.notify(Event::Git);
    "OK\n".into_response()
}

/// Fetches at once, so that the answer can name what there is to apply.
async fn fetch(State(daemon): State<Arc<Daemon>>) -> Response {
    if let Err(error) = daemon.ctx.fetch().await {
        return problem(StatusCode::BAD_GATEWAY, chain(&error));
    }
    daemon.notify(Event::Git);
    head(State(daemon)).await
}

async fn head(State(daemon): State<Arc<Daemon>>) -> Response {
    answer(operator::head(&daemon.ctx).await)
}

async fn history(State(daemon): State<Arc<Daemon>>, Path((namespace, name)): Path<(String, String)>) -> Response {
    match operator::history(&daemon.ctx, &namespace, &name).await {
        Ok(None) => problem(StatusCode::NOT_FOUND, format!("there is no HelmRelease {namespace}/{name}")),
        other => answer(other),
    }
}

async fn explain(State(daemon): State<Arc<Daemon>>, Path((namespace, name)): Path<(String, String)>) -> Response {
    match operator::explain(&daemon.ctx, &namespace, &name).await {
        Ok(explanation) if explanation.release.is_none() && explanation.images.is_empty() => {
            problem(StatusCode::NOT_FOUND, format!("there is no HelmRelease {namespace}/{name}"))
        }
        other => answer(other),
    }
}

async fn record(State(daemon): State<Arc<Daemon>>, Path(digest): Path<String>) -> Response {
    let Some(digest) = Digest::parse(&digest) else {
        return problem(
            StatusCode::BAD_REQUEST,
            format!("`{digest}` is not a digest of the form sha256:<64 hex digits>"),
        );
    };
    match store::records::get(&daemon.ctx.store, &digest) {
        Ok(Some(record)) => Json(record).into_response(),
        Ok(None) => problem(StatusCode::NOT_FOUND, format!("there is no record {digest}")),
        Err(error) => problem(StatusCode::INTERNAL_SERVER_ERROR, chain(&error)),
    }
}

/// All records, page by page: `?after=` takes the `next` of the page before.
async fn records(State(daemon): State<Arc<Daemon>>, Query(from): Query<After>) -> Response {
    let read = move || store::records::page(&daemon.ctx.store, from.after, PAGE_BYTES);
    match tokio::task::spawn_blocking(read).await {
        Ok(Ok(page)) => Json(Records { records: page.records, next: page.next }).into_response(),
        Ok(Err(error)) => problem(StatusCode::INTERNAL_SERVER_ERROR, chain(&error)),
        Err(error) => problem(StatusCode::INTERNAL_SERVER_ERROR, chain(&error)),
    }
}

#[derive(Deserialize)]
struct After {
    after: Option<u64>,
}

async fn identity(State(daemon): State<Arc<Daemon>>) -> Response {
    Json(serde_json::json!({ "publicKey": daemon.ctx.git_access.public_key() })).into_response()
}

/// The body is looked at for its type alone: no web page can send it to a daemon on somebody's own machine.
async fn regenerate(State(daemon): State<Arc<Daemon>>, Json(_): Json<serde_json::Value>) -> Response {
    let ctx = &daemon.ctx;
    match ctx.git_access.regenerate(&ctx.config, &ctx.cluster).await {
        Ok(line) => Json(serde_json::json!({ "publicKey": line })).into_response(),
        Err(error) => problem(StatusCode::BAD_GATEWAY, chain(&error)),
    }
}

async fn release(State(daemon): State<Arc<Daemon>>, Json(ask): Json<Ask>) -> Response {
    let Ok(image) = Reference::parse(&ask.image) else {
        return problem(StatusCode::BAD_REQUEST, format!("`{}` is no image", ask.image));
    };
    let force = if ask.force { Force::Yes } else { Force::No };
    let request = Request { object: ask.object, image, force };
    match by_hand::release(&daemon.ctx, &request, ask.message.as_deref()).await {
        Ok(released) => Json(released).into_response(),
        Err(error) => {
            let status = match &error {
                by_hand::Error::Refused(_) | by_hand::Error::Kept { .. } => StatusCode::CONFLICT,
                by_hand::Error::Look(_) | by_hand::Error::Push(_) => StatusCode::BAD_GATEWAY,
            };
            problem(status, error.words())
        }
    }
}

fn answer<T: Serialize>(result: Result<T, crate::loops::Error>) -> Response {
    match result {
        Ok(value) => Json(value).into_response(),
        Err(error) => problem(StatusCode::INTERNAL_SERVER_ERROR, chain(&error)),
    }
}

fn problem(status: StatusCode, message: String) -> Response {
    (status, Json(serde_json::json!({ "error": message }))).into_response()
}
