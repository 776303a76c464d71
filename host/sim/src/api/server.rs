//! Answers requests: finds out what is asked, lets faults happen, and calls the store's rules.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::apply::Force;
use super::faults::{Counts, Faults};
use super::fixed;
use super::kinds::Resource;
use super::object;
use super::present::{Page, Presenter};
use super::protobuf;
use super::read;
use super::refusal::Refusal;
use super::scale;
use super::store::Store;
use super::table::Rows;
use super::target::{self, Parameters, Route, Target, View};
use super::write::{self, Call, Dependents, Mode, Part, PatchKind, Written};
use crate::yaml;

/// Largest body of a request, as the real server has it.
const BODY_LIMIT: usize = 3 * 1024 * 1024;

/// Everything behind one lock.
#[derive(Debug)]
pub(super) struct State {
    pub(super) store: Store,
    pub(super) faults: Faults,
    /// By user agent.
    pub(super) counts: BTreeMap<String, Counts>,
}

/// What all requests share.
#[derive(Debug)]
pub(super) struct Shared {
    state: Mutex<State>,
    /// The newest version, for those who wait.
    pub(super) changed: watch::Sender<u64>,
}

impl Shared {
    pub(super) fn new(store: Store) -> Self {
        let state = State { store, faults: Faults::default(), counts: BTreeMap::new() };
        Self { state: Mutex::new(state), changed: watch::Sender::new(0) }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the watches.
    pub(super) fn wake(&self) {
        let revision = self.lock().store.revision();
        self.changed.send_if_modified(|newest| std::mem::replace(newest, revision) != revision);
    }
}

/// A request whose head has been read.
pub(super) struct Asked {
    pub(super) target: Target,
    pub(super) parameters: Parameters,
    headers: HeaderMap,
    verb: &'static str,
}

/// The whole API.
pub(super) fn router(shared: Arc<Shared>, down: watch::Receiver<bool>) -> Router {
    Router::new().fallback(move |request: Request| {
        let (shared, down) = (Arc::clone(&shared), down.clone());
        async move {
            let answer = handle(&shared, request, down).await;
            shared.wake();
            answer.unwrap_or_else(IntoResponse::into_response)
        }
    })
}

async fn handle(shared: &Arc<Shared>, request: Request, down: watch::Receiver<bool>) -> Result<Response, Refusal> {
    let delay = shared.lock().faults.delay;
    if let Some(delay) = delay {
        tokio::time::sleep(delay).await;
    }
    let (head, body) = request.into_parts();
    let parameters = Parameters::read(&head.uri)?;
    let path = head.uri.path();
    let target = match target::route(path) {
        Route::Objects(target) => target,
        route => {
            note(shared, &head.headers, "discovery", path);
            return fixed::answer(shared, &route, &head.headers);
        }
    };
    let verb = target::verb(&head.method, &target, &parameters).ok_or_else(|| {
        Refusal::new(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
    })?;
    note(shared, &head.headers, verb, path);
    shared.lock().faults.throttled()?;
    let content_type =
        head.headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    let body = read_body(&head.method, &content_type, body).await?;
    let asked = Asked { target, parameters, headers: head.headers, verb };
    if asked.target.group == "authorization.k8s.io" && verb == "create" {
        return access_review(body);
    }
    if asked.target.group == "authentication.k8s.io" && verb == "create" {
        return self_review(body);
    }
    answer(shared, &asked, body, &content_type, down)
}

fn answer(
    shared: &Arc<Shared>,
    asked: &Asked,
    body: Value,
    content_type: &str,
    down: watch::Receiver<bool>,
) -> Result<Response, Refusal> {
    let mut state = shared.lock();
    let target = &asked.target;
    let resource =
        state.store.resource(&target.group, &target.version, &target.plural).ok_or_else(Refusal::no_such_path)?;
    let presenter = presenter(&state, asked, Arc::clone(&resource));
    let part = match target.subresource.as_str() {
        "" | "finalize" => Part::Main,
        "scale" if resource.scales() => Part::Main,
        "status" if resource.status == super::kinds::StatusPart::Separate => Part::Status,
        _ => return Err(Refusal::no_such_path()),
    };
    let call = call(asked, &resource, part, &body);
    let key = |name: &str| (resource.kind.clone(), call.namespace.clone(), name.to_owned());
    if target.subresource == "scale" {
        return scale::answer(&mut state.store, &call, asked.verb, &body);
    }
    match asked.verb {
        "get" => {
            let found = state.store.find(&resource, &call.namespace, &call.name)?;
            Ok(axum::Json(presenter.object(&found)).into_response())
        }
        "list" => read::list(&state, asked, &presenter),
        "watch" => {
            drop(state);
            read::follow(shared, asked, presenter, down)
        }
        "create" => {
            state.faults.admitted(&key(object::name(&body)))?;
            let made = write::create(&mut state.store, &call, body)?;
            Ok((StatusCode::CREATED, axum::Json(presenter.object(&made))).into_response())
        }
        "update" => {
            state.faults.admitted(&key(&call.name))?;
            let changed = write::replace(&mut state.store, &call, body)?;
            Ok(axum::Json(presenter.object(&changed)).into_response())
        }
        "patch" => {
            state.faults.admitted(&key(&call.name))?;
            let kind = patch_kind(&resource, content_type)?;
            match write::patch(&mut state.store, &call, kind, &body)? {
                Written::Created(object) => {
                    Ok((StatusCode::CREATED, axum::Json(presenter.object(&object))).into_response())
                }
                Written::Updated(object) => Ok(axum::Json(presenter.object(&object)).into_response()),
            }
        }
        "delete" => {
            let gone = write::delete(&mut state.store, &call, &body, dependents(asked, &body))?;
            Ok(axum::Json(deleted(&state, &call, &gone, &presenter)).into_response())
        }
        _ => {
            let chosen = read::select(&state, asked, &presenter)?;
            for object in &chosen {
                let one = Call { name: object::name(object).to_owned(), ..call.clone() };
                let one = Call { namespace: object::namespace(object).to_owned(), ..one };
                write::delete(&mut state.store, &one, &body, dependents(asked, &body))?;
            }
            let page = Page { revision: state.store.revision(), ..Page::default() };
            Ok(axum::Json(presenter.list(&chosen, &page)).into_response())
        }
    }
}

fn call(asked: &Asked, resource: &Arc<Resource>, part: Part, body: &Value) -> Call {
    let target = &asked.target;
    let parameter = asked.parameters.text("fieldManager");
    let agent = agent(&asked.headers);
    let manager = if parameter.is_empty() { agent.split(['/', ' ']).next().unwrap_or_default() } else { parameter };
    let dry = asked.parameters.text("dryRun") == "All"
        || (asked.verb.starts_with("delete") && object::lists(body, "/dryRun", "All"));
    Call {
        resource: Arc::clone(resource),
        version: target.version.clone(),
        namespace: target.namespace.clone(),
        name: target.name.clone(),
        part,
        mode: if dry { Mode::DryRun } else { Mode::Store },
        manager: manager.to_owned(),
        force: if asked.parameters.is_on("force") { Force::Yes } else { Force::No },
    }
}

fn presenter(state: &State, asked: &Asked, resource: Arc<Resource>) -> Presenter {
    let rows = match asked.parameters.text("includeObject") {
        "None" => Rows::Nothing,
        "Object" => Rows::Whole,
        _ => Rows::Metadata,
    };
    let reading = matches!(asked.verb, "get" | "list" | "watch");
    let view = target::view(&asked.headers);
    Presenter {
        resource,
        version: asked.target.version.clone(),
        view: if view == View::Table && !reading { View::Whole } else { view },
        rows,
        clock: state.store.clock.clone(),
    }
}

fn patch_kind(resource: &Resource, content_type: &str) -> Result<PatchKind, Refusal> {
    match content_type.split(';').next().unwrap_or_default().trim() {
        "application/json-patch+json" => Ok(PatchKind::Json),
        "application/merge-patch+json" => Ok(PatchKind::Merge),
        "application/strategic-merge-patch+json" if resource.custom.is_none() => Ok(PatchKind::Strategic),
        "application/apply-patch+yaml" => Ok(PatchKind::Apply),
        _ => {
            let message = "the body of the request was in an unknown format - accepted media types include: \
                application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml";
            Err(Refusal::new(415, "UnsupportedMediaType", message))
        }
    }
}

fn dependents(asked: &Asked, options: &Value) -> Dependents {
    let policy = match asked.parameters.text("propagationPolicy") {
        "" => object::text(options, "/propagationPolicy"),
        policy => policy,
    };
    if policy == "Orphan" { Dependents::Orphan } else { Dependents::Delete }
}

/// What a deletion answers: the marked object while something holds it, or that it is gone.
fn deleted(state: &State, call: &Call, gone: &Value, presenter: &Presenter) -> Value {
    match state.store.get(&call.resource, &call.namespace, &call.name) {
        Some(left) => presenter.object(&left),
        None => json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
            "details": {"name": call.name, "group": call.resource.group, "kind": call.resource.plural,
                "uid": object::uid(gone)},
        }),
    }
}

