//! Which charts, and which values for each.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

/// One rendering to compare.
pub(crate) struct Case {
    pub(crate) chart: PathBuf,
    /// `default`, the name of a values file, or what was switched.
    pub(crate) name: String,
    pub(crate) values: Values,
}

/// Values over those of the chart.
pub(crate) enum Values {
    None,
    File(PathBuf),
    Made(Value),
}

impl Case {
    pub(crate) fn chart_name(&self) -> String {
        self.chart.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    pub(crate) fn title(&self) -> String {
        format!("{} {}", self.chart_name(), self.name)
    }
}

/// The charts at and below these paths: folders with a `Chart.yaml`, not searched any deeper, and archives.
pub(crate) fn charts(paths: &[PathBuf]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut pending: Vec<PathBuf> = paths.to_vec();
    while let Some(path) = pending.pop() {
        if path.join("Chart.yaml").is_file() || path.extension().is_some_and(|end| end == "tgz") {
            found.push(path);
        } else if let Ok(entries) = std::fs::read_dir(&path) {
            // A link may lead back to a folder above it.
            let linked = |entry: &std::fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_symlink());
            pending.extend(entries.flatten().filter(|entry| !linked(entry)).map(|entry| entry.path()));
        }
    }
    found.sort();
    found
}

/// The cases of one chart.
pub(crate) fn of_chart(chart: &Path, switches: usize) -> Vec<Case> {
    let case = |name: &str, values: Values| Case { chart: chart.to_owned(), name: name.to_owned(), values };
    let mut cases = vec![case("default", Values::None)];
    let files = std::fs::read_dir(chart.join("ci")).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut files: Vec<PathBuf> = files.filter(|path| path.to_string_lossy().ends_with("values.yaml")).collect();
    files.sort();
    for file in files {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        cases.push(case(&name, Values::File(file)));
    }
    let text = std::fs::read_to_string(chart.join("values.yaml")).unwrap_or_default();
    let values = rhumb_yaml::first_value(&text, &rhumb_yaml::Limits::default()).unwrap_or(Value::Null);
    let mut switched = Vec::new();
    booleans(&values, &mut Vec::new(), &mut switched);
    for (name, wanted) in [("all-on", true), ("all-off", false)] {
        let changed: Vec<_> = switched.iter().filter(|(_, value)| *value != wanted).cloned().collect();
        if !changed.is_empty() {
            cases.push(case(name, Values::Made(flipped(&changed))));
        }
    }
    // Spread over the file, so that a long list does not stop at its first part.
    let step = switched.len().div_ceil(switches.max(1)).max(1);
    for one in switched.iter().step_by(step).take(switches) {
        let name = format!("{}={}", one.0.join("."), !one.1);
        cases.push(case(&name, Values::Made(flipped(std::slice::from_ref(one)))));
    }
    cases
}

/// Paths of all booleans in maps, with their values.
fn booleans(value: &Value, path: &mut Vec<String>, found: &mut Vec<(Vec<String>, bool)>) {
    match value {
        Value::Bool(bool) => found.push((path.clone(), *bool)),
        Value::Object(object) => {
            for (key, value) in object {
                path.push(key.clone());
                booleans(value, path, found);
                path.pop();
            }
        }
        _ => {}
    }
}

fn flipped(paths: &[(Vec<String>, bool)]) -> Value {
    let mut root = json!({});
    for (path, value) in paths {
        let mut slot = &mut root;
        for key in path {
            if !slot.is_object() {
                *slot = Value::Object(Map::new());
            }
            slot = &mut slot[key];
        }
        *slot = Value::Bool(!value);
    }
    root
}
