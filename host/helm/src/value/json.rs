//! Values as JSON and back.

use serde_json::{Map, Number, Value as Json};

use super::{Entries, Value, html_safe_json, size};
use crate::render::Integers;
use crate::template::Failure;

/// A value made of a document: every number is a 64-bit float.
pub(crate) fn from_json(json: &Json) -> Value {
    from_json_as(json, Integers::Float)
}

/// The same, with a say in what whole numbers are.
pub(crate) fn from_json_as(json: &Json, integers: Integers) -> Value {
    let inner = |json: &Json| from_json_as(json, integers);
    match json {
        Json::Null => Value::Nil,
        Json::Bool(bool) => Value::Bool(*bool),
        Json::Number(number) if integers == Integers::Int64 && number.is_i64() => {
            Value::Int64(number.as_i64().unwrap_or_default())
        }
        Json::Number(number) => Value::Float(number.as_f64().unwrap_or_default()),
        Json::String(text) => Value::text(text.as_str()),
        Json::Array(items) => Value::list(items.iter().map(inner).collect()),
        Json::Object(object) => {
            Value::map(object.iter().map(|(key, value)| (key.as_str().into(), inner(value))).collect::<Entries>())
        }
    }
}

/// Why a value has no JSON.
#[derive(Debug)]
pub(crate) enum NoJson {
    /// It is too large, or nests too deep.
    Limit(String),
    /// `json.Marshal` has none for it either, for this reason.
    Unsupported(String),
}

impl From<NoJson> for String {
    fn from(reason: NoJson) -> Self {
        match reason {
            NoJson::Limit(message) | NoJson::Unsupported(message) => message,
        }
    }
}

impl From<NoJson> for Box<Failure> {
    fn from(reason: NoJson) -> Self {
        Failure::new(String::from(reason))
    }
}

/// The value as `json.Marshal` sees it: whole floats as integers, keys sorted; `Err` when it nests too deep or holds
/// what JSON cannot hold.
pub(crate) fn to_json(value: &Value) -> Result<Json, NoJson> {
    size(value).map_err(NoJson::Limit)?;
    to_json_of(value, Reader::Any)
}

/// The same with every float as a float, and with names in the place of times, which are added to a list.
pub(crate) fn to_exact_json(value: &Value, times: &mut Vec<String>) -> Result<Json, NoJson> {
    size(value).map_err(NoJson::Limit)?;
    to_json_of(&named_times(value, times), Reader::ExactNumbers)
}

/// What stands for a time of that list.
pub(crate) fn time_name(at: usize) -> String {
    format!("the-time-{at:06}-of-this-value")
}

fn named_times(value: &Value, times: &mut Vec<String>) -> Value {
    match value {
        Value::Time(time) => {
            let name = Value::text(time_name(times.len()));
            times.push(time.format("2006-01-02T15:04:05.999999999Z07:00"));
            name
        }
        Value::List(list) => {
            let items = list.0.iter().map(|item| named_times(item, times)).collect();
            Value::list_of(items, list.1)
        }
        Value::Map(map) => {
            let map_ref = map.0.borrow();
            let entries = map_ref.iter().map(|(key, value)| (key.clone(), named_times(value, times)));
            Value::map_of(entries.collect::<Entries>(), map.1)
        }
        other => other.clone(),
    }
}

/// The same with the bytes that are no text still in it, for [`raw_json`].
pub(crate) fn to_json_with_bytes(value: &Value) -> Result<Json, NoJson> {
    size(value).map_err(NoJson::Limit)?;
    to_json_of(value, Reader::Bytes)
}

/// What the JSON is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reader {
    /// Bytes that are no text are replacement characters.
    Any,
    /// A float without a fraction stays one.
    ExactNumbers,
    /// Bytes that are no text stay what they are.
    Bytes,
}

fn text(text: &str, reader: Reader) -> String {
    if reader == Reader::Bytes { text.to_owned() } else { super::lossy(text).into_owned() }
}

