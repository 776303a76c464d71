//! The same charts released by the real `helm` and by Rhumb on one control plane, and what is different then.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use rhumb_io::cluster::{Cluster, Key, Scope};
use rhumb_sim::git;
use rhumb_yaml::Limits;
use serde_json::{Map, Value};

use crate::real::{Names, Pace, Real};

/// The namespace of both, one after the other: charts write it into texts and checksums.
const NAMESPACE: &str = "beside";
/// The URL by which the releases name the repository with the charts.
const GIT: &str = "git@example.com:beside/charts";
/// How long Rhumb may take for one chart.
const LIMIT: Duration = Duration::from_secs(120);

/// What one chart came to.
#[derive(Debug)]
pub struct Beside {
    /// Its folder's name, which is the release's name too.
    pub chart: String,
    /// Objects that were compared.
    pub objects: usize,
    /// Templates that say something else each time that `helm` renders them; their objects are not compared.
    pub random: Vec<String>,
    /// What is different: an object with a JSON Pointer, or what one of the two says when it refuses.
    pub different: Vec<String>,
    /// Why both refuse it, in the words of `helm`.
    pub refused: Option<String>,
}

/// What a release came to: its objects as they live, by group, kind and name; or why it was refused.
type Released = Result<BTreeMap<String, Value>, String>;

/// Releases each of these charts by `helm`, takes it away, and releases it by a daemon; `None` when the machine lacks a
/// part, which was said then.
///
/// # Panics
///
/// When a part does not start.
pub async fn compare(charts: &[PathBuf]) -> Option<Vec<Beside>> {
    let folder = tempfile::tempdir().unwrap();
    for chart in charts {
        copy(chart, &folder.path().join("charts").join(name(chart)));
    }
    let namespace = format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {NAMESPACE}}}\n");
    std::fs::write(folder.path().join("namespace.yaml"), namespace).unwrap();
    let names = Names { git: GIT.to_owned(), registries: Vec::new(), charts: Vec::new() };
    let real = Real::unmodified(folder.path(), names).await?;
    let _daemon = real.operated(Pace::Quick, |_| {}).await;
    real.admit().await;
    let mut all = Vec::new();
    for chart in charts {
        let (ours, definitions) = (name(chart), definitions(&real.cluster).await);
        let random = random(&real, chart, &ours);
        let by_helm = helm(&real, chart, &ours).await;
        drop(real.plane.helm(&["uninstall", &ours, "-n", NAMESPACE, "--no-hooks"]));
        forget(&real.cluster, &definitions).await;
        let by_rhumb = rhumb(&real, &ours).await;
        forget(&real.cluster, &definitions).await;
        all.push(beside(ours, random, by_helm, by_rhumb));
    }
    Some(all)
}

fn beside(chart: String, random: Vec<(String, Vec<String>)>, by_helm: Released, by_rhumb: Released) -> Beside {
    let (random, excused): (Vec<String>, Vec<Vec<String>>) = random.into_iter().unzip();
    let is_excused = |key: &&String| excused.iter().flatten().any(|one| one == *key);
    let mut found = Beside { chart, objects: 0, random, different: Vec::new(), refused: None };
    match (by_helm, by_rhumb) {
        (Err(why), Err(_)) => found.refused = Some(why),
        (Err(why), Ok(_)) => found.different.push(format!("helm alone refuses: {why}")),
        (Ok(_), Err(why)) => found.different.push(format!("rhumb alone refuses: {why}")),
        (Ok(by_helm), Ok(by_rhumb)) => {
            for (key, object) in by_helm.iter().filter(|(key, _)| !is_excused(key)) {
                found.objects += 1;
                match by_rhumb.get(key) {
                    None => found.different.push(format!("{key} is helm's alone")),
                    Some(other) => difference(object, other, &format!("{key} "), &mut found.different),
                }
            }
            let alone = by_rhumb.keys().filter(|key| !by_helm.contains_key(*key));
            found.different.extend(alone.map(|key| format!("{key} is rhumb's alone")));
        }
    }
    found
}

