//! The states of the lexer: tables, keys, arrays.

use super::lexer::{END, Kind, Lexer, is_blank, is_break, or_end, quoted};

/// What is expected next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Top,
    TopEnd,
    TableStart,
    TableEnd,
    TablesEnd,
    TableName,
    TableNameEnd,
    BareName,
    QuotedName,
    KeyStart,
    KeyName,
    KeyEnd,
    Value,
    ArrayValue,
    ArrayValueEnd,
    InlineValue,
    InlineValueEnd,
    String,
    Multiline,
    MultilineEscape,
    RawString,
    RawMultiline,
    Escape,
    NumberOrDateStart,
    BaseNumberOrDate,
    NumberOrDate,
    Datetime,
    /// Digits of this base.
    Integer(u32),
    DecimalNumber,
    DecimalNumberStart,
    Float,
    Bool,
    CommentStart,
    Comment,
}

const INLINE_BREAK: &str = "newlines not allowed within inline tables";

impl Lexer<'_> {
    /// One step; no state follows the end and an error.
    pub(super) fn step(&mut self, state: State) -> Option<State> {
        match state {
            State::Top => self.top(),
            State::TopEnd => self.top_end(),
            State::TableStart => {
                if self.peek() == '[' {
                    self.next();
                    self.emit(Kind::Tables);
                    self.stack.push(State::TablesEnd);
                } else {
                    self.emit(Kind::Table);
                    self.stack.push(State::TableEnd);
                }
                Some(State::TableName)
            }
            State::TableEnd => {
                self.emit(Kind::TableEnd);
                Some(State::TopEnd)
            }
            State::TablesEnd => match self.next() {
                ']' => {
                    self.emit(Kind::TablesEnd);
                    Some(State::TopEnd)
                }
                c => self
                    .wrong(&format!("expected end of table array name delimiter ']', but got {} instead", quoted(c))),
            },
            State::TableName => self.table_name(),
            State::TableNameEnd => self.table_name_end(),
            State::BareName => {
                while is_bare(self.next()) {}
                self.back();
                self.emit(Kind::Text);
                self.pop()
            }
            State::QuotedName => self.quoted_name(),
            State::KeyStart => self.key_start(),
            State::KeyName => self.key_name(),
            State::KeyEnd => self.key_end(),
            State::Value => self.value(),
            State::ArrayValue => self.array_value(),
            State::ArrayValueEnd => self.array_value_end(),
            State::InlineValue => self.inline_value(),
            State::InlineValueEnd => self.inline_value_end(),
            State::CommentStart => {
                self.ignore();
                self.emit(Kind::Comment);
                Some(State::Comment)
            }
            State::Comment => match self.next() {
                c if is_break(c) || c == END => {
                    self.back();
                    self.emit(Kind::Text);
                    self.pop()
                }
                _ => Some(State::Comment),
            },
            other => self.scalar(other),
        }
    }

    fn ignoring(&mut self, next: State) -> Option<State> {
        self.ignore();
        Some(next)
    }

    fn comment(&mut self, then: State) -> Option<State> {
        self.stack.push(then);
        Some(State::CommentStart)
    }

    fn top(&mut self) -> Option<State> {
        match self.next() {
            c if is_blank(c) || is_break(c) => self.ignoring(State::Top),
            '#' => self.comment(State::Top),
            '[' => Some(State::TableStart),
            END => {
                if self.has_more_than_ignored() {
                    return self.wrong("unexpected EOF");
                }
                self.emit(Kind::Eof);
                None
            }
            _ => {
                self.back();
                self.stack.push(State::TopEnd);
                Some(State::KeyStart)
            }
        }
    }

    fn top_end(&mut self) -> Option<State> {
        match self.next() {
            '#' => self.comment(State::Top),
            c if is_blank(c) => Some(State::TopEnd),
            c if is_break(c) => self.ignoring(State::Top),
            END => {
                self.emit(Kind::Eof);
                None
            }
            c => {
                let c = quoted(c);
                self.wrong(&format!(
                    "expected a top-level item to end with a newline, comment, or EOF, but got {c} instead"
                ))
            }
        }
    }

    fn table_name(&mut self) -> Option<State> {
        self.skip_blanks();
        match self.peek() {
            ']' | END => self.wrong("unexpected end of table name (table names cannot be empty)"),
            '.' => self.wrong("unexpected table separator (table names cannot be empty)"),
            '"' | '\'' => {
                self.ignore();
                self.stack.push(State::TableNameEnd);
                Some(State::QuotedName)
            }
            _ => {
                self.stack.push(State::TableNameEnd);
                Some(State::BareName)
            }
        }
    }

    fn table_name_end(&mut self) -> Option<State> {
        self.skip_blanks();
        match self.next() {
            '.' => self.ignoring(State::TableName),
            ']' => self.pop(),
            c => self.wrong(&format!("expected '.' or ']' to end table name, but got {} instead", quoted(c))),
        }
    }

    fn quoted_name(&mut self) -> Option<State> {
        match self.next() {
            c if is_blank(c) => self.ignoring(State::Value),
            '"' => self.ignoring(State::String),
            '\'' => self.ignoring(State::RawString),
            END => self.wrong("unexpected EOF; expected value"),
            c => self.wrong(&format!("expected value but found {} instead", quoted(c))),
        }
    }

    fn key_start(&mut self) -> Option<State> {
        self.skip_blanks();
        match self.peek() {
            '=' | END => return self.wrong("unexpected '=': key name appears blank"),
            '.' => return self.wrong("unexpected '.': keys cannot start with a '.'"),
            '"' | '\'' => self.ignore(),
            _ => {}
        }
        self.emit(Kind::Key);
        Some(State::KeyName)
    }

    fn key_name(&mut self) -> Option<State> {
        self.skip_blanks();
        let next = match self.peek() {
            '=' | END => return self.wrong("unexpected '='"),
            '.' => return self.wrong("unexpected '.'"),
            '"' | '\'' => {
                self.ignore();
                State::QuotedName
            }
            _ => State::BareName,
        };
        self.stack.push(State::KeyEnd);
        Some(next)
    }

    fn key_end(&mut self) -> Option<State> {
        self.skip_blanks();
        match self.next() {
            END => self.wrong("unexpected EOF; expected key separator '='"),
            '.' => self.ignoring(State::KeyName),
            '=' => {
                self.emit(Kind::KeyEnd);
                self.ignoring(State::Value)
            }
            c => {
                let message = format!("expected '.' or '=', but got {} instead", quoted(c));
                if c == '\n' { self.error_line_before(&message) } else { self.wrong(&message) }
            }
        }
    }

    fn array_value(&mut self) -> Option<State> {
        match self.next() {
            c if is_blank(c) || is_break(c) => self.ignoring(State::ArrayValue),
            '#' => self.comment(State::ArrayValue),
            ',' => self.wrong("unexpected comma"),
            ']' => self.array_end(),
            _ => {
                self.back();
                self.stack.push(State::ArrayValueEnd);
                Some(State::Value)
            }
        }
    }

    fn array_value_end(&mut self) -> Option<State> {
        match self.next() {
            c if is_blank(c) || is_break(c) => self.ignoring(State::ArrayValueEnd),
            '#' => self.comment(State::ArrayValueEnd),
            ',' => self.ignoring(State::ArrayValue),
            ']' => self.array_end(),
            c => self.wrong(&format!("expected a comma (',') or array terminator (']'), but got {}", or_end(c))),
        }
    }

    fn array_end(&mut self) -> Option<State> {
        self.ignore();
        self.emit(Kind::ArrayEnd);
        self.pop()
    }

    fn inline_value(&mut self) -> Option<State> {
        match self.next() {
            c if is_blank(c) => self.ignoring(State::InlineValue),
            c if is_break(c) => self.error_line_before(INLINE_BREAK),
            '#' => self.comment(State::InlineValue),
            ',' => self.wrong("unexpected comma"),
            '}' => self.inline_end(),
            _ => {
                self.back();
                self.stack.push(State::InlineValueEnd);
                Some(State::KeyStart)
            }
        }
    }

    fn inline_value_end(&mut self) -> Option<State> {
        match self.next() {
            c if is_blank(c) => self.ignoring(State::InlineValueEnd),
            c if is_break(c) => self.error_line_before(INLINE_BREAK),
            '#' => self.comment(State::InlineValueEnd),
            ',' => {
                self.ignore();
                self.skip_blanks();
                match self.peek() {
                    '}' => self.wrong("trailing comma not allowed in inline tables"),
                    _ => Some(State::InlineValue),
                }
            }
            '}' => self.inline_end(),
            c => {
                let c = or_end(c);
                self.wrong(&format!("expected a comma or an inline table terminator '}}', but got {c} instead"))
            }
        }
    }

    fn inline_end(&mut self) -> Option<State> {
        self.ignore();
        self.emit(Kind::InlineEnd);
        self.pop()
    }
}

fn is_bare(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-')
}
