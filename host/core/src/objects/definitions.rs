//! The definitions of our kinds, made from their types, and held against `host/deploy`.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use super::{ApprovalSpec, BindingStatus, PolicyBindingSpec, PolicySpec, StopSwitchSpec};
use crate::policies::PolicyStatus;

/// What a kind is called.
struct Names {
    kind: &'static str,
    plural: &'static str,
    scope: &'static str,
}

/// Name, JSONPath and type of what `kubectl get` shows.
type Column<'a> = (&'static str, &'a str, &'static str);

/// The definition of a kind whose `spec` is this type. `rules` hold for the whole object.
fn definition<T: JsonSchema>(names: &Names, columns: &[Column<'_>], rules: &Value) -> Value {
    let Names { kind, plural, scope } = names;
    let columns = columns.iter().map(|(name, path, r#type)| json!({"name": name, "type": r#type, "jsonPath": path}));
    let spec = schema_of::<T>();
    let mut schema = json!({
        "description": spec["description"],
        "type": "object",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {"type": "object"}, "spec": spec,
        },
    });
    if rules.is_array() {
        schema["x-kubernetes-validations"] = rules.clone();
    }
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.rhumb.dev")},
        "spec": {
            "group": "rhumb.dev",
            "scope": scope,
            "names": {
                "kind": kind, "listKind": format!("{kind}List"), "plural": plural, "singular": kind.to_lowercase(),
            },
            "versions": [{
                "name": "v1alpha1",
                "served": true,
                "storage": true,
                "additionalPrinterColumns": columns.collect::<Vec<Value>>(),
                "schema": {"openAPIV3Schema": schema},
            }],
        },
    })
}

/// The same for a kind with a status of this type, which the daemon alone writes.
fn with_status<S: JsonSchema>(mut definition: Value) -> Value {
    let version = &mut definition["spec"]["versions"][0];
    version["subresources"] = json!({"status": {}});
    version["schema"]["openAPIV3Schema"]["properties"]["status"] = schema_of::<S>();
    definition
}

fn schema_of<T: JsonSchema>() -> Value {
    let mut settings = SchemaSettings::draft2019_09();
    settings.inline_subschemas = true;
    settings.meta_schema = None;
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    structural(&mut schema);
    Value::from(schema)
}

/// Conditions, as [`set_condition`](crate::condition::set_condition) writes them.
pub(crate) fn conditions(_: &mut SchemaGenerator) -> Schema {
    let text = ["type", "status", "reason", "message", "lastUpdateTime", "lastTransitionTime"];
    let text: serde_json::Map<String, Value> =
        text.map(|key| (key.to_owned(), json!({"type": "string"}))).into_iter().collect();
    json_schema!({"type": "array", "items": {"type": "object", "required": ["type", "status"], "properties": text}})
}

/// An object whose keys a policy knows and nobody else.
pub(super) fn anything(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "object", "x-kubernetes-preserve-unknown-fields": true})
}

/// What the API server takes as a structural schema: no title, no `null` where a key may be left out, and words as words.
fn structural(schema: &mut Schema) {
    schema.remove("title");
    if let Some(Value::Array(options)) = schema.remove("anyOf") {
        let option = options.into_iter().find(|option| option.get("type").and_then(Value::as_str) != Some("null"));
        for (key, value) in option.as_ref().and_then(Value::as_object).into_iter().flatten() {
            schema.insert(key.clone(), value.clone());
        }
    }
    if let Some(Value::Array(words)) = schema.remove("oneOf") {
        let words: Vec<Value> = words.iter().filter_map(|word| word.get("const").cloned()).collect();
        schema.insert("type".to_owned(), json!("string"));
        schema.insert("enum".to_owned(), json!(words));
    }
    if schema.get("default").is_some_and(Value::is_null) {
        schema.remove("default");
    }
    if let Some(Value::Array(types)) = schema.get("type").cloned() {
        let types: Vec<Value> = types.into_iter().filter(|one| one != "null").collect();
        schema.insert("type".to_owned(), types.into_iter().next().unwrap_or_default());
    }
    // No formats that the API server knows.
    if schema.get("format").is_some_and(|format| format == "uint64" || format == "uint") {
        schema.remove("format");
    }
    schemars::transform::transform_subschemas(&mut structural, schema);
}

