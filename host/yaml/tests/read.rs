//! What texts mean, and where their values stand.

#![allow(clippy::unwrap_used, reason = "a test")]

use proptest::prelude::*;
use rhumb_yaml::{Kind, Limits, Style, documents, from_str, scalar, to_string};
use serde_json::{Value, json};

fn spans(text: &str) -> Vec<(String, String, usize)> {
    fn walk(text: &str, node: &rhumb_yaml::Node, out: &mut Vec<(String, String, usize)>) {
        for (key, value) in node.entries() {
            let name = key.as_str().unwrap().to_owned();
            if value.entries().is_empty() && value.items().is_empty() {
                out.push((name, text[value.span.clone()].to_owned(), value.line));
            }
            walk(text, value, out);
        }
        node.items().iter().for_each(|item| walk(text, item, out));
    }
    let mut out = Vec::new();
    documents(text, &Limits::default()).unwrap().iter().for_each(|document| walk(text, &document.root, &mut out));
    out
}

#[test]
fn spans_hold_the_value_and_nothing_else() {
    let text = "\u{feff}# köpf\r\na: plain # c\r\nb: 'sin''gle' # c\r\nc: &x \"dou\\\"ble\"\nd: !!str 12\ne:\nf: &y\n\
                g: [x, {tag: 1.0}, \"ü\"] # c\nh: |-\n  line\n  two\n\n# after\ni: !<tag:x> &z   # comment\n  far\nj: *x\n";
    let found = spans(text);
    let expected = [
        ("a", "plain", 2),
        ("b", "'sin''gle'", 3),
        ("c", "\"dou\\\"ble\"", 4),
        ("d", "12", 5),
        ("e", "", 6),
        ("f", "", 7),
        ("tag", "1.0", 8),
        ("h", "|-\n  line\n  two", 9),
        ("i", "far", 15),
        ("j", "*x", 16),
    ];
    let found: Vec<_> = found.iter().map(|(key, value, line)| (key.as_str(), value.as_str(), *line)).collect();
    assert_eq!(found, expected);
}

#[test]
fn spans_of_collections_end_with_their_last_value() {
    let text = "a:\n  - b: 1\n    c: [1,\n 2] # x\n\n# y\nd: &k\n  e: f\n---\nsecond: {x: y}\n...\n";
    let documents = documents(text, &Limits::default()).unwrap();
    let part = |node: &rhumb_yaml::Node| text[node.span.clone()].to_owned();
    let first = &documents[0].root;
    assert_eq!(part(first.get("a").unwrap()), "- b: 1\n    c: [1,\n 2]");
    assert_eq!(part(first.get("d").unwrap()), "e: f");
    assert_eq!(part(documents[1].root.get("second").unwrap()), "{x: y}");
    assert_eq!(documents[1].root.line, 10);
}

#[test]
fn empty_documents_are_left_out() {
    let documents = documents("---\n# nothing\n---\na: 1\n---\n---\n", &Limits::default()).unwrap();
    assert_eq!(documents.len(), 1);
    assert_eq!(from_str("").unwrap(), Value::Null);
    assert_eq!(from_str("# c\n").unwrap(), Value::Null);
}

#[test]
fn merge_keys_and_aliases_are_expanded() {
    let text =
        "base: &b {x: 1, k: 2}\nother: &o {z: 3}\na:\n  <<: *b\n  k: 9\nb:\n  <<: [*b, *o]\nc: *b\nd: {\"<<\": 1}\n";
    let value = from_str(text).unwrap();
    assert_eq!(value["a"], json!({"x": 1, "k": 9}));
    assert_eq!(value["b"], json!({"z": 3, "x": 1, "k": 2}));
    assert_eq!(value["c"], json!({"x": 1, "k": 2}));
    assert_eq!(value["d"], json!({"<<": 1}));
}

#[test]
fn keys_are_typed_before_they_become_strings() {
    let value = from_str("n: 1\ny: 2\n0x10: 3\n1.50: 4\n2020-01-02: 5\n").unwrap();
    assert_eq!(value, json!({"false": 1, "true": 2, "16": 3, "1.5": 4, "2020-01-02": 5}));
}

#[test]
fn what_json_cannot_hold_is_refused_with_its_line() {
    for (text, line, words) in [
        ("a: 1\nb: 2\na: 3\n", 3, "already set"),
        ("a: .nan\n", 1, "JSON"),
        ("\n~: 1\n", 2, "null cannot be a key"),
        ("a: *b\n", 1, "unknown anchor"),
        ("a: &a [*a]\n", 1, "too deep"),
        ("a: !!int x\n", 1, "!!int"),
        ("a: b: c\n", 1, "mapping values"),
        ("a: 1\n---\nb: 1\n", 3, "second document"),
        ("a: [1\nb: 2", 2, "expected"),
    ] {
        let error = from_str(text).unwrap_err();
        assert_eq!(error.line, line, "{text}: {error}");
        assert!(error.message.contains(words), "{text}: {error}");
    }
}

