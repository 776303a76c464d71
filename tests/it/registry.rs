//! Docker's own registry: TLS, passwords, mirrors, and what can go wrong with it.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rhumb_io::cluster::Key;
use rhumb_io::registry::{Client, Credentials, Keyring, Kind, Options};
use rhumb_tests::embedded::Servers;
use rhumb_tests::servers::docker_registry::{self, Access, DockerRegistry, Transport};
use rhumb_tests::{binary, policies};
use serde_json::json;

/// The repository of the example's images.
const REPOSITORY: &str = "rhumb/podinfo";

/// Pushes an image as a pipeline would.
fn ci_mock(registry: &DockerRegistry, arguments: &[&str]) -> Output {
    let mut command = Command::new(binary("ci-mock"));
    command.arg("-r").arg(format!("{}/{REPOSITORY}", registry.address())).args(arguments);
    command.env("SSL_CERT_FILE", registry.certificate()).env("CI_MOCK_PASSWORD", docker_registry::PASSWORD);
    command.output().expect("ci-mock was built")
}

fn pushed(registry: &DockerRegistry, arguments: &[&str]) {
    let output = ci_mock(registry, arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn locked() -> docker_registry::Options {
    docker_registry::Options { access: Access::Password, transport: Transport::Https, notify: None }
}

fn docker_config(registry: &DockerRegistry) -> String {
    let auth = STANDARD.encode(format!("{}:{}", docker_registry::USER, docker_registry::PASSWORD));
    json!({ "auths": { registry.host(): { "auth": auth } } }).to_string()
}

#[test]
fn a_push_without_a_password_is_refused_with_words() {
    let Some(registry) = DockerRegistry::start(locked()) else { return };
    let output = ci_mock(&registry, &["-b", "dev"]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && errors.contains("wants a user and a password"), "{errors}");
}

/// The daemon asks as those who pull: nothing but the pull secret of the namespace knows the password.
#[tokio::test(flavor = "multi_thread")]
async fn the_pull_secret_of_a_namespace_opens_a_registry_with_tls_and_password() {
    let Some(registry) = DockerRegistry::start(locked()) else { return };
    let servers = Servers::with_images_at(&registry.host()).await;
    pushed(&registry, &["-u", docker_registry::USER, "-v", "dev-kb9lm91e"]);
    let _daemon = servers.daemon(|command| {
        command.env("SSL_CERT_FILE", registry.certificate());
        command.arg("--registry-mirror").arg(format!("{}={}", registry.host(), registry.address()));
        command.args(["--automation-interval", "1"]);
    });
    servers.wait("the release is there", |records| records.iter().any(|r| r.starts_with("podinfo-dev v1"))).await;
    pushed(&registry, &["-u", docker_registry::USER, "-v", "dev-11112222"]);
    assert!(!servers.remote.text("releases/dev/podinfo.yaml").unwrap().contains("dev-11112222"));
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/dockerconfigjson",
        "metadata": { "name": "registry", "namespace": "dev" },
        "data": { ".dockerconfigjson": STANDARD.encode(docker_config(&registry)) },
    });
    servers.cluster.create(&secret).await.unwrap();
    let account = Key::new("v1", "ServiceAccount", "dev", "default");
    let secrets = json!([{ "name": "registry" }]);
    if servers.cluster.get(&account).await.unwrap().is_some() {
        servers.cluster.patch(&account, &json!({ "imagePullSecrets": secrets })).await.unwrap();
    } else {
        let metadata = json!({ "name": "default", "namespace": "dev" });
        let made = json!({
            "apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata, "imagePullSecrets": secrets,
        });
        servers.cluster.create(&made).await.unwrap();
    }
    servers.wait_for_text("releases/dev/podinfo.yaml", "dev-11112222").await;
}

