//! What the cluster can do, as templates see it in `.Capabilities`.

use std::rc::Rc;

use crate::value::{Struct, Value, go_quote};

/// Version and APIs of a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Such as `v1.34.0`.
    pub kube_version: String,
    /// Such as `apps/v1` and `apps/v1/Deployment`, in the order in which templates see them.
    pub api_versions: Vec<String>,
}

/// The groups and versions that Helm 3.19 assumes without a cluster.
const DEFAULT_API_VERSIONS: &str = include_str!("api_versions.txt");

impl Default for Capabilities {
    /// What `helm template` of Helm 3.19.0 assumes.
    fn default() -> Self {
        Self {
            kube_version: "v1.34.0".to_owned(),
            api_versions: DEFAULT_API_VERSIONS.split_whitespace().map(str::to_owned).collect(),
        }
    }
}

impl Capabilities {
    /// A version as `--kube-version` takes it: two numbers or more; what follows them is dropped. The error is Helm's.
    pub fn parse_kube_version(text: &str) -> Result<String, String> {
        let version = text.trim_start();
        let version = version.strip_prefix('v').unwrap_or(version);
        let wrong = |message: String| format!("invalid kube version '{text}': {message}");
        let end = version.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(version.len());
        let (numbers, extra) = version.split_at(end);
        // A dot without a number behind it belongs to what is dropped.
        let complete = numbers.split('.').take_while(|part| !part.is_empty()).collect::<Vec<_>>();
        if complete.is_empty() || extra.contains('\n') {
            return Err(wrong(format!("could not parse {} as version", go_quote(text))));
        }
        if complete.len() < 2 {
            return Err(wrong(format!("illegal version string {}", go_quote(text))));
        }
        if let Some(first) = complete.first().filter(|first| first.len() > 1 && first.starts_with('0')) {
            let message = format!("illegal zero-prefixed version component \"{first}\" in {}", go_quote(text));
            return Err(wrong(message));
        }
        let parsed: Result<Vec<u64>, _> = complete.iter().map(|part| part.parse::<u64>()).collect();
        let parsed = parsed.map_err(|_| wrong(format!("illegal version string {}", go_quote(text))))?;
        Ok(format!("v{}", parsed.iter().map(u64::to_string).collect::<Vec<_>>().join(".")))
    }

    /// `.Capabilities`.
    pub(crate) fn value(&self) -> Value {
        let mut numbers = self.kube_version.trim_start_matches('v').split('.');
        let mut number = || Value::text(numbers.next().unwrap_or_default());
        let (major, minor) = (number(), number());
        let version = Value::text(self.kube_version.as_str());
        let kube_version = Struct {
            name: "chartutil.KubeVersion",
            fields: vec![("Version", version), ("Major", major), ("Minor", minor)],
            text: Some(self.kube_version.clone()),
        };
        let helm_version = Struct {
            name: "version.BuildInfo",
            fields: vec![
                ("Version", Value::text("v3.19.0")),
                ("GitCommit", Value::text("3d8990f0836691f0229297773f3524598f46bda6")),
                ("GitTreeState", Value::text("clean")),
                ("GoVersion", Value::text("go1.24.7")),
            ],
            text: None,
        };
        Value::Struct(Rc::new(Struct {
            name: "*chartutil.Capabilities",
            fields: vec![
                ("KubeVersion", Value::Struct(Rc::new(kube_version))),
                ("APIVersions", Value::Versions(Rc::new(self.api_versions.clone()))),
                ("HelmVersion", Value::Struct(Rc::new(helm_version))),
            ],
            text: None,
        }))
    }
}
