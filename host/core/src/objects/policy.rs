//! `Policy` and `ClusterPolicy`: where a policy comes from, and how it is asked.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::spec;
use crate::attach::{Mode, OnFailure};
use crate::evidence::Part;
use crate::id::{Digest, PolicyName};
use crate::policies::{PolicyId, Settings, Step};

/// A policy under the name of this object: where it comes from, and how it is asked. Releases attach it by that name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(extend("x-kubernetes-validations" = [{
    "rule": "[has(self.builtin), has(self.oci), has(self.https), has(self.path)].filter(x, x).size() == 1",
    "message": "give exactly one of builtin, oci, https and path",
}])))]
pub struct PolicySpec {
    /// A policy that Rhumb ships, by its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(length(min = 1, max = 64), regex(pattern = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")))]
    pub builtin: Option<String>,
    /// A component in an OCI registry, as `rhumb policy push` puts it there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oci: Option<OciSource>,
    /// A component behind a URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub https: Option<HttpsSource>,
    /// A component in the config repository, by its path from the root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(length(min = 1, max = 1024)))]
    pub path: Option<String>,
    /// Its settings, as `rhumb policy inspect` shows them; a release lays its own over them, key by key.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[cfg_attr(test, schemars(schema_with = "super::definitions::anything"))]
    pub config: Map<String, Value>,
    /// What it may be and use at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<PolicyLimits>,
    /// The parts of the evidence that it may see; it is refused when it wants others. All of them when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(length(max = 16)))]
    pub grants: Option<Vec<Part>>,
    /// What it means when it gives no answer; `hold` when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<OnFailure>,
    /// Whether its answers count; they do when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
}

/// A component in an OCI registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(extend("x-kubernetes-validations" = [{
    "rule": "has(self.digest) || self.reference.matches('^[^@]*:[^:/@]+$')",
    "message": "name a tag in reference, or give digest",
}])))]
pub struct OciSource {
    /// Such as `registry.example.com/policies/mine:0.1.0`. What a tag means is looked up once and recorded in the status;
    /// it is looked up anew when this object changes.
    #[cfg_attr(test, schemars(length(min = 1, max = 512), regex(pattern = "^[^@\\s]+$")))]
    pub reference: String,
    /// Digest of the manifest; the tag is for people then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(regex(pattern = "^sha256:[0-9a-f]{64}$")))]
    pub digest: Option<String>,
    /// The Secret with a docker config for the registry: of this namespace for a Policy, of the daemon's for a
    /// ClusterPolicy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretName>,
    /// The public key (PEM, as `cosign.pub`) that must have signed it; nobody need have when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(length(min = 1, max = 4096)))]
    pub public_key: Option<String>,
}

/// A Secret by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SecretName {
    /// Its name.
    #[cfg_attr(test, schemars(length(min = 1, max = 253)))]
    pub name: String,
}

/// A component behind a URL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct HttpsSource {
    /// The URL; plain http is for loopback hosts alone.
    #[cfg_attr(
        test,
        schemars(length(min = 1, max = 2048), regex(pattern = "^https://|^http://(localhost|127\\.0\\.0\\.1)[:/]"))
    )]
    pub url: String,
    /// Digest of the component.
    #[cfg_attr(test, schemars(regex(pattern = "^sha256:[0-9a-f]{64}$")))]
    pub digest: String,
}

/// What a policy may be and use at most. Nothing here raises what the daemon allows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PolicyLimits {
    /// Size of the component in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(range(min = 1)))]
    pub bytes: Option<u64>,
    /// Fuel of one call; a policy that recommends more is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(range(min = 1)))]
    pub fuel: Option<u64>,
}

/// Where a policy comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Shipped.
    Builtin(PolicyName),
    /// A registry.
    Oci {
        /// The reference as written.
        reference: String,
        /// Digest of the manifest.
        digest: Option<Digest>,
        /// Name of the Secret with credentials.
        secret: Option<String>,
        /// Who must have signed it, PEM.
        public_key: Option<String>,
    },
    /// A web server.
    Https {
        /// The URL.
        url: String,
        /// Digest of the component.
        digest: Digest,
    },
    /// The config repository.
    Path(String),
}

