//! What a release does to objects besides applying them: replacing them whole (Helm's `--force`), and starting the pods
//! of a workload anew (Helm's `--recreate-pods`).

use serde_json::{Map, Value};

use crate::cluster::client::Cluster;
use crate::cluster::error::{Error, Kind};
use crate::cluster::key::Key;
use crate::cluster::objects::{List, METADATA_LIST};

/// How often an object is replaced anew that somebody else writes meanwhile.
const ATTEMPTS: usize = 5;

impl Cluster {
    /// Replaces an object by this one, or makes it when it is not there, and answers it as it is then.
    ///
    /// Nothing is deleted and made anew, as Helm 3 does not either: a field that the API does not let change is an error.
    pub(super) async fn replace_whole(&self, object: &Value, key: &Key, manager: &str) -> Result<Value, Error> {
        let mut attempts = 1;
        loop {
            let Some(live) = self.get(key).await? else { return self.apply_whole(object, manager).await };
            let mut whole = object.clone();
            if let Some(metadata) = whole.get_mut("metadata").and_then(Value::as_object_mut) {
                let version = live.pointer("/metadata/resourceVersion").cloned();
                metadata.insert("resourceVersion".to_owned(), version.unwrap_or_default());
            }
            match self.replace(&whole).await {
                Err(error) if matches!(*error.kind, Kind::Conflict { .. }) && attempts < ATTEMPTS => attempts += 1,
                other => {
                    other?;
                    break;
                }
            }
        }
        // A replacement is an update to the API server. As an apply we own what the chart has, so that what it drops later
        // goes.
        self.adopt(key, manager).await?;
        self.apply_whole(object, manager).await
    }

    /// Deletes the pods of a workload, so that it starts them anew. Other kinds have none.
    pub(super) async fn restart_pods(&self, workload: &Value) -> Result<(), Error> {
        let Some(selector) = selector(workload) else { return Ok(()) };
        let namespace = workload.pointer("/metadata/namespace").and_then(Value::as_str).unwrap_or_default();
        let list = List {
            api_version: "v1",
            kind: "Pod",
            namespace: Some(namespace),
            selector: Some(&selector),
            accept: METADATA_LIST,
        };
        for pod in self.list_pages(&list).await? {
            let name = pod.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
            self.delete(&Key::new("v1", "Pod", namespace, name)).await?;
        }
        Ok(())
    }
}

/// How a workload selects its pods, as a list takes it; `None` for what selects none, so that never all pods are meant.
fn selector(workload: &Value) -> Option<String> {
    let selector = workload.pointer("/spec/selector")?;
    let equal = |labels: &Map<String, Value>| -> Vec<String> {
        labels.iter().filter_map(|(key, value)| Some(format!("{key}={}", value.as_str()?))).collect()
    };
    let terms = match workload.get("kind").and_then(Value::as_str)? {
        "ReplicationController" => equal(selector.as_object()?),
        "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet" => {
            let mut terms = selector.get("matchLabels").and_then(Value::as_object).map(equal).unwrap_or_default();
            for expression in selector.get("matchExpressions").and_then(Value::as_array).into_iter().flatten() {
                terms.push(term(expression)?);
            }
            terms
        }
        _ => return None,
    };
    (!terms.is_empty()).then(|| terms.join(","))
}

fn term(expression: &Value) -> Option<String> {
    let key = expression.get("key")?.as_str()?;
    let values = expression.get("values").and_then(Value::as_array).into_iter().flatten();
    let values = values.map(Value::as_str).collect::<Option<Vec<_>>>()?.join(",");
    match expression.get("operator")?.as_str()? {
        "In" => Some(format!("{key} in ({values})")),
        "NotIn" => Some(format!("{key} notin ({values})")),
        "Exists" => Some(key.to_owned()),
        "DoesNotExist" => Some(format!("!{key}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn selects_the_pods_of_workloads_and_of_nothing_else() {
        let of = |kind: &str, spec: Value| selector(&json!({ "kind": kind, "spec": { "selector": spec } }));
        let both = json!({
            "matchLabels": { "app": "a" },
            "matchExpressions": [
                { "key": "tier", "operator": "In", "values": ["x", "y"] },
                { "key": "old", "operator": "DoesNotExist" },
            ],
        });
        assert_eq!(of("Deployment", both.clone()).as_deref(), Some("app=a,tier in (x,y),!old"));
        assert_eq!(of("ReplicationController", json!({ "app": "a" })).as_deref(), Some("app=a"));
        assert_eq!(of("Service", both), None);
        assert_eq!(of("StatefulSet", json!({})), None);
        let odd = json!({ "matchLabels": { "app": "a" }, "matchExpressions": [{ "key": "b", "operator": "Near" }] });
        assert_eq!(of("Deployment", odd), None);
    }
}
