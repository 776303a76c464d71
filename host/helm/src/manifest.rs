//! Rendered text as documents: split, parsed, told apart into objects and hooks.

use std::borrow::Cow;

use serde_json::Value;

use crate::error::Error;
use crate::record::{Hook, LastRun};
use crate::value::is_binary;

/// What is read of a document before it is applied.
const HEAD: [&str; 3] = ["apiVersion", "kind", "metadata"];

/// One rendered document.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// Template file: `<chart>/templates/<file>`.
    pub source: String,
    /// The document without surrounding blanks.
    pub text: String,
    head: Value,
    /// How many values it holds.
    pub(crate) nodes: usize,
}

impl Manifest {
    /// Its `apiVersion`, `kind` and `metadata`, typed; null for a document of nothing but comments.
    pub fn head(&self) -> &Value {
        &self.head
    }

    /// The document, typed. It is read again for each call: most documents of most releases are never looked into.
    ///
    /// Its last line is ended, as Kubernetes' reader of YAML does it: a block scalar there keeps its line break.
    pub fn value(&self) -> Value {
        let ended: Cow<'_, str> =
            if self.text.ends_with('\n') { self.text.as_str().into() } else { format!("{}\n", self.text).into() };
        // All of it was checked when the head was read.
        rhumb_yaml::first_value(&ended, &limits()).unwrap_or_default()
    }

    /// Its `kind`, or nothing.
    pub fn kind(&self) -> &str {
        match self.head.get("kind") {
            Some(Value::String(kind)) => kind,
            // Unquoted words such as `Off` are read as Helm reads them.
            Some(Value::Bool(true)) => "true",
            Some(Value::Bool(false)) => "false",
            _ => "",
        }
    }

    fn metadata(&self, key: &str) -> Option<&Value> {
        self.head.get("metadata")?.get(key)
    }

    fn annotation(&self, name: &str) -> Option<String> {
        let value = self.metadata("annotations")?.get(name)?;
        Some(scalar(value).unwrap_or_default())
    }
}

/// Reads a manifest as stored in a release record: documents with a `# Source:` line each.
pub fn parse_manifest(manifest: &str) -> Result<Vec<Manifest>, Error> {
    let mut manifests = Vec::new();
    for text in split(manifest) {
        let (source, body) = match text.strip_prefix("# Source: ") {
            Some(rest) => rest.split_once('\n').unwrap_or((rest, "")),
            None => ("", text),
        };
        manifests.push(parse(source, body)?);
    }
    Ok(manifests)
}

/// Parses one document; what comes behind its end is not looked at, as in Helm.
pub(crate) fn parse(file: &str, text: &str) -> Result<Manifest, Error> {
    let wrong = |source| Error::Rendered { file: file.to_owned(), source };
    if is_binary(text) {
        let line = 1 + text.lines().position(is_binary).unwrap_or(0);
        return Err(wrong(rhumb_yaml::Error { line, column: 1, message: "bytes that are no UTF-8".to_owned() }));
    }
    let rhumb_yaml::Part { value: head, nodes } = rhumb_yaml::first_part(text, &limits(), &HEAD).map_err(wrong)?;
    check_head(&head).map_err(|message| wrong(rhumb_yaml::Error { line: 1, column: 1, message }))?;
    Ok(Manifest { source: file.to_owned(), text: text.to_owned(), head, nodes })
}

/// Templates cannot print more than their own limit allows.
fn limits() -> rhumb_yaml::Limits {
    rhumb_yaml::Limits { bytes: usize::MAX, ..Default::default() }
}

/// What Helm looks at has to have the types that it expects; it takes numbers and booleans for text.
fn check_head(value: &Value) -> Result<(), String> {
    let text = |value: &Value, path: &str| match value {
        Value::Array(_) | Value::Object(_) => Err(format!("`{path}` is no text")),
        _ => Ok(()),
    };
    let map = |value: &Value, path: &str| match value {
        Value::Object(_) | Value::Null => Ok(()),
        _ => Err(format!("`{path}` is no map")),
    };
    if !matches!(value, Value::Object(_) | Value::Null) {
        return Err("it is no map, so no object of Kubernetes".to_owned());
    }
    text(field(value, "apiVersion"), "apiVersion")?;
    text(field(value, "kind"), "kind")?;
    let metadata = field(value, "metadata");
    map(metadata, "metadata")?;
    text(field(metadata, "name"), "metadata.name")?;
    let annotations = field(metadata, "annotations");
    map(annotations, "metadata.annotations")?;
    let entries = annotations.as_object().into_iter().flatten();
    entries.into_iter().try_for_each(|(key, value)| text(value, &format!("metadata.annotations.{key}")))
}

fn field<'v>(value: &'v Value, name: &str) -> &'v Value {
    value.get(name).unwrap_or(&Value::Null)
}

/// A scalar as text, as Helm's structs take it.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(bool) => Some(bool.to_string()),
        Value::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() => Some(rhumb_yaml::number::format_float(float)),
            _ => Some(number.to_string()),
        },
        _ => None,
    }
}

