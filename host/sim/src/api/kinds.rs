//! Which resources there are: the built-in table, and what custom resource definitions add to it.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};

/// Where objects of a kind live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    Namespaced,
    Cluster,
}

/// Whether a kind has the `status` subresource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StatusPart {
    Separate,
    None,
}

/// One resource of one group; objects are stored once, whatever version they are asked for in.
#[derive(Clone, Debug)]
pub(super) struct Resource {
    /// Empty for the core group.
    pub(super) group: String,
    /// Served versions, the preferred first.
    pub(super) versions: Vec<String>,
    pub(super) kind: String,
    pub(super) list_kind: String,
    pub(super) plural: String,
    pub(super) singular: String,
    pub(super) short_names: Vec<String>,
    pub(super) categories: Vec<String>,
    pub(super) scope: Scope,
    pub(super) status: StatusPart,
    /// Only for custom resources.
    pub(super) custom: Option<Custom>,
}

/// Group and plural under which objects are stored.
pub(super) type StorageKey = (String, String);

/// What a custom resource definition says beyond the names.
#[derive(Clone, Debug, Default)]
pub(super) struct Custom {
    /// `additionalPrinterColumns` by version.
    pub(super) columns: Vec<(String, Value)>,
}

impl Resource {
    /// The `apiVersion` of an object of this resource in `version`.
    pub(super) fn api_version(&self, version: &str) -> String {
        if self.group.is_empty() { version.to_owned() } else { format!("{}/{version}", self.group) }
    }

    /// Where its objects are stored: both event APIs show the same events.
    pub(super) fn storage(&self) -> StorageKey {
        let group = if self.group == "events.k8s.io" { "" } else { &self.group };
        (group.to_owned(), self.plural.clone())
    }

    /// Whether this is the resource of that group and plural.
    pub(super) fn is(&self, group: &str, plural: &str) -> bool {
        self.group == group && self.plural == plural
    }

    /// Whether it has the `scale` subresource.
    pub(super) fn scales(&self) -> bool {
        self.group == "apps" && matches!(self.kind.as_str(), "Deployment" | "ReplicaSet" | "StatefulSet")
    }

    /// `plural.group`, or the plural alone in the core group, as error messages name it.
    pub(super) fn qualified(&self) -> String {
        if self.group.is_empty() { self.plural.clone() } else { format!("{}.{}", self.plural, self.group) }
    }
}

/// The verbs that every resource has.
pub(super) const VERBS: [&str; 8] = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

use Scope::{Cluster, Namespaced};
use StatusPart::{None as Plain, Separate};

