//! What a `helm.fluxcd.io/v1` HelmRelease asks for (`helm-operator.md` 1.2–1.5).

use serde_json::{Map, Value};

use super::sources::{ValuesFrom, values_from};

/// Longest time-out, 30 days; more is taken for that.
const TIMEOUT_LIMIT_SECONDS: u64 = 30 * 24 * 60 * 60;

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
    /// Replace objects on an upgrade instead of patching them.
    pub force_upgrade: bool,
    /// Lay the values over those of the revision before (`resetValues: false`).
    pub reuse_values: bool,
    /// How a failed upgrade is taken back; `None` when it is not.
    pub rollback: Option<Rollback>,
    /// How tests are run; `None` when they are not.
    pub tests: Option<Tests>,
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

/// How a failed upgrade is taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rollback {
    /// How often the same is tried again after it was taken back.
    pub retries: Retries,
    /// Replace objects instead of patching them.
    pub force: bool,
    /// Delete the pods of the workloads that are rolled back, so that they start anew.
    pub recreate: bool,
    /// Leave out the hooks of the rollback.
    pub disable_hooks: bool,
    /// For hooks and for waiting.
    pub timeout_seconds: u64,
    /// Wait for readiness.
    pub wait: bool,
}

/// How often an upgrade that was taken back is tried again (`rollback.retry` and `rollback.maxRetries`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retries {
    /// Not until chart, values or spec change.
    Never,
    /// So often after the first rollback.
    AtMost(u64),
    /// Until it works.
    Unlimited,
}

impl Retries {
    /// Whether the same is tried again after so many rollbacks (`helm-operator.md` 2.7).
    pub fn allow(self, rollbacks: u32) -> bool {
        match self {
            Self::Never => false,
            Self::AtMost(most) => u64::from(rollbacks) <= most,
            Self::Unlimited => true,
        }
    }
}

/// How the chart's tests are run after an install or upgrade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tests {
    /// A failure is told and changes nothing else.
    pub ignore_failures: bool,
    /// For each test.
    pub timeout_seconds: u64,
}

/// Why a HelmRelease cannot be acted on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// Neither shape of a chart source is complete.
    #[error("spec.chart names no chart: give `git` and `path`, or `repository`, `name` and `version`")]
    NoChart,
    /// Releases of Helm 2 live in Tiller, which Rhumb does not speak to.
    #[error("spec.helmVersion: v2 is not supported: Tiller's releases must be converted first; set v3 or leave it out")]
    HelmTwo,
    /// A file of the chart is named by a path that leads out of it.
    #[error("spec.valuesFrom[].chartFileRef.path `{0}` leads out of the chart")]
    ChartFile(String),
    /// A URL that values cannot be read from.
    #[error("spec.valuesFrom[].externalSourceRef.url {0}")]
    ExternalSource(&'static str),
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
        if text("spec.helmVersion")? == Some("v2") {
            return Err(SpecError::HelmTwo);
        }
        let (rollback, tests) = (rollback(object)?, tests(object)?);
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
            timeout_seconds: seconds(object, "spec.timeout")?,
            max_history: number(object, "spec.maxHistory")?.unwrap_or(10).try_into().unwrap_or(u32::MAX),
            // What is to be tested or taken back must be seen to work first.
            wait: truth(object, "spec.wait")?.unwrap_or(rollback.is_some() || tests.is_some()),
            skip_crds: is_set(object, "spec.skipCRDs")?,
            force_upgrade: is_set(object, "spec.forceUpgrade")?,
            reuse_values: truth(object, "spec.resetValues")? == Some(false),
            rollback,
            tests,
        })
    }
}

/// What stands at a dotted path of fields.
fn at<'a>(object: &'a Value, field: &str) -> Option<&'a Value> {
    field.split('.').try_fold(object, |value, key| value.get(key))
}

fn truth(object: &Value, field: &'static str) -> Result<Option<bool>, SpecError> {
    match at(object, field) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value.as_bool().map(Some).ok_or(SpecError::Type { field, wanted: "true or false" }),
    }
}

/// A switch that is off when it is left out.
fn is_set(object: &Value, field: &'static str) -> Result<bool, SpecError> {
    Ok(truth(object, field)?.unwrap_or(false))
}

fn number(object: &Value, field: &'static str) -> Result<Option<u64>, SpecError> {
    match at(object, field) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value.as_u64().map(Some).ok_or(SpecError::Type { field, wanted: "a whole number" }),
    }
}

/// A time-out: 5 minutes when left out.
fn seconds(object: &Value, field: &'static str) -> Result<u64, SpecError> {
    Ok(number(object, field)?.unwrap_or(300).min(TIMEOUT_LIMIT_SECONDS))
}

fn mapping(object: &Value, field: &'static str) -> Result<(), SpecError> {
    let fits = at(object, field).is_none_or(|value| value.is_null() || value.is_object());
    if fits { Ok(()) } else { Err(SpecError::Type { field, wanted: "a mapping" }) }
}

fn rollback(object: &Value) -> Result<Option<Rollback>, SpecError> {
    mapping(object, "spec.rollback")?;
    let retries = match (is_set(object, "spec.rollback.retry")?, number(object, "spec.rollback.maxRetries")?) {
        (false, _) => Retries::Never,
        (true, Some(0)) => Retries::Unlimited,
        (true, most) => Retries::AtMost(most.unwrap_or(5)),
    };
    let rollback = Rollback {
        retries,
        force: is_set(object, "spec.rollback.force")?,
        recreate: is_set(object, "spec.rollback.recreate")?,
        disable_hooks: is_set(object, "spec.rollback.disableHooks")?,
        timeout_seconds: seconds(object, "spec.rollback.timeout")?,
        wait: is_set(object, "spec.rollback.wait")?,
    };
    Ok(is_set(object, "spec.rollback.enable")?.then_some(rollback))
}

fn tests(object: &Value) -> Result<Option<Tests>, SpecError> {
    mapping(object, "spec.test")?;
    let tests = Tests {
        ignore_failures: is_set(object, "spec.test.ignoreFailures")?,
        timeout_seconds: seconds(object, "spec.test.timeout")?,
    };
    Ok(is_set(object, "spec.test.enable")?.then_some(tests))
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
