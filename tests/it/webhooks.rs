//! Webhooks: a push to git and a push to a registry wake the daemon at once, and nobody else does.
//!
//! The intervals of these daemons are an hour, so that nothing else can have woken them.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rhumb_sim::git;
use rhumb_tests::binary;
use rhumb_tests::embedded::{Daemon, Servers};
use rhumb_tests::servers::docker_registry::{DockerRegistry, Options};
use rhumb_tests::servers::{free_port, program};
use serde_json::json;

const GIT: &str = "planted-secret-of-the-git-webhook";
const REGISTRY: &str = "planted-secret-of-the-registry-webhook";

fn daemon(servers: &Servers, port: u16) -> Daemon {
    servers.daemon(|command| {
        for interval in ["git-poll-interval", "sync-interval", "automation-interval", "charts-sync-interval"] {
            command.arg(format!("--{interval}")).arg("3600");
        }
        command.arg("--listen-webhooks").arg(format!("127.0.0.1:{port}"));
    })
}

async fn set_secrets(servers: &Servers, git: &str, registry: &str) {
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "namespace": "default", "name": "rhumb-webhooks" },
        "stringData": { "git": git, "registry": registry },
    });
    servers.cluster.apply(&secret, "test").await.unwrap();
}

fn push(registry: &DockerRegistry, tag: &str) {
    let mut command = Command::new(binary("ci-mock"));
    command.arg("-r").arg(format!("{}/rhumb/podinfo", registry.host())).args(["-v", tag]);
    let output = command.output().expect("ci-mock was built");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn all_first(records: &[String]) -> bool {
    records.len() == 4 && records.iter().all(|record| record.ends_with(" v1 deployed"))
}

fn is_second(records: &[String]) -> bool {
    records.iter().any(|record| record == "podinfo-dev v2 deployed")
}

async fn post(url: &str, header: (&str, &str), body: &str) -> u16 {
    let client = rhumb_io::web::client(Duration::from_secs(60)).unwrap();
    let request = client.post(url).header(header.0, header.1).body(body.to_owned());
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_says_that_an_image_was_pushed() {
    let port = free_port();
    let url = format!("http://127.0.0.1:{port}/registry");
    let notify = Some((url.clone(), format!("Bearer {REGISTRY}")));
    let Some(registry) = DockerRegistry::start(Options { notify, ..Options::default() }) else { return };
    for tag in ["dev-kb9lm91e", "stg-9ij63o4c", "0.4.9"] {
        push(&registry, tag);
    }
    let servers = Servers::with_images_at(&registry.host()).await;
    set_secrets(&servers, GIT, REGISTRY).await;
    let _daemon = daemon(&servers, port);
    servers.wait("everything is deployed", all_first).await;
    push(&registry, "dev-11112222");
    servers.wait("the push was told", is_second).await;
    assert_eq!(servers.n_commits(), 1);
    // As it does to those that can set no header.
    let in_url = format!("{url}?token={REGISTRY}");
    assert_eq!(post(&in_url, ("content-type", "application/json"), "{}").await, 202);
    assert_eq!(post(&url, ("authorization", "Bearer wrong"), "{}").await, 401);
    assert!(!servers.log().contains(REGISTRY), "{}", servers.log());
}

/// What a git server runs after a push: curl with a signature, as GitHub makes it.
fn hook(repository: &Path, secret: &str, url: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    let hooks = repository.join("hooks");
    std::fs::create_dir_all(&hooks).unwrap();
    let script = format!(
        "#!/bin/sh\nbody='{{\"ref\": \"refs/heads/master\"}}'\n\
         signed=$(printf %s \"$body\" | openssl dgst -sha256 -hmac '{secret}' | sed 's/^.* //')\n\
         curl --silent --show-error --output /dev/null --write-out '%{{http_code}}' \
         --header \"X-Hub-Signature-256: sha256=$signed\" --data \"$body\" {url} > \"{}\"\n",
        repository.join("answer").display()
    );
    std::fs::write(hooks.join("post-receive"), script).unwrap();
    std::fs::set_permissions(hooks.join("post-receive"), std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// Edits a file in a clone and pushes it with the real git.
fn edit(servers: &Servers, clone: &Path, replicas: u32) {
    let run = |arguments: &[&str]| {
        let mut git = Command::new("git");
        git.arg("-C").arg(clone).args(["-c", "user.name=Somebody", "-c", "user.email=somebody@example.com"]);
        let output = git.args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    if !clone.join(".git").exists() {
        std::fs::create_dir_all(clone).unwrap();
        run(&["clone", "--quiet", "--branch", "master", servers.remote.path().to_str().unwrap(), "."]);
    }
    let path = clone.join("releases/dev/podinfo.yaml");
    let text = std::fs::read_to_string(&path).unwrap();
    let line = text.lines().find(|line| line.contains("replicaCount:")).unwrap();
    std::fs::write(&path, text.replace(line, &format!("    replicaCount: {replicas}"))).unwrap();
    run(&["commit", "--quiet", "--all", "--message", "More"]);
    run(&["push", "--quiet", "origin", "master"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_git_server_says_that_there_was_a_push() {
    if program("curl", "curl").is_none() || program("openssl", "openssl").is_none() {
        return;
    }
    let servers = Servers::start().await;
    let port = free_port();
    let url = format!("http://127.0.0.1:{port}/git");
    let clone = servers.folder.path().join("clone");
    let answer = || std::fs::read_to_string(servers.remote.path().join("answer")).unwrap();
    let _daemon = daemon(&servers, port);
    servers.wait("everything is deployed", all_first).await;

    // Without the Secret nobody is believed; nor is a wrong signature when there is one.
    hook(servers.remote.path(), GIT, &url);
    edit(&servers, &clone, 2);
    assert_eq!(answer(), "401");
    set_secrets(&servers, "another", REGISTRY).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    edit(&servers, &clone, 3);
    assert_eq!(answer(), "401");
    for header in [("x-gitlab-token", REGISTRY), ("authorization", "Bearer "), ("content-type", "text/plain")] {
        assert_eq!(post(&url, header, "{}").await, 401, "{header:?}");
    }
    let large = "x".repeat(2 * 1024 * 1024);
    assert_eq!(post(&url, ("x-gitlab-token", "another"), &large).await, 413);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(all_first(&servers.records().await), "nothing happened: {:?}", servers.records().await);

    // The Secret is read again when it changes.
    set_secrets(&servers, GIT, REGISTRY).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    edit(&servers, &clone, 4);
    assert_eq!(answer(), "202");
    servers.wait("the push was told", is_second).await;
    let deployment = rhumb_io::cluster::Key::new("apps/v1", "Deployment", "dev", "podinfo-dev");
    let deployment = servers.cluster.get(&deployment).await.unwrap().unwrap();
    assert_eq!(deployment["spec"]["replicas"], 4);
    // The same for a sender that shows a token.
    let path = "releases/dev/podinfo.yaml";
    let text = servers.remote.text(path).unwrap().replace("replicaCount: 4", "replicaCount: 5");
    servers.remote.commit("Somebody", "More", &[git::File::new(path, &text)]).unwrap();
    assert_eq!(post(&url, ("x-gitlab-token", GIT), "{}").await, 202);
    servers.wait("it was told", |records| records.iter().any(|record| record == "podinfo-dev v3 deployed")).await;
    assert!(!servers.log().contains(GIT), "{}", servers.log());
}
