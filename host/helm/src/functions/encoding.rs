//! YAML and JSON, in and out.

use serde_json::Value as Json;

use super::{Call, Function};
use crate::limits::nodes_of;
use crate::template::{Failure, Outcome};
use crate::value::{
    Entries, ListOf, MapOf, NoJson, Read, Value, from_json, json_text, raw_json, read_json, time_name, to_bytes,
    to_exact_json, to_json, to_json_text, to_json_with_bytes,
};

pub(super) fn find(name: &str) -> Option<Function> {
    Some(match name {
        "fromJson" => parse_json,
        "fromJsonArray" => parse_json_array,
        "fromYaml" => parse_yaml,
        "fromYamlArray" => parse_yaml_array,
        "mustFromJson" => must_parse_json,
        "mustToJson" => |call| must_encode(call, to_json_text),
        "mustToPrettyJson" => |call| must_encode(call, pretty_json),
        "mustToRawJson" => |call| must_encode(call, plain_json),
        "toJson" => |call| encode(call, to_json_text),
        "toPrettyJson" => |call| encode(call, pretty_json),
        "toRawJson" => |call| encode(call, plain_json),
        "toYaml" => |call| encode(call, yaml),
        "toYamlPretty" => |call| must_encode(call, pretty_yaml),
        _ => return None,
    })
}

/// The text of a value; an empty one when JSON has none for it, as Helm and Sprig drop that error.
fn encode(call: &mut Call<'_, '_>, text: fn(&Value) -> Result<String, NoJson>) -> Outcome<Value> {
    call.exactly(1)?;
    match text(&call.any(0)?) {
        Ok(text) => call.sized(text.len()).map(|()| Value::text(text)),
        Err(NoJson::Unsupported(_)) => Ok(Value::text("")),
        Err(limit @ NoJson::Limit(_)) => Err(limit.into()),
    }
}

/// The same, where that is an error.
fn must_encode(call: &mut Call<'_, '_>, text: fn(&Value) -> Result<String, NoJson>) -> Outcome<Value> {
    call.exactly(1)?;
    let text = text(&call.any(0)?)?;
    call.sized(text.len())?;
    Ok(Value::text(text))
}

fn yaml(value: &Value) -> Result<String, NoJson> {
    let json = to_json(value)?;
    let mut text = rhumb_yaml::to_string(&json);
    // On its way the value is JSON, which go-yaml reads, and it takes no character for deleting.
    if text.contains("\\x7F") && json_holds_delete(&json) {
        return Ok(String::new());
    }
    if text.ends_with('\n') {
        text.pop();
    }
    Ok(text)
}

/// Whether a key or text holds U+007F.
fn json_holds_delete(json: &Json) -> bool {
    match json {
        Json::String(text) => text.contains('\u{7f}'),
        Json::Array(items) => items.iter().any(json_holds_delete),
        Json::Object(object) => object.iter().any(|(key, value)| key.contains('\u{7f}') || json_holds_delete(value)),
        _ => false,
    }
}

/// How many times may stand in one value; it is gone over for each.
const TIMES: usize = 1_000;

/// What go-yaml 3 makes of a value, which was never JSON: times have no quotes.
fn pretty_yaml(value: &Value) -> Result<String, NoJson> {
    let mut times = Vec::new();
    let mut text = rhumb_yaml::to_pretty_string(&to_exact_json(value, &mut times)?);
    for (at, time) in times.iter().enumerate() {
        let name = time_name(at);
        if times.len() > TIMES || text.matches(&name).count() != 1 {
            return Err(NoJson::Limit("holds too many times to write them without quotes".to_owned()));
        }
        text = text.replacen(&name, time, 1);
    }
    if text.ends_with('\n') {
        text.pop();
    }
    Ok(text)
}

fn plain_json(value: &Value) -> Result<String, NoJson> {
    Ok(raw_json(&to_json_with_bytes(value)?).replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029"))
}

fn pretty_json(value: &Value) -> Result<String, NoJson> {
    let mut out = String::new();
    write_pretty(&mut out, &to_json_with_bytes(value)?, 0);
    Ok(crate::value::html_safe_json(&out))
}

/// `json.MarshalIndent` with two blanks; the depth is bounded by [`to_json`].
fn write_pretty(out: &mut String, json: &Json, depth: usize) {
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.push_str(&"  ".repeat(depth));
    };
    match json {
        Json::Array(items) if !items.is_empty() => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                line(out, depth + 1);
                write_pretty(out, item, depth + 1);
            }
            line(out, depth);
            out.push(']');
        }
        Json::Object(object) if !object.is_empty() => {
            out.push('{');
            for (at, (key, value)) in object.iter().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                line(out, depth + 1);
                out.push_str(&json_text(key));
                out.push_str(": ");
                write_pretty(out, value, depth + 1);
            }
            line(out, depth);
            out.push('}');
        }
        other => out.push_str(&raw_json(other)),
    }
}

