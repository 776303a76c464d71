//! Faults of git, met by the daemon itself over OpenSSH's sshd. How the client takes each of them is in `it/git.rs`.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rhumb_io::cluster::Key;
use rhumb_io::identity::Identity;
use rhumb_tests::embedded::{Daemon, Servers, push};
use rhumb_tests::servers::repository::{Clone, Repository};
use rhumb_tests::servers::sshd::{self, Permission, Sshd};
use rhumb_tests::soak::rounds;

const DEV: &str = "releases/dev/podinfo.yaml";
/// Longest wait for something that should come soon, on a busy machine.
const LIMIT: Duration = Duration::from_secs(120);

/// The embedded servers with the config repository behind an sshd.
struct Stage {
    servers: Servers,
    server: Sshd,
    repository: Repository,
}

impl Stage {
    async fn start() -> Option<Self> {
        if !sshd::is_there() {
            return None;
        }
        let servers = Servers::start().await;
        let folder = servers.folder.path();
        let server = Sshd::start(&folder.join("sshd"));
        let identity = Identity::load_or_create(&servers.cluster, "default").await.unwrap();
        server.admit(&identity.public_line(), Permission::Write);
        let map = format!("[url \"{}\"]\n\tinsteadOf = file://\n", server.url(Path::new("")));
        std::fs::write(folder.join("gitconfig"), map).unwrap();
        let repository = Repository::at(servers.remote.path());
        let stage = Self { servers, server, repository };
        stage.trust();
        Some(stage)
    }

    /// Has the daemon know the server's key as it is now.
    fn trust(&self) {
        std::fs::write(self.servers.folder.path().join("known_hosts"), self.server.known_hosts()).unwrap();
    }

    fn daemon(&self) -> Daemon {
        let at = |name: &str| self.servers.folder.path().join(name);
        self.servers.daemon(|command| {
            command.env("GIT_CONFIG_GLOBAL", at("gitconfig")).arg("--ssh-known-hosts").arg(at("known_hosts"));
            command.args(["--git-poll-interval", "1", "--automation-interval", "1"]);
        })
    }

    fn clone_to(&self, name: &str) -> Clone {
        self.repository.clone_to(&self.servers.folder.path().join(name))
    }

    async fn push(&self, tag: &str, minute: u64) {
        push(&self.servers.registry, tag, minute).await;
    }

    /// Waits until dev runs this tag by git, and gives how many commits of ours brought it.
    async fn commits_of(&self, tag: &str) -> usize {
        self.servers.wait_for_text(DEV, tag).await;
        self.ours(tag)
    }

    /// Commits of the branch that say so.
    fn ours(&self, tag: &str) -> usize {
        self.repository.log().iter().filter(|subject| subject.contains(tag)).count()
    }

