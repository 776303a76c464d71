//! No secret that a daemon knows is told: not by its log at the level that tells everything, not by the cluster's
//! objects but for Secrets, not by git, its own files, the operator's API or a crash.

use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rhumb_io::cluster::Key;
use rhumb_sim::git;
use rhumb_tests::binary;
use rhumb_tests::embedded::{Daemon, Servers};
use rhumb_tests::servers::docker_registry::{self, Access, DockerRegistry, Transport};
use rhumb_tests::servers::git_http::{self, Credentials, GitHttp};
use rhumb_tests::servers::{free_port, program};
use serde_json::{Value, json};

use crate::told;

const GIT_TOKEN: &str = "planted-git-token";
const WRONG_GIT_TOKEN: &str = "planted-wrong-git-token";
const WRONG_REGISTRY_PASSWORD: &str = "planted-wrong-registry-password";
const CHART_PASSWORD: &str = "planted-password-in-a-chart-url";
const WEBHOOK: &str = "planted-webhook-secret";
const WRONG_WEBHOOK: &str = "planted-wrong-webhook-secret";
const VALUE: &str = "planted-value-of-a-secret";

/// A release whose template fails with the secret in its words.
fn talkative() -> Vec<git::File> {
    let release = "apiVersion: helm.fluxcd.io/v1\nkind: HelmRelease\nmetadata:\n  name: talkative\n  namespace: dev\nspec:\n  releaseName: talkative\n  chart:\n    git: git@example.com:rhumb/get-started\n    path: charts/talkative\n    ref: master\n  valuesFrom:\n  - secretKeyRef:\n      name: talkative\n";
    let chart = "apiVersion: v1\nname: talkative\nversion: 0.1.0\n";
    let template = "{{ fail (printf \"cannot use %s\" .Values.password) }}\n";
    vec![
        git::File::new("releases/dev/talkative.yaml", release),
        git::File::new("charts/talkative/Chart.yaml", chart),
        git::File::new("charts/talkative/templates/fail.yaml", template),
    ]
}

/// Releases whose charts are behind URLs with a password in them, which nobody answers.
fn behind_passwords(port: u16) -> git::File {
    let release = |name: &str, chart: &str| {
        format!(
            "---\napiVersion: helm.fluxcd.io/v1\nkind: HelmRelease\nmetadata:\n  name: {name}\n  namespace: dev\nspec:\n  releaseName: {name}\n  chart:\n{chart}"
        )
    };
    let host = format!("somebody:{CHART_PASSWORD}@127.0.0.1:{port}");
    let repository = format!("    repository: http://{host}/charts\n    name: a\n    version: 1.0.0\n");
    let git = format!("    git: https://{host}/a.git\n    path: a\n    ref: master\n");
    let text = release("by-repository", &repository) + &release("by-git", &git);
    git::File::new("releases/dev/behind-passwords.yaml", &text)
}

fn docker_config(registry: &DockerRegistry, password: &str) -> String {
    let auth = STANDARD.encode(format!("{}:{password}", docker_registry::USER));
    json!({ "auths": { registry.host(): { "auth": auth } } }).to_string()
}

