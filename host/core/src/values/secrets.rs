//! Secret values behind handles: a transform may move one, never read it.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

/// What every handle begins with.
const PREFIX: &str = "rhumb-secret:";

/// Values with their secrets behind handles, and what the handles stand for.
#[derive(Clone, PartialEq)]
pub struct Sealed {
    /// The values that a policy may see.
    pub values: Value,
    secrets: BTreeMap<String, Value>,
}

impl std::fmt::Debug for Sealed {
    /// Never shows a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sealed").field("values", &self.values).field("secrets", &self.secrets.len()).finish()
    }
}

/// Why values cannot be unsealed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnsealError {
    /// A handle that was not given out, or one that was made part of a longer text.
    #[error("`{pointer}` holds a secret handle that was not given out")]
    Forged {
        /// Where.
        pointer: String,
    },
}

/// Puts every scalar of a Secret's values behind a handle and merges all layers, later ones over earlier ones.
///
/// A handle is made from the place of the value alone, so that it says nothing about the secret.
pub fn seal(layers: Vec<(Origin, Map<String, Value>)>) -> Sealed {
    let mut secrets = BTreeMap::new();
    let mut values = Map::new();
    for (number, (origin, layer)) in layers.into_iter().enumerate() {
        let mut layer = Value::Object(layer);
        hide(&mut layer, origin, &format!("{PREFIX}{number}"), &mut secrets);
        if let Value::Object(layer) = layer {
            merge(&mut values, layer);
        }
    }
    Sealed { values: Value::Object(values), secrets }
}

/// Where a layer of values comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The HelmRelease itself or a ConfigMap.
    Open,
    /// A Secret.
    Secret,
}

impl Sealed {
    /// Values with every handle replaced by what it stands for.
    pub fn unseal(&self, values: &Value) -> Result<Value, UnsealError> {
        let mut values = values.clone();
        self.open(&mut values, "")?;
        Ok(values)
    }

    /// The text with `***` wherever it shows a secret, so that it can be told to those who may not read Secrets.
    ///
    /// A server quotes in its refusals what it refuses, and a template can fail with any text.
    pub fn redact(&self, text: &str) -> String {
        let mut forms: Vec<String> =
            self.secrets.values().flat_map(shown).filter(|form| form.len() >= SHORTEST).collect();
        // A secret that is a part of another one would leave the rest of that to be seen.
        forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
        forms.iter().fold(text.to_owned(), |text, form| text.replace(form.as_str(), "***"))
    }

