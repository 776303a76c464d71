//! Policies in Docker's own registry.

use std::fs;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rhumb_tests::servers::docker_registry::{self, Access, DockerRegistry, Transport};
use rhumb_tests::servers::program;
use serde_json::{Value, json};

use super::{component, policy};

fn with_password(registry: &DockerRegistry, mut command: Command) -> (bool, String, String) {
    let output = command.env("SSL_CERT_FILE", registry.certificate()).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.success(), text(&output.stdout), text(&output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_is_pushed_inspected_and_pulled_by_the_digest_that_was_printed() {
    let options = docker_registry::Options { access: Access::Password, transport: Transport::Https, notify: None };
    let Some(registry) = DockerRegistry::start(options) else { return };
    let folder = tempfile::tempdir().unwrap();
    let auth = STANDARD.encode(format!("{}:{}", docker_registry::USER, docker_registry::PASSWORD));
    let config = json!({ "auths": { registry.host(): { "auth": auth } } }).to_string();
    fs::write(folder.path().join("config.json"), config).unwrap();
    // A loopback host is spoken to in the clear unless it is said otherwise.
    let mirror = format!("{}={}", registry.host(), registry.address());
    let run = |arguments: &[&str], known: bool| {
        let mut command = policy(folder.path(), arguments);
        command.args(["--registry-mirror", &mirror]).env("DOCKER_CONFIG", folder.path());
        if !known {
            command.env("DOCKER_CONFIG", "/nowhere").env("HOME", "/nowhere");
        }
        with_password(&registry, command)
    };
    let glob = component("glob").to_string_lossy().into_owned();
    let name = format!("{}/policies/glob:1.0", registry.host());
    let (ok, _, words) = run(&["push", &glob, &name], false);
    assert!(!ok && words.contains("registry refuses access"), "{words}");
    let (ok, pinned, words) = run(&["push", &glob, &name], true);
    assert!(ok, "{words}");
    let pinned = pinned.trim().to_owned();
    assert!(pinned.starts_with(&format!("{name}@sha256:")), "{pinned}");
    // The same again is the same.
    assert_eq!(run(&["push", &glob, &name], true).1.trim(), pinned);

    let (ok, inspected, words) = run(&["inspect", &format!("oci://{pinned}")], true);
    assert!(ok && inspected.contains(&format!("reference {pinned}\n")), "{inspected}{words}");
    let (ok, pulled, words) = run(&["pull", &pinned, "-f", "again.wasm"], true);
    assert!(ok, "{words}");
    assert_eq!(pulled, format!("{pinned}\nglob 0.1.0 in again.wasm\n"));
    assert_eq!(fs::read(folder.path().join("again.wasm")).unwrap(), fs::read(&glob).unwrap());

    let other = pinned.split('@').next().unwrap().to_owned() + "@sha256:" + &"0".repeat(64);
    let (ok, _, words) = run(&["pull", &other], true);
    assert!(!ok && words.contains("not found"), "{words}");
    for (reference, expected) in [
        (format!("{}/policies/glob", registry.host()), "names no version"),
        (format!("{}/policies/glob@sha256:12", registry.host()), "is no digest"),
    ] {
        let (ok, _, words) = run(&["pull", &reference], true);
        assert!(!ok && words.contains(expected), "{words}");
    }
    let (ok, _, words) = run(&["push", "config.json", &name], true);
    assert!(!ok && words.contains("failed to load `config.json`"), "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_layout_is_that_of_the_cncf_and_an_image_is_no_policy() {
    let Some(registry) = DockerRegistry::start(docker_registry::Options::default()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let glob = component("glob").to_string_lossy().into_owned();
    let name = format!("{}/policies/glob:1.0", registry.host());
    let pushed = super::printed(folder.path(), &["push", &glob, &name, "--output", "json"], 0);
    let pushed: Value = serde_json::from_str(&pushed).unwrap();
    let client = rhumb_io::registry::Client::new(rhumb_io::registry::Options::default()).unwrap();
    let repository = format!("{}/policies/glob", registry.host());
    let (digest, artifact) = client.pull(&repository, "1.0").await.unwrap();
    assert_eq!(pushed["manifest"], digest.as_str());
    assert_eq!(artifact.config.media_type, "application/vnd.wasm.config.v0+json");
    assert_eq!(artifact.annotations["org.opencontainers.image.title"], "glob");
    let [layer] = artifact.layers.as_slice() else { panic!("one layer") };
    assert_eq!((layer.media_type.as_str(), &layer.data), ("application/wasm", &fs::read(&glob).unwrap()));
    let config: Value = serde_json::from_slice(&artifact.config.data).unwrap();
    assert_eq!((&config["architecture"], &config["os"]), (&"wasm".into(), &"wasip2".into()));
    assert_eq!(config["layerDigests"], json!([pushed["component"]]));
    let exports = json!(["rhumb:policy/meta@0.1.0", "rhumb:policy/image-filter@0.1.0"]);
    assert_eq!(config["component"]["exports"], exports);

    let image = rhumb_sim::image::Options::default();
    rhumb_sim::image::push(&format!("http://{}", registry.host()), "policies/image", "1.0", &image).await.unwrap();
    let image = format!("{}/policies/image:1.0", registry.host());
    let words = super::refused(folder.path(), &["pull", &image]);
    assert!(words.contains("is no policy: it has not exactly one layer of the type `application/wasm`"), "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_is_made_and_asked_for_in_the_form_of_cosign() {
    let Some(registry) = DockerRegistry::start(docker_registry::Options::default()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let keys = rhumb_tests::root().join("host/io/src/registry/keys");
    let key = |name: &str| keys.join(name).to_string_lossy().into_owned();
    let run = |arguments: &[&str], code: i32| super::printed(folder.path(), arguments, code);
    let name = |tag: &str| format!("{}/policies/glob:{tag}", registry.host());
    let (glob, regexp) = (component("glob"), component("regexp"));
    let (glob, regexp) = (glob.to_string_lossy(), regexp.to_string_lossy());
    for _ in 0..2 {
        run(&["push", &glob, &name("signed"), "--sign", &key("p256.pem")], 0);
    }
    run(&["push", &regexp, &name("plain")], 0);
    run(&["pull", &name("signed"), "--key", &key("p256.pub")], 0);
    let words = super::refused(folder.path(), &["pull", &name("plain"), "--key", &key("p256.pub")]);
    assert!(words.contains("is not signed by the key"), "{words}");
    assert!(!folder.path().join("regexp.wasm").exists());
    let words = super::refused(folder.path(), &["push", &glob, &name("x"), "--sign", &key("p256.pub")]);
    assert!(words.contains("it is no private key (PKCS#8) in PEM"), "{words}");
    // As cosign reads it, and once, though it was pushed twice.
    let client = rhumb_io::registry::Client::new(rhumb_io::registry::Options::default()).unwrap();
    let repository = format!("{}/policies/glob", registry.host());
    let (digest, _) = client.pull(&repository, "signed").await.unwrap();
    let tag = format!("{}.sig", digest.as_str().replace(':', "-"));
    let (_, signatures) = client.pull(&repository, &tag).await.unwrap();
    let [layer] = signatures.layers.as_slice() else { panic!("one signature") };
    let said: Value = serde_json::from_slice(&layer.data).unwrap();
    assert_eq!(said["critical"]["identity"]["docker-reference"], repository);
    // OpenSSL knows nothing of Rhumb.
    let signature = STANDARD.decode(&layer.annotations["dev.cosignproject.cosign/signature"]).unwrap();
    fs::write(folder.path().join("payload"), &layer.data).unwrap();
    fs::write(folder.path().join("signature"), signature).unwrap();
    let Some(openssl) = program("openssl", "openssl") else { return };
    let mut openssl = Command::new(openssl);
    openssl.args(["dgst", "-sha256", "-verify", &key("p256.pub"), "-signature", "signature", "payload"]);
    let verified = openssl.current_dir(folder.path()).output().unwrap();
    assert!(verified.status.success(), "{verified:?}");
}