/// Pushes an image with the real `ci-mock`, as somebody who knows the password.
fn push(registry: &DockerRegistry, tag: &str) {
    let mut command = Command::new(binary("ci-mock"));
    command.arg("-r").arg(format!("{}/rhumb/podinfo", registry.address()));
    command.args(["-u", docker_registry::USER, "-v", tag]);
    command.env("SSL_CERT_FILE", registry.certificate()).env("CI_MOCK_PASSWORD", docker_registry::PASSWORD);
    let output = command.output().expect("ci-mock was built");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

async fn post(url: &str, token: &str) -> u16 {
    let client = rhumb_io::web::client(Duration::from_secs(60)).unwrap();
    let request = client.post(url).header("authorization", format!("Bearer {token}")).body("{}");
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_logs_everything_tells_no_secret() {
    if !git_http::is_there() {
        return;
    }
    let locked = docker_registry::Options { access: Access::Password, transport: Transport::Https, notify: None };
    let Some(registry) = DockerRegistry::start(locked) else { return };
    let servers = Servers::with_images_at(&registry.host()).await;
    for tag in ["dev-kb9lm91e", "stg-9ij63o4c", "0.4.9"] {
        push(&registry, tag);
    }
    let unused = free_port();
    let mut files = talkative();
    files.push(behind_passwords(unused));
    servers.remote.commit("Jo", "More", &files).unwrap();
    let text = |text: &str| text.to_owned();
    let credentials = Credentials { user: text("git"), token: text(GIT_TOKEN), read_only: text("planted-read-only") };
    let web = GitHttp::start(servers.folder.path(), credentials).await;
    for (kind, name, data) in [
        ("Namespace", "dev", Value::Null),
        ("Secret", "talkative", json!({ "values.yaml": format!("password: {VALUE}\n") })),
    ] {
        let object = json!({
            "apiVersion": "v1", "kind": kind, "metadata": { "namespace": "dev", "name": name }, "stringData": data,
        });
        servers.cluster.apply(&object, "test").await.unwrap();
    }
    let webhooks = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "namespace": "default", "name": "rhumb-webhooks" },
        "stringData": { "git": WEBHOOK, "registry": WEBHOOK },
    });
    servers.cluster.apply(&webhooks, "test").await.unwrap();
    let at = |name: &str| servers.folder.path().join(name);
    std::fs::write(at("ca.pem"), web.ca()).unwrap();
    std::fs::write(at("token"), WRONG_GIT_TOKEN).unwrap();
    std::fs::write(at("docker.json"), docker_config(&registry, WRONG_REGISTRY_PASSWORD)).unwrap();
    let (hooks, operator) = (free_port(), free_port());
    let mut daemon = servers.daemon(|command| {
        command.env("RUST_LOG", "trace").env("SSL_CERT_FILE", registry.certificate());
        command.arg("--git-url").arg(web.url("config.git")).arg("--git-ca-file").arg(at("ca.pem"));
        command.arg("--git-token-file").arg(at("token")).arg("--docker-config").arg(at("docker.json"));
        command.arg("--registry-mirror").arg(format!("{}={}", registry.host(), registry.address()));
        command.arg("--listen-webhooks").arg(format!("127.0.0.1:{hooks}"));
        command.arg("--listen").arg(format!("127.0.0.1:{operator}"));
        command.args(["--git-poll-interval", "1", "--automation-interval", "1"]);
    });

    // Each secret is used, the wrong ones too.
    servers.said("does not take our token").await;
    std::fs::write(at("token"), GIT_TOKEN).unwrap();
    servers.wait("a release is there", |records| records.iter().any(|r| r == "podinfo-dev v1 deployed")).await;
    push(&registry, "dev-11112222");
    servers.said("registry refuses access").await;
    std::fs::write(at("docker.json"), docker_config(&registry, docker_registry::PASSWORD)).unwrap();
    servers.wait_for_text("releases/dev/podinfo.yaml", "dev-11112222").await;
    servers.wait("it is upgraded", |records| records.iter().any(|r| r == "podinfo-dev v2 deployed")).await;
    for place in ["git", "registry"] {
        let url = format!("http://127.0.0.1:{hooks}/{place}");
        assert_eq!((post(&url, WEBHOOK).await, post(&url, WRONG_WEBHOOK).await), (202, 401));
        assert_eq!(post(&format!("{url}?token={WRONG_WEBHOOK}"), "").await, 401);
    }
    let failed = condition(&servers, "talkative").await;
    assert!(failed.contains("cannot use ***"), "{failed}");
    for name in ["by-repository", "by-git"] {
        let failed = condition(&servers, name).await;
        assert!(failed.contains("127.0.0.1"), "{failed}");
    }

    let mut places = told_by_the_cluster(&servers).await;
    places.extend(told_by_the_operators_api(&servers, operator));
    daemon.signal("TERM");
    assert!(daemon.ended().await.0.success());
    told_by_files(&servers, &mut places);
    let auth = |password: &str| STANDARD.encode(format!("{}:{password}", docker_registry::USER));
    let planted = [GIT_TOKEN, WRONG_GIT_TOKEN, docker_registry::PASSWORD, WRONG_REGISTRY_PASSWORD].map(str::to_owned);
    let more = [CHART_PASSWORD, WEBHOOK, WRONG_WEBHOOK, VALUE].map(str::to_owned);
    let encoded = [auth(docker_registry::PASSWORD), auth(WRONG_REGISTRY_PASSWORD), STANDARD.encode(VALUE)];
    let basic = [GIT_TOKEN, WRONG_GIT_TOKEN].map(|token| STANDARD.encode(format!("git:{token}")));
    for secret in planted.iter().chain(&more).chain(&encoded).chain(&basic) {
        told::is_nowhere(secret, &places);
    }
}