/// Holds a file of `host/deploy` against the definition.
fn check(file: &str, made: &Value) {
    let read = rhumb_yaml::from_str(file).unwrap();
    assert!(read == *made, "the file is to hold this:\n{}", rhumb_yaml::to_string(made));
}

#[test]
fn the_definition_of_approvals_is_made_from_their_type() {
    let names = Names { kind: "Approval", plural: "approvals", scope: "Namespaced" };
    let columns = [
        ("Object", ".spec.object.name", "string"),
        ("To", ".spec.moves[*].to", "string"),
        ("By", ".spec.by", "string"),
        ("Until", ".spec.until", "string"),
        ("Age", ".metadata.creationTimestamp", "date"),
    ];
    let made = definition::<ApprovalSpec>(&names, &columns, &Value::Null);
    check(include_str!("../../../deploy/approval.yaml"), &made);
}

#[test]
fn the_definition_of_bindings_is_made_from_their_type() {
    let names = Names { kind: "PolicyBinding", plural: "policybindings", scope: "Cluster" };
    let columns = [
        ("Policy", ".spec.policy", "string"),
        ("Kind", ".spec.kind", "string"),
        ("Mode", ".spec.mode", "string"),
        ("Namespaces", ".spec.namespaces[*]", "string"),
        ("Environments", ".spec.environments[*]", "string"),
        ("Objects", ".status.objects", "integer"),
        ("Ready", ".status.conditions[?(@.type=='Ready')].status", "string"),
        ("Reason", ".status.conditions[?(@.type=='Ready')].reason", "string"),
        ("Age", ".metadata.creationTimestamp", "date"),
    ];
    let made = with_status::<BindingStatus>(definition::<PolicyBindingSpec>(&names, &columns, &Value::Null));
    check(include_str!("../../../deploy/policybinding.yaml"), &made);
}

#[test]
fn the_definition_of_the_stop_switch_is_made_from_its_type() {
    let names = Names { kind: "StopSwitch", plural: "stopswitches", scope: "Cluster" };
    let columns = [
        ("By", ".spec.by", "string"),
        ("Environments", ".spec.environments[*]", "string"),
        ("Until", ".spec.until", "string"),
        ("Reason", ".spec.reason", "string"),
        ("Age", ".metadata.creationTimestamp", "date"),
    ];
    let rules = json!([{"rule": "self.metadata.name == 'rhumb'", "message": "there is one switch: name it rhumb"}]);
    let made = definition::<StopSwitchSpec>(&names, &columns, &rules);
    check(include_str!("../../../deploy/stopswitch.yaml"), &made);
}

/// The definition of `Policy` or `ClusterPolicy`: they differ in nothing but their scope.
fn policies(names: &Names) -> Value {
    let ready = |field: &str| format!(".status.conditions[?(@.type=='Ready')].{field}");
    let (truth, reason) = (ready("status"), ready("reason"));
    let columns = [
        ("Kind", ".status.kind", "string"),
        ("Version", ".status.version", "string"),
        ("Digest", ".status.digest", "string"),
        ("Ready", truth.as_str(), "string"),
        ("Reason", reason.as_str(), "string"),
        ("Age", ".metadata.creationTimestamp", "date"),
    ];
    with_status::<PolicyStatus>(definition::<PolicySpec>(names, &columns, &Value::Null))
}

#[test]
fn the_definitions_of_policies_are_made_from_their_type() {
    let own = policies(&Names { kind: "Policy", plural: "policies", scope: "Namespaced" });
    check(include_str!("../../../deploy/policy.yaml"), &own);
    let cluster = policies(&Names { kind: "ClusterPolicy", plural: "clusterpolicies", scope: "Cluster" });
    check(include_str!("../../../deploy/clusterpolicy.yaml"), &cluster);
}
