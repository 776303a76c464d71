//! The registry's HTTP interface (OCI distribution specification 1.1).

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Query, Request};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::{StreamExt as _, stream};
use serde_json::json;

use super::content::Manifest;
use super::{Fault, Shared, State};
use crate::media;

/// Largest blob or manifest.
const BODY_LIMIT: usize = 256 * 1024 * 1024;

const DIGEST_HEADER: &str = "docker-content-digest";

type Parameters = Vec<(String, String)>;

/// What a path is about.
#[derive(Debug, PartialEq, Eq)]
enum Route<'a> {
    Tags,
    Manifest(&'a str),
    Blob(&'a str),
    /// The number is missing for a new one.
    Upload(Option<u64>),
}

/// A request whose head has been read.
struct Asked<'a> {
    method: Method,
    repository: &'a str,
    parameters: Parameters,
    content_type: String,
}

/// The whole registry.
pub(super) fn router(shared: Arc<Shared>) -> Router {
    Router::new().fallback(move |request: Request| {
        let shared = Arc::clone(&shared);
        async move { handle(&shared, request).await }
    })
}

async fn handle(shared: &Shared, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let path = head.uri.path();
    let found = split(path);
    let fault = {
        let mut state = shared.lock();
        if let Some((_, route)) = &found {
            note(&mut state, &head.method, route);
        }
        let own = found.as_ref().and_then(|(repository, _)| state.faults.get(*repository));
        own.or(state.fault.as_ref()).cloned()
    };
    match &fault {
        Some(Fault::Slow(time)) => tokio::time::sleep(*time).await,
        Some(Fault::Truncated) | None => {}
        Some(fault) => return broken(fault),
    }
    let Some((repository, route)) = found else {
        return if path == "/v2/" || path == "/v2" {
            ([("docker-distribution-api-version", "registry/2.0")], axum::Json(json!({}))).into_response()
        } else {
            error(404, "UNSUPPORTED", "no such path")
        };
    };
    if !valid_name(repository) {
        return error(400, "NAME_INVALID", "invalid repository name");
    }
    let Ok(body) = to_bytes(body, BODY_LIMIT).await else {
        return error(413, "SIZE_INVALID", "the body is too large or was cut");
    };
    let parameters = Query::<Parameters>::try_from_uri(&head.uri).map(|query| query.0).unwrap_or_default();
    let asked = Asked { method: head.method, repository, parameters, content_type: media_type(&head.headers) };
    let answer = {
        let mut state = shared.lock();
        match route {
            Route::Tags => tags(&state, &asked),
            Route::Manifest(reference) => manifest(&mut state, &asked, reference, body),
            Route::Blob(digest) => blob(&state, &asked, digest),
            Route::Upload(number) => upload(&mut state, &asked, number, body),
        }
    };
    if fault == Some(Fault::Truncated) { truncate(answer).await } else { answer }
}

fn tags(state: &State, asked: &Asked<'_>) -> Response {
    let Some(all) = state.content.tags(asked.repository) else { return unknown("NAME_UNKNOWN", "repository") };
    let asked_for = parameter(asked, "n").and_then(|n| n.parse().ok()).unwrap_or(usize::MAX);
    let limit = asked_for.min(state.page_limit);
    let last = parameter(asked, "last").unwrap_or_default();
    let rest: Vec<&String> = all.iter().filter(|tag| last.is_empty() || tag.as_str() > last).collect();
    let page: Vec<&String> = rest.iter().take(limit).copied().collect();
    let more = rest.len() > page.len();
    let body = axum::Json(json!({"name": asked.repository, "tags": page}));
    match page.last().filter(|_| more) {
        Some(last) => {
            let next = format!("</v2/{}/tags/list?n={limit}&last={last}>; rel=\"next\"", asked.repository);
            ([(header::LINK, next)], body).into_response()
        }
        None => body.into_response(),
    }
}