/// The log, the repository and the daemon's own folder.
fn told_by_files(servers: &Servers, places: &mut Vec<(String, Vec<u8>)>) {
    assert!(servers.log().contains("TRACE"), "the log tells everything");
    places.push(("the daemon's log".to_owned(), servers.log().into_bytes()));
    let history = Command::new("git").arg("-C").arg(servers.remote.path()).args(["log", "-p", "--all"]).output();
    // HelmReleases stand there with the URLs that somebody wrote.
    let history = String::from_utf8_lossy(&history.unwrap().stdout).replace(CHART_PASSWORD, "");
    places.push(("git's history".to_owned(), history.into_bytes()));
    told::files_below(&servers.folder.path().join("state"), places);
    assert!(places.iter().any(|(path, _)| path.ends_with("store.redb")), "the daemon's store is looked at");
}

/// What the condition `Released` of a HelmRelease in `dev` says, once it is not true.
async fn condition(servers: &Servers, name: &str) -> String {
    let key = Key::new("helm.fluxcd.io/v1", "HelmRelease", "dev", name);
    for _ in 0..3_000 {
        let object = servers.cluster.get(&key).await.ok().flatten().unwrap_or_default();
        let conditions = object.pointer("/status/conditions").and_then(Value::as_array).cloned().unwrap_or_default();
        let failed = conditions.iter().find(|one| one["status"] == "False" && one["message"] != "");
        if let Some(message) = failed.and_then(|one| one["message"].as_str()) {
            return message.to_owned();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("dev/{name} does not fail\n{}", servers.log())
}

async fn told_by_the_cluster(servers: &Servers) -> Vec<(String, Vec<u8>)> {
    let mut places = Vec::new();
    for (api_version, kind) in [("v1", "Event"), ("helm.fluxcd.io/v1", "HelmRelease"), ("v1", "ConfigMap")] {
        let mut objects = servers.cluster.list(api_version, kind, None).await.unwrap();
        for object in &mut objects {
            // What somebody wrote in git stands there as it is.
            if let Some(object) = object.as_object_mut() {
                object.remove("spec");
                object.remove("metadata");
            }
        }
        places.push((format!("every {kind}"), Value::from(objects).to_string().into_bytes()));
    }
    places
}

fn told_by_the_operators_api(servers: &Servers, port: u16) -> Vec<(String, Vec<u8>)> {
    let asked = [
        &["list"][..],
        &["images", "--candidates"],
        &["history", "dev/podinfo-dev"],
        &["history", "dev/talkative"],
        &["explain", "dev/podinfo-dev"],
        &["explain", "dev/talkative"],
        &["explain", "dev/by-git"],
    ];
    let ask = |arguments: &&[&str]| {
        let mut command = Command::new(binary("rhumb"));
        command.args(*arguments).args(["--output", "json", "--daemon", &format!("http://127.0.0.1:{port}")]);
        let output = command.env("KUBECONFIG", servers.folder.path().join("kubeconfig")).output().unwrap();
        (format!("rhumb {arguments:?}"), [output.stdout, output.stderr].concat())
    };
    asked.iter().map(ask).collect()
}

/// A crash leaves no memory behind, even where the system would write it to a file.
#[tokio::test(flavor = "multi_thread")]
async fn a_crash_writes_no_memory_to_disk() {
    if program("prlimit", "util-linux").is_none() {
        return;
    }
    let servers = Servers::start().await;
    let crash = async |mut daemon: Daemon| {
        let set = Command::new("prlimit").args(["--core=unlimited", "--pid", &daemon.id().to_string()]).status();
        assert!(set.unwrap().success());
        daemon.signal("ABRT");
        daemon.ended().await.0
    };
    let folders = ["other", "ours"].map(|name| servers.folder.path().join(name));
    folders.iter().for_each(|folder| std::fs::create_dir(folder).unwrap());
    let [theirs, ours] = &folders;
    // What the system does with a program that does not mind.
    let other = Daemon::start(Command::new("sleep").arg("600").current_dir(theirs), &theirs.join("log"));
    let dumped = crash(other).await.core_dumped();
    let daemon = servers.daemon(|command| {
        command.current_dir(ours);
    });
    servers.said("identity").await;
    let ended = crash(daemon).await;
    assert_eq!((ended.signal(), ended.core_dumped()), (Some(6), false), "another program dumped: {dumped}");
    assert_eq!(std::fs::read_dir(ours).unwrap().count(), 0);
}
