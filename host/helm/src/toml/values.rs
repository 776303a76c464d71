//! Values: what the lexer takes for one may still be none.

use std::rc::Rc;

use super::lexer::{Item, Kind};
use super::parser::{Parser, Problem, Step, bug};
use crate::limits::{VALUE_DEPTH, than};
use crate::time::{Zone, parse};
use crate::value::{Entries, Value, go_quote};

impl Parser<'_> {
    /// The value that begins with an item, and whether it is an array.
    pub(super) fn value(&mut self, item: &Item, is_in_array: bool) -> Step<(Value, bool)> {
        let value = match item.kind {
            Kind::String | Kind::Escaped | Kind::Multiline | Kind::RawMultiline => Value::text(self.string(item)?),
            Kind::Integer => self.integer(item)?,
            Kind::Float => self.float(item)?,
            Kind::Bool => Value::Bool(item.text == "true"),
            Kind::Datetime => self.datetime(item)?,
            Kind::Array => return Ok((self.nested(|parser| parser.array())?, true)),
            Kind::Inline => self.nested(|parser| parser.inline_table(is_in_array))?,
            _ => return Err(bug("unexpected kind of value")),
        };
        Ok((value, false))
    }

    fn nested(&mut self, read: impl FnOnce(&mut Self) -> Step<Value>) -> Step<Value> {
        self.depth += 1;
        if self.depth > VALUE_DEPTH {
            return Err(Problem::Refused(format!("a value nests deeper {}", than("value_depth", VALUE_DEPTH))));
        }
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn array(&mut self) -> Step<Value> {
        let name = self.current.clone();
        self.set_type(&name, true);
        let mut items = Vec::new();
        loop {
            let item = self.next()?;
            match item.kind {
                Kind::ArrayEnd => return Ok(Value::list(items)),
                Kind::Comment => self.expect(Kind::Text)?,
                _ => items.push(self.value(&item, true)?.0),
            }
        }
    }

    fn inline_table(&mut self, is_in_array: bool) -> Step<Value> {
        let table = Value::map(Entries::new());
        let (outer_context, outer_key) = (self.context.clone(), std::mem::take(&mut self.current));
        self.context.push(outer_key.clone());
        let context = self.context.clone();
        self.add_implicit(&context);
        self.add_context(&context, is_in_array)?;
        loop {
            match self.next()?.kind {
                Kind::InlineEnd => break,
                Kind::Comment => self.expect(Kind::Text)?,
                _ => {
                    let (key, value) = self.key_and_value()?;
                    self.insert(&table, &key, value)?;
                    self.context = context.clone();
                }
            }
        }
        (self.context, self.current) = (outer_context, outer_key);
        Ok(table)
    }

    /// Puts a value into the tables that its key goes through.
    fn insert(&self, table: &Value, key: &[String], value: Value) -> Step {
        let Some((last, parents)) = key.split_last() else { return Ok(()) };
        let mut table = table.clone();
        for part in parents.iter().chain([last]) {
            let Value::Map(map) = &table else {
                let context = go_quote(&format!("[{}]", self.context.join(" ")));
                return Err(self.words_here(&format!("{context} is not a table")));
            };
            let mut entries = map.0.borrow_mut();
            if std::ptr::eq(part, last) {
                entries.insert(part.as_str().into(), value);
                return Ok(());
            }
            let next = entries.entry(part.as_str().into()).or_insert_with(|| Value::map(Entries::new())).clone();
            drop(entries);
            table = next;
        }
        Ok(())
    }

    pub(super) fn string(&self, item: &Item) -> Step<String> {
        let without_break = || {
            let text = item.text.strip_prefix('\n').or_else(|| item.text.strip_prefix("\r\n"));
            text.unwrap_or(&item.text)
        };
        match item.kind {
            Kind::Escaped => self.unescaped(item, &item.text),
            Kind::Multiline => self.unescaped(item, &without_continuations(without_break())),
            Kind::RawMultiline => Ok(without_break().to_owned()),
            _ => Ok(item.text.clone()),
        }
    }

    fn unescaped(&self, item: &Item, text: &str) -> Step<String> {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('\\') {
            out.push_str(before);
            let code = after.chars().next().unwrap_or_default();
            let digits = match code {
                'u' => 4,
                'U' => 8,
                _ => 0,
            };
            let (hex, behind) =
                after.get(code.len_utf8()..).unwrap_or_default().split_at_checked(digits).unwrap_or_default();
            match code {
                'b' => out.push('\u{8}'),
                't' => out.push('\t'),
                'n' => out.push('\n'),
                'f' => out.push('\u{c}'),
                'r' => out.push('\r'),
                '"' | '\\' => out.push(code),
                'u' | 'U' => {
                    let c = u32::from_str_radix(hex, 16).ok().and_then(char::from_u32);
                    let wrong = || self.words(item.line, &format!("Escaped character '\\u{hex}' is not valid UTF-8."));
                    out.push(c.ok_or_else(wrong)?);
                }
                ' ' | '\t' => return Err(self.words(item.line, &format!("invalid escape: '\\{code}'"))),
                _ => return Err(bug("an escape that is none")),
            }
            rest = behind;
        }
        out.push_str(rest);
        Ok(out)
    }

    fn integer(&self, item: &Item) -> Step<Value> {
        let text = item.text.as_str();
        let quoted = || go_quote(text);
        if !are_underscores_between_digits(text) {
            let message = format!("Invalid integer {}: underscores must be surrounded by digits", quoted());
            return Err(self.words(item.line, &message));
        }
        if has_leading_zero(text) {
            return Err(self.words(item.line, &format!("Invalid integer {}: cannot have leading zeroes", quoted())));
        }
        let plain = text.replace('_', "");
        let bases = [("0x", 16), ("0o", 8), ("0b", 2), ("", 10)];
        let based = bases.iter().find_map(|(prefix, base)| Some((plain.strip_prefix(prefix)?, *base)));
        let (digits, base) = based.unwrap_or((&plain, 10));
        let wrong = || self.words(item.line, &format!("{text} is out of range for int64"));
        i64::from_str_radix(digits, base).map(Value::Int64).map_err(|_| wrong())
    }

    fn float(&self, item: &Item) -> Step<Value> {
        let text = item.text.as_str();
        let wrong = |what: &str| self.words(item.line, &format!("Invalid float {}: {what}", go_quote(text)));
        let mut parts = text.split(['.', 'e', 'E']).filter(|part| !part.is_empty()).peekable();
        let first = parts.peek().copied();
        if !parts.all(are_underscores_between_digits) {
            return Err(wrong("underscores must be surrounded by digits"));
        }
        if first.is_some_and(has_leading_zero) {
            return Err(wrong("cannot have leading zeroes"));
        }
        let mut points = text.match_indices('.').map(|(at, _)| text.as_bytes().get(at + 1));
        if !points.all(|next| next.is_some_and(u8::is_ascii_digit)) {
            return Err(wrong("'.' must be followed by one or more digits"));
        }
        let plain = text.replace('_', "");
        let float: Option<f64> = plain.parse().ok();
        let invalid = || self.words(item.line, &format!("Invalid float value: {}", go_quote(text)));
        let float = float.ok_or_else(invalid)?;
        if float.is_infinite() && !plain.ends_with("inf") {
            return Err(self.words(item.line, &format!("{text} is out of range for float64")));
        }
        Ok(Value::Float(float))
    }

    /// A time. Where a part of it is missing, the name of its zone says so.
    fn datetime(&self, item: &Item) -> Step<Value> {
        const LAYOUTS: [(&str, Option<&str>); 4] = [
            ("2006-01-02T15:04:05.999999999Z07:00", None),
            ("2006-01-02T15:04:05.999999999", Some("datetime-local")),
            ("2006-01-02", Some("date-local")),
            ("15:04:05.999999999", Some("time-local")),
        ];
        let text = item.text.replace('z', "Z").replace(['t', ' '], "T");
        let wrong = || self.words(item.line, &format!("invalid datetime: {}", go_quote(&text)));
        let read = LAYOUTS.iter().find_map(|(layout, zone)| Some((parse(layout, &text).ok()?, *layout, *zone)));
        let (mut time, layout, zone) = read.ok_or_else(wrong)?;
        let mut marks = layout.bytes().enumerate().take_while(|(_, byte)| !matches!(byte, b'.' | b'Z'));
        if marks.any(|(at, mark)| !mark.is_ascii_digit() && text.as_bytes().get(at) != Some(&mark)) {
            return Err(wrong());
        }
        if let Some(name) = zone {
            time.zone = Zone::fixed(name, 0);
        }
        Ok(Value::Time(Rc::new(time)))
    }
}

fn has_leading_zero(number: &str) -> bool {
    match number.as_bytes() {
        [b'0', second, ..] => !matches!(second, b'b' | b'o' | b'x'),
        [b'-' | b'+', b'0', _, ..] => true,
        _ => false,
    }
}

fn are_underscores_between_digits(number: &str) -> bool {
    if matches!(number, "nan" | "+nan" | "-nan" | "inf" | "-inf" | "+inf") {
        return true;
    }
    let mut after_digit = false;
    for byte in number.bytes() {
        if byte == b'_' && !after_digit {
            return false;
        }
        after_digit = byte.is_ascii_hexdigit();
    }
    after_digit
}

/// The text without the backslashes at the ends of lines, and the blanks and breaks that follow.
fn without_continuations(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        let behind = after.trim_start_matches([' ', '\t', '\r', '\n']);
        let blanks = after.get(..after.len() - behind.len()).unwrap_or_default();
        if blanks.contains('\n') {
            rest = behind;
        } else {
            let kept = after.len() - after.strip_prefix('\\').unwrap_or(after).len();
            out.push('\\');
            out.push_str(after.get(..kept).unwrap_or_default());
            rest = after.get(kept..).unwrap_or_default();
        }
    }
    out.push_str(rest);
    out
}
