//! Checks values against `values.schema.json`.

use std::sync::OnceLock;

use jsonschema::{PatternOptions, Validator};
use serde_json::Value as Json;

use crate::chart::Live;
use crate::error::Error;
use crate::value::{Value, to_json};

/// What is told of one chart's values; Helm tells all, which nobody reads.
const TOLD: usize = 10;

/// A `values.schema.json`. It is compiled when values are first checked, and never again.
#[derive(Debug)]
pub(crate) struct Schema {
    /// The file.
    pub(crate) data: Vec<u8>,
    compiled: OnceLock<Result<Validator, String>>,
}

impl From<Vec<u8>> for Schema {
    fn from(data: Vec<u8>) -> Self {
        Self { data, compiled: OnceLock::new() }
    }
}

impl Schema {
    /// What checks values, or what is wrong with the file.
    fn validator(&self) -> Result<&Validator, &str> {
        self.compiled.get_or_init(|| compile(&self.data)).as_ref().map_err(String::as_str)
    }
}

fn compile(data: &[u8]) -> Result<Validator, String> {
    let schema: Json = serde_json::from_slice(data).map_err(|error| format!("is no JSON: {error}"))?;
    let validator = jsonschema::options().with_pattern_options(PatternOptions::regex()).build(&schema);
    validator.map_err(|error| match outside(&schema) {
        Some(reference) => format!("refers to `{reference}`, which is outside of it; put what it says into the file"),
        None => format!("is no schema that can be used: {error}"),
    })
}

/// Checks the values of a chart and its sub-charts, as they are after coalescing.
pub(crate) fn check(chart: &Live, values: &Value) -> Result<(), Error> {
    let mut problems = Vec::new();
    collect(chart, values, &mut problems)?;
    if problems.is_empty() { Ok(()) } else { Err(Error::Schema { problems }) }
}

fn collect(chart: &Live, values: &Value, problems: &mut Vec<String>) -> Result<(), Error> {
    let name = chart.metadata.name.as_str();
    if let Some(schema) = &chart.schema {
        let wrong = |message| Error::chart(name, format!("values.schema.json {message}"));
        let validator = schema.validator().map_err(wrong)?;
        let values =
            to_json(values).map_err(|reason| Error::Values { chart: name.to_owned(), message: reason.into() })?;
        for error in validator.iter_errors(&values).take(TOLD) {
            let place = error.instance_path().to_string();
            let place = if place.is_empty() { "the values".to_owned() } else { format!("`{place}`") };
            problems.push(format!("{name}: at {place}: {}", shorten(&error.to_string())));
        }
    }
    for child in &chart.children {
        let inner = match values {
            Value::Map(values) | Value::Values(values) => values.get(&child.metadata.name),
            _ => Value::Nil,
        };
        collect(child, &inner, problems)?;
    }
    Ok(())
}

/// The first `$ref` that does not lead into the schema itself.
fn outside(schema: &Json) -> Option<&str> {
    match schema {
        Json::Array(items) => items.iter().find_map(outside),
        Json::Object(object) => object.iter().find_map(|(key, value)| match (key.as_str(), value) {
            ("$ref", Json::String(reference)) if !reference.starts_with('#') => Some(reference.as_str()),
            (_, value) => outside(value),
        }),
        _ => None,
    }
}

/// Values may be long, and secret: what is told of them is short.
fn shorten(text: &str) -> String {
    let short: String = text.chars().take(200).collect();
    if short.len() < text.len() { short + "…" } else { short }
}
