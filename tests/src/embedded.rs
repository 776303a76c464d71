//! Embedded servers with the example repository, and the real `rhumbd` as a process beside them.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rhumb_io::cluster::{Cluster, Connection};
use rhumb_sim::{Clock, api, charts, git, image, registry};

use crate::servers::volume::Volume;
use crate::{binary, policies, records, root};

/// Longest wait for something that should come at once, on a busy machine.
const LIMIT: Duration = Duration::from_secs(90);

/// Servers that outlive the daemon, and what it needs to find them.
pub struct Servers {
    /// Where the daemon keeps its state.
    pub folder: tempfile::TempDir,
    /// The API.
    pub api: api::Server,
    /// The registry.
    pub registry: registry::Server,
    charts: charts::Server,
    /// The config repository.
    pub remote: git::Remote,
    /// A client of the API.
    pub cluster: Cluster,
}

impl Servers {
    /// Starts all of them, with the example repository and the images that it names.
    ///
    /// # Panics
    ///
    /// When one does not start.
    pub async fn start() -> Self {
        let registry = registry::Server::start().await.unwrap();
        for (n, tag) in ["dev-kb9lm91e", "stg-9ij63o4c", "0.4.9"].into_iter().enumerate() {
            push(&registry, tag, n as u64).await;
        }
        let host = registry.host();
        Self::with(registry, &host).await
    }

    /// The same for images that are in a registry of the test's own, as `host` or `host:port`.
    ///
    /// # Panics
    ///
    /// When one does not start.
    pub async fn with_images_at(host: &str) -> Self {
        Self::with(registry::Server::start().await.unwrap(), host).await
    }

    async fn with(registry: registry::Server, images: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::system();
        let api = api::Server::start(api::Options { clock: clock.clone(), crds: api::KINDS.to_vec() }).await.unwrap();
        let charts = charts::Server::start(clock.clone()).await.unwrap();
        charts.add(&root().join("examples/charts/sealed-secrets")).unwrap();
        let remote = git::Remote::create(&folder.path().join("config.git"), clock).unwrap();
        let charts_url = charts.url();
        let replacements = [("registry.example.com", images), ("https://charts.example.com", charts_url.as_str())];
        remote.seed(&root().join("examples/get-started"), &replacements).unwrap();
        std::fs::write(folder.path().join("kubeconfig"), api.kubeconfig()).unwrap();
        let cluster = Cluster::connect(Connection::KubeconfigText(api.kubeconfig())).await.unwrap();
        Self { folder, api, registry, charts, remote, cluster }
    }

    /// Starts a daemon, with more arguments and environment as `more` adds them.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    pub fn daemon(&self, more: impl FnOnce(&mut Command)) -> Daemon {
        self.daemon_with_state("state", more)
    }

    /// The same with a state folder of its own, of this name.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    pub fn daemon_with_state(&self, state: &str, more: impl FnOnce(&mut Command)) -> Daemon {
        let mut command = self.command(state);
        more(&mut command);
        Daemon::start(&mut command, &self.log_path())
    }

    /// The same with its state folder on a disk that only it sees: the folder of that name, over which it is mounted.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    pub fn daemon_on(&self, volume: &Volume, state: &str, more: impl FnOnce(&mut Command)) -> Daemon {
        let mut command = self.command(state);
        more(&mut command);
        Daemon::start(&mut volume.within(&command), &self.log_path())
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("rhumbd.log")
    }

    fn command(&self, state: &str) -> Command {
        let mut command = Command::new(binary("rhumbd"));
        command
            .args(["--git-alias", "git@example.com:rhumb/get-started", "--namespace", "default"])
            .env("RHUMB_LISTEN", "127.0.0.1:0")
            .arg("--git-url")
            .arg(self.remote.url())
            .arg("--state")
            .arg(self.folder.path().join(state))
            .arg("--kubeconfig")
            .arg(self.folder.path().join("kubeconfig"))
            .arg("--policies")
            .arg(policies());
        command
    }

    /// URL of the chart repository.
    pub fn charts_url(&self) -> String {
        self.charts.url()
    }

    /// What the daemons said so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// Waits until a file of the config repository holds this text.
    ///
    /// # Panics
    ///
    /// When that does not happen within 90 seconds.
    pub async fn wait_for_text(&self, path: &str, wanted: &str) {
        let start = Instant::now();
        loop {
            let text = self.remote.text(path).unwrap();
            if text.contains(wanted) {
                return;
            }
            assert!(start.elapsed() < LIMIT, "`{wanted}` did not come into {path}:\n{text}\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The status label of every release record, as `<release> v<revision> <status>`.
    pub async fn records(&self) -> Vec<String> {
        records(&self.cluster).await
    }

    /// Who holds the daemon's lease; empty when nobody does.
    ///
    /// # Panics
    ///
    /// When the API does not answer.
    pub async fn holder(&self) -> String {
        let lease = self.cluster.lease("default").await.unwrap();
        lease.map(|held| held.lease.holder).unwrap_or_default()
    }

    /// How many commits are the daemon's.
    ///
    /// # Panics
    ///
    /// When the repository cannot be read.
    pub fn n_commits(&self) -> usize {
        self.remote.log().unwrap().iter().filter(|commit| commit.author == "Rhumb").count()
    }

    /// Waits until the daemons have said this in their log.
    ///
    /// # Panics
    ///
    /// When that does not happen within 90 seconds.
    pub async fn said(&self, text: &str) {
        let start = Instant::now();
        while !self.log().contains(text) {
            assert!(start.elapsed() < LIMIT, "`{text}` was not said:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until the records are as wanted.
    ///
    /// # Panics
    ///
    /// When that does not happen within 90 seconds.
    pub async fn wait(&self, what: &str, holds: impl Fn(&[String]) -> bool) {
        let start = Instant::now();
        loop {
            let records = self.records().await;
            if holds(&records) {
                return;
            }
            assert!(start.elapsed() < LIMIT, "{what}: {records:?}\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// A daemon that is killed when it is dropped, as SIGKILL does it.
#[derive(Debug)]
pub struct Daemon(Child);

impl Daemon {
    /// Starts a daemon whose log goes to the end of this file.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    pub fn start(command: &mut Command, log: &Path) -> Self {
        let log = std::fs::File::options().create(true).append(true).open(log).unwrap();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        Self(command.spawn().expect("rhumbd was built"))
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// Sends it a signal, such as `TERM`.
    ///
    /// # Panics
    ///
    /// When there is no shell.
    pub fn signal(&self, name: &str) {
        let command = format!("kill -{name} {}", self.0.id());
        assert!(Command::new("sh").args(["-c", &command]).status().expect("there is a shell").success(), "{command}");
    }

    /// Waits until it has ended by itself, and tells how and after how long.
    ///
    /// # Panics
    ///
    /// When it goes on for longer than 90 seconds.
    pub async fn ended(&mut self) -> (std::process::ExitStatus, Duration) {
        let start = Instant::now();
        loop {
            if let Some(status) = self.0.try_wait().expect("it is our child") {
                return (status, start.elapsed());
            }
            assert!(start.elapsed() < LIMIT, "rhumbd did not end");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Pushes an image of the example with this tag.
///
/// # Panics
///
/// When the registry refuses it.
pub async fn push(registry: &registry::Server, tag: &str, minute: u64) {
    let options = image::Options { created: 1_795_440_600_000 + minute * 60_000, ..image::Options::default() };
    image::push(&registry.url(), "rhumb/podinfo", tag, &options).await.unwrap();
}
