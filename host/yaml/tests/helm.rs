//! The same answers as Helm 3.19.0, recorded: `scalars.tsv` is `fromYaml (printf "v: %s" $scalar) | toJson` for each
//! scalar, `values.yaml` is `toYaml` of `values.json`.

#![allow(clippy::unwrap_used, reason = "a test")]

use rhumb_yaml::{Limits, first_value, to_string};
use serde_json::Value;

/// Helm's values hold nothing but 64-bit floats.
fn as_floats(value: &Value) -> Value {
    match value {
        Value::Number(number) => Value::from(number.as_f64().unwrap()),
        Value::Array(items) => items.iter().map(as_floats).collect(),
        Value::Object(object) => Value::Object(object.iter().map(|(k, v)| (k.clone(), as_floats(v))).collect()),
        other => other.clone(),
    }
}

#[test]
fn scalars_have_the_types_that_helm_gives_them() {
    let table = include_str!("helm/scalars.tsv");
    let mut wrong = Vec::new();
    for line in table.lines().filter(|line| !line.is_empty()) {
        let (scalar, expected) = line.split_once('\t').unwrap();
        let expected: Value = serde_json::from_str(expected).unwrap();
        match (first_value(&format!("v: {scalar}"), &Limits::default()), expected.get("Error")) {
            (Err(_), Some(_)) => {}
            (Ok(value), None) if as_floats(&value) == as_floats(&expected) => {}
            (got, _) => wrong.push(format!("{scalar}: {got:?} instead of {expected}")),
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(table.lines().count() > 100);
}

#[test]
fn values_are_written_as_to_yaml_writes_them() {
    let values: Value = serde_json::from_str(include_str!("helm/values.json")).unwrap();
    let expected = include_str!("helm/values.yaml").trim_end_matches('\n');
    let written = to_string(&as_floats(&values));
    for (ours, theirs) in written.trim_end_matches('\n').split('\n').zip(expected.split('\n')) {
        assert_eq!(ours, theirs);
    }
    assert_eq!(written.trim_end_matches('\n'), expected);
}
