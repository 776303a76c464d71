//! `rhumb template`: renders a chart folder or archive as `helm template` does, with its flags.

mod unused;
mod values;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, anyhow, bail};
use clap::Args;
use rhumb_helm::{
    Action, Capabilities, Chart, Entropy, File, Hooks, Integers, Limits, Parts, ReleaseOptions, RenderInput,
};

use crate::print;

/// The name of a release that was given none.
const NAME: &str = "release-name";

/// Options of `rhumb template`.
#[derive(Args, Debug)]
pub struct Arguments {
    /// Name of the release, `release-name` when left out, and the chart's folder or archive
    #[arg(num_args = 1..=2, required = true, value_names = ["NAME", "CHART"])]
    name_and_chart: Vec<String>,
    #[command(flatten)]
    values: values::Given,
    /// Namespace of the release
    #[arg(long, short, default_value = "default")]
    namespace: String,
    /// Name the release with a template
    #[arg(long, value_name = "TEMPLATE", default_value = "", hide_default_value = true)]
    name_template: String,
    /// Leave out NAME; it is `release-name` then
    #[arg(long, short)]
    generate_name: bool,
    /// Render as an upgrade
    #[arg(long)]
    is_upgrade: bool,
    /// Print the documents of crds/ first
    #[arg(long)]
    include_crds: bool,
    /// Print no hooks
    #[arg(long)]
    no_hooks: bool,
    /// Print no hooks that are tests
    #[arg(long)]
    skip_tests: bool,
    /// Print only what these templates make, such as `templates/service.yaml`; `*` and `?` are any text in a name
    #[arg(long, short, value_name = "TEMPLATE")]
    show_only: Vec<String>,
    /// APIs that the cluster has besides Kubernetes' own
    #[arg(long, short, value_name = "API", value_delimiter = ',')]
    api_versions: Vec<String>,
    /// Version of the cluster
    #[arg(long, value_name = "VERSION")]
    kube_version: Option<String>,
    /// Do not check values against values.schema.json
    #[arg(long)]
    skip_schema_validation: bool,
    #[command(flatten)]
    unused: unused::Flags,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    arguments.unused.refuse()?;
    let limits = Limits::default();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    let seed: [u8; 32] = rand::random();
    let entropy = Entropy { seed: seed.into(), now: i64::try_from(now).unwrap_or_default() };
    let (name, path) = name_and_chart(arguments, entropy, &limits)?;
    let values = arguments.values.merged()?;
    let mut chart = load(&path, &limits)?;
    if arguments.skip_schema_validation {
        chart = chart.without_schemas();
    }
    rhumb_helm::check_release_name(&name).map_err(|message| anyhow!(message))?;
    let release = ReleaseOptions {
        name,
        namespace: arguments.namespace.clone(),
        revision: 1,
        action: if arguments.is_upgrade { Action::Upgrade } else { Action::Install },
    };
    let input = RenderInput {
        chart: &chart,
        values: &values,
        integers: Integers::Int64,
        release: &release,
        capabilities: &capabilities(arguments)?,
        entropy,
        limits: &limits,
    };
    let rendered = rhumb_helm::render(&input).with_context(|| format!("failed to render `{}`", path.display()))?;
    let parts = if arguments.include_crds { Parts::WithCrds } else { Parts::Objects };
    let hooks = match arguments {
        Arguments { no_hooks: true, .. } => Hooks::None,
        Arguments { skip_tests: true, .. } => Hooks::WithoutTests,
        _ => Hooks::All,
    };
    let text = rhumb_helm::template_text(&rendered, parts, hooks);
    if arguments.show_only.is_empty() {
        print::out(&text);
    } else {
        print::out(&rhumb_helm::show_only(&text, &arguments.show_only).map_err(|message| anyhow!(message))?);
    }
    Ok(ExitCode::SUCCESS)
}

/// Helm's rules for which of the flags and arguments names the release.
fn name_and_chart(arguments: &Arguments, entropy: Entropy, limits: &Limits) -> Result<(String, PathBuf)> {
    match arguments.name_and_chart.as_slice() {
        [_, _] if arguments.generate_name => bail!("cannot set --generate-name and also specify a name"),
        [_, _] if !arguments.name_template.is_empty() => bail!("cannot set --name-template and also specify a name"),
        [name, chart] => Ok((name.clone(), chart.into())),
        [chart] if arguments.name_template.is_empty() => Ok((NAME.to_owned(), chart.into())),
        [chart] => {
            let name = rhumb_helm::name_from_template(&arguments.name_template, entropy, limits);
            Ok((name.context("failed to name the release")?, chart.into()))
        }
        _ => bail!("expected [NAME] CHART"),
    }
}

fn capabilities(arguments: &Arguments) -> Result<Capabilities> {
    let mut capabilities = Capabilities::default();
    capabilities.api_versions.extend(arguments.api_versions.iter().cloned());
    if let Some(version) = arguments.kube_version.as_ref().filter(|version| !version.is_empty()) {
        capabilities.kube_version = Capabilities::parse_kube_version(version).map_err(|message| anyhow!(message))?;
    }
    Ok(capabilities)
}

fn load(path: &Path, limits: &Limits) -> Result<Chart> {
    let failed = || format!("failed to load the chart `{}`", path.display());
    if let Some((scheme, _)) = path.to_str().and_then(|path| path.split_once("://")) {
        bail!("a chart at `{scheme}://` is not fetched\n\nhint: `helm pull` it first, and give the file");
    }
    if path.is_dir() {
        let files = rhumb_io::files::read_tree(path, &|_| true).with_context(failed)?;
        let files = files.files.into_iter().map(|file| File { path: file.path, data: file.data }).collect();
        return Chart::from_files(files, limits).with_context(failed);
    }
    let archive = std::fs::read(path).with_context(failed)?;
    Chart::from_archive(&archive, limits).with_context(failed)
}
