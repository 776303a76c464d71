//! The example's story with a daemon that is killed at moments that nobody chose: the end is that of a daemon that lived.

use std::time::{Duration, Instant};

use rhumb_sim::git;
use rhumb_tests::embedded::Daemon;
use rhumb_tests::records;
use rhumb_tests::soak::{Random, rounds};

use super::deployed;
use super::world::World;

/// The example's story: each step is done when the world says so, however often the daemon is killed meanwhile.
async fn story(world: &World, killer: &mut Killer) -> Vec<String> {
    let has = |wanted: &'static str| move |records: &[String]| records.iter().any(|record| record == wanted);
    killer.until(world, |records| deployed(records) == 4).await;
    world.push("dev-11112222", 10).await;
    killer.until(world, has("podinfo-dev v2 deployed")).await;
    let stg = "releases/stg/podinfo.yaml";
    let text = world.remote().text(stg).unwrap();
    let line = text.lines().find(|line| line.contains("replicaCount:")).unwrap();
    let indent = line.split("replicaCount").next().unwrap_or_default();
    let more = git::File::new(stg, &text.replace(line, &format!("{indent}replicaCount: 3")));
    world.remote().commit("Somebody", "More of it", &[more]).unwrap();
    killer.until(world, has("podinfo-rc v2 deployed")).await;
    world.push("0.4.10", 20).await;
    killer.until(world, has("podinfo-prod v2 deployed")).await;
    world.remote().commit("Somebody", "No more of it", &[git::File::removed(stg)]).unwrap();
    killer.until(world, |records| !records.iter().any(|record| record.starts_with("podinfo-rc "))).await;
    killer.rest(world);
    // What is left to do is done when nothing changes any more.
    let mut before = Vec::new();
    loop {
        tokio::time::sleep(Duration::from_millis(1500)).await;
        let now = end(world).await;
        if now == before {
            return now;
        }
        before = now;
    }
}

/// All that a user could see of git, of the cluster and of the releases' history.
async fn end(world: &World) -> Vec<String> {
    let mut lines: Vec<String> =
        world.remote().log().unwrap().iter().map(|c| format!("{}: {}", c.author, c.message)).collect();
    for path in world.remote().paths().unwrap() {
        lines.push(format!("{path}: {}", world.remote().text(&path).unwrap()));
    }
    for (api_version, kind) in [
        ("apps/v1", "Deployment"),
        ("v1", "Service"),
        ("v1", "ServiceAccount"),
        ("v1", "Namespace"),
        ("helm.fluxcd.io/v1", "HelmRelease"),
    ] {
        for object in world.cluster().list(api_version, kind, None).await.unwrap() {
            // The API server's own, with the port that it has.
            if object.pointer("/metadata/name").is_some_and(|name| name == "kubernetes") {
                continue;
            }
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
        for stored in world.cluster().history(namespace, release).await.unwrap() {
            let info = &stored.release.info;
            lines.push(format!("{release} v{} {} {}", stored.release.version, info.status.as_str(), info.description));
        }
    }
    let own = world.own_names();
    let same = |line: &String| own.iter().fold(line.clone(), |line, (name, role)| line.replace(name, role));
    lines.iter().map(same).collect()
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

    fn start(&mut self, world: &World) {
        self.daemon = Some(world.daemon());
        self.next = Instant::now() + Duration::from_millis(20 + self.random.below(LONGEST_LIFE));
    }

    /// Waits until the records are so, and kills meanwhile.
    async fn until(&mut self, world: &World, holds: impl Fn(&[String]) -> bool) {
        let start = Instant::now();
        loop {
            if self.daemon.is_none() {
                self.start(world);
            }
            if self.left > 0 && Instant::now() >= self.next {
                self.daemon = None;
                (self.left, self.done) = (self.left - 1, self.done + 1);
                continue;
            }
            let records = records(world.cluster()).await;
            if holds(&records) {
                return;
            }
            assert!(start.elapsed() < Duration::from_secs(240), "no end: {records:?}\n{}", world.log());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Kills no more.
    fn rest(&mut self, world: &World) {
        self.left = 0;
        if self.daemon.is_none() {
            self.start(world);
        }
    }
}

/// Kills of one telling of the story; more would leave a busy machine no time for it.
const KILLS_A_ROUND: usize = 8;

/// Tells the story once undisturbed, then until there were so many kills, each time in a new world.
#[allow(clippy::print_stdout, reason = "a long test says what it counted")]
async fn killed(kills: usize, begin: impl AsyncFn() -> Option<World>) {
    let (mut random, seed) = Random::seeded();
    println!("RHUMB_SEED={seed}");
    let Some(world) = begin().await else { return };
    let expected = story(&world, &mut Killer::new(random.clone(), 0)).await;
    drop(world);
    let (mut done, mut told) = (0, 0);
    while done < kills {
        let Some(world) = begin().await else { return };
        random.below(2);
        let mut killer = Killer::new(random.clone(), KILLS_A_ROUND.min(kills - done));
        let end = story(&world, &mut killer).await;
        random = killer.random.clone();
        done += killer.done;
        told += 1;
        let more: Vec<_> = end.iter().filter(|line| !expected.contains(line)).collect();
        let less: Vec<_> = expected.iter().filter(|line| !end.contains(line)).collect();
        assert!(
            end == expected,
            "RHUMB_SEED={seed}, after {} kills: {more:#?} instead of {less:#?}\n{}",
            killer.done,
            world.log()
        );
    }
    println!("{done} kills in {told} tellings, each with the same end");
}

#[tokio::test(flavor = "multi_thread")]
async fn at_random_moments_it_ends_as_if_nothing_had_been() {
    killed(rounds(16, 200), async || Some(World::embedded().await)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn at_random_moments_on_a_real_control_plane_it_ends_as_if_nothing_had_been() {
    killed(rounds(8, 200), World::real).await;
}