/// Helm's `SplitManifests`: cuts at the matches of `(?:^|\\s*\\n)---\\s*`, which never overlap, so that of two separators
/// in a row the second stays in the document.
pub(crate) fn split(text: &str) -> Vec<&str> {
    let blank = |c: char| matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{c}');
    let text = text.trim();
    let mut documents = Vec::new();
    let mut rest = text.strip_prefix("---").map_or(text, |rest| rest.trim_start_matches(blank));
    while let Some(at) = separator(rest) {
        let (before, after) = rest.split_at(at);
        documents.push(before.trim_end_matches(blank));
        rest = after.get(4..).unwrap_or_default().trim_start_matches(blank);
    }
    documents.push(rest);
    documents.into_iter().filter(|document| !document.is_empty()).map(str::trim).collect()
}

/// Where the first `\n---` stands.
fn separator(text: &str) -> Option<usize> {
    let mut from = 0;
    loop {
        // Looking for one character is much quicker than for a text of more.
        let at = from + text.get(from..)?.find('\n')?;
        from = at + 1;
        if text.get(from..)?.starts_with("---") {
            return Some(at);
        }
    }
}

/// What a document is for.
pub(crate) enum Sorted {
    Object(Manifest),
    Hook(Hook),
    /// A hook for an event that Helm does not know; Helm drops it too.
    Dropped,
}

/// Tells objects from hooks by the annotation `helm.sh/hook`.
pub(crate) fn sort(manifest: Manifest) -> Sorted {
    let Some(events) = manifest.annotation("helm.sh/hook") else { return Sorted::Object(manifest) };
    let words = |list: &str| -> Vec<String> { list.split(',').map(|word| word.trim().to_lowercase()).collect() };
    let events: Option<Vec<String>> = words(&events).iter().map(|event| known_event(event)).collect();
    let Some(events) = events else { return Sorted::Dropped };
    let list = |name: &str| manifest.annotation(name).map(|text| words(&text)).unwrap_or_default();
    let weight = manifest.annotation("helm.sh/hook-weight").unwrap_or_default();
    Sorted::Hook(Hook {
        name: manifest.metadata("name").and_then(scalar).unwrap_or_default(),
        kind: manifest.kind().to_owned(),
        path: manifest.source.clone(),
        events,
        last_run: LastRun::default(),
        weight: weight.strip_prefix('+').unwrap_or(&weight).parse().unwrap_or(0),
        delete_policies: list("helm.sh/hook-delete-policy"),
        output_log_policies: list("helm.sh/hook-output-log-policy"),
        manifest: manifest.text,
    })
}

fn known_event(event: &str) -> Option<String> {
    match event {
        "pre-install" | "post-install" | "pre-delete" | "post-delete" | "pre-upgrade" | "post-upgrade"
        | "pre-rollback" | "post-rollback" | "test" => Some(event.to_owned()),
        // Helm 2's name.
        "test-success" => Some("test".to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_at_separators_at_the_start_of_a_line() {
        assert_eq!(
            split("---\na: 1\n---\n\n---\nb: ---\n---   \nc: |\n  ---\n"),
            ["a: 1", "---\nb: ---", "c: |\n  ---"]
        );
        assert_eq!(split("a: 1\n\n--- # x\nb: 1"), ["a: 1", "# x\nb: 1"]);
        assert_eq!(split("\n\n"), Vec::<&str>::new());
    }

    #[test]
    fn a_document_is_checked_whole_and_read_when_it_is_asked_for() {
        let manifest = parse("c/a.yaml", "kind: A\nmetadata: {name: a}\nspec:\n- 1\n").unwrap();
        assert_eq!(manifest.head(), &serde_json::json!({"kind": "A", "metadata": {"name": "a"}}));
        assert_eq!(manifest.value()["spec"], serde_json::json!([1]));
        assert!(parse("c/a.yaml", "kind: A\nspec: {a: .nan}\n").is_err());
        assert!(parse("c/a.yaml", "kind: A\nspec: {a: *b}\n").is_err());
        assert!(parse("c/a.yaml", "- a\n").is_err());
        assert_eq!(parse("c/a.yaml", "# nothing").unwrap().head(), &Value::Null);
    }

    #[test]
    fn the_last_line_of_a_document_is_ended() {
        let data = |text: &str| parse("c/a.yaml", text).unwrap().value()["data"].clone();
        assert_eq!(data("kind: A\ndata: |\n  x"), "x\n");
        assert_eq!(data("kind: A\ndata: |+\n  x"), "x\n");
        assert_eq!(data("kind: A\ndata: |-\n  x"), "x");
        assert_eq!(data("kind: A\ndata: |+\n  x\n\n"), "x\n\n");
    }

    #[test]
    fn reads_back_what_a_record_stores() {
        let manifests =
            parse_manifest("---\n# Source: c/templates/a.yaml\nkind: A\n---\n# Source: c/b.yaml\nkind: B\n").unwrap();
        let read: Vec<_> = manifests.iter().map(|one| (one.source.as_str(), one.kind(), one.text.as_str())).collect();
        assert_eq!(read, [("c/templates/a.yaml", "A", "kind: A"), ("c/b.yaml", "B", "kind: B")]);
    }
}
