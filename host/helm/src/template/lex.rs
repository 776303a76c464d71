//! Cuts a template into text and actions, and an action into tokens.

use super::node::Constant;
use super::{Failure, Outcome, literal};

/// Text or the inside of one action.
#[derive(Debug, PartialEq)]
pub(super) enum Part<'a> {
    Text(&'a str),
    Action { inside: &'a str, line: usize },
}

/// Splits a source at `{{` and `}}`, trims text at `{{- ` and ` -}}`, and leaves comments out. A comment keeps the texts
/// around it apart, so that a trim marker behind it does not reach through.
pub(super) fn parts(source: &str) -> Outcome<Vec<Part<'_>>> {
    let mut parts = Vec::new();
    let mut rest = source;
    let mut line = 1;
    let mut trim_start = false;
    loop {
        let Some(open) = find_open(rest) else {
            push_text(&mut parts, trimmed(rest, trim_start, false));
            return Ok(parts);
        };
        let (text, action) = rest.split_at(open);
        let inside = action.get(2..).unwrap_or_default();
        let trim_end = inside.starts_with('-') && inside.get(1..).is_some_and(starts_with_space);
        push_text(&mut parts, trimmed(text, trim_start, trim_end));
        line += lines(text);
        let inside = if trim_end { inside.get(1..).unwrap_or_default() } else { inside };
        // Only a trim marker may stand between the delimiter and a comment.
        let body = if trim_end { trimmed_start(inside) } else { inside };
        let length = if let Some(comment) = body.strip_prefix("/*") {
            let skipped = inside.len() - body.len();
            let end = 2 + comment.find("*/").ok_or_else(|| at(line, "unclosed comment"))? + 2;
            let after = body.get(end..).unwrap_or_default();
            let marker = trimmed_start(after);
            let close = if after.starts_with("}}") {
                (false, 0)
            } else if starts_with_space(after) && marker.starts_with("-}}") {
                (true, after.len() - marker.len() + 1)
            } else {
                return Err(at(line, "comment ends before closing delimiter"));
            };
            trim_start = close.0;
            skipped + end + close.1
        } else {
            let end = action_end(inside).map_err(|message| at(line, message))?;
            let action = inside.get(..end).unwrap_or_default();
            let marked = action.strip_suffix('-').filter(|rest| rest.bytes().next_back().is_some_and(is_space));
            trim_start = marked.is_some();
            parts.push(Part::Action { inside: marked.unwrap_or(action), line });
            end
        };
        line += lines(inside.get(..length).unwrap_or_default());
        rest = inside.get(length + 2..).unwrap_or_default();
    }
}

fn at(line: usize, message: &str) -> Box<Failure> {
    Box::new(Failure { message: message.to_owned(), line, ..Failure::default() })
}

/// Where the first `{{` stands.
fn find_open(text: &str) -> Option<usize> {
    let mut from = 0;
    loop {
        // Looking for one character is much quicker than for a text of two.
        let brace = from + text.get(from..)?.find('{')?;
        if text.as_bytes().get(brace + 1) == Some(&b'{') {
            return Some(brace);
        }
        from = brace + 1;
    }
}

fn lines(text: &str) -> usize {
    text.bytes().filter(|byte| *byte == b'\n').count()
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

fn starts_with_space(text: &str) -> bool {
    text.bytes().next().is_some_and(is_space)
}

fn trimmed_start(text: &str) -> &str {
    let blank = text.bytes().take_while(|byte| is_space(*byte)).count();
    text.get(blank..).unwrap_or_default()
}

fn trimmed(text: &str, start: bool, end: bool) -> &str {
    let text = if start { trimmed_start(text) } else { text };
    let blank = if end { text.bytes().rev().take_while(|byte| is_space(*byte)).count() } else { 0 };
    text.get(..text.len() - blank).unwrap_or_default()
}

fn push_text<'a>(parts: &mut Vec<Part<'a>>, text: &'a str) {
    if !text.is_empty() {
        parts.push(Part::Text(text));
    }
}

/// Where the `}}` of an action stands; those in quotes do not count.
fn action_end(inside: &str) -> Result<usize, &'static str> {
    let mut bytes = inside.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'}' if inside.as_bytes().get(at + 1) == Some(&b'}') => return Ok(at),
            b'`' => bytes.find(|(_, byte)| *byte == b'`').map(|_| ()).ok_or("unterminated raw quoted string")?,
            b'"' | b'\'' => loop {
                match bytes.next() {
                    Some((_, b'\\')) => {
                        bytes.next();
                    }
                    Some((_, end)) if end == byte => break,
                    None | Some((_, b'\n')) => return Err("unterminated quoted string"),
                    Some(_) => {}
                }
            },
            _ => {}
        }
    }
    Err("unclosed action")
}

/// One token of an action, and whether a blank stands before it.
#[derive(Debug)]
pub(super) struct Token<'a> {
    pub(super) kind: TokenKind<'a>,
    pub(super) spaced: bool,
    pub(super) line: usize,
}

