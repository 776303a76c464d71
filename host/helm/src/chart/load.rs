//! Makes a chart of its files.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::{File, Metadata, Node, archive};
use crate::error::Error;
use crate::limits::{Limits, Usage, count, nodes_of};

/// What loading took, over all sub-charts.
pub(super) struct Budget<'l> {
    limits: &'l Limits,
    bytes: usize,
    entries: usize,
    charts: usize,
    nodes: usize,
    /// The most of what does not add up.
    peaks: Usage,
}

impl<'l> Budget<'l> {
    pub(super) fn new(limits: &'l Limits) -> Self {
        Self { limits, bytes: 0, entries: 0, charts: 0, nodes: 0, peaks: Usage::default() }
    }

    /// What was taken.
    pub(super) fn usage(&self) -> Usage {
        Usage {
            chart_bytes: count(self.bytes),
            entries: count(self.entries),
            charts: count(self.charts),
            yaml_nodes: count(self.nodes),
            ..self.peaks
        }
    }

    fn peak(&mut self, usage: Usage) {
        self.peaks = self.peaks.most(usage);
    }

    /// Refuses a folder that cannot be that of a chart, whatever is ignored in it.
    pub(super) fn check_folder(&self, files: &[File]) -> Result<(), Error> {
        if files.len() > self.limits.entries {
            return Err(Error::limit("the number of files of the chart", "entries", self.limits.entries));
        }
        if files.iter().map(|file| file.data.len()).sum::<usize>() > self.limits.chart_bytes {
            return Err(Error::limit("the chart", "chart_bytes", self.limits.chart_bytes));
        }
        files.iter().try_for_each(|file| self.check_path(file))
    }

    fn check_path(&self, file: &File) -> Result<(), Error> {
        if file.path.len() <= self.limits.path_bytes {
            return Ok(());
        }
        let start: String = file.path.chars().take(60).collect();
        Err(Error::limit(format!("the path `{start}…`"), "path_bytes", self.limits.path_bytes))
    }

    fn enter(&mut self, depth: usize) -> Result<(), Error> {
        self.charts += 1;
        self.peak(Usage { chart_depth: count(depth), ..Usage::default() });
        if depth > self.limits.chart_depth {
            return Err(Error::limit("the nesting of sub-charts", "chart_depth", self.limits.chart_depth));
        }
        if self.charts > self.limits.charts {
            return Err(Error::limit("the number of sub-charts", "charts", self.limits.charts));
        }
        Ok(())
    }

    fn take(&mut self, file: &File) -> Result<(), Error> {
        let (path_bytes, file_bytes) = (count(file.path.len()), count(file.data.len()));
        self.peak(Usage { path_bytes, file_bytes, ..Usage::default() });
        self.check_path(file)?;
        self.entries += 1;
        self.bytes = self.bytes.saturating_add(file.data.len());
        if self.entries > self.limits.entries {
            return Err(Error::limit("the number of files of the chart", "entries", self.limits.entries));
        }
        if file.data.len() > self.limits.file_bytes {
            return Err(Error::limit(format!("the file `{}`", file.path), "file_bytes", self.limits.file_bytes));
        }
        if self.bytes > self.limits.chart_bytes {
            return Err(Error::limit("the chart", "chart_bytes", self.limits.chart_bytes));
        }
        Ok(())
    }
}

