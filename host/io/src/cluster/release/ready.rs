//! When an object is ready.
//!
//! The rules are Helm's, with one exception: a Deployment is judged by its own status as `kubectl rollout status`
//! does, not by its newest ReplicaSet.

use serde_json::Value;

/// How far an object is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ready {
    Yes,
    /// Not yet, and why.
    No(&'static str),
    /// It will not be.
    Failed(String),
}

/// Whether an object of this kind is ever anything but ready once it is there; asked before it is.
pub(super) fn may_take_time(object: &Value) -> bool {
    match object.get("kind").and_then(Value::as_str).unwrap_or_default() {
        "Pod" | "PersistentVolumeClaim" | "Deployment" | "DaemonSet" | "StatefulSet" | "CustomResourceDefinition" => {
            true
        }
        "Service" => object.pointer("/spec/type").and_then(Value::as_str) == Some("LoadBalancer"),
        _ => false,
    }
}

/// Whether an object serves.
pub(super) fn readiness(object: &Value) -> Ready {
    let number = |pointer: &str| object.pointer(pointer).and_then(Value::as_i64);
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let seen = number("/status/observedGeneration").unwrap_or(0) >= number("/metadata/generation").unwrap_or(0);
    let yes_if = |ready: bool, why: &'static str| if ready { Ready::Yes } else { Ready::No(why) };
    match text("/kind") {
        "Pod" => yes_if(condition(object, "Ready") == Some("True"), "not ready"),
        "PersistentVolumeClaim" => yes_if(text("/status/phase") == "Bound", "not bound"),
        "Service" if text("/spec/type") == "ExternalName" => Ready::Yes,
        "Service" => {
            let balanced = text("/spec/type") != "LoadBalancer"
                || object.pointer("/spec/externalIPs/0").is_some()
                || object.pointer("/status/loadBalancer/ingress/0").is_some();
            yes_if(!text("/spec/clusterIP").is_empty() && balanced, "without address")
        }
        "Deployment" if object.pointer("/spec/paused") == Some(&Value::Bool(true)) => Ready::Yes,
        "Deployment" if !seen => Ready::No("not observed yet"),
        "Deployment" => deployment(object),
        "DaemonSet" if text("/spec/updateStrategy/type") == "OnDelete" => Ready::Yes,
        "DaemonSet" if !seen => Ready::No("not observed yet"),
        "DaemonSet" => {
            let wanted = number("/status/desiredNumberScheduled").unwrap_or(0);
            let slack = share(object.pointer("/spec/updateStrategy/rollingUpdate/maxUnavailable"), wanted, 1);
            let updated = number("/status/updatedNumberScheduled").unwrap_or(0) >= wanted;
            yes_if(updated && number("/status/numberReady").unwrap_or(0) >= wanted - slack, "rolling out")
        }
        "StatefulSet" if text("/spec/updateStrategy/type") == "OnDelete" => Ready::Yes,
        "StatefulSet" if !seen => Ready::No("not observed yet"),
        "StatefulSet" => {
            let replicas = number("/spec/replicas").unwrap_or(1);
            let partition = number("/spec/updateStrategy/rollingUpdate/partition").unwrap_or(0);
            let updated = number("/status/updatedReplicas").unwrap_or(0) >= replicas - partition;
            yes_if(updated && number("/status/readyReplicas").unwrap_or(0) >= replicas, "rolling out")
        }
        "CustomResourceDefinition" => {
            let named = condition(object, "NamesAccepted") == Some("False");
            yes_if(named || condition(object, "Established") == Some("True"), "not established")
        }
        _ => Ready::Yes,
    }
}

/// Whether a Job or Pod has done its work.
pub(super) fn finished(object: &Value) -> Ready {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    match text("/kind") {
        "Job" if condition(object, "Failed") == Some("True") => Ready::Failed("job failed".to_owned()),
        "Job" if condition(object, "Complete") == Some("True") => Ready::Yes,
        "Pod" if text("/status/phase") == "Failed" => Ready::Failed("pod failed".to_owned()),
        "Pod" if text("/status/phase") == "Succeeded" => Ready::Yes,
        "Job" | "Pod" => Ready::No("running"),
        _ => Ready::Yes,
    }
}

fn deployment(object: &Value) -> Ready {
    let status = |field: &str| object.get("status").and_then(|s| s.get(field)).and_then(Value::as_i64).unwrap_or(0);
    let replicas = object.pointer("/spec/replicas").and_then(Value::as_i64).unwrap_or(1);
    // A quarter is the API's default.
    let slack = share(object.pointer("/spec/strategy/rollingUpdate/maxUnavailable"), replicas, replicas / 4);
    if status("updatedReplicas") < replicas {
        return Ready::No("rolling out");
    }
    if status("replicas") > status("updatedReplicas") {
        return Ready::No("ending old pods");
    }
    if status("readyReplicas") < replicas - slack { Ready::No("pods not ready") } else { Ready::Yes }
}

/// A number or a percentage of `of`, rounded down.
fn share(value: Option<&Value>, of: i64, default: i64) -> i64 {
    match value {
        Some(Value::Number(number)) => number.as_i64().unwrap_or(default),
        Some(Value::String(text)) => {
            let percent = text.strip_suffix('%').and_then(|text| text.parse::<i64>().ok());
            percent.map_or(default, |percent| of.saturating_mul(percent) / 100)
        }
        _ => default,
    }
}

fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a str> {
    let conditions = object.pointer("/status/conditions")?.as_array()?;
    let found = conditions.iter().find(|one| one.get("type").and_then(Value::as_str) == Some(kind))?;
    found.get("status")?.as_str()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn judges_each_kind_by_its_own_rule() {
        let deployment = |spec: Value, status: Value| {
            readiness(&json!({ "kind": "Deployment", "metadata": { "generation": 2 }, "spec": spec, "status": status }))
        };
        let good = json!({ "observedGeneration": 2, "replicas": 4, "updatedReplicas": 4, "readyReplicas": 3 });
        assert_eq!(deployment(json!({ "replicas": 4 }), good.clone()), Ready::Yes);
        assert_eq!(deployment(json!({ "replicas": 5 }), good), Ready::No("rolling out"));
        assert_eq!(deployment(json!({}), json!({ "observedGeneration": 1 })), Ready::No("not observed yet"));
        assert_eq!(deployment(json!({ "paused": true }), json!({})), Ready::Yes);
        let old = json!({ "observedGeneration": 2, "replicas": 2, "updatedReplicas": 1, "readyReplicas": 2 });
        assert_eq!(deployment(json!({ "replicas": 1 }), old), Ready::No("ending old pods"));
        let all: i64 = share(Some(&json!("100%")), 4, 1);
        assert_eq!(all, 4);

        let service = |spec: Value| readiness(&json!({ "kind": "Service", "spec": spec }));
        assert_eq!(service(json!({ "clusterIP": "10.0.0.1" })), Ready::Yes);
        assert_eq!(service(json!({})), Ready::No("without address"));
        assert_eq!(service(json!({ "type": "ExternalName" })), Ready::Yes);
        assert_eq!(service(json!({ "type": "LoadBalancer", "clusterIP": "10.0.0.1" })), Ready::No("without address"));
        assert_eq!(readiness(&json!({ "kind": "ConfigMap" })), Ready::Yes);
        let job = |condition: &str| {
            finished(&json!({ "kind": "Job", "status": { "conditions": [{ "type": condition, "status": "True" }] } }))
        };
        assert_eq!(job("Complete"), Ready::Yes);
        assert!(matches!(job("Failed"), Ready::Failed(_)));
        assert_eq!(job("Suspended"), Ready::No("running"));
    }
}
