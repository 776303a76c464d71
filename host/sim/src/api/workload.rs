//! Status of workloads, and the replica sets and pods that they consist of.

use std::sync::Arc;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::controller::{Fate, condition, set_status};
use super::defaults;
use super::object;
use super::selector::match_labels;
use super::store::Store;
use super::write::{self, Dependents};

/// Pods made for one workload at most; its status still says the full number.
const MOST_PODS: u64 = 20;

pub(super) fn deployment(store: &mut Store, deployment: &Value, fate: Option<Fate>) -> Value {
    let replicas = replicas(deployment);
    let ready = if fate.is_some() { 0 } else { replicas };
    let current = sync_replica_set(store, deployment, replicas, fate);
    retire_replica_sets(store, deployment, &current);
    let available = if fate.is_some() { "False" } else { "True" };
    let mut status = json!({
        "observedGeneration": deployment.pointer("/metadata/generation"), "replicas": replicas,
        "updatedReplicas": replicas, "readyReplicas": ready, "availableReplicas": ready,
        "conditions": [
            condition(store, "Available", available, "MinimumReplicasAvailable"),
            condition(store, "Progressing", "True", "NewReplicaSetAvailable"),
        ],
    });
    if fate.is_some() {
        object::map_at(&mut status, &[]).insert("unavailableReplicas".into(), replicas.into());
    }
    status
}

pub(super) fn replica_set(store: &mut Store, set: &Value, fate: Option<Fate>) -> Value {
    let replicas = replicas(set);
    sync_pods(store, set, replicas, fate);
    let ready = if fate.is_some() { 0 } else { replicas };
    json!({
        "observedGeneration": set.pointer("/metadata/generation"), "replicas": replicas,
        "fullyLabeledReplicas": replicas, "readyReplicas": ready, "availableReplicas": ready,
    })
}

pub(super) fn stateful_set(store: &mut Store, set: &Value, fate: Option<Fate>) -> Value {
    let replicas = replicas(set);
    sync_pods(store, set, replicas, fate);
    let ready = if fate.is_some() { 0 } else { replicas };
    let revision = format!("{}-{}", object::name(set), template_hash(set));
    json!({
        "observedGeneration": set.pointer("/metadata/generation"), "replicas": replicas, "readyReplicas": ready,
        "availableReplicas": ready, "currentReplicas": replicas, "updatedReplicas": replicas,
        "currentRevision": revision, "updateRevision": revision, "collisionCount": 0,
    })
}

pub(super) fn daemon_set(set: &Value, fate: Option<Fate>) -> Value {
    let ready = if fate.is_some() { 0 } else { 1 };
    json!({
        "observedGeneration": set.pointer("/metadata/generation"), "currentNumberScheduled": 1,
        "desiredNumberScheduled": 1, "updatedNumberScheduled": 1, "numberReady": ready, "numberAvailable": ready,
        "numberMisscheduled": 0,
    })
}

pub(super) fn job(store: &Store, job: &Value, fate: Option<Fate>) -> Value {
    let time = store.clock.rfc3339();
    match fate {
        Some(Fate::Unready) => json!({"active": 1, "startTime": time}),
        Some(Fate::Failed) => json!({
            "failed": 1, "startTime": time,
            "conditions": [condition(store, "Failed", "True", "BackoffLimitExceeded")],
        }),
        None => json!({
            "succeeded": job.pointer("/spec/completions"), "startTime": time, "completionTime": time,
            "conditions": [condition(store, "Complete", "True", "CompletionsReached")],
        }),
    }
}

