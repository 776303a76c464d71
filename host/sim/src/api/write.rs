//! Creating, changing and deleting objects by the API's rules.

use std::sync::Arc;

use serde_json::{Value, json};

use super::apply::{self, Conflict, Force};
use super::controller;
use super::defaults;
use super::events;
use super::fields::{self, Lists, Owner};
use super::kinds::{self, Resource, Scope, StatusPart};
use super::object;
use super::patch;
use super::refusal::Refusal;
use super::rules::{has_generation, identify, immutable, keep_other_part, small_enough, spec_changed, valid_name};
use super::store::Store;

/// Which part of an object a write is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Main,
    Status,
}

/// Whether a write is stored, or only answered as if.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Store,
    DryRun,
}

/// What a write is about and who asks for it.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) resource: Arc<Resource>,
    pub(super) version: String,
    pub(super) namespace: String,
    /// Empty for a create.
    pub(super) name: String,
    pub(super) part: Part,
    pub(super) mode: Mode,
    pub(super) manager: String,
    pub(super) force: Force,
}

/// How a patch body is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PatchKind {
    Json,
    Merge,
    Strategic,
    Apply,
}

/// How a deletion treats what the object owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dependents {
    Delete,
    Orphan,
}

/// Whether a write made the object.
#[derive(Clone, Debug)]
pub(super) enum Written {
    Created(Arc<Value>),
    Updated(Arc<Value>),
}

/// Creates an object.
pub(super) fn create(store: &mut Store, call: &Call, mut object: Value) -> Result<Arc<Value>, Refusal> {
    let resource = &call.resource;
    identify(call, &mut object)?;
    events::accept(resource, &mut object);
    if object.pointer("/metadata/resourceVersion").is_some_and(|v| v != "") {
        return Err(Refusal::bad_request("resourceVersion should not be set on objects to be created"));
    }
    if object::name(&object).is_empty() {
        let prefix = object::text(&object, "/metadata/generateName");
        if prefix.is_empty() {
            return Err(Refusal::invalid(
                resource,
                "",
                "metadata.name: Required value: name or generateName is required",
            ));
        }
        let name = format!("{prefix}{}", store.new_suffix());
        object::metadata(&mut object).insert("name".into(), name.into());
    }
    let name = object::name(&object).to_owned();
    if !valid_name(resource, &name) {
        let why = format!(
            "metadata.name: Invalid value: \"{name}\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character"
        );
        return Err(Refusal::invalid(resource, &name, &why));
    }
    if resource.scope == Scope::Namespaced && !store.has_namespace(&call.namespace) {
        return Err(Refusal::not_found(&store.known("", "namespaces"), &call.namespace));
    }
    if store.get(resource, &call.namespace, &name).is_some() {
        return Err(Refusal::exists(resource, &name));
    }
    if resource.status == StatusPart::Separate {
        object::map_at(&mut object, &[]).shift_remove("status");
    }
    let (uid, time) = (store.new_uid(), store.clock.rfc3339());
    let metadata = object::metadata(&mut object);
    metadata.insert("uid".into(), uid.into());
    metadata.insert("creationTimestamp".into(), time.into());
    if has_generation(resource) {
        metadata.insert("generation".into(), 1.into());
    }
    defaults::fill(resource, &mut object, store.revision());
    small_enough(resource, &object)?;
    if object.pointer("/metadata/managedFields").is_none() {
        fields::note_update(None, &mut object, writer(store, call, "Update"), lists(resource));
    }
    if resource.is("apiextensions.k8s.io", "customresourcedefinitions") {
        kinds::from_definition(&object).map_err(|why| Refusal::invalid(resource, &name, &why))?;
    }
    if call.mode == Mode::DryRun {
        return Ok(Arc::new(object));
    }
    let stored = store.put(resource, object);
    controller::react(store, resource, &stored);
    Ok(store.get(resource, &call.namespace, &name).unwrap_or(stored))
}

/// Replaces an object, or its status.
pub(super) fn replace(store: &mut Store, call: &Call, mut object: Value) -> Result<Arc<Value>, Refusal> {
    let resource = &call.resource;
    let live = store.find(resource, &call.namespace, &call.name)?;
    identify(call, &mut object)?;
    events::accept(resource, &mut object);
    if resource.custom.is_some() && object::text(&object, "/metadata/resourceVersion").is_empty() {
        let why = "metadata.resourceVersion: Invalid value: 0x0: must be specified for an update";
        return Err(Refusal::invalid(resource, &call.name, why));
    }
    object::metadata(&mut object).shift_remove("managedFields");
    update(store, call, &live, object)
}