/// A policy as an object of the cluster declares it.
#[derive(Clone, Debug, PartialEq)]
pub struct Declared {
    /// Which.
    pub id: PolicyId,
    /// `metadata.uid`, empty in a file: a policy that was deleted and made again is another one.
    pub uid: String,
    /// `metadata.generation`.
    pub generation: i64,
    /// Where it comes from; or what is wrong with the object, for people.
    pub source: Result<Source, String>,
    /// How it is asked.
    pub settings: Settings,
    /// What it may be and use at most.
    pub limits: PolicyLimits,
    /// What it may see; everything when `None`.
    pub grants: Option<BTreeSet<Part>>,
    /// `status` as it stands.
    pub status: Value,
}

impl Declared {
    /// Reads a `Policy` or `ClusterPolicy`; `None` for other objects. One that cannot be read is still there: its name means
    /// no other policy.
    pub fn of(object: &Value) -> Option<Self> {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str);
        if text("/apiVersion") != Some(super::API_VERSION) {
            return None;
        }
        let namespace = match text("/kind")? {
            "Policy" => Some(text("/metadata/namespace").unwrap_or("default").to_owned()),
            "ClusterPolicy" => None,
            _ => return None,
        };
        let id = PolicyId { namespace, name: PolicyName::new(text("/metadata/name")?) };
        let uid = text("/metadata/uid").unwrap_or_default().to_owned();
        let generation = object.pointer("/metadata/generation").and_then(Value::as_i64).unwrap_or_default();
        let status = object.get("status").cloned().unwrap_or_default();
        let Some(spec) = spec::<PolicySpec>(object) else {
            let (source, settings) =
                (Err("spec is not of the form that the definition asks for".to_owned()), Settings::default());
            let limits = PolicyLimits::default();
            return Some(Self { id, uid, generation, source, settings, limits, grants: None, status });
        };
        let source = source(&spec);
        let (mode, on_failure) = (spec.mode.unwrap_or_default(), spec.on_failure.unwrap_or_default());
        let settings = Settings { config: spec.config, mode, on_failure };
        let grants = spec.grants.map(BTreeSet::from_iter);
        let limits = spec.limits.unwrap_or_default();
        Some(Self { id, uid, generation, source, settings, limits, grants, status })
    }
}

impl Declared {
    /// The digest that the tag was found to mean, when this very object was seen to be loaded from it.
    pub fn recorded(&self) -> Option<Digest> {
        let Ok(Source::Oci { reference, digest: None, .. }) = &self.source else { return None };
        let text = |key: &str| self.status.get(key).and_then(Value::as_str);
        let seen = self.status.get("observedGeneration").and_then(Value::as_i64) == Some(self.generation);
        if !seen || text("step") != Some(Step::Checked.as_str()) {
            return None;
        }
        Digest::parse(text("reference")?.strip_prefix(reference)?.strip_prefix('@')?)
    }
}

fn source(spec: &PolicySpec) -> Result<Source, String> {
    let digest =
        |text: &String| Digest::parse(text).ok_or_else(|| format!("`{text}` is no digest of the form sha256:…"));
    match (&spec.builtin, &spec.oci, &spec.https, &spec.path) {
        (Some(name), None, None, None) => Ok(Source::Builtin(PolicyName::new(name))),
        (None, Some(oci), None, None) => Ok(Source::Oci {
            reference: oci.reference.clone(),
            digest: oci.digest.as_ref().map(digest).transpose()?,
            secret: oci.secret_ref.as_ref().map(|secret| secret.name.clone()),
            public_key: oci.public_key.clone(),
        }),
        (None, None, Some(https), None) => {
            let is_loopback = ["http://localhost", "http://127.0.0.1"]
                .iter()
                .any(|start| https.url.strip_prefix(start).is_some_and(|rest| rest.starts_with([':', '/'])));
            if !https.url.starts_with("https://") && !is_loopback {
                return Err("spec.https.url does not begin with https://".to_owned());
            }
            Ok(Source::Https { url: https.url.clone(), digest: digest(&https.digest)? })
        }
        (None, None, None, Some(path)) => inside(path).map(Source::Path),
        _ => Err("give exactly one of builtin, oci, https and path".to_owned()),
    }
}

