//! Puts labels into the values of a release.

use std::collections::BTreeMap;

use rhumb_guest_sdk::{
    About, Chart, Context, Evidence, Failure, Policy, PolicyConfig, Problem, Reason, Transformation, Value,
    ValueTransform, Wants, can_hold, export_policy,
};

/// The settings. A JSON Schema is made of them, by which Rhumb checks a config before this policy sees it.
#[derive(serde::Deserialize, PolicyConfig)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where the chart takes labels from, as a JSON Pointer such as `/podLabels`.
    path: String,
    /// The labels.
    labels: BTreeMap<String, String>,
}

/// The policy with its config understood. It lives for one question.
pub struct Transform {
    config: Config,
}

impl Policy for Transform {
    type Config = Config;

    const ABOUT: About = About {
        name: env!("CARGO_PKG_NAME"),
        version: env!("CARGO_PKG_VERSION"),
        summary: env!("CARGO_PKG_DESCRIPTION"),
        // Every code that an answer may carry; the cases have to show each.
        reasons: &[("labelled", "a label was missing or different")],
        wants: Wants::NOTHING,
        fuel: 50_000_000,
        examples: include_str!("../cases/examples.json"),
    };

    fn configure(config: Config) -> Result<Self, Vec<Problem>> {
        if !config.path.starts_with('/') {
            return Err(vec![Problem::new("/path", "no-pointer", "wanted a JSON Pointer such as `/podLabels`")]);
        }
        Ok(Self { config })
    }
}

impl ValueTransform for Transform {
    fn apply(&self, _: &Context, _: &Chart, values: &Value, _: &Evidence) -> Result<Transformation, Failure> {
        if !can_hold(values, &format!("{}/label", self.config.path)) {
            let text = format!("`{}` is no object, so nothing can be put into it", self.config.path);
            return Err(Failure::bad_input(&format!("/values{}", self.config.path), "no-object", text));
        }
        let mut found = Transformation::none();
        for (key, label) in &self.config.labels {
            let path = format!("{}/{}", self.config.path, key.replace('~', "~0").replace('/', "~1"));
            // Only what differs, so that applied to its own result it changes nothing.
            if values.pointer(&path).and_then(Value::as_str) != Some(label) {
                let reason = Reason::new("labelled", format!("`{key}` is `{label}`"));
                found.set(path, &Value::from(label.as_str()), reason);
            }
        }
        Ok(found)
    }
}

export_policy!(Transform: value-transform);

#[cfg(test)]
mod tests {
    use super::*;
    use rhumb_guest_sdk::testing;

    #[test]
    fn changes_what_its_cases_say() {
        testing::transform_cases::<Transform>(env!("CARGO_MANIFEST_DIR"));
    }
}
