//! Names and words: `camelcase` and its like, `initials`, `wrap`.
//!
//! Some of them take a text byte by byte in Go, and each byte for a character.

use std::sync::LazyLock;

use super::{Call, Function};
use crate::template::Outcome;
use crate::value::{Value, characters, from_bytes, letter, to_bytes};

pub(super) fn find(name: &str) -> Option<Function> {
    Some(match name {
        "camelcase" => camelcase,
        "initials" => initials,
        "kebabcase" => kebabcase,
        "nospace" => nospace,
        "snakecase" => snakecase,
        "wrap" => wrap,
        "wrapWith" => wrap_with,
        _ => return None,
    })
}

fn initials(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    let text = call.text(0)?;
    let mut after_gap = true;
    let first = |byte: &u8| {
        let is_gap = char::from(*byte).is_whitespace();
        std::mem::replace(&mut after_gap, is_gap) && !is_gap
    };
    let initials = to_bytes(&text).iter().copied().filter(first).map(char::from).collect::<String>();
    Ok(Value::text(initials))
}

fn nospace(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    let text = call.text(0)?;
    let bytes = to_bytes(&text);
    let kept: String = bytes.iter().copied().map(char::from).filter(|c| !c.is_whitespace()).collect();
    Ok(if kept.chars().count() == bytes.len() { Value::Text(text) } else { Value::text(kept) })
}

/// `xstrings.ToPascalCase`: connectors go, and what follows one is a capital; a run of capitals keeps its first alone.
fn camelcase(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    let text: String = characters(&call.text(0)?).collect();
    let body = text.trim_start_matches(is_connector);
    let (leading, mut chars) = (text.len() - body.len(), body.chars());
    let Some(first) = chars.next() else {
        // The last of nothing but connectors stands there twice.
        return Ok(Value::text(text.chars().chain(text.chars().last()).collect::<String>()));
    };
    let mut out = text.get(..leading).unwrap_or_default().to_owned();
    let (mut in_capitals, mut current) = (letter::is_upper(first), letter::upper(first));
    for next in chars {
        let previous = std::mem::replace(&mut current, next);
        if is_connector(previous) && is_connector(current) {
            out.push(previous);
        } else if is_connector(previous) {
            in_capitals = letter::is_upper(current);
            current = letter::upper(current);
        } else {
            if in_capitals {
                in_capitals = letter::is_upper(current);
                current = letter::lower(current);
            }
            out.push(previous);
        }
    }
    out.push(current);
    Ok(Value::text(out))
}

fn snakecase(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    Ok(Value::text(lowered(&call.text(0)?, '_')))
}

fn kebabcase(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    Ok(Value::text(lowered(&call.text(0)?, '-')))
}

fn is_connector(c: char) -> bool {
    matches!(c, '-' | '_') || c.is_whitespace()
}

/// What a word of a name is made of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    /// There is none.
    End,
    Number,
    /// A capital, and what follows it.
    Capital,
    Letters,
    Connector,
    Punctuation,
    Other,
}

/// `xstrings.camelCaseToLowerCase`.
fn lowered(text: &str, connector: char) -> String {
    let mut out = String::new();
    let mut rest = text;
    let mut next = || {
        let (kind, word, after) = next_word(rest);
        rest = after;
        (kind, word, after.is_empty())
    };
    let joins = |kind: Word| !matches!(kind, Word::End | Word::Punctuation | Word::Connector);
    let in_word = |kind: Word| matches!(kind, Word::Letters | Word::Number);
    let (mut kind, mut word, mut at_end) = next();
    while !at_end {
        if kind != Word::Connector {
            print(&mut out, kind, word, connector);
        }
        let (before, last) = (kind, word);
        (kind, word, at_end) = next();
        match before {
            Word::Number => {
                while in_word(kind) {
                    print(&mut out, kind, word, connector);
                    (kind, word, at_end) = next();
                }
                out.extend(joins(kind).then_some(connector));
            }
            Word::Connector => print(&mut out, before, last, connector),
            Word::Punctuation => {}
            _ if kind != Word::Number => {
                out.extend((!matches!(kind, Word::Connector | Word::Punctuation)).then_some(connector));
            }
            _ if at_end => {}
            _ => {
                let number = word;
                (kind, word, at_end) = next();
                if kind != Word::Letters {
                    print(&mut out, Word::Number, number, connector);
                    out.extend((!matches!(kind, Word::Connector | Word::Punctuation)).then_some(connector));
                    continue;
                }
                // A number with small letters behind it is a word: `http_2xx`.
                out.push(connector);
                print(&mut out, Word::Number, number, connector);
                while in_word(kind) {
                    print(&mut out, kind, word, connector);
                    (kind, word, at_end) = next();
                }
                out.extend(joins(kind).then_some(connector));
            }
        }
    }
    print(&mut out, kind, word, connector);
    out
}

