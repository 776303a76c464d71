//! `--set` and its kin: Helm's `pkg/strvals`, with its rules, oddities and error texts.
//!
//! `--set` gives whole numbers Go's `int64`, which templates tell from the floats of a document: see
//! [`crate::Integers`].

use std::iter::Peekable;
use std::str::Chars;

use serde_json::{Map, Value};

use crate::value::{from_bytes, go_quote};

/// Highest index of a list.
const MAX_INDEX: usize = 65_536;
/// How many dots a key may have.
const MAX_NAMES: usize = 30;
/// How many lists of lists a key may open; Helm has no bound here.
const MAX_LISTS: usize = 100;

/// How values are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// `--set`: `true`, `false`, `null` and whole numbers are no text.
    Typed,
    /// `--set-string`: everything is text.
    Text,
    /// `--set-json`: JSON up to its end.
    Json,
    /// `--set-literal`: text up to the end of the argument, without escapes.
    Literal,
}

/// Lays one argument over values. The error is Helm's text, without its prefix.
pub fn set(values: &mut Map<String, Value>, argument: &str, style: Style) -> Result<(), String> {
    let mut read = |text: &str| Ok(if style == Style::Typed { typed(text) } else { Value::from(text) });
    Parser { rest: argument.chars().peekable(), style, read: &mut read }.all(values)
}

/// `--set-file`: each value names what `read` gives, and may hold any bytes.
pub fn set_files(
    values: &mut Map<String, Value>,
    argument: &str,
    read: &mut dyn FnMut(&str) -> Result<Vec<u8>, String>,
) -> Result<(), String> {
    let mut read = |text: &str| Ok(Value::from(&*from_bytes(&read(text)?)));
    Parser { rest: argument.chars().peekable(), style: Style::Text, read: &mut read }.all(values)
}

/// Why a key or value was not read to its end.
enum Stop {
    /// The argument ended, which is fine where a key may begin.
    End,
    Wrong(String),
}

impl From<String> for Stop {
    fn from(message: String) -> Self {
        Stop::Wrong(message)
    }
}

impl Stop {
    fn in_index(self) -> Self {
        match self {
            Stop::End => Stop::Wrong("error parsing index: EOF".to_owned()),
            Stop::Wrong(message) => Stop::Wrong(format!("error parsing index: {message}")),
        }
    }
}

struct Parser<'a> {
    rest: Peekable<Chars<'a>>,
    style: Style,
    read: &'a mut dyn FnMut(&str) -> Result<Value, String>,
}

