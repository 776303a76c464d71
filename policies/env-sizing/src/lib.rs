//! The value transform `env-sizing`: replicas and resources by environment, and a secret moved where a chart wants it.

use std::collections::BTreeMap;

use rhumb_guest_sdk::{
    About, Chart, Context, Evidence, Failure, Policy, PolicyConfig, Problem, Reason, Transformation, Value,
    ValueTransform, Wants, can_hold, export_policy, json,
};
use serde::Deserialize;

/// The settings of `env-sizing`.
#[derive(Deserialize, PolicyConfig)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Config {
    /// Sizes by environment, such as `prod`.
    environments: BTreeMap<String, Sizing>,
    /// Where the chart reads the number of replicas, as a JSON Pointer.
    #[serde(default = "replicas_path")]
    replicas_path: String,
    /// Where the chart reads requests and limits, as a JSON Pointer.
    #[serde(default = "resources_path")]
    resources_path: String,
    /// A secret value to bring where the chart reads it.
    secret_move: Option<SecretMove>,
}

/// The size of a release in one environment; what is left out stays as it is.
#[derive(Deserialize, PolicyConfig)]
#[serde(deny_unknown_fields)]
pub struct Sizing {
    /// How many pods.
    replicas: Option<u32>,
    /// Such as `{cpu: 100m, memory: 64Mi}`.
    #[serde(default)]
    requests: BTreeMap<String, String>,
    /// Such as `{cpu: 1, memory: 256Mi}`.
    #[serde(default)]
    limits: BTreeMap<String, String>,
}

/// From where to where, as JSON Pointers. The value is never read.
#[derive(Deserialize, PolicyConfig)]
#[serde(deny_unknown_fields)]
pub struct SecretMove {
    /// Where it comes from.
    from: String,
    /// Where the chart reads it.
    to: String,
}

fn replicas_path() -> String {
    "/replicaCount".to_owned()
}

fn resources_path() -> String {
    "/resources".to_owned()
}

/// The transform, ready to apply.
pub struct EnvSizing {
    config: Config,
}

impl Policy for EnvSizing {
    type Config = Config;

    const ABOUT: About = About {
        name: "env-sizing",
        version: env!("CARGO_PKG_VERSION"),
        summary: "Sets replicas and resources by environment, and moves a secret where the chart reads it",
        reasons: &[
            ("replicas", "the number of replicas for this environment"),
            ("requests", "the requests for this environment"),
            ("limits", "the limits for this environment"),
            ("secret-moved", "the chart reads the secret elsewhere"),
            ("no-environment", "the release belongs to no environment, so nothing is sized"),
            ("no-sizing", "there is no size for this environment"),
        ],
        wants: Wants::NOTHING,
        fuel: 50_000_000,
        examples: include_str!("../cases/examples.json"),
    };

    fn configure(config: Config) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let secret = config.secret_move.iter();
        let secret = secret.flat_map(|one| [("/secretMove/from", &one.from), ("/secretMove/to", &one.to)]);
        let paths = [("/replicasPath", &config.replicas_path), ("/resourcesPath", &config.resources_path)];
        for (at, path) in paths.into_iter().chain(secret) {
            if !path.starts_with('/') {
                let text = format!("wanted a JSON Pointer such as `/resources`, got `{path}`");
                problems.push(Problem::new(at, "bad-pointer", text));
            }
        }
        if problems.is_empty() { Ok(Self { config }) } else { Err(problems) }
    }
}

impl ValueTransform for EnvSizing {
    fn apply(&self, context: &Context, _: &Chart, values: &Value, _: &Evidence) -> Result<Transformation, Failure> {
        let mut found = Transformation::none();
        if let Some(secret) = &self.config.secret_move
            && values.pointer(&secret.from).is_some()
        {
            let text = format!("the chart reads the secret at `{}`", secret.to);
            found.move_from(&secret.from, &secret.to, Reason::new("secret-moved", text));
        }
        let Some(environment) = context.environment.as_deref() else {
            found.warnings.push(Reason::new("no-environment", "the release belongs to no environment"));
            return Ok(found);
        };
        let Some(sizing) = self.config.environments.get(environment) else {
            found.warnings.push(Reason::new("no-sizing", format!("there is no size for `{environment}`")));
            return Ok(found);
        };
        if let Some(replicas) = sizing.replicas {
            let text = format!("{replicas} replicas in `{environment}`");
            set(&mut found, values, &self.config.replicas_path, json!(replicas), Reason::new("replicas", text))?;
        }
        for (code, amounts) in [("requests", &sizing.requests), ("limits", &sizing.limits)] {
            for (resource, amount) in amounts {
                let key = resource.replace('~', "~0").replace('/', "~1");
                let path = format!("{}/{code}/{key}", self.config.resources_path);
                let reason = Reason::new(code, format!("{resource} {amount} in `{environment}`"));
                set(&mut found, values, &path, json!(amount), reason)?;
            }
        }
        Ok(found)
    }
}

/// Sets what is not so already, so that a second run finds nothing to do.
fn set(found: &mut Transformation, values: &Value, path: &str, wanted: Value, reason: Reason) -> Result<(), Failure> {
    if !can_hold(values, path) {
        let text = "what stands on the way there is no object";
        return Err(Failure::bad_input(&format!("/values{path}"), "no-object", text));
    }
    if values.pointer(path) != Some(&wanted) {
        found.set(path, &wanted, reason);
    }
    Ok(())
}

export_policy!(EnvSizing: value-transform);

#[cfg(test)]
mod tests {
    use super::*;
    use rhumb_guest_sdk::testing;

    #[test]
    fn transforms_its_cases() {
        testing::transform_cases::<EnvSizing>(env!("CARGO_MANIFEST_DIR"));
    }
}
