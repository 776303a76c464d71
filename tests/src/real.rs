//! The example repository on real parts: a Kubernetes control plane, sshd with git, Docker's registry, and `rhumbd` as
//! its own process under the account that `host/deploy` gives it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use rhumb_io::cluster::{Cluster, Key};
use rhumb_sim::{Clock, charts, git};
use serde_json::{Value, json};

use crate::embedded::Daemon;
use crate::servers::control_plane::{ControlPlane, DAEMON_TOKEN};
use crate::servers::docker_registry::{DockerRegistry, Options};
use crate::servers::fault_proxy::{self, FaultProxy};
use crate::servers::sshd::{self, Permission, Sshd};
use crate::{binary, policies, root};

/// Longest wait for something that should come soon, on a busy machine.
const LIMIT: Duration = Duration::from_secs(180);
/// The daemon's namespace in `host/deploy`.
pub const NAMESPACE: &str = "rhumb";
/// The branch of the config repository.
const BRANCH: &str = "master";
/// What the example's manifests call the config repository, the registry and the chart repository.
const GIT: &str = "git@example.com:rhumb/get-started";
const REGISTRY: &str = "registry.example.com";
const CHARTS: &str = "https://charts.example.com";
/// What the example's releases run at first.
const FIRST: [&str; 3] = ["dev-kb9lm91e", "stg-9ij63o4c", "0.4.9"];

/// How often a daemon looks by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// At git and registries every two seconds.
    Quick,
    /// At everything once an hour: whatever happens sooner was woken by something.
    Patient,
}

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
    names: Option<Names>,
}

/// What an unmodified repository calls its servers, where ours stand for them.
#[derive(Clone, Debug)]
pub struct Names {
    /// The repository itself, mapped by git's own `url.<base>.insteadOf`.
    pub git: String,
    /// Registry hosts, mapped by `--registry-mirror`.
    pub registries: Vec<String>,
    /// Helm repositories, mapped by `--chart-mirror`.
    pub charts: Vec<String>,
}

impl Names {
    /// The names in `examples/get-started`.
    pub fn of_example() -> Self {
        Self { git: GIT.to_owned(), registries: vec![REGISTRY.to_owned()], charts: vec![CHARTS.to_owned()] }
    }
}

impl Real {
    /// Starts all parts; `None` when the machine lacks one, which was said then.
    ///
    /// # Panics
    ///
    /// When a part does not start.
    pub async fn start() -> Option<Self> {
        Self::of(&root().join("examples/get-started"), None).await
    }

    /// Starts all parts with the files of a folder as they are; the daemon is told where what they name is.
    ///
    /// # Panics
    ///
    /// When a part does not start.
    pub async fn unmodified(folder: &Path, names: Names) -> Option<Self> {
        Self::of(folder, Some(names)).await
    }

    async fn of(files: &Path, names: Option<Names>) -> Option<Self> {
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
        let replacements = [(REGISTRY, images.as_str()), (CHARTS, repository.as_str())];
        remote.seed(files, if names.is_some() { &[] } else { &replacements }).unwrap();
        let sshd = Sshd::start(&folder.path().join("sshd"));
        if let Some(names) = &names {
            let url = sshd.url(remote.path());
            let config = format!("[url \"{url}\"]\n\tinsteadOf = {}\n", names.git);
            std::fs::write(folder.path().join("gitconfig"), config).unwrap();
        }
        std::fs::write(folder.path().join("known_hosts"), sshd.known_hosts()).unwrap();
        set_up(&plane).await;
        let token = plane.token_with(NAMESPACE, "rhumb", "first").await;
        std::fs::write(folder.path().join("token"), token).unwrap();
        let kubeconfig = plane.kubeconfig_with(&json!({ "tokenFile": "token" }));
        std::fs::write(folder.path().join("kubeconfig"), kubeconfig).unwrap();
        let real = Self { cluster: plane.cluster().await, plane, registry, remote, sshd, charts, folder, names };
        for tag in FIRST {
            real.push(&["-v", tag]);
        }
        Some(real)
    }

    /// Has daemons that start from now on reach the cluster through a proxy, which is returned, with a token of their
    /// account that outlives the cluster's memory.
    ///
    /// # Panics
    ///
    /// When the proxy cannot be set up.
    pub async fn behind_a_proxy(&self) -> FaultProxy {
        let proxy = FaultProxy::with_tls(&self.plane.url(), &self.plane.certificate()).await;
        let kubeconfig = fault_proxy::kubeconfig_through(&self.plane.kubeconfig(DAEMON_TOKEN), &proxy);
        std::fs::write(self.folder.path().join("kubeconfig"), kubeconfig).unwrap();
        proxy
    }

