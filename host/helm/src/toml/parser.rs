//! Tables and keys: which may be defined again, and which may not.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use super::lexer::{Item, Kind, Lexer};
use crate::limits::{VALUE_DEPTH, than};
use crate::value::{Entries, Items, ListOf, Shared, Value, go_quote};

/// Why there is no document.
pub(crate) enum Problem {
    /// What the library says.
    Words(String),
    /// The library panics, or the text is over a limit.
    Refused(String),
}

pub(super) type Step<T = ()> = Result<T, Problem>;

/// Reads a document.
pub(crate) fn read(text: &str) -> Result<Value, Problem> {
    let stand_ins = |bytes: &[u8]| text.strip_prefix(&*crate::value::from_bytes(bytes));
    let without_mark =
        stand_ins(b"\xff\xfe").or_else(|| stand_ins(b"\xfe\xff")).or_else(|| text.strip_prefix('\u{feff}'));
    let text = without_mark.unwrap_or(text);
    let first = crate::value::to_bytes(text);
    if first.iter().take(6).any(|byte| *byte == 0) {
        let words = "files cannot contain NULL bytes; probably using UTF-16; TOML files must be UTF-8";
        return Err(Problem::Words(format!("toml: line 1: {words}")));
    }
    let mut parser = Parser {
        lexer: Lexer::new(text),
        context: Vec::new(),
        current: String::new(),
        line: 0,
        is_array: HashMap::new(),
        implicit: HashSet::new(),
        mapping: Rc::default(),
        left: WORK,
        depth: 0,
    };
    loop {
        let item = parser.next()?;
        if item.kind == Kind::Eof {
            return Ok(Value::Map(parser.mapping));
        }
        parser.top_level(&item)?;
    }
}

/// How many parts of keys are looked up, all in all: each part of a long key looks up those before it.
const WORK: usize = 5_000_000;

pub(super) struct Parser<'a> {
    lexer: Lexer<'a>,
    /// The table that is open.
    pub(super) context: Vec<String>,
    pub(super) current: String,
    line: usize,
    /// Keys that were given a value, and whether it is an array.
    is_array: HashMap<String, bool>,
    /// Tables that are only there because a key goes through them.
    implicit: HashSet<String>,
    mapping: Rc<Shared>,
    left: usize,
    /// How deep arrays and inline tables nest.
    pub(super) depth: usize,
}

