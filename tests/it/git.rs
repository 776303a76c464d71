//! Git against real servers: OpenSSH's sshd with git-shell, and `git http-backend` behind TLS.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rhumb_core::chain::chain;
use rhumb_core::id::{Revision, Timestamp};
use rhumb_core::manifest::File;
use rhumb_io::git::{Access, Commit, KnownHosts, Login, Mirror, Mirrors, Options, Origin, Push, Signature};
use rhumb_io::identity::Identity;
use rhumb_sim::git as sim;
use rhumb_tests::embedded::{Servers, push};
use rhumb_tests::servers::git_http::{self, Credentials, GitHttp};
use rhumb_tests::servers::repository::{BRANCH, Repository};
use rhumb_tests::servers::sshd::{self, Permission, Sshd};
use rhumb_tests::soak::rounds;
use tempfile::TempDir;

/// A repository behind an `sshd` that knows our key, and that we know.
struct Ssh {
    folder: TempDir,
    repository: Repository,
    server: Sshd,
    access: Access,
    identity: Identity,
}

impl Ssh {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let repository = Repository::create(&folder.path().join("config.git"), &[("a.yaml", "a: 1\n")]);
        let server = Sshd::start(&folder.path().join("sshd"));
        let identity = Identity::generate().unwrap();
        server.admit(&identity.public_line(), Permission::Write);
        let access = Access::new(Options { patience: Some(Duration::from_secs(60)), ..Options::default() }).unwrap();
        access.trust(KnownHosts::parse(&server.known_hosts()).0);
        access.identify(identity.clone());
        Self { folder, repository, server, access, identity }
    }

    fn mirror(&self, name: &str) -> Mirror {
        self.mirror_of(name, &self.repository)
    }

    fn mirror_of(&self, name: &str, repository: &Repository) -> Mirror {
        let url = self.server.url(repository.path());
        Mirror::open(&self.folder.path().join(name), &url, BRANCH, &self.access).unwrap()
    }

    /// A mirror of a remote whose fetch is refused: why.
    fn refusal(&self) -> String {
        chain(&self.mirror("refused").fetch().unwrap_err())
    }
}

fn commit(onto: &Revision, path: &str, text: &str) -> Commit {
    Commit {
        onto: onto.clone(),
        files: vec![File { path: path.to_owned(), data: text.as_bytes().to_vec() }],
        message: format!("ours {path}"),
        author: Signature { name: "Rhumb".to_owned(), email: "rhumb@example.com".to_owned() },
        time: Timestamp(1_795_444_500_000),
    }
}

fn pushed(push: Push) -> Revision {
    match push {
        Push::Pushed(revision) => revision,
        other => panic!("not pushed: {other:?}"),
    }
}

/// Fetch, push, and follow what others do, as with any remote.
fn works(mirror: &Mirror, repository: &Repository, folder: &Path) {
    let first = mirror.fetch().unwrap();
    assert_eq!(first.as_str(), repository.head());
    assert_eq!(mirror.files(&first, &[], &|_| true).unwrap()[0].data, b"a: 1\n");

    let ours = pushed(mirror.push(&commit(&first, "a.yaml", "a: 2\n")).unwrap());
    assert_eq!(repository.head(), ours.as_str());
    assert_eq!(repository.text("a.yaml").unwrap(), "a: 2\n");
    assert_eq!(mirror.head().unwrap(), Some(ours.clone()));

    let other = repository.clone_to(&folder.join("other"));
    other.commit(&[("b.yaml", "b: 1\n")], "theirs");
    assert!(other.push());
    let stale = mirror.push(&commit(&ours, "a.yaml", "a: 3\n")).unwrap();
    assert_eq!(stale, Push::Stale { head: Revision::new(repository.head()) });
    assert_eq!(repository.log(), ["theirs", "ours a.yaml", "first"]);

    let theirs = mirror.fetch().unwrap();
    assert_eq!(mirror.fetch().unwrap(), theirs);
    pushed(mirror.push(&commit(&theirs, "a.yaml", "a: 3\n")).unwrap());
    assert_eq!(repository.log(), ["ours a.yaml", "theirs", "ours a.yaml", "first"]);

    // Another writer throws our commit away; the mirror follows.
    other.git(["fetch", "--quiet", "origin", BRANCH]);
    other.git(["reset", "--quiet", "--hard", "FETCH_HEAD~1"]);
    other.commit(&[("b.yaml", "b: 2\n")], "instead");
    other.force();
    let forced = mirror.fetch().unwrap();
    assert_eq!(forced.as_str(), repository.head());
    assert_eq!(mirror.files(&forced, &["b.yaml".to_owned()], &|_| true).unwrap()[0].data, b"b: 2\n");
    pushed(mirror.push(&commit(&forced, "a.yaml", "a: 4\n")).unwrap());
    assert_eq!(repository.log()[..2], ["ours a.yaml", "instead"]);
}

