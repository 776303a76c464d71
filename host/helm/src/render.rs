//! From a chart and values to manifests, hooks and notes.

use std::rc::Rc;
use std::sync::Arc;

use serde_json::{Map, Value as Json};

use crate::capabilities::Capabilities;
use crate::chart::{Chart, Live, TemplateFile};
use crate::crds::Definitions;
use crate::error::Error;
use crate::functions::is_compatible_range;
use crate::limits::{Limits, Usage, count};
use crate::manifest::{self, Manifest, Sorted};
use crate::order;
use crate::record::Hook;
use crate::template::{Engine, Exec, Failure, TemplateSet, without_missing};
use crate::value::{Entries, Files, Shared, Text, Value, lossy};
use crate::values::{Nulls, coalesce, table};

/// What one evaluation takes at most of the stack, in a build that is not optimized, and what stands below them all.
const LEVEL_BYTES: usize = 11 << 10;
const BASE_BYTES: usize = 2 << 20;

/// What a release is rendered for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// `.Release.IsInstall`
    Install,
    /// `.Release.IsUpgrade`
    Upgrade,
}

/// `.Release`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseOptions {
    /// Name of the release.
    pub name: String,
    /// Namespace of the release.
    pub namespace: String,
    /// 1 for the first.
    pub revision: u32,
    /// Whether it is new.
    pub action: Action,
}

/// Where random numbers and the time come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Entropy {
    /// The same seed gives the same random values. Passwords and keys come from it, so in production nobody may know it.
    pub seed: Seed,
    /// Seconds since 1970-01-01T00:00:00Z.
    pub now: i64,
}

/// Where the stream of random numbers starts.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Seed(pub(crate) [u8; 32]);

impl From<[u8; 32]> for Seed {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl From<u64> for Seed {
    /// For plans and tests: too short to be a secret.
    fn from(number: u64) -> Self {
        let mut bytes = [0; 32];
        bytes.iter_mut().zip(number.to_le_bytes()).for_each(|(slot, byte)| *slot = byte);
        Self(bytes)
    }
}

impl std::fmt::Debug for Seed {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Seed(…)")
    }
}

/// What the whole numbers of a release's values are to templates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Integers {
    /// Go's `float64`, as all numbers of a document.
    Float,
    /// Go's `int64`, as those of `--set`; documents are laid below them with [`crate::set::floats`].
    Int64,
}

/// Everything that a rendering depends on.
#[derive(Clone, Copy, Debug)]
pub struct RenderInput<'a> {
    /// The chart.
    pub chart: &'a Chart,
    /// What the user supplied, over the chart's values.
    pub values: &'a Map<String, Json>,
    /// What whole numbers among them are.
    pub integers: Integers,
    /// The release.
    pub release: &'a ReleaseOptions,
    /// The cluster.
    pub capabilities: &'a Capabilities,
    /// Random numbers and time.
    pub entropy: Entropy,
    /// Bounds.
    pub limits: &'a Limits,
}

/// What a rendering gives.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rendered {
    /// As release records store it and `helm get manifest` prints it.
    pub manifest: String,
    /// The same documents, in install order.
    pub objects: Vec<Manifest>,
    /// Documents with a hook annotation, by kind.
    pub hooks: Vec<Hook>,
    /// What `NOTES.txt` of the chart prints.
    pub notes: String,
    /// The files of `crds/`, which are not templates.
    pub crds: Vec<Definitions>,
    /// Whether a template drew a random number or read the clock, so that the next rendering will differ.
    pub volatile: bool,
    /// What the chart and its rendering took of their bounds.
    pub used: Usage,
}

/// Renders a chart.
pub fn render(input: &RenderInput<'_>) -> Result<Rendered, Error> {
    let values = check_values(input)?;
    let failed = |message: &str| Error::chart(&input.chart.metadata().name, message);
    let mut rendered = on_a_thread(input.limits, || render_here(input)).map_err(|message| failed(&message))??;
    rendered.used = rendered.used.most(input.chart.used).most(values);
    Ok(rendered)
}

/// Runs this on a thread with a stack that is deep enough: templates are recursive by nature.
pub(crate) fn on_a_thread<T: Send>(limits: &Limits, work: impl FnOnce() -> T + Send) -> Result<T, String> {
    let stack = limits.evaluation_depth.saturating_mul(LEVEL_BYTES).saturating_add(BASE_BYTES);
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("render".to_owned()).stack_size(stack);
        let handle = thread.spawn_scoped(scope, work);
        let handle = handle.map_err(|_| "no thread could be started to render it".to_owned())?;
        handle.join().map_err(|_| "rendering it ran into a bug of this program".to_owned())
    })
}

