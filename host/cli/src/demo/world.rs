//! The embedded servers, and one daemon among them, with a clock that the story moves.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use rhumb_daemon::clock::Clock;
use rhumb_daemon::config::{Config, PolicyIsolation, Registries};
use rhumb_daemon::driver::{Daemon, Passes};
use rhumb_daemon::event::Event;
use rhumb_daemon::operator;
use rhumb_daemon::report::{Explanation, History, Image, Release};
use rhumb_io::cluster::{Cluster, Connection};
use rhumb_sim::{api, charts, git, image, registry};

/// Where the story begins: 2026-11-23T13:30:00Z.
const START_MILLIS: u64 = 1_795_440_600_000;
/// What the example's manifests call the registry, its image and the chart repository.
const REGISTRY: &str = "registry.example.com";
const CHARTS: &str = "https://charts.example.com";
/// What the example's manifests call the config repository.
const GIT: &str = "git@example.com:rhumb/get-started";
/// Kinds that the story shows of a namespace.
const KINDS: [(&str, &str); 5] = [
    ("apps/v1", "Deployment"),
    ("autoscaling/v2", "HorizontalPodAutoscaler"),
    ("bitnami.com/v1alpha1", "SealedSecret"),
    ("v1", "Service"),
    ("v1", "ServiceAccount"),
];
/// The tags that the example's releases begin with.
const TAGS: [&str; 4] = ["dev-kb9lm91e", "stg-9ij63o4c", "0.4.9", "hotfix-2x8k1v0q"];
/// The image of the story.
pub(super) const IMAGE: &str = "rhumb/podinfo";

/// Everything that the story runs on. Servers go down when it is dropped.
pub struct World {
    /// The folder of the remote, of the daemon's state and of the kubeconfig.
    pub folder: tempfile::TempDir,
    /// The embedded Kubernetes API.
    pub api: api::Server,
    /// The embedded registry.
    pub registry: registry::Server,
    /// The embedded Helm repository.
    pub charts: charts::Server,
    /// The embedded git remote.
    pub remote: git::Remote,
    /// The daemon.
    pub daemon: Arc<Daemon>,
    clock: rhumb_sim::Clock,
    moved: Arc<AtomicU64>,
    examples: PathBuf,
}

/// Where the parts of the story come from.
#[derive(Clone, Debug)]
pub struct Sources {
    /// The folder `examples` of the project.
    pub examples: PathBuf,
    /// The folder with the built policies.
    pub policies: PathBuf,
}

impl Sources {
    /// The project's own folders, when the binary was built in its tree.
    pub fn of_project() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        Self { examples: root.join("examples"), policies: crate::policy_folder() }
    }
}

impl World {
    /// Starts all servers, seeds the config repository, pushes the images that its releases begin with.
    pub async fn start(sources: &Sources) -> Result<Self> {
        let folder =
            tempfile::Builder::new().prefix("rhumb-").tempdir().context("failed to make a temporary folder")?;
        let clock = rhumb_sim::Clock::fixed(START_MILLIS);
        let moved = Arc::new(AtomicU64::new(START_MILLIS));
        let api = api::Server::start(api::Options { clock: clock.clone(), crds: api::KINDS.to_vec() }).await?;
        let registry = registry::Server::start().await?;
        let charts = charts::Server::start(clock.clone()).await?;
        charts.add(&sources.examples.join("charts/sealed-secrets"))?;
        let remote = git::Remote::create(&folder.path().join("get-started.git"), clock.clone())?;
        let host = registry.host();
        let url = charts.url();
        remote.seed(&sources.examples.join("get-started"), &[(REGISTRY, host.as_str()), (CHARTS, url.as_str())])?;
        let kubeconfig = folder.path().join("kubeconfig");
        std::fs::write(&kubeconfig, api.kubeconfig()).context("failed to write the kubeconfig")?;
        let config = config(&remote, folder.path(), sources);
        let cluster = Cluster::connect(Connection::KubeconfigFile(kubeconfig)).await?;
        let daemon = Daemon::start(config, Clock::Moved(Arc::clone(&moved)), cluster).await?;
        let world =
            Self { folder, api, registry, charts, remote, daemon, clock, moved, examples: sources.examples.clone() };
        for tag in TAGS {
            world.push_image(tag).await?;
        }
        Ok(world)
    }

    /// Pushes an image under this tag, built now. Returns its whole reference.
    pub async fn push_image(&self, tag: &str) -> Result<String> {
        let options = image::Options { created: self.clock.now(), ..image::Options::default() };
        image::push(&self.registry.url(), IMAGE, tag, &options).await?;
        Ok(format!("{}/{IMAGE}:{tag}", self.registry.host()))
    }

    /// Tells the daemon that something may have changed, and lets it work until nothing is due.
    pub async fn settle_after(&self, event: Event) -> Passes {
        self.daemon.notify(event);
        self.settle().await
    }

    /// Lets the daemon work until nothing is due.
    pub async fn settle(&self) -> Passes {
        self.daemon.settle().await
    }

