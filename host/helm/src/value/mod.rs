//! The values that templates work on: Go's `interface{}` as Helm's charts can see it.
//!
//! Maps are shared and mutable (`set` on one is seen by all who hold it) and numbers keep Go's types, because `printf`,
//! `kindOf` and `eq` tell an `int` from an `int64` from a `float64`.

mod bytes;
mod compare;
mod convert;
mod copy;
mod files;
mod format;
mod json;
mod json_read;
pub(crate) mod letter;
mod quote;
mod size;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use crate::time::Time;

pub(crate) use bytes::{characters, escaped, from_bytes, is_binary, lossy, to_bytes};
pub(crate) use compare::{deep_equal, equal, less};
pub(crate) use convert::{decimal_int, to_bool_text, to_float, to_int};
pub(crate) use copy::{copy, copy_map};
pub(crate) use files::Files;
pub(crate) use format::{display, sprint, sprintf, strval};
pub(crate) use json::{
    NoJson, from_json, from_json_as, json_text, raw_json, time_name, to_exact_json, to_json, to_json_text,
    to_json_with_bytes,
};
pub(crate) use json_read::{Read, read_json};
pub(crate) use quote::{go_quote, go_quote_ascii, html_safe_json, is_printable};
pub(crate) use size::size;

/// A text. Threads share those of parsed templates.
pub(crate) type Text = Arc<str>;
/// What a map holds, sorted as Go prints it.
pub(crate) type Entries = BTreeMap<Text, Value>;

/// One value.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Nil,
    Bool(bool),
    /// Go's `int`: literals, lengths, `until`.
    Int(i64),
    /// Go's `int64`: what `add` and `int64` give.
    Int64(i64),
    /// Go's `uint64`: the numbers of a version.
    Uint64(u64),
    /// Every number of a YAML or JSON document.
    Float(f64),
    Text(Text),
    Bytes(Rc<Vec<u8>>),
    List(Rc<Items>),
    Map(Rc<Shared>),
    /// Helm's own type of map, which has methods: the root of a template and `.Values`.
    Values(Rc<Shared>),
    /// A Go struct with fields of its own.
    Struct(Rc<Struct>),
    Files(Rc<Files>),
    /// `Capabilities.APIVersions`.
    Versions(Rc<Vec<String>>),
    Time(Rc<Time>),
}

/// The items of a list.
#[derive(Debug, Default)]
pub(crate) struct Items(pub(crate) Vec<Value>, pub(crate) ListOf);

/// What the type of a list says about its items.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ListOf {
    #[default]
    Anything,
    Texts,
    Ints,
    Lists,
    /// The tables of TOML.
    Maps,
    /// Go's `nil` for a list of anything, which has no items and is `null` as JSON.
    NilOfAnything,
    /// The same for one of texts.
    NilOfTexts,
}

impl ListOf {
    /// Whether the list is Go's `nil`.
    pub(crate) fn is_nil(self) -> bool {
        matches!(self, ListOf::NilOfAnything | ListOf::NilOfTexts)
    }
}

/// The entries of a map.
#[derive(Debug, Default)]
pub(crate) struct Shared(pub(crate) RefCell<Entries>, pub(crate) MapOf);

/// What the type of a map says about its values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum MapOf {
    #[default]
    Anything,
    /// A key that is not there has the empty text.
    Texts,
    /// Go's `nil` for a map of anything, which has no entries, takes none, and is `null` as JSON.
    Nil,
}

impl Shared {
    /// The value of a key, or what its type has for none.
    pub(crate) fn get(&self, key: &str) -> Value {
        let missing = || if self.1 == MapOf::Texts { Value::text("") } else { Value::Nil };
        self.0.borrow().get(key).cloned().unwrap_or_else(missing)
    }
}

impl From<Entries> for Shared {
    fn from(entries: Entries) -> Self {
        Self(RefCell::new(entries), MapOf::Anything)
    }
}

/// A Go struct.
#[derive(Debug)]
pub(crate) struct Struct {
    /// As `%T` prints it.
    pub(crate) name: &'static str,
    pub(crate) fields: Vec<(&'static str, Value)>,
    /// What `String()` gives, when the type has it.
    pub(crate) text: Option<String>,
}

impl Struct {
    /// The number that it is, when it is one that has a name.
    pub(crate) fn number(&self) -> Option<i64> {
        match self.fields.as_slice() {
            [("", Value::Int(number))] => Some(*number),
            _ => None,
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.fields.iter().find(|(field, _)| *field == name).map(|(_, value)| value)
    }
}

impl Value {
    pub(crate) fn text(text: impl Into<Text>) -> Self {
        Value::Text(text.into())
    }

    pub(crate) fn bytes(bytes: &[u8]) -> Self {
        Value::Bytes(Rc::new(bytes.to_vec()))
    }

    pub(crate) fn list(items: Vec<Value>) -> Self {
        Value::list_of(items, ListOf::Anything)
    }