pub(super) fn pod(store: &Store, pod: &Value, fate: Option<Fate>) -> Value {
    let once = object::text(pod, "/spec/restartPolicy") != "Always";
    let phase = match fate {
        Some(Fate::Unready) => "Pending",
        Some(Fate::Failed) => "Failed",
        None if once => "Succeeded",
        None => "Running",
    };
    let ready = phase == "Running";
    let time = store.clock.rfc3339();
    let state = match phase {
        "Running" => json!({"running": {"startedAt": time}}),
        "Succeeded" => json!({"terminated": {"exitCode": 0, "reason": "Completed", "finishedAt": time}}),
        "Failed" => json!({"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": time}}),
        _ => json!({"waiting": {"reason": "ContainerCreating"}}),
    };
    let containers = pod.pointer("/spec/containers").and_then(Value::as_array);
    let statuses = containers.into_iter().flatten().map(|container| {
        json!({
            "name": container.get("name"), "image": container.get("image"), "imageID": "", "ready": ready,
            "started": ready, "restartCount": 0, "state": state,
        })
    });
    let yes_no = if ready { "True" } else { "False" };
    let reason = if phase == "Succeeded" { "PodCompleted" } else { "" };
    let conditions = [
        condition(store, "PodScheduled", "True", ""),
        condition(store, "Initialized", "True", reason),
        condition(store, "ContainersReady", yes_no, reason),
        condition(store, "Ready", yes_no, reason),
    ];
    json!({
        "phase": phase, "conditions": conditions, "containerStatuses": statuses.collect::<Vec<_>>(),
        "startTime": pod.pointer("/metadata/creationTimestamp"), "qosClass": "Burstable",
    })
}

/// The replica set of the deployment's present template, made or scaled as needed. Returns its name.
fn sync_replica_set(store: &mut Store, deployment: &Value, replicas: u64, fate: Option<Fate>) -> String {
    let resource = store.known("apps", "replicasets");
    let hash = template_hash(deployment);
    let name = format!("{}-{hash}", object::name(deployment));
    let live = store.get(&resource, object::namespace(deployment), &name);
    let label = |object: &mut Value, at: &[&str]| {
        object::map_at(object, at).insert("pod-template-hash".into(), hash.clone().into());
    };
    let annotation = "deployment.kubernetes.io~1revision";
    let number =
        |set: &Value| object::text(set, &format!("/metadata/annotations/{annotation}")).parse().unwrap_or(0_u64);
    let sets = store.list(&resource.storage(), object::namespace(deployment));
    let newest = sets.iter().filter(|set| is_owned(set, deployment)).map(|set| number(set)).max().unwrap_or(0);
    let mut set = match live {
        Some(live) => Value::clone(&live),
        None => {
            let (uid, time) = (store.new_uid(), store.clock.rfc3339());
            let mut set = json!({
                "apiVersion": "apps/v1", "kind": "ReplicaSet",
                "metadata": {
                    "name": name, "namespace": object::namespace(deployment), "uid": uid, "creationTimestamp": time,
                    "generation": 1, "labels": deployment.pointer("/spec/template/metadata/labels"),
                    "ownerReferences": [owner(deployment)],
                },
                "spec": {"selector": deployment.pointer("/spec/selector"), "template": deployment.pointer("/spec/template")},
            });
            label(&mut set, &["metadata", "labels"]);
            label(&mut set, &["spec", "selector", "matchLabels"]);
            label(&mut set, &["spec", "template", "metadata", "labels"]);
            set
        }
    };
    // A template that comes back, as after a rollback, is the newest revision again.
    if number(&set) == 0 || number(&set) < newest {
        let annotations = object::map_at(&mut set, &["metadata", "annotations"]);
        annotations.insert("deployment.kubernetes.io/revision".into(), (newest + 1).to_string().into());
    }
    object::map_at(&mut set, &["spec"]).insert("replicas".into(), replicas.into());
    let unchanged = sets.iter().any(|live| **live == set);
    let stored = if unchanged { Arc::new(set) } else { store.put(&resource, set) };
    let status = replica_set(store, &stored, fate);
    set_status(store, &resource, &stored, status);
    name
}

/// Scales the other replica sets of the deployment to nothing; only the newest few are kept.
fn retire_replica_sets(store: &mut Store, deployment: &Value, current: &str) {
    let resource = store.known("apps", "replicasets");
    let sets = store.list(&resource.storage(), object::namespace(deployment));
    let mut old: Vec<_> =
        sets.into_iter().filter(|set| is_owned(set, deployment) && object::name(set) != current).collect();
    old.sort_by_key(|set| object::revision(set));
    let limit = deployment.pointer("/spec/revisionHistoryLimit").and_then(Value::as_u64).unwrap_or(10);
    let surplus = old.len().saturating_sub(usize::try_from(limit).unwrap_or(usize::MAX));
    for (index, set) in old.into_iter().enumerate() {
        if index < surplus {
            write::finish_delete(store, &resource, &set, Dependents::Delete);
        } else if replicas(&set) > 0 {
            let mut idle = Value::clone(&set);
            object::map_at(&mut idle, &["spec"]).insert("replicas".into(), 0.into());
            let stored = store.put(&resource, idle);
            let status = replica_set(store, &stored, None);
            set_status(store, &resource, &stored, status);
        }
    }
}

