//! The functions that templates can call, by what they are about. Each file has a table from names to functions; adding
//! a function touches that file only.
//!
//! Where Sprig and Helm differ, Helm's is the one: `fromJson` gives a map with `Error`, `fail` and `required` are
//! Helm's, `slice` is for lists only.

mod call;
mod crypto;
mod dates;
mod defaults;
mod dicts;
mod encoding;
mod flow;
mod lists;
mod logic;
mod math;
mod paths;
mod random;
mod reflection;
mod regexes;
mod strings;
mod urls;
mod versions;

pub(crate) use call::Call;
pub(crate) use dates::{civil, format_time};
pub(crate) use versions::{compare_versions, is_compatible_range};

use crate::template::Outcome;
use crate::value::Value;

/// One function.
pub(crate) type Function = fn(&mut Call<'_, '_>) -> Outcome<Value>;

/// The tables, the most used first.
const TABLES: [fn(&str) -> Option<Function>; 16] = [
    strings::find,
    logic::find,
    defaults::find,
    flow::find,
    dicts::find,
    lists::find,
    encoding::find,
    math::find,
    reflection::find,
    crypto::find,
    regexes::find,
    versions::find,
    random::find,
    dates::find,
    paths::find,
    urls::find,
];

/// Finds a function by name.
pub(crate) fn find(name: &str) -> Option<Function> {
    TABLES.iter().find_map(|table| table(name))
}

/// Whether templates can call it; `and` and `or` are the evaluator's own.
pub(crate) fn is_known(name: &str) -> bool {
    matches!(name, "and" | "or") || find(name).is_some()
}

/// Whether Helm 3.19 has a function of this name that is missing here.
pub(crate) fn is_missing(name: &str) -> bool {
    const MISSING: [&str; 19] = [
        "bcrypt",
        "buildCustomCert",
        "call",
        "decryptAES",
        "derivePassword",
        "encryptAES",
        "fromToml",
        "genCA",
        "genCAWithKey",
        "genPrivateKey",
        "genSelfSignedCert",
        "genSelfSignedCertWithKey",
        "genSignedCert",
        "genSignedCertWithKey",
        "htpasswd",
        "html",
        "js",
        "toToml",
        "toYamlPretty",
    ];
    MISSING.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_function_is_both_there_and_missing() {
        for name in ["bcrypt", "genCA", "toToml"] {
            assert!(is_missing(name) && !is_known(name), "{name}");
        }
        for name in ["toYaml", "include", "and", "tpl", "nindent", "mergeOverwrite"] {
            assert!(is_known(name) && !is_missing(name), "{name}");
        }
    }
}
