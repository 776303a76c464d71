//! `Chart.yaml`.

use std::collections::BTreeMap;
use std::rc::Rc;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::value::{Entries, MapOf, Struct, Value};

/// What `Chart.yaml` says, with the dependencies of `requirements.yaml` for old charts. Serialized as release records
/// store it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Metadata {
    /// The chart's name, or its alias as a dependency.
    pub name: String,
    /// Home page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub home: Option<String>,
    /// URLs of its sources.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "null_is_default")]
    pub sources: Vec<String>,
    /// The chart's version.
    pub version: String,
    /// One sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Words to search for.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "null_is_default")]
    pub keywords: Vec<String>,
    /// People.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "null_is_default")]
    pub maintainers: Vec<Maintainer>,
    /// URL of an image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub icon: Option<String>,
    /// `v1` or `v2`.
    pub api_version: String,
    /// Condition of the chart as a dependency (Helm 2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// Tags of the chart as a dependency (Helm 2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<String>,
    /// Version of what the chart installs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_version: Option<String>,
    /// Whether users should move on.
    #[serde(skip_serializing_if = "is_false", deserialize_with = "null_is_default")]
    pub deprecated: bool,
    /// Free for other tools.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "null_is_default")]
    pub annotations: BTreeMap<String, String>,
    /// Range of cluster versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kube_version: Option<String>,
    /// Sub-charts.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "null_is_default")]
    pub dependencies: Vec<Dependency>,
    /// `application` or `library`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
}

/// One of a chart's maintainers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Maintainer {
    /// Name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Home page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// A sub-chart as its parent names it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Dependency {
    /// The chart's name, or the alias once dependencies were processed.
    pub name: String,
    /// Range of versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// URL of the Helm repository.
    #[serde(deserialize_with = "null_is_default")]
    pub repository: String,
    /// Paths in the values; the first that is a boolean switches the dependency.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// Names in `tags` of the values.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "null_is_default")]
    pub tags: Vec<String>,
    /// Whether it is in use.
    #[serde(skip_serializing_if = "is_false", deserialize_with = "null_is_default")]
    pub enabled: bool,
    /// Values of the sub-chart that the parent takes over.
    #[serde(rename = "import-values", skip_serializing_if = "Vec::is_empty", deserialize_with = "null_is_default")]
    pub import_values: Vec<Json>,
    /// Another name for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_false(value: &bool) -> bool {
    !value
}

fn null_is_default<'de, D: serde::Deserializer<'de>, T: Deserialize<'de> + Default>(input: D) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(input)?.unwrap_or_default())
}

/// Whether a chart is the one that is installed or below it.
pub(crate) enum Place {
    Root,
    Sub,
}

impl Metadata {
    /// `.Chart`.
    pub(crate) fn value(&self, place: &Place) -> Value {
        let text = |text: &Option<String>| Value::text(text.as_deref().unwrap_or_default());
        let annotations =
            self.annotations.iter().map(|(key, value)| (key.as_str().into(), Value::text(value.as_str())));
        let maintainers = self.maintainers.iter().map(|person| {
            let fields = vec![("Name", text(&person.name)), ("Email", text(&person.email)), ("URL", text(&person.url))];
            Value::Struct(Rc::new(Struct { name: "*chart.Maintainer", fields, text: None }))
        });
        let dependencies = self.dependencies.iter().map(|one| {
            let fields = vec![
                ("Name", Value::text(one.name.as_str())),
                ("Version", text(&one.version)),
                ("Repository", Value::text(one.repository.as_str())),
                ("Condition", text(&one.condition)),
                ("Tags", Value::texts(&one.tags)),
                ("Enabled", Value::Bool(one.enabled)),
                ("Alias", text(&one.alias)),
            ];
            Value::Struct(Rc::new(Struct { name: "*chart.Dependency", fields, text: None }))
        });
        Value::Struct(Rc::new(Struct {
            name: "chart.Metadata",
            fields: vec![
                ("Name", Value::text(self.name.as_str())),
                ("Home", text(&self.home)),
                ("Sources", Value::texts(&self.sources)),
                ("Version", Value::text(self.version.as_str())),
                ("Description", text(&self.description)),
                ("Keywords", Value::texts(&self.keywords)),
                ("Maintainers", Value::list(maintainers.collect())),
                ("Icon", text(&self.icon)),
                ("APIVersion", Value::text(self.api_version.as_str())),
                ("Condition", text(&self.condition)),
                ("Tags", text(&self.tags)),
                ("AppVersion", text(&self.app_version)),
                ("Deprecated", Value::Bool(self.deprecated)),
                ("Annotations", Value::map_of(annotations.collect::<Entries>(), MapOf::Texts)),
                ("KubeVersion", text(&self.kube_version)),
                ("Dependencies", Value::list(dependencies.collect())),
                ("Type", text(&self.kind)),
                ("IsRoot", Value::Bool(matches!(place, Place::Root))),
            ],
            text: None,
        }))
    }
}
