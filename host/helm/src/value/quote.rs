//! Text as Go quotes it.

use std::fmt::Write as _;

use super::bytes::escaped;

/// `strconv.Quote`.
pub(crate) fn go_quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{b}' => out.push_str("\\v"),
            ' ' => out.push(' '),
            c => match escaped(c) {
                // Writing to a string cannot fail.
                Some(byte) => {
                    let _ = write!(out, "\\x{byte:02x}");
                }
                None if !is_printable(c) => escape(&mut out, c),
                None => out.push(c),
            },
        }
    }
    out.push('"');
    out
}

/// The same in ASCII alone (`strconv.QuoteToASCII`).
pub(crate) fn go_quote_ascii(text: &str) -> String {
    let mut out = String::new();
    for c in go_quote(text).chars() {
        if c.is_ascii() { out.push(c) } else { escape(&mut out, c) }
    }
    out
}

// Writing to a string cannot fail.
fn escape(out: &mut String, c: char) {
    let _ = match u32::from(c) {
        code @ 0..0x80 => write!(out, "\\x{code:02x}"),
        code @ 0x80..0x1_0000 => write!(out, "\\u{code:04x}"),
        code => write!(out, "\\U{code:08x}"),
    };
}

/// Near to `strconv.IsPrint`: control characters, separators other than the blank, and what is not assigned for use.
pub(crate) fn is_printable(c: char) -> bool {
    let separator =
        c.is_whitespace() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}');
    let private = matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{feff}' | '\u{fff0}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}' | '\u{ad}');
    !(c.is_control() || separator || private || u32::from(c) >= 0xe_0000)
}

/// The escapes that Go's `encoding/json` makes besides those of JSON: `<`, `>`, `&` and two line separators.
pub(crate) fn html_safe_json(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '<' => out.push_str("\\u003c"),
            '>' => out.push_str("\\u003e"),
            '&' => out.push_str("\\u0026"),
            '\u{2028}' => out.push_str("\\u2028"),
            '\u{2029}' => out.push_str("\\u2029"),
            '\u{7f}' => out.push('\u{7f}'),
            c => out.push(c),
        }
    }
    out
}
