//! Characters in, items out.

use std::collections::VecDeque;

use super::states::State;

/// What the lexer finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Error,
    Eof,
    Text,
    String,
    /// A string with escapes.
    Escaped,
    Multiline,
    RawMultiline,
    Bool,
    Integer,
    Float,
    Datetime,
    Array,
    ArrayEnd,
    Table,
    TableEnd,
    Tables,
    TablesEnd,
    Key,
    KeyEnd,
    Comment,
    Inline,
    InlineEnd,
}

/// One item; the text of an error is its message.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) kind: Kind,
    pub(super) text: String,
    pub(super) line: usize,
}

/// The end of the text, which is a control character otherwise.
pub(super) const END: char = '\0';
/// What stands for a character that is refused.
const BAD: char = char::REPLACEMENT_CHARACTER;

pub(super) struct Lexer<'a> {
    input: &'a str,
    start: usize,
    pos: usize,
    line: usize,
    items: VecDeque<Item>,
    state: Option<State>,
    pub(super) stack: Vec<State>,
    /// Whether the string has had an escape.
    pub(super) has_escape: bool,
    widths: [usize; 4],
    is_at_end: bool,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(input: &'a str) -> Self {
        Self {
            input,
            start: 0,
            pos: 0,
            line: 1,
            items: VecDeque::new(),
            state: Some(State::Top),
            stack: Vec::new(),
            has_escape: false,
            widths: [0; 4],
            is_at_end: false,
        }
    }

    /// The next item; none behind an error or the end.
    pub(super) fn item(&mut self) -> Option<Item> {
        loop {
            if let Some(item) = self.items.pop_front() {
                return Some(item);
            }
            self.state = self.step(self.state?);
        }
    }

    pub(super) fn current(&self) -> &'a str {
        self.input.get(self.start..self.pos).unwrap_or_default()
    }

    pub(super) fn has_more_than_ignored(&self) -> bool {
        self.pos > self.start
    }

    pub(super) fn emit(&mut self, kind: Kind) {
        let text = self.current().to_owned();
        self.put(kind, text);
    }

    pub(super) fn emit_trimmed(&mut self, kind: Kind) {
        let text = self.current().trim().to_owned();
        self.put(kind, text);
    }

    fn put(&mut self, kind: Kind, text: String) {
        self.items.push_back(Item { kind, text, line: self.line });
        self.start = self.pos;
    }

    /// The next character.
    pub(super) fn next(&mut self) -> char {
        let rest = self.input.get(self.pos..).unwrap_or_default();
        let Some(c) = rest.chars().next() else {
            self.is_at_end = true;
            return END;
        };
        if c == '\n' {
            self.line += 1;
        }
        self.widths = [self.widths[0], self.widths[0], self.widths[1], self.widths[2]];
        if let Some(byte) = crate::value::escaped(c) {
            self.error(&format!("invalid UTF-8 byte: 0x{byte:02x}"));
            return BAD;
        }
        let is_lone_return = c == '\r' && !rest.starts_with("\r\n");
        if is_lone_return || matches!(c, '\u{7f}' | '\0'..='\u{1f}') && !matches!(c, '\t' | '\r' | '\n') {
            let message = format!("TOML files cannot contain control characters: '0x{:02x}'", u32::from(c));
            self.items.push_back(Item { kind: Kind::Error, text: message, line: self.line });
            return BAD;
        }
        self.widths[0] = c.len_utf8();
        self.pos += c.len_utf8();
        c
    }

    pub(super) fn ignore(&mut self) {
        self.start = self.pos;
    }

    /// Takes the last character back; so many times as there are widths.
    pub(super) fn back(&mut self) {
        if std::mem::take(&mut self.is_at_end) {
            return;
        }
        let [first, second, third, fourth] = self.widths;
        self.widths = [second, third, fourth, fourth];
        self.pos = self.pos.saturating_sub(first);
        if self.input.as_bytes().get(self.pos) == Some(&b'\n') {
            self.line -= 1;
        }
    }

    pub(super) fn accept(&mut self, wanted: char) -> bool {
        let found = self.next() == wanted;
        if !found {
            self.back();
        }
        found
    }

    pub(super) fn peek(&mut self) -> char {
        let c = self.next();
        self.back();
        c
    }

    pub(super) fn skip_blanks(&mut self) {
        while is_blank(self.next()) {}
        self.back();
        self.ignore();
    }

    pub(super) fn pop(&mut self) -> Option<State> {
        self.stack.pop()
    }

    /// An error where the lexer is, which ends it; on the line before when that is the end of the text.
    pub(super) fn error(&mut self, message: &str) -> Option<State> {
        if self.is_at_end {
            return self.error_line_before(message);
        }
        self.items.push_back(Item { kind: Kind::Error, text: message.to_owned(), line: self.line });
        None
    }

    pub(super) fn error_line_before(&mut self, message: &str) -> Option<State> {
        let line = self.line.saturating_sub(1);
        self.items.push_back(Item { kind: Kind::Error, text: message.to_owned(), line });
        None
    }

    /// The same, and on the line before only if that has ended.
    pub(super) fn wrong(&mut self, message: &str) -> Option<State> {
        let has_ended =
            self.is_at_end && self.pos.checked_sub(1).and_then(|at| self.input.as_bytes().get(at)) == Some(&b'\n');
        let line = self.line - usize::from(has_ended && self.line > 0);
        self.items.push_back(Item { kind: Kind::Error, text: message.to_owned(), line });
        None
    }
}

pub(super) fn is_blank(c: char) -> bool {
    matches!(c, '\t' | ' ')
}

pub(super) fn is_break(c: char) -> bool {
    matches!(c, '\n' | '\r')
}

/// `%q` of a character.
pub(super) fn quoted(c: char) -> String {
    match c {
        '\'' => r"'\''".to_owned(),
        '"' => "'\"'".to_owned(),
        END => r"'\x00'".to_owned(),
        c => {
            let quoted = crate::value::go_quote(c.encode_utf8(&mut [0; 4]));
            format!("'{}'", quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default())
        }
    }
}

/// A character between quotes, or what the end is called.
pub(super) fn or_end(c: char) -> String {
    if c == END { "end of file".to_owned() } else { format!("'{c}'") }
}