    /// Takes away everything that the cluster remembers and applies `host/deploy` anew, as an operator does.
    pub async fn wipe(&mut self) {
        self.plane.forget_everything().await;
        set_up(&self.plane).await;
    }

    /// Starts a daemon under its own account. Its log is [`Real::log`].
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    pub fn daemon(&self, more: impl FnOnce(&mut Command)) -> Daemon {
        self.launch("127.0.0.1:0", Pace::Quick, more)
    }

    /// Starts a daemon that operators reach with [`Real::rhumb`]: it stands for the pod of `host/deploy`.
    ///
    /// # Panics
    ///
    /// When it cannot be started, or the pod does not come up.
    pub async fn operated(&self, pace: Pace, more: impl FnOnce(&mut Command)) -> Daemon {
        if self.plane.forwards() {
            self.plane.apply(&root().join("host/deploy/deployment.yaml")).await;
            let selector = "app.kubernetes.io/name=rhumb";
            self.until("the daemon's pod runs", async || {
                let pods = self.cluster.running_pods(NAMESPACE, selector).await.unwrap_or_default();
                (!pods.is_empty()).then_some(())
            })
            .await;
        }
        let address = format!("127.0.0.1:{}", self.plane.daemon_port());
        let daemon = self.launch(&address, pace, more);
        self.until("the daemon listens", async || tokio::net::TcpStream::connect(&address).await.ok()).await;
        daemon
    }

    fn launch(&self, listen: &str, pace: Pace, more: impl FnOnce(&mut Command)) -> Daemon {
        let at = |name: &str| self.folder.path().join(name);
        let mut command = Command::new(binary("rhumbd"));
        match &self.names {
            None => {
                command.arg("--git-url").arg(self.sshd.url(self.remote.path())).args(["--git-alias", GIT]);
            }
            Some(names) => {
                command.arg("--git-url").arg(&names.git).env("GIT_CONFIG_GLOBAL", at("gitconfig"));
                for host in &names.registries {
                    command.arg("--registry-mirror").arg(format!("{host}={}", self.registry.host()));
                }
                for url in &names.charts {
                    command.arg("--chart-mirror").arg(format!("{url}={}", self.charts.url()));
                }
            }
        }
        command.args(["--git-branch", BRANCH, "--namespace", NAMESPACE]);
        command.arg("--ssh-known-hosts").arg(at("known_hosts")).arg("--kubeconfig").arg(at("kubeconfig"));
        command.arg("--policies").arg(policies()).arg("--state").arg(self.state()).args(["--listen", listen]);
        let often = if pace == Pace::Quick { "2" } else { "3600" };
        command.args(["--git-poll-interval", often, "--automation-interval", often]);
        if pace == Pace::Patient {
            command.args(["--sync-interval", often, "--charts-sync-interval", often]);
        }
        more(&mut command);
        Daemon::start(&mut command, &self.log_file())
    }

    /// URL of the chart repository.
    pub fn charts_url(&self) -> String {
        self.charts.url()
    }

