//! TOML, in and out, as `github.com/BurntSushi/toml` reads and writes it.

use std::fmt::Write as _;

use super::{Call, Function};
use crate::template::{Failure, Outcome};
use crate::value::{Entries, Value, size};

pub(super) fn find(name: &str) -> Option<Function> {
    Some(match name {
        "fromToml" => from_toml,
        "toToml" => to_toml,
        _ => return None,
    })
}

fn from_toml(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    let text = call.text(0)?;
    call.exec.engine.spend(text.len() / 16)?;
    match text.parse::<toml::Table>() {
        Ok(table) => map(&table),
        Err(error) => {
            let message = format!("toml: {}", error.message());
            Ok(Value::map(Entries::from([("Error".into(), Value::text(message))])))
        }
    }
}

fn map(table: &toml::Table) -> Outcome<Value> {
    let entries = table.iter().map(|(key, value)| Ok((key.as_str().into(), from(value)?)));
    Ok(Value::map(entries.collect::<Outcome<Entries>>()?))
}

fn from(value: &toml::Value) -> Outcome<Value> {
    Ok(match value {
        toml::Value::String(text) => Value::text(text.as_str()),
        toml::Value::Integer(int) => Value::Int64(*int),
        toml::Value::Float(float) => Value::Float(*float),
        toml::Value::Boolean(bool) => Value::Bool(*bool),
        toml::Value::Datetime(_) => return Err(Failure::new("dates in TOML are not in yet")),
        toml::Value::Array(items) => Value::list(items.iter().map(from).collect::<Outcome<_>>()?),
        toml::Value::Table(table) => map(table)?,
    })
}

/// The text, or why there is none: Helm prints that in its place.
fn to_toml(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    let mut writer = Writer::default();
    let value = call.any(0)?;
    let result = size(&value).and_then(|_| writer.value(&mut Vec::new(), &plain(&value)));
    call.sized(writer.out.len())?;
    Ok(Value::text(match result {
        Ok(()) => writer.out,
        Err(message) => message,
    }))
}

/// Maps of other types as maps; the rest is what it is.
fn plain(value: &Value) -> Value {
    match value {
        Value::Struct(object) => {
            let entries = object.fields.iter().map(|(name, value)| ((*name).into(), value.clone()));
            Value::map(entries.collect::<Entries>())
        }
        other => other.clone(),
    }
}

#[derive(Default)]
struct Writer {
    out: String,
}

/// What a value is to TOML.
#[derive(PartialEq, Eq)]
enum Kind {
    Nothing,
    Table,
    Tables,
    Other,
}

fn kind(value: &Value) -> Result<Kind, String> {
    Ok(match value {
        Value::Nil => Kind::Nothing,
        Value::Map(_) | Value::Values(_) | Value::Struct(_) | Value::Files(_) => Kind::Table,
        Value::List(list) if !list.0.is_empty() => {
            let kinds = list.0.iter().map(kind).collect::<Result<Vec<_>, _>>()?;
            if kinds.contains(&Kind::Nothing) {
                return Err("toml: cannot encode array with nil element".to_owned());
            }
            if kinds.iter().all(|kind| *kind == Kind::Table) { Kind::Tables } else { Kind::Other }
        }
        _ => Kind::Other,
    })
}

impl Writer {
    fn value(&mut self, path: &mut Vec<String>, value: &Value) -> Result<(), String> {
        match value {
            Value::Nil => Ok(()),
            Value::Map(map) | Value::Values(map) => {
                if path.len() == 1 {
                    self.line();
                }
                if !path.is_empty() {
                    self.put(&format!("{}[{}]", indent(path), dotted(path)));
                    self.line();
                }
                self.entries(path, &map.0.borrow())
            }
            Value::List(list) if kind(value)? == Kind::Tables => {
                if path.is_empty() {
                    return Err("toml: top-level values must be Go maps or structs".to_owned());
                }
                for item in &list.0 {
                    self.line();
                    self.put(&format!("{}[[{}]]", indent(path), dotted(path)));
                    self.line();
                    if let Value::Map(map) | Value::Values(map) = plain(item) {
                        self.entries(path, &map.0.borrow())?;
                    }
                }
                Ok(())
            }
            value => {
                if let Some(last) = path.last() {
                    self.put(&format!("{}{} = ", indent(path), key(last)));
                }
                self.element(value)?;
                if !path.is_empty() {
                    self.line();
                }
                Ok(())
            }
        }
    }

    /// Plain values first, then tables.
    fn entries(&mut self, path: &mut Vec<String>, entries: &Entries) -> Result<(), String> {
        for tables in [false, true] {
            for (name, value) in entries {
                let value = plain(value);
                if matches!(kind(&value)?, Kind::Table | Kind::Tables) == tables {
                    path.push(name.to_string());
                    self.value(path, &value)?;
                    path.pop();
                }
            }
        }
        Ok(())
    }

    fn element(&mut self, value: &Value) -> Result<(), String> {
        match value {
            Value::Text(text) => self.put(&quoted(text)),
            Value::Bool(bool) => self.put(crate::value::to_bool_text(*bool)),
            Value::Int(int) | Value::Int64(int) => self.put(&int.to_string()),
            Value::Float(float) => self.put(&number(*float)),
            Value::Time(nanos) => self.put(&crate::record::time(*nanos)),
            Value::Map(map) | Value::Values(map) => {
                let entries = map.0.borrow();
                let present: Vec<_> = entries.iter().filter(|(_, value)| !matches!(value, Value::Nil)).collect();
                self.put("{");
                for (at, (name, value)) in present.iter().enumerate() {
                    self.put(if at > 0 { ", " } else { "" });
                    self.put(&format!("{} = ", key(name)));
                    self.element(&plain(value))?;
                }
                self.put("}");
            }
            Value::Nil => return Err("unexpected type: <nil>".to_owned()),
            other => {
                let items = other.items().ok_or_else(|| format!("unexpected type: {}", other.type_name()))?;
                self.put("[");
                for (at, item) in items.iter().enumerate() {
                    self.put(if at > 0 { ", " } else { "" });
                    self.element(&plain(item))?;
                }
                self.put("]");
            }
        }
        Ok(())
    }

    fn put(&mut self, text: &str) {
        self.out.push_str(text);
    }

    fn line(&mut self) {
        if !self.out.is_empty() {
            self.out.push('\n');
        }
    }
}

fn number(float: f64) -> String {
    if float.is_nan() {
        return "nan".to_owned();
    }
    if float.is_infinite() {
        return if float < 0.0 { "-inf" } else { "inf" }.to_owned();
    }
    let text = format!("{float}");
    if text.contains('.') { text } else { text + ".0" }
}

fn indent(path: &[String]) -> String {
    "  ".repeat(path.len().saturating_sub(1))
}

fn dotted(path: &[String]) -> String {
    path.iter().map(|part| key(part)).collect::<Vec<_>>().join(".")
}

fn key(name: &str) -> String {
    let bare = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    if bare { name.to_owned() } else { quoted(name) }
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            c if c < ' ' || c == '\u{7f}' => {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
