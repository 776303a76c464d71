//! What can go wrong with a release, and what can be asked of one, on a real control plane and as the real `helm` sees
//! it. One daemon has all of a test's releases, beside those of the example, which carry on.

mod failures;
mod fields;

use std::path::Path;

use rhumb_io::cluster::Key;
use rhumb_sim::git::File;
use rhumb_tests::real::Real;
use rhumb_tests::root;
use serde_json::{Value, json};

/// Namespace of the HelmReleases.
const NAMESPACE: &str = "trial";

/// The real parts with the chart `tests/charts/app` in the config repository, at `charts/app`.
async fn start() -> Option<Real> {
    let real = Real::start().await?;
    let namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: trial}\n";
    let mut files = vec![File::new("namespaces/trial.yaml", namespace)];
    add(&mut files, &root().join("tests/charts/app"), "charts/app");
    real.remote.commit("Ann", "A chart to try things with", &files).unwrap();
    Some(real)
}

fn add(files: &mut Vec<File>, from: &Path, to: &str) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{to}/{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            add(files, &entry.path(), &path);
        } else {
            files.push(File { path, data: Some(std::fs::read(entry.path()).unwrap()) });
        }
    }
}

/// One release of the test.
#[derive(Clone, Copy)]
struct Trial<'a> {
    real: &'a Real,
    name: &'a str,
}

impl Trial<'_> {
    /// Commits its HelmRelease with this spec; what the spec leaves out is the chart of the test.
    fn commit(&self, spec: Value) {
        let mut whole = json!({
            "releaseName": self.name,
            "chart": { "git": "git@example.com:rhumb/get-started", "path": "charts/app", "ref": "master" },
        });
        whole.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        let object = json!({
            "apiVersion": "helm.fluxcd.io/v1", "kind": "HelmRelease",
            "metadata": { "name": self.name, "namespace": NAMESPACE }, "spec": whole,
        });
        let file = File::new(&format!("releases/trial/{}.yaml", self.name), &format!("{object:#}\n"));
        self.real.remote.commit("Ann", &format!("Change {}", self.name), &[file]).unwrap();
    }

    /// Waits until `helm history` says this, each revision as `<revision> <status> <description>`, and gives it. A
    /// description may be cut.
    async fn history(&self, wanted: &[&str]) {
        let what = format!("the history of {}: {wanted:?}", self.name);
        self.real
            .until(&what, async || {
                let lines = self.revisions();
                let same = lines.len() == wanted.len()
                    && lines.iter().zip(wanted).all(|(line, wanted)| line.starts_with(wanted));
                same.then_some(())
            })
            .await;
    }

    fn revisions(&self) -> Vec<String> {
        let history = self.real.history(NAMESPACE, self.name);
        history.iter().map(|(revision, status, description)| format!("{revision} {status} {description}")).collect()
    }

    async fn get(&self, api_version: &str, kind: &str, name: &str) -> Option<Value> {
        self.real.cluster.get(&Key::new(api_version, kind, NAMESPACE, name)).await.unwrap()
    }

    async fn status(&self) -> Value {
        let object = self.get("helm.fluxcd.io/v1", "HelmRelease", self.name).await;
        object.and_then(|object| object.get("status").cloned()).unwrap_or_default()
    }

    /// Waits until a condition is so and its message holds this text, and gives the whole status.
    async fn until(&self, kind: &str, truth: &str, text: &str) -> Value {
        let what = format!("{} of {} is {truth}: {text}", kind, self.name);
        self.real
            .until(&what, async || {
                let status = self.status().await;
                let (found, message) = condition(&status, kind)?;
                (found == truth && message.contains(text)).then_some(status)
            })
            .await
    }

    /// The text in its ConfigMap.
    async fn text(&self) -> Option<String> {
        let object = self.get("v1", "ConfigMap", self.name).await?;
        object.pointer("/data/text").and_then(Value::as_str).map(str::to_owned)
    }

    /// Runs `helm` on it.
    fn helm(&self, words: &[&str], more: &[&str]) -> String {
        self.real.helm(&[words, &["-n", NAMESPACE, self.name], more].concat())
    }
}

fn condition(status: &Value, kind: &str) -> Option<(String, String)> {
    let conditions = status.get("conditions")?.as_array()?;
    let found = conditions.iter().find(|condition| condition["type"] == kind)?;
    Some((found["status"].as_str()?.to_owned(), found["message"].as_str()?.to_owned()))
}

/// A chart on this machine, for `helm`.
fn chart() -> String {
    root().join("tests/charts/app").to_str().unwrap().to_owned()
}
