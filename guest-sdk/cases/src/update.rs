//! Writes what a policy answered into a case file, and keeps every other byte.

use rhumb_yaml::{Kind, Layout, Limits, Node, documents};
use serde_json::Value;

use crate::{Error, Outcomes};

/// The file's text with the expectations of these cases replaced by what came; `None` when nothing differs.
///
/// Expectations are written in one line of JSON, which is YAML too. What stands in `defaults` or, for a table, in the
/// case itself stays there and is said again.
pub fn updated(text: &str, failed: &[&Outcomes]) -> Result<Option<String>, Error> {
    let documents = documents(text, &Limits::default())?;
    let Some(document) = documents.first() else { return Ok(None) };
    let mut edits = Vec::new();
    for outcomes in failed {
        let Some(case) = at(&document.root, &outcomes.place) else { continue };
        let expect = serde_json::to_value(&outcomes.found).unwrap_or(Value::Null).to_string();
        match (case.get("expect"), &case.kind) {
            (Some(node), _) => edits.push((node.span.clone(), expect)),
            (None, Kind::Mapping { layout: Layout::Flow, .. }) => {
                let end = case.span.end.saturating_sub(1);
                let comma = if case.entries().is_empty() { "" } else { ", " };
                edits.push((end..end, format!("{comma}\"expect\": {expect}")));
            }
            (None, _) => {
                let indent = case.entries().first().map_or(0, |(key, _)| column(text, key.span.start));
                let end = case.entries().last().map_or(case.span.end, |(_, value)| value.span.end);
                edits.push((end..end, format!("\n{}expect: {expect}", " ".repeat(indent))));
            }
        }
    }
    edits.sort_by_key(|(span, _)| std::cmp::Reverse(span.start));
    let mut result = text.to_owned();
    for (span, new) in edits {
        if result.get(span.clone()).is_some_and(|old| old != new) {
            result.replace_range(span, &new);
        }
    }
    Ok((result != text).then_some(result))
}

fn at<'a>(root: &'a Node, pointer: &str) -> Option<&'a Node> {
    pointer.split('/').skip(1).try_fold(root, |node, part| match part.parse::<usize>() {
        Ok(index) => node.items().get(index),
        Err(_) => node.get(part),
    })
}

/// How far a byte is from the beginning of its line.
fn column(text: &str, at: usize) -> usize {
    text.get(..at).map_or(0, |before| before.len() - before.rfind('\n').map_or(0, |line| line + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Answered, Case, File, Subject, run};

    struct Allows;

    impl Subject for Allows {
        fn ask(&self, _: &Case, _: u64) -> Answered {
            Answered { outcome: Some("allow".to_owned()), code: Some("fine".to_owned()), ..Answered::default() }
        }
    }

    #[test]
    fn replaces_expectations_and_keeps_the_rest() {
        let text = "cases:\n  # kept\n  - name: block   # here too\n    expect:\n      outcome: deny\n  \
                    - {name: flow, expect: {outcome: hold}}\n  - name: none\n    seed: 3\n\
                    # last\n";
        let file = File::parse(text).unwrap();
        let outcomes = run(&Allows, &file);
        let failed: Vec<&Outcomes> = outcomes.iter().filter(|one| !one.wrong.is_empty()).collect();
        assert_eq!(failed.len(), 3);
        let new = updated(text, &failed).unwrap().unwrap();
        let said = r#"{"outcome":"allow","code":"fine"}"#;
        assert_eq!(
            new,
            format!(
                "cases:\n  # kept\n  - name: block   # here too\n    expect:\n      {said}\n  \
                 - {{name: flow, expect: {said}}}\n  - name: none\n    seed: 3\n    expect: {said}\n# last\n"
            )
        );
        assert!(run(&Allows, &File::parse(&new).unwrap()).iter().all(|one| one.wrong.is_empty()));
    }
}