/// Loads a chart; `depth` counts the charts around it.
pub(super) fn chart(files: Vec<File>, budget: &mut Budget<'_>, depth: usize) -> Result<Node, Error> {
    budget.enter(depth)?;
    for file in &files {
        check_path(&file.path)?;
        // Files of sub-charts are counted where they are loaded.
        if !file.path.starts_with("charts/") {
            budget.take(file)?;
        }
    }
    let metadata = metadata(&files, budget)?;
    let mut node = Node {
        metadata,
        lock: None,
        values: Arc::default(),
        schema: None,
        templates: Vec::new(),
        files: Vec::new(),
        children: Vec::new(),
    };
    let mut subcharts: BTreeMap<String, Vec<File>> = BTreeMap::new();
    for file in files {
        sort_in(&mut node, &mut subcharts, file, budget)?;
    }
    validate(&node.metadata)?;
    for (name, files) in subcharts {
        if name.starts_with(['_', '.']) {
            continue;
        }
        let inside = |error| match error {
            Error::Chart { chart, message } if chart.is_empty() => {
                Error::Chart { chart: format!("{}/charts/{name}", node.metadata.name), message }
            }
            other => other,
        };
        let files = if name.ends_with(".tgz") { archives(&name, files, budget)? } else { folder(files) };
        let child = chart(files, budget, depth + 1).map_err(inside)?;
        node.children.push(child);
    }
    Ok(node)
}

/// Whether a path stays below the root and is written in the one way that has no other name.
pub(super) fn check_path(path: &str) -> Result<(), Error> {
    let escapes = path.is_empty()
        || path.starts_with('/')
        || path.contains(['\\', '\0'])
        || path.split('/').any(|part| matches!(part, "" | "." | ".."))
        || path.as_bytes().get(1) == Some(&b':');
    if escapes { Err(Error::Path { path: path.to_owned() }) } else { Ok(()) }
}

fn text(chart: &str, file: &File) -> Result<String, Error> {
    let wrong = |_| Error::chart(chart, format!("`{}` is not UTF-8", file.path));
    String::from_utf8(file.data.clone()).map_err(wrong)
}

/// The first document of a YAML file.
fn yaml(chart: &str, file: &File, budget: &mut Budget<'_>) -> Result<Value, Error> {
    let limits = budget.limits;
    budget.peak(Usage { values_bytes: count(file.data.len()), ..Usage::default() });
    if file.data.len() > limits.values_bytes {
        return Err(Error::limit(format!("the file `{}`", file.path), "values_bytes", limits.values_bytes));
    }
    let text = text(chart, file)?;
    let wrong = |source| Error::Yaml { chart: chart.to_owned(), file: file.path.clone(), source };
    let bounds = rhumb_yaml::Limits { bytes: limits.values_bytes, ..Default::default() };
    let value = rhumb_yaml::first_value(&text, &bounds).map_err(wrong)?;
    budget.nodes += nodes_of(&value);
    if budget.nodes > limits.yaml_nodes {
        return Err(Error::limit("the number of values of the chart's YAML", "yaml_nodes", limits.yaml_nodes));
    }
    Ok(value)
}

fn metadata(files: &[File], budget: &mut Budget<'_>) -> Result<Metadata, Error> {
    let file = |path: &str| files.iter().find(|file| file.path == path);
    let Some(main) = file("Chart.yaml") else { return Err(Error::chart("", "the file Chart.yaml is missing")) };
    let mut fields = match yaml("", main, budget)? {
        Value::Object(fields) => fields,
        _ => return Err(Error::chart("", "Chart.yaml is no map")),
    };
    if let Some(requirements) = file("requirements.yaml")
        && let Value::Object(more) = yaml("", requirements, budget)?
    {
        fields.extend(more);
    }
    texts(&mut fields);
    let name = fields.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    let wrong = |error| Error::chart(&name, format!("Chart.yaml cannot be read: {error}"));
    let mut metadata: Metadata = serde_json::from_value(Value::Object(fields)).map_err(wrong)?;
    if metadata.api_version.is_empty() {
        "v1".clone_into(&mut metadata.api_version);
    }
    Ok(metadata)
}

