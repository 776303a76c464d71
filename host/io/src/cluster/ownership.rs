//! Who owns the fields of an object, when a release changes hands.
//!
//! Helm 3 and Helm Operator wrote objects by updates, and the API server notes them as the owners of what they wrote. A
//! server-side apply of ours takes over the fields that it names, but one that the chart drops later would stay for
//! ever: its only owner is a program that is gone. So what they own becomes ours first, as Kubernetes' own
//! `csaupgrade` does it for `kubectl apply`.

use http::Method;
use serde_json::{Map, Value, json};

use super::client::{Call, Cluster};
use super::error::{Error, Kind};
use super::key::Key;

/// Names under which Helm and the operators around it write.
const EARLIER: [&str; 4] = ["helm", "Helm", "helm-operator", "helm-controller"];
const JSON_PATCH: &str = "application/json-patch+json";
/// How often an object is looked at again that somebody else writes meanwhile.
const ATTEMPTS: usize = 5;

impl Cluster {
    /// Makes the fields of an object ours that Helm wrote. Nothing happens to an object that is not there, or of which
    /// Helm owns nothing.
    pub(super) async fn adopt(&self, key: &Key, manager: &str) -> Result<(), Error> {
        for _ in 0..ATTEMPTS {
            let Some(live) = self.get(key).await? else { return Ok(()) };
            let managed = live.pointer("/metadata/managedFields").and_then(Value::as_array);
            let Some(fields) = managed.and_then(|managed| adopted(managed, manager)) else { return Ok(()) };
            let version = live.pointer("/metadata/resourceVersion").cloned().unwrap_or_default();
            let patch = json!([
                { "op": "replace", "path": "/metadata/managedFields", "value": fields },
                // Refused when the object has changed since it was read.
                { "op": "replace", "path": "/metadata/resourceVersion", "value": version },
            ]);
            let run = async {
                let call = Call::with_body(Method::PATCH, self.path(key).await?, JSON_PATCH, patch);
                self.json(call).await
            };
            match run.await {
                Ok(_) => return Ok(()),
                Err(Kind::Conflict { .. }) => {}
                Err(kind) => return Err(kind.at("take over the fields of", key)),
            }
        }
        Err(Kind::Conflict { message: "others keep writing it".to_owned() }.at("take over the fields of", key))
    }
}

/// The owners with what Helm's updates, and our own, own moved to `manager`'s apply; `None` when they own nothing.
fn adopted(managed: &[Value], manager: &str) -> Option<Vec<Value>> {
    let text = |entry: &Value, key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let earlier = |entry: &Value| {
        let name = text(entry, "manager");
        // Ours by updates: where an object was replaced whole.
        (EARLIER.contains(&name.as_str()) || name == manager)
            && text(entry, "operation") == "Update"
            && entry.get("subresource").is_none()
    };
    let ours = |entry: &Value| text(entry, "manager") == manager && text(entry, "operation") == "Apply";
    let first = managed.iter().find(|entry| earlier(entry))?;
    let mut fields = Map::new();
    for entry in managed.iter().filter(|entry| earlier(entry) || ours(entry)) {
        if let Some(found) = entry.get("fieldsV1").and_then(Value::as_object) {
            unite(&mut fields, found);
        }
    }
    let mut kept: Vec<Value> = managed.iter().filter(|entry| !earlier(entry) && !ours(entry)).cloned().collect();
    kept.push(json!({
        "manager": manager, "operation": "Apply", "apiVersion": text(first, "apiVersion"),
        "time": first.get("time"), "fieldsType": "FieldsV1", "fieldsV1": fields,
    }));
    Some(kept)
}

/// The union of two sets of fields, in the form of `fieldsV1`. Their depth is that of an object that the API server took.
fn unite(into: &mut Map<String, Value>, from: &Map<String, Value>) {
    for (key, value) in from {
        match (into.get_mut(key), value) {
            (Some(Value::Object(known)), Value::Object(more)) => unite(known, more),
            _ => {
                into.insert(key.clone(), value.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_helm_owned_becomes_ours_and_what_others_own_stays() {
        let managed = json!([
            { "manager": "helm", "operation": "Update", "apiVersion": "apps/v1", "time": "t",
              "fieldsType": "FieldsV1", "fieldsV1": { "f:spec": { "f:a": {}, "f:b": {} } } },
            { "manager": "rhumb", "operation": "Apply", "apiVersion": "apps/v1",
              "fieldsType": "FieldsV1", "fieldsV1": { "f:spec": { "f:b": {}, "f:c": {} } } },
            { "manager": "helm", "operation": "Update", "apiVersion": "apps/v1", "subresource": "status",
              "fieldsType": "FieldsV1", "fieldsV1": { "f:status": {} } },
            { "manager": "autoscaler", "operation": "Update", "apiVersion": "apps/v1", "subresource": "scale",
              "fieldsType": "FieldsV1", "fieldsV1": { "f:spec": { "f:replicas": {} } } },
        ]);
        let replaced =
            json!([{ "manager": "rhumb", "operation": "Update", "apiVersion": "v1", "fieldsV1": { "f:a": {} } }]);
        assert_eq!(adopted(replaced.as_array().unwrap(), "rhumb").unwrap()[0]["operation"], "Apply");
        let managed = managed.as_array().unwrap();
        let after = adopted(managed, "rhumb").unwrap();
        assert_eq!(after.len(), 3);
        assert_eq!(after[2]["fieldsV1"], json!({ "f:spec": { "f:a": {}, "f:b": {}, "f:c": {} } }));
        assert_eq!((&after[0], &after[1]), (&managed[2], &managed[3]));
        assert_eq!(adopted(&after, "rhumb"), None);
    }
}