fn to_json_of(value: &Value, reader: Reader) -> Result<Json, NoJson> {
    Ok(match value {
        nil if nil.is_nil() && reader != Reader::ExactNumbers => Json::Null,
        Value::Nil => Json::Null,
        Value::Bool(bool) => Json::Bool(*bool),
        Value::Int(int) | Value::Int64(int) => Json::from(*int),
        Value::Uint64(uint) => Json::from(*uint),
        Value::Float(float) if reader == Reader::ExactNumbers && float.is_finite() => Json::from(*float),
        // YAML has no such zero.
        Value::Float(float) if reader == Reader::Bytes && *float == 0.0 && float.is_sign_negative() => {
            Json::from(*float)
        }
        Value::Float(float) => number(*float)?,
        Value::Text(string) => Json::String(text(string, reader)),
        Value::Bytes(bytes) => {
            use base64::Engine as _;
            Json::String(base64::engine::general_purpose::STANDARD.encode(bytes.as_slice()))
        }
        Value::List(list) => Json::Array(list.0.iter().map(|item| to_json_of(item, reader)).collect::<Result<_, _>>()?),
        Value::Map(map) | Value::Values(map) => {
            let map = map.0.borrow();
            let entries = map.iter().map(|(key, value)| Ok((text(key, reader), to_json_of(value, reader)?)));
            Json::Object(entries.collect::<Result<Map<_, _>, NoJson>>()?)
        }
        Value::Versions(versions) => Json::from(versions.to_vec()),
        Value::Files(files) => {
            let bytes =
                files.iter().map(|(path, data)| Ok((path.to_owned(), to_json_of(&Value::bytes(data), reader)?)));
            Json::Object(bytes.collect::<Result<Map<_, _>, NoJson>>()?)
        }
        Value::Struct(object) if object.number().is_some() => Json::from(object.number()),
        Value::Struct(object) if object.name == "*semver.Version" => {
            Json::String(object.text.clone().unwrap_or_default())
        }
        Value::Struct(object) => {
            let fields = object.fields.iter().filter(|(_, value)| value.truth());
            let entries = fields.map(|(name, value)| Ok((json_name(name), to_json_of(value, reader)?)));
            Json::Object(entries.collect::<Result<Map<_, _>, NoJson>>()?)
        }
        Value::Time(time) => Json::String(crate::time::rfc3339(time).map_err(NoJson::Unsupported)?),
    })
}

/// The JSON name of a field of Helm's structs: `APIVersion` is `apiVersion`, `Name` is `name`.
fn json_name(field: &str) -> String {
    let capitals = field.chars().take_while(char::is_ascii_uppercase).count();
    let lowered = if capitals > 1 && capitals < field.len() { capitals - 1 } else { capitals };
    field.chars().enumerate().map(|(at, c)| if at < lowered { c.to_ascii_lowercase() } else { c }).collect()
}

#[allow(clippy::cast_possible_truncation, reason = "checked")]
fn number(float: f64) -> Result<Json, NoJson> {
    if float.fract() == 0.0 && float.abs() < 9e18 {
        return Ok(Json::from(float as i64));
    }
    Number::from_f64(float).map(Json::Number).ok_or_else(|| {
        NoJson::Unsupported(format!("json: unsupported value: {}", rhumb_yaml::number::format_float(float)))
    })
}

/// Compact JSON as Go writes it, with `<`, `>` and `&` escaped.
pub(crate) fn to_json_text(value: &Value) -> Result<String, NoJson> {
    Ok(html_safe_json(&raw_json(&to_json_with_bytes(value)?)))
}

/// Compact JSON with Go's numbers.
pub(crate) fn raw_json(json: &Json) -> String {
    match json {
        Json::Array(items) => format!("[{}]", items.iter().map(raw_json).collect::<Vec<_>>().join(",")),
        Json::Object(object) => {
            let entries = object.iter().map(|(key, value)| format!("{}:{}", json_text(key), raw_json(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(","))
        }
        Json::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() => rhumb_yaml::number::format_json(float),
            _ => number.to_string(),
        },
        Json::String(text) => json_text(text),
        other => other.to_string(),
    }
}

/// A text as JSON, where bytes that are no text are escapes of the replacement character.
pub(crate) fn json_text(text: &str) -> String {
    let json = Json::from(text).to_string();
    if !super::is_binary(text) {
        return json;
    }
    json.chars().fold(String::new(), |mut out, c| {
        match super::bytes::escaped(c) {
            Some(_) => out.push_str("\\ufffd"),
            None => out.push(c),
        }
        out
    })
}
