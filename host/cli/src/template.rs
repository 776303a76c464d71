//! `rhumb template`: renders a chart folder or archive as `helm template` does.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use rhumb_helm::{Action, Capabilities, Chart, Entropy, File, Limits, Parts, ReleaseOptions, RenderInput};
use serde_json::{Map, Value};

use crate::print;

/// Options of `rhumb template`.
#[derive(Args, Debug)]
pub struct Arguments {
    /// Name of the release, `release-name` when left out, and the chart's folder or archive
    #[arg(num_args = 1..=2, required = true, value_names = ["NAME", "CHART"])]
    name_and_chart: Vec<String>,
    /// Values file; the last one wins
    #[arg(long, short = 'f', value_name = "FILE")]
    values: Vec<PathBuf>,
    /// Namespace of the release
    #[arg(long, short, default_value = "default")]
    namespace: String,
    /// Render as an upgrade
    #[arg(long)]
    is_upgrade: bool,
    /// Print the documents of crds/ first
    #[arg(long)]
    include_crds: bool,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let limits = Limits::default();
    let (name, path) = match arguments.name_and_chart.as_slice() {
        [name, chart] => (name.as_str(), PathBuf::from(chart)),
        [chart] => ("release-name", PathBuf::from(chart)),
        _ => bail!("expected [NAME] CHART"),
    };
    let chart = load(&path, &limits)?;
    let mut values = Map::new();
    for file in &arguments.values {
        let text = std::fs::read_to_string(file).with_context(|| format!("failed to read `{}`", file.display()))?;
        let layer = rhumb_yaml::from_str(&text).with_context(|| format!("failed to read `{}`", file.display()))?;
        match layer {
            Value::Object(layer) => values = rhumb_helm::values::merge(values, &layer),
            Value::Null => {}
            _ => bail!("`{}` is not a mapping", file.display()),
        }
    }
    let release = ReleaseOptions {
        name: name.to_owned(),
        namespace: arguments.namespace.clone(),
        revision: 1,
        action: if arguments.is_upgrade { Action::Upgrade } else { Action::Install },
    };
    let input = RenderInput {
        chart: &chart,
        values: &values,
        release: &release,
        capabilities: &Capabilities::default(),
        entropy: Entropy::default(),
        limits: &limits,
    };
    let rendered = rhumb_helm::render(&input).with_context(|| format!("failed to render `{}`", path.display()))?;
    let parts = if arguments.include_crds { Parts::WithCrds } else { Parts::Objects };
    print::out(&rhumb_helm::template_text(&rendered, parts));
    Ok(ExitCode::SUCCESS)
}

fn load(path: &Path, limits: &Limits) -> Result<Chart> {
    let failed = || format!("failed to load the chart `{}`", path.display());
    if path.is_dir() {
        let files = rhumb_io::files::read_tree(path, &|_| true).with_context(failed)?;
        let files = files.files.into_iter().map(|file| File { path: file.path, data: file.data }).collect();
        return Chart::from_files(files, limits).with_context(failed);
    }
    let archive = std::fs::read(path).with_context(failed)?;
    Chart::from_archive(&archive, limits).with_context(failed)
}