    /// The folder of the daemon's state.
    pub fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// Runs the real `rhumb` as the administrator, who reaches the daemon through the Kubernetes API where the node is
    /// ours.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    pub fn rhumb(&self, arguments: &[&str]) -> Output {
        self.rhumb_as(&self.plane.kubeconfig_file(), arguments)
    }

    /// The same as whoever a kubeconfig names.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    pub fn rhumb_as(&self, kubeconfig: &Path, arguments: &[&str]) -> Output {
        let mut command = Command::new(binary("rhumb"));
        command.args(arguments).env_remove("RHUMB_DAEMON").env("KUBECONFIG", kubeconfig);
        if !self.plane.forwards() {
            command.env("RHUMB_DAEMON", format!("http://127.0.0.1:{}", self.plane.daemon_port()));
        }
        command.output().expect("rhumb was built")
    }

    /// What `rhumb` prints with `--output json`.
    ///
    /// # Panics
    ///
    /// When it does not succeed.
    pub fn ask(&self, arguments: &[&str]) -> Value {
        let output = self.rhumb(&[arguments, &["--output", "json"]].concat());
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "rhumb {arguments:?}: {words}\n{}", self.log());
        serde_json::from_slice(&output.stdout).expect("rhumb prints JSON")
    }

    /// Commits to the config repository as somebody else, with the texts of the example rewritten as at the start.
    ///
    /// # Panics
    ///
    /// When git refuses it.
    pub fn commit(&self, message: &str, files: &[(&str, &str)]) {
        let (images, charts) = (self.registry.host(), self.charts.url());
        let here = |text: &str| text.replace(REGISTRY, &images).replace(CHARTS, &charts);
        let files: Vec<git::File> = files.iter().map(|(path, text)| git::File::new(path, &here(text))).collect();
        self.remote.commit("Jo", message, &files).expect("the repository takes commits");
    }

    /// Changes one file of the config repository by replacing texts that stand in it once.
    ///
    /// # Panics
    ///
    /// When one does not.
    pub fn edit(&self, path: &str, changes: &[(&str, &str)]) {
        let mut text = self.remote.text(path).expect("the file is there");
        for (from, to) in changes {
            assert_eq!(text.matches(from).count(), 1, "`{from}` in {path}:\n{text}");
            text = text.replace(from, to);
        }
        self.commit("Edit", &[(path, &text)]);
    }

    /// How many times somebody came to the git server so far.
    pub fn n_git_logins(&self) -> usize {
        self.sshd.n_logins()
    }

    /// A condition of a HelmRelease: its status and its message.
    pub async fn condition(&self, namespace: &str, name: &str, condition: &str) -> Option<(String, String)> {
        let key = Key::new("helm.fluxcd.io/v1", "HelmRelease", namespace, name);
        let object = self.cluster.get(&key).await.ok().flatten()?;
        let conditions = object.pointer("/status/conditions")?.as_array()?;
        let found = conditions.iter().find(|one| one["type"] == condition)?;
        let text = |key: &str| found[key].as_str().unwrap_or_default().to_owned();
        Some((text("status"), text("message")))
    }

    /// The tag that the first container of a Deployment has.
    pub async fn tag(&self, namespace: &str, name: &str) -> Option<String> {
        let deployment = self.cluster.get(&Key::new("apps/v1", "Deployment", namespace, name)).await.ok().flatten()?;
        let image = deployment.pointer("/spec/template/spec/containers/0/image").and_then(Value::as_str)?;
        Some(image.rsplit(':').next()?.to_owned())
    }

    /// Waits until a Deployment has this tag.
    pub async fn runs(&self, namespace: &str, name: &str, tag: &str) {
        self.until(&format!("{namespace}/{name} runs {tag}"), async || {
            (self.tag(namespace, name).await.as_deref() == Some(tag)).then_some(())
        })
        .await;
    }

    /// Lets whoever has this key fetch and push, and nobody else.
    pub fn admit_line(&self, public_key: &str) {
        self.sshd.admit(public_key.trim(), Permission::Write);
    }

    /// The token by which the cluster knows the daemon.
    ///
    /// # Panics
    ///
    /// When its file is not there.
    pub fn token(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("token")).unwrap()
    }

    /// Gives the daemon another token in place of the one it has, which is good no longer. Answers the old one.
    ///
    /// # Panics
    ///
    /// When the cluster refuses it.
    pub async fn rotate_token(&self) -> String {
        let file = self.folder.path().join("token");
        let old = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, self.plane.token_with(NAMESPACE, "rhumb", "second").await).unwrap();
        self.cluster.delete(&Key::new("v1", "Secret", NAMESPACE, "first")).await.unwrap();
        old
    }

    /// Admits the daemon's key, which it makes at its first start, as an operator does with `rhumb identity`.
    pub async fn admit(&self) {
        let key = self
            .until("the daemon made a key", async || {
                let key = self.cluster.secret_key(NAMESPACE, "flux-git-deploy", "identity.pub").await;
                key.ok().flatten().and_then(|key| String::from_utf8(key).ok())
            })
            .await;
        self.admit_line(&key);
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
            // The one before is superseded a moment after the new one is deployed.
            let n_deployed = history.iter().filter(|one| one.1 == "deployed").count();
            let newest = history.last().is_some_and(|last| last.0 == revision && last.1 == "deployed");
            (newest && n_deployed == 1).then_some(history)
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

/// What of `host/deploy` an operator applies before the daemon starts.
pub const SET_UP: [&str; 9] = [
    "namespace.yaml",
    "helmrelease.yaml",
    "approval.yaml",
    "policy.yaml",
    "clusterpolicy.yaml",
    "policybinding.yaml",
    "stopswitch.yaml",
    "vouching.yaml",
    "rbac.yaml",
];

/// Applies it.
async fn set_up(plane: &ControlPlane) {
    for manifest in SET_UP {
        plane.apply(&root().join("host/deploy").join(manifest)).await;
    }
}
