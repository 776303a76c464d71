//! A file of cases: defaults and tables filled in.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use crate::Case;

/// Most cases of one file.
const CASES: usize = 100_000;

/// A file of cases, ready to be asked.
#[derive(Clone, Debug)]
pub struct File {
    /// What the cases show.
    pub about: String,
    /// The cases in order, one for each row of a table.
    pub cases: Vec<Case>,
}

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is not YAML.
    #[error("failed to read cases")]
    Yaml(#[from] rhumb_yaml::Error),
    /// It is not of the form of a case file.
    #[error("failed to read cases: {0}")]
    Form(serde_json::Error),
    /// One of its cases is not of the form.
    #[error("failed to read the case at `{place}`: {why}")]
    Case {
        /// JSON Pointer to it.
        place: String,
        /// What is wrong.
        why: String,
    },
    /// More cases than anybody meant.
    #[error("failed to read cases: more than {CASES}")]
    TooMany,
    /// A folder cannot be read.
    #[error("failed to read `{}`", path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A folder has none.
    #[error("no case file found in `{}`", .0.display())]
    None(PathBuf),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    #[serde(default)]
    about: String,
    /// What every case has unless it says otherwise.
    #[serde(default)]
    defaults: Value,
    cases: Vec<Value>,
}

impl File {
    /// Reads a text, YAML or JSON.
    pub fn parse(text: &str) -> Result<Self, Error> {
        Self::from_value(rhumb_yaml::from_str(text)?)
    }

    /// Reads what a text or a policy's examples say.
    pub fn from_value(value: Value) -> Result<Self, Error> {
        let raw: Raw = serde_json::from_value(value).map_err(Error::Form)?;
        let mut cases = Vec::new();
        for (at, value) in raw.cases.into_iter().enumerate() {
            let place = format!("/cases/{at}");
            let mut case = raw.defaults.clone();
            merge(&mut case, value);
            let table = case.as_object_mut().and_then(|case| case.shift_remove("table"));
            match table {
                None => cases.push(Case::read(case, place)?),
                Some(Value::Array(rows)) => {
                    for (row, value) in rows.into_iter().enumerate() {
                        cases.push(of_row(&case, (row, value), &place)?);
                    }
                }
                Some(_) => return Err(Error::Case { place, why: "a table is a list of rows".to_owned() }),
            }
            if cases.len() > CASES {
                return Err(Error::TooMany);
            }
        }
        Ok(Self { about: raw.about, cases })
    }
}

/// A case with a row of its table filled in; its name says which row.
fn of_row(case: &Value, (row, mut value): (usize, Value), place: &str) -> Result<Case, Error> {
    let name = value.as_object_mut().and_then(|row| row.shift_remove("name"));
    let name = name.as_ref().and_then(Value::as_str).map_or_else(|| (row + 1).to_string(), str::to_owned);
    let mut filled = case.clone();
    merge(&mut filled, value);
    let mut case = Case::read(filled, format!("{place}/table/{row}"))?;
    case.name = format!("{}: {name}", case.name);
    Ok(case)
}

/// Lays one value over another: maps key by key, everything else replaced.
fn merge(base: &mut Value, over: Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (key, value) in over {
                merge(base.entry(key).or_insert(Value::Null), value);
            }
        }
        (base, over) => *base = over,
    }
}

/// The case files of a folder, by name.
pub fn paths(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let failed = |source| Error::Folder { path: folder.to_owned(), source };
    let entries = std::fs::read_dir(folder).map_err(failed)?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>, _>>().map_err(failed)?;
    paths.retain(|path| {
        let ending = path.extension().and_then(|ending| ending.to_str());
        matches!(ending, Some("json" | "yaml" | "yml"))
    });
    paths.sort();
    if paths.is_empty() { Err(Error::None(folder.to_owned())) } else { Ok(paths) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_and_rows_are_laid_over_one_another() {
        let file = File::parse(
            "defaults: {environment: prod, config: {a: 1, b: 1}}\n\
             cases:\n- name: one\n  config: {b: 2}\n- name: many\n  expect: {outcome: allow}\n  table:\n  \
             - {config: {a: 3}}\n  - {name: last, environment: dev, expect: {code: x}}\n",
        );
        let cases = file.map(|file| file.cases).unwrap_or_default();
        let seen: Vec<_> = cases
            .iter()
            .map(|case| format!("{} {} {} {:?}", case.name, case.place, case.config, case.environment.as_deref()))
            .collect();
        assert_eq!(
            seen,
            [
                r#"one /cases/0 {"a":1,"b":2} Some("prod")"#,
                r#"many: 1 /cases/1/table/0 {"a":3,"b":1} Some("prod")"#,
                r#"many: last /cases/1/table/1 {"a":1,"b":1} Some("dev")"#,
            ]
        );
    }

    #[test]
    fn misspelt_keys_are_errors_that_say_where() {
        let error = File::parse("cases: [{name: a, expect: {outcom: allow}}]").err();
        let text = error.map(|error| error.to_string()).unwrap_or_default();
        assert!(text.starts_with("failed to read the case at `/cases/0`: unknown field `outcom`"), "{text}");
    }
}