    async fn until(&self, what: &str, holds: impl AsyncFn() -> bool) {
        let start = Instant::now();
        while !holds().await {
            assert!(start.elapsed() < LIMIT, "waited in vain: {what}\n{}", self.servers.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn deployed(&self) {
        let deployed = |records: &[String]| records.iter().filter(|record| record.ends_with(" deployed")).count();
        self.servers.wait("everything is deployed", |records| deployed(records) == 4).await;
    }

    /// Waits until each loop that cannot go on has said so; then none of their attempts, one a second, says it again.
    async fn says_no_more_of(&self, words: &str) {
        tokio::time::sleep(Duration::from_secs(3)).await;
        let said = self.lines(words);
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert_eq!(self.lines(words), said, "{}", self.servers.log());
    }

    /// Lines of the daemon's log with these words.
    fn lines(&self, words: &str) -> usize {
        self.servers.log().lines().filter(|line| line.contains(words)).count()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_is_another_or_forgets_our_commit_is_said_once_and_the_commit_arrives_once() {
    let Some(mut stage) = Stage::start().await else { return };
    let _daemon = stage.daemon();
    stage.deployed().await;

    // Away. What needs no git goes on: somebody takes the record of a release away.
    stage.server.down();
    stage.push("dev-11111111", 10).await;
    stage.until("it is said", async || stage.lines("failed to reach") > 0).await;
    let record = Key::new("v1", "Secret", "stg", "sh.helm.release.v1.podinfo-rc.v1");
    let before = stage.servers.cluster.get(&record).await.unwrap().unwrap();
    stage.servers.cluster.delete(&record).await.unwrap();
    let again = async || {
        let now = stage.servers.cluster.get(&record).await.unwrap();
        let uid = |object: &serde_json::Value| object["metadata"]["uid"].clone();
        now.is_some_and(|now| uid(&now) != uid(&before) && now["metadata"]["labels"]["status"] == "deployed")
    };
    stage.until("it is released again", again).await;
    stage.says_no_more_of("failed to reach").await;
    stage.server.up();
    assert_eq!(stage.commits_of("dev-11111111").await, 1);

    // Somebody throws our commit away, as after a force push: it is made anew, on top of theirs.
    let other = stage.clone_to("other");
    other.git(["reset", "--quiet", "--hard", "HEAD~1"]);
    other.commit(&[("README.txt", "instead\n")], "instead");
    other.force();
    let on_top = async || {
        let log = stage.repository.log();
        log[0].contains("dev-11111111") && log[1] == "instead"
    };
    stage.until("our commit is on top of theirs", on_top).await;
    assert_eq!(stage.ours("dev-11111111"), 1);
    stage.deployed().await;

    // Another server answers at the same address, or somebody in between.
    stage.server.down();
    stage.server.change_host_key();
    stage.server.up();
    stage.push("dev-22222222", 20).await;
    let refused = "the SSH host key is another than the one that is known";
    stage.until("it is said", async || stage.lines(refused) > 0).await;
    stage.says_no_more_of(refused).await;
    let line = stage.server.known_hosts();
    let log = stage.servers.log();
    assert!(log.contains("SHA256:") && log.contains(line.trim()), "what to add:\n{log}");
    assert_eq!(stage.ours("dev-22222222"), 0);
    // The operator adds the line.
    stage.trust();
    assert_eq!(stage.commits_of("dev-22222222").await, 1);
}

/// Ten writers push in the very moments in which the daemon does.
#[tokio::test(flavor = "multi_thread")]
async fn among_ten_writers_every_commit_of_everybody_is_there_and_the_daemons_exactly_once() {
    const WRITERS: usize = 10;
    let Some(stage) = Stage::start().await else { return };
    let _daemon = stage.daemon();
    stage.deployed().await;
    let rounds = rounds(3, 100);
    let clones: Vec<Clone> = (0..WRITERS).map(|n| stage.clone_to(&format!("writer-{n}"))).collect();
    for round in 0..rounds {
        let tag = format!("dev-{round:08}");
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for (n, clone) in clones.iter().enumerate() {
                let done = &done;
                scope.spawn(move || {
                    // Until the daemon has its commit in, so that they are always in its way.
                    let mut commit = 0;
                    while commit == 0 || !done.load(Ordering::SeqCst) && commit < 3 {
                        let path = format!("w{n}/{round}-{commit}.txt");
                        clone.commit(&[(&path, "x\n")], &format!("w{n} {round}-{commit}"));
                        while !clone.push() {
                            clone.pull();
                        }
                        commit += 1;
                    }
                });
            }
            let runtime = tokio::runtime::Handle::current();
            let wait = async {
                stage.push(&tag, 10 + round as u64).await;
                stage.commits_of(&tag).await
            };
            tokio::task::block_in_place(|| runtime.block_on(wait));
            done.store(true, Ordering::SeqCst);
        });
    }
    let log = stage.repository.log();
    let theirs = log.iter().filter(|subject| subject.starts_with('w')).count();
    let mut there = 0;
    for clone in &clones {
        clone.pull();
        there = there.max(clone.git(["log", "--format=%s"]).lines().filter(|line| line.starts_with('w')).count());
        // Nothing of a writer waits to be pushed: every commit that it made is in the branch.
        assert_eq!(clone.git(["rev-list", "--count", "FETCH_HEAD..HEAD"]).trim(), "0");
    }
    assert_eq!(theirs, there);
    let unique: std::collections::BTreeSet<&String> = log.iter().collect();
    assert_eq!(unique.len(), log.len(), "no commit came twice");
    for round in 0..rounds {
        assert_eq!(stage.ours(&format!("dev-{round:08}")), 1, "round {round}");
    }
}

/// What a repository may hold besides manifests.
#[tokio::test(flavor = "multi_thread")]
async fn a_repository_of_much_and_odd_content_costs_little_memory_and_what_is_odd_is_named() {
    const POINTER: &str = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n";
    let Some(stage) = Stage::start().await else { return };
    let clone = stage.clone_to("clone");
    for folder in 0..50 {
        let path = clone.path().join(format!("maps/{folder}"));
        std::fs::create_dir_all(&path).unwrap();
        for file in 0..100 {
            let text = format!(
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: m-{folder}-{file}, namespace: dev}}\ndata: {{a: b}}\n"
            );
            std::fs::write(path.join(format!("{file}.yaml")), text).unwrap();
        }
    }
    // Nothing that compresses, so that it travels whole.
    let mut state = 1_u64;
    let random = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u32
    });
    let large: Vec<u8> = random.take(25 * 1024 * 1024).flat_map(u32::to_le_bytes).collect();
    std::fs::write(clone.path().join("large.bin"), &large).unwrap();
    drop(large);
    std::os::unix::fs::symlink("/etc/passwd", clone.path().join("link.yaml")).unwrap();
    std::fs::write(clone.path().join("pointer.yaml"), POINTER).unwrap();
    std::fs::create_dir_all(clone.path().join("charts/large")).unwrap();
    std::fs::write(clone.path().join("charts/large/Chart.yaml"), "apiVersion: v2\nname: large\nversion: 0.1.0\n")
        .unwrap();
    std::fs::write(clone.path().join("charts/large/values.yaml"), POINTER).unwrap();
    let release = "apiVersion: helm.fluxcd.io/v1\nkind: HelmRelease\nmetadata: {name: large, namespace: dev}\nspec:\n  \
                   releaseName: large\n  chart: {git: git@example.com:rhumb/get-started, path: charts/large, ref: master}\n";
    std::fs::write(clone.path().join("large.yaml"), release).unwrap();
    clone.commit_all("much");
    let head = clone.git(["rev-parse", "HEAD"]);
    clone.git(["update-index", "--add", "--cacheinfo", &format!("160000,{},module.yaml", head.trim())]);
    clone.git(["commit", "--quiet", "--message", "module"]);
    assert!(clone.push());

    let daemon = stage.daemon();
    let memory = Memory::of(&daemon);
    stage.deployed().await;
    let last = Key::new("v1", "ConfigMap", "dev", "m-49-99");
    stage.until("all is applied", async || stage.servers.cluster.get(&last).await.unwrap().is_some()).await;
    let maps = stage.servers.cluster.list("v1", "ConfigMap", Some("dev")).await.unwrap();
    assert!(maps.iter().filter(|map| map["metadata"]["name"].as_str().unwrap().starts_with("m-")).count() == 5_000);
    let large = Key::new("helm.fluxcd.io/v1", "HelmRelease", "dev", "large");
    let said = async || {
        let large = stage.servers.cluster.get(&large).await.unwrap();
        large.is_some_and(|large| {
            large["status"].to_string().contains("`charts/large/values.yaml` is a pointer of Git LFS")
        })
    };
    stage.until("the release of the pointer says so", said).await;
    assert_eq!(stage.lines("pointer.yaml: is a pointer of Git LFS"), 1, "{}", stage.servers.log());
    let log = stage.servers.log();
    for (entry, kind) in [("link.yaml", "Symlink"), ("module.yaml", "Submodule")] {
        let named = |line: &&str| line.contains(entry) && line.contains(kind);
        assert!(log.lines().any(|line| named(&line)), "{entry}");
    }
    assert!(!log.contains("root:x:0:0"));
    let (own, all) = memory.most();
    println!(
        "the daemon with 5,000 manifests and a file of 100 MiB: {own} KiB of its own, {all} KiB with mapped files"
    );
    assert!(own < 150 * 1024, "{own} KiB of memory");
}

/// Watches how much memory a process takes.
struct Memory {
    process: u32,
    own: std::sync::Arc<AtomicU64>,
}

impl Memory {
    fn of(daemon: &Daemon) -> Self {
        let (process, own) = (daemon.id(), std::sync::Arc::new(AtomicU64::new(0)));
        let most = std::sync::Arc::clone(&own);
        std::thread::spawn(move || {
            while let Some(now) = kib(process, "RssAnon:") {
                most.fetch_max(now, Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        Self { process, own }
    }

    /// The most so far in KiB: of its own, and with the pages of mapped files, which the system takes back when it wants.
    fn most(&self) -> (u64, u64) {
        (self.own.load(Ordering::Relaxed), kib(self.process, "VmHWM:").unwrap())
    }
}

fn kib(process: u32, field: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}
