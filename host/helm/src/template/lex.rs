//! Cuts a template into text and actions, and an action into tokens.

use std::ops::Range;

use memchr::memmem::Finder;

use super::{Failure, Outcome, literal};

/// What stands next in a source.
pub(super) enum Part {
    Text(Range<usize>),
    /// The byte that it begins with.
    Action(usize),
    End,
}

/// Reads a source from its start to its end, once.
pub(super) struct Lexer<'a> {
    source: &'a str,
    at: usize,
    /// Whether an action stands there.
    opened: bool,
    /// Whether the text there loses the blanks that it begins with.
    trims: bool,
    open: Finder<'static>,
}

/// One token of an action, where it stands, and whether a blank stands before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'a> {
    pub(super) kind: TokenKind<'a>,
    pub(super) spaced: bool,
    pub(super) at: usize,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum TokenKind<'a> {
    Word(&'a str),
    /// Without its point.
    Field(&'a str),
    /// With its `$`.
    Variable(&'a str),
    Dot,
    Number(&'a str),
    /// A text or character, with its quotes.
    Quoted(&'a str),
    Open,
    Close,
    Bar,
    Comma,
    Declare,
    Assign,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(source: &'a str) -> Self {
        Self { source, at: 0, opened: false, trims: false, open: Finder::new("{{") }
    }

    /// The next text that is not empty, or the next action, whose tokens are added.
    ///
    /// Text is trimmed at `{{- ` and ` -}}`. A comment keeps the texts around it apart, so that a trim marker behind it
    /// does not reach through.
    pub(super) fn next(&mut self, tokens: &mut Vec<Token<'a>>) -> Outcome<Part> {
        loop {
            if std::mem::take(&mut self.opened) {
                let open = self.at;
                self.at += 2;
                let marked = has_marker(self.rest());
                self.at += usize::from(marked);
                // Only a trim marker may stand between the delimiter and a comment.
                let body = if marked { trimmed_start(self.rest()) } else { self.rest() };
                if let Some(comment) = body.strip_prefix("/*") {
                    self.comment(comment).map_err(|message| self.wrong(open, message))?;
                } else {
                    self.action(open, tokens)?;
                    return Ok(Part::Action(open));
                }
            }
            let text = self.text();
            if !text.is_empty() {
                return Ok(Part::Text(text));
            }
            if !self.opened {
                return Ok(Part::End);
            }
        }
    }

    fn rest(&self) -> &'a str {
        self.source.get(self.at..).unwrap_or_default()
    }

    fn wrong(&self, at: usize, message: impl Into<String>) -> Box<Failure> {
        let line = line(self.source, u32::try_from(at).unwrap_or(u32::MAX));
        Box::new(Failure { message: message.into(), line, ..Failure::default() })
    }

    /// The text up to the next action.
    fn text(&mut self) -> Range<usize> {
        let (start, rest) = (self.at, self.rest());
        let length = self.open.find(rest.as_bytes());
        self.opened = length.is_some();
        let text = rest.get(..length.unwrap_or(rest.len())).unwrap_or_default();
        self.at += text.len();
        let blank = if std::mem::take(&mut self.trims) { text.len() - trimmed_start(text).len() } else { 0 };
        let mut text = text.get(blank..).unwrap_or_default();
        if self.opened && has_marker(rest.get(blank + text.len() + 2..).unwrap_or_default()) {
            let blank = text.bytes().rev().take_while(|byte| is_space(*byte)).count();
            text = text.get(..text.len() - blank).unwrap_or_default();
        }
        start + blank..start + blank + text.len()
    }

    /// Goes over a comment, of which this is what stands behind its `/*`.
    fn comment(&mut self, comment: &str) -> Result<(), &'static str> {
        let end = comment.find("*/").ok_or("unclosed comment")? + 2;
        let behind = comment.get(end..).unwrap_or_default();
        let marker = trimmed_start(behind);
        self.trims = marker.len() < behind.len() && marker.starts_with("-}}");
        let close = if self.trims { marker.get(1..).unwrap_or_default() } else { behind };
        let rest = close.strip_prefix("}}").ok_or("comment ends before closing delimiter")?;
        self.at = self.source.len() - rest.len();
        Ok(())
    }

    /// Cuts an action into tokens, and goes behind its end.
    fn action(&mut self, open: usize, tokens: &mut Vec<Token<'a>>) -> Outcome<()> {
        let mut spaced = true;
        loop {
            let rest = self.rest();
            let text = trimmed_start(rest);
            let blank = rest.len() - text.len();
            self.at += blank;
            let first = match text.as_bytes() {
                [b'}', b'}', ..] => {
                    self.at += 2;
                    return Ok(());
                }
                [b'-', b'}', b'}', ..] if blank > 0 => {
                    self.at += 3;
                    self.trims = true;
                    return Ok(());
                }
                [] => return Err(self.wrong(open, "unclosed action")),
                [first, ..] => *first,
            };
            let (kind, length) = token(text, first).map_err(|message| self.wrong(self.at, message))?;
            tokens.push(Token { kind, spaced: spaced || blank > 0, at: self.at });
            spaced = false;
            self.at += length;
        }
    }
}

/// The line of a byte of a source.
pub(super) fn line(source: &str, at: u32) -> usize {
    let before = source.as_bytes().get(..at as usize).unwrap_or(source.as_bytes());
    1 + memchr::memchr_iter(b'\n', before).count()
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// Whether an action with this behind its `{{` trims the text before it.
fn has_marker(inside: &str) -> bool {
    matches!(inside.as_bytes(), [b'-', blank, ..] if is_space(*blank))
}

fn trimmed_start(text: &str) -> &str {
    let blank = text.bytes().take_while(|byte| is_space(*byte)).count();
    text.get(blank..).unwrap_or_default()
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
        b'"' | b'\'' | b'`' => {
            let quoted = quoted(text, first)?;
            (TokenKind::Quoted(quoted), quoted.len())
        }
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

/// A text or character with its quotes; only a raw text may go over lines.
fn quoted(text: &str, quote: u8) -> Result<&str, &'static str> {
    let inside = text.as_bytes().get(1..).unwrap_or_default();
    let end = if quote == b'`' {
        memchr::memchr(b'`', inside).ok_or("unterminated raw quoted string")?
    } else {
        let mut bytes = inside.iter().enumerate();
        loop {
            match bytes.next() {
                Some((_, b'\\')) => {
                    bytes.next();
                }
                Some((at, byte)) if *byte == quote => break at,
                None | Some((_, b'\n')) => return Err("unterminated quoted string"),
                Some(_) => {}
            }
        }
    };
    text.get(..end + 2).ok_or("unterminated quoted string")
}

/// A number and its length. What follows it may not belong to a word.
fn number(text: &str) -> Result<(TokenKind<'_>, usize), String> {
    let length = literal::length(text);
    let written = text.get(..length).unwrap_or_default();
    let rest = text.get(length..).unwrap_or_default();
    if rest.starts_with(|c: char| c.is_alphanumeric() || c == '_') {
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
        return Err(format!("bad number syntax: \"{written}{}\"", rest.get(..end).unwrap_or_default()));
    }
    Ok((TokenKind::Number(written), length))
}