    fn open(&self, value: &mut Value, pointer: &str) -> Result<(), UnsealError> {
        match value {
            Value::String(text) if text.contains(PREFIX) => {
                let secret = self.secrets.get(text.as_str());
                *value = secret.cloned().ok_or_else(|| UnsealError::Forged { pointer: pointer.to_owned() })?;
            }
            Value::Array(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    self.open(item, &format!("{pointer}/{index}"))?;
                }
            }
            Value::Object(map) => {
                for (key, item) in map {
                    self.open(item, &format!("{pointer}/{key}"))?;
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// Shortest secret that is looked for in texts, in bytes: what is shorter stands in every text by chance.
const SHORTEST: usize = 4;

/// The forms in which texts show a secret: as it is, line by line, quoted, and in base64.
fn shown(secret: &Value) -> Vec<String> {
    let text = match secret {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return Vec::new(),
    };
    let quoted = Value::String(text.clone()).to_string();
    let quoted = quoted.trim_matches('"').to_owned();
    let lines: Vec<String> = text.lines().map(|line| line.trim().to_owned()).collect();
    [vec![STANDARD.encode(&text), quoted, text], lines].concat()
}

/// Hides every scalar of a Secret. Elsewhere it hides a text that looks like a handle, so that it stays that text and
/// nobody gets at a secret by writing its handle into a ConfigMap.
fn hide(value: &mut Value, origin: Origin, handle: &str, secrets: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(map) => {
            for (key, item) in map {
                hide(item, origin, &format!("{handle}/{}", key.replace('~', "~0").replace('/', "~1")), secrets);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                hide(item, origin, &format!("{handle}/{index}"), secrets);
            }
        }
        // A null removes a default of the chart; it is no secret.
        Value::Null => {}
        scalar if origin == Origin::Secret || scalar.as_str().is_some_and(|text| text.contains(PREFIX)) => {
            secrets.insert(handle.to_owned(), scalar.take());
            *scalar = Value::String(handle.to_owned());
        }
        _ => {}
    }
}

/// Maps are merged, everything else is replaced, a null is kept (Helm Operator, `helm-operator.md` 1.5).
fn merge(base: &mut Map<String, Value>, over: Map<String, Value>) {
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(Value::Object(base)), Value::Object(over)) => merge(base, over),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn a_secret_can_be_moved_and_not_read() {
        let sealed = seal(vec![
            (Origin::Secret, map(json!({"db": {"password": "hunter2", "port": 5432}}))),
            (Origin::Open, map(json!({"replicas": 2}))),
        ]);
        assert!(!sealed.values.to_string().contains("hunter2"));
        assert!(!format!("{sealed:?}").contains("hunter2"));
        let moved = json!({"auth": {"pw": sealed.values["db"]["password"]}, "port": sealed.values["db"]["port"]});
        assert_eq!(sealed.unseal(&moved), Ok(json!({"auth": {"pw": "hunter2"}, "port": 5432})));
    }

    #[test]
    fn a_text_for_people_shows_no_secret() {
        let secrets =
            json!({"a": "hunter2", "b": "hunter2-and-more", "c": 54321, "d": "on", "e": "tell \"nobody\"\nplease"});
        let sealed = seal(vec![(Origin::Secret, map(secrets)), (Origin::Open, map(json!({"name": "open text"})))]);
        let told = sealed.redact(
            "Invalid value: \"hunter2-and-more\" (aHVudGVyMg==) on port 54321: \"tell \\\"nobody\\\"\\nplease\"; please not: open text",
        );
        assert_eq!(told, "Invalid value: \"***\" (***) on port ***: \"***\"; *** not: open text");
    }

    #[test]
    fn a_forged_or_embedded_handle_is_refused() {
        let sealed = seal(vec![(Origin::Secret, map(json!({"password": "hunter2"})))]);
        let handle = sealed.values["password"].as_str().unwrap().to_owned();
        let embedded = json!({"url": format!("postgres://{handle}@db")});
        assert_eq!(sealed.unseal(&embedded), Err(UnsealError::Forged { pointer: "/url".to_owned() }));
        assert!(sealed.unseal(&json!({"a": "rhumb-secret:9/other"})).is_err());
    }

    #[test]
    fn no_two_secrets_share_a_handle() {
        let layer = map(json!({"a/b": "one", "a": {"b": "two"}, "a~1b": "three", "l": ["four"], "l/0": "five"}));
        let sealed = seal(vec![(Origin::Secret, layer.clone())]);
        assert_eq!(sealed.unseal(&sealed.values), Ok(Value::Object(layer)));
    }

    #[test]
    fn a_handle_written_into_open_values_stays_text() {
        let stolen = json!({"x": "rhumb-secret:1/password", "y": "see rhumb-secret: docs"});
        let sealed =
            seal(vec![(Origin::Open, map(stolen.clone())), (Origin::Secret, map(json!({"password": "hunter2"})))]);
        let values = sealed.unseal(&sealed.values).unwrap();
        assert_eq!(values, json!({"x": stolen["x"], "y": stolen["y"], "password": "hunter2"}));
    }

    #[test]
    fn later_layers_win_and_null_is_kept() {
        let sealed = seal(vec![
            (Origin::Open, map(json!({"a": {"x": 1, "y": 2}, "b": [1]}))),
            (Origin::Open, map(json!({"a": {"y": null}, "b": [2]}))),
        ]);
        assert_eq!(sealed.values, json!({"a": {"x": 1, "y": null}, "b": [2]}));
    }
}
