//! SIGKILL at bad moments, on the real process `rhumbd`: the next start continues correctly.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rhumb_io::cluster::{Cluster, Connection};
use rhumb_sim::{Clock, api, charts, git, image, registry};
use rhumb_tests::{binary, policies, root};
use serde_json::Value;

/// Servers that outlive the daemon, and what it needs to find them.
struct Servers {
    folder: tempfile::TempDir,
    api: api::Server,
    registry: registry::Server,
    _charts: charts::Server,
    remote: git::Remote,
    cluster: Cluster,
}

impl Servers {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::system();
        let api =
            api::Server::start(api::Options { clock: clock.clone(), crds: vec![api::HELM_RELEASE_CRD] }).await.unwrap();
        let registry = registry::Server::start().await.unwrap();
        let charts = charts::Server::start(clock.clone()).await.unwrap();
        charts.add(&root().join("examples/charts/sealed-secrets")).unwrap();
        let remote = git::Remote::create(&folder.path().join("config.git"), clock).unwrap();
        let replacements = [("registry.example.com", registry.host()), ("https://charts.example.com", charts.url())];
        let replacements: Vec<(&str, &str)> = replacements.iter().map(|(from, to)| (*from, to.as_str())).collect();
        remote.seed(&root().join("examples/get-started"), &replacements).unwrap();
        for (n, tag) in ["dev-kb9lm91e", "stg-9ij63o4c", "0.4.9"].into_iter().enumerate() {
            push(&registry, tag, n as u64).await;
        }
        std::fs::write(folder.path().join("kubeconfig"), api.kubeconfig()).unwrap();
        let cluster = Cluster::connect(Connection::KubeconfigText(api.kubeconfig())).await.unwrap();
        Self { folder, api, registry, _charts: charts, remote, cluster }
    }

    fn daemon(&self) -> Daemon {
        let child = Command::new(binary("rhumbd"))
            .args([
                "--git-alias",
                "git@example.com:rhumb/get-started",
                "--listen",
                "127.0.0.1:0",
                "--namespace",
                "default",
            ])
            .arg("--git-url")
            .arg(self.remote.url())
            .arg("--state")
            .arg(self.folder.path().join("state"))
            .arg("--kubeconfig")
            .arg(self.folder.path().join("kubeconfig"))
            .arg("--policies")
            .arg(policies())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("rhumbd was built");
        Daemon(child)
    }

    /// The status label of every release record, as `<release> v<revision> <status>`.
    async fn records(&self) -> Vec<String> {
        let secrets = self.cluster.list("v1", "Secret", None).await.unwrap_or_default();
        let label =
            |secret: &Value, key: &str| secret["metadata"]["labels"][key].as_str().unwrap_or_default().to_owned();
        let records = secrets.iter().filter(|secret| label(secret, "owner") == "helm");
        let mut lines: Vec<String> =
            records.map(|s| format!("{} v{} {}", label(s, "name"), label(s, "version"), label(s, "status"))).collect();
        lines.sort();
        lines
    }

    /// Waits until the records are as wanted.
    async fn wait(&self, what: &str, holds: impl Fn(&[String]) -> bool) {
        let start = Instant::now();
        loop {
            let records = self.records().await;
            if holds(&records) {
                return;
            }
            assert!(start.elapsed() < Duration::from_secs(90), "{what}: {records:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// A daemon that is killed when it is dropped, as SIGKILL does it.
struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn push(registry: &registry::Server, tag: &str, minute: u64) {
    let options = image::Options { created: 1_795_440_600_000 + minute * 60_000, labels: Default::default() };
    image::push(&registry.url(), "rhumb/podinfo", tag, &options).await.unwrap();
}

fn deployed(records: &[String]) -> usize {
    records.iter().filter(|record| record.ends_with(" deployed")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_between_a_record_and_its_objects_is_healed_by_the_next_start() {
    let servers = Servers::start().await;
    // Each answer takes a while, so that the moment between record and objects is long.
    servers.api.delay(Duration::from_millis(30));
    let daemon = servers.daemon();
    servers.wait("a release is under way", |records| records.iter().any(|r| r.ends_with("pending-install"))).await;
    drop(daemon);
    let left = servers.records().await;
    assert!(left.iter().any(|record| record.contains(" pending-")), "the kill left nothing behind: {left:?}");
    servers.api.clear_faults();
    let _daemon = servers.daemon();
    servers.wait("everything is deployed", |records| deployed(records) == 4).await;
    let records = servers.records().await;
    assert!(!records.iter().any(|record| record.contains(" pending-")), "{records:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn kills_around_a_commit_leave_it_made_exactly_once() {
    let servers = Servers::start().await;
    let first = servers.daemon();
    servers.wait("everything is deployed", |records| deployed(records) == 4).await;
    drop(first);
    push(&servers.registry, "dev-11112222", 10).await;
    let ours = || {
        let log = servers.remote.log().unwrap();
        log.iter().filter(|commit| commit.author == "Rhumb").count()
    };
    // A start takes some hundred milliseconds to its first commit: kill it before, around and after that.
    for millis in [150, 300, 450, 600, 800] {
        let daemon = servers.daemon();
        tokio::time::sleep(Duration::from_millis(millis)).await;
        drop(daemon);
        assert!(ours() <= 1, "committed more than once");
    }
    let _daemon = servers.daemon();
    servers
        .wait("dev was upgraded", |records| {
            records.iter().any(|r| r.starts_with("podinfo-dev v") && !r.contains(" v1 ") && r.ends_with(" deployed"))
        })
        .await;
    assert_eq!(ours(), 1);
    assert!(servers.remote.text("releases/dev/podinfo.yaml").unwrap().contains("dev-11112222"));
}