/// Everybody may do everything.
fn access_review(mut review: Value) -> Result<Response, Refusal> {
    object::map_at(&mut review, &["status"]).insert("allowed".into(), true.into());
    Ok((StatusCode::CREATED, axum::Json(review)).into_response())
}

/// Everybody is the same user.
fn self_review(mut review: Value) -> Result<Response, Refusal> {
    let user = json!({"username": "embedded", "groups": ["oncall", "system:authenticated"]});
    object::map_at(&mut review, &["status"]).insert("userInfo".into(), user);
    Ok((StatusCode::CREATED, axum::Json(review)).into_response())
}

async fn read_body(method: &Method, content_type: &str, body: Body) -> Result<Value, Refusal> {
    if *method == Method::GET {
        return Ok(Value::Null);
    }
    let too_large =
        |_| Refusal::new(413, "RequestEntityTooLarge", format!("Request entity too large: limit is {BODY_LIMIT}"));
    let bytes: Bytes = to_bytes(body, BODY_LIMIT).await.map_err(too_large)?;
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    if content_type.contains("protobuf") {
        return protobuf::decode(&bytes);
    }
    match serde_json::from_slice(&bytes) {
        Ok(value) => Ok(value),
        Err(_) if content_type.contains("yaml") => {
            let text = String::from_utf8_lossy(&bytes);
            yaml::from_str(&text).map_err(|e| Refusal::bad_request(format!("error decoding YAML: {e}")))
        }
        Err(error) => Err(Refusal::bad_request(format!("error decoding JSON: {error}"))),
    }
}

fn agent(headers: &HeaderMap) -> &str {
    headers.get(header::USER_AGENT).and_then(|v| v.to_str().ok()).unwrap_or("unknown")
}

fn note(shared: &Shared, headers: &HeaderMap, verb: &str, path: &str) {
    shared.lock().counts.entry(agent(headers).to_owned()).or_default().note(verb, path);
}
