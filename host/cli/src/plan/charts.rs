//! The releases of a repository: where each chart comes from, and what it would make.

use std::path::Path;

use rhumb_core::chain::chain;
use rhumb_core::manifest::{File, Manifests, Object};
use rhumb_core::releases::{ChartSource, KeyRef, Spec, ValuesFrom};
use rhumb_helm::{Action, Capabilities, Chart, Entropy, Integers, Limits, ReleaseOptions, RenderInput};
use rhumb_io::documents;
use rhumb_io::git::Names;
use serde_json::{Map, Value};

use super::report::Release;

/// The URLs that mean this repository: its remotes (through git's `url.<base>.insteadOf`) and those that were given.
pub(super) fn own_names(dir: &Path, given: &[String]) -> Names {
    let mut names = Names::of_clone(dir);
    names.urls.extend(given.iter().cloned());
    names.urls.sort();
    names.urls.dedup();
    names
}

/// Every HelmRelease.
pub(super) async fn releases(files: &[File], manifests: &Manifests, this: &Names) -> Vec<Release> {
    let mut releases = Vec::new();
    for object in manifests.objects.iter().filter(|object| object.id.kind == "HelmRelease") {
        releases.push(release(object, (files, manifests), this).await);
    }
    releases
}

async fn release(object: &Object, (files, manifests): (&[File], &Manifests), this: &Names) -> Release {
    let mut release = Release {
        object: object.id.namespaced(),
        place: format!("{}:{}", object.file, object.line),
        release: String::new(),
        source: String::new(),
        chart: String::new(),
        values: String::new(),
        objects: Vec::new(),
        problem: None,
    };
    let spec = match Spec::parse(&object.value) {
        Ok(spec) => spec,
        Err(error) => {
            release.problem = Some(error.to_string());
            return release;
        }
    };
    release.release = format!("{} in {}", spec.release_name, spec.target_namespace);
    release.source = match &spec.chart {
        ChartSource::Git { url, path, .. } => format!("{url} {path}"),
        ChartSource::Repository { url, name, version } => format!("{url} {name} {version}"),
    };
    // Values may come from the chart, but what is wrong with them is told first.
    let chart = chart(&spec.chart, files, this).await;
    let held: &[rhumb_helm::File] = chart.as_ref().map_or(&[], |(_, files)| files);
    let (layers, values) = match values(&spec, manifests, held).await {
        Ok(values) => values,
        Err(why) => {
            release.problem = Some(chart.err().unwrap_or(why));
            return release;
        }
    };
    release.values = layers;
    match chart {
        Err(why) => release.problem = Some(why),
        Ok((chart, _)) => {
            let metadata = chart.metadata();
            release.chart = format!("{} {}", metadata.name, metadata.version);
            match render(&chart, &spec, &values) {
                Ok(objects) => release.objects = objects,
                Err(why) => release.problem = Some(why),
            }
        }
    }
    release
}

/// One layer of values: what it is, and its text; `None` for one that may be missing.
type Layer = (String, Option<String>);

/// Where values come from, and the values: other objects' keys are taken from the same repository, files from the chart,
/// URLs are read.
async fn values(
    spec: &Spec,
    manifests: &Manifests,
    chart: &[rhumb_helm::File],
) -> Result<(String, Map<String, Value>), String> {
    let mut titles = Vec::new();
    let mut values = Map::new();
    for source in &spec.values_from {
        let (title, text) = match source {
            ValuesFrom::ConfigMap(key) => of_object("ConfigMap", key, manifests)?,
            ValuesFrom::Secret(key) => of_object("Secret", key, manifests)?,
            ValuesFrom::External(external) => {
                let client = documents::Client::new().map_err(|error| chain(&error))?;
                match client.read(&external.url).await {
                    Ok(text) => ("a URL".to_owned(), Some(text)),
                    Err(_) if external.optional => ("a URL (optional)".to_owned(), None),
                    Err(error) => return Err(chain(&error)),
                }
            }
            ValuesFrom::ChartFile(file) => {
                let title = format!("file {} of the chart", file.path);
                match chart.iter().find(|one| one.path == file.path) {
                    Some(found) => (title, Some(String::from_utf8_lossy(&found.data).into_owned())),
                    None if file.optional => (format!("{title} (optional)"), None),
                    None => return Err(format!("{title} is not there")),
                }
            }
        };
        if let Some(text) = text
            && let Ok(Value::Object(layer)) = rhumb_yaml::from_str(&text)
        {
            values = rhumb_helm::values::merge(values, &layer);
        }
        titles.push(title);
    }
    if !spec.values.is_empty() || titles.is_empty() {
        titles.push("inline".to_owned());
    }
    if spec.reuse_values {
        titles.push("over those of the revision before".to_owned());
    }
    Ok((titles.join(", "), rhumb_helm::values::merge(values, &spec.values)))
}

