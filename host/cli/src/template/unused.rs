//! Flags of `helm template` that change nothing in what it prints, so that scripts which set them go on working, and
//! those that would but cannot be had here.

use anyhow::{Result, bail};
use clap::Args;

/// They are not in the help.
#[derive(Args, Debug)]
pub(super) struct Flags {
    #[arg(long, hide = true)]
    atomic: bool,
    #[arg(long, hide = true)]
    create_namespace: bool,
    #[arg(long, hide = true)]
    debug: bool,
    #[arg(long, hide = true)]
    description: Option<String>,
    #[arg(long, hide = true)]
    devel: bool,
    #[arg(long, hide = true)]
    disable_openapi_validation: bool,
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "client")]
    dry_run: Option<String>,
    #[arg(long, hide = true)]
    force: bool,
    #[arg(long, hide = true)]
    hide_notes: bool,
    #[arg(long, short, hide = true)]
    labels: Vec<String>,
    #[arg(long, hide = true)]
    render_subchart_notes: bool,
    #[arg(long, hide = true)]
    replace: bool,
    #[arg(long, hide = true)]
    skip_crds: bool,
    #[arg(long, hide = true)]
    take_ownership: bool,
    #[arg(long, hide = true)]
    timeout: Option<String>,
    #[arg(long, hide = true)]
    wait: bool,
    #[arg(long, hide = true)]
    wait_for_jobs: bool,

    #[arg(long, hide = true)]
    dependency_update: bool,
    #[arg(long, hide = true)]
    enable_dns: bool,
    #[arg(long, hide = true)]
    output_dir: Option<String>,
    #[arg(long, hide = true)]
    post_renderer: Option<String>,
    #[arg(long, hide = true)]
    repo: Option<String>,
    #[arg(long, hide = true)]
    validate: bool,
    #[arg(long, hide = true)]
    verify: bool,
    #[arg(long, hide = true)]
    version: Option<String>,
}

impl Flags {
    /// Refuses what would make a silent difference.
    pub(super) fn refuse(&self) -> Result<()> {
        let asks_server = self.dry_run.as_deref().is_some_and(|kind| matches!(kind, "server" | "none" | "false"));
        let refused = [
            (
                self.validate,
                "--validate",
                "nothing here talks to a cluster: pipe the output to `kubectl apply --dry-run=server`",
            ),
            (
                asks_server,
                "--dry-run=server",
                "nothing here talks to a cluster: pipe the output to `kubectl apply --dry-run=server`",
            ),
            (self.dependency_update, "--dependency-update", "run `helm dependency update` on the chart first"),
            (self.enable_dns, "--enable-dns", "templates look up no names here"),
            (self.output_dir.is_some(), "--output-dir", "redirect the output to a file"),
            (self.post_renderer.is_some(), "--post-renderer", "pipe the output to the program"),
            (self.repo.is_some(), "--repo", "`helm pull` the chart first, and give the file"),
            (self.version.is_some(), "--version", "`helm pull` the chart first, and give the file"),
            (self.verify, "--verify", "`helm verify` the archive first"),
        ];
        match refused.into_iter().find(|(given, ..)| *given) {
            Some((_, flag, hint)) => bail!("`{flag}` is not supported\n\nhint: {hint}"),
            None => Ok(()),
        }
    }
}