#[test]
fn ssh_fetches_and_pushes() {
    if !sshd::is_there() {
        return;
    }
    let ssh = Ssh::start();
    works(&ssh.mirror("mirror"), &ssh.repository, ssh.folder.path());
}

#[test]
fn ssh_speaks_with_a_server_that_knows_no_version_two_and_takes_each_kind_of_key() {
    if !sshd::is_there() {
        return;
    }
    let mut ssh = Ssh::start();
    ssh.server.speak_version_zero();
    let folder = ssh.folder.path().join("keys");
    std::fs::create_dir_all(&folder).unwrap();
    for (kind, form) in [("rsa", "PEM"), ("ecdsa", "PEM"), ("ecdsa", "RFC4716"), ("rsa", "RFC4716")] {
        let path = folder.join(format!("{kind}-{form}"));
        let made = std::process::Command::new("ssh-keygen")
            .args(["-q", "-t", kind, "-m", form, "-N", "", "-f"])
            .arg(&path)
            .status()
            .unwrap();
        assert!(made.success());
        let identity = Identity::parse(&std::fs::read_to_string(&path).unwrap()).unwrap();
        ssh.server.admit(&identity.public_line(), Permission::Write);
        ssh.access.identify(identity);
        let mirror = ssh.mirror(&format!("mirror-{kind}-{form}"));
        assert_eq!(mirror.fetch().unwrap().as_str(), ssh.repository.head(), "{kind} {form}");
    }
}

#[test]
fn ssh_refuses_a_host_that_is_unknown_changed_or_revoked_and_says_what_to_add() {
    if !sshd::is_there() {
        return;
    }
    let mut ssh = Ssh::start();
    let right = ssh.server.known_hosts();
    ssh.access.trust(KnownHosts::parse("").0);
    let unknown = ssh.refusal();
    assert!(unknown.starts_with("unknown SSH host key of `127.0.0.1:"), "{unknown}");
    assert!(unknown.contains("SHA256:") && unknown.ends_with(right.trim()), "{unknown}");
    ssh.access.trust(KnownHosts::parse(&format!("{right}@revoked * {}", right.split_once(' ').unwrap().1)).0);
    assert!(ssh.refusal().starts_with("known_hosts revokes the SSH host key"), "{}", ssh.refusal());

    // Taken from the message, the line lets us in.
    let line = unknown.rsplit_once(": ").unwrap().1;
    ssh.access.trust(KnownHosts::parse(line).0);
    ssh.mirror("mirror").fetch().unwrap();

    ssh.server.down();
    ssh.server.change_host_key();
    ssh.server.up();
    let changed = ssh.refusal();
    assert!(changed.starts_with("the SSH host key is another than the one that is known"), "{changed}");
    assert!(changed.ends_with(ssh.server.known_hosts().trim()), "{changed}");
}

#[test]
fn ssh_says_which_key_lacks_access_and_which_lacks_write_access() {
    if !sshd::is_there() {
        return;
    }
    let ssh = Ssh::start();
    let line = ssh.identity.public_line();
    ssh.server.admit(&Identity::generate().unwrap().public_line(), Permission::Write);
    let denied = ssh.refusal();
    assert!(denied.contains("does not take our SSH key") && denied.ends_with(&line), "{denied}");

    ssh.server.admit(&line, Permission::Read);
    let mirror = ssh.mirror("mirror");
    let head = mirror.fetch().unwrap();
    let Push::Rejected { reason } = mirror.push(&commit(&head, "a.yaml", "a: 2\n")).unwrap() else {
        panic!("a key that may only read has pushed")
    };
    assert!(reason.contains("marked as read only") && reason.ends_with(&line), "{reason}");
    assert_eq!(ssh.repository.head(), head.as_str());

    // Given write access, the same push goes through.
    ssh.server.admit(&line, Permission::Write);
    pushed(mirror.push(&commit(&head, "a.yaml", "a: 2\n")).unwrap());
}

