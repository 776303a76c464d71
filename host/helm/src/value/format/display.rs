//! `%v`, as `Sprint` and an action of a template print it.

use rhumb_yaml::number::format_float;

use crate::limits::{TEXT_BYTES, VALUE_DEPTH};
use crate::value::{Value, to_bool_text};

/// `%v`. A text of more than [`TEXT_BYTES`] is not the whole one; whoever prints it or gives it to a template refuses it.
pub(crate) fn display(value: &Value) -> String {
    let mut out = String::new();
    write(&mut out, value, 0);
    out
}

/// Sprig's `strval`: text as it is, bytes as text, everything else `%v`.
pub(crate) fn strval(value: &Value) -> String {
    match value {
        Value::Bytes(bytes) => crate::value::from_bytes(bytes).to_string(),
        other => display(other),
    }
}

/// `fmt.Sprint`: a blank between operands when neither is a string.
pub(crate) fn sprint(values: &[Value]) -> String {
    let mut out = String::new();
    let mut after_text = true;
    for (at, value) in values.iter().enumerate() {
        if out.len() > TEXT_BYTES {
            break;
        }
        let text = matches!(value, Value::Text(_));
        if at > 0 && !text && !after_text {
            out.push(' ');
        }
        out.push_str(&display(value));
        after_text = text;
    }
    out
}

fn write(out: &mut String, value: &Value, depth: usize) {
    if depth > VALUE_DEPTH || out.len() > TEXT_BYTES {
        out.push('…');
        return;
    }
    match value {
        Value::Nil => out.push_str("<nil>"),
        Value::Bool(bool) => out.push_str(to_bool_text(*bool)),
        Value::Int(int) | Value::Int64(int) => out.push_str(&int.to_string()),
        Value::Uint64(uint) => out.push_str(&uint.to_string()),
        Value::Float(float) => out.push_str(&format_float(*float)),
        Value::Text(text) => out.push_str(text),
        Value::List(_) | Value::Bytes(_) | Value::Versions(_) => {
            write_all(out, &value.items().unwrap_or_default(), depth);
        }
        Value::Map(map) | Value::Values(map) => {
            out.push_str("map[");
            for (at, (key, value)) in map.0.borrow().iter().enumerate() {
                if at > 0 {
                    out.push(' ');
                }
                out.push_str(key);
                out.push(':');
                write(out, value, depth + 1);
            }
            out.push(']');
        }
        Value::Files(files) => {
            out.push_str("map[");
            for (at, (path, data)) in files.iter().enumerate() {
                out.push_str(if at > 0 { " " } else { "" });
                out.push_str(path);
                out.push(':');
                write(out, &Value::bytes(data), depth + 1);
            }
            out.push(']');
        }
        Value::Struct(object) => match &object.text {
            Some(text) => out.push_str(text),
            None => {
                let fields: Vec<Value> = object.fields.iter().map(|(_, value)| value.clone()).collect();
                let before = out.len();
                write_all(out, &fields, depth);
                out.replace_range(before..=before, "{");
                out.pop();
                out.push('}');
            }
        },
        Value::Time(time) => out.push_str(&time.go_string()),
    }
}

fn write_all(out: &mut String, items: &[Value], depth: usize) {
    out.push('[');
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(' ');
        }
        write(out, item, depth + 1);
    }
    out.push(']');
}
