//! What a `helm.fluxcd.io/v1` HelmRelease asks for (`helm-operator.md` 1.2–1.5).

use serde_json::{Map, Value};

/// The parts of a HelmRelease's spec that Rhumb acts on.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    /// Where the chart comes from.
    pub chart: ChartSource,
    /// Helm's release name.
    pub release_name: String,
    /// Namespace of the release record and of objects without one.
    pub target_namespace: String,
    /// Inline values, the highest layer.
    pub values: Map<String, Value>,
    /// Other layers, lowest first.
    pub values_from: Vec<ValuesFrom>,
    /// For hooks and for waiting.
    pub timeout_seconds: u64,
    /// Records kept; 0 keeps all.
    pub max_history: u32,
    /// Wait for readiness.
    pub wait: bool,
    /// Leave `crds/` of the chart alone.
    pub skip_crds: bool,
}

/// Where a chart comes from. Git wins when both are filled in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChartSource {
    /// A folder of a git repository.
    Git {
        /// As written.
        url: String,
        /// Branch, tag or commit; the daemon's default branch when `None`.
        reference: Option<String>,
        /// Folder from the root.
        path: String,
    },
    /// A chart of a Helm repository.
    Repository {
        /// Base URL.
        url: String,
        /// The chart.
        name: String,
        /// Exact version or range.
        version: String,
    },
}

/// A layer of values from another object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValuesFrom {
    /// A key of a ConfigMap.
    ConfigMap(KeyRef),
    /// A key of a Secret.
    Secret(KeyRef),
}

/// One key of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRef {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The key, `values.yaml` when not given.
    pub key: String,
    /// Whether the object or the key may be missing.
    pub optional: bool,
}

/// Why a HelmRelease cannot be acted on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// Neither shape of a chart source is complete.
    #[error("spec.chart names no chart: give `git` and `path`, or `repository`, `name` and `version`")]
    NoChart,
    /// A field that Rhumb does not act on yet. Acting on the rest would do something else than was asked for.
    #[error("{field} is not supported yet; remove it to have the release reconciled")]
    NotYet {
        /// Field from the root of the object.
        field: &'static str,
    },
    /// Helm takes at most 53 characters of lower-case letters, digits, `-` and `.`.
    #[error(
        "`{0}` is not a valid release name: at most 53 lower-case letters, digits, `-` and `.`; set spec.releaseName"
    )]
    ReleaseName(String),
    /// A field has the wrong type.
    #[error("{field} is not {wanted}")]
    Type {
        /// Field from the root of the object.
        field: &'static str,
        /// What it should be.
        wanted: &'static str,
    },
}

impl Spec {
    /// Reads a HelmRelease as the cluster or a file gives it.
    pub fn parse(object: &Value) -> Result<Self, SpecError> {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let namespace =
            Some(text("/metadata/namespace")).filter(|n| !n.is_empty()).unwrap_or_else(|| "default".to_owned());
        let target = Some(text("/spec/targetNamespace")).filter(|n| !n.is_empty()).unwrap_or_else(|| namespace.clone());
        refuse_what_is_not_in_yet(object)?;
        let truth = |pointer: &str| object.pointer(pointer).and_then(Value::as_bool);
        let number = |pointer: &str, field| match object.pointer(pointer) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => value.as_u64().map(Some).ok_or(SpecError::Type { field, wanted: "a whole number" }),
        };
        let values = match object.pointer("/spec/values") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(values)) => values.clone(),
            Some(_) => return Err(SpecError::Type { field: "spec.values", wanted: "a mapping" }),
        };
        Ok(Self {
            chart: chart_source(object).ok_or(SpecError::NoChart)?,
            release_name: release_name(&text("/spec/releaseName"), &namespace, &target, &text("/metadata/name"))?,
            values_from: values_from(object, &namespace)?,
            target_namespace: target,
            values,
            timeout_seconds: number("/spec/timeout", "spec.timeout")?.unwrap_or(300),
            max_history: number("/spec/maxHistory", "spec.maxHistory")?.unwrap_or(10).try_into().unwrap_or(u32::MAX),
            wait: truth("/spec/wait").unwrap_or(false),
            skip_crds: truth("/spec/skipCRDs").unwrap_or(false),
        })
    }
}