/// Adds each place at which two values differ.
fn difference(one: &Value, other: &Value, at: &str, found: &mut Vec<String>) {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            for (key, value) in one {
                difference(value, other.get(key).unwrap_or(&Value::Null), &format!("{at}/{key}"), found);
            }
            for (key, value) in other.iter().filter(|(key, _)| !one.contains_key(*key)) {
                difference(&Value::Null, value, &format!("{at}/{key}"), found);
            }
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            for (index, (one, other)) in one.iter().zip(other).enumerate() {
                difference(one, other, &format!("{at}/{index}"), found);
            }
        }
        _ if one == other => {}
        _ => {
            let (one, other) = (one.to_string(), other.to_string());
            let same = one.chars().zip(other.chars()).take_while(|(one, other)| one == other).count();
            let from_there = |text: &str| text.chars().skip(same.saturating_sub(10)).take(80).collect::<String>();
            found.push(format!("{at}: helm {}, rhumb {}", from_there(&one), from_there(&other)));
        }
    }
}

async fn helm(real: &Real, chart: &Path, release: &str) -> Released {
    let chart = chart.to_string_lossy();
    let Output { status, stderr, .. } =
        real.plane.helm(&["install", release, &chart, "-n", NAMESPACE, "--create-namespace"]);
    if !status.success() {
        return Err(String::from_utf8_lossy(&stderr).trim().to_owned());
    }
    Ok(objects(real, release).await)
}

/// Adds the release to git, waits for the daemon, and takes it away again.
async fn rhumb(real: &Real, release: &str) -> Released {
    let path = format!("releases/{release}.yaml");
    let text = format!(
        "apiVersion: helm.fluxcd.io/v1\nkind: HelmRelease\nmetadata: {{name: {release}, namespace: {NAMESPACE}}}\nspec:\n  \
         releaseName: {release}\n  chart: {{git: '{GIT}', path: charts/{release}, ref: master}}\n"
    );
    real.commit("Release it", &[(&path, &text)]);
    let start = Instant::now();
    let released = loop {
        if real.history(NAMESPACE, release).last().is_some_and(|last| last.1 == "deployed") {
            break Ok(objects(real, release).await);
        }
        match real.condition(NAMESPACE, release, "Released").await {
            Some((status, message)) if status == "False" => break Err(message),
            condition if start.elapsed() > LIMIT => break Err(format!("not released in time: {condition:?}")),
            _ => tokio::time::sleep(Duration::from_millis(300)).await,
        }
    };
    real.remote.commit("Jo", "Take it away", &[git::File::removed(&path)]).expect("the repository takes commits");
    let key = Key::new("helm.fluxcd.io/v1", "HelmRelease", NAMESPACE, release);
    let start = Instant::now();
    while start.elapsed() < LIMIT {
        // Applied once more by a pass that read the commit before.
        drop(real.cluster.delete(&key).await);
        tokio::time::sleep(Duration::from_millis(500)).await;
        if real.history(NAMESPACE, release).is_empty() {
            break;
        }
    }
    released
}

/// The objects of a release as they live, without what no two objects share.
async fn objects(real: &Real, release: &str) -> BTreeMap<String, Value> {
    let manifest = real.helm(&["get", "manifest", release, "-n", NAMESPACE]);
    let mut found = BTreeMap::new();
    for object in documents(&manifest) {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let (api_version, kind, named) = (text("/apiVersion"), text("/kind"), text("/metadata/name"));
        let own = match real.cluster.scope(api_version, kind).await {
            Ok(Some(Scope::Cluster)) => "",
            _ => object.pointer("/metadata/namespace").and_then(Value::as_str).unwrap_or(NAMESPACE),
        };
        let live = real.cluster.get(&Key::new(api_version, kind, own, named)).await.ok().flatten();
        found.insert(key(&object), live.map_or(Value::Null, bare));
    }
    found
}

