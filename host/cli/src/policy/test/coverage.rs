//! What of a policy its cases show: reason codes that answers carried, settings that configs had.

use std::collections::BTreeSet;

use rhumb_policy::Describe;
use serde::Serialize;
use serde_json::Value;

/// What cases show and what they do not.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Coverage {
    /// Declared reason codes.
    declared: usize,
    /// Those that no answer carried.
    pub(super) missing_codes: BTreeSet<String>,
    /// Settings that no config had, such as `deny[].until`.
    pub(super) missing_settings: BTreeSet<String>,
    #[serde(skip)]
    schema: Value,
}

impl Coverage {
    /// Nothing is shown yet.
    pub(super) fn of(describe: &Describe) -> Self {
        let missing_codes: BTreeSet<String> = describe.reasons.iter().map(|reason| reason.code.clone()).collect();
        let mut missing_settings = BTreeSet::new();
        settings(&describe.config, "", &mut missing_settings);
        let schema = describe.config.clone();
        Self { declared: missing_codes.len(), missing_codes, missing_settings, schema }
    }

    /// A case carried these codes and had this config.
    pub(super) fn see(&mut self, codes: &BTreeSet<String>, config: &Value) {
        self.missing_codes.retain(|code| !codes.contains(code));
        let mut had = BTreeSet::new();
        present(&self.schema, config, "", &mut had);
        self.missing_settings.retain(|setting| !had.contains(setting));
    }

    /// How much of the declared codes is shown.
    #[allow(clippy::cast_precision_loss, reason = "nobody declares 2^52 codes")]
    pub(super) fn percent(&self) -> f64 {
        if self.declared == 0 {
            return 100.0;
        }
        100.0 * (self.declared - self.missing_codes.len()) as f64 / self.declared as f64
    }
}

fn settings(schema: &Value, at: &str, found: &mut BTreeSet<String>) {
    for (name, schema) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let path = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
        settings(schema, &path, found);
        found.insert(path);
    }
    for (key, sign) in [("items", "[]"), ("additionalProperties", ".*")] {
        if let Some(below) = schema.get(key).filter(|below| below.is_object()) {
            settings(below, &format!("{at}{sign}"), found);
        }
    }
}

fn present(schema: &Value, config: &Value, at: &str, found: &mut BTreeSet<String>) {
    match config {
        Value::Object(map) => {
            for (name, value) in map {
                let property = schema.get("properties").and_then(|properties| properties.get(name));
                if let Some(property) = property {
                    let path = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
                    present(property, value, &path, found);
                    found.insert(path);
                } else if let Some(rest) = schema.get("additionalProperties") {
                    present(rest, value, &format!("{at}.*"), found);
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                present(schema.get("items").unwrap_or(&Value::Null), item, &format!("{at}[]"), found);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_the_settings_that_no_config_had() {
        let entry =
            json!({"type": "object", "properties": {"version": {"type": "string"}, "until": {"type": "string"}}});
        let schema = json!({"properties": {"deny": {"type": "array", "items": entry}, "sizes": {"additionalProperties": entry}}});
        let mut all = BTreeSet::new();
        settings(&schema, "", &mut all);
        let mut had = BTreeSet::new();
        present(&schema, &json!({"deny": [{"version": "1"}], "sizes": {"prod": {"until": "x"}}}), "", &mut had);
        let missing: Vec<&String> = all.difference(&had).collect();
        assert_eq!(missing, ["deny[].until", "sizes.*.version"]);
    }
}