fn of_object(kind: &str, key: &KeyRef, manifests: &Manifests) -> Result<Layer, String> {
    let title = format!("{kind} {}/{}", key.namespace, key.name);
    let is = |object: &&Object| {
        object.id.kind == kind
            && object.id.name == key.name
            && object.id.namespace.as_deref().unwrap_or("default") == key.namespace
    };
    let object = manifests.objects.iter().find(is);
    let data = |object: &Object| {
        let of = |field: &str| object.value.get(field)?.get(&key.key)?.as_str().map(str::to_owned);
        of("stringData").or_else(|| of("data").filter(|_| kind == "ConfigMap"))
    };
    match object.and_then(data) {
        Some(text) => Ok((title, Some(text))),
        None if key.optional => Ok((format!("{title} (optional)"), None)),
        None => Err(format!("values come from {title}, which only the cluster has")),
    }
}

/// A chart and all files of its folder or archive.
async fn chart(source: &ChartSource, files: &[File], this: &Names) -> Result<(Chart, Vec<rhumb_helm::File>), String> {
    let limits = Limits::default();
    match source {
        ChartSource::Git { url, path, .. } => {
            if !this.contain(url) {
                return Err(format!(
                    "the chart is in another git repository ({url}), which is not fetched; if it is this one, give --self {url}"
                ));
            }
            let prefix = format!("{}/", path.trim_matches('/'));
            let prefix = if prefix == "./" || prefix == "/" { String::new() } else { prefix };
            let files: Vec<rhumb_helm::File> = files
                .iter()
                .filter_map(|file| {
                    let path = file.path.strip_prefix(&prefix)?.to_owned();
                    Some(rhumb_helm::File { path, data: file.data.clone() })
                })
                .collect();
            if files.is_empty() {
                return Err(format!("there is no folder `{path}` in this repository"));
            }
            let chart = Chart::from_files(files.clone(), &limits).map_err(|error| chain(&error))?;
            Ok((chart, files))
        }
        ChartSource::Repository { url, name, version } => {
            let client =
                rhumb_io::charts::Client::new(rhumb_io::charts::Options::default()).map_err(|error| chain(&error))?;
            let archive = client.fetch(url, name, version).await.map_err(|error| chain(&error))?;
            let files = rhumb_helm::unpack(&archive.data, &limits).map_err(|error| chain(&error))?;
            let chart = Chart::from_archive(&archive.data, &limits).map_err(|error| chain(&error))?;
            Ok((chart, files))
        }
    }
}

/// `Kind name` of each object, with a count where a kind comes more than once.
fn render(chart: &Chart, spec: &Spec, values: &Map<String, Value>) -> Result<Vec<String>, String> {
    let release = ReleaseOptions {
        name: spec.release_name.clone(),
        namespace: spec.target_namespace.clone(),
        revision: 1,
        action: Action::Install,
    };
    let input = RenderInput {
        chart,
        values,
        integers: Integers::Float,
        release: &release,
        capabilities: &Capabilities::default(),
        entropy: Entropy::default(),
        limits: &Limits::default(),
    };
    let rendered = rhumb_helm::render(&input).map_err(|error| chain(&error))?;
    let mut kinds: Vec<(String, usize)> = Vec::new();
    // A document of comments alone is no object.
    for object in rendered.objects.iter().filter(|object| !object.head().is_null()) {
        let text = |pointer: &str| object.head().pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let kind = text("/kind").to_owned();
        if text("/metadata/name").is_empty() {
            return Err(format!(
                "{} makes an object of kind `{kind}` without metadata.name, which the cluster refuses",
                object.source
            ));
        }
        match kinds.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, count)) => *count += 1,
            None => kinds.push((kind, 1)),
        }
    }
    Ok(kinds.into_iter().map(|(kind, count)| if count == 1 { kind } else { format!("{count} {kind}") }).collect())
}