#[test]
fn a_plan_asks_a_mirror_with_tls_by_the_users_own_docker_config() {
    let Some(registry) = DockerRegistry::start(locked()) else { return };
    pushed(&registry, &["-u", docker_registry::USER, "-v", "0.4.12"]);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("config.json"), docker_config(&registry)).unwrap();
    let repository = folder.path().join("repository");
    std::fs::create_dir(&repository).unwrap();
    std::fs::write(repository.join("a.yaml"), automated("quay.io", "0.4.1")).unwrap();
    let plan = |arguments: &[&str], certificate: Option<&Path>| {
        let mut command = Command::new(binary("rhumb"));
        command.arg("plan").arg(&repository).arg("--policies").arg(policies()).arg("--registry").args(arguments);
        command.arg("--registry-mirror").arg(format!("quay.io={}", registry.address()));
        command.env("NO_COLOR", "1").env_remove("SSL_CERT_FILE");
        if let Some(certificate) = certificate {
            command.env("SSL_CERT_FILE", certificate);
        }
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    let config = folder.path().join("config.json");
    let with_password = ["--docker-config", config.to_str().unwrap()];
    let certificate = registry.certificate();
    assert!(plan(&with_password, Some(&certificate)).contains("0.4.12 ("));
    let refused = plan(&[], Some(&certificate));
    assert!(refused.contains("refuses access") && !refused.contains("0.4.12 ("), "{refused}");
    let unknown = plan(&with_password, None);
    assert!(unknown.contains("unreachable") && !unknown.contains("0.4.12 ("), "{unknown}");
}

#[tokio::test]
async fn tags_digests_and_deletions_are_read_as_they_are_and_a_dead_registry_is_said() {
    let Some(mut registry) =
        DockerRegistry::start(docker_registry::Options { access: Access::Password, ..Default::default() })
    else {
        return;
    };
    let login = ["-u", docker_registry::USER];
    for version in ["1.0.0", "1.1.0"] {
        pushed(&registry, &[login[0], login[1], "-v", version]);
    }
    let credentials = Credentials { user: docker_registry::USER.into(), password: docker_registry::PASSWORD.into() };
    let options = Options { timeout: Duration::from_secs(20), ..Options::default() };
    let stranger = Client::new(options).unwrap();
    let client = stranger.with_keyring(Keyring::of(&registry.host(), credentials));
    let repository = format!("{}/{REPOSITORY}", registry.host());
    let tags = client.tags(&repository).await.unwrap();
    let mut names: Vec<&str> = tags.names.iter().map(|tag| tag.as_str()).collect();
    names.sort_unstable();
    assert_eq!((names, tags.complete), (vec!["1.0.0", "1.1.0"], true));
    // One client, two users: what the password opened stays closed to who has none.
    assert!(matches!(stranger.tags(&repository).await.unwrap_err().kind, Kind::Unauthorized));
    let tag = rhumb_core::id::Tag::new("1.1.0");
    let before = client.metadata(&repository, &tag).await.unwrap();
    assert_eq!(client.digest(&repository, &tag).await.unwrap(), Some(before.digest.clone()));
    assert_eq!(before.platforms, ["linux/amd64"]);
    // The tag moves to another image.
    pushed(&registry, &[login[0], login[1], "-v", "1.1.0"]);
    let after = client.metadata(&repository, &tag).await.unwrap();
    assert_ne!(before.digest, after.digest);
    registry.delete(REPOSITORY, after.digest.as_str()).await;
    assert!(matches!(client.metadata(&repository, &tag).await.unwrap_err().kind, Kind::NotFound));
    registry.stop();
    assert!(matches!(client.tags(&repository).await.unwrap_err().kind, Kind::Unreachable(_)));
    registry.up();
    assert!(client.tags(&repository).await.is_ok());
}

fn automated(registry: &str, tag: &str) -> String {
    format!(
        "apiVersion: helm.fluxcd.io/v1\nkind: HelmRelease\nmetadata:\n  name: a\n  namespace: b\n  annotations:\n    \
         fluxcd.io/automated: 'true'\n    filter.fluxcd.io/chart-image: semver:~0.4\nspec:\n  chart: {{git: g, path: p}}\n  \
         values:\n    image: {{repository: {registry}/{REPOSITORY}, tag: {tag}}}\n"
    )
}