fn print(out: &mut String, kind: Word, word: &str, connector: char) {
    if !matches!(kind, Word::Capital | Word::Connector) {
        out.push_str(word);
        return;
    }
    out.extend(word.chars().map(|c| match c {
        c if is_connector(c) => connector,
        c if letter::is_upper(c) => letter::lower(c),
        c => c,
    }));
}

/// Letters but those of Chinese characters.
fn is_alphabetic(c: char) -> bool {
    let is_chinese = matches!(c, '\u{4e00}'..='\u{9fcc}' | '\u{3400}'..='\u{4d85}' | '\u{20000}'..='\u{2b81d}');
    c.is_alphabetic() && !is_chinese
}

fn is_punctuation(c: char) -> bool {
    static PUNCTUATION: LazyLock<Option<regex::Regex>> = LazyLock::new(|| regex::Regex::new(r"^\p{P}$").ok());
    match c.is_ascii() {
        true => c.is_ascii_punctuation() && !matches!(c, '$' | '+' | '<' | '=' | '>' | '^' | '`' | '|' | '~'),
        false => PUNCTUATION.as_ref().is_some_and(|regex| regex.is_match(c.encode_utf8(&mut [0; 4]))),
    }
}

/// The first word of a text, and what follows it.
fn next_word(text: &str) -> (Word, &str, &str) {
    let Some(first) = text.chars().next() else { return (Word::End, "", "") };
    let run = |fits: &dyn Fn(char) -> bool| text.find(|c| !fits(c)).unwrap_or(text.len());
    let is_small = |c: char| is_alphabetic(c) && !letter::is_upper(c);
    let (kind, end) = if is_connector(first) {
        (Word::Connector, run(&is_connector))
    } else if is_punctuation(first) {
        (Word::Punctuation, run(&is_punctuation))
    } else if letter::is_upper(first) {
        (Word::Capital, capital(text, first, is_small))
    } else if is_alphabetic(first) {
        (Word::Letters, run(&is_small))
    } else if first.is_numeric() {
        (Word::Number, run(&char::is_numeric))
    } else {
        let fits = |c: char| !(is_connector(c) || is_alphabetic(c) || c.is_numeric() || is_punctuation(c));
        (Word::Other, run(&fits))
    };
    let (word, rest) = text.split_at(end);
    (kind, word, rest)
}

/// The end of a word that begins with a capital: a run of them, of which the last one goes to the letters that follow, or
/// one with small letters.
fn capital(text: &str, first: char, is_small: impl Fn(char) -> bool) -> usize {
    let capitals = text.find(|c| !letter::is_upper(c)).unwrap_or(text.len());
    let follows = text.get(capitals..).and_then(|rest| rest.chars().next());
    if capitals > first.len_utf8() {
        let last = text.get(..capitals).and_then(|run| run.chars().last()).map_or(0, char::len_utf8);
        return if follows.is_some_and(is_alphabetic) { capitals - last } else { capitals };
    }
    let small = text.get(capitals..).unwrap_or_default();
    capitals + small.find(|c| !is_small(c)).unwrap_or(small.len())
}

fn wrap(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(2)?;
    let (width, text) = (call.int(0)?, call.text(1)?);
    Ok(wrapped(&text, width, "\n", LongWords::Keep))
}

fn wrap_with(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(3)?;
    let (width, separator, text) = (call.int(0)?, call.text(1)?, call.text(2)?);
    call.sized(text.len().saturating_mul(separator.len() + 1))?;
    let separator = if separator.is_empty() { "\n" } else { &*separator };
    Ok(wrapped(&text, width, separator, LongWords::Cut))
}

#[derive(PartialEq, Eq)]
enum LongWords {
    Keep,
    Cut,
}

/// `goutils.WrapCustom`.
fn wrapped(text: &str, width: i64, separator: &str, long_words: LongWords) -> Value {
    let width = usize::try_from(width).unwrap_or(1).max(1);
    let bytes = to_bytes(text);
    let mut out = Vec::new();
    let mut rest: &[u8] = &bytes;
    while rest.len() > width {
        if let Some(after) = rest.strip_prefix(b" ") {
            rest = after;
            continue;
        }
        let (head, tail) = rest.split_at(width);
        let space = rest.iter().take(width.saturating_add(1)).rposition(|byte| *byte == b' ');
        let (end, next) = match (space, &long_words) {
            (Some(at), _) => (at, at + 1),
            (None, LongWords::Cut) => (head.len(), head.len()),
            (None, LongWords::Keep) => match tail.iter().position(|byte| *byte == b' ') {
                Some(at) => (at + width, at + width + 1),
                None => break,
            },
        };
        out.extend_from_slice(rest.get(..end).unwrap_or_default());
        out.extend_from_slice(separator.as_bytes());
        rest = rest.get(next..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    Value::Text(from_bytes(&out))
}
