//! SIGKILL at bad moments, on the real process `rhumbd`: the next start continues correctly.

use std::time::{Duration, Instant};

use rhumb_sim::git;
use rhumb_tests::embedded::{Daemon, Servers, push};
use rhumb_tests::soak::{Random, rounds};

fn deployed(records: &[String]) -> usize {
    records.iter().filter(|record| record.ends_with(" deployed")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_between_a_record_and_its_objects_is_healed_by_the_next_start() {
    let servers = Servers::start().await;
    // Each answer takes a while, so that the moment between record and objects is long.
    servers.api.delay(Duration::from_millis(30));
    let daemon = servers.daemon(|_| {});
    servers.wait("a release is under way", |records| records.iter().any(|r| r.ends_with("pending-install"))).await;
    drop(daemon);
    let left = servers.records().await;
    assert!(left.iter().any(|record| record.contains(" pending-")), "the kill left nothing behind: {left:?}");
    servers.api.clear_faults();
    let _daemon = servers.daemon(|_| {});
    servers.wait("everything is deployed", |records| deployed(records) == 4).await;
    let records = servers.records().await;
    assert!(!records.iter().any(|record| record.contains(" pending-")), "{records:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn kills_around_a_commit_leave_it_made_exactly_once() {
    let servers = Servers::start().await;
    let first = servers.daemon(|_| {});
    servers.wait("everything is deployed", |records| deployed(records) == 4).await;
    drop(first);
    push(&servers.registry, "dev-11112222", 10).await;
    let ours = || {
        let log = servers.remote.log().unwrap();
        log.iter().filter(|commit| commit.author == "Rhumb").count()
    };
    // A start takes some hundred milliseconds to its first commit: kill it before, around and after that.
    for millis in [150, 300, 450, 600, 800] {
        let daemon = servers.daemon(|_| {});
        tokio::time::sleep(Duration::from_millis(millis)).await;
        drop(daemon);
        assert!(ours() <= 1, "committed more than once");
    }
    let _daemon = servers.daemon(|_| {});
    servers
        .wait("dev was upgraded", |records| {
            records.iter().any(|r| r.starts_with("podinfo-dev v") && !r.contains(" v1 ") && r.ends_with(" deployed"))
        })
        .await;
    assert_eq!(ours(), 1);
    assert!(servers.remote.text("releases/dev/podinfo.yaml").unwrap().contains("dev-11112222"));
}

/// The example's story: each step is done when the world says so, however often the daemon is killed meanwhile.
async fn story(servers: &Servers, killer: &mut Killer) -> Vec<String> {
    let has = |wanted: &'static str| move |records: &[String]| records.iter().any(|record| record == wanted);
    killer.until(servers, |records| deployed(records) == 4).await;
    push(&servers.registry, "dev-11112222", 10).await;
    killer.until(servers, has("podinfo-dev v2 deployed")).await;
    let stg = "releases/stg/podinfo.yaml";
    let text = servers.remote.text(stg).unwrap();
    let line = text.lines().find(|line| line.contains("replicaCount:")).unwrap();
    let indent = line.split("replicaCount").next().unwrap_or_default();
    let more = git::File::new(stg, &text.replace(line, &format!("{indent}replicaCount: 3")));
    servers.remote.commit("Somebody", "More of it", &[more]).unwrap();
    killer.until(servers, has("podinfo-rc v2 deployed")).await;
    push(&servers.registry, "0.4.10", 20).await;
    killer.until(servers, has("podinfo-prod v2 deployed")).await;
    servers.remote.commit("Somebody", "No more of it", &[git::File::removed(stg)]).unwrap();
    killer.until(servers, |records| !records.iter().any(|record| record.starts_with("podinfo-rc "))).await;
    killer.rest(servers);
    // What is left to do is done when nothing changes any more.
    let mut before = Vec::new();
    loop {
        tokio::time::sleep(Duration::from_millis(1500)).await;
        let now = end(servers).await;
        if now == before {
            return now;
        }
        before = now;
    }
}

/// All that a user could see of git, of the cluster and of the releases' history.
async fn end(servers: &Servers) -> Vec<String> {
    let mut lines: Vec<String> =
        servers.remote.log().unwrap().iter().map(|c| format!("{}: {}", c.author, c.message)).collect();
    for path in servers.remote.paths().unwrap() {
        lines.push(format!("{path}: {}", servers.remote.text(&path).unwrap()));
    }
    for (api_version, kind) in [
        ("apps/v1", "Deployment"),
        ("v1", "Service"),
        ("v1", "ServiceAccount"),
        ("v1", "Namespace"),
        ("helm.fluxcd.io/v1", "HelmRelease"),
    ] {
        for object in servers.cluster.list(api_version, kind, None).await.unwrap() {
            let place = format!("{kind} {} {}", object["metadata"]["namespace"], object["metadata"]["name"]);
            let mut spec = object["spec"].clone();
            if let Some(spec) = spec.as_object_mut() {
                spec.remove("clusterIP");
                spec.remove("clusterIPs");
            }
            let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
            let mut told: Vec<String> =
                conditions.iter().map(|c| format!("{} {} {}", c["type"], c["status"], c["reason"])).collect();
            // They stand in the order in which they were last written, which says nothing.
            told.sort();
            let told = if kind == "HelmRelease" { told } else { Vec::new() };
            lines.push(format!("{place} {spec} {told:?}"));
        }
    }
    for (namespace, release) in
        [("adm", "sealed-secrets"), ("dev", "podinfo-dev"), ("stg", "podinfo-rc"), ("prod", "podinfo-prod")]
    {
        for stored in servers.cluster.history(namespace, release).await.unwrap() {
            let info = &stored.release.info;
            lines.push(format!("{release} v{} {} {}", stored.release.version, info.status.as_str(), info.description));
        }
    }
    let host = servers.registry.host();
    let charts = servers.charts_url();
    lines.iter().map(|line| line.replace(&host, "REGISTRY").replace(&charts, "CHARTS")).collect()
}

/// Keeps a daemon running, and kills it at moments that nobody chose.
struct Killer {
    random: Random,
    daemon: Option<Daemon>,
    next: Instant,
    left: usize,
    done: usize,
}

/// Longest life of a daemon that is to be killed, in milliseconds: a start and some steps of the story.
const LONGEST_LIFE: u64 = 2500;

impl Killer {
    fn new(random: Random, kills: usize) -> Self {
        Self { random, daemon: None, next: Instant::now(), left: kills, done: 0 }
    }

    fn start(&mut self, servers: &Servers) {
        self.daemon = Some(servers.daemon(|command| {
            command.args(["--git-poll-interval", "1", "--automation-interval", "1", "--sync-garbage-collection"]);
        }));
        self.next = Instant::now() + Duration::from_millis(20 + self.random.below(LONGEST_LIFE));
    }

    /// Waits until the records are so, and kills meanwhile.
    async fn until(&mut self, servers: &Servers, holds: impl Fn(&[String]) -> bool) {
        let start = Instant::now();
        loop {
            if self.daemon.is_none() {
                self.start(servers);
            }
            if self.left > 0 && Instant::now() >= self.next {
                self.daemon = None;
                (self.left, self.done) = (self.left - 1, self.done + 1);
                continue;
            }
            let records = servers.records().await;
            if holds(&records) {
                return;
            }
            assert!(start.elapsed() < Duration::from_secs(240), "no end: {records:?}\n{}", servers.log());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Kills no more.
    fn rest(&mut self, servers: &Servers) {
        self.left = 0;
        if self.daemon.is_none() {
            self.start(servers);
        }
    }
}

/// Kills of one telling of the story; more would leave a busy machine no time for it.
const KILLS_A_ROUND: usize = 8;

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_random_moments_it_ends_as_if_nothing_had_been() {
    let (mut random, seed) = Random::seeded();
    println!("RHUMB_SEED={seed}");
    let expected = story(&Servers::start().await, &mut Killer::new(random.clone(), 0)).await;
    let kills = rounds(16, 200);
    let (mut done, mut told) = (0, 0);
    while done < kills {
        let servers = Servers::start().await;
        random.below(2);
        let mut killer = Killer::new(random.clone(), KILLS_A_ROUND.min(kills - done));
        let end = story(&servers, &mut killer).await;
        random = killer.random.clone();
        done += killer.done;
        told += 1;
        let more: Vec<_> = end.iter().filter(|line| !expected.contains(line)).collect();
        let less: Vec<_> = expected.iter().filter(|line| !end.contains(line)).collect();
        assert!(
            end == expected,
            "RHUMB_SEED={seed}, after {} kills: {more:#?} instead of {less:#?}\n{}",
            killer.done,
            servers.log()
        );
    }
    println!("{done} kills in {told} tellings, each with the same end");
}