/// Makes and removes pods until as many run as are wanted, all by the present template.
fn sync_pods(store: &mut Store, owner_object: &Value, wanted: u64, fate: Option<Fate>) {
    let resource = store.known("", "pods");
    let hash = template_hash(owner_object);
    let labels = owner_object.pointer("/spec/selector/matchLabels").cloned().unwrap_or_default();
    let mut pods = store.list(&resource.storage(), object::namespace(owner_object));
    pods.retain(|pod| is_owned(pod, owner_object) && match_labels(pod, &labels));
    let ordinal = owner_object.get("kind").is_some_and(|kind| kind == "StatefulSet");
    let wanted = usize::try_from(wanted.min(MOST_PODS)).unwrap_or_default();
    let (kept, stale): (Vec<_>, Vec<_>) =
        pods.into_iter().partition(|pod| object::text(pod, "/metadata/annotations/sim.rhumb.dev~1template") == hash);
    for pod in stale.iter().chain(kept.iter().skip(wanted)) {
        write::finish_delete(store, &resource, pod, Dependents::Delete);
    }
    for pod in kept.iter().take(wanted) {
        let status = self::pod(store, pod, fate);
        if pod.pointer("/status/phase") != status.get("phase") {
            set_status(store, &resource, pod, status);
        }
    }
    for index in kept.len()..wanted {
        let end = if ordinal { index.to_string() } else { store.new_suffix() };
        let name = format!("{}-{end}", object::name(owner_object));
        let (uid, time) = (store.new_uid(), store.clock.rfc3339());
        let template = owner_object.pointer("/spec/template").cloned().unwrap_or_default();
        let mut fresh = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": template.get("metadata").cloned().unwrap_or_default(),
            "spec": template.get("spec").cloned().unwrap_or_default(),
        });
        let annotations = object::map_at(&mut fresh, &["metadata", "annotations"]);
        annotations.insert("sim.rhumb.dev/template".into(), hash.clone().into());
        let metadata = object::metadata(&mut fresh);
        metadata.insert("name".into(), name.into());
        metadata.insert("namespace".into(), object::namespace(owner_object).into());
        metadata.insert("uid".into(), uid.into());
        metadata.insert("creationTimestamp".into(), time.into());
        metadata.insert("ownerReferences".into(), json!([owner(owner_object)]));
        defaults::fill(&resource, &mut fresh, 0);
        let status = pod(store, &fresh, fate);
        object::map_at(&mut fresh, &[]).insert("status".into(), status);
        store.put(&resource, fresh);
    }
}

fn replicas(object: &Value) -> u64 {
    object.pointer("/spec/replicas").and_then(Value::as_u64).unwrap_or(1)
}

fn template_hash(object: &Value) -> String {
    let mut text = String::new();
    canonical(object.pointer("/spec/template").unwrap_or(&Value::Null), &mut text);
    hex::encode(Sha256::digest(text)).chars().take(10).collect()
}

/// Prints a value with sorted keys, so that two that are equal print the same.
fn canonical(value: &Value, text: &mut String) {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            text.push('{');
            for (key, inner) in entries {
                text.push_str(key);
                text.push('=');
                canonical(inner, text);
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            items.iter().for_each(|item| canonical(item, text));
            text.push(']');
        }
        other => text.push_str(&other.to_string()),
    }
}

fn owner(object: &Value) -> Value {
    json!({
        "apiVersion": object.get("apiVersion"), "kind": object.get("kind"), "name": object::name(object),
        "uid": object::uid(object), "controller": true, "blockOwnerDeletion": true,
    })
}

fn is_owned(object: &Value, by: &Value) -> bool {
    let owners = object.pointer("/metadata/ownerReferences").and_then(Value::as_array);
    owners.is_some_and(|list| list.iter().any(|r| r.get("uid") == by.pointer("/metadata/uid")))
}
