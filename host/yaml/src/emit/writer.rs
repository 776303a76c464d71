//! libyaml's emitter, for the documents that go-yaml gives it: a column, an indent and two flags.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::order::compare;
use super::style::{Analysis, Place, choose, is_break, is_printable};
use super::{Dialect, number_text};
use crate::Style;

const INDENT: usize = 2;
const WIDTH: usize = 80;
/// Bytes of a key that is still written before a `:` on the same line.
const SIMPLE_KEY: usize = 128;

pub(super) struct Writer {
    dialect: Dialect,
    out: String,
    /// Characters since the last line break.
    column: usize,
    /// Whether the last character was a blank, or the output is empty.
    whitespace: bool,
    /// Whether the line so far holds nothing but blanks and `-`, `?`, `:`.
    indention: bool,
}

/// What holds a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Parent {
    Document,
    Sequence,
    Mapping,
}

impl Writer {
    pub(super) fn new(dialect: Dialect) -> Self {
        Self { dialect, out: String::new(), column: 0, whitespace: false, indention: false }
    }

    pub(super) fn document(&mut self, value: &Value) {
        (self.whitespace, self.indention) = (true, true);
        self.value(value, None, Parent::Document);
        self.write_indent(0);
    }

    pub(super) fn finish(self) -> String {
        self.out
    }

    /// Writes a value in a collection whose lines start at column `indent`. Recursion is bounded by the value's depth,
    /// which those who make values bound.
    fn value(&mut self, value: &Value, indent: Option<usize>, parent: Parent) {
        match value {
            Value::Null => self.plain("null", Some(indent.unwrap_or(0))),
            Value::Bool(bool) => self.plain(if *bool { "true" } else { "false" }, Some(indent.unwrap_or(0))),
            Value::Number(number) => self.plain(&number_text(number, self.dialect), Some(indent.unwrap_or(0))),
            Value::String(text) => self.text(text, indent, Place::Value),
            Value::Array(items) if items.is_empty() => self.indicator("[]", Gap::Needed, Then::Text),
            Value::Array(items) => self.sequence(items, indent, parent),
            Value::Object(object) if object.is_empty() => self.indicator("{}", Gap::Needed, Then::Text),
            Value::Object(object) => self.mapping(object, indent),
        }
    }

    fn sequence(&mut self, items: &[Value], outer: Option<usize>, parent: Parent) {
        let at_key = parent == Parent::Mapping && !self.indention && self.dialect == Dialect::Two;
        let indent = outer.map_or(0, |outer| if at_key { outer } else { outer + INDENT });
        for item in items {
            self.write_indent(indent);
            self.indicator("-", Gap::Needed, Then::Indent);
            self.value(item, Some(indent), Parent::Sequence);
        }
    }

    fn mapping(&mut self, object: &Map<String, Value>, outer: Option<usize>) {
        let indent = outer.map_or(0, |outer| outer + INDENT);
        let mut entries: Vec<(&String, &Value)> = object.iter().collect();
        entries.sort_by(|(a, _), (b, _)| compare(a, b));
        for (key, value) in entries {
            self.write_indent(indent);
            if key.len() <= SIMPLE_KEY && !Analysis::of(key).multiline {
                self.text(key, Some(indent), Place::SimpleKey);
                self.indicator(":", Gap::None, Then::Text);
            } else {
                self.indicator("?", Gap::Needed, Then::Indent);
                self.text(key, Some(indent), Place::Value);
                self.write_indent(indent);
                self.indicator(":", Gap::Needed, Then::Indent);
            }
            self.value(value, Some(indent), Parent::Mapping);
        }
    }

    /// Writes a string. Lines that follow the first start at the indent that libyaml is at: one step further than the
    /// collection, because a scalar raises the indent for itself.
    fn text(&mut self, text: &str, indent: Option<usize>, place: Place) {
        let indent = indent.map_or(INDENT, |indent| indent + INDENT);
        let folding = (place == Place::Value && self.dialect == Dialect::Two).then_some(indent);
        match choose(text, place) {
            Style::Plain => self.plain(text, folding),
            Style::SingleQuoted => self.single_quoted(text, folding),
            Style::Literal | Style::Folded => self.literal(text, indent),
            Style::DoubleQuoted => self.double_quoted(text, folding),
        }
    }

    fn plain(&mut self, text: &str, folding: Option<usize>) {
        if !self.whitespace {
            self.put(' ');
        }
        self.folded(text, folding, |_, _, _| true, Self::put);
        (self.whitespace, self.indention) = (false, false);
    }

    fn single_quoted(&mut self, text: &str, folding: Option<usize>) {
        self.indicator("'", Gap::Needed, Then::Text);
        let inside = |at: usize, _: usize, length: usize| at > 0 && at + 1 < length;
        self.folded(text, folding, inside, |writer, c| {
            if c == '\'' {
                writer.put('\'');
            }
            writer.put(c);
        });
        self.indicator("'", Gap::None, Then::Text);
    }