#[test]
fn ssh_names_a_missing_repository_and_branch_and_a_server_that_is_down() {
    if !sshd::is_there() {
        return;
    }
    let mut ssh = Ssh::start();
    let url = ssh.server.url(&ssh.folder.path().join("none.git"));
    let missing = Mirror::open(&ssh.folder.path().join("n"), &url, BRANCH, &ssh.access).unwrap().fetch().unwrap_err();
    assert!(chain(&missing).contains("does not appear to be a git repository"), "{}", chain(&missing));
    let url = ssh.server.url(ssh.repository.path());
    let branch = Mirror::open(&ssh.folder.path().join("b"), &url, "release", &ssh.access).unwrap().fetch().unwrap_err();
    assert!(chain(&branch).starts_with("configured branch `release` does not exist"), "{}", chain(&branch));

    let mirror = ssh.mirror("mirror");
    ssh.server.down();
    let down = mirror.fetch().unwrap_err();
    assert!(chain(&down).starts_with("failed to reach `ssh://"), "{}", chain(&down));
    ssh.server.up();
    assert_eq!(mirror.fetch().unwrap().as_str(), ssh.repository.head());
}

#[test]
fn a_hook_that_declines_is_quoted_and_nothing_moves() {
    if !sshd::is_there() {
        return;
    }
    let ssh = Ssh::start();
    ssh.repository.hook("pre-receive", "#!/bin/sh\necho 'the branch is frozen' >&2\nexit 1\n");
    let mirror = ssh.mirror("mirror");
    let head = mirror.fetch().unwrap();
    let push = mirror.push(&commit(&head, "a.yaml", "a: 2\n")).unwrap();
    let reason = "pre-receive hook declined (the branch is frozen)".to_owned();
    assert_eq!(push, Push::Rejected { reason });
    assert_eq!((ssh.repository.head(), mirror.head().unwrap()), (head.to_string(), Some(head)));
}

/// Every writer's commits arrive, ours exactly once, whoever is faster.
#[test]
fn of_many_writers_at_the_same_time_nobody_loses_a_commit() {
    if !sshd::is_there() {
        return;
    }
    let (rounds, writers) = (rounds(5, 100), 10);
    let ssh = Ssh::start();
    let barrier = std::sync::Barrier::new(writers + 1);
    let stale = std::thread::scope(|scope| {
        for writer in 0..writers {
            let clone = ssh.repository.clone_to(&ssh.folder.path().join(format!("writer-{writer}")));
            let barrier = &barrier;
            scope.spawn(move || {
                for round in 0..rounds {
                    clone.commit(&[(&format!("w{writer}/r{round}.yaml"), "x: 1\n")], &format!("w{writer} r{round}"));
                    barrier.wait();
                    while !clone.push() {
                        clone.pull();
                    }
                }
            });
        }
        let mirror = ssh.mirror("mirror");
        let mut n_stale = 0;
        for round in 0..rounds {
            barrier.wait();
            loop {
                let onto = mirror.fetch().unwrap();
                match mirror.push(&commit(&onto, &format!("r{round}.yaml"), "x: 1\n")).unwrap() {
                    Push::Pushed(_) => break,
                    Push::Stale { .. } => n_stale += 1,
                    Push::Rejected { reason } => panic!("{reason}"),
                }
            }
        }
        n_stale
    });
    let mut found = ssh.repository.log();
    found.sort();
    let theirs = (0..writers).flat_map(|writer| (0..rounds).map(move |round| format!("w{writer} r{round}")));
    let mut expected: Vec<String> = theirs.chain((0..rounds).map(|round| format!("ours r{round}.yaml"))).collect();
    expected.push("first".to_owned());
    expected.sort();
    assert_eq!(found, expected, "{stale} of our pushes lost a race");
}

/// A repository behind a web server that asks for a token.
struct Web {
    folder: TempDir,
    repository: Repository,
    server: GitHttp,
}