impl Parser<'_> {
    fn all(mut self, values: &mut Map<String, Value>) -> Result<(), String> {
        loop {
            match self.key(values, 0, 0) {
                Ok(()) => {}
                Err(Stop::End) => return Ok(()),
                Err(Stop::Wrong(message)) => return Err(message),
            }
        }
    }

    /// Text up to one of these characters, which is taken too; without one, the argument ended.
    fn until(&mut self, stops: &[char]) -> (String, Option<char>) {
        let mut text = String::new();
        while let Some(c) = self.rest.next() {
            match c {
                c if stops.contains(&c) => return (text, Some(c)),
                '\\' if self.style != Style::Literal => match self.rest.next() {
                    Some(escaped) => text.push(escaped),
                    None => return (text, None),
                },
                c => text.push(c),
            }
        }
        (text, None)
    }

    fn key(&mut self, data: &mut Map<String, Value>, names: usize, lists: usize) -> Result<(), Stop> {
        let stops: &[char] = if self.style == Style::Literal { &['=', '[', '.'] } else { &['=', '[', ',', '.'] };
        let (key, last) = self.until(stops);
        match last {
            None if key.is_empty() => Err(Stop::End),
            None => Err(format!("key {} has no value", go_quote(&key)).into()),
            Some('[') => {
                let index = self.index().map_err(Stop::in_index)?;
                let mut list = match data.get_mut(&key) {
                    None => Vec::new(),
                    Some(Value::Array(list)) => std::mem::take(list),
                    Some(other) => return Err(not_a("[]interface {}", other).into()),
                };
                let done = self.item(&mut list, index, names, lists);
                put(data, key, Value::Array(list));
                done
            }
            Some('=') => {
                let ended = self.rest.peek().is_none() && matches!(self.style, Style::Typed | Style::Text);
                let value = self.value()?;
                put(data, key, value);
                // Helm sees the end here already, and then drops a map that would be a new item of a list.
                if ended { Err(Stop::End) } else { Ok(()) }
            }
            Some(',') => Err(format!("key {} has no value (cannot end with ,)", go_quote(&key)).into()),
            Some(_) => {
                let names = deeper(names)?;
                let mut fresh = Map::new();
                let inner = match data.get_mut(&key) {
                    None => &mut fresh,
                    Some(Value::Object(inner)) => inner,
                    Some(other) => return Err(not_a("map[string]interface {}", other).into()),
                };
                let done = self.key(inner, names, lists);
                if done.is_ok() && inner.is_empty() {
                    return Err(format!("key map {} has no value", go_quote(&key)).into());
                }
                if !fresh.is_empty() {
                    put(data, key, Value::Object(fresh));
                }
                done
            }
        }
    }

    fn index(&mut self) -> Result<i64, Stop> {
        let (text, last) = self.until(&[']']);
        if last.is_none() {
            return Err(Stop::End);
        }
        let digits = text.strip_prefix(['+', '-']).unwrap_or(&text);
        let number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let why = if number { "value out of range" } else { "invalid syntax" };
        text.parse().map_err(|_| format!("strconv.Atoi: parsing {}: {why}", go_quote(&text)).into())
    }

    /// What stands behind `[index]`.
    fn item(&mut self, list: &mut Vec<Value>, index: i64, names: usize, lists: usize) -> Result<(), Stop> {
        let Ok(at) = usize::try_from(index) else { return Err(format!("negative {index} index not allowed").into()) };
        if lists > MAX_LISTS {
            return Err(format!("lists nest deeper than {MAX_LISTS}").into());
        }
        let (text, last) = self.until(&['[', '.', '=']);
        if !text.is_empty() {
            let runes: Vec<String> = text.chars().map(quote_rune).collect();
            return Err(format!("unexpected data at end of array index: [{}]", runes.join(" ")).into());
        }
        let value = match last {
            None => return Err(Stop::End),
            Some('=') => self.value()?,
            Some('[') => {
                let next = self.index().map_err(Stop::in_index)?;
                match list.get_mut(at) {
                    None | Some(Value::Null) => {
                        let mut inner = Vec::new();
                        self.item(&mut inner, next, names, lists + 1)?;
                        Value::Array(inner)
                    }
                    Some(Value::Array(inner)) => return self.item(inner, next, names, lists + 1),
                    Some(other) => return Err(not_a("[]interface {}", other).into()),
                }
            }
            Some(_) => {
                // Unlike between names, a dot behind an index does not count as a level.
                if let Some(other) = list.get_mut(at).filter(|item| !item.is_object()) {
                    *other = Value::Object(Map::new());
                }
                if let Some(Value::Object(inner)) = list.get_mut(at) {
                    return self.key(inner, names, lists + 1);
                }
                let mut inner = Map::new();
                self.key(&mut inner, names, lists + 1)?;
                Value::Object(inner)
            }
        };
        if at > MAX_INDEX {
            return Err(format!("index of {at} is greater than maximum supported index of {MAX_INDEX}").into());
        }
        if list.len() <= at {
            list.resize(at + 1, Value::Null);
        }
        if let Some(slot) = list.get_mut(at) {
            *slot = value;
        }
        Ok(())
    }

    /// The value behind `=`, with the comma that ends it.
    fn value(&mut self) -> Result<Value, Stop> {
        match self.style {
            Style::Json => self.json(),
            Style::Literal => Ok(Value::String(self.rest.by_ref().collect())),
            _ if self.rest.peek().is_none() => Ok(Value::from("")),
            _ if self.rest.next_if_eq(&'{').is_some() => self.list(),
            _ => {
                let (text, _) = self.until(&[',']);
                Ok((self.read)(&text)?)
            }
        }
    }

    fn list(&mut self) -> Result<Value, Stop> {
        let mut items = Vec::new();
        loop {
            let (text, last) = self.until(&[',', '}']);
            if last.is_none() {
                return Err("list must terminate with '}'".to_owned().into());
            }
            items.push((self.read)(&text)?);
            if last == Some('}') {
                self.rest.next_if_eq(&',');
                return Ok(Value::Array(items));
            }
        }
    }

    fn json(&mut self) -> Result<Value, Stop> {
        if self.is_blank() {
            return Ok(Value::Null);
        }
        let rest: String = self.rest.clone().collect();
        let end = json_end(&rest);
        let text = rest.get(..end).unwrap_or_default();
        let value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        for _ in text.chars() {
            self.rest.next();
        }
        self.is_blank();
        Ok(floats(value))
    }

    /// Takes blanks and a comma; whether nothing else stood in front of it or of the end.
    fn is_blank(&mut self) -> bool {
        while self.rest.next_if(|c| *c != ',' && c.is_whitespace()).is_some() {}
        self.rest.next_if_eq(&',').is_some() || self.rest.peek().is_none()
    }
}