#[test]
fn block_scalars_may_end_with_the_text() {
    for (text, value) in [
        ("a: |\n  x", "x"),
        ("a: |\n  x\n", "x\n"),
        ("a: |+\n  x", "x"),
        ("a: |+\n  x\n  ", "x\n"),
        ("a: |\n  x\n  ", "x\n"),
        ("a: |\n  x\n    ", "x\n  "),
        ("a: |-\n  x", "x"),
        ("a: >\n  x\n  y", "x y"),
        ("a: |", ""),
        ("a: >-\n", ""),
    ] {
        assert_eq!(from_str(text).unwrap(), json!({ "a": value }), "{text:?}");
        assert!(spans(text)[0].1.starts_with(['|', '>']));
    }
}

#[test]
fn hostile_texts_are_bounded() {
    let limits = Limits { bytes: 1000, depth: 20, nodes: 50 };
    assert!(documents(&"a".repeat(1001), &limits).unwrap_err().message.contains("`bytes` of 1000"));
    assert!(documents(&"[".repeat(999), &limits).unwrap_err().message.contains("nested deeper"));
    assert!(documents(&"- ".repeat(400), &limits).unwrap_err().message.contains("nested deeper"));
    assert!(
        documents(&"- a\n".repeat(60), &limits)
            .unwrap_err()
            .message
            .contains("more values than the limit `nodes` of 50 allows")
    );
    let bomb = "a: &a [x,x,x,x]\nb: &b [*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b]\nd: [*c,*c,*c,*c]\n";
    let document = &documents(bomb, &limits).unwrap()[0];
    assert!(rhumb_yaml::to_json(document, &limits).unwrap_err().message.contains("aliases stand for"));
    let deep = "[".repeat(1 << 20);
    assert!(documents(&deep, &Limits::default()).is_err());
}

#[test]
fn scalars_are_quoted_when_a_reader_would_see_another_type() {
    for text in [
        "1.0",
        "2",
        "on",
        "y",
        "0755",
        "0o17",
        "1:30",
        "1_000",
        "1e10",
        "2019-01-01",
        "null",
        "~",
        "",
        "0x1F",
        "a: b",
        "a #b",
        "- a",
        "@x",
        "true",
        ".5",
        "1_0.5",
        "=",
        "<<",
        "a,b",
        "0b11",
        "089",
        "2001-12-14t21:59:43.10-05:00",
        " x",
        "x ",
        "'x",
        "[a",
        "12e03",
    ] {
        let printed = scalar(text, Style::Plain);
        assert!(printed.starts_with('\''), "{text} is printed as {printed}");
        assert_eq!(from_str(&printed).unwrap(), json!(text));
        assert_eq!(from_str(&scalar(text, Style::DoubleQuoted)).unwrap(), json!(text));
    }
    for text in ["0.4.11", "dev-kb9lm91e", "v1.2.3", "ghcr.io/a/b:1.0", "latest", "1.0-rc1", "a b", "x_1", "sha256:ab"]
    {
        assert_eq!(scalar(text, Style::Plain), text);
        assert_eq!(scalar(text, Style::SingleQuoted), format!("'{text}'"));
    }
    assert_eq!(scalar("a\nb", Style::SingleQuoted), "\"a\\nb\"");
}

fn any_json() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        any::<String>(),
        "[ -~\n\t]{0,120}",
        "[a-z0-9:#'\"\\-\\. ]{0,12}",
        Just("yes".to_owned()),
        Just("0755".to_owned()),
        Just("\n \n".to_owned()),
        Just("a\n\n".to_owned()),
        Just("  a\nb".to_owned()),
        Just("word ".repeat(40)),
    ];
    let number = prop_oneof![any::<i64>().prop_map(Value::from), any::<u64>().prop_map(Value::from)];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        number,
        text.clone().prop_map(Value::String)
    ];
    leaf.prop_recursive(5, 60, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            prop::collection::vec((text.clone(), inner), 0..6)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_reads_back(value in any_json()) {
        let text = to_string(&value);
        prop_assert_eq!(from_str(&text).map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?, value);
    }

    #[test]
    fn scalars_read_back_in_every_place(text in prop_oneof![any::<String>(), "[a-c0-9:.,\\-?#&*!|>'\"%@` \t_{}\\[\\]]{0,8}"], style in 0usize..3) {
        let style = [Style::Plain, Style::SingleQuoted, Style::DoubleQuoted][style];
        let printed = scalar(&text, style);
        prop_assert_eq!(from_str(&format!("k: {printed} # c\n")).unwrap(), json!({"k": text}));
        prop_assert_eq!(from_str(&format!("[{printed}, {{k: {printed}}}]")).unwrap(), json!([text, {"k": text}]));
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "[\\-\\[\\]{}:,#&*!|>'\"%@`?\\. \n\ta-c0-9\u{85}é]{0,60}") {
        if let Ok(documents) = documents(&text, &Limits::default()) {
            for document in &documents {
                let _ = rhumb_yaml::to_json(document, &Limits::default());
                prop_assert!(text.get(document.root.span.clone()).is_some());
                if let Kind::Scalar { value, style: Style::Plain } = &document.root.kind {
                    prop_assert!(value.len() <= text.len());
                }
            }
        }
    }
}