fn manifest(state: &mut State, asked: &Asked<'_>, reference: &str, body: Bytes) -> Response {
    match asked.method {
        Method::GET | Method::HEAD => match state.content.manifest(asked.repository, reference) {
            Some((digest, manifest)) => content(&asked.method, &manifest.media_type, &digest, manifest.data),
            None => unknown("MANIFEST_UNKNOWN", "manifest"),
        },
        Method::PUT => {
            if serde_json::from_slice::<serde_json::Value>(&body).is_err() {
                return error(400, "MANIFEST_INVALID", "the manifest is no JSON");
            }
            if reference.contains(':') && reference != media::digest(&body) {
                return error(400, "DIGEST_INVALID", "the manifest has another digest");
            }
            let manifest = Manifest { media_type: asked.content_type.clone(), data: body };
            match state.content.put_manifest(asked.repository, reference, manifest) {
                Ok(digest) => created(&format!("/v2/{}/manifests/{digest}", asked.repository), &digest),
                Err(digest) => error(400, "MANIFEST_BLOB_UNKNOWN", &format!("blob {digest} is not here")),
            }
        }
        Method::DELETE if state.content.remove_manifest(asked.repository, reference) => {
            StatusCode::ACCEPTED.into_response()
        }
        Method::DELETE => unknown("MANIFEST_UNKNOWN", "manifest"),
        _ => not_allowed(),
    }
}

fn blob(state: &State, asked: &Asked<'_>, digest: &str) -> Response {
    match (&asked.method, state.content.blob(digest)) {
        (&Method::GET | &Method::HEAD, Some(data)) => content(&asked.method, "application/octet-stream", digest, data),
        (&Method::GET | &Method::HEAD, None) => unknown("BLOB_UNKNOWN", "blob"),
        _ => not_allowed(),
    }
}

fn upload(state: &mut State, asked: &Asked<'_>, number: Option<u64>, body: Bytes) -> Response {
    let location = |number: u64| format!("/v2/{}/blobs/uploads/{number}", asked.repository);
    let accepted = |number: u64, length: usize| {
        let range = format!("0-{}", length.saturating_sub(1));
        (StatusCode::ACCEPTED, [(header::LOCATION, location(number)), (header::RANGE, range)]).into_response()
    };
    let wanted = parameter(asked, "digest");
    match (&asked.method, number) {
        (&Method::POST, None) => match (parameter(asked, "mount"), wanted) {
            (Some(digest), _) if state.content.blob(digest).is_some() => stored(asked, digest),
            (_, Some(digest)) => finish(state, asked, digest, body),
            _ => accepted(state.content.begin_upload(), 0),
        },
        (&Method::PATCH, Some(number)) => match state.content.append(number, &body) {
            Some(length) => accepted(number, length),
            None => unknown("BLOB_UPLOAD_UNKNOWN", "upload"),
        },
        (&Method::PUT, Some(number)) => {
            let Some(mut data) = state.content.finish(number) else { return unknown("BLOB_UPLOAD_UNKNOWN", "upload") };
            data.extend_from_slice(&body);
            match wanted {
                Some(digest) => finish(state, asked, digest, Bytes::from(data)),
                None => error(400, "DIGEST_INVALID", "no digest is given"),
            }
        }
        _ => not_allowed(),
    }
}

fn finish(state: &mut State, asked: &Asked<'_>, wanted: &str, data: Bytes) -> Response {
    if media::digest(&data) != wanted {
        return error(400, "DIGEST_INVALID", "the content has another digest");
    }
    let digest = state.content.put_blob(data);
    stored(asked, &digest)
}

fn stored(asked: &Asked<'_>, digest: &str) -> Response {
    created(&format!("/v2/{}/blobs/{digest}", asked.repository), digest)
}

fn created(location: &str, digest: &str) -> Response {
    let location = (header::LOCATION, location.to_owned());
    (StatusCode::CREATED, [location], [(DIGEST_HEADER, digest.to_owned())]).into_response()
}

fn content(method: &Method, media_type: &str, digest: &str, data: Bytes) -> Response {
    let headers = [
        (header::CONTENT_TYPE.as_str(), media_type.to_owned()),
        (header::CONTENT_LENGTH.as_str(), data.len().to_string()),
        (DIGEST_HEADER, digest.to_owned()),
        (header::ETAG.as_str(), format!("\"{digest}\"")),
    ];
    let body = if *method == Method::HEAD { Body::empty() } else { Body::from(data) };
    (headers, body).into_response()
}