    /// Writes text without line breaks, and breaks the line instead of a lone space past the width.
    fn folded(
        &mut self,
        text: &str,
        folding: Option<usize>,
        may_break: impl Fn(usize, usize, usize) -> bool,
        put: impl Fn(&mut Self, char),
    ) {
        let mut spaces = false;
        let mut chars = text.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            if c != ' ' {
                put(self, c);
                (self.indention, spaces) = (false, false);
                continue;
            }
            let before_space = chars.peek().is_some_and(|(_, next)| *next == ' ');
            match folding {
                Some(indent)
                    if !spaces && self.column > WIDTH && !before_space && may_break(at, indent, text.len()) =>
                {
                    self.write_indent(indent);
                }
                _ => self.put(c),
            }
            spaces = true;
        }
    }

    fn double_quoted(&mut self, text: &str, folding: Option<usize>) {
        self.indicator("\"", Gap::Needed, Then::Text);
        // go-yaml looks for the mark at the start of the text when it means the current character.
        let marked = text.starts_with('\u{feff}');
        let mut spaces = false;
        let mut chars = text.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            if marked || !is_printable(c) || is_break(c) || matches!(c, '"' | '\\') {
                self.escaped(c);
                spaces = false;
            } else if c == ' ' {
                match folding {
                    Some(indent) if !spaces && self.column > WIDTH && at > 0 && at + 1 < text.len() => {
                        self.write_indent(indent);
                        if chars.peek().is_some_and(|(_, next)| *next == ' ') {
                            self.put('\\');
                        }
                    }
                    _ => self.put(c),
                }
                spaces = true;
            } else {
                self.put(c);
                spaces = false;
            }
        }
        self.indicator("\"", Gap::None, Then::Text);
        (self.whitespace, self.indention) = (false, false);
    }

    fn escaped(&mut self, c: char) {
        let before = self.out.len();
        self.out.push_str(&escape(c));
        self.column += self.out.len() - before;
    }

    fn literal(&mut self, text: &str, indent: usize) {
        self.indicator("|", Gap::Needed, Then::Text);
        if text.starts_with(|c| c == ' ' || is_break(c)) {
            self.indicator("2", Gap::None, Then::Text);
        }
        let mut ends = text.chars().rev();
        match (ends.next().is_some_and(is_break), ends.next().is_none_or(is_break)) {
            (false, _) => self.indicator("-", Gap::None, Then::Text),
            (true, true) => self.indicator("+", Gap::None, Then::Text),
            (true, false) => {}
        }
        self.line_break();
        (self.whitespace, self.indention) = (true, true);
        let mut breaks = true;
        for c in text.chars() {
            if c == '\n' {
                self.line_break();
            } else if is_break(c) {
                self.out.push(c);
                self.column = 0;
            } else {
                if breaks {
                    self.write_indent(indent);
                }
                self.put(c);
            }
            breaks = is_break(c);
            self.indention = breaks;
        }
    }

    fn put(&mut self, c: char) {
        self.out.push(c);
        self.column += 1;
    }

    fn line_break(&mut self) {
        self.out.push('\n');
        self.column = 0;
    }

    fn write_indent(&mut self, indent: usize) {
        if !self.indention || self.column > indent || (self.column == indent && !self.whitespace) {
            self.line_break();
        }
        while self.column < indent {
            self.put(' ');
        }
        (self.whitespace, self.indention) = (true, true);
    }

    fn indicator(&mut self, indicator: &str, gap: Gap, then: Then) {
        if gap == Gap::Needed && !self.whitespace {
            self.put(' ');
        }
        indicator.chars().for_each(|c| self.put(c));
        self.whitespace = false;
        self.indention = self.indention && then == Then::Indent;
    }
}

/// Whether an indicator needs a blank before it.
#[derive(PartialEq, Eq)]
enum Gap {
    Needed,
    None,
}

/// Whether a block collection may start on the same line behind an indicator.
#[derive(PartialEq, Eq)]
enum Then {
    Indent,
    Text,
}

/// A character as it stands in double quotes.
pub(crate) fn escape(c: char) -> String {
    let mut text = String::from("\\");
    let code = u32::from(c);
    let letter = match c {
        '\0' => '0',
        '\u{7}' => 'a',
        '\u{8}' => 'b',
        '\t' => 't',
        '\n' => 'n',
        '\u{b}' => 'v',
        '\u{c}' => 'f',
        '\r' => 'r',
        '\u{1b}' => 'e',
        '"' | '\\' => c,
        '\u{85}' => 'N',
        '\u{a0}' => '_',
        '\u{2028}' => 'L',
        '\u{2029}' => 'P',
        _ => {
            // Writing to a string cannot fail.
            let _ = match code {
                0..=0xff => write!(text, "x{code:02X}"),
                0x100..=0xffff => write!(text, "u{code:04X}"),
                _ => write!(text, "U{code:08X}"),
            };
            return text;
        }
    };
    text.push(letter);
    text
}
