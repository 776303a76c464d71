//! What the API server itself fills in before an object is stored, as far as clients rely on it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::kinds::Resource;
use super::object::{self, default_at, map_at};

/// Fills in defaults. The number makes cluster addresses differ.
pub(super) fn fill(resource: &Resource, object: &mut Value, number: u64) {
    match (resource.group.as_str(), resource.kind.as_str()) {
        ("", "Namespace") => {
            let name = object::name(object).to_owned();
            map_at(object, &["metadata", "labels"]).insert("kubernetes.io/metadata.name".into(), name.into());
            default_at(object, &["spec"], "finalizers", json!(["kubernetes"]));
            default_at(object, &["status"], "phase", "Active");
        }
        ("", "Secret") => secret(object),
        ("", "Service") => service(object, number),
        ("", "Pod") => pod_spec(object, &["spec"], "Always"),
        ("", "PersistentVolumeClaim") => default_at(object, &["spec"], "volumeMode", "Filesystem"),
        ("apps", "Deployment") => {
            default_at(object, &["spec"], "replicas", 1);
            default_at(object, &["spec"], "revisionHistoryLimit", 10);
            default_at(object, &["spec"], "progressDeadlineSeconds", 600);
            let rolling =
                json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}});
            default_at(object, &["spec"], "strategy", rolling);
            pod_spec(object, &["spec", "template", "spec"], "Always");
        }
        ("apps", "ReplicaSet") => {
            default_at(object, &["spec"], "replicas", 1);
            pod_spec(object, &["spec", "template", "spec"], "Always");
        }
        ("apps", "StatefulSet") => {
            default_at(object, &["spec"], "replicas", 1);
            default_at(object, &["spec"], "podManagementPolicy", "OrderedReady");
            let rolling = json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 0}});
            default_at(object, &["spec"], "updateStrategy", rolling);
            pod_spec(object, &["spec", "template", "spec"], "Always");
        }
        ("apps", "DaemonSet") => {
            let rolling = json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}});
            default_at(object, &["spec"], "updateStrategy", rolling);
            pod_spec(object, &["spec", "template", "spec"], "Always");
        }
        ("batch", "Job") => {
            default_at(object, &["spec"], "backoffLimit", 6);
            default_at(object, &["spec"], "completions", 1);
            default_at(object, &["spec"], "parallelism", 1);
            pod_spec(object, &["spec", "template", "spec"], "Never");
        }
        ("autoscaling", _) => default_at(object, &["spec"], "minReplicas", 1),
        ("apiextensions.k8s.io", _) => definition(object),
        _ => {}
    }
}

/// `stringData` is written into `data`, and never stored.
fn secret(object: &mut Value) {
    default_at(object, &[], "type", "Opaque");
    let texts = map_at(object, &[]).shift_remove("stringData");
    for (key, text) in texts.as_ref().and_then(Value::as_object).into_iter().flatten() {
        let data = STANDARD.encode(text.as_str().unwrap_or_default());
        map_at(object, &["data"]).insert(key.clone(), data.into());
    }
}

fn service(object: &mut Value, number: u64) {
    default_at(object, &["spec"], "type", "ClusterIP");
    default_at(object, &["spec"], "sessionAffinity", "None");
    for port in list_mut(object, "/spec/ports") {
        let target = port.get("port").cloned().unwrap_or_default();
        default_at(port, &[], "protocol", "TCP");
        default_at(port, &[], "targetPort", target);
    }
    if object::text(object, "/spec/type") != "ExternalName" {
        let address = format!("10.96.{}.{}", number / 254 % 256, number % 254 + 1);
        default_at(object, &["spec"], "clusterIP", address);
        let address = object.pointer("/spec/clusterIP").cloned().unwrap_or_default();
        default_at(object, &["spec"], "clusterIPs", json!([address]));
    }
}

fn pod_spec(object: &mut Value, at: &[&str], restart: &str) {
    default_at(object, at, "restartPolicy", restart);
    default_at(object, at, "terminationGracePeriodSeconds", 30);
    default_at(object, at, "dnsPolicy", "ClusterFirst");
    default_at(object, at, "schedulerName", "default-scheduler");
    for list in ["initContainers", "containers"] {
        for container in list_mut(object, &format!("/{}/{list}", at.join("/"))) {
            let image = object::text(container, "/image");
            let moving = image.ends_with(":latest") || !image.rsplit('/').next().unwrap_or_default().contains(':');
            default_at(container, &[], "imagePullPolicy", if moving { "Always" } else { "IfNotPresent" });
            for port in list_mut(container, "/ports") {
                default_at(port, &[], "protocol", "TCP");
            }
        }
    }
}

fn definition(object: &mut Value) {
    let kind = object::text(object, "/spec/names/kind").to_owned();
    default_at(object, &["spec", "names"], "singular", kind.to_lowercase());
    default_at(object, &["spec", "names"], "listKind", format!("{kind}List"));
    default_at(object, &["spec"], "conversion", json!({"strategy": "None"}));
}

fn list_mut<'a>(object: &'a mut Value, pointer: &str) -> impl Iterator<Item = &'a mut Value> {
    object.pointer_mut(pointer).and_then(Value::as_array_mut).into_iter().flatten()
}
