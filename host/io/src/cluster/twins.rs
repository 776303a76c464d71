//! Lists whose entries have a key, with a key twice: an ordinary write takes them, and a write by server-side apply is
//! refused. Charts that name an environment variable twice are common, so what the cluster would make of it is written.

use std::borrow::Cow;

use serde_json::Value;

/// Where a pod is described in an object of a kind that has pods.
const PODS: [&str; 3] = ["/spec", "/spec/template/spec", "/spec/jobTemplate/spec/template/spec"];
/// Keyed lists of a container, and of a pod, in which the cluster allows a key twice and lets the last one count.
const OF_CONTAINERS: [(&str, &str); 1] = [("env", "name")];
const OF_PODS: [(&str, &str); 2] = [("imagePullSecrets", "name"), ("hostAliases", "ip")];

/// The object with the last of such entries only. The same object when there are none.
pub(super) fn merged(object: &Value) -> Cow<'_, Value> {
    if !has_twins(object) {
        return Cow::Borrowed(object);
    }
    let mut object = object.clone();
    for pod in PODS {
        let Some(pod) = object.pointer_mut(pod) else { continue };
        for (list, key) in OF_PODS {
            merge(pod, list, key);
        }
        for containers in ["containers", "initContainers"] {
            let containers = pod.get_mut(containers).and_then(Value::as_array_mut);
            for container in containers.into_iter().flatten() {
                for (list, key) in OF_CONTAINERS {
                    merge(container, list, key);
                }
            }
        }
    }
    Cow::Owned(object)
}

fn has_twins(object: &Value) -> bool {
    PODS.iter().filter_map(|pod| object.pointer(pod)).any(|pod| {
        let containers = ["containers", "initContainers"].into_iter().filter_map(|list| pod.get(list)?.as_array());
        OF_PODS.iter().any(|(list, key)| has_twin(pod, list, key))
            || containers
                .flatten()
                .any(|container| OF_CONTAINERS.iter().any(|(list, key)| has_twin(container, list, key)))
    })
}

fn has_twin(of: &Value, list: &str, key: &str) -> bool {
    let entries = of.get(list).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    (0..entries.len()).any(|at| is_hidden(entries, at, key))
}

/// Whether a later entry has the same key.
fn is_hidden(entries: &[Value], at: usize, key: &str) -> bool {
    let mut names = entries.iter().skip(at).map(|entry| entry.get(key).and_then(Value::as_str));
    let Some(Some(name)) = names.next() else { return false };
    names.any(|other| other == Some(name))
}

fn merge(of: &mut Value, list: &str, key: &str) {
    let Some(entries) = of.get_mut(list).and_then(Value::as_array_mut) else { return };
    let all = std::mem::take(entries);
    let hidden: Vec<bool> = (0..all.len()).map(|at| is_hidden(&all, at, key)).collect();
    *entries = all.into_iter().zip(hidden).filter(|(_, hidden)| !hidden).map(|(entry, _)| entry).collect();
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_last_of_two_variables_of_one_name_counts() {
        let with = |env: Value| {
            json!({
                "kind": "Deployment",
                "spec": { "template": { "spec": { "containers": [{ "name": "main", "env": env }] } } },
            })
        };
        let twice = with(json!([
            { "name": "URL", "value": "first" }, { "name": "A", "value": "$(URL)" }, { "name": "URL", "value": "last" },
        ]));
        let once = with(json!([{ "name": "A", "value": "$(URL)" }, { "name": "URL", "value": "last" }]));
        assert_eq!(*merged(&twice), once);
        assert!(matches!(merged(&once), Cow::Borrowed(_)));
    }

    #[test]
    fn lists_of_the_pod_are_merged_and_what_is_no_pod_is_left_alone() {
        let pod = json!({ "kind": "Pod", "spec": { "imagePullSecrets": [{ "name": "a" }, { "name": "a" }] } });
        assert_eq!(merged(&pod)["spec"]["imagePullSecrets"], json!([{ "name": "a" }]));
        let odd = json!({ "kind": "Odd", "spec": { "containers": "none", "imagePullSecrets": [1, 1, {}] } });
        assert!(matches!(merged(&odd), Cow::Borrowed(_)));
    }
}