impl Web {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let repository = Repository::create(&folder.path().join("config.git"), &[("a.yaml", "a: 1\n")]);
        let text = |text: &str| text.to_owned();
        let credentials = Credentials { user: text("git"), token: text("w-4711"), read_only: text("r-0815") };
        let server = GitHttp::start(folder.path(), credentials).await;
        Self { folder, repository, server }
    }

    fn access(&self, token: Option<&str>) -> Access {
        let ca = Some(self.server.ca().as_bytes().to_vec());
        let access =
            Access::new(Options { ca, patience: Some(Duration::from_secs(60)), ..Options::default() }).unwrap();
        access.log_in(token.map(|token| Login { user: "git".to_owned(), password: token.to_owned() }));
        access
    }

    fn mirror(&self, access: &Access) -> Mirror {
        let folder = self.folder.path().join("mirror");
        Mirror::open(&folder, &self.server.url("config.git"), BRANCH, access).unwrap()
    }
}

/// Runs what blocks off the thread that serves.
async fn off<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn https_fetches_and_pushes_with_a_token() {
    if !git_http::is_there() {
        return;
    }
    let web = Arc::new(Web::start().await);
    let access = web.access(Some("w-4711"));
    let shared = Arc::clone(&web);
    off(move || works(&shared.mirror(&access), &shared.repository, shared.folder.path())).await;
    let before = (web.server.n_connections(), web.server.n_requests());
    let (shared, access) = (Arc::clone(&web), web.access(Some("w-4711")));
    off(move || shared.mirror(&access).fetch().unwrap()).await;
    let after = (web.server.n_connections(), web.server.n_requests());
    assert_eq!((after.0 - before.0, after.1 - before.1), (1, 2), "a poll that finds nothing: connections, requests");
}

#[tokio::test(flavor = "multi_thread")]
async fn https_says_what_a_token_or_a_certificate_lacks_and_shows_neither() {
    if !git_http::is_there() {
        return;
    }
    let web = Arc::new(Web::start().await);
    let refusal = |access: Access| {
        let web = Arc::clone(&web);
        off(move || chain(&web.mirror(&access).fetch().unwrap_err()))
    };
    let none = refusal(web.access(None)).await;
    assert!(none.ends_with("does not let us in: it asks for a token; give one"), "{none}");
    let wrong = refusal(web.access(Some("x-secret"))).await;
    assert!(wrong.contains("does not take our token") && !wrong.contains("x-secret"), "{wrong}");
    let stranger = Access::new(Options::default()).unwrap();
    let untrusted = refusal(stranger).await;
    assert!(untrusted.starts_with("failed to reach") && untrusted.contains("UnknownIssuer"), "{untrusted}");

    let (shared, access) = (Arc::clone(&web), web.access(Some("r-0815")));
    let push = off(move || {
        let mirror = shared.mirror(&access);
        let head = mirror.fetch().unwrap();
        mirror.push(&commit(&head, "a.yaml", "a: 2\n")).unwrap()
    })
    .await;
    let reason = "it answers 403 to a push; give the token write access".to_owned();
    assert_eq!(push, Push::Rejected { reason });
    assert_eq!(web.repository.log(), ["first"]);
}