type Row = (&'static str, &'static str, &'static str, &'static str, &'static str, Scope, StatusPart);

/// Group, versions, kind, plural, short names (and `+all` for the category), scope, status.
const BUILT_IN: &[Row] = &[
    ("", "v1", "Namespace", "namespaces", "ns", Cluster, Separate),
    ("", "v1", "Node", "nodes", "no", Cluster, Separate),
    ("", "v1", "PersistentVolume", "persistentvolumes", "pv", Cluster, Separate),
    ("", "v1", "ConfigMap", "configmaps", "cm", Namespaced, Plain),
    ("", "v1", "Endpoints", "endpoints", "ep", Namespaced, Plain),
    ("", "v1", "Event", "events", "ev", Namespaced, Plain),
    ("", "v1", "LimitRange", "limitranges", "limits", Namespaced, Plain),
    ("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", "pvc", Namespaced, Separate),
    ("", "v1", "Pod", "pods", "po +all", Namespaced, Separate),
    ("", "v1", "PodTemplate", "podtemplates", "", Namespaced, Plain),
    ("", "v1", "ReplicationController", "replicationcontrollers", "rc +all", Namespaced, Separate),
    ("", "v1", "ResourceQuota", "resourcequotas", "quota", Namespaced, Separate),
    ("", "v1", "Secret", "secrets", "", Namespaced, Plain),
    ("", "v1", "ServiceAccount", "serviceaccounts", "sa", Namespaced, Plain),
    ("", "v1", "Service", "services", "svc +all", Namespaced, Separate),
    (
        "apiextensions.k8s.io",
        "v1",
        "CustomResourceDefinition",
        "customresourcedefinitions",
        "crd crds",
        Cluster,
        Separate,
    ),
    ("apps", "v1", "ControllerRevision", "controllerrevisions", "", Namespaced, Plain),
    ("apps", "v1", "DaemonSet", "daemonsets", "ds +all", Namespaced, Separate),
    ("apps", "v1", "Deployment", "deployments", "deploy +all", Namespaced, Separate),
    ("apps", "v1", "ReplicaSet", "replicasets", "rs +all", Namespaced, Separate),
    ("apps", "v1", "StatefulSet", "statefulsets", "sts +all", Namespaced, Separate),
    ("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", "hpa +all", Namespaced, Separate),
    ("batch", "v1", "CronJob", "cronjobs", "cj +all", Namespaced, Separate),
    ("batch", "v1", "Job", "jobs", "+all", Namespaced, Separate),
    ("coordination.k8s.io", "v1", "Lease", "leases", "", Namespaced, Plain),
    ("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices", "", Namespaced, Plain),
    ("events.k8s.io", "v1", "Event", "events", "ev", Namespaced, Plain),
    ("networking.k8s.io", "v1", "Ingress", "ingresses", "ing", Namespaced, Separate),
    ("networking.k8s.io", "v1", "IngressClass", "ingressclasses", "", Cluster, Plain),
    ("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies", "netpol", Namespaced, Plain),
    ("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", "pdb", Namespaced, Separate),
    ("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", "", Cluster, Plain),
    ("rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings", "", Cluster, Plain),
    ("rbac.authorization.k8s.io", "v1", "Role", "roles", "", Namespaced, Plain),
    ("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings", "", Namespaced, Plain),
    ("scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses", "pc", Cluster, Plain),
    ("storage.k8s.io", "v1", "StorageClass", "storageclasses", "sc", Cluster, Plain),
    // Kept and not asked: everybody may do everything here.
    (
        "admissionregistration.k8s.io",
        "v1",
        "ValidatingAdmissionPolicy",
        "validatingadmissionpolicies",
        "",
        Cluster,
        Separate,
    ),
    (
        "admissionregistration.k8s.io",
        "v1",
        "ValidatingAdmissionPolicyBinding",
        "validatingadmissionpolicybindings",
        "",
        Cluster,
        Plain,
    ),
    (
        "admissionregistration.k8s.io",
        "v1",
        "MutatingWebhookConfiguration",
        "mutatingwebhookconfigurations",
        "",
        Cluster,
        Plain,
    ),
    (
        "admissionregistration.k8s.io",
        "v1",
        "ValidatingWebhookConfiguration",
        "validatingwebhookconfigurations",
        "",
        Cluster,
        Plain,
    ),
];

/// The resources that a fresh server has.
pub(super) fn built_in() -> Vec<Resource> {
    BUILT_IN.iter().map(resource).collect()
}

fn resource(&(group, versions, kind, plural, names, scope, status): &Row) -> Resource {
    let words = |prefix: bool| {
        let picked = names.split_whitespace().filter(move |w| w.starts_with('+') == prefix);
        picked.map(|w| w.trim_start_matches('+').to_owned()).collect::<Vec<_>>()
    };
    Resource {
        group: group.to_owned(),
        versions: versions.split(' ').map(str::to_owned).collect(),
        kind: kind.to_owned(),
        list_kind: format!("{kind}List"),
        plural: plural.to_owned(),
        singular: kind.to_lowercase(),
        short_names: words(false),
        categories: words(true),
        scope,
        status,
        custom: None,
    }
}

/// The resource that a custom resource definition adds; the error is what is wrong with the definition.
pub(super) fn from_definition(definition: &Value) -> Result<Resource, String> {
    let text = |pointer: &str| definition.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (group, plural, kind) = (text("/spec/group"), text("/spec/names/plural"), text("/spec/names/kind"));
    if group.is_empty() || plural.is_empty() || kind.is_empty() {
        return Err("spec.group, spec.names.plural and spec.names.kind are required".into());
    }
    let expected = format!("{plural}.{group}");
    if text("/metadata/name") != expected {
        return Err(format!("metadata.name: Invalid value: \"{}\": must be {expected}", text("/metadata/name")));
    }
    let versions = definition.pointer("/spec/versions").and_then(Value::as_array).cloned().unwrap_or_default();
    let served: Vec<&Value> = versions.iter().filter(|v| v.get("served") == Some(&Value::Bool(true))).collect();
    if served.is_empty() {
        return Err("spec.versions: no version is served".into());
    }
    let name_of = |version: &Value| version.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    let columns = served.iter().map(|v| (name_of(v), v.get("additionalPrinterColumns").cloned().unwrap_or(json!([]))));
    let status = served.iter().any(|v| v.pointer("/subresources/status").is_some());
    let list = |pointer: &str| {
        let items = definition.pointer(pointer).and_then(Value::as_array).cloned().unwrap_or_default();
        items.iter().filter_map(|v| v.as_str().map(str::to_owned)).collect::<Vec<_>>()
    };
    let or = |text: String, default: String| if text.is_empty() { default } else { text };
    Ok(Resource {
        versions: served.iter().map(|v| name_of(v)).collect(),
        list_kind: or(text("/spec/names/listKind"), format!("{kind}List")),
        singular: or(text("/spec/names/singular"), kind.to_lowercase()),
        short_names: list("/spec/names/shortNames"),
        categories: list("/spec/names/categories"),
        scope: if text("/spec/scope") == "Namespaced" { Namespaced } else { Cluster },
        status: if status { Separate } else { Plain },
        custom: Some(Custom { columns: columns.collect() }),
        group,
        plural,
        kind,
    })
}

/// All groups with their versions, the core group left out, in order.
pub(super) fn groups(resources: &[Arc<Resource>]) -> Vec<(String, Vec<String>)> {
    let names: BTreeSet<&str> = resources.iter().map(|r| r.group.as_str()).filter(|g| !g.is_empty()).collect();
    let versions = |group: &str| {
        let mut list: Vec<String> = Vec::new();
        for version in resources.iter().filter(|r| r.group == group).flat_map(|r| &r.versions) {
            if !list.contains(version) {
                list.push(version.clone());
            }
        }
        list
    };
    names.into_iter().map(|group| (group.to_owned(), versions(group))).collect()
}