fn documents(manifest: &str) -> Vec<Value> {
    let limits = Limits::default();
    let documents = rhumb_yaml::documents(manifest, &limits).expect("helm prints YAML");
    let read = documents.iter().map(|document| rhumb_yaml::to_json(document, &limits).expect("helm prints YAML"));
    read.filter(|object| !object.is_null()).collect()
}

/// An object without ids, times and what controllers add.
fn bare(live: Value) -> Value {
    let mut object = live;
    if let Some(object) = object.as_object_mut() {
        object.remove("status");
    }
    let drop_from = |object: &mut Value, pointer: &str, keys: &[&str]| {
        let at: Option<&mut Map<String, Value>> = object.pointer_mut(pointer).and_then(Value::as_object_mut);
        for key in at.into_iter().flat_map(|map| keys.iter().filter_map(|key| map.remove(*key)).collect::<Vec<_>>()) {
            drop(key);
        }
    };
    let ids = ["uid", "resourceVersion", "creationTimestamp", "managedFields", "generation"];
    drop_from(&mut object, "/metadata", &ids);
    // Helm Operator's, and that of the Deployment controller.
    drop_from(
        &mut object,
        "/metadata/annotations",
        &["helm.fluxcd.io/antecedent", "deployment.kubernetes.io/revision"],
    );
    drop_from(&mut object, "/spec", &["clusterIP", "clusterIPs", "healthCheckNodePort"]);
    for port in object.pointer_mut("/spec/ports").and_then(Value::as_array_mut).into_iter().flatten() {
        drop_from(port, "", &["nodePort"]);
    }
    object
}

/// Templates of a chart that `helm` renders otherwise each time, with the objects that they make.
fn random(real: &Real, chart: &Path, release: &str) -> Vec<(String, Vec<String>)> {
    let chart = chart.to_string_lossy();
    let render = || {
        let Output { stdout, .. } = real.plane.helm(&["template", release, &chart, "-n", NAMESPACE]);
        String::from_utf8_lossy(&stdout).into_owned()
    };
    let (one, other) = (render(), render());
    let parts = |text: &str| text.split("\n---\n").map(str::to_owned).collect::<Vec<_>>();
    let differ = parts(&one).into_iter().zip(parts(&other)).filter(|(one, other)| one != other);
    let source = |text: &str| text.lines().find_map(|line| Some(line.strip_prefix("# Source: ")?.to_owned()));
    let made = |text: &str| documents(text).iter().map(key).collect();
    differ.filter_map(|(one, _)| Some((source(&one)?, made(&one)))).collect()
}

/// What an object is compared by.
fn key(object: &Value) -> String {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    format!("{}/{}", text("/kind"), text("/metadata/name"))
}

/// The kinds that the cluster has been taught.
async fn definitions(cluster: &Cluster) -> Vec<String> {
    let all = cluster.list("apiextensions.k8s.io/v1", "CustomResourceDefinition", None).await.unwrap_or_default();
    all.iter().filter_map(|one| Some(one.pointer("/metadata/name")?.as_str()?.to_owned())).collect()
}

/// Takes away the kinds that a chart brought, which `helm uninstall` leaves.
async fn forget(cluster: &Cluster, before: &[String]) {
    for name in definitions(cluster).await.iter().filter(|name| !before.contains(name)) {
        let key = Key::new("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", name);
        drop(cluster.delete(&key).await);
        let start = Instant::now();
        while start.elapsed() < LIMIT && matches!(cluster.get(&key).await, Ok(Some(_))) {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

fn name(chart: &Path) -> String {
    chart.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    let status = Command::new("cp").arg("-RL").arg(from.join(".")).arg(to).status().expect("cp is there");
    assert!(status.success(), "{}", from.display());
}
