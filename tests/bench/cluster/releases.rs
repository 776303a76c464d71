//! The daemon with N releases: install, upgrade, nothing, restart.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rhumb_io::cluster::{Cluster, Key};
use rhumb_sim::{Clock, charts, git};
use rhumb_tests::real::SET_UP;
use rhumb_tests::servers::control_plane::ControlPlane;
use rhumb_tests::{policies, root};
use serde_json::{Value, json};

use crate::audit::Requests;
use crate::floor::{NAMESPACE, each, until};
use crate::{STEADY_SECONDS, process};

/// The daemon's namespace in `host/deploy`.
const OWN: &str = "rhumb";
/// Longest time for all releases.
const LIMIT: Duration = Duration::from_secs(1800);
const HELM_RELEASE: &str = "helm.fluxcd.io/v1";

/// Everything that is measured with.
struct Bench {
    n: usize,
    floor: Duration,
    cluster: Cluster,
    audit: PathBuf,
    daemon: Daemon,
}

struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Counters at one moment.
struct Moment {
    at: Instant,
    cpu: Duration,
    requests: Requests,
}

/// Measures and prints a line for each phase.
pub(crate) async fn measure(n: usize, floor: Duration) {
    let folder = tempfile::tempdir().unwrap();
    let Some(plane) = ControlPlane::audited(&format!("system:serviceaccount:{OWN}:rhumb")).await else { return };
    let charts = charts::Server::start(Clock::system()).await.unwrap();
    charts.add(&root().join("tests/bench/charts/bench")).unwrap();
    for manifest in SET_UP {
        plane.apply(&root().join("host/deploy").join(manifest)).await;
    }
    let cluster = plane.cluster().await;
    cluster
        .create(&json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": NAMESPACE } }))
        .await
        .unwrap();
    std::fs::write(folder.path().join("kubeconfig"), plane.kubeconfig_of(OWN, "rhumb").await).unwrap();
    let remote = git::Remote::create(&folder.path().join("config.git"), Clock::system()).unwrap();
    remote.commit("Bench", "Nothing", &[git::File::new("README.md", "# Nothing\n")]).unwrap();
    let start = || {
        let mut command = Command::new(root().join("target/release/rhumbd"));
        command.arg("--git-url").arg(remote.url()).args(["--namespace", OWN, "--listen", "127.0.0.1:0"]);
        command.arg("--kubeconfig").arg(folder.path().join("kubeconfig")).arg("--policies").arg(policies());
        command.arg("--state").arg(folder.path().join("state"));
        let log = std::fs::File::options().create(true).append(true).open(folder.path().join("rhumbd.log")).unwrap();
        command
            .env("RUST_LOG", "info,rhumb_daemon::execute=debug")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        Daemon(command.spawn().expect("`cargo build --release --package rhumb-daemon` was run"))
    };
    let renders = || {
        let log = std::fs::read_to_string(folder.path().join("rhumbd.log")).unwrap_or_default();
        log.lines().filter(|line| line.contains("rendered chart")).count()
    };
    let mut bench = Bench { n, floor, cluster, audit: plane.audit_log(), daemon: start() };
    tokio::time::sleep(Duration::from_secs(8)).await;

    let before = bench.now();
    each(n, |name| {
        let (cluster, url) = (&bench.cluster, charts.url());
        async move {
            cluster.create(&helm_release(&name, &url)).await.unwrap();
        }
    })
    .await;
    bench.released(1).await;
    bench.told("install", before).await;

    let before = bench.now();
    each(n, |name| {
        let cluster = &bench.cluster;
        async move {
            let key = Key::new(HELM_RELEASE, "HelmRelease", NAMESPACE, &name);
            cluster.patch(&key, &json!({ "spec": { "values": { "text": "changed" } } })).await.unwrap();
        }
    })
    .await;
    bench.released(2).await;
    bench.told("upgrade", before).await;

    tokio::time::sleep(Duration::from_secs(30)).await;
    let before = bench.now();
    tokio::time::sleep(Duration::from_secs(STEADY_SECONDS)).await;
    bench.told("steady", before).await;

    let rendered = renders();
    let before = Requests::read(&bench.audit);
    drop(std::mem::replace(&mut bench.daemon, start()));
    tokio::time::sleep(Duration::from_secs(30)).await;
    bench.line("restart", (Duration::from_secs(30), process::cpu(bench.daemon.0.id())), &before);
    println!("               {} charts rendered after the restart", renders() - rendered);
}

impl Bench {
    fn now(&self) -> Moment {
        let requests = Requests::read(&self.audit);
        Moment { at: Instant::now(), cpu: process::cpu(self.daemon.0.id()), requests }
    }

    /// Waits until every release says that this generation of it is released.
    async fn released(&self, generation: u64) {
        until(LIMIT, "all releases are released", async || {
            let Ok(all) = self.cluster.list(HELM_RELEASE, "HelmRelease", Some(NAMESPACE)).await else { return false };
            all.iter().filter(|release| is_released(release, generation)).count() == self.n
        })
        .await;
    }

    /// Prints a phase that ends now.
    async fn told(&self, phase: &str, before: Moment) {
        let wall = before.at.elapsed();
        // What is left to do after the last release.
        tokio::time::sleep(Duration::from_secs(3)).await;
        let cpu = process::cpu(self.daemon.0.id()) - before.cpu;
        self.line(phase, (wall, cpu), &before.requests);
    }

    fn line(&self, phase: &str, (wall, cpu): (Duration, Duration), before: &Requests) {
        let requests = Requests::read(&self.audit).since(before);
        println!(
            "{:>5}  {phase:<8} {:>7.1} {:>8.2} {:>7.2} {:>9} {:>9} {:>9.1} {:>8}",
            self.n,
            wall.as_secs_f64(),
            wall.as_secs_f64() / self.floor.as_secs_f64(),
            cpu.as_secs_f64(),
            process::peak(self.daemon.0.id()),
            requests.total(),
            requests.total() as f64 / self.n as f64,
            requests.writes(),
        );
        for line in requests.lines(self.n) {
            println!("      {line}");
        }
    }
}

fn is_released(release: &Value, generation: u64) -> bool {
    let at = |pointer: &str| release.pointer(pointer);
    let conditions = at("/status/conditions").and_then(Value::as_array);
    let released = conditions.into_iter().flatten().any(|c| c["type"] == "Released" && c["status"] == "True");
    released && at("/status/observedGeneration").and_then(Value::as_u64) == Some(generation)
}

fn helm_release(name: &str, charts: &str) -> Value {
    json!({
        "apiVersion": HELM_RELEASE, "kind": "HelmRelease",
        "metadata": { "name": name, "namespace": NAMESPACE },
        "spec": {
            "releaseName": name, "helmVersion": "v3", "wait": true,
            "chart": { "repository": charts, "name": "bench", "version": "0.1.0" },
        },
    })
}
