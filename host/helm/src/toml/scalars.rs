//! The states of the lexer: values, strings, numbers, dates.

use super::lexer::{END, Kind, Lexer, is_blank, is_break, quoted};
use super::states::State;

impl Lexer<'_> {
    pub(super) fn scalar(&mut self, state: State) -> Option<State> {
        match state {
            State::String => self.string(),
            State::Multiline => self.multiline('"'),
            State::RawMultiline => self.multiline('\''),
            State::RawString => match self.next() {
                END => self.wrong("unexpected EOF; expected \"'\""),
                c if is_break(c) => self.error_line_before("strings cannot contain newlines"),
                '\'' => self.string_end(Kind::String),
                _ => Some(State::RawString),
            },
            State::MultilineEscape => {
                if is_break(self.next()) {
                    return Some(State::Multiline);
                }
                self.back();
                self.stack.push(State::Multiline);
                Some(State::Escape)
            }
            State::Escape => self.escape(),
            State::NumberOrDateStart => match self.next() {
                '0' => Some(State::BaseNumberOrDate),
                c if c.is_ascii_digit() => Some(State::NumberOrDate),
                c => self.wrong(&format!("expected a digit but got {}", quoted(c))),
            },
            State::BaseNumberOrDate => self.base_number_or_date(),
            State::NumberOrDate => match self.next() {
                c if c.is_ascii_digit() => Some(State::NumberOrDate),
                '-' | ':' => Some(State::Datetime),
                '_' => Some(State::DecimalNumber),
                '.' | 'e' | 'E' => Some(State::Float),
                _ => self.number_end(Kind::Integer),
            },
            State::Datetime => match self.next() {
                c if c.is_ascii_digit() || matches!(c, '-' | ':' | 'T' | 't' | ' ' | '.' | 'Z' | 'z' | '+') => {
                    Some(State::Datetime)
                }
                _ => {
                    self.back();
                    self.emit_trimmed(Kind::Datetime);
                    self.pop()
                }
            },
            State::Integer(base) => match self.next() {
                c if c.is_digit(base) || c == '_' => Some(State::Integer(base)),
                _ => self.number_end(Kind::Integer),
            },
            State::DecimalNumber => match self.next() {
                c if c.is_ascii_digit() || c == '_' => Some(State::DecimalNumber),
                '.' | 'e' | 'E' => Some(State::Float),
                _ => self.number_end(Kind::Integer),
            },
            State::DecimalNumberStart => self.decimal_number_start(),
            State::Float => match self.next() {
                c if c.is_ascii_digit() || matches!(c, '_' | '.' | '-' | '+' | 'e' | 'E') => Some(State::Float),
                _ => self.number_end(Kind::Float),
            },
            State::Bool => self.bool(),
            _ => None,
        }
    }

    fn number_end(&mut self, kind: Kind) -> Option<State> {
        self.back();
        self.emit(kind);
        self.pop()
    }

    pub(super) fn value(&mut self) -> Option<State> {
        let c = self.next();
        match c {
            _ if is_blank(c) => {
                self.ignore();
                return Some(State::Value);
            }
            _ if c.is_ascii_digit() => {
                self.back();
                return Some(State::NumberOrDateStart);
            }
            '[' => {
                self.ignore();
                self.emit(Kind::Array);
                return Some(State::ArrayValue);
            }
            '{' => {
                self.ignore();
                self.emit(Kind::Inline);
                return Some(State::InlineValue);
            }
            '"' | '\'' => {
                let mut next = if c == '"' { State::String } else { State::RawString };
                if self.accept(c) {
                    if self.accept(c) {
                        next = if c == '"' { State::Multiline } else { State::RawMultiline };
                    } else {
                        self.back();
                    }
                }
                self.ignore();
                return Some(next);
            }
            '.' => return self.wrong("floats must start with a digit, not '.'"),
            'i' | 'n' if self.accept('n') && self.accept('f') || self.accept('a') && self.accept('n') => {
                self.emit(Kind::Float);
                return self.pop();
            }
            '-' | '+' => return Some(State::DecimalNumberStart),
            _ => {}
        }
        if c.is_alphabetic() {
            self.back();
            return Some(State::Bool);
        }
        match c {
            END => self.wrong("unexpected EOF; expected value"),
            '\n' => self.error_line_before(&format!("expected value but found {} instead", quoted(c))),
            c => self.wrong(&format!("expected value but found {} instead", quoted(c))),
        }
    }

    fn string(&mut self) -> Option<State> {
        match self.next() {
            END => self.wrong("unexpected EOF; expected '\"'"),
            c if is_break(c) => self.error_line_before("strings cannot contain newlines"),
            '\\' => {
                self.stack.push(State::String);
                Some(State::Escape)
            }
            '"' => {
                let kind = if std::mem::take(&mut self.has_escape) { Kind::Escaped } else { Kind::String };
                self.string_end(kind)
            }
            _ => Some(State::String),
        }
    }

    fn string_end(&mut self, kind: Kind) -> Option<State> {
        self.back();
        self.emit(kind);
        self.next();
        self.ignore();
        self.pop()
    }

    /// Inside of three quotes. One or two more stand in the string, also at its end.
    fn multiline(&mut self, quote: char) -> Option<State> {
        let (again, kind) = match quote {
            '"' => (State::Multiline, Kind::Multiline),
            _ => (State::RawMultiline, Kind::RawMultiline),
        };
        match self.next() {
            END if quote == '"' => return self.wrong("unexpected EOF; expected '\"\"\"'"),
            END => return self.wrong("unexpected EOF; expected \"'''\""),
            '\\' if quote == '"' => return Some(State::MultilineEscape),
            c if c == quote => {}
            _ => return Some(again),
        }
        if !self.accept(quote) {
            return Some(again);
        }
        if !self.accept(quote) {
            self.back();
            return Some(again);
        }
        if self.peek() == quote {
            let five = quote.to_string().repeat(5);
            if self.current().ends_with(&five) && !self.current().ends_with(&format!("\\{five}")) {
                return match quote {
                    '"' => self.wrong("unexpected '\"\"\"\"\"\"'"),
                    _ => self.wrong("unexpected \"''''''\""),
                };
            }
            self.back();
            self.back();
            return Some(again);
        }
        (0..3).for_each(|_| self.back());
        self.has_escape &= quote != '"';
        self.emit(kind);
        (0..3).for_each(|_| {
            self.next();
        });
        self.ignore();
        self.pop()
    }

    fn escape(&mut self) -> Option<State> {
        self.has_escape = true;
        let (count, name) = match self.next() {
            'b' | 't' | 'n' | 'f' | 'r' | '"' | ' ' | '\t' | '\\' => return self.pop(),
            'u' => (4, "four hexadecimal digits after '\\u'"),
            'U' => (8, "eight hexadecimal digits after '\\U'"),
            c => return self.error(&format!("invalid escape in string '\\{c}'")),
        };
        for _ in 0..count {
            if !self.next().is_ascii_hexdigit() {
                let current = crate::value::go_quote(self.current());
                return self.wrong(&format!("expected {name}, but got {current} instead"));
            }
        }
        self.pop()
    }

    fn decimal_number_start(&mut self) -> Option<State> {
        let c = self.next();
        let word = match c {
            'i' => Some(['n', 'f']),
            'n' => Some(['a', 'n']),
            _ => None,
        };
        if let Some([second, third]) = word {
            if !self.accept(second) || !self.accept(third) {
                return self.wrong(&format!("invalid float: '{}'", self.current()));
            }
            self.emit(Kind::Float);
            return self.pop();
        }
        match c {
            '0' => {
                let base = self.peek();
                if matches!(base, 'b' | 'o' | 'x') {
                    let current = self.current();
                    return self.wrong(&format!("cannot use sign with non-decimal numbers: '{current}{base}'"));
                }
                Some(State::DecimalNumber)
            }
            '.' => self.wrong("floats must start with a digit, not '.'"),
            c if c.is_ascii_digit() => Some(State::DecimalNumber),
            c => self.wrong(&format!("expected a digit but got {}", quoted(c))),
        }
    }

    fn base_number_or_date(&mut self) -> Option<State> {
        let (base, name) = match self.next() {
            c if c.is_ascii_digit() => return Some(State::NumberOrDate),
            '_' => return Some(State::DecimalNumber),
            '.' | 'e' | 'E' => return Some(State::Float),
            'b' => (2, "a binary"),
            'o' => (8, "an octal"),
            'x' => (16, "a hexadecimal"),
            _ => return self.number_end(Kind::Integer),
        };
        let first = self.peek();
        if !first.is_digit(base) {
            let current = self.current();
            self.wrong(&format!("not {name} number: '{current}{first}'"));
        }
        Some(State::Integer(base))
    }

    fn bool(&mut self) -> Option<State> {
        while self.next().is_alphabetic() {}
        self.back();
        match self.current() {
            "true" | "false" => {
                self.emit(Kind::Bool);
                self.pop()
            }
            other => self.wrong(&format!("expected value but found {} instead", crate::value::go_quote(other))),
        }
    }
}