#[test]
fn many_files_and_a_large_one_a_link_and_a_submodule() {
    if !sshd::is_there() {
        return;
    }
    let ssh = Ssh::start();
    let clone = ssh.repository.clone_to(&ssh.folder.path().join("clone"));
    for folder in 0..50 {
        let path = clone.path().join(format!("f{folder}"));
        std::fs::create_dir_all(&path).unwrap();
        for file in 0..100 {
            std::fs::write(path.join(format!("{file}.yaml")), format!("a: {folder}\nb: {file}\n")).unwrap();
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
    std::os::unix::fs::symlink("../../outside", clone.path().join("f0/out")).unwrap();
    clone.commit_all("much");
    let commit_id = clone.git(["rev-parse", "HEAD"]);
    clone.git(["update-index", "--add", "--cacheinfo", &format!("160000,{},module.yaml", commit_id.trim())]);
    clone.git(["commit", "--quiet", "--message", "module"]);
    assert!(clone.push());

    let mirror = ssh.mirror("mirror");
    let (head, grown) = memory_of(|| mirror.fetch().unwrap());
    let yaml = |path: &str| path.ends_with(".yaml");
    let listing = mirror.list(&head, &[], &yaml).unwrap();
    assert_eq!(listing.files.len(), 5_001);
    let skipped: Vec<&str> = listing.skipped.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(skipped, ["link.yaml", "module.yaml"]);
    assert!(grown < 50 * 1024, "{grown} KiB more memory for a pack with a file of 100 MiB");
    let too_large = mirror.files(&head, &["large.bin".to_owned()], &|_| true).unwrap_err();
    assert!(too_large.to_string().starts_with("`large.bin` exceeds the limit"), "{too_large}");

    // A server that leaves out what is too large is told to; the rest is the same, and pushes work.
    clone.git(["--git-dir", ssh.repository.path().to_str().unwrap(), "config", "uploadpack.allowFilter", "true"]);
    let partial = ssh.mirror("partial");
    assert_eq!(partial.fetch().unwrap(), head);
    assert_eq!(partial.list(&head, &[], &yaml).unwrap(), listing);
    let too_large = partial.files(&head, &["large.bin".to_owned()], &|_| true).unwrap_err();
    assert!(too_large.to_string().starts_with("`large.bin` exceeds the limit"), "{too_large}");
    assert!(size(&ssh.folder.path().join("partial")) < 10 * 1024 * 1024);
    pushed(partial.push(&commit(&head, "f0/0.yaml", "a: 2\n")).unwrap());
    assert_eq!(ssh.repository.log()[0], "ours f0/0.yaml");
}

/// Runs it and gives how much memory of its own the process took more at any moment, in KiB. Pages of mapped files,
/// which the system takes back when it wants, do not count.
fn memory_of<T>(work: impl FnOnce() -> T) -> (T, u64) {
    let taken = || -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    };
    let before = taken();
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let mut most = before;
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                most = most.max(taken());
                std::thread::sleep(Duration::from_millis(2));
            }
            most
        });
        let result = work();
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        (result, watch.join().unwrap().saturating_sub(before))
    })
}

fn size(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { size(&path) } else { path.metadata().unwrap().len() }).sum()
}

#[test]
fn charts_come_from_branches_tags_and_commits_of_other_repositories() {
    if !sshd::is_there() {
        return;
    }
    let mut ssh = Ssh::start();
    let clone = ssh.repository.clone_to(&ssh.folder.path().join("clone"));
    let first = ssh.repository.head();
    clone.git(["tag", "--annotate", "--message", "one", "v1"]);
    clone.git(["push", "--quiet", "origin", "v1"]);
    clone.commit(&[("charts/a/Chart.yaml", "name: a\nversion: 0.1.0\n")], "second");
    assert!(clone.push());
    let second = ssh.repository.head();

    let mirrors = Mirrors::new(&ssh.folder.path().join("mirrors"), ssh.access.clone(), "git@example.com:own", 300_000);
    let origin = |path: &Path| Origin { url: ssh.server.url(path), secret: None };
    let origin = origin(ssh.repository.path());
    let head = |reference: &str, at: u64| {
        let head = mirrors.head(&origin, None, reference, Timestamp(at));
        head.map(|(_, revision)| revision.to_string()).map_err(|error| chain(&*error))
    };
    assert_eq!(head(BRANCH, 0).unwrap(), second);
    assert_eq!(head("v1", 0).unwrap(), first);
    assert_eq!(head(&first, 0).unwrap(), first);
    assert_eq!(head(&second[..8], 0).unwrap(), second);
    assert!(head("nowhere", 0).unwrap_err().starts_with("there is no branch, tag or commit `nowhere` in `ssh://"));
    let (mirror, revision) = mirrors.head(&origin, None, BRANCH, Timestamp(0)).unwrap();
    assert_eq!(mirror.files(&revision, &["charts/a".to_owned()], &|_| true).unwrap().len(), 1);

    let path = Origin { url: ssh.repository.path().display().to_string(), secret: None };
    let refused = mirrors.head(&path, None, BRANCH, Timestamp(0)).unwrap_err();
    assert!(refused.to_string().ends_with("not by a path"), "{refused}");

    // Asked again when it is time and not before; what was there stays while the server is down.
    clone.commit(&[("charts/a/Chart.yaml", "name: a\nversion: 0.2.0\n")], "third");
    assert!(clone.push());
    let third = ssh.repository.head();
    assert_eq!(head(BRANCH, 299_999).unwrap(), second);
    assert_eq!(head(BRANCH, 300_000).unwrap(), third);
    ssh.server.down();
    assert_eq!(head(BRANCH, 900_000).unwrap(), third);
    assert!(head("other", 900_000).unwrap_err().starts_with("failed to reach"));
    mirrors.keep(&|_, reference| reference == BRANCH);
    assert_eq!(mirrors.due(Timestamp(900_000)), Some(Timestamp(910_000)));
}

