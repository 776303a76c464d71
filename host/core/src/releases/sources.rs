//! Where values come from besides the HelmRelease itself (`helm-operator.md` 1.5).

use serde_json::Value;

use super::spec::SpecError;

/// A layer of values from elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValuesFrom {
    /// A key of a ConfigMap.
    ConfigMap(KeyRef),
    /// A key of a Secret.
    Secret(KeyRef),
    /// A file behind a URL.
    External(ExternalRef),
    /// A file of the chart.
    ChartFile(ChartFileRef),
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

/// A file behind a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalRef {
    /// `http` or `https`, without user or password.
    pub url: String,
    /// Whether it may be missing or unreadable.
    pub optional: bool,
}

/// A file of the chart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChartFileRef {
    /// From the chart's folder, without `.` or `..`.
    pub path: String,
    /// Whether it may be missing or unreadable.
    pub optional: bool,
}

/// The layers of a HelmRelease, lowest first. Of several references in one entry the first counts, as in Helm Operator;
/// an entry with none gives nothing.
pub(super) fn values_from(object: &Value, namespace: &str) -> Result<Vec<ValuesFrom>, SpecError> {
    let list = |pointer: &str| object.pointer(pointer).and_then(Value::as_array).cloned().unwrap_or_default();
    let mut layers = Vec::new();
    for reference in list("/spec/valueFileSecrets") {
        layers.push(ValuesFrom::Secret(key_ref(&reference, namespace)?));
    }
    for source in list("/spec/valuesFrom") {
        let given = |key: &str| source.get(key).filter(|reference| !reference.is_null());
        if let Some(reference) = given("configMapKeyRef") {
            layers.push(ValuesFrom::ConfigMap(key_ref(reference, namespace)?));
        } else if let Some(reference) = given("secretKeyRef") {
            layers.push(ValuesFrom::Secret(key_ref(reference, namespace)?));
        } else if let Some(reference) = given("externalSourceRef") {
            layers.push(ValuesFrom::External(external(reference)?));
        } else if let Some(reference) = given("chartFileRef") {
            layers.push(ValuesFrom::ChartFile(chart_file(reference)?));
        }
    }
    Ok(layers)
}

fn text<'a>(reference: &'a Value, key: &str) -> Option<&'a str> {
    reference.get(key).and_then(Value::as_str).filter(|text| !text.is_empty())
}

fn is_optional(reference: &Value) -> bool {
    reference.get("optional").and_then(Value::as_bool).unwrap_or(false)
}

fn key_ref(reference: &Value, namespace: &str) -> Result<KeyRef, SpecError> {
    let name = text(reference, "name").ok_or(SpecError::Type { field: "spec.valuesFrom[].name", wanted: "a text" })?;
    Ok(KeyRef {
        namespace: text(reference, "namespace").unwrap_or(namespace).to_owned(),
        name: name.to_owned(),
        key: text(reference, "key").unwrap_or("values.yaml").to_owned(),
        optional: is_optional(reference),
    })
}

fn external(reference: &Value) -> Result<ExternalRef, SpecError> {
    let field = "spec.valuesFrom[].externalSourceRef.url";
    let url = text(reference, "url").ok_or(SpecError::Type { field, wanted: "a text" })?;
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return Err(SpecError::ExternalSource("begins with neither http:// nor https://"));
    }
    // It stands in git for everybody to read, and would go to wherever the server redirects.
    let host = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    if host.contains('@') {
        return Err(SpecError::ExternalSource("holds a user or a password, which are not sent; put it into a Secret"));
    }
    Ok(ExternalRef { url: url.to_owned(), optional: is_optional(reference) })
}

fn chart_file(reference: &Value) -> Result<ChartFileRef, SpecError> {
    let field = "spec.valuesFrom[].chartFileRef.path";
    let path = text(reference, "path").ok_or(SpecError::Type { field, wanted: "a text" })?;
    let parts: Vec<&str> = path.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    if path.starts_with('/') || parts.is_empty() || parts.contains(&"..") || path.contains('\\') {
        return Err(SpecError::ChartFile(path.to_owned()));
    }
    Ok(ChartFileRef { path: parts.join("/"), optional: is_optional(reference) })
}
