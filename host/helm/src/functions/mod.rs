//! The functions that templates can call, by what they are about. Each file has a table from names to functions; adding
//! a function touches that file only.
//!
//! Where Sprig and Helm differ, Helm's is the one: `fromJson` gives a map with `Error`, `fail` and `required` are
//! Helm's, `slice` is for lists only.

mod bases;
mod call;
mod certificates;
mod crypto;
mod dates;
mod decimal;
mod defaults;
mod der;
mod dicts;
mod encoding;
mod escape;
mod flow;
mod keys;
mod lists;
mod logic;
mod math;
mod paths;
mod random;
mod reflection;
mod regexes;
mod strings;
mod toml;
mod urls;
mod versions;
mod words;

pub(crate) use call::Call;
pub(crate) use toml::key as toml_key;
pub(crate) use versions::{compare_versions, is_compatible_range};

use crate::template::Outcome;
use crate::value::Value;

/// One function.
pub(crate) type Function = fn(&mut Call<'_, '_>) -> Outcome<Value>;

/// The tables, the most used first.
const TABLES: [fn(&str) -> Option<Function>; 22] = [
    strings::find,
    logic::find,
    defaults::find,
    flow::find,
    dicts::find,
    lists::find,
    encoding::find,
    bases::find,
    math::find,
    reflection::find,
    crypto::find,
    regexes::find,
    versions::find,
    random::find,
    dates::find,
    paths::find,
    urls::find,
    certificates::find,
    keys::find,
    toml::find,
    escape::find,
    words::find,
];

/// Finds a function by name.
pub(crate) fn find(name: &str) -> Option<Function> {
    TABLES.iter().find_map(|table| table(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `funcMap` of Helm 3.19 registers, with the functions of Go's own that templates have.
    const HELM: &str = include_str!("names.txt");

    /// Whether templates can call it; `and` and `or` are the evaluator's own.
    fn is_known(name: &str) -> bool {
        matches!(name, "and" | "or") || find(name).is_some()
    }

    #[test]
    fn the_functions_are_those_of_helm() {
        let lacking: Vec<&str> = HELM.split_whitespace().filter(|name| !is_known(name)).collect();
        assert!(lacking.is_empty(), "{lacking:?}");
        for name in ["env", "expandenv", "mustToYaml", "nosuch"] {
            assert!(!is_known(name), "{name}");
        }
    }
}