fn release(name: &str, git: &str, reference: &str) -> sim::File {
    let text = format!(
        "apiVersion: helm.fluxcd.io/v1\nkind: HelmRelease\nmetadata:\n  name: {name}\n  namespace: dev\nspec:\n  \
         releaseName: {name}\n  chart:\n    git: {git}\n    ref: {reference}\n    path: charts/a\n"
    );
    sim::File::new(&format!("releases/dev/{name}.yaml"), &text)
}

/// The daemon itself, with a config repository that git's own configuration maps to an SSH server.
#[tokio::test(flavor = "multi_thread")]
async fn the_daemon_says_once_that_its_key_may_only_read_and_takes_a_new_one_without_a_restart() {
    if !sshd::is_there() {
        return;
    }
    let servers = Servers::start().await;
    let folder = servers.folder.path();
    let server = Sshd::start(&folder.join("sshd"));
    let identity = Identity::load_or_create(&servers.cluster, "default").await.unwrap();
    server.admit(&identity.public_line(), Permission::Read);
    std::fs::write(folder.join("known_hosts"), server.known_hosts()).unwrap();
    let map = format!("[url \"{}\"]\n\tinsteadOf = file://\n", server.url(Path::new("")));
    std::fs::write(folder.join("gitconfig"), map).unwrap();

    // One chart from another repository's tag, one from a host that does not answer.
    let chart = [
        ("charts/a/Chart.yaml", "apiVersion: v2\nname: a\nversion: 0.1.0\n"),
        ("charts/a/templates/a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: from-elsewhere}\n"),
    ];
    let elsewhere = Repository::create(&folder.join("elsewhere.git"), &chart);
    let clone = elsewhere.clone_to(&folder.join("clone"));
    clone.git(["tag", "v1"]);
    clone.git(["push", "--quiet", "origin", "v1"]);
    let files = [
        release("elsewhere", &server.url(elsewhere.path()), "v1"),
        release("dead", "ssh://git@127.0.0.1:1/charts.git", "v1"),
    ];
    servers.remote.commit("Other", "two releases", &files).unwrap();

    let _daemon = servers.daemon(|command| {
        command.env("GIT_CONFIG_GLOBAL", folder.join("gitconfig")).arg("--ssh-known-hosts");
        command.arg(folder.join("known_hosts"));
    });
    let deployed = |records: &[String]| records.iter().filter(|record| record.ends_with(" deployed")).count();
    servers.wait("all but the dead one are deployed", |records| deployed(records) == 5).await;
    let releases = servers.cluster.helm_releases().await.unwrap();
    let dead = releases.iter().find(|release| release["metadata"]["name"] == "dead").unwrap();
    assert!(dead["status"].to_string().contains("failed to reach `ssh://git@127.0.0.1:1/charts.git`"), "{dead}");

    push(&servers.registry, "dev-11112222", 10).await;
    let start = Instant::now();
    while server.n_refused() < 3 {
        assert!(start.elapsed() < Duration::from_secs(120), "{} pushes\n{}", server.n_refused(), servers.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let log = servers.log();
    assert_eq!(log.matches("push failed").count(), 1, "{log}");
    assert!(log.contains("give it write access") && log.contains(&identity.public_line()), "{log}");

    let new = Identity::regenerate(&servers.cluster, "default").await.unwrap();
    server.admit(&new.public_line(), Permission::Write);
    servers.wait_for_text("releases/dev/podinfo.yaml", "dev-11112222").await;
    let ours = servers.remote.log().unwrap().into_iter().filter(|commit| commit.author == "Rhumb").count();
    assert_eq!(ours, 1);
    assert!(!servers.log().contains("PRIVATE"));
}
