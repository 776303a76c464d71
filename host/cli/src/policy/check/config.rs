//! Configs made from a JSON Schema and from configs that were seen.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::super::random::Random;

/// Longest list that is made.
const ITEMS: usize = 3;
/// Deepest value that is made.
const DEPTH: usize = 8;

/// What configs had at each place, such as `/deny/*/version`; a place of the schema that says "such as `this`" has that
/// too.
#[derive(Debug, Default)]
pub(super) struct Seen(BTreeMap<String, Vec<Value>>);

impl Seen {
    /// Notes every value of a config.
    pub(super) fn note(&mut self, config: &Value, at: &str) {
        match config {
            Value::Object(map) => {
                for (key, value) in map {
                    self.note(value, &format!("{at}/{key}"));
                }
                return;
            }
            Value::Array(items) => {
                items.iter().for_each(|item| self.note(item, &format!("{at}/*")));
                return;
            }
            _ => {}
        }
        let there = self.0.entry(at.to_owned()).or_default();
        if !there.contains(config) {
            there.push(config.clone());
        }
    }

    /// Notes what the descriptions of a schema give as examples.
    pub(super) fn note_examples(&mut self, schema: &Value, at: &str) {
        let about = schema.get("description").and_then(Value::as_str).unwrap_or_default();
        for example in about.split('`').skip(1).step_by(2) {
            self.note(&json!(example), at);
        }
        for (key, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            self.note_examples(property, &format!("{at}/{key}"));
        }
        for below in [schema.get("items"), schema.get("additionalProperties")].into_iter().flatten() {
            self.note_examples(below, &format!("{at}/*"));
        }
    }

    /// A value for this place that fits the schema.
    pub(super) fn make(&self, schema: &Value, at: &str, random: &mut Random) -> Value {
        self.deep(schema, (at, DEPTH), random)
    }

    fn deep(&self, schema: &Value, (at, depth): (&str, usize), random: &mut Random) -> Value {
        if depth == 0 {
            return Value::Null;
        }
        let seen = self.0.get(at).map(Vec::as_slice).unwrap_or_default();
        if let Some(choices) = schema.get("enum").and_then(Value::as_array) {
            return random.pick(choices).cloned().unwrap_or_default();
        }
        match schema.get("type").and_then(Value::as_str).unwrap_or_default() {
            "boolean" => json!(random.once_in(2)),
            "integer" => self.integer(schema, seen, random),
            "number" => json!(random.below(1000)),
            "string" if !seen.is_empty() && !random.once_in(4) => random.pick(seen).cloned().unwrap_or_default(),
            "string" => json!(word(random)),
            "array" => {
                let items = schema.get("items").unwrap_or(&Value::Null);
                let place = format!("{at}/*");
                (0..random.below(ITEMS + 1)).map(|_| self.deep(items, (&place, depth - 1), random)).collect()
            }
            "object" => self.object(schema, (at, depth), random),
            _ => random.pick(seen).cloned().unwrap_or_default(),
        }
    }

    fn integer(&self, schema: &Value, seen: &[Value], random: &mut Random) -> Value {
        let bound = |key: &str| schema.get(key).cloned();
        let usual = [json!(0), json!(1), json!(2), json!(random.below(100))];
        let made = [bound("minimum"), bound("maximum")].into_iter().flatten().chain(usual).chain(seen.iter().cloned());
        random.pick(&made.collect::<Vec<_>>()).cloned().unwrap_or_default()
    }

    fn object(&self, schema: &Value, (at, depth): (&str, usize), random: &mut Random) -> Value {
        let mut map = Map::new();
        let required = schema.get("required").and_then(Value::as_array);
        let properties = schema.get("properties").and_then(Value::as_object);
        for (key, property) in properties.into_iter().flatten() {
            let is_needed = required.is_some_and(|keys| keys.iter().any(|needed| needed == key));
            if is_needed || random.once_in(2) {
                map.insert(key.clone(), self.deep(property, (&format!("{at}/{key}"), depth - 1), random));
            }
        }
        if let Some(rest) = schema.get("additionalProperties").filter(|rest| rest.is_object()) {
            let prefix = format!("{at}/");
            let keys: Vec<&str> =
                self.0.keys().filter_map(|key| key.strip_prefix(&prefix)?.split('/').next()).collect();
            for _ in 0..random.below(ITEMS + 1) {
                let key = random.pick(&keys).map_or_else(|| word(random), |key| (*key).to_owned());
                let place = format!("{at}/{key}");
                map.insert(key, self.deep(rest, (&place, depth - 1), random));
            }
        }
        Value::Object(map)
    }
}

/// A text that nobody thought of.
pub(super) fn word(random: &mut Random) -> String {
    const WORDS: [&str; 14] =
        ["", "*", "a", "dev-*", "1", "1.2.3", "0", "-1", "1h", "ö", "a b", "/", "99999999999999999999", "x-1"];
    match random.below(WORDS.len() + 1) {
        at if at < WORDS.len() => WORDS.get(at).copied().unwrap_or_default().to_owned(),
        _ => "long".repeat(100),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_fits_the_schema_and_takes_what_was_seen() {
        let schema = json!({
            "type": "object", "required": ["pattern"], "properties": {
                "pattern": {"type": "string", "description": "Such as `dev-*`."},
                "mode": {"enum": ["a", "b"]},
                "sizes": {"type": "object", "additionalProperties": {"type": "integer", "minimum": 0, "maximum": 9}},
            },
        });
        let mut seen = Seen::default();
        seen.note(&json!({"sizes": {"prod": 3}}), "");
        seen.note_examples(&schema, "");
        let mut random = Random::new(7);
        let made: Vec<Value> = (0..200).map(|_| seen.make(&schema, "", &mut random)).collect();
        assert!(made.iter().all(|config| config["pattern"].is_string()));
        assert!(made.iter().any(|config| config["pattern"] == "dev-*"));
        assert!(made.iter().any(|config| config["sizes"]["prod"].is_u64()));
        assert!(made.iter().all(|config| config.get("mode").is_none_or(|mode| mode == "a" || mode == "b")));
    }
}