fn chart_source(object: &Value) -> Option<ChartSource> {
    let text = |key: &str| {
        let text = object.pointer(&format!("/spec/chart/{key}")).and_then(Value::as_str)?;
        (!text.is_empty()).then(|| text.to_owned())
    };
    if let (Some(url), Some(path)) = (text("git"), text("path")) {
        return Some(ChartSource::Git { url, reference: text("ref"), path });
    }
    Some(ChartSource::Repository { url: text("repository")?, name: text("name")?, version: text("version")? })
}

/// Explicit, or made from the namespaces and the name (`helm-operator.md` 1.4). Never cut: a cut name could collide.
fn release_name(explicit: &str, namespace: &str, target: &str, name: &str) -> Result<String, SpecError> {
    let release = match (explicit, namespace == target) {
        ("", true) => format!("{namespace}-{name}"),
        ("", false) => format!("{namespace}-{target}-{name}"),
        (explicit, _) => explicit.to_owned(),
    };
    let legal = release.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.'));
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    let valid = legal && release.len() <= 53 && edge(release.chars().next()) && edge(release.chars().next_back());
    if valid { Ok(release) } else { Err(SpecError::ReleaseName(release)) }
}

fn values_from(object: &Value, namespace: &str) -> Result<Vec<ValuesFrom>, SpecError> {
    let list = |pointer: &str| object.pointer(pointer).and_then(Value::as_array).cloned().unwrap_or_default();
    let key_ref = |reference: &Value| KeyRef {
        namespace: reference.get("namespace").and_then(Value::as_str).unwrap_or(namespace).to_owned(),
        name: reference.get("name").and_then(Value::as_str).unwrap_or_default().to_owned(),
        key: reference.get("key").and_then(Value::as_str).unwrap_or("values.yaml").to_owned(),
        optional: reference.get("optional").and_then(Value::as_bool).unwrap_or(false),
    };
    let mut layers: Vec<ValuesFrom> =
        list("/spec/valueFileSecrets").iter().map(|reference| ValuesFrom::Secret(key_ref(reference))).collect();
    for source in list("/spec/valuesFrom") {
        if let Some(reference) = source.get("configMapKeyRef") {
            layers.push(ValuesFrom::ConfigMap(key_ref(reference)));
        } else if let Some(reference) = source.get("secretKeyRef") {
            layers.push(ValuesFrom::Secret(key_ref(reference)));
        } else if source.get("externalSourceRef").is_some() {
            return Err(SpecError::NotYet { field: "spec.valuesFrom[].externalSourceRef" });
        } else if source.get("chartFileRef").is_some() {
            return Err(SpecError::NotYet { field: "spec.valuesFrom[].chartFileRef" });
        }
    }
    Ok(layers)
}

fn refuse_what_is_not_in_yet(object: &Value) -> Result<(), SpecError> {
    let is = |pointer: &str, wanted: bool| object.pointer(pointer).and_then(Value::as_bool) == Some(wanted);
    let asked = [
        (is("/spec/rollback/enable", true), "spec.rollback.enable"),
        (is("/spec/test/enable", true), "spec.test.enable"),
        (is("/spec/forceUpgrade", true), "spec.forceUpgrade"),
        (is("/spec/resetValues", false), "spec.resetValues: false"),
        (object.pointer("/spec/helmVersion").and_then(Value::as_str) == Some("v2"), "spec.helmVersion: v2"),
        (object.pointer("/spec/chart/secretRef").is_some(), "spec.chart.secretRef"),
    ];
    match asked.into_iter().find(|(asked, _)| *asked) {
        Some((_, field)) => Err(SpecError::NotYet { field }),
        None => Ok(()),
    }
}