    /// Commits to the config repository as somebody else. Texts of the example are rewritten as at the start.
    pub fn commit(&self, message: &str, files: &[(&str, &str)]) -> Result<String> {
        let host = self.registry.host();
        let url = self.charts.url();
        let files: Vec<git::File> = files
            .iter()
            .map(|(path, text)| git::File::new(path, &text.replace(REGISTRY, &host).replace(CHARTS, &url)))
            .collect();
        Ok(self.remote.commit("Jo", message, &files)?)
    }

    /// Commits one of the prepared steps (`examples/get-started-steps`). Returns the paths that it added.
    pub fn commit_step(&self, message: &str, step: &str) -> Result<Vec<String>> {
        let folder = self.examples.join("get-started-steps").join(step);
        let listing = rhumb_io::files::read_tree(&folder, &|_| true)?;
        let texts: Vec<(String, String)> =
            listing.files.into_iter().map(|f| (f.path, String::from_utf8_lossy(&f.data).into_owned())).collect();
        let files: Vec<(&str, &str)> = texts.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        self.commit(message, &files)?;
        Ok(texts.into_iter().map(|(path, _)| path).collect())
    }

    /// Objects that releases and git brought into a namespace, as `Kind name`, sorted.
    pub async fn objects_of(&self, namespace: &str) -> Result<Vec<String>> {
        let mut objects = Vec::new();
        for (api_version, kind) in KINDS {
            for object in self.daemon.ctx.cluster.list(api_version, kind, Some(namespace)).await.unwrap_or_default() {
                let name = object.pointer("/metadata/name").and_then(serde_json::Value::as_str).unwrap_or_default();
                objects.push(format!("{kind} {name}"));
            }
        }
        objects.sort();
        Ok(objects)
    }

    /// Changes one file of the config repository by replacing a text that must stand in it once.
    pub fn edit(&self, message: &str, path: &str, (from, to): (&str, &str)) -> Result<String> {
        let text = self.remote.text(path)?;
        anyhow::ensure!(text.matches(from).count() == 1, "`{from}` does not stand in {path} exactly once");
        self.commit(message, &[(path, &text.replace(from, to))])
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        let millis = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.clock.advance(millis);
        self.moved.fetch_add(millis, Ordering::SeqCst);
    }

    /// The time of the story, `HH:MM`.
    pub fn time(&self) -> String {
        self.clock.rfc3339().get(11..16).unwrap_or_default().to_owned()
    }

    /// Every release.
    pub async fn releases(&self) -> Result<Vec<Release>> {
        Ok(operator::list(&self.daemon.ctx).await?)
    }

    /// One release.
    pub async fn release(&self, namespace: &str, name: &str) -> Result<Release> {
        let found = self.releases().await?.into_iter().find(|r| r.namespace == namespace && r.name == name);
        found.with_context(|| format!("there is no HelmRelease {namespace}/{name}"))
    }

    /// The records of a release, oldest first.
    pub async fn history(&self, namespace: &str, name: &str) -> Result<Vec<History>> {
        Ok(operator::history(&self.daemon.ctx, namespace, name).await?.unwrap_or_default())
    }

    /// What was decided about the image of a release.
    pub fn image(&self, namespace: &str, name: &str) -> Result<Image> {
        let object = format!("{namespace}:helmrelease/{name}");
        let found = self.daemon.ctx.reports().images.iter().find(|image| image.object == object).cloned();
        found.with_context(|| format!("nothing was decided about {object}"))
    }

    /// Everything about a release.
    pub async fn explain(&self, namespace: &str, name: &str) -> Result<Explanation> {
        Ok(operator::explain(&self.daemon.ctx, namespace, name).await?)
    }

    /// Where the operator's API listens, once it does.
    pub async fn serve_operators(&self) -> Result<SocketAddr> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        tokio::spawn(rhumb_daemon::admin::serve(Arc::clone(&self.daemon), listener));
        Ok(address)
    }
}

fn config(remote: &git::Remote, folder: &Path, sources: &Sources) -> Config {
    let hour = Duration::from_secs(3600);
    Config {
        git_url: remote.url(),
        git_branch: "master".to_owned(),
        git_path: Vec::new(),
        git_alias: vec![GIT.to_owned()],
        git_default_ref: "master".to_owned(),
        git_timeout: Duration::from_secs(20),
        ssh_known_hosts: None,
        git_token_file: None,
        git_token_user: "git".to_owned(),
        git_token_secret: None,
        git_ca_file: None,
        git_user: "Rhumb".to_owned(),
        git_email: "rhumb@example.com".to_owned(),
        git_poll_interval: hour,
        sync_interval: hour,
        automation_interval: hour,
        charts_sync_interval: hour,
        workers: std::num::NonZeroUsize::MIN.saturating_add(9),
        sync_garbage_collection: false,
        state: folder.join("state"),
        policies: sources.policies.clone(),
        // The tests tell this story from programs that are no worker.
        policy_isolation: PolicyIsolation::InProcess,
        kubeconfig: None,
        namespace: "default".to_owned(),
        registries: Registries::default(),
        chart_mirror: Vec::new(),
        name: "rhumbd".to_owned(),
        listen_webhooks: None,
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
    }
}
