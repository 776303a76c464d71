//! TOML, in and out, as `github.com/BurntSushi/toml` reads and writes it.

use std::fmt::Write as _;

use super::{Call, Function};
use crate::template::{Failure, Outcome};
use crate::time::Zone;
use crate::toml::{Problem, read};
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
    match read(&text) {
        Ok(table) => Ok(table),
        Err(Problem::Words(message)) => Ok(Value::map(Entries::from([("Error".into(), Value::text(message))]))),
        Err(Problem::Refused(message)) => Err(Failure::new(message)),
    }
}

/// The text, or why there is none: Helm prints that in its place.
fn to_toml(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    let mut writer = Writer::default();
    let value = call.any(0)?;
    if matches!(value, Value::Nil) {
        return Err(Failure::new("reflect: call of reflect.Value.Type on zero Value"));
    }
    size(&value)?;
    let result = writer.value(&mut Vec::new(), &plain(&value));
    call.sized(writer.out.len())?;
    Ok(Value::text(match result {
        Ok(()) => writer.out,
        Err(message) => message,
    }))
}

/// Maps of other types as maps; the rest is what it is.
fn plain(value: &Value) -> Value {
    match value {
        Value::Struct(object) if object.name == "*semver.Version" => {
            Value::text(object.text.clone().unwrap_or_default())
        }
        Value::Struct(object) if let Some(number) = object.number() => Value::Int(number),
        Value::Files(files) => {
            Value::map(files.iter().map(|(path, data)| (path.into(), Value::bytes(data))).collect::<Entries>())
        }
        Value::Struct(object) => {
            let entries = object.fields.iter().map(|(name, value)| ((*name).into(), value.clone()));
            Value::map(entries.collect::<Entries>())
        }
        other => other.clone(),
    }
}

const RFC_3339: &str = "2006-01-02T15:04:05.999999999Z07:00";

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
        nil if nil.is_nil() => Kind::Nothing,
        Value::Struct(object) if object.name == "*semver.Version" || object.number().is_some() => Kind::Other,
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
            nil if nil.is_nil() && !(path.is_empty() && matches!(nil, Value::List(_))) => Ok(()),
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
            Value::Uint64(uint) => self.put(&uint.to_string()),
            Value::Float(float) => self.put(&number(*float)),
            Value::Time(time) => self.put(&time.format(match &time.zone {
                Zone::Fixed(zone) => match zone.name.as_str() {
                    "datetime-local" => "2006-01-02T15:04:05.999999999",
                    "date-local" => "2006-01-02",
                    "time-local" => "15:04:05.999999999",
                    _ => RFC_3339,
                },
                _ => RFC_3339,
            })),
            Value::Map(map) | Value::Values(map) => self.inline(&map.0.borrow())?,
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

    /// A table on one line. What is nil is left out, but not the comma behind what stands before it.
    fn inline(&mut self, entries: &Entries) -> Result<(), String> {
        let mut groups: [Vec<(&str, Value)>; 2] = Default::default();
        for (name, value) in entries {
            let value = plain(value);
            let is_table = matches!(kind(&value)?, Kind::Table | Kind::Tables);
            let [plain_ones, tables] = &mut groups;
            if is_table { tables.push((name, value)) } else { plain_ones.push((name, value)) }
        }
        let [plain_ones, tables] = &groups;
        self.put("{");
        for (group, more) in [(plain_ones, !tables.is_empty()), (tables, false)] {
            for (at, (name, value)) in group.iter().enumerate().filter(|(_, (_, value))| !value.is_nil()) {
                self.put(&format!("{} = ", key(name)));
                self.element(value)?;
                self.put(if more || at + 1 < group.len() { ", " } else { "" });
            }
        }
        self.put("}");
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
        return if float.is_sign_negative() { "-nan" } else { "nan" }.to_owned();
    }
    if float.is_infinite() {
        return if float < 0.0 { "-inf" } else { "inf" }.to_owned();
    }
    let text = rhumb_yaml::number::format_plain(float);
    if text.contains('.') { text } else { text + ".0" }
}

fn indent(path: &[String]) -> String {
    "  ".repeat(path.len().saturating_sub(1))
}

fn dotted(path: &[String]) -> String {
    path.iter().map(|part| key(part)).collect::<Vec<_>>().join(".")
}

pub(crate) fn key(name: &str) -> String {
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
