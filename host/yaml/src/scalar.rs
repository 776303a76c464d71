//! One string as a scalar, for a place where another one stood.

use crate::Style;
use crate::emit::{Analysis, escape, needs_quotes};
use crate::resolve::{is_timestamp, is_yaml_float};

/// Prints a string in the style of the scalar that it replaces.
///
/// Quotes are added where the plain form would be anything but this string to a reader of YAML 1.1 or 1.2, in a block or
/// in a flow collection. A block style (`|`, `>`) has no meaning without its indentation, so there the plain form is
/// used, or quotes where it needs them.
pub fn scalar(text: &str, like: Style) -> String {
    let analysis = Analysis::of(text);
    let one_line = analysis.single_quoted && !analysis.multiline;
    // Whoever puts the text in a file does not know whether it stands in a flow collection.
    let fits_flow = !text.contains([',', '[', ']', '{', '}', '?']) && !text.starts_with(':');
    let plain = analysis.plain_in_block && fits_flow && !is_ambiguous(text);
    match like {
        Style::Plain | Style::Literal | Style::Folded if plain => text.to_owned(),
        Style::DoubleQuoted => double_quoted(text),
        _ if one_line => format!("'{}'", text.replace('\'', "''")),
        _ => double_quoted(text),
    }
}

fn double_quoted(text: &str) -> String {
    let inside = text.chars().map(|c| match c {
        '"' | '\\' => escape(c),
        ' '..='~' | '\u{a0}'..='\u{2027}' | '\u{202a}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' => c.to_string(),
        _ => escape(c),
    });
    format!("\"{}\"", inside.collect::<String>())
}

/// Whether some reader takes the plain form for another type than a string. Wider than any one of them: YAML 1.1 and 1.2
/// differ, and libraries differ from both.
fn is_ambiguous(text: &str) -> bool {
    let compact = text.replace('_', "");
    let date = text.get(..10).is_some_and(is_timestamp);
    needs_quotes(text)
        || needs_quotes(&compact)
        || date
        || is_yaml_float(&compact)
        || matches!(text, "=" | "<<")
        || is_exotic_number(&compact)
}

/// Numbers with a base that only some readers know, and `1.2.e3`-like forms of YAML 1.1.
fn is_exotic_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let digits = |prefix: &[&str], fits: fn(&u8) -> bool| {
        prefix.iter().any(|prefix| {
            unsigned.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty() && rest.as_bytes().iter().all(fits))
        })
    };
    digits(&["0x", "0X"], u8::is_ascii_hexdigit)
        || digits(&["0o", "0O"], u8::is_ascii_digit)
        || digits(&["0b", "0B"], u8::is_ascii_digit)
}