fn with_error(message: &str) -> Value {
    Value::map(Entries::from([("Error".into(), Value::text(message))]))
}

fn read_yaml(call: &Call<'_, '_>) -> Outcome<Result<Json, String>> {
    call.exactly(1)?;
    let text = call.text(0)?;
    call.exec.engine.spend(text.len() / 16)?;
    let limits = rhumb_yaml::Limits::default();
    let read = rhumb_yaml::first_value(&text, &limits);
    // A few aliases stand for many values.
    call.exec.engine.spend(read.as_ref().map_or(0, nodes_of))?;
    let words = |error: rhumb_yaml::Error| rhumb_yaml::go_words(&text, &error, &limits);
    Ok(read.map_err(|error| format!("error converting YAML to JSON: {}", words(error))))
}

fn parse_yaml(call: &mut Call<'_, '_>) -> Outcome<Value> {
    Ok(match read_yaml(call)? {
        Ok(json @ Json::Object(_)) => from_json(&json),
        Ok(Json::Null) => Value::map(Entries::new()),
        Ok(other) => with_error(&mismatch(&other, "map[string]interface {}")),
        Err(message) => with_error(&message),
    })
}

fn parse_yaml_array(call: &mut Call<'_, '_>) -> Outcome<Value> {
    Ok(match read_yaml(call)? {
        Ok(json @ Json::Array(_)) => from_json(&json),
        Ok(Json::Null) => Value::list(Vec::new()),
        Ok(other) => Value::list(vec![Value::text(mismatch(&other, "[]interface {}"))]),
        Err(message) => Value::list(vec![Value::text(message)]),
    })
}

fn mismatch(json: &Json, wanted: &str) -> String {
    let kind = json_kind(&from_json(json));
    format!("error unmarshaling JSON: while decoding JSON: {}", json_mismatch(kind, wanted))
}

fn json_mismatch(kind: &str, wanted: &str) -> String {
    format!("json: cannot unmarshal {kind} into Go value of type {wanted}")
}

/// What JSON calls a value that was read from it.
fn json_kind(value: &Value) -> &'static str {
    match value {
        Value::Nil => "null",
        Value::Bool(_) => "bool",
        Value::Text(_) => "string",
        Value::List(_) => "array",
        Value::Map(_) => "object",
        _ => "number",
    }
}

fn read_json_of(call: &Call<'_, '_>) -> Outcome<Result<Read, String>> {
    call.exactly(1)?;
    let text = call.text(0)?;
    call.exec.engine.spend(text.len() / 16)?;
    Ok(read_json(&to_bytes(&text)))
}

fn parse_json(call: &mut Call<'_, '_>) -> Outcome<Value> {
    Ok(match read_json_of(call)? {
        Ok(Read { value: Value::Map(map), mismatch }) => {
            if let Some(message) = mismatch {
                map.0.borrow_mut().insert("Error".into(), Value::text(message));
            }
            Value::Map(map)
        }
        Ok(Read { value: Value::Nil, mismatch: None }) => Value::map_of(Entries::new(), MapOf::Nil),
        Ok(Read { value, .. }) => with_error(&json_mismatch(json_kind(&value), "map[string]interface {}")),
        Err(message) => with_error(&message),
    })
}

fn parse_json_array(call: &mut Call<'_, '_>) -> Outcome<Value> {
    let message = match read_json_of(call)? {
        Ok(Read { mismatch: Some(message), value: Value::List(_) }) | Err(message) => message,
        Ok(Read { value: Value::List(list), .. }) => return Ok(Value::List(list)),
        Ok(Read { value: Value::Nil, mismatch: None }) => return Ok(Value::list_or_nil(Vec::new(), ListOf::Anything)),
        Ok(Read { value, .. }) => json_mismatch(json_kind(&value), "[]interface {}"),
    };
    Ok(Value::list(vec![Value::text(message)]))
}

fn must_parse_json(call: &mut Call<'_, '_>) -> Outcome<Value> {
    match read_json_of(call)?? {
        Read { mismatch: Some(message), .. } => Err(Failure::new(message)),
        Read { value, .. } => Ok(value),
    }
}
