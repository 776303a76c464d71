//! Which style a scalar gets: go-yaml's choice, then libyaml's analysis of what that style can hold.

use crate::Style;
use crate::resolve::{Scalar, is_base_60, resolve};

/// Whether the plain form of this text would be read as anything but this text by go-yaml, or as a number in base 60 by
/// others.
pub(crate) fn needs_quotes(text: &str) -> bool {
    resolve(text) != Scalar::Text || is_base_60(text)
}

/// Where a scalar is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// A key before `:` on the same line.
    SimpleKey,
    Value,
}

/// The style that go-yaml writes this text in.
pub(super) fn choose(text: &str, place: Place) -> Style {
    let wanted = if text.contains('\n') {
        Style::Literal
    } else if needs_quotes(text) {
        Style::DoubleQuoted
    } else {
        Style::Plain
    };
    let analysis = Analysis::of(text);
    match wanted {
        Style::Plain if analysis.plain_in_block => Style::Plain,
        Style::Plain if analysis.single_quoted => Style::SingleQuoted,
        Style::Literal if analysis.block && place == Place::Value => Style::Literal,
        _ => Style::DoubleQuoted,
    }
}

/// What libyaml's `yaml_emitter_analyze_scalar` finds out: the styles that can hold a text.
pub(crate) struct Analysis {
    pub(crate) plain_in_block: bool,
    pub(crate) single_quoted: bool,
    pub(crate) block: bool,
    pub(crate) multiline: bool,
}

impl Analysis {
    pub(crate) fn of(text: &str) -> Self {
        let block_indicators = has_block_indicators(text);
        let chars = || text.chars();
        let multiline = chars().any(is_break);
        let special = chars().any(|c| !is_printable(c));
        let edge = |c: Option<char>| c.is_some_and(|c| c == ' ' || is_break(c));
        let blank_edge = edge(chars().next()) || edge(chars().next_back());
        let follows = |first: fn(char) -> bool, second: fn(char) -> bool| {
            chars().zip(chars().skip(1)).any(|(a, b)| first(a) && second(b))
        };
        let break_space = follows(is_break, |c| c == ' ');
        let space_break = follows(|c| c == ' ', is_break);
        let plain = !(blank_edge || break_space || space_break || special || multiline);
        Self {
            plain_in_block: plain && !block_indicators,
            single_quoted: !(break_space || space_break || special),
            block: !(text.is_empty() || text.ends_with(' ') || space_break || special),
            multiline,
        }
    }
}

/// Whether the text holds what has a meaning in block collections.
fn has_block_indicators(text: &str) -> bool {
    if text.starts_with("---") || text.starts_with("...") {
        return true;
    }
    let mut preceded = true;
    let mut chars = text.chars().enumerate().peekable();
    while let Some((at, c)) = chars.next() {
        let followed = chars.peek().is_none_or(|(_, next)| is_blank(*next));
        let found = match (at, c) {
            (0, '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`') => true,
            (0, '?' | '-') | (_, ':') => followed,
            (_, '#') => preceded,
            _ => false,
        };
        if found {
            return true;
        }
        preceded = is_blank(c) || is_break(c) || c == '\0';
    }
    false
}

fn is_blank(c: char) -> bool {
    c == ' ' || c == '\t'
}

pub(super) fn is_break(c: char) -> bool {
    matches!(c, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// go-yaml's `is_printable`: characters over U+FFFF are not, and tabs are not.
pub(super) fn is_printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}') && c != '\u{feff}'
}