/// Turns numbers and booleans into text where Helm's struct has a string, as `sigs.k8s.io/yaml` does.
fn texts(fields: &mut Map<String, Value>) {
    for (key, value) in fields.iter_mut() {
        match (key.as_str(), &mut *value) {
            ("deprecated" | "enabled" | "import-values", _) => {}
            (_, Value::Null) if matches!(key.as_str(), "name" | "version" | "apiVersion") => *value = Value::from(""),
            (_, Value::Number(_)) => *value = Value::String(rhumb_yaml::to_string(value).trim_end().to_owned()),
            (_, Value::Bool(bool)) => *value = Value::String(bool.to_string()),
            ("annotations", Value::Object(inner)) => {
                inner.values_mut().filter(|value| value.is_null()).for_each(|value| *value = Value::from(""));
                texts(inner);
            }
            (_, Value::Object(inner)) => texts(inner),
            (_, Value::Array(items)) => items.iter_mut().for_each(|item| match item {
                Value::Object(inner) => texts(inner),
                Value::Number(_) => *item = Value::String(rhumb_yaml::to_string(item).trim_end().to_owned()),
                Value::Bool(bool) => *item = Value::String(bool.to_string()),
                _ => {}
            }),
            _ => {}
        }
    }
}

fn validate(metadata: &Metadata) -> Result<(), Error> {
    let name = &metadata.name;
    if name.is_empty() {
        return Err(Error::chart("", "Chart.yaml has no name"));
    }
    if name.contains(['/', '\\']) || name == "." || name == ".." {
        return Err(Error::chart(name, "the name in Chart.yaml is no file name"));
    }
    if metadata.version.is_empty() {
        return Err(Error::chart(name, "Chart.yaml has no version"));
    }
    match metadata.kind.as_deref() {
        None | Some("" | "application" | "library") => Ok(()),
        Some(kind) => Err(Error::chart(name, format!("the type `{kind}` in Chart.yaml is not known"))),
    }
}

fn sort_in(
    node: &mut Node,
    subcharts: &mut BTreeMap<String, Vec<File>>,
    file: File,
    budget: &mut Budget<'_>,
) -> Result<(), Error> {
    let name = node.metadata.name.clone();
    let is_v1 = node.metadata.api_version == "v1";
    match file.path.as_str() {
        "Chart.yaml" => {}
        "Chart.lock" | "requirements.lock" => {
            let mut lock = yaml(&name, &file, budget)?;
            if let Value::Object(fields) = &mut lock {
                texts(fields);
            }
            node.lock = Some(lock);
            if is_v1 && file.path == "requirements.lock" {
                node.files.push(file.into());
            }
        }
        "requirements.yaml" => node.files.extend(is_v1.then(|| file.into())),
        "values.yaml" => match yaml(&name, &file, budget)? {
            Value::Object(values) => node.values = Arc::new(values),
            Value::Null => {}
            _ => return Err(Error::chart(name, "values.yaml is no map")),
        },
        "values.schema.json" => node.schema = Some(Arc::new(file.data.into())),
        path if path.starts_with("templates/") => node.templates.push(Arc::new(file.into())),
        path if path.starts_with("charts/") && !path.ends_with(".prov") => {
            let inner = path.strip_prefix("charts/").unwrap_or_default().to_owned();
            let subchart = inner.split('/').next().unwrap_or_default().to_owned();
            subcharts.entry(subchart).or_default().push(File { path: inner, data: file.data });
        }
        _ => node.files.push(file.into()),
    }
    Ok(())
}

/// The files of a sub-chart that is packed.
fn archives(name: &str, files: Vec<File>, budget: &Budget<'_>) -> Result<Vec<File>, Error> {
    let packed = files.into_iter().find(|file| file.path == name);
    let packed = packed.ok_or_else(|| Error::chart(name, "a folder has the name of an archive"))?;
    archive::unpack(&packed.data, budget.limits)
}

/// The files of a sub-chart in a folder; files beside the folders of `charts/` are no charts.
fn folder(files: Vec<File>) -> Vec<File> {
    let inside = |file: File| {
        let path = file.path.split_once('/')?.1.to_owned();
        Some(File { path, data: file.data })
    };
    files.into_iter().filter_map(inside).collect()
}