impl Parser<'_> {
    pub(super) fn next(&mut self) -> Step<Item> {
        let item = self.lexer.item().ok_or_else(|| bug("the lexer is at its end"))?;
        if item.kind == Kind::Error { Err(self.words(item.line, &item.text)) } else { Ok(item) }
    }

    fn next_place(&mut self) -> Step<Item> {
        let item = self.next()?;
        self.line = item.line;
        Ok(item)
    }

    pub(super) fn expect(&mut self, kind: Kind) -> Step {
        if self.next()?.kind == kind { Ok(()) } else { Err(bug("another kind of item was expected")) }
    }

    /// An error with the last key.
    pub(super) fn words(&self, line: usize, message: &str) -> Problem {
        let context = key_text(&self.context);
        let last = match (self.current.as_str(), context.as_str()) {
            ("", context) => context.to_owned(),
            (current, "") => current.to_owned(),
            (current, context) => format!("{context}.{current}"),
        };
        Problem::Words(match last.as_str() {
            "" => format!("toml: line {line}: {message}"),
            last => format!("toml: line {line} (last key {}): {message}", go_quote(last)),
        })
    }

    pub(super) fn words_here(&self, message: &str) -> Problem {
        self.words(self.line, message)
    }

    fn top_level(&mut self, item: &Item) -> Step {
        match item.kind {
            Kind::Comment => self.expect(Kind::Text),
            Kind::Table | Kind::Tables => {
                let end = if item.kind == Kind::Table { Kind::TableEnd } else { Kind::TablesEnd };
                let key = self.key(end)?;
                self.add_context(&key, item.kind == Kind::Tables)?;
                self.set_type("", false);
                Ok(())
            }
            Kind::Key => {
                let outer = self.context.clone();
                self.key_and_value()?;
                self.context = outer;
                self.current.clear();
                Ok(())
            }
            _ => Err(bug("unexpected item at top level")),
        }
    }

    /// Reads a key and its value into the open table, and gives both.
    pub(super) fn key_and_value(&mut self) -> Step<(Vec<String>, Value)> {
        let mut key = self.key(Kind::KeyEnd)?;
        self.current = key.pop().unwrap_or_default();
        for part in &key {
            let mut through = self.context.clone();
            through.push(part.clone());
            self.implicit.insert(key_text(&through));
            self.add_context(&through, false)?;
        }
        let item = self.next()?;
        let (value, is_array) = self.value(&item, false)?;
        let name = self.current.clone();
        self.set_value(&name, value.clone())?;
        self.set_type(&name, is_array);
        key.push(name);
        Ok((key, value))
    }

    /// The parts of a key or of the name of a table.
    fn key(&mut self, end: Kind) -> Step<Vec<String>> {
        let mut key = Vec::new();
        let mut item = self.next_place()?;
        while item.kind != end {
            key.push(match item.kind {
                Kind::Text => item.text,
                Kind::String | Kind::Escaped => self.string(&item)?,
                _ => return Err(bug("unexpected item in a key")),
            });
            if key.len() > VALUE_DEPTH {
                return Err(Problem::Refused(format!("a key has more parts {}", than("value_depth", VALUE_DEPTH))));
            }
            item = self.next()?;
        }
        Ok(key)
    }

    pub(super) fn add_implicit(&mut self, key: &[String]) {
        self.implicit.insert(key_text(key));
    }

    /// Opens a table, and makes those that it is in.
    pub(super) fn add_context(&mut self, key: &[String], is_tables: bool) -> Step {
        self.left = self.left.checked_sub(key.len()).ok_or_else(too_much)?;
        let Some((last, parents)) = key.split_last() else { return Err(bug("a key without parts")) };
        let mut table = Rc::clone(&self.mapping);
        for (at, part) in parents.iter().enumerate() {
            let through = key.get(..=at).unwrap_or_default();
            if !table.0.borrow().contains_key(part.as_str()) {
                self.add_implicit(through);
                table.0.borrow_mut().insert(part.as_str().into(), Value::map(Entries::new()));
            }
            let wrong = || self.words_here(&format!("Key '{}' was already created as a hash.", key_text(through)));
            table = inner(&table, part).flatten().ok_or_else(wrong)?;
        }
        self.context = parents.to_vec();
        if is_tables {
            let mut entries = table.0.borrow_mut();
            let empty = || Value::list_of(Vec::new(), ListOf::Maps);
            let added = match entries.entry(last.as_str().into()).or_insert_with(empty) {
                Value::List(list) if list.1 == ListOf::Maps => Rc::get_mut(list).map(|Items(items, _)| {
                    items.push(Value::map(Entries::new()));
                }),
                _ => None,
            };
            drop(entries);
            let wrong = || format!("Key '{}' was already created and cannot be used as an array.", key_text(key));
            added.ok_or_else(|| self.words_here(&wrong()))?;
        } else {
            self.set_value(last, Value::map(Entries::new()))?;
        }
        self.context.push(last.clone());
        Ok(())
    }

    /// Gives a key of the open table its value.
    pub(super) fn set_value(&mut self, name: &str, value: Value) -> Step {
        self.left = self.left.checked_sub(self.context.len()).ok_or_else(too_much)?;
        let mut key = Vec::with_capacity(self.context.len() + 1);
        let mut table = Rc::clone(&self.mapping);
        for part in &self.context {
            key.push(part.clone());
            table = match inner(&table, part) {
                None => return Err(bug("the context of a key is not there")),
                Some(None) => return Err(self.words_here(&defined(&key))),
                Some(Some(inner)) => inner,
            };
        }
        key.push(name.to_owned());
        let text = key_text(&key);
        if table.0.borrow().contains_key(name) {
            let is_array = self.is_array.get(&text).copied().unwrap_or(false);
            let was_implicit = self.implicit.remove(&text);
            if !is_array {
                return if was_implicit { Ok(()) } else { Err(self.words_here(&defined(&key))) };
            }
        }
        table.0.borrow_mut().insert(name.into(), value);
        Ok(())
    }

    pub(super) fn set_type(&mut self, name: &str, is_array: bool) {
        let mut key = self.context.clone();
        if !name.is_empty() || key.is_empty() {
            key.push(name.to_owned());
        }
        self.is_array.insert(key_text(&key), is_array);
    }
}

/// The table behind a key, in a list of tables the last; `Some(None)` when something else stands there.
fn inner(table: &Rc<Shared>, part: &str) -> Option<Option<Rc<Shared>>> {
    let entries = table.0.borrow();
    Some(match entries.get(part)? {
        Value::Map(map) => Some(Rc::clone(map)),
        Value::List(list) if list.1 == ListOf::Maps => match list.0.last() {
            Some(Value::Map(map)) => Some(Rc::clone(map)),
            _ => None,
        },
        _ => None,
    })
}

fn defined(key: &[String]) -> String {
    format!("Key '{}' has already been defined.", key_text(key))
}

pub(super) fn bug(what: &str) -> Problem {
    Problem::Refused(format!("the library for TOML has a bug: {what}"))
}

fn too_much() -> Problem {
    Problem::Refused("keys have too many parts, all in all".to_owned())
}

/// Parts with points between, in quotes where they need them.
fn key_text(key: &[String]) -> String {
    let parts = key.iter().map(|part| crate::functions::toml_key(part));
    parts.collect::<Vec<_>>().join(".")
}