/// Patches an object, or its status; an apply makes what is not there.
pub(super) fn patch(store: &mut Store, call: &Call, kind: PatchKind, body: &Value) -> Result<Written, Refusal> {
    let resource = &call.resource;
    let live = store.get(resource, &call.namespace, &call.name);
    if kind == PatchKind::Apply {
        return server_side_apply(store, call, live, body.clone());
    }
    let live = live.ok_or_else(|| Refusal::not_found(resource, &call.name))?;
    let mut object = events::present(resource, &call.version, &live);
    match kind {
        PatchKind::Json => patch::json(&mut object, body)?,
        PatchKind::Strategic => patch::strategic(&mut object, body),
        PatchKind::Merge | PatchKind::Apply => patch::merge(&mut object, body),
    }
    identify(call, &mut object)?;
    events::accept(resource, &mut object);
    object::metadata(&mut object).shift_remove("managedFields");
    update(store, call, &live, object).map(Written::Updated)
}

fn server_side_apply(
    store: &mut Store,
    call: &Call,
    live: Option<Arc<Value>>,
    mut body: Value,
) -> Result<Written, Refusal> {
    let resource = &call.resource;
    identify(call, &mut body)?;
    events::accept(resource, &mut body);
    if body.pointer("/metadata/managedFields").is_some_and(|v| !v.is_null()) {
        return Err(Refusal::bad_request("metadata.managedFields must be nil"));
    }
    let writer = writer(store, call, "Apply");
    let base = live.as_deref().cloned().unwrap_or_else(
        || json!({"apiVersion": body.get("apiVersion"), "kind": body.get("kind"), "metadata": {"name": call.name}}),
    );
    if resource.is("", "secrets") {
        // The server turns `stringData` into `data` only after ownership is noted, so it is owned under its own name.
        defaults::fill(resource, &mut body, 0);
    }
    let refused = |conflicts: Vec<Conflict>| conflict_with_managers(&conflicts);
    let mut object = apply::apply(&base, &body, writer, call.force, lists(resource)).map_err(refused)?;
    match live {
        Some(live) => {
            let revision = body.pointer("/metadata/resourceVersion").cloned().unwrap_or(Value::Null);
            object::metadata(&mut object).insert("resourceVersion".into(), revision);
            update(store, call, &live, object).map(Written::Updated)
        }
        None if call.part == Part::Status => Err(Refusal::not_found(resource, &call.name)),
        None => create(store, call, object).map(Written::Created),
    }
}

/// Stores a changed object after the rules that hold for each change.
fn update(store: &mut Store, call: &Call, live: &Arc<Value>, mut object: Value) -> Result<Arc<Value>, Refusal> {
    let resource = &call.resource;
    let sent = object::revision(&object);
    if sent != 0 && sent != object::revision(live) {
        let why = "the object has been modified; please apply your changes to the latest version and try again";
        return Err(Refusal::conflict(resource, &call.name, why));
    }
    if !object::uid(&object).is_empty() && object::uid(&object) != object::uid(live) {
        let why = format!(
            "Precondition failed: UID in precondition: {}, UID in object meta: {}",
            object::uid(&object),
            object::uid(live)
        );
        return Err(Refusal::conflict(resource, &call.name, &why));
    }
    object = keep_other_part(call, live, object);
    for key in
        ["uid", "creationTimestamp", "deletionTimestamp", "generation", "namespace", "resourceVersion", "selfLink"]
    {
        let old = live.pointer("/metadata").and_then(|m| m.get(key)).cloned();
        match old {
            Some(value) => object::metadata(&mut object).insert(key.into(), value),
            None => object::metadata(&mut object).shift_remove(key),
        };
    }
    if call.part == Part::Main {
        for key in ["clusterIP", "clusterIPs"].iter().filter(|_| resource.is("", "services")) {
            if let Some(old) = live.pointer("/spec").and_then(|s| s.get(*key)) {
                object::default_at(&mut object, &["spec"], key, old.clone());
            }
        }
        defaults::fill(resource, &mut object, store.revision());
        immutable(resource, live, &object)?;
        small_enough(resource, &object)?;
    }
    if resource.is("apiextensions.k8s.io", "customresourcedefinitions") {
        kinds::from_definition(&object).map_err(|why| Refusal::invalid(resource, &call.name, &why))?;
    }
    if object.pointer("/metadata/managedFields").is_none() {
        fields::note_update(Some(live), &mut object, writer(store, call, "Update"), lists(resource));
    }
    if object == **live {
        return Ok(Arc::clone(live));
    }
    if has_generation(resource) && spec_changed(live, &object) {
        let next = live.pointer("/metadata/generation").and_then(Value::as_u64).unwrap_or(0) + 1;
        object::metadata(&mut object).insert("generation".into(), next.into());
    }
    if call.mode == Mode::DryRun {
        return Ok(Arc::new(object));
    }
    let stored = store.put(resource, object);
    if object::is_deleting(&stored) && !object::has_finalizers(&stored) {
        finish_delete(store, resource, &stored, Dependents::Delete);
        return Ok(stored);
    }
    if call.part == Part::Main {
        controller::react(store, resource, &stored);
    }
    Ok(store.get(resource, &call.namespace, &call.name).unwrap_or(stored))
}

