//! Reads one YAML document into JSON: CRDs given at start, `Chart.yaml`, and apply patches that come as YAML.
//!
//! Scalars follow the core schema of YAML 1.2. Rhumb's own reader, which follows Go's rules to the letter, is not used:
//! what is embedded must not share a defect with what it tests.

use libyaml_safer::{Document, NodeData, Parser, ScalarStyle};
use serde_json::{Map, Value};

const MAX_DEPTH: usize = 100;
const MAX_NODES: usize = 500_000;

/// Why a text is not one YAML document.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Not YAML.
    #[error("failed to read YAML: {0}")]
    Syntax(String),
    /// Too deep or, after aliases, too large.
    #[error("YAML is deeper than {MAX_DEPTH} levels or larger than {MAX_NODES} nodes")]
    TooLarge,
}

/// All documents of the text that are not empty.
pub(crate) fn documents(text: &str) -> Result<Vec<Value>, Error> {
    let mut input = text.as_bytes();
    let mut parser = Parser::new();
    parser.set_input_string(&mut input);
    let mut values = Vec::new();
    loop {
        let document = Document::load(&mut parser).map_err(|e| Error::Syntax(e.to_string()))?;
        if document.nodes.is_empty() {
            return Ok(values);
        }
        let mut budget = MAX_NODES;
        let value = convert(&document, 1, MAX_DEPTH, &mut budget)?;
        if !value.is_null() {
            values.push(value);
        }
    }
}

/// The first document of the text, or null.
pub(crate) fn from_str(text: &str) -> Result<Value, Error> {
    Ok(documents(text)?.into_iter().next().unwrap_or(Value::Null))
}

fn convert(document: &Document, index: i32, depth: usize, budget: &mut usize) -> Result<Value, Error> {
    let depth = depth.checked_sub(1).ok_or(Error::TooLarge)?;
    *budget = budget.checked_sub(1).ok_or(Error::TooLarge)?;
    let Some(node) = document.get_node(index) else { return Ok(Value::Null) };
    Ok(match &node.data {
        NodeData::NoNode => Value::Null,
        NodeData::Scalar { value, style: ScalarStyle::Plain | ScalarStyle::Any } => plain(value),
        NodeData::Scalar { value, .. } => Value::String(value.clone()),
        NodeData::Sequence { items, .. } => {
            let items: Result<_, Error> = items.iter().map(|item| convert(document, *item, depth, budget)).collect();
            Value::Array(items?)
        }
        NodeData::Mapping { pairs, .. } => {
            let mut map = Map::new();
            for pair in pairs {
                let key = match document.get_node(pair.key).map(|n| &n.data) {
                    Some(NodeData::Scalar { value, .. }) => value.clone(),
                    _ => return Err(Error::Syntax("a key is not a scalar".into())),
                };
                map.insert(key, convert(document, pair.value, depth, budget)?);
            }
            Value::Object(map)
        }
    })
}

fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    if let Ok(number) = text.parse::<i64>() {
        return number.into();
    }
    let numeric = text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.'));
    match text.parse::<f64>() {
        Ok(number) if numeric && number.is_finite() => number.into(),
        _ => Value::String(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_scalars_collections_and_aliases() {
        let value = from_str("a: &x {b: 1, c: '1'}\nd: *x\ne: [true, ~, 1.5, v1]\n").unwrap();
        let expected =
            serde_json::json!({"a": {"b": 1, "c": "1"}, "d": {"b": 1, "c": "1"}, "e": [true, null, 1.5, "v1"]});
        assert_eq!(value, expected);
    }

    #[test]
    fn reads_several_documents_and_refuses_broken_ones() {
        assert_eq!(documents("---\na: 1\n---\n---\nb: 2\n").unwrap().len(), 2);
        assert!(from_str("a: [").is_err());
    }
}
