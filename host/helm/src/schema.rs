//! Checks values against `values.schema.json`.

use jsonschema::PatternOptions;
use serde_json::Value as Json;

use crate::chart::Node;
use crate::error::Error;
use crate::value::{Value, to_json};

/// What is told of one chart's values; Helm tells all, which nobody reads.
const TOLD: usize = 10;

/// Checks the values of a chart and its sub-charts, as they are after coalescing.
pub(crate) fn check(chart: &Node, values: &Value) -> Result<(), Error> {
    let mut problems = Vec::new();
    collect(chart, values, &mut problems)?;
    if problems.is_empty() { Ok(()) } else { Err(Error::Schema { problems }) }
}

fn collect(chart: &Node, values: &Value, problems: &mut Vec<String>) -> Result<(), Error> {
    let name = chart.metadata.name.as_str();
    if let Some(schema) = &chart.schema {
        let wrong = |message: String| Error::chart(name, format!("values.schema.json {message}"));
        let schema: Json = serde_json::from_slice(schema).map_err(|error| wrong(format!("is no JSON: {error}")))?;
        let values = to_json(values).map_err(|message| Error::Values { chart: name.to_owned(), message })?;
        let validator = jsonschema::options().with_pattern_options(PatternOptions::regex()).build(&schema);
        let validator = validator.map_err(|error| match outside(&schema) {
            Some(reference) => {
                wrong(format!("refers to `{reference}`, which is outside of it; put what it says into the file"))
            }
            None => wrong(format!("is no schema that can be used: {error}")),
        })?;
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