/// Values come from outside too: their size and depth are bounded before anything walks through them.
fn check_values(input: &RenderInput<'_>) -> Result<Usage, Error> {
    let (mut left, mut deepest) = (input.limits.values_bytes, 0);
    let mut pending: Vec<(&Json, usize)> = input.values.values().map(|value| (value, 1)).collect();
    let mut keys: usize = input.values.keys().map(String::len).sum();
    while let Some((value, depth)) = pending.pop() {
        let size = match value {
            Json::String(text) => text.len(),
            Json::Array(items) => {
                pending.extend(items.iter().map(|item| (item, depth + 1)));
                0
            }
            Json::Object(object) => {
                keys += object.keys().map(String::len).sum::<usize>();
                pending.extend(object.values().map(|item| (item, depth + 1)));
                0
            }
            _ => 0,
        };
        let spent = size + std::mem::take(&mut keys) + 1;
        left = left.checked_sub(spent).ok_or_else(|| {
            Error::limit("the size of the values of the release", "values_bytes", input.limits.values_bytes)
        })?;
        deepest = deepest.max(depth);
        if depth > input.limits.values_depth {
            let what = "the depth of the values of the release";
            return Err(Error::limit(what, "values_depth", input.limits.values_depth));
        }
    }
    let bytes = input.limits.values_bytes - left;
    Ok(Usage { values_bytes: count(bytes), values_depth: count(deepest), ..Usage::default() })
}

fn render_here(input: &RenderInput<'_>) -> Result<Rendered, Error> {
    let mut chart = input.chart.root.live();
    check_dependencies(&chart)?;
    let charts = chart.process_dependencies(input.values, input.limits)?;
    check_chart(&chart, input.capabilities)?;
    let values = Value::Values(coalesce(&chart, &table(input.values, input.integers), Nulls::Remove)?);
    crate::schema::check(&chart, &values)?;
    let top = Top { release: release(input.release), capabilities: input.capabilities.value() };
    let mut templates = Vec::new();
    let path = chart.metadata.name.clone();
    collect(&chart, &path, &top, values, &mut templates);
    // The parent's definitions win, so it comes last.
    templates.sort_by(|a, b| {
        let depth = |template: &Source| template.path.matches('/').count();
        depth(b).cmp(&depth(a)).then_with(|| b.path.cmp(&a.path))
    });
    let engine = Engine::new(input.limits, input.entropy);
    let (mut set, mut nesting) = (TemplateSet::default(), 0);
    for template in &templates {
        let located = |failure: Box<Failure>| Error::template(*failure.in_file(&template.path), &template.path);
        // Counted whether or not an earlier rendering parsed it, so that a chart passes its limit each time or never.
        engine.spend(template.file.file.data.len() / 16).map_err(located)?;
        let parsed = template.file.parsed().map_err(located)?;
        nesting = nesting.max(parsed.nesting);
        if nesting > input.limits.template_nesting {
            let what = format!("the nesting of `{}`", template.path);
            return Err(Error::limit(what, "template_nesting", input.limits.template_nesting));
        }
        set.add(&template.path, parsed, &parsed.definitions);
    }
    let set = Rc::new(set);
    let mut printed = Vec::new();
    for template in templates.iter().filter(|template| !is_partial(&template.path)) {
        if let Value::Values(scope) = &template.scope {
            let name = Value::Text(template.path.clone());
            let entries = Entries::from([("Name".into(), name), ("BasePath".into(), template.base.clone())]);
            scope.0.borrow_mut().insert("Template".into(), Value::Values(Rc::new(entries.into())));
        }
        let text = Exec::run(&engine, &set, &template.path, template.scope.clone());
        let text = text.map_err(|failure| Error::template(*failure, &template.path))?;
        printed.push((template.path.to_string(), without_missing(&text).into_owned()));
    }
    let mut rendered = assemble(&path, printed, input.limits)?;
    rendered.volatile = engine.volatile.get();
    let (charts, template_nesting) = (count(charts), count(nesting));
    rendered.used = Usage { charts, template_nesting, ..engine.usage().most(rendered.used) };
    crds(&chart, &path, &mut rendered.crds);
    Ok(rendered)
}

