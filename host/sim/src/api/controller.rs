//! Stands for the controllers and kubelets of a cluster: whatever is created becomes ready at once.
//!
//! It runs inside the write that caused it, so a client sees a workload and then, one version later, its status. What
//! becomes of one object can be changed with a [`Fate`].

use serde_json::{Value, json};

use super::kinds::{self, Resource};
use super::object;
use super::store::Store;
use super::workload;
use super::write::{self, Dependents};

/// What becomes of an object instead of getting ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It never becomes ready.
    Unready,
    /// A Job or a Pod fails; anything else never becomes ready.
    Failed,
}

/// Brings about what follows from a new or changed object.
pub(super) fn react(store: &mut Store, resource: &Resource, object: &Value) {
    let fate = store.fate(resource, object);
    let status = match (resource.group.as_str(), resource.kind.as_str()) {
        ("apiextensions.k8s.io", "CustomResourceDefinition") => {
            if let Ok(custom) = kinds::from_definition(object) {
                store.register(custom);
            }
            definition_status(store, object)
        }
        ("apps", "Deployment") => workload::deployment(store, object, fate),
        ("apps", "ReplicaSet") => workload::replica_set(store, object, fate),
        ("apps", "StatefulSet") => workload::stateful_set(store, object, fate),
        ("apps", "DaemonSet") => workload::daemon_set(object, fate),
        ("batch", "Job") => workload::job(store, object, fate),
        ("", "Pod") => workload::pod(store, object, fate),
        ("", "PersistentVolumeClaim") => json!({
            "phase": if fate.is_some() { "Pending" } else { "Bound" },
            "capacity": object.pointer("/spec/resources/requests"), "accessModes": object.pointer("/spec/accessModes"),
        }),
        ("", "PersistentVolume") => json!({"phase": "Available"}),
        ("", "Service") => match object::text(object, "/spec/type") {
            "LoadBalancer" if fate.is_none() => json!({"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}),
            _ => json!({"loadBalancer": {}}),
        },
        ("networking.k8s.io", "Ingress") => json!({"loadBalancer": {}}),
        ("autoscaling", _) => autoscale(store, object),
        ("policy", "PodDisruptionBudget") => json!({
            "observedGeneration": object.pointer("/metadata/generation"), "disruptionsAllowed": 1,
            "currentHealthy": 1, "desiredHealthy": 0, "expectedPods": 1,
        }),
        _ => return,
    };
    set_status(store, resource, object, status);
}

/// Brings about what follows from a removed object: what it owned goes, or is let go.
pub(super) fn removed(store: &mut Store, resource: &Resource, object: &Value, dependents: Dependents) {
    match (resource.group.as_str(), resource.kind.as_str()) {
        ("apiextensions.k8s.io", "CustomResourceDefinition") => {
            let (group, plural) = (object::text(object, "/spec/group"), object::text(object, "/spec/names/plural"));
            let everything = store.everything();
            for (custom, instance) in everything.iter().filter(|(r, _)| r.is(group, plural)) {
                store.remove(custom, object::namespace(instance), object::name(instance));
            }
            store.unregister(group, plural);
        }
        ("", "Namespace") => {
            let inside = store.everything().into_iter().filter(|(_, o)| object::namespace(o) == object::name(object));
            for (resource, object) in inside.collect::<Vec<_>>() {
                store.remove(&resource, object::namespace(&object), object::name(&object));
            }
        }
        _ if store.may_own(object) => release_dependents(store, object, dependents),
        _ => {}
    }
}

fn release_dependents(store: &mut Store, owner: &Value, dependents: Dependents) {
    let owned = |object: &Value| {
        let references = object.pointer("/metadata/ownerReferences").and_then(Value::as_array);
        references
            .is_some_and(|list| list.iter().any(|r| r.get("uid").and_then(Value::as_str) == Some(object::uid(owner))))
    };
    for (resource, object) in store.everything().into_iter().filter(|(_, object)| owned(object)) {
        let mut rest = Value::clone(&object);
        let references = object::metadata(&mut rest).get_mut("ownerReferences").and_then(Value::as_array_mut);
        let left = references.map_or(0, |list| {
            list.retain(|r| r.get("uid").and_then(Value::as_str) != Some(object::uid(owner)));
            list.len()
        });
        if dependents == Dependents::Orphan || left > 0 {
            store.put(&resource, rest);
        } else if object::has_finalizers(&object) {
            let time = store.clock.rfc3339();
            object::metadata(&mut rest).insert("deletionTimestamp".into(), time.into());
            store.put(&resource, rest);
        } else {
            write::finish_delete(store, &resource, &object, Dependents::Delete);
        }
    }
}

/// Stores a status, unless it is what is there.
pub(super) fn set_status(store: &mut Store, resource: &Resource, object: &Value, status: Value) {
    let live = store.get(resource, object::namespace(object), object::name(object));
    if let Some(live) = live.filter(|live| live.get("status") != Some(&status)) {
        let mut changed = Value::clone(&live);
        object::map_at(&mut changed, &[]).insert("status".into(), status);
        store.put(resource, changed);
    }
}

/// A condition as most kinds have it.
pub(super) fn condition(store: &Store, kind: &str, status: &str, reason: &str) -> Value {
    let time = store.clock.rfc3339();
    json!({"type": kind, "status": status, "reason": reason, "message": "", "lastTransitionTime": time})
}

fn definition_status(store: &Store, definition: &Value) -> Value {
    let versions = definition.pointer("/spec/versions").and_then(Value::as_array);
    let stored = versions.into_iter().flatten().filter(|v| v.get("storage") == Some(&Value::Bool(true)));
    // The first condition keeps its time when a definition changes.
    let conditions = definition.pointer("/status/conditions").cloned().unwrap_or_else(|| {
        json!([
            condition(store, "NamesAccepted", "True", "NoConflicts"),
            condition(store, "Established", "True", "InitialNamesAccepted"),
        ])
    });
    json!({
        "acceptedNames": definition.pointer("/spec/names"), "conditions": conditions,
        "storedVersions": stored.filter_map(|v| v.get("name").cloned()).collect::<Vec<_>>(),
    })
}

/// Raises its target to the least number of replicas.
fn autoscale(store: &mut Store, autoscaler: &Value) -> Value {
    let least = autoscaler.pointer("/spec/minReplicas").and_then(Value::as_u64).unwrap_or(1);
    let kind = object::text(autoscaler, "/spec/scaleTargetRef/kind");
    let plural = if kind == "StatefulSet" { "statefulsets" } else { "deployments" };
    let resource = store.known("apps", plural);
    let target =
        store.get(&resource, object::namespace(autoscaler), object::text(autoscaler, "/spec/scaleTargetRef/name"));
    let mut replicas = 0;
    if let Some(target) = target {
        replicas = target.pointer("/spec/replicas").and_then(Value::as_u64).unwrap_or(1);
        if replicas < least {
            replicas = least;
            let mut scaled = Value::clone(&target);
            object::map_at(&mut scaled, &["spec"]).insert("replicas".into(), least.into());
            let generation = target.pointer("/metadata/generation").and_then(Value::as_u64).unwrap_or(0) + 1;
            object::metadata(&mut scaled).insert("generation".into(), generation.into());
            let stored = store.put(&resource, scaled);
            react(store, &resource, &stored);
        }
    }
    json!({"currentReplicas": replicas, "desiredReplicas": replicas, "currentMetrics": null, "conditions": [
        condition(store, "AbleToScale", "True", "ReadyForNewScale"),
    ]})
}
