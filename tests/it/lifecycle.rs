//! The daemon as a process among others: who leads, how it stops, and what the next one makes of what it left.

use std::time::{Duration, Instant};

use rhumb_core::lease::DURATION;
use rhumb_io::cluster::{Cluster, Connection, Key};
use rhumb_sim::git;
use rhumb_tests::binary;
use rhumb_tests::embedded::{Servers, push};
use rhumb_tests::real::Real;
use serde_json::{Value, json};

/// Within which another daemon goes on when one was killed, as README promises it.
const TAKEOVER: Duration = Duration::from_secs(20);
/// Within which a daemon ends that was told to.
const GRACE: Duration = Duration::from_secs(30);

fn is_deployed(release: &str, revision: u32) -> impl Fn(&[String]) -> bool {
    let wanted = format!("{release} v{revision} deployed");
    move |records: &[String]| records.contains(&wanted)
}

fn all_first(records: &[String]) -> bool {
    records.len() == 4 && records.iter().all(|record| record.ends_with(" v1 deployed"))
}

async fn until(what: &str, servers: &Servers, mut holds: impl AsyncFnMut() -> bool) -> Duration {
    let start = Instant::now();
    while !holds().await {
        assert!(start.elapsed() < Duration::from_secs(90), "{what}\n{}", servers.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    start.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_daemons_one_acts_and_the_other_goes_on_when_it_is_gone() {
    let servers = Servers::start().await;
    let often = |command: &mut std::process::Command| {
        command.args(["--git-poll-interval", "1", "--automation-interval", "1"]);
    };
    let first = servers.daemon_with_state("a", often);
    servers.wait("everything is deployed", all_first).await;
    let leader = servers.holder().await;
    let mut second = servers.daemon_with_state("b", often);
    servers.said("another daemon leads").await;

    // While nothing changes, the lease is all that is written.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let _ = servers.api.requests();
    tokio::time::sleep(Duration::from_secs(9)).await;
    let (all, lease) = (servers.api.requests_from("rhumb/"), servers.api.requests_from("rhumb-lease/"));
    assert_eq!(all.writes, 0, "{all:?}");
    assert!((1..=4).contains(&lease.writes), "{lease:?}");
    assert_eq!(servers.holder().await, leader);

    // Killed: the other takes over, and what came meanwhile is done once.
    drop(first);
    push(&servers.registry, "dev-11112222", 10).await;
    let taken = until("the other leads", &servers, async || servers.holder().await != leader).await;
    servers.wait("the other goes on", is_deployed("podinfo-dev", 2)).await;
    assert!(taken <= TAKEOVER, "it took {taken:?}");
    assert_eq!(servers.n_commits(), 1);

    // Told to stop, it gives the lease back, so that nobody waits for it.
    let _third = servers.daemon_with_state("a", often);
    let leader = servers.holder().await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    second.signal("TERM");
    let (status, after) = second.ended().await;
    assert!(status.success() && after < GRACE, "{status} after {after:?}\n{}", servers.log());
    let taken = until("the third leads", &servers, async || {
        let holder = servers.holder().await;
        !holder.is_empty() && holder != leader
    });
    assert!(taken.await < DURATION / 2, "{}", servers.log());
    push(&servers.registry, "dev-33334444", 20).await;
    servers.wait("the third goes on", is_deployed("podinfo-dev", 3)).await;
    assert_eq!(servers.n_commits(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_was_frozen_for_too_long_writes_nothing_any_more() {
    let servers = Servers::start().await;
    let often = |command: &mut std::process::Command| {
        command.args(["--git-poll-interval", "1", "--automation-interval", "1"]);
    };
    let mut first = servers.daemon_with_state("a", often);
    servers.wait("everything is deployed", all_first).await;
    let leader = servers.holder().await;
    let _second = servers.daemon_with_state("b", often);
    servers.said("another daemon leads").await;
    // In the middle of its work, as a machine that sleeps does it.
    servers.api.delay(Duration::from_millis(30));
    push(&servers.registry, "dev-11112222", 10).await;
    servers.wait("an upgrade is under way", |records| records.iter().any(|r| r.ends_with("pending-upgrade"))).await;
    first.signal("STOP");
    until("the other leads", &servers, async || servers.holder().await != leader).await;
    // The record before is marked after the new one stands: waiting for the new one alone reads between the two.
    let is_through = |records: &[String]| {
        let has = |record: &str| records.iter().any(|r| r == record);
        has("podinfo-dev v2 deployed") && has("podinfo-dev v1 superseded")
    };
    servers.wait("the other goes through with it", is_through).await;
    let before = servers.records().await;
    first.signal("CONT");
    let (status, _) = first.ended().await;
    assert!(!status.success(), "{status}");
    servers.said("another daemon took the lease over").await;
    assert_eq!(servers.records().await, before);
    assert_eq!(before.iter().filter(|record| record.starts_with("podinfo-dev ")).count(), 2, "{before:?}");
    assert_eq!(servers.n_commits(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_daemon_finds_its_own_lease_and_does_not_wait_for_it() {
    let servers = Servers::start().await;
    let first = servers.daemon(|_| {});
    servers.wait("everything is deployed", all_first).await;
    drop(first);
    push(&servers.registry, "dev-11112222", 10).await;
    let start = Instant::now();
    let _again = servers.daemon(|_| {});
    servers.said("this daemon leads").await;
    servers.wait("dev was upgraded", is_deployed("podinfo-dev", 2)).await;
    assert!(!servers.log().contains("another daemon leads"), "after {:?}: {}", start.elapsed(), servers.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_tells_who_leads() {
    let servers = Servers::start().await;
    let (first, second) = (rhumb_tests::servers::free_port(), rhumb_tests::servers::free_port());
    let at = |port: u16| {
        move |command: &mut std::process::Command| {
            command.env("RHUMB_LISTEN", format!("127.0.0.1:{port}"));
        }
    };
    let probe = |what: &str, port: u16| {
        let mut command = std::process::Command::new(binary("rhumbd"));
        command.args(["probe", what, "--listen", &format!("127.0.0.1:{port}")]);
        command.output().unwrap()
    };
    assert!(!probe("live", first).status.success(), "nobody listens");
    let _first = servers.daemon_with_state("a", at(first));
    servers.said("this daemon leads").await;
    let _second = servers.daemon_with_state("b", at(second));
    servers.said("another daemon leads").await;
    for (what, port, well) in
        [("live", first, true), ("ready", first, true), ("live", second, true), ("ready", second, false)]
    {
        let output = probe(what, port);
        assert_eq!(output.status.success(), well, "{what} {port}: {output:?}");
    }
}

/// A change of the example's development release that takes as long as a new pod may not be placed.
fn slow(real: &Real) -> git::File {
    let path = "releases/dev/podinfo.yaml";
    let text = real.remote.text(path).unwrap();
    let text = text.replace("replicaCount: 1", "replicaCount: 3").replace("spec:\n", "spec:\n  wait: true\n");
    git::File::new(path, &text)
}

async fn allow_pods(real: &Real, allowed: bool) {
    let node = Key { namespace: None, ..Key::new("v1", "Node", "", "node-1") };
    real.cluster.patch(&node, &json!({ "spec": { "unschedulable": !allowed } })).await.unwrap();
}

async fn status(real: &Real, release: &str, revision: u32) -> Option<String> {
    let records = real.cluster.list("v1", "Secret", Some("dev")).await.ok()?;
    let name = format!("sh.helm.release.v1.{release}.v{revision}");
    let record = records.into_iter().find(|record| record["metadata"]["name"] == name.as_str())?;
    record["metadata"]["labels"]["status"].as_str().map(str::to_owned)
}

/// SIGTERM while an upgrade waits for pods: one that can end in time does; one that cannot is left, and the next start
/// brings it to its end as if nothing had been.
#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_outlives_the_daemon_that_began_it() {
    let Some(real) = Real::start().await else { return };
    let mut daemon = real.daemon(|_| {});
    real.admit().await;
    real.deployed("dev", "podinfo-dev", 1).await;
    real.deployed("prod", "podinfo-prod", 1).await;

    allow_pods(&real, false).await;
    real.remote.commit("Somebody", "Wait for three pods", &[slow(&real)]).unwrap();
    let waits = async |revision| {
        real.until("the upgrade waits", async || {
            let new = Key::new("apps/v1", "Deployment", "dev", "podinfo-dev");
            let deployment = real.cluster.get(&new).await.ok().flatten()?;
            let applied = deployment.pointer("/spec/replicas") == Some(&Value::from(3));
            (applied && status(&real, "podinfo-dev", revision).await? == "pending-upgrade").then_some(())
        })
        .await;
    };
    waits(2).await;
    daemon.signal("TERM");
    let (ended, after) = daemon.ended().await;
    assert!(ended.success() && after < GRACE, "{ended} after {after:?}\n{}", real.log());
    assert_eq!(status(&real, "podinfo-dev", 2).await.as_deref(), Some("pending-upgrade"));
    let lease = real.cluster.lease("rhumb").await.unwrap().unwrap();
    assert_eq!(lease.lease.holder, "", "the lease was given back");

    let mut daemon = real.daemon(|_| {});
    real.until("it goes on", async || real.log().contains("going on with what was left").then_some(())).await;
    assert_eq!(status(&real, "podinfo-dev", 2).await.as_deref(), Some("pending-upgrade"));
    // Told to stop again, and now it can end.
    daemon.signal("TERM");
    allow_pods(&real, true).await;
    let (ended, after) = daemon.ended().await;
    assert!(ended.success() && after < GRACE, "{ended} after {after:?}\n{}", real.log());
    let expected = [(1, "superseded", "Install complete"), (2, "deployed", "Upgrade complete")];
    let history = real.history("dev", "podinfo-dev");
    let told: Vec<(u64, &str, &str)> = history.iter().map(|(n, status, text)| (*n, &**status, &**text)).collect();
    assert_eq!(told, expected, "{}", real.log());

    // The next start has nothing to do with it.
    let _daemon = real.daemon(|_| {});
    real.push(&["-v", "dev-11112222"]);
    let history = real.deployed("dev", "podinfo-dev", 3).await;
    assert!(history.iter().all(|(_, status, _)| status != "failed"), "{history:?}");
}

/// The kubelet writes a new token into the file before the old one runs out; the daemon takes it up by itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_token_is_taken_up() {
    let Some(real) = Real::start().await else { return };
    let _daemon = real.daemon(|_| {});
    real.admit().await;
    real.deployed("dev", "podinfo-dev", 1).await;
    let old =
        Cluster::connect(Connection::KubeconfigText(real.plane.kubeconfig(&real.rotate_token().await))).await.unwrap();
    // The server believes a token that it knows for some seconds more.
    real.until("the old token is refused", async || old.helm_releases().await.err()).await;
    real.push(&["-v", "dev-11112222"]);
    real.deployed("dev", "podinfo-dev", 2).await;
    assert!(old.helm_releases().await.is_err());
}
