//! What is served at fixed paths: discovery, OpenAPI, version and health.

use std::sync::Arc;

use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::discovery;
use super::openapi;
use super::refusal::Refusal;
use super::server::Shared;
use super::target::Route;

/// Answers a request that is not about objects.
pub(super) fn answer(shared: &Arc<Shared>, route: &Route, headers: &HeaderMap) -> Result<Response, Refusal> {
    let state = shared.lock();
    let host = headers.get(header::HOST).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let body = match route {
        Route::Core => return Ok(discovery::core(&state.store, headers, host)),
        Route::Groups => return Ok(discovery::groups(&state.store, headers)),
        Route::Group(group) => discovery::group(&state.store, group)?,
        Route::Version(group, version) => discovery::version(&state.store, group, version)?,
        Route::Other(path) => match path.as_str() {
            "/version" | "/version/" => json!({
                "major": "1", "minor": "34", "gitVersion": "v1.34.0", "gitCommit": "rhumb-sim", "gitTreeState": "clean",
                "buildDate": "2025-08-27T10:11:12Z", "goVersion": "none", "compiler": "rustc", "platform": "embedded",
            }),
            "/healthz" | "/livez" | "/readyz" => return Ok("ok".into_response()),
            "/openapi/v2" => return Ok(openapi::version_2(headers)),
            "/openapi/v3" | "/openapi/v3/" => openapi::version_3_index(&state.store),
            path => match path.strip_prefix("/openapi/v3/") {
                Some(wanted) => openapi::version_3(&state.store, wanted)?,
                None => return Err(Refusal::no_such_path()),
            },
        },
        Route::Objects(_) => return Err(Refusal::no_such_path()),
    };
    Ok(axum::Json(body).into_response())
}
