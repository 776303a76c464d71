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
        /// Branch, tag or commit; the daemon's default when `None`.
        reference: Option<String>,
        /// Folder from the root.
        path: String,
        /// Namespace and name of the Secret with `username` and `password`, for https.
        secret: Option<(String, String)>,
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
        let text = |field| text(object, field);
        let namespace = text("metadata.namespace")?.unwrap_or("default");
        let target = text("spec.targetNamespace")?.unwrap_or(namespace);
        refuse_what_is_not_in_yet(object)?;
        let truth = |field| match at(object, field) {
            None | Some(Value::Null) => Ok(false),
            Some(value) => value.as_bool().ok_or(SpecError::Type { field, wanted: "true or false" }),
        };
        let number = |field| match at(object, field) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => value.as_u64().map(Some).ok_or(SpecError::Type { field, wanted: "a whole number" }),
        };
        let values = match object.pointer("/spec/values") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(values)) => values.clone(),
            Some(_) => return Err(SpecError::Type { field: "spec.values", wanted: "a mapping" }),
        };
        Ok(Self {
            chart: chart_source(object)?,
            release_name: release_name(
                text("spec.releaseName")?,
                (namespace, target),
                text("metadata.name")?.unwrap_or_default(),
            )?,
            values_from: values_from(object, namespace)?,
            target_namespace: target.to_owned(),
            values,
            timeout_seconds: number("spec.timeout")?.unwrap_or(300),
            max_history: number("spec.maxHistory")?.unwrap_or(10).try_into().unwrap_or(u32::MAX),
            wait: truth("spec.wait")?,
            skip_crds: truth("spec.skipCRDs")?,
        })
    }
}

/// What stands at a dotted path of fields.
fn at<'a>(object: &'a Value, field: &str) -> Option<&'a Value> {
    field.split('.').try_fold(object, |value, key| value.get(key))
}

/// A text that is not empty. Another type is an error: passed over, it would name another release or namespace.
fn text<'a>(object: &'a Value, field: &'static str) -> Result<Option<&'a str>, SpecError> {
    match at(object, field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str()).filter(|text| !text.is_empty())),
        Some(_) => Err(SpecError::Type { field, wanted: "a text" }),
    }
}

fn chart_source(object: &Value) -> Result<ChartSource, SpecError> {
    let text = |field| Ok(text(object, field)?.map(str::to_owned));
    if let (Some(url), Some(path)) = (text("spec.chart.git")?, text("spec.chart.path")?) {
        return Ok(ChartSource::Git { url, reference: text("spec.chart.ref")?, path, secret: secret_ref(object)? });
    }
    match (text("spec.chart.repository")?, text("spec.chart.name")?, text("spec.chart.version")?) {
        (Some(url), Some(name), Some(version)) => Ok(ChartSource::Repository { url, name, version }),
        _ => Err(SpecError::NoChart),
    }
}

/// `spec.chart.secretRef`; its namespace is the object's own when not given.
fn secret_ref(object: &Value) -> Result<Option<(String, String)>, SpecError> {
    if at(object, "spec.chart.secretRef").is_none_or(Value::is_null) {
        return Ok(None);
    }
    let field = "spec.chart.secretRef.name";
    let name = text(object, field)?.ok_or(SpecError::Type { field, wanted: "a text" })?;
    let namespace = text(object, "spec.chart.secretRef.namespace")?.or(text(object, "metadata.namespace")?);
    Ok(Some((namespace.unwrap_or("default").to_owned(), name.to_owned())))
}

/// Explicit, or made from the namespaces and the name (`helm-operator.md` 1.4). Never cut: a cut name could collide.
fn release_name(explicit: Option<&str>, (own, target): (&str, &str), name: &str) -> Result<String, SpecError> {
    let release = match explicit {
        Some(explicit) => explicit.to_owned(),
        None if own == target => format!("{own}-{name}"),
        None => format!("{own}-{target}-{name}"),
    };
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let label =
        |label: &str| label.chars().all(legal) && !label.is_empty() && !label.starts_with('-') && !label.ends_with('-');
    let valid = release.len() <= 53 && release.split('.').all(label);
    if valid { Ok(release) } else { Err(SpecError::ReleaseName(release)) }
}

fn values_from(object: &Value, namespace: &str) -> Result<Vec<ValuesFrom>, SpecError> {
    let list = |pointer: &str| object.pointer(pointer).and_then(Value::as_array).cloned().unwrap_or_default();
    let key_ref = |reference: &Value| {
        let text = |key: &str| reference.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
        Ok(KeyRef {
            namespace: text("namespace").unwrap_or(namespace).to_owned(),
            name: text("name").ok_or(SpecError::Type { field: "spec.valuesFrom[].name", wanted: "a text" })?.to_owned(),
            key: text("key").unwrap_or("values.yaml").to_owned(),
            optional: reference.get("optional").and_then(Value::as_bool).unwrap_or(false),
        })
    };
    let secrets = list("/spec/valueFileSecrets");
    let mut layers: Vec<ValuesFrom> =
        secrets.iter().map(|reference| Ok(ValuesFrom::Secret(key_ref(reference)?))).collect::<Result<_, _>>()?;
    for source in list("/spec/valuesFrom") {
        let given = |key: &str| source.get(key).filter(|reference| !reference.is_null());
        if let Some(reference) = given("configMapKeyRef") {
            layers.push(ValuesFrom::ConfigMap(key_ref(reference)?));
        } else if let Some(reference) = given("secretKeyRef") {
            layers.push(ValuesFrom::Secret(key_ref(reference)?));
        } else if given("externalSourceRef").is_some() {
            return Err(SpecError::NotYet { field: "spec.valuesFrom[].externalSourceRef" });
        } else if given("chartFileRef").is_some() {
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
    ];
    match asked.into_iter().find(|(asked, _)| *asked) {
        Some((_, field)) => Err(SpecError::NotYet { field }),
        None => Ok(()),
    }
}
