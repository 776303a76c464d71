//! Cuts a template into text and actions, and an action into tokens.

use super::node::Constant;
use super::{Failure, Outcome, literal};
use crate::value::Text;

/// Text or the inside of one action.
#[derive(Debug, PartialEq)]
pub(super) enum Part<'a> {
    Text(&'a str),
    Action { inside: &'a str, line: usize },
}

const SPACE: [char; 4] = [' ', '\t', '\r', '\n'];

/// Splits a source at `{{` and `}}`, trims text at `{{- ` and ` -}}`, and leaves comments out. A comment keeps the texts
/// around it apart, so that a trim marker behind it does not reach through.
pub(super) fn parts(source: &str) -> Outcome<Vec<Part<'_>>> {
    let mut parts = Vec::new();
    let mut rest = source;
    let mut line = 1;
    let mut trim_start = false;
    loop {
        let Some(open) = rest.find("{{") else {
            push_text(&mut parts, trimmed(rest, trim_start, false));
            return Ok(parts);
        };
        let (text, action) = rest.split_at(open);
        let inside = action.get(2..).unwrap_or_default();
        let trim_end = inside.starts_with('-') && inside.get(1..).is_some_and(|rest| rest.starts_with(SPACE));
        push_text(&mut parts, trimmed(text, trim_start, trim_end));
        line += lines(text);
        let inside = if trim_end { inside.get(1..).unwrap_or_default() } else { inside };
        let blank = inside.len() - inside.trim_start_matches(SPACE).len();
        // Only a trim marker may stand between the delimiter and a comment.
        let body = inside.get(if trim_end { blank } else { 0 }..).unwrap_or_default();
        let length = if let Some(comment) = body.strip_prefix("/*") {
            let skipped = inside.len() - body.len();
            let end = 2 + comment.find("*/").ok_or_else(|| at(line, "unclosed comment"))? + 2;
            let after = body.get(end..).unwrap_or_default();
            let marker = after.trim_start_matches(SPACE);
            let close = if after.starts_with("}}") {
                (false, 0)
            } else if after.starts_with(SPACE) && marker.starts_with("-}}") {
                (true, after.len() - marker.len() + 1)
            } else {
                return Err(at(line, "comment ends before closing delimiter"));
            };
            trim_start = close.0;
            skipped + end + close.1
        } else {
            let end = action_end(inside).map_err(|message| at(line, message))?;
            let action = inside.get(..end).unwrap_or_default();
            let marked = action.strip_suffix('-').filter(|rest| rest.ends_with(SPACE));
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

fn lines(text: &str) -> usize {
    text.bytes().filter(|byte| *byte == b'\n').count()
}

fn trimmed(text: &str, start: bool, end: bool) -> &str {
    let text = if start { text.trim_start_matches(SPACE) } else { text };
    if end { text.trim_end_matches(SPACE) } else { text }
}

fn push_text<'a>(parts: &mut Vec<Part<'a>>, text: &'a str) {
    if !text.is_empty() {
        parts.push(Part::Text(text));
    }
}

/// Where the `}}` of an action stands; those in quotes do not count.
fn action_end(inside: &str) -> Result<usize, &'static str> {
    let mut chars = inside.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '}' if inside.get(at..).is_some_and(|rest| rest.starts_with("}}")) => return Ok(at),
            '`' => chars.find(|(_, c)| *c == '`').map(|_| ()).ok_or("unterminated raw quoted string")?,
            '"' | '\'' => loop {
                match chars.next() {
                    Some((_, '\\')) => {
                        chars.next();
                    }
                    Some((_, end)) if end == c => break,
                    None | Some((_, '\n')) => return Err("unterminated quoted string"),
                    Some(_) => {}
                }
            },
            _ => {}
        }
    }
    Err("unclosed action")
}

/// One token of an action, and whether a blank stands before it.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) spaced: bool,
    pub(super) line: usize,
}

#[derive(Clone, Debug)]
pub(super) enum TokenKind {
    Word(Text),
    Field(Text),
    Variable(Text),
    Dot,
    Literal(Constant),
    Open,
    Close,
    Bar,
    Comma,
    Declare,
    Assign,
}

/// Cuts the inside of an action into tokens.
pub(super) fn tokens(inside: &str, first_line: usize) -> Outcome<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = inside;
    let mut line = first_line;
    loop {
        let start = rest.trim_start_matches(SPACE);
        let spaced = start.len() < rest.len() || tokens.is_empty();
        line += lines(rest.get(..rest.len() - start.len()).unwrap_or_default());
        let Some(c) = start.chars().next() else { return Ok(tokens) };
        let (kind, length) = token(start, c).map_err(|message| at(line, &message))?;
        tokens.push(Token { kind, spaced, line });
        let (token, behind) = start.split_at_checked(length).unwrap_or((start, ""));
        // A raw string may go over lines.
        line += lines(token);
        rest = behind;
    }
}

fn token(text: &str, c: char) -> Result<(TokenKind, usize), String> {
    let second = text.chars().nth(1);
    let digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
    Ok(match c {
        '(' => (TokenKind::Open, 1),
        ')' => (TokenKind::Close, 1),
        '|' => (TokenKind::Bar, 1),
        ',' => (TokenKind::Comma, 1),
        '=' => (TokenKind::Assign, 1),
        ':' if second == Some('=') => (TokenKind::Declare, 2),
        '"' | '\'' | '`' => quoted(text, c)?,
        '$' => {
            let name = word(text.get(1..).unwrap_or_default());
            (TokenKind::Variable(format!("${name}").into()), 1 + name.len())
        }
        '.' if !digit(second) => match word(text.get(1..).unwrap_or_default()) {
            "" => (TokenKind::Dot, 1),
            name => (TokenKind::Field(name.into()), 1 + name.len()),
        },
        '.' | '0'..='9' => number(text)?,
        '+' | '-' if digit(second) || second == Some('.') => number(text)?,
        c if c.is_alphanumeric() || c == '_' => (TokenKind::Word(word(text).into()), word(text).len()),
        c => return Err(format!("unexpected {c:?} in command")),
    })
}

fn word(text: &str) -> &str {
    text.get(..text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len())).unwrap_or_default()
}

fn quoted(text: &str, quote: char) -> Result<(TokenKind, usize), String> {
    let mut escaped = false;
    let inner = text.get(1..).unwrap_or_default();
    let end = inner.find(|c| {
        let closes = c == quote && !escaped;
        escaped = c == '\\' && !escaped && quote != '`';
        closes
    });
    let end = end.ok_or("unterminated quoted string")?;
    let inner = inner.get(..end).unwrap_or_default();
    let value = match quote {
        '`' => Constant::Text(inner.replace('\r', "").into()),
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
fn number(text: &str) -> Result<(TokenKind, usize), String> {
    let length = literal::length(text);
    let written = text.get(..length).unwrap_or_default();
    let rest = text.get(length..).unwrap_or_default();
    if rest.starts_with(|c: char| c.is_alphanumeric() || c == '_') {
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
        return Err(format!("bad number syntax: \"{written}{}\"", rest.get(..end).unwrap_or_default()));
    }
    Ok((TokenKind::Literal(literal::value(written)?), length))
}
