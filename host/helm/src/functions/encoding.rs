//! YAML, JSON and base64, in and out.

use base64::Engine as _;
use serde_json::Value as Json;

use super::{Call, Function};
use crate::limits::nodes_of;
use crate::template::{Failure, Outcome};
use crate::value::{
    Entries, ListOf, MapOf, Value, from_bytes, from_json, json_text, raw_json, to_bytes, to_exact_json, to_json,
    to_json_text, to_json_with_bytes,
};

pub(super) fn find(name: &str) -> Option<Function> {
    Some(match name {
        "b32dec" => b32dec,
        "b32enc" => b32enc,
        "b64dec" => b64dec,
        "b64enc" => b64enc,
        "fromJson" => parse_json,
        "fromJsonArray" => parse_json_array,
        "fromYaml" => parse_yaml,
        "fromYamlArray" => parse_yaml_array,
        "mustFromJson" => must_parse_json,
        "mustToJson" | "toJson" => json,
        "mustToPrettyJson" | "toPrettyJson" => pretty_json,
        "mustToRawJson" | "toRawJson" => plain_json,
        "toYaml" => yaml,
        "toYamlPretty" => pretty_yaml,
        _ => return None,
    })
}

fn yaml(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    let json = to_json(&call.any(0)?)?;
    let text = rhumb_yaml::to_string(&json);
    // On its way the value is JSON, which go-yaml reads, and it takes no character for deleting; Helm drops the error.
    if text.contains("\\x7F") && json_holds_delete(&json) {
        return Ok(Value::text(""));
    }
    call.sized(text.len())?;
    Ok(Value::text(text.strip_suffix('\n').unwrap_or(&text)))
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

fn pretty_yaml(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    let text = rhumb_yaml::to_pretty_string(&to_exact_json(&call.any(0)?)?);
    call.sized(text.len())?;
    Ok(Value::text(text.strip_suffix('\n').unwrap_or(&text)))
}

fn json(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    let text = to_json_text(&call.any(0)?)?;
    call.sized(text.len())?;
    Ok(Value::text(text))
}

fn plain_json(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    Ok(Value::text(
        raw_json(&to_json_with_bytes(&call.any(0)?)?).replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029"),
    ))
}

fn pretty_json(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    let mut out = String::new();
    write_pretty(&mut out, &to_json_with_bytes(&call.any(0)?)?, 0);
    call.sized(out.len())?;
    Ok(Value::text(crate::value::html_safe_json(&out)))
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
    Ok(read.map_err(|error| format!("error converting YAML to JSON: yaml: line {}: {}", error.line, error.message)))
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
    format!("error unmarshaling JSON: while decoding JSON: {}", json_mismatch(json, wanted))
}

fn json_mismatch(json: &Json, wanted: &str) -> String {
    let kind = match json {
        Json::Null => "null",
        Json::Bool(_) => "bool",
        Json::Number(_) => "number",
        Json::String(_) => "string",
        Json::Array(_) => "array",
        Json::Object(_) => "object",
    };
    format!("json: cannot unmarshal {kind} into Go value of type {wanted}")
}

fn read_json(call: &Call<'_, '_>) -> Outcome<Result<Json, String>> {
    call.exactly(1)?;
    let text = call.text(0)?;
    call.exec.engine.spend(text.len() / 16)?;
    Ok(serde_json::from_str(&text).map_err(|error| match error.is_eof() {
        true => "unexpected end of JSON input".to_owned(),
        false => error.to_string(),
    }))
}

fn parse_json(call: &mut Call<'_, '_>) -> Outcome<Value> {
    Ok(match read_json(call)? {
        Ok(json @ Json::Object(_)) => from_json(&json),
        Ok(Json::Null) => Value::map_of(Entries::new(), MapOf::Nil),
        Ok(other) => with_error(&json_mismatch(&other, "map[string]interface {}")),
        Err(message) => with_error(&message),
    })
}

fn parse_json_array(call: &mut Call<'_, '_>) -> Outcome<Value> {
    Ok(match read_json(call)? {
        Ok(json @ Json::Array(_)) => from_json(&json),
        Ok(Json::Null) => Value::list_or_nil(Vec::new(), ListOf::Anything),
        Ok(other) => Value::list(vec![Value::text(json_mismatch(&other, "[]interface {}"))]),
        Err(message) => Value::list(vec![Value::text(message)]),
    })
}

fn must_parse_json(call: &mut Call<'_, '_>) -> Outcome<Value> {
    Ok(from_json(&read_json(call)?.map_err(Failure::new)?))
}

fn b64enc(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    let text = call.text(0)?;
    call.sized(text.len().saturating_mul(2))?;
    Ok(Value::text(base64::engine::general_purpose::STANDARD.encode(to_bytes(&text))))
}

fn b64dec(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    let text: String = call.text(0)?.chars().filter(|c| !matches!(c, '\n' | '\r')).collect();
    Ok(Value::text(match base64::engine::general_purpose::STANDARD.decode(&text) {
        Ok(data) => from_bytes(&data).to_string(),
        Err(error) => format!("illegal base64 data at input byte {}", position(&text, &error)),
    }))
}

fn position(text: &str, error: &base64::DecodeError) -> usize {
    match error {
        base64::DecodeError::InvalidByte(at, _) | base64::DecodeError::InvalidLastSymbol { offset: at, .. } => *at,
        _ => text.len() / 4 * 4,
    }
}

const BASE_32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

fn b32enc(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    let text = call.text(0)?;
    call.sized(text.len().saturating_mul(2))?;
    let mut out = String::new();
    for chunk in to_bytes(&text).chunks(5) {
        let bits = (0..5).fold(0_u64, |bits, at| bits << 8 | u64::from(chunk.get(at).copied().unwrap_or(0)));
        let letters = (chunk.len() * 8).div_ceil(5);
        for at in 0..8 {
            let index = usize::try_from(bits >> (35 - 5 * at) & 31).unwrap_or(0);
            let letter = BASE_32.get(index).copied().unwrap_or(b'=');
            out.push(char::from(if at < letters { letter } else { b'=' }));
        }
    }
    Ok(Value::text(out))
}

fn b32dec(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    let text = call.text(0)?;
    let (mut bits, mut count, mut out) = (0_u64, 0, Vec::new());
    for (at, byte) in text.trim_end_matches('=').bytes().enumerate() {
        let Some(value) = BASE_32.iter().position(|letter| *letter == byte) else {
            return Ok(Value::text(format!("illegal base32 data at input byte {at}")));
        };
        bits = (bits << 5 | value as u64) & 0xffff;
        count += 5;
        if count >= 8 {
            count -= 8;
            out.push(u8::try_from(bits >> count & 0xff).unwrap_or(0));
        }
    }
    Ok(Value::Text(from_bytes(&out)))
}
