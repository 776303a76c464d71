//! What the daemon is told: where things are and how often to look. The only reader of the environment is clap.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use rhumb_io::registry;

/// Options of `rhumbd`. Flux v1's names where Flux has them.
#[derive(Args, Clone, Debug)]
pub struct Config {
    /// URL of the config repository: ssh://git@host/path, git@host:path, https://…, file://… or a path
    #[arg(long, env = "RHUMB_GIT_URL")]
    pub git_url: String,
    /// Branch to follow and to commit to
    #[arg(long, env = "RHUMB_GIT_BRANCH", default_value = "master")]
    pub git_branch: String,
    /// Folders of the repository that hold manifests; the whole repository when none is given
    #[arg(long, env = "RHUMB_GIT_PATH", value_delimiter = ',')]
    pub git_path: Vec<String>,
    /// Another URL under which HelmReleases name the config repository
    #[arg(long, value_delimiter = ',')]
    pub git_alias: Vec<String>,
    /// Branch, tag or commit of other repositories that charts come from, when a HelmRelease names none
    #[arg(long, default_value = "master")]
    pub git_default_ref: String,
    /// Longest wait for a git server to connect, to answer or to send more, in seconds
    #[arg(long, default_value = "20", value_parser = seconds)]
    pub git_timeout: Duration,
    /// Keys of SSH servers, as OpenSSH keeps them; when not given, the key `known_hosts` of the Secret
    /// `flux-git-deploy`. github.com, gitlab.com and bitbucket.org are known without
    #[arg(long, value_name = "FILE")]
    pub ssh_known_hosts: Option<PathBuf>,
    /// File with the token for git over https; read again before each use
    #[arg(long, value_name = "FILE")]
    pub git_token_file: Option<PathBuf>,
    /// User that goes with the token of the file; most git hosts take any
    #[arg(long, default_value = "git")]
    pub git_token_user: String,
    /// Secret with the keys `username` and `password` for git over https, in the daemon's namespace
    #[arg(long, value_name = "NAME", conflicts_with = "git_token_file")]
    pub git_token_secret: Option<String>,
    /// Certificates (PEM) that are trusted for git over https besides the machine's own
    #[arg(long, value_name = "FILE")]
    pub git_ca_file: Option<PathBuf>,
    /// Name on the commits
    #[arg(long, default_value = "Rhumb")]
    pub git_user: String,
    /// Mail address on the commits
    #[arg(long, default_value = "rhumb@localhost")]
    pub git_email: String,
    /// How often to fetch the repository, in seconds
    #[arg(long, default_value = "300", value_parser = seconds)]
    pub git_poll_interval: Duration,
    /// How often to compare the cluster with git, in seconds
    #[arg(long, default_value = "300", value_parser = seconds)]
    pub sync_interval: Duration,
    /// How often to look for new images, in seconds
    #[arg(long, default_value = "300", value_parser = seconds)]
    pub automation_interval: Duration,
    /// How often to look at every release, in seconds
    #[arg(long, default_value = "180", value_parser = seconds)]
    pub charts_sync_interval: Duration,
    /// How many releases are rendered and applied at the same time; those that wait to become ready do not count
    #[arg(long, default_value = "10")]
    pub workers: NonZeroUsize,
    /// Delete objects that left the repository
    #[arg(long)]
    pub sync_garbage_collection: bool,
    /// Folder for the mirror, the store and compiled policies
    #[arg(long, env = "RHUMB_STATE", default_value = "/var/lib/rhumb")]
    pub state: PathBuf,
    /// Folder with the policies that ship with Rhumb (*.wasm)
    #[arg(long, env = "RHUMB_POLICIES", default_value = "/usr/share/rhumb/policies")]
    pub policies: PathBuf,
    /// Where policies run: in processes without credentials, network or files, or in the daemon itself
    #[arg(long, value_enum, default_value_t = PolicyIsolation::Process)]
    pub policy_isolation: PolicyIsolation,
    /// Kubeconfig; the pod's service account when not given
    #[arg(long, env = "KUBECONFIG")]
    pub kubeconfig: Option<PathBuf>,
    /// Namespace of the daemon's own objects
    #[arg(long, env = "RHUMB_NAMESPACE", default_value = "rhumb")]
    pub namespace: String,
    /// Name of this daemon among others that may run in the namespace; its pod's name in a cluster
    #[arg(long, env = "HOSTNAME", default_value = "rhumbd")]
    pub name: String,
    /// How registries are reached
    #[command(flatten)]
    pub registries: Registries,
    /// Ask another Helm repository in place of one, such as `https://charts.example.com=https://mirror.example.com/charts`
    #[arg(long, value_name = "URL=MIRROR", value_delimiter = ',', value_parser = chart_mirror)]
    pub chart_mirror: Vec<(String, String)>,
    /// Address for webhooks of git hosts (/git) and registries (/registry), such as 0.0.0.0:3031; none when not given
    #[arg(long, env = "RHUMB_LISTEN_WEBHOOKS", value_name = "ADDRESS")]
    pub listen_webhooks: Option<std::net::SocketAddr>,
    /// Address of the operator's API; keep it on loopback, it asks for no password
    #[arg(long, env = "RHUMB_LISTEN", default_value = "127.0.0.1:3030")]
    pub listen: std::net::SocketAddr,
}

/// Where policies run.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyIsolation {
    /// In processes of their own.
    Process,
    /// In the daemon.
    InProcess,
}

/// How registries are reached; the same for `rhumb plan --registry`.
#[derive(Args, Clone, Debug, Default)]
pub struct Registries {
    /// Registry hosts to talk plain HTTP to; loopback hosts always are
    #[arg(long, value_name = "HOST", value_delimiter = ',')]
    pub registry_insecure_host: Vec<String>,
    /// Ask another registry in place of one, such as docker.io=mirror.example.com:5000
    #[arg(long, value_name = "HOST=MIRROR", value_delimiter = ',', value_parser = mirror)]
    pub registry_mirror: Vec<(String, String)>,
    /// Docker config (config.json) with credentials for registries; read anew each time
    #[arg(long, value_name = "FILE")]
    pub docker_config: Option<PathBuf>,
}

impl Registries {
    /// A client without credentials yet.
    pub fn client(&self) -> Result<registry::Client, rhumb_io::web::Failure> {
        registry::Client::new(registry::Options {
            insecure: self.registry_insecure_host.iter().cloned().collect(),
            mirrors: self.registry_mirror.iter().cloned().collect(),
            ..registry::Options::default()
        })
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let number = text.strip_suffix('s').unwrap_or(text);
    match number.parse::<u64>() {
        Ok(seconds) if seconds > 0 => Ok(Duration::from_secs(seconds)),
        _ => Err("expected a whole number of seconds, at least 1".to_owned()),
    }
}

fn mirror(text: &str) -> Result<(String, String), String> {
    let host = |host: &str| !host.is_empty() && !host.contains(['/', '@', ' ']);
    match text.split_once('=') {
        Some((from, to)) if host(from) && host(to.strip_prefix("https://").unwrap_or(to)) => {
            Ok((from.to_owned(), to.to_owned()))
        }
        _ => Err("expected REGISTRY=MIRROR, both as host or host:port".to_owned()),
    }
}

fn chart_mirror(text: &str) -> Result<(String, String), String> {
    let is_url = |url: &str| {
        let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
        rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/') && !rest.contains(['@', ' ']))
    };
    match text.split_once('=') {
        Some((from, to)) if is_url(from) && is_url(to) => Ok((from.to_owned(), to.to_owned())),
        _ => Err("expected URL=MIRROR, both with http:// or https://".to_owned()),
    }
}