/// Deletes an object, or marks it while finalizers hold it. Returns its last state.
pub(super) fn delete(
    store: &mut Store,
    call: &Call,
    options: &Value,
    dependents: Dependents,
) -> Result<Arc<Value>, Refusal> {
    let resource = &call.resource;
    let live = store.find(resource, &call.namespace, &call.name)?;
    let wanted = |key: &str| options.pointer("/preconditions").and_then(|p| p.get(key)).and_then(Value::as_str);
    for (key, is) in
        [("uid", object::uid(&live)), ("resourceVersion", object::text(&live, "/metadata/resourceVersion"))]
    {
        if wanted(key).is_some_and(|wanted| wanted != is) {
            return Err(Refusal::conflict(
                resource,
                &call.name,
                &format!("the {key} in the precondition does not match"),
            ));
        }
    }
    if call.mode == Mode::DryRun {
        return Ok(live);
    }
    if object::has_finalizers(&live) {
        if object::is_deleting(&live) {
            return Ok(live);
        }
        let mut marked = Value::clone(&live);
        let time = store.clock.rfc3339();
        object::metadata(&mut marked).insert("deletionTimestamp".into(), time.into());
        object::metadata(&mut marked).insert("deletionGracePeriodSeconds".into(), 0.into());
        return Ok(store.put(resource, marked));
    }
    finish_delete(store, resource, &live, dependents);
    Ok(live)
}

/// Removes an object and what belongs to it.
pub(super) fn finish_delete(store: &mut Store, resource: &Resource, object: &Value, dependents: Dependents) {
    store.remove(resource, object::namespace(object), object::name(object));
    controller::removed(store, resource, object, dependents);
}

fn lists(resource: &Resource) -> Lists {
    if resource.custom.is_some() { Lists::Custom } else { Lists::BuiltIn }
}

fn writer(store: &Store, call: &Call, operation: &'static str) -> Owner {
    Owner {
        manager: call.manager.clone(),
        operation,
        subresource: if call.part == Part::Status { "status".into() } else { String::new() },
        api_version: call.resource.api_version(&call.version),
        time: store.clock.rfc3339(),
        fields: std::collections::BTreeSet::new(),
    }
}

fn conflict_with_managers(conflicts: &[Conflict]) -> Refusal {
    let causes: Vec<Value> = conflicts
        .iter()
        .map(|c| json!({"reason": "FieldManagerConflict", "message": format!("conflict with \"{}\"", c.manager), "field": c.field}))
        .collect();
    let list: Vec<String> = conflicts.iter().map(|c| format!("conflict with \"{}\": {}", c.manager, c.field)).collect();
    let plural = if conflicts.len() == 1 { "conflict" } else { "conflicts" };
    let message = format!("Apply failed with {} {plural}: {}", conflicts.len(), list.join("; "));
    let mut refusal = Refusal::new(409, "Conflict", message);
    refusal.details = Box::new(json!({"causes": causes}));
    refusal
}
