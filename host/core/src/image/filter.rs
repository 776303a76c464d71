//! Which policy filters a container's tags: what an annotation says, as a policy's name and config.
//!
//! Nothing here decides about a tag: `glob:`, `semver:` and `regexp:` name shipped policies.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::id::{ContainerName, PolicyName};

/// A filter policy with its config.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    /// The policy's name.
    pub policy: PolicyName,
    /// Its config.
    pub config: Value,
    /// As written, such as `glob:dev-*`; `glob:*` when nothing is written.
    pub text: String,
}

/// Why an annotation names no filter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// `policy:` with nothing behind it.
    #[error("annotation `{0}` names no policy; write `policy:<name>`")]
    NoName(String),
    /// The settings are not JSON or YAML.
    #[error("annotation `{key}` is not valid YAML: {message}")]
    Config {
        /// The annotation.
        key: String,
        /// The parser's words.
        message: String,
    },
}

/// The filter of this container.
///
/// Where the same filter is written under several prefixes, `filter.fluxcd.io/` wins, then `fluxcd.io/tag.`, then
/// `flux.weave.works/tag.` (Flux v1 takes any of them at random).
pub fn filter_of(annotations: &BTreeMap<String, String>, container: &ContainerName) -> Result<Filter, FilterError> {
    let keys =
        ["filter.fluxcd.io/", "fluxcd.io/tag.", "flux.weave.works/tag."].map(|prefix| format!("{prefix}{container}"));
    let found = keys.iter().find_map(|key| annotations.get(key).map(|text| (key, text.as_str())));
    let Some((key, text)) = found else {
        return Ok(shipped("glob", "pattern", "*", "glob:*"));
    };
    let Some((prefix, rest)) = text.split_once(':') else {
        return Ok(shipped("glob", "pattern", text, &format!("glob:{text}")));
    };
    Ok(match prefix {
        "glob" => shipped("glob", "pattern", rest, text),
        "semver" => shipped("semver", "range", rest, text),
        "regexp" | "regex" => shipped("regexp", "pattern", rest, &format!("regexp:{rest}")),
        "policy" => {
            let name = rest.trim();
            if name.is_empty() {
                return Err(FilterError::NoName(key.clone()));
            }
            Filter { policy: PolicyName::new(name), config: config_of(annotations, name)?, text: text.to_owned() }
        }
        _ => shipped("glob", "pattern", text, &format!("glob:{text}")),
    })
}

/// The settings that an object gives to this policy: `rhumb.dev/config.<name>`, JSON or YAML, `{}` when absent.
pub(crate) fn config_of(annotations: &BTreeMap<String, String>, policy: &str) -> Result<Value, FilterError> {
    let key = format!("rhumb.dev/config.{policy}");
    let Some(text) = annotations.get(&key) else {
        return Ok(json!({}));
    };
    rhumb_yaml::from_str(text).map_err(|error| FilterError::Config { key, message: error.to_string() })
}

fn shipped(policy: &str, setting: &str, value: &str, text: &str) -> Filter {
    Filter { policy: PolicyName::new(policy), config: json!({ setting: value }), text: text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(annotations: &[(&str, &str)], expected: &str) {
        let annotations = annotations.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let text = match filter_of(&annotations, &ContainerName::new("app")) {
            Ok(filter) => format!("{} {}", filter.policy, filter.config),
            Err(error) => error.to_string(),
        };
        assert_eq!(text, expected);
    }

    #[test]
    fn reads_every_spelling() {
        check(&[], r#"glob {"pattern":"*"}"#);
        check(&[("filter.fluxcd.io/app", "glob:dev-*")], r#"glob {"pattern":"dev-*"}"#);
        check(&[("fluxcd.io/tag.app", "semver:~0.4")], r#"semver {"range":"~0.4"}"#);
        check(&[("flux.weave.works/tag.app", "regex:^a")], r#"regexp {"pattern":"^a"}"#);
        check(&[("filter.fluxcd.io/app", "master-*")], r#"glob {"pattern":"master-*"}"#);
        // Prefixes are case-sensitive: anything else is a glob, the colon included.
        check(&[("filter.fluxcd.io/app", "Semver:1")], r#"glob {"pattern":"Semver:1"}"#);
    }

    #[test]
    fn the_documented_prefix_wins() {
        check(&[("fluxcd.io/tag.app", "glob:a"), ("filter.fluxcd.io/app", "glob:b")], r#"glob {"pattern":"b"}"#);
    }

    #[test]
    fn names_a_policy_with_its_settings() {
        check(
            &[("filter.fluxcd.io/app", "policy:calver"), ("rhumb.dev/config.calver", "{format: YYYY.MM}")],
            r#"calver {"format":"YYYY.MM"}"#,
        );
        check(
            &[("filter.fluxcd.io/app", "policy:")],
            "annotation `filter.fluxcd.io/app` names no policy; write `policy:<name>`",
        );
    }
}
