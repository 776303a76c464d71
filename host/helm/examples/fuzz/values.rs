//! The values of a case: what its template names, in a document with the oddities of YAML.

use crate::calls::Kind;
use crate::tape::Tape;

/// Keys of `.Values` and what they hold.
pub(crate) const ALL: [(&str, Kind); 12] = [
    ("s1", Kind::Text),
    ("s2", Kind::Text),
    ("i1", Kind::Number),
    ("i2", Kind::Number),
    ("f1", Kind::Float),
    ("b1", Kind::Bool),
    ("l1", Kind::List),
    ("l2", Kind::List),
    ("m1", Kind::Map),
    ("m2", Kind::Map),
    ("x1", Kind::Any),
    ("x2", Kind::Any),
];

const TEXTS: &[&str] = &[
    "a",
    "\"\"",
    "hello world",
    "\"é\"",
    "日本語",
    "\"a\\nb\\n\"",
    "'it''s'",
    "\"1\"",
    "\"true\"",
    "\"null\"",
    "\"0x1F\"",
    "\" pad \"",
    "a-b_c.d",
    "\"😀\"",
    "\"a: b\"",
    "\"# c\"",
    "\"2020-01-01\"",
    "\"{{ . }}\"",
    "foo/bar:1.2",
    "\"\\u2028\"",
    "\"\\0\"",
    "\"1e3\"",
    "\"\\t\"",
    "\"<&>\"",
    "'%d'",
];
const NUMBERS: &[&str] = &[
    "1",
    "0",
    "-1",
    "3",
    "42",
    "80",
    "1000000",
    "2147483648",
    "9007199254740993",
    "9223372036854775807",
    "12345678901234567890",
    "-9223372036854775808",
    "0755",
    "0x1F",
    "0o17",
    "1_000",
    "100000000000000000000000",
    "-0",
    "+1",
    "0b11",
];
const FLOATS: &[&str] = &[
    "1.5",
    "0.1",
    "-2.5",
    "1e3",
    "1.0",
    "1e21",
    "1e-7",
    ".5",
    "3.14159265358979",
    "1E+2",
    "123456.789",
    "1e300",
    "0.30000000000000004",
];
const OTHERS: &[&str] = &["null", "~", "true", "no", "2020-01-01", "12:30", "!!str 1", "yes", "on", "1.2.3"];

/// A document with the keys that a template names.
pub(crate) fn document(tape: &mut Tape, template: &str) -> String {
    let named = ALL.iter().filter(|(key, _)| template.contains(&format!(".Values.{key}")));
    named.map(|(key, kind)| format!("{key}: {}\n", value(tape, *kind, 0))).collect()
}

fn value(tape: &mut Tape, kind: Kind, depth: usize) -> String {
    match kind {
        Kind::Text => tape.pick(TEXTS).to_owned(),
        Kind::Number => tape.pick(NUMBERS).to_owned(),
        Kind::Float => tape.pick(FLOATS).to_owned(),
        Kind::Bool => tape.pick(&["true", "false"]).to_owned(),
        Kind::List => {
            let items: Vec<String> = (0..tape.below(4)).map(|_| any(tape, depth + 1)).collect();
            format!("[{}]", items.join(", "))
        }
        Kind::Map => {
            let keys = &["a", "b", "k-1", "\"\"", "é", "1", "A"];
            let mut entries: Vec<(&str, String)> = Vec::new();
            for _ in 0..tape.below(4) {
                let key = tape.pick(keys);
                if entries.iter().all(|(known, _)| *known != key) {
                    entries.push((key, any(tape, depth + 1)));
                }
            }
            let entries: Vec<String> = entries.into_iter().map(|(key, value)| format!("{key}: {value}")).collect();
            format!("{{{}}}", entries.join(", "))
        }
        _ => any(tape, depth),
    }
}

fn any(tape: &mut Tape, depth: usize) -> String {
    let kinds = [Kind::Number, Kind::Text, Kind::Bool, Kind::Float, Kind::List, Kind::Map];
    // The last choice is one of its own.
    match tape.below(if depth > 2 { 4 } else { kinds.len() + 1 }) {
        at if at < kinds.len() => value(tape, kinds[at], depth),
        _ => tape.pick(OTHERS).to_owned(),
    }
}