    pub(crate) fn list_of(items: Vec<Value>, of: ListOf) -> Self {
        Value::List(Rc::new(Items(items, of)))
    }

    pub(crate) fn map(entries: Entries) -> Self {
        Value::map_of(entries, MapOf::Anything)
    }

    pub(crate) fn map_of(entries: Entries, of: MapOf) -> Self {
        Value::Map(Rc::new(Shared(RefCell::new(entries), of)))
    }

    /// A list of this type that is Go's `nil` when it has no items.
    pub(crate) fn list_or_nil(items: Vec<Value>, of: ListOf) -> Self {
        let of = match of {
            ListOf::Anything if items.is_empty() => ListOf::NilOfAnything,
            ListOf::Texts if items.is_empty() => ListOf::NilOfTexts,
            of => of,
        };
        Value::list_of(items, of)
    }

    pub(crate) fn texts(items: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        Value::list_of(items.into_iter().map(|item| Value::text(item.as_ref())).collect(), ListOf::Texts)
    }

    /// Whether it is Go's `nil`, with a type or without.
    pub(crate) fn is_nil(&self) -> bool {
        match self {
            Value::Nil => true,
            Value::List(list) => list.1.is_nil(),
            Value::Map(map) => map.1 == MapOf::Nil,
            _ => false,
        }
    }

    /// Whether `if` takes it for true.
    pub(crate) fn truth(&self) -> bool {
        match self {
            Value::Nil => false,
            Value::Bool(bool) => *bool,
            Value::Int(int) | Value::Int64(int) => *int != 0,
            Value::Uint64(uint) => *uint != 0,
            Value::Float(float) => *float != 0.0,
            Value::Text(text) => !text.is_empty(),
            Value::Bytes(bytes) => !bytes.is_empty(),
            Value::List(list) => !list.0.is_empty(),
            Value::Map(map) | Value::Values(map) => !map.0.borrow().is_empty(),
            Value::Versions(versions) => !versions.is_empty(),
            Value::Files(files) => !files.is_empty(),
            Value::Struct(object) => object.number() != Some(0),
            Value::Time(_) => true,
        }
    }

    /// `reflect.Kind`.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Value::Nil => "invalid",
            Value::Bool(_) => "bool",
            Value::Int(_) => "int",
            Value::Int64(_) => "int64",
            Value::Uint64(_) => "uint64",
            Value::Float(_) => "float64",
            Value::Text(_) => "string",
            Value::Bytes(_) | Value::List(_) | Value::Versions(_) => "slice",
            Value::Map(_) | Value::Values(_) | Value::Files(_) => "map",
            Value::Struct(object) if object.number().is_some() => "int",
            Value::Struct(object) if object.name.starts_with('*') => "ptr",
            Value::Struct(_) | Value::Time(_) => "struct",
        }
    }

    /// What `%T` prints.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Value::Nil => "<nil>",
            Value::Bytes(_) => "[]uint8",
            Value::List(list) => match list.1 {
                ListOf::Anything | ListOf::NilOfAnything => "[]interface {}",
                ListOf::Texts | ListOf::NilOfTexts => "[]string",
                ListOf::Ints => "[]int",
                ListOf::Lists => "[][]interface {}",
                ListOf::Maps => "[]map[string]interface {}",
            },
            Value::Map(map) if map.1 == MapOf::Texts => "map[string]string",
            Value::Map(_) => "map[string]interface {}",
            Value::Values(_) => "chartutil.Values",
            Value::Files(_) => "engine.files",
            Value::Versions(_) => "chartutil.VersionSet",
            Value::Struct(object) => object.name,
            Value::Time(_) => "time.Time",
            other => other.kind(),
        }
    }

    /// The items of a list of any kind.
    pub(crate) fn items(&self) -> Option<Vec<Value>> {
        match self {
            Value::List(list) => Some(list.0.clone()),
            Value::Versions(versions) => Some(versions.iter().map(|version| Value::text(version.as_str())).collect()),
            Value::Bytes(bytes) => Some(bytes.iter().map(|byte| Value::Int(i64::from(*byte))).collect()),
            _ => None,
        }
    }
}

// Values nest as deep as a template likes, and the compiler's own drop would recurse as deep. These take the children
// out first and free them one by one.
impl Drop for Items {
    fn drop(&mut self) {
        free(std::mem::take(&mut self.0));
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        free(std::mem::take(self.0.get_mut()).into_values().collect());
    }
}

fn free(mut pending: Vec<Value>) {
    while let Some(value) = pending.pop() {
        match value {
            Value::List(list) => {
                if let Some(mut list) = Rc::into_inner(list) {
                    pending.append(&mut list.0);
                }
            }
            Value::Map(map) | Value::Values(map) => {
                if let Some(mut map) = Rc::into_inner(map) {
                    pending.extend(std::mem::take(map.0.get_mut()).into_values());
                }
            }
            _ => {}
        }
    }
}
