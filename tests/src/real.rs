//! The example repository on real parts: a Kubernetes control plane, sshd with git, Docker's registry, and `rhumbd` as
//! its own process under the account that `host/deploy` gives it.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use rhumb_io::cluster::Cluster;
use rhumb_sim::{Clock, charts, git};
use serde_json::Value;

use crate::embedded::Daemon;
use crate::servers::control_plane::ControlPlane;
use crate::servers::docker_registry::{DockerRegistry, Options};
use crate::servers::sshd::{self, Permission, Sshd};
use crate::{binary, policies, root};

/// Longest wait for something that should come soon, on a busy machine.
const LIMIT: Duration = Duration::from_secs(180);
/// The daemon's namespace in `host/deploy`.
pub const NAMESPACE: &str = "rhumb";
/// The branch of the config repository.
const BRANCH: &str = "master";
/// What the example's releases run at first.
const FIRST: [&str; 3] = ["dev-kb9lm91e", "stg-9ij63o4c", "0.4.9"];

/// All parts, without the daemon.
pub struct Real {
    /// The control plane.
    pub plane: ControlPlane,
    /// A client with all rights.
    pub cluster: Cluster,
    /// The registry of images.
    pub registry: DockerRegistry,
    /// The config repository, as its other writers see it.
    pub remote: git::Remote,
    sshd: Sshd,
    charts: charts::Server,
    folder: tempfile::TempDir,
}

impl Real {
    /// Starts all parts; `None` when the machine lacks one, which was said then.
    ///
    /// # Panics
    ///
    /// When a part does not start.
    pub async fn start() -> Option<Self> {
        let registry = DockerRegistry::start(Options::default())?;
        if !sshd::is_there() {
            return None;
        }
        let plane = ControlPlane::start().await?;
        let folder = tempfile::tempdir().unwrap();
        let charts = charts::Server::start(Clock::system()).await.unwrap();
        charts.add(&root().join("examples/charts/sealed-secrets")).unwrap();
        let remote = git::Remote::create(&folder.path().join("config.git"), Clock::system()).unwrap();
        let (images, repository) = (registry.host(), charts.url());
        let replacements = [("registry.example.com", images.as_str()), ("https://charts.example.com", &repository)];
        remote.seed(&root().join("examples/get-started"), &replacements).unwrap();
        let sshd = Sshd::start(&folder.path().join("sshd"));
        std::fs::write(folder.path().join("known_hosts"), sshd.known_hosts()).unwrap();
        for manifest in ["namespace.yaml", "helmrelease.yaml", "rbac.yaml"] {
            plane.apply(&root().join("host/deploy").join(manifest)).await;
        }
        let kubeconfig = plane.kubeconfig_of(NAMESPACE, "rhumb").await;
        std::fs::write(folder.path().join("kubeconfig"), kubeconfig).unwrap();
        let real = Self { cluster: plane.cluster().await, plane, registry, remote, sshd, charts, folder };
        for tag in FIRST {
            real.push(&["-v", tag]);
        }
        Some(real)
    }

    /// Starts a daemon under its own account. Its log is [`Real::log`].
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    pub fn daemon(&self, more: impl FnOnce(&mut Command)) -> Daemon {
        let at = |name: &str| self.folder.path().join(name);
        let mut command = Command::new(binary("rhumbd"));
        command.arg("--git-url").arg(self.sshd.url(self.remote.path())).args(["--git-branch", BRANCH]);
        command.args(["--git-alias", "git@example.com:rhumb/get-started", "--namespace", NAMESPACE]);
        command.arg("--ssh-known-hosts").arg(at("known_hosts")).arg("--kubeconfig").arg(at("kubeconfig"));
        command.arg("--policies").arg(policies()).arg("--state").arg(at("state")).args(["--listen", "127.0.0.1:0"]);
        command.args(["--git-poll-interval", "2", "--automation-interval", "2"]);
        Daemon::start(&mut command, &self.log_file(), more)
    }

    /// Admits the daemon's key, which it makes at its first start, as an operator does with `rhumb identity`.
    pub async fn admit(&self) {
        let key = self
            .until("the daemon made a key", async || {
                let key = self.cluster.secret_key(NAMESPACE, "flux-git-deploy", "identity.pub").await;
                key.ok().flatten().and_then(|key| String::from_utf8(key).ok())
            })
            .await;
        self.sshd.admit(key.trim(), Permission::Write);
    }

    /// Pushes an image of the example with the real `ci-mock`.
    ///
    /// # Panics
    ///
    /// When the registry refuses it.
    pub fn push(&self, arguments: &[&str]) {
        let mut command = Command::new(binary("ci-mock"));
        command.arg("-r").arg(format!("{}/rhumb/podinfo", self.registry.host())).args(arguments);
        let output = command.output().expect("ci-mock was built");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Runs the real `helm` and gives what it prints.
    ///
    /// # Panics
    ///
    /// When it fails.
    pub fn helm(&self, arguments: &[&str]) -> String {
        let Output { status, stdout, stderr } = self.plane.helm(arguments);
        assert!(status.success(), "helm {arguments:?}: {}", String::from_utf8_lossy(&stderr));
        String::from_utf8(stdout).expect("helm prints text")
    }

    /// Revisions of a release as `helm history` gives them: revision, status, description.
    pub fn history(&self, namespace: &str, release: &str) -> Vec<(u64, String, String)> {
        let Output { status, stdout, .. } = self.plane.helm(&["history", "-n", namespace, release, "-o", "json"]);
        if !status.success() {
            return Vec::new();
        }
        let revisions: Vec<Value> = serde_json::from_slice(&stdout).expect("helm prints JSON");
        let text = |revision: &Value, key: &str| revision[key].as_str().unwrap_or_default().to_owned();
        revisions
            .iter()
            .map(|r| (r["revision"].as_u64().unwrap_or_default(), text(r, "status"), text(r, "description")))
            .collect()
    }

    /// Waits until this revision of a release is deployed, and gives the history.
    pub async fn deployed(&self, namespace: &str, release: &str, revision: u64) -> Vec<(u64, String, String)> {
        let what = format!("{namespace}/{release} at revision {revision}");
        self.until(&what, async || {
            let history = self.history(namespace, release);
            history.last().is_some_and(|last| last.0 == revision && last.1 == "deployed").then_some(history)
        })
        .await
    }

    /// Waits until something holds, and gives what it found.
    ///
    /// # Panics
    ///
    /// When that does not happen in time.
    pub async fn until<T>(&self, what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
        let start = Instant::now();
        loop {
            if let Some(found) = look().await {
                return found;
            }
            assert!(start.elapsed() < LIMIT, "waited in vain: {what}\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// What the daemons said so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    /// URL of the chart repository.
    pub fn charts(&self) -> String {
        self.charts.url()
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("rhumbd.log")
    }
}