/// A path from the root of the repository that leads nowhere else.
fn inside(path: &str) -> Result<String, String> {
    let path = path.strip_prefix("./").unwrap_or(path);
    let plain = |part: &str| !matches!(part, "" | "." | ".." | ".git") && !part.contains(['\\', '\0']);
    match path.split('/').all(plain) {
        true => Ok(path.to_owned()),
        false => Err(format!("spec.path `{path}` is no path from the root of the repository to a file in it")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn declared(spec: Value) -> Declared {
        let metadata = json!({"name": "p", "generation": 2});
        Declared::of(&json!({"apiVersion": super::super::API_VERSION, "kind": "ClusterPolicy", "metadata": metadata, "spec": spec})).unwrap()
    }

    fn refused(spec: Value) -> String {
        declared(spec).source.unwrap_err()
    }

    #[test]
    fn reads_each_source() {
        let builtin =
            declared(json!({"builtin": "soak", "config": {"for": "1h"}, "mode": "shadow", "onFailure": "skip"}));
        assert_eq!((builtin.source, builtin.generation), (Ok(Source::Builtin("soak".into())), 2));
        assert_eq!((builtin.settings.mode, builtin.settings.on_failure), (Mode::Shadow, OnFailure::Skip));
        let digest = Digest::of("a");
        let https =
            declared(json!({"https": {"url": "https://example.com/a.wasm", "digest": digest}, "grants": ["history"]}));
        assert_eq!(
            https.source,
            Ok(Source::Https { url: "https://example.com/a.wasm".to_owned(), digest: digest.clone() })
        );
        assert_eq!(https.grants, Some(BTreeSet::from([Part::History])));
        let oci =
            declared(json!({"oci": {"reference": "r.example/p:1", "digest": digest, "secretRef": {"name": "s"}}}));
        let Ok(Source::Oci { reference, secret, .. }) = oci.source else { panic!("{oci:?}") };
        assert_eq!((reference.as_str(), secret.as_deref()), ("r.example/p:1", Some("s")));
        assert_eq!(declared(json!({"path": "./a/b.wasm"})).source, Ok(Source::Path("a/b.wasm".to_owned())));
    }

    #[test]
    fn what_cannot_be_used_is_said_and_hides_what_is_behind_it() {
        assert_eq!(refused(json!({})), "give exactly one of builtin, oci, https and path");
        assert_eq!(refused(json!({"builtin": "a", "path": "b"})), "give exactly one of builtin, oci, https and path");
        for path in ["../a.wasm", "/a.wasm", "a/../../b.wasm", "a//b", "", ".git/config", "a\\b"] {
            assert!(refused(json!({"path": path})).contains("is no path from the root"), "{path}");
        }
        let url = |url: &str| refused(json!({"https": {"url": url, "digest": Digest::of("a")}}));
        for text in ["http://example.com/a", "file:///etc/passwd", "http://localhost.example.com/a"] {
            assert_eq!(url(text), "spec.https.url does not begin with https://");
        }
        assert!(refused(json!({"https": {"url": "https://e/a", "digest": "sha256:AB"}})).contains("is no digest"));
        assert!(refused(json!({"builtin": 3})).contains("not of the form"));
        assert!(refused(json!({"builtin": "a", "grants": ["secrets"]})).contains("not of the form"));
        let elsewhere = json!({"apiVersion": "v1", "kind": "Policy", "metadata": {"name": "p"}});
        assert_eq!(Declared::of(&elsewhere), None);
    }
}