#[derive(Debug)]
pub(super) enum TokenKind<'a> {
    Word(&'a str),
    Field(&'a str),
    /// With its `$`.
    Variable(&'a str),
    Dot,
    Literal(Constant),
    Open,
    Close,
    Bar,
    Comma,
    Declare,
    Assign,
}

/// Cuts the inside of an action into tokens, which it adds.
pub(super) fn tokens<'a>(inside: &'a str, first_line: usize, tokens: &mut Vec<Token<'a>>) -> Outcome<()> {
    let mut rest = inside;
    let mut line = first_line;
    let mut spaced = true;
    loop {
        let start = trimmed_start(rest);
        let blank = rest.len() - start.len();
        line += lines(rest.get(..blank).unwrap_or_default());
        let Some(&first) = start.as_bytes().first() else { return Ok(()) };
        let (kind, length) = token(start, first).map_err(|message| at(line, &message))?;
        tokens.push(Token { kind, spaced: spaced || blank > 0, line });
        spaced = false;
        let (token, behind) = start.split_at_checked(length).unwrap_or((start, ""));
        if first == b'`' {
            // A raw string may go over lines.
            line += lines(token);
        }
        rest = behind;
    }
}

fn token(text: &str, first: u8) -> Result<(TokenKind<'_>, usize), String> {
    let second = text.as_bytes().get(1).copied();
    let digit = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_digit());
    let behind = || text.get(1..).unwrap_or_default();
    Ok(match first {
        b'(' => (TokenKind::Open, 1),
        b')' => (TokenKind::Close, 1),
        b'|' => (TokenKind::Bar, 1),
        b',' => (TokenKind::Comma, 1),
        b'=' => (TokenKind::Assign, 1),
        b':' if second == Some(b'=') => (TokenKind::Declare, 2),
        b'"' | b'\'' | b'`' => quoted(text, char::from(first))?,
        b'$' => {
            let length = 1 + word(behind()).len();
            (TokenKind::Variable(text.get(..length).unwrap_or_default()), length)
        }
        b'.' if !digit(second) => match word(behind()) {
            "" => (TokenKind::Dot, 1),
            name => (TokenKind::Field(name), 1 + name.len()),
        },
        b'.' | b'0'..=b'9' => number(text)?,
        b'+' | b'-' if digit(second) || second == Some(b'.') => number(text)?,
        _ => match word(text) {
            "" => return Err(format!("unexpected {:?} in command", text.chars().next().unwrap_or_default())),
            word => (TokenKind::Word(word), word.len()),
        },
    })
}

/// Letters, digits and `_` at the start of a text.
fn word(text: &str) -> &str {
    let ascii = text.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
    let rest = text.get(ascii..).unwrap_or_default();
    let more = match rest.bytes().next() {
        None | Some(0..=0x7f) => 0,
        Some(_) => rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len()),
    };
    text.get(..ascii + more).unwrap_or_default()
}

fn quoted(text: &str, quote: char) -> Result<(TokenKind<'_>, usize), String> {
    let mut escaped = false;
    let inner = text.get(1..).unwrap_or_default();
    let end = inner.bytes().position(|byte| {
        let closes = char::from(byte) == quote && !escaped;
        escaped = byte == b'\\' && !escaped && quote != '`';
        closes
    });
    let end = end.ok_or("unterminated quoted string")?;
    let inner = inner.get(..end).unwrap_or_default();
    let value = match quote {
        '`' => Constant::Text(inner.replace('\r', "").into()),
        '"' if !inner.contains('\\') => Constant::Text(crate::value::from_bytes(inner.as_bytes())),
        '"' => Constant::Text(unquote(inner)?.into()),
        _ => {
            let text = unquote(inner)?;
            let mut chars = text.chars();
            match (chars.next(), chars.next()) {
                (Some(c), None) => Constant::Int(i64::from(u32::from(c))),
                _ => return Err(format!("malformed character constant: '{inner}'")),
            }
        }
    };
    Ok((TokenKind::Literal(value), end + 2))
}

/// Undoes the escapes of a Go string.
fn unquote(text: &str) -> Result<String, String> {
    let wrong = || format!("invalid syntax in \"{text}\"");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let (plain, escape) = rest.split_at(at);
        bytes.extend_from_slice(plain.as_bytes());
        let letter = escape.chars().nth(1).ok_or_else(wrong)?;
        let digits = |from: usize, count: usize, radix: u32| {
            let digits = escape.get(from..from + count)?;
            u32::from_str_radix(digits, radix).ok().map(|code| (code, from + count))
        };
        let simple = match letter {
            'a' => Some(7),
            'b' => Some(8),
            'f' => Some(12),
            'n' => Some(b'\n'),
            'r' => Some(b'\r'),
            't' => Some(b'\t'),
            'v' => Some(11),
            '\\' | '\'' | '"' => u8::try_from(letter).ok(),
            _ => None,
        };
        let length = if let Some(byte) = simple {
            bytes.push(byte);
            2
        } else {
            let (code, end) = match letter {
                'x' => digits(2, 2, 16),
                'u' => digits(2, 4, 16),
                'U' => digits(2, 8, 16),
                '0'..='7' => digits(1, 3, 8),
                _ => None,
            }
            .ok_or_else(wrong)?;
            if matches!(letter, 'u' | 'U') {
                let c = char::from_u32(code).ok_or_else(wrong)?;
                bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            } else {
                bytes.push(u8::try_from(code).map_err(|_| wrong())?);
            }
            end
        };
        rest = escape.get(length..).unwrap_or_default();
    }
    bytes.extend_from_slice(rest.as_bytes());
    Ok(crate::value::from_bytes(&bytes).to_string())
}

/// A number literal and its length. What follows it may not belong to a word.
fn number(text: &str) -> Result<(TokenKind<'_>, usize), String> {
    let length = literal::length(text);
    let written = text.get(..length).unwrap_or_default();
    let rest = text.get(length..).unwrap_or_default();
    if rest.starts_with(|c: char| c.is_alphanumeric() || c == '_') {
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
        return Err(format!("bad number syntax: \"{written}{}\"", rest.get(..end).unwrap_or_default()));
    }
    Ok((TokenKind::Literal(literal::value(written)?), length))
}
