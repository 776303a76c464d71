//! Checks a config by the part of JSON Schema that the SDK's derive writes.
//!
//! Known are `type`, `enum`, `minimum`, `maximum`, `items`, `required`, `properties` and `additionalProperties`. Other
//! words are descriptions to this host; the policy's own `check-config` comes after it in any case.

use rhumb_core::judge::{Problem, Reason};
use serde_json::{Map, Value};

/// Most problems that are listed.
const PROBLEMS: usize = 20;

/// What is wrong with a value, with a pointer to each place.
pub(crate) fn check(schema: &Value, value: &Value) -> Vec<Problem> {
    let mut problems = Vec::new();
    at(schema, value, "", &mut problems);
    problems.truncate(PROBLEMS);
    problems
}

fn at(schema: &Value, value: &Value, pointer: &str, problems: &mut Vec<Problem>) {
    if problems.len() >= PROBLEMS {
        return;
    }
    let mut wrong = |code: &str, wanted: &str| problems.push(problem(pointer, code, wanted, value));
    if let Some(wanted) = schema.get("type").and_then(Value::as_str)
        && !is_type(value, wanted)
    {
        wrong("wrong-type", &with_article(wanted));
        return;
    }
    if let Some(choices) = schema.get("enum").and_then(Value::as_array)
        && !choices.contains(value)
    {
        let choices: Vec<String> = choices.iter().map(Value::to_string).collect();
        wrong("not-a-choice", &format!("one of {}", choices.join(", ")));
    }
    if let Some(minimum) = schema.get("minimum").filter(|bound| is_less(value, bound)) {
        wrong("out-of-range", &format!("at least {minimum}"));
    }
    if let Some(maximum) = schema.get("maximum").filter(|bound| is_less(bound, value)) {
        wrong("out-of-range", &format!("at most {maximum}"));
    }
    match value {
        Value::Array(values) => {
            for (index, item) in values.iter().enumerate() {
                if let Some(items) = schema.get("items") {
                    at(items, item, &format!("{pointer}/{index}"), problems);
                }
            }
        }
        Value::Object(map) => object(schema, map, pointer, problems),
        _ => {}
    }
}

fn object(schema: &Value, map: &Map<String, Value>, pointer: &str, problems: &mut Vec<Problem>) {
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    for key in required.filter(|key| !map.contains_key(*key)) {
        let reason = Reason { code: "missing".to_owned(), message: format!("`{key}` is missing") };
        problems.push(Problem { pointer: pointer.to_owned(), reason });
    }
    let properties = schema.get("properties").and_then(Value::as_object);
    for (key, value) in map {
        let below = format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
        match (properties.and_then(|properties| properties.get(key)), schema.get("additionalProperties")) {
            (Some(property), _) => at(property, value, &below, problems),
            (None, Some(Value::Bool(false))) => {
                let known: Vec<&str> = properties.into_iter().flat_map(Map::keys).map(String::as_str).collect();
                let message = format!("`{key}` is not a setting; there is {}", known.join(", "));
                problems.push(Problem { pointer: below, reason: Reason { code: "unknown-key".to_owned(), message } });
            }
            (None, Some(rest)) => at(rest, value, &below, problems),
            (None, None) => {}
        }
    }
}

fn problem(pointer: &str, code: &str, wanted: &str, got: &Value) -> Problem {
    let message = format!("wanted {wanted}, got {}", rhumb_core::chain::cut(&got.to_string(), 80));
    Problem { pointer: pointer.to_owned(), reason: Reason { code: code.to_owned(), message } }
}

fn is_type(value: &Value, wanted: &str) -> bool {
    match wanted {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => true,
    }
}

fn with_article(wanted: &str) -> String {
    let article = if wanted.starts_with(['a', 'i', 'o']) { "an" } else { "a" };
    format!("{article} {wanted}")
}

/// Whether both are numbers and the first is less.
fn is_less(left: &Value, right: &Value) -> bool {
    let whole = |value: &Value| value.as_i64().map(i128::from).or_else(|| value.as_u64().map(i128::from));
    match (whole(left), whole(right)) {
        (Some(left), Some(right)) => left < right,
        _ => matches!((left.as_f64(), right.as_f64()), (Some(left), Some(right)) if left < right),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn found(value: Value) -> Vec<String> {
        let schema = json!({
            "type": "object", "additionalProperties": false, "required": ["pattern"],
            "properties": {
                "pattern": {"type": "string"},
                "count": {"type": "integer", "minimum": 0, "maximum": 9},
                "mode": {"enum": ["a", "b"]},
                "sizes": {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "integer"}}},
            }
        });
        check(&schema, &value)
            .into_iter()
            .map(|p| format!("{}: {}: {}", p.pointer, p.reason.code, p.reason.message))
            .collect()
    }

    #[test]
    fn accepts_what_fits() {
        assert!(found(json!({"pattern": "x", "count": 9, "mode": "b", "sizes": {"a": [1]}})).is_empty());
    }

    #[test]
    fn says_where_what_was_wanted_and_what_came() {
        assert_eq!(found(json!(3)), [": wrong-type: wanted an object, got 3"]);
        assert_eq!(found(json!({})), [": missing: `pattern` is missing"]);
        assert_eq!(found(json!({"pattern": 1})), ["/pattern: wrong-type: wanted a string, got 1"]);
        assert_eq!(found(json!({"pattern": "", "count": 10})), ["/count: out-of-range: wanted at most 9, got 10"]);
        assert_eq!(
            found(json!({"pattern": "", "mode": "c"})),
            [r#"/mode: not-a-choice: wanted one of "a", "b", got "c""#]
        );
        assert_eq!(
            found(json!({"pattern": "", "sizes": {"a/b": [true]}})),
            ["/sizes/a~1b/0: wrong-type: wanted an integer, got true"]
        );
        assert_eq!(
            found(json!({"pattern": "", "patern": ""})),
            ["/patern: unknown-key: `patern` is not a setting; there is pattern, count, mode, sizes"]
        );
    }
}