/// Refuses a chart whose sub-charts were not fetched.
fn check_dependencies(chart: &Live) -> Result<(), Error> {
    let there = |name: &str| chart.children.iter().any(|child| child.metadata.name == name);
    let missing: Vec<&str> =
        chart.metadata.dependencies.iter().map(|one| one.name.as_str()).filter(|name| !there(name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let message = format!("found in Chart.yaml, but missing in charts/ directory: {}", missing.join(", "));
    Err(Error::chart(&chart.metadata.name, message))
}

/// Refuses what would be rendered differently from Helm or not at all.
fn check_chart(chart: &Live, capabilities: &Capabilities) -> Result<(), Error> {
    let name = chart.metadata.name.clone();
    if let Some(range) = chart.metadata.kube_version.as_ref().filter(|range| !range.is_empty())
        && !is_compatible_range(range, &capabilities.kube_version)
    {
        let version = capabilities.kube_version.clone();
        return Err(Error::KubeVersion { chart: name, range: range.clone(), version });
    }
    if chart.is_library() {
        return Err(Error::chart(name, "library charts are not installable"));
    }
    Ok(())
}

/// What all charts of a rendering share.
struct Top {
    release: Value,
    capabilities: Value,
}

fn release(options: &ReleaseOptions) -> Value {
    let text = |text: &str| Value::text(text);
    Value::map(Entries::from([
        ("Name".into(), text(&options.name)),
        ("Namespace".into(), text(&options.namespace)),
        ("Service".into(), text("Helm")),
        ("Revision".into(), Value::Int(i64::from(options.revision))),
        ("IsInstall".into(), Value::Bool(options.action == Action::Install)),
        ("IsUpgrade".into(), Value::Bool(options.action == Action::Upgrade)),
    ]))
}

/// One template file and what it sees.
struct Source {
    path: Text,
    file: Arc<TemplateFile>,
    scope: Value,
    base: Value,
}

/// Gathers the templates of a chart and its sub-charts; gives what templates of this chart see.
fn collect(chart: &Live, path: &str, top: &Top, values: Value, sources: &mut Vec<Source>) -> Value {
    let place = if path == chart.metadata.name && !path.contains('/') {
        crate::chart::Place::Root
    } else {
        crate::chart::Place::Sub
    };
    let subcharts = Value::map(Entries::new());
    let scope = Value::Values(Rc::new(Shared::from(Entries::from([
        ("Chart".into(), chart.metadata.value(&place)),
        ("Files".into(), Value::Files(Rc::new(Files::new(&chart.files)))),
        ("Release".into(), top.release.clone()),
        ("Capabilities".into(), top.capabilities.clone()),
        ("Values".into(), values.clone()),
        ("Subcharts".into(), subcharts.clone()),
    ]))));
    for child in &chart.children {
        let name = child.metadata.name.as_str();
        let inner = match &values {
            Value::Map(values) | Value::Values(values) => values.get(name),
            _ => Value::Nil,
        };
        let inner = match inner {
            Value::Map(inner) | Value::Values(inner) => Value::Values(inner),
            _ => Value::Values(Rc::default()),
        };
        let below = collect(child, &format!("{path}/charts/{name}"), top, inner, sources);
        if let Value::Map(subcharts) = &subcharts {
            // Helm hands these over as plain maps.
            let below = match below {
                Value::Values(below) => Value::Map(below),
                other => other,
            };
            subcharts.0.borrow_mut().insert(name.into(), below);
        }
    }
    for file in &chart.templates {
        if chart.is_library() && !is_partial(&file.file.path) {
            continue;
        }
        sources.push(Source {
            path: format!("{path}/{}", file.file.path).into(),
            file: Arc::clone(file),
            scope: scope.clone(),
            base: Value::text(format!("{path}/templates")),
        });
    }
    scope
}

fn is_partial(path: &str) -> bool {
    path.rsplit('/').next().is_some_and(|name| name.starts_with('_'))
}

/// Sorts what the templates printed into objects, hooks and notes.
fn assemble(chart: &str, mut printed: Vec<(String, String)>, limits: &Limits) -> Result<Rendered, Error> {
    let mut rendered = Rendered::default();
    let mut nodes = 0;
    let notes = format!("{chart}/templates/NOTES.txt");
    printed.retain(|(path, text)| {
        if *path == notes {
            rendered.notes = lossy(text).into_owned();
        }
        !path.ends_with("NOTES.txt")
    });
    printed.sort_by(|a, b| a.0.cmp(&b.0));
    for (path, text) in printed {
        for document in manifest::split(&text) {
            let manifest = manifest::parse(&path, document)?;
            nodes += manifest.nodes;
            if nodes > limits.yaml_nodes {
                let what = "the number of values of all objects";
                return Err(Error::limit(what, "yaml_nodes", limits.yaml_nodes));
            }
            match manifest::sort(manifest) {
                Sorted::Object(manifest) => rendered.objects.push(manifest),
                Sorted::Hook(hook) => rendered.hooks.push(hook),
                Sorted::Dropped => {}
            }
        }
    }
    rendered.used.yaml_nodes = count(nodes);
    order::install(&mut rendered.objects);
    rendered.hooks.sort_by(|a, b| order::compare_kinds(&a.kind, &b.kind));
    for one in &rendered.objects {
        rendered.manifest.push_str(&format!("---\n# Source: {}\n{}\n", one.source, one.text));
    }
    Ok(rendered)
}

/// Gathers the files below `crds/` of a chart and its sub-charts.
fn crds(chart: &Live, path: &str, found: &mut Vec<Definitions>) {
    for file in &chart.files {
        let extension = file.path.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
        if file.path.starts_with("crds/") && matches!(extension.as_str(), "yaml" | "yml" | "json") {
            found.push(Definitions::new(format!("{path}/{}", file.path), Arc::clone(file)));
        }
    }
    chart.children.iter().for_each(|child| crds(child, &format!("{path}/charts/{}", child.metadata.name), found));
}
