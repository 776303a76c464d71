//! Expressions and what Helm 3.19.0 prints for them, recorded in `data/functions.tsv`; `null` is an error. Helm takes
//! `<no value>` out of what a file prints, which the recording did not see.

#![allow(clippy::unwrap_used, reason = "a test")]

mod charts;

use charts::{file, render};
use rhumb_helm::Error;

fn print(expression: &str) -> Result<String, Error> {
    let metadata =
        "apiVersion: v2\nname: c\nversion: 0.1.0\nappVersion: 1.10\nkeywords: [a, b]\nannotations:\n  x: y\n";
    let files = vec![
        file("Chart.yaml", metadata),
        file("values.yaml", "a: 1\n"),
        file("files/a.txt", "line1\nline2\n"),
        file("files/b.bin", "bb"),
        file("templates/NOTES.txt", &format!("{{{{ {expression} }}}}")),
    ];
    Ok(render(files, "")?.notes)
}

#[test]
fn functions_and_statements_print_what_helm_prints() {
    let table = include_str!("data/functions.tsv");
    let mut wrong = Vec::new();
    let mut count = 0;
    for line in table.lines() {
        count += 1;
        let (expression, expected) = line.rsplit_once('\t').unwrap();
        let expected: Option<String> = serde_json::from_str(expected).unwrap();
        match (print(expression), expected) {
            (Ok(text), Some(expected)) if text == expected.replace("<no value>", "") => {}
            (Err(_), None) => {}
            (got, expected) => wrong.push(format!("{expression}\n  ours: {got:?}\n  helm: {expected:?}")),
        }
    }
    assert!(wrong.is_empty(), "{} of {count} differ:\n{}", wrong.len(), wrong.join("\n"));
}
