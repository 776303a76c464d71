//! The value transform `registry-mirror`: images come from a mirror of their registry.

use std::collections::BTreeMap;

use rhumb_guest_sdk::{
    About, Chart, Context, Evidence, Failure, Policy, PolicyConfig, Problem, Reason, Transformation, Value,
    ValueTransform, Wants, export_policy, json,
};
use serde::Deserialize;
use serde_json::Map;

/// The settings of `registry-mirror`.
#[derive(Deserialize, PolicyConfig)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Mirrors by registry, such as `{docker.io: mirror.example/hub}`.
    mirrors: BTreeMap<String, String>,
}

/// The transform, ready to apply.
pub struct RegistryMirror {
    mirrors: BTreeMap<String, String>,
}

impl Policy for RegistryMirror {
    type Config = Config;

    const ABOUT: About = About {
        name: "registry-mirror",
        version: env!("CARGO_PKG_VERSION"),
        summary: "Images come from a mirror of their registry",
        reasons: &[("mirrored", "the registry has a mirror"), ("no-image", "the values name no image")],
        wants: Wants::NOTHING,
        fuel: 50_000_000,
        examples: include_str!("../cases/examples.json"),
    };

    fn configure(config: Config) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        for (registry, mirror) in &config.mirrors {
            let at = format!("/mirrors/{}", registry.replace('~', "~0").replace('/', "~1"));
            let (host, rest) = split(mirror);
            if host.is_none() || mirror.ends_with('/') || mirror.contains("://") || rest.contains(':') {
                let text = format!("wanted a registry such as `mirror.example/hub`, got `{mirror}`");
                problems.push(Problem::new(&at, "bad-mirror", text));
            } else if host.is_some_and(|host| config.mirrors.contains_key(host)) {
                problems.push(Problem::new(&at, "mirrored-mirror", "the mirror's own registry has a mirror"));
            }
        }
        if problems.is_empty() { Ok(Self { mirrors: config.mirrors }) } else { Err(problems) }
    }
}

impl ValueTransform for RegistryMirror {
    fn apply(&self, _: &Context, _: &Chart, values: &Value, _: &Evidence) -> Result<Transformation, Failure> {
        let (mut found, mut images) = (Transformation::none(), 0);
        self.walk(("", ""), values, &mut found, &mut images);
        if images == 0 {
            found.warnings.push(Reason::new("no-image", "the values name no image"));
        }
        Ok(found)
    }
}

impl RegistryMirror {
    /// An image is a text at `image`, or a map with `repository` which is at `image` or has `registry`, `tag` or `digest`.
    fn walk(&self, (path, key): (&str, &str), value: &Value, found: &mut Transformation, images: &mut usize) {
        match value {
            Value::String(text) if key == "image" && is_reference(text) => {
                *images += 1;
                self.whole(path, text, found);
            }
            Value::Object(map) => {
                let is_image = key == "image" || ["registry", "tag", "digest"].iter().any(|key| map.contains_key(*key));
                let repository = map.get("repository").and_then(Value::as_str).filter(|text| is_reference(text));
                if let Some(repository) = repository.filter(|_| is_image) {
                    *images += 1;
                    self.parts(path, map, repository, found);
                }
                for (name, value) in map {
                    let below = format!("{path}/{}", name.replace('~', "~0").replace('/', "~1"));
                    self.walk((&below, name), value, found, images);
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.walk((&format!("{path}/{index}"), ""), item, found, images);
                }
            }
            _ => {}
        }
    }

    fn whole(&self, path: &str, text: &str, found: &mut Transformation) {
        let (host, rest) = split(text);
        let Some((registry, mirror)) = self.mirror(host.unwrap_or("docker.io")) else { return };
        let reason = Reason::new("mirrored", format!("`{registry}` has the mirror `{mirror}`"));
        found.set(path, &json!(format!("{mirror}/{}", in_full(registry, rest))), reason);
    }

    fn parts(&self, path: &str, map: &Map<String, Value>, repository: &str, found: &mut Transformation) {
        let own = map.get("registry").and_then(Value::as_str).filter(|text| !text.is_empty() && is_reference(text));
        let Some(registry) = own else { return self.whole(&format!("{path}/repository"), repository, found) };
        let Some((registry, mirror)) = self.mirror(registry) else { return };
        let reason = || Reason::new("mirrored", format!("`{registry}` has the mirror `{mirror}`"));
        found.set(format!("{path}/registry"), &json!(mirror), reason());
        let full = in_full(registry, repository);
        if full != repository {
            found.set(format!("{path}/repository"), &json!(full), reason());
        }
    }

    /// Docker Hub has three names.
    fn mirror(&self, registry: &str) -> Option<(&str, &str)> {
        let hub = ["index.docker.io", "registry-1.docker.io"].contains(&registry);
        let registry = if hub { "docker.io" } else { registry };
        self.mirrors.get_key_value(registry).map(|(registry, mirror)| (registry.as_str(), mirror.as_str()))
    }
}

/// Whether a text can name an image; a secret's handle and a URL cannot.
fn is_reference(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with("rhumb-secret:")
        && !text.contains("://")
        && !text.contains(char::is_whitespace)
}

/// The registry that a reference names, and the rest.
fn split(text: &str) -> (Option<&str>, &str) {
    match text.split_once('/') {
        Some((host, rest)) if host.contains(['.', ':']) || host == "localhost" => (Some(host), rest),
        None if text.contains('.') && !text.contains(':') => (Some(text), ""),
        _ => (None, text),
    }
}

/// Official images of Docker Hub have a folder that is not written.
fn in_full(registry: &str, repository: &str) -> String {
    if registry == "docker.io" && !repository.contains('/') {
        format!("library/{repository}")
    } else {
        repository.to_owned()
    }
}

export_policy!(RegistryMirror: value-transform);

#[cfg(test)]
mod tests {
    use super::*;
    use rhumb_guest_sdk::testing;

    #[test]
    fn transforms_its_cases() {
        testing::transform_cases::<RegistryMirror>(env!("CARGO_MANIFEST_DIR"));
    }
}
