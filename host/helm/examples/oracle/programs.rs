//! The two programs that are compared.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rhumb_helm::{
    Action, Capabilities, Chart, Entropy, File, Hooks, Integers, Limits, Parts, ReleaseOptions, RenderInput, Rendered,
};
use serde_json::{Map, Value};

use crate::cases::{Case, Values};

/// The same folder as `cargo xtask servers` builds into.
const VERSION: &str = include_str!("../../../../tests/cluster/VERSION");

/// The real `helm`, where the cluster tests keep it.
pub(crate) fn helm() -> Result<PathBuf, String> {
    if let Some(path) = std::env::var_os("RHUMB_TEST_HELM") {
        return Ok(path.into());
    }
    let cache = ["RHUMB_TEST_CACHE", "XDG_CACHE_HOME"].iter().find_map(std::env::var_os).map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let folder = cache.or_else(home).ok_or("neither HOME nor XDG_CACHE_HOME is set")?;
    let helm = folder.join("rhumb").join(VERSION.trim()).join("helm");
    if helm.is_file() {
        return Ok(helm);
    }
    Err(format!("`{}` is not there\nhint: `cargo xtask servers` builds it", helm.display()))
}

/// What `helm template` prints, or why it refuses.
pub(crate) fn theirs(helm: &Path, case: &Case, scratch: &Path) -> Result<String, String> {
    let mut command = Command::new(helm);
    command.arg("template").arg("release-name").arg(&case.chart).args(["--include-crds", "--namespace", "default"]);
    // A `helm` that was not built by its own Makefile assumes an older cluster.
    command.args(["--kube-version", &Capabilities::default().kube_version]);
    for variable in ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"] {
        command.env(variable, scratch);
    }
    match &case.values {
        Values::None => {}
        Values::File(file) => {
            command.arg("--values").arg(file);
        }
        Values::Made(values) => {
            let file = scratch.join(format!("{:?}.json", std::thread::current().id()));
            std::fs::write(&file, values.to_string()).map_err(|error| format!("failed to write values: {error}"))?;
            command.arg("--values").arg(file);
        }
    }
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("failed to start helm: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
}

/// What this engine prints for the same, or why it refuses.
pub(crate) fn ours(case: &Case) -> Result<String, String> {
    Ok(rhumb_helm::template_text(&rendered(case)?, Parts::WithCrds, Hooks::All))
}

/// What this engine makes of it.
pub(crate) fn rendered(case: &Case) -> Result<Rendered, String> {
    let limits = Limits::default();
    let chart = if case.chart.is_dir() {
        let mut files = Vec::new();
        read(&case.chart, "", &mut files)?;
        Chart::from_files(files, &limits)
    } else {
        let data = std::fs::read(&case.chart).map_err(|error| error.to_string())?;
        Chart::from_archive(&data, &limits)
    };
    let chart = chart.map_err(|error| chain(&error))?;
    let values = match &case.values {
        Values::None => Map::new(),
        Values::Made(values) => values.as_object().cloned().unwrap_or_default(),
        Values::File(file) => {
            let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
            match rhumb_yaml::first_value(&text, &rhumb_yaml::Limits::default()).map_err(|error| chain(&error))? {
                Value::Object(values) => values,
                _ => Map::new(),
            }
        }
    };
    let release = ReleaseOptions {
        name: "release-name".to_owned(),
        namespace: "default".to_owned(),
        revision: 1,
        action: Action::Install,
    };
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |time| time.as_secs());
    let input = RenderInput {
        chart: &chart,
        values: &values,
        integers: Integers::Float,
        release: &release,
        capabilities: &Capabilities::default(),
        entropy: Entropy { seed: 7.into(), now: i64::try_from(now).unwrap_or_default() },
        limits: &limits,
    };
    rhumb_helm::render(&input).map_err(|error| chain(&error))
}

/// Files below a folder, links followed as Helm follows them.
fn read(folder: &Path, below: &str, files: &mut Vec<File>) -> Result<(), String> {
    let wrong = |error: std::io::Error| format!("failed to read `{}`: {error}", folder.display());
    for entry in std::fs::read_dir(folder).map_err(wrong)? {
        let entry = entry.map_err(wrong)?;
        let path = format!("{below}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            read(&entry.path(), &format!("{path}/"), files)?;
        } else {
            files.push(File { path, data: std::fs::read(entry.path()).map_err(wrong)? });
        }
    }
    Ok(())
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(&format!(": {error}"));
        source = error.source();
    }
    text
}