fn error(code: u16, kind: &str, message: &str) -> Response {
    let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, axum::Json(json!({"errors": [{"code": kind, "message": message}]}))).into_response()
}

fn unknown(kind: &str, what: &str) -> Response {
    error(404, kind, &format!("{what} unknown to registry"))
}

fn not_allowed() -> Response {
    error(405, "UNSUPPORTED", "the operation is unsupported")
}

fn broken(fault: &Fault) -> Response {
    match fault {
        Fault::Unauthorized => {
            let challenge = "Basic realm=\"rhumb-sim\"";
            ([(header::WWW_AUTHENTICATE, challenge)], error(401, "UNAUTHORIZED", "authentication required"))
                .into_response()
        }
        Fault::TooMany { retry_after } => {
            let mut response = error(429, "TOOMANYREQUESTS", "slow down");
            if let Some(seconds) = retry_after {
                response.headers_mut().insert(header::RETRY_AFTER, (*seconds).into());
            }
            response
        }
        Fault::Status(code) => error(*code, "UNKNOWN", "something went wrong"),
        Fault::Garbage => ([(header::CONTENT_TYPE, "application/json")], "<html>It works!</html>").into_response(),
        Fault::Truncated | Fault::Slow(_) => StatusCode::OK.into_response(),
    }
}

/// Sends half of the body and then breaks the connection.
async fn truncate(answer: Response) -> Response {
    let (mut head, body) = answer.into_parts();
    let data = to_bytes(body, BODY_LIMIT).await.unwrap_or_default();
    let half = data.slice(..data.len() / 2);
    head.headers.insert(header::CONTENT_LENGTH, data.len().into());
    let cut = async {
        // What came before has to be on its way, or the connection breaks before the answer begins.
        tokio::time::sleep(Duration::from_millis(20)).await;
        Err(std::io::Error::other("cut on purpose"))
    };
    Response::from_parts(head, Body::from_stream(stream::iter([Ok(half)]).chain(stream::once(cut))))
}

fn split(path: &str) -> Option<(&str, Route<'_>)> {
    let rest = path.strip_prefix("/v2/")?;
    if let Some(repository) = rest.strip_suffix("/tags/list") {
        return Some((repository, Route::Tags));
    }
    if let Some((repository, upload)) = rest.rsplit_once("/blobs/uploads") {
        let number = upload.trim_matches('/');
        let number = if number.is_empty() { None } else { Some(number.parse().ok()?) };
        return Some((repository, Route::Upload(number)));
    }
    if let Some((repository, digest)) = rest.rsplit_once("/blobs/") {
        return Some((repository, Route::Blob(digest)));
    }
    let (repository, reference) = rest.rsplit_once("/manifests/")?;
    Some((repository, Route::Manifest(reference)))
}

fn note(state: &mut State, method: &Method, route: &Route<'_>) {
    let counts = &mut state.counts;
    match (method, route) {
        (&Method::GET | &Method::HEAD, Route::Tags) => counts.tags += 1,
        (&Method::GET | &Method::HEAD, Route::Manifest(_)) => counts.manifests += 1,
        (&Method::GET | &Method::HEAD, Route::Blob(_) | Route::Upload(_)) => counts.blobs += 1,
        _ => counts.pushes += 1,
    }
}

fn valid_name(name: &str) -> bool {
    let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let part = |part: &str| {
        part.starts_with(edge) && part.ends_with(edge) && part.chars().all(|c| edge(c) || matches!(c, '.' | '_' | '-'))
    };
    name.len() <= 255 && name.split('/').all(part)
}

fn parameter<'a>(asked: &'a Asked<'_>, key: &str) -> Option<&'a str> {
    asked.parameters.iter().find(|(k, _)| k == key).map(|(_, value)| value.as_str())
}

fn media_type(headers: &HeaderMap) -> String {
    headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or(media::MANIFEST).to_owned()
}