/// Where the JSON value ends that a text begins with, as far as Go's decoder would take it.
fn json_end(text: &str) -> usize {
    if text.starts_with(['{', '[', '"']) {
        let mut stream = serde_json::Deserializer::from_str(text).into_iter::<serde::de::IgnoredAny>();
        return match stream.next() {
            Some(Ok(_)) => stream.byte_offset(),
            _ => text.len(),
        };
    }
    if let Some(word) = ["true", "false", "null"].iter().find(|word| text.starts_with(**word)) {
        return word.len();
    }
    let digits =
        |from: usize| from + text.get(from..).unwrap_or_default().bytes().take_while(u8::is_ascii_digit).count();
    let at = |index: usize| text.as_bytes().get(index).copied();
    let start = usize::from(at(0) == Some(b'-'));
    let mut end = if at(start) == Some(b'0') { start + 1 } else { digits(start) };
    if at(end) == Some(b'.') {
        end = digits(end + 1);
    }
    if matches!(at(end), Some(b'e' | b'E')) {
        end += 1 + usize::from(matches!(at(end + 1), Some(b'+' | b'-')));
        end = digits(end);
    }
    end
}

fn deeper(names: usize) -> Result<usize, String> {
    if names < MAX_NAMES {
        return Ok(names + 1);
    }
    Err(format!("value name nested level is greater than maximum supported nested level of {MAX_NAMES}"))
}

/// An empty key is not set.
fn put(data: &mut Map<String, Value>, key: String, value: Value) {
    if !key.is_empty() {
        data.insert(key, value);
    }
}

fn typed(text: &str) -> Value {
    // Go folds the long s as well.
    match text.to_lowercase().replace('ſ', "s").as_str() {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        "null" => Value::Null,
        "0" => Value::from(0),
        _ if text.starts_with('0') => Value::from(text),
        _ => text.parse::<i64>().map_or_else(|_| Value::from(text), Value::from),
    }
}

/// What Go panics with, and Helm passes on.
fn not_a(wanted: &str, found: &Value) -> String {
    let found = match found {
        Value::Null => "nil",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    };
    format!("unable to parse key: interface conversion: interface {{}} is {found}, not {wanted}")
}

/// `strconv.QuoteRune`.
fn quote_rune(c: char) -> String {
    match c {
        '"' => "'\"'".to_owned(),
        '\'' => "'\\''".to_owned(),
        c => format!("'{}'", go_quote(c.encode_utf8(&mut [0; 4])).trim_matches('"')),
    }
}

/// A document in which every number is a float, as Helm has those of files; what [`set`] adds to it stays whole.
pub fn floats(value: Value) -> Value {
    match value {
        Value::Number(number) => number.as_f64().map_or(Value::Number(number), Value::from),
        Value::Array(items) => Value::Array(items.into_iter().map(floats).collect()),
        Value::Object(object) => Value::Object(object.into_iter().map(|(key, value)| (key, floats(value))).collect()),
        other => other,
    }
}
