//! Lists and watches: which objects are asked for, in pages or as they change.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::Instant;

use super::object;
use super::present::{Page, Presenter};
use super::refusal::Refusal;
use super::selector::Selector;
use super::server::{Asked, Shared, State};
use super::watch::Watch;

fn selector(asked: &Asked) -> Result<Selector, Refusal> {
    let mut fields = asked.parameters.text("fieldSelector").to_owned();
    if !asked.target.name.is_empty() {
        let separator = if fields.is_empty() { "" } else { "," };
        fields = format!("{fields}{separator}metadata.name={}", asked.target.name);
    }
    Selector::parse(asked.parameters.text("labelSelector"), &fields)
}

pub(super) fn select(state: &State, asked: &Asked, presenter: &Presenter) -> Result<Vec<Arc<Value>>, Refusal> {
    let selector = selector(asked)?;
    let mut objects = state.store.list(&presenter.resource.storage(), &asked.target.namespace);
    objects.retain(|object| selector.matches(object));
    Ok(objects)
}

/// One page of a list. A page that is continued shows the present state, which is allowed to differ from the first's.
pub(super) fn list(state: &State, asked: &Asked, presenter: &Presenter) -> Result<Response, Refusal> {
    let mut objects = select(state, asked, presenter)?;
    let limit = usize::try_from(asked.parameters.number("limit")?).unwrap_or(usize::MAX);
    let after = asked.parameters.text("continue");
    let key = |object: &Value| format!("{}/{}", object::namespace(object), object::name(object));
    if !after.is_empty() {
        let last = hex::decode(after).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let last = last.ok_or_else(|| Refusal::bad_request("continue key is not valid"))?;
        let (namespace, name) = last.split_once('/').unwrap_or_default();
        objects.retain(|object| (object::namespace(object), object::name(object)) > (namespace, name));
    }
    let mut page = Page { revision: state.store.revision(), ..Page::default() };
    if limit > 0 && objects.len() > limit {
        page.remaining = objects.len() - limit;
        objects.truncate(limit);
        page.next = objects.last().map(|object| hex::encode(key(object))).unwrap_or_default();
    }
    Ok(axum::Json(presenter.list(&objects, &page)).into_response())
}

pub(super) fn follow(
    shared: &Arc<Shared>,
    asked: &Asked,
    presenter: Presenter,
    down: watch::Receiver<bool>,
) -> Result<Response, Refusal> {
    let seconds = asked.parameters.number("timeoutSeconds")?;
    let from = asked.parameters.number("resourceVersion")?;
    let initial = asked.parameters.is_on("sendInitialEvents");
    let state = shared.lock();
    let objects = if from == 0 || initial { select(&state, asked, &presenter)? } else { Vec::new() };
    let position = if from == 0 || initial { state.store.revision() } else { from };
    drop(state);
    let mut watch = Watch {
        shared: Arc::clone(shared),
        presenter,
        namespace: asked.target.namespace.clone(),
        selector: selector(asked)?,
        position,
        bookmarks: asked.parameters.is_on("allowWatchBookmarks"),
        until: (seconds > 0).then(|| Instant::now() + Duration::from_secs(seconds)),
        down,
        changed: shared.changed.subscribe(),
        ready: VecDeque::new(),
        over: false,
    };
    watch.start_with(&objects);
    if initial {
        watch.mark_initial_end();
    }
    Ok(watch.respond())
}
