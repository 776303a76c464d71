//! The releases of a repository: where each chart comes from, and what it would make.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rhumb_core::chain::chain;
use rhumb_core::environment::environment_of;
use rhumb_core::id::Digest;
use rhumb_core::manifest::{File, Manifests, Object};
use rhumb_core::policies::Last;
use rhumb_core::releases::{self, ChartSource, ChartView, KeyRef, Next, ReleaseView, ReleasesView, Spec, ValuesFrom};
use rhumb_core::values::{Origin, Sealed, seal};
use rhumb_core::{images, judge};
use rhumb_daemon::report::Step;
use rhumb_helm::{Action, Capabilities, Chart, Entropy, Integers, Limits, ReleaseOptions, RenderInput};
use rhumb_io::documents;
use rhumb_io::git::Names;
use serde_json::{Map, Value};

use super::attached::Attached;
use super::report::Release;

/// The URLs that mean this repository: its remotes (through git's `url.<base>.insteadOf`) and those that were given.
pub(super) fn own_names(dir: &Path, given: &[String]) -> Names {
    let mut names = Names::of_clone(dir);
    names.urls.extend(given.iter().cloned());
    names.urls.sort();
    names.urls.dedup();
    names
}

/// What releases are planned from.
struct World<'a> {
    attached: &'a Attached<'a>,
    files: &'a [File],
    manifests: &'a Manifests,
    this: &'a Names,
    namespaces: BTreeMap<String, BTreeMap<String, String>>,
}

/// Every HelmRelease.
pub(super) async fn releases(
    attached: &Attached<'_>,
    (files, manifests): (&[File], &Manifests),
    this: &Names,
) -> Vec<Release> {
    let world = World { attached, files, manifests, this, namespaces: images::namespaces(&manifests.objects) };
    let mut releases = Vec::new();
    for object in manifests.objects.iter().filter(|object| object.id.kind == "HelmRelease") {
        releases.push(release(&world, object).await);
    }
    releases
}

async fn release(world: &World<'_>, object: &Object) -> Release {
    let mut release = Release {
        object: object.id.namespaced(),
        place: format!("{}:{}", object.file, object.line),
        release: String::new(),
        source: String::new(),
        chart: String::new(),
        values: String::new(),
        transforms: Vec::new(),
        objects: Vec::new(),
        problem: None,
    };
    release.problem = fill(world, object, &mut release).await.err();
    release
}

/// Fills in what can be known, until something is wrong.
async fn fill(world: &World<'_>, object: &Object, release: &mut Release) -> Result<(), String> {
    let spec = Spec::parse(&object.value).map_err(|error| error.to_string())?;
    release.release = format!("{} in {}", spec.release_name, spec.target_namespace);
    release.source = match &spec.chart {
        ChartSource::Git { url, path, .. } => format!("{url} {path}"),
        ChartSource::Repository { url, name, version } => format!("{url} {name} {version}"),
    };
    // Values may come from the chart, but what is wrong with them is told first.
    let chart = chart(&spec.chart, world.files, world.this).await;
    let held: &[rhumb_helm::File] = chart.as_ref().map_or(&[], |(_, files)| files);
    let (layers, sealed) = match values(&spec, world.manifests, held).await {
        Ok(values) => values,
        Err(why) => return Err(chart.err().unwrap_or(why)),
    };
    release.values = layers;
    let (chart, _) = chart?;
    let metadata = chart.metadata();
    release.chart = format!("{} {}", metadata.name, metadata.version);
    let (values, transforms) = transformed(world, object, (&spec, &chart), sealed)?;
    release.transforms = transforms;
    release.objects = render(&chart, &spec, &values)?;
    Ok(())
}

/// The values as the chart gets them, and what each transform did: the very questions of the daemon.
fn transformed(
    world: &World<'_>,
    object: &Object,
    (spec, chart): (&Spec, &Chart),
    sealed: Sealed,
) -> Result<(Map<String, Value>, Vec<Step>), String> {
    let (attached, labels, metadata) = (world.attached, object.labels(), chart.metadata());
    let about = judge::Chart {
        name: metadata.name.clone(),
        version: metadata.version.clone(),
        app_version: metadata.app_version.clone(),
    };
    let release = ReleaseView {
        id: object.id.clone(),
        generation: 0,
        status: Value::Null,
        environment: environment_of(&labels, object.id.namespace.as_deref(), &world.namespaces),
        labels,
        annotations: object.annotations(),
        spec: Ok(spec.clone()),
        chart: Ok(ChartView { digest: Digest::of(""), revision: String::new(), title: String::new(), about }),
        values: Ok(sealed.clone()),
        secrets: Digest::of(""),
        history: Vec::new(),
        attempt: None,
    };
    let view = ReleasesView {
        now: attached.now,
        releases: Vec::new(),
        orphans: Vec::new(),
        in_flight: BTreeSet::new(),
        policies: attached.policies(&releases::attached([&release], &attached.bound)),
        bound: attached.bound.clone(),
        last: Last::default(),
        evidence: attached.evidence.clone(),
    };
    let mut decided = Vec::new();
    loop {
        match releases::next(&view, &release, &decided) {
            Next::Ask { question, .. } => decided.push(attached.sandbox.decide(&question)),
            Next::Stopped { policy, message, .. } if policy.is_empty() => return Err(message),
            Next::Stopped { policy, message, .. } => return Err(format!("value transform `{policy}`: {message}")),
            Next::Done { values, steps } => {
                let steps = steps.iter().map(|(policy, done)| Step::of(policy, done)).collect();
                return match sealed.unseal(&values).map_err(|error| error.to_string())? {
                    Value::Object(values) => Ok((values, steps)),
                    _ => Err("the values are not a mapping".to_owned()),
                };
            }
        }
    }
}

/// One layer of values: what it is, and its text; `None` for one that may be missing.
type Layer = (String, Option<String>);

/// Where values come from, and the values with secrets sealed: other objects' keys are taken from the same repository, files from the chart,
/// URLs are read.
async fn values(spec: &Spec, manifests: &Manifests, chart: &[rhumb_helm::File]) -> Result<(String, Sealed), String> {
    let mut titles = Vec::new();
    let mut layers = Vec::new();
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
            let secret = matches!(source, ValuesFrom::Secret(_));
            layers.push((if secret { Origin::Secret } else { Origin::Open }, layer));
        }
        titles.push(title);
    }
    if !spec.values.is_empty() || titles.is_empty() {
        titles.push("inline".to_owned());
    }
    if spec.reuse_values {
        titles.push("over those of the revision before".to_owned());
    }
    layers.push((Origin::Open, spec.values.clone()));
    Ok((titles.join(", "), seal(layers)))
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
