//! Policies that objects declare: from each source to a decision, and what the object says while it does not come so far.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rhumb_cli::demo::{Sources, World};
use rhumb_daemon::event::Event;
use rhumb_io::cluster::{Cluster, Key};
use rhumb_sim::git::File;
use rhumb_tests::real::{Pace, Real};
use rhumb_tests::servers::docker_registry::{Access, DockerRegistry, Options, PASSWORD, USER};
use rhumb_tests::{binary, root};
use serde_json::{Value, json};

const MINUTE: Duration = Duration::from_secs(60);
const AUTOMATED: &str = "    fluxcd.io/automated: \"true\"\n";
const PROD: &str = "releases/prod/podinfo.yaml";

/// The policies that are attached here, built once.
fn policies() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let build = || {
        let names = ["policies/approval", "policies/env-sizing", "policies/glob", "policies/semver", "policies/soak"];
        let crates: Vec<PathBuf> = names.iter().map(|name| root().join(name)).collect();
        let out = root().join("target/declared-policies");
        rhumb_cli::policy::build::build_all(&crates, &out).unwrap();
        out
    };
    BUILT.get_or_init(build).clone()
}

fn component(name: &str) -> Vec<u8> {
    std::fs::read(policies().join(format!("{name}.wasm"))).unwrap()
}

async fn world() -> World {
    let world = World::start(&Sources { examples: root().join("examples"), policies: policies() }).await.unwrap();
    world.settle().await;
    world
}

fn object(namespace: Option<&str>, name: &str, spec: &Value) -> Value {
    let kind = if namespace.is_some() { "Policy" } else { "ClusterPolicy" };
    let mut metadata = json!({"name": name});
    if let Some(namespace) = namespace {
        metadata["namespace"] = namespace.into();
    }
    json!({"apiVersion": "rhumb.dev/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec})
}

async fn declare(world: &World, namespace: Option<&str>, name: &str, spec: Value) {
    world.daemon.ctx.cluster.apply(&object(namespace, name, &spec), "somebody").await.unwrap();
    loaded(world, namespace, name).await;
}

/// Waits until an object is no longer being loaded, which takes longer than a pass waits when the machine is busy.
async fn loaded(world: &World, namespace: Option<&str>, name: &str) {
    let start = std::time::Instant::now();
    loop {
        world.settle_after(Event::Policies).await;
        let ready = &status(&world.daemon.ctx.cluster, namespace, name).await["conditions"][0];
        if ready["reason"] != "Loading" {
            break;
        }
        assert!(start.elapsed() < MINUTE, "{ready}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn status(cluster: &Cluster, namespace: Option<&str>, name: &str) -> Value {
    let key = Key::of(&object(namespace, name, &Value::Null)).unwrap();
    cluster.get(&key).await.unwrap().unwrap()["status"].clone()
}

/// `<step> <status> <reason>: <message>` of what the object says.
async fn stands(world: &World, namespace: Option<&str>, name: &str) -> String {
    let status = status(&world.daemon.ctx.cluster, namespace, name).await;
    let ready = &status["conditions"][0];
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    format!(
        "{} {} {}: {}",
        text(&status["step"]),
        text(&ready["status"]),
        text(&ready["reason"]),
        text(&ready["message"])
    )
}

fn commit(world: &World, path: &str, data: &[u8]) {
    let file = File { path: path.to_owned(), data: Some(data.to_vec()) };
    world.remote.commit("Jo", "A policy", &[file]).unwrap();
}

/// Has the release of production ask a rule.
async fn ask(world: &World, rule: &str) {
    let with_rule = format!("{AUTOMATED}    rhumb.dev/promotion: {rule}\n");
    world.edit("Ask a rule", PROD, (AUTOMATED, &with_rule)).unwrap();
    world.settle_after(Event::Git).await;
}

/// Pushes an image that production's filter takes, and says what became of it.
async fn decided(world: &World, tag: &str) -> String {
    world.advance(MINUTE);
    world.push_image(tag).await.unwrap();
    world.settle_after(Event::Registry).await;
    world.image("prod", "podinfo-prod").unwrap().reason
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shipped_policy_is_declared_with_settings_and_the_nearest_declaration_counts() {
    let world = world().await;
    declare(&world, None, "team", json!({"builtin": "approval", "config": {"quorum": 2}})).await;
    let said = stands(&world, None, "team").await;
    assert!(said.starts_with("Checked True Ready: approval 0.1.0 ("), "{said}");
    let known = status(&world.daemon.ctx.cluster, None, "team").await;
    let digest = rhumb_core::id::Digest::of(component("approval")).to_string();
    assert_eq!((&known["kind"], &known["digest"]), (&json!("promotion-rule"), &json!(digest)));
    ask(&world, "team").await;
    let words = decided(&world, "0.4.10").await;
    assert!(words.starts_with("0.4.10: require-approval by `team`: 0 of 2 people"), "{words}");
    // What the release sets lies above what the object sets.
    let named = "    rhumb.dev/promotion: team\n";
    let with_config = format!("{named}    rhumb.dev/config.team: '{{quorum: 3}}'\n");
    world.edit("Ask for more", PROD, (named, &with_config)).unwrap();
    world.settle_after(Event::Git).await;
    let words = world.image("prod", "podinfo-prod").unwrap().reason;
    assert!(words.contains("0 of 3 people"), "{words}");

    // Nearer: the namespace's own, whether it is ready or not.
    declare(&world, Some("prod"), "team", json!({"builtin": "nobody-wrote-it"})).await;
    assert_eq!(
        stands(&world, Some("prod"), "team").await,
        "Declared False NotFetched: no policy `nobody-wrote-it` is shipped"
    );
    let words = world.image("prod", "podinfo-prod").unwrap().reason;
    assert_eq!(words, "Policy `prod/team` is not ready: not fetched: no policy `nobody-wrote-it` is shipped");
    declare(&world, Some("prod"), "team", json!({"builtin": "soak", "config": {"from": "stg", "for": "1h"}})).await;
    let words = world.image("prod", "podinfo-prod").unwrap().reason;
    // Another policy is asked, which does not know the settings of the first.
    assert!(words.starts_with("policy `team` gave no verdict: config refused: there is no `quorum`"), "{words}");

    // Somebody takes it away, and the one behind it counts again.
    let key = Key::of(&object(Some("prod"), "team", &Value::Null)).unwrap();
    world.daemon.ctx.cluster.delete(&key).await.unwrap();
    world.settle_after(Event::Policies).await;
    let words = world.image("prod", "podinfo-prod").unwrap().reason;
    assert!(words.contains("0 of 3 people"), "{words}");

    // Nothing happens, and nothing is written.
    let before = world.daemon.ctx.cluster.get(&Key::of(&object(None, "team", &Value::Null)).unwrap()).await.unwrap();
    for event in [Event::Policies, Event::Git, Event::Cluster] {
        assert_eq!(world.settle_after(event).await.changed, 0);
    }
    let after = world.daemon.ctx.cluster.get(&Key::of(&object(None, "team", &Value::Null)).unwrap()).await.unwrap();
    assert_eq!(before, after);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_of_the_repository_serves_and_goes_on_while_its_successor_is_broken() {
    let world = world().await;
    commit(&world, "policies/mine.wasm", &component("approval"));
    world.settle_after(Event::Git).await;
    declare(&world, None, "mine", json!({"path": "policies/mine.wasm"})).await;
    let said = stands(&world, None, "mine").await;
    assert!(said.starts_with("Checked True Ready: approval 0.1.0 ("), "{said}");
    ask(&world, "mine").await;
    let words = decided(&world, "0.4.10").await;
    assert!(words.contains("require-approval by `mine`: 0 of 1"), "{words}");

    commit(&world, "policies/mine.wasm", b"\0asm\x0d\0\x01\0 broken");
    world.settle_after(Event::Git).await;
    loaded(&world, None, "mine").await;
    let said = stands(&world, None, "mine").await;
    assert!(said.starts_with("Fetched False NotAdmitted: component is invalid"), "{said}");
    assert!(said.contains("; approval 0.1.0 (") && said.ends_with(") serves meanwhile"), "{said}");
    let words = decided(&world, "0.4.11").await;
    assert!(words.starts_with("0.4.11: require-approval by `mine`: 0 of 1"), "the old one goes on: {words}");

    // Swapped without a restart, for whoever asks next.
    commit(&world, "policies/mine.wasm", &component("soak"));
    world.settle_after(Event::Git).await;
    loaded(&world, None, "mine").await;
    let said = stands(&world, None, "mine").await;
    assert!(said.starts_with("Checked True Ready: soak"), "{said}");
    let words = world.image("prod", "podinfo-prod").unwrap().reason;
    assert!(words.contains("`mine`") && !words.contains("0 of 1"), "{words}");
}

/// Declares a policy and checks what its object says of it.
async fn check(world: &World, name: &str, spec: Value, expected: &str) {
    declare(world, None, name, spec).await;
    let said = stands(world, None, name).await;
    assert!(said.starts_with(expected), "{name}: `{expected}` is not how this begins: {said}");
    assert!(!said.contains("serves"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_come_through_says_where_it_stands_and_why() {
    let world = world().await;
    commit(&world, "policies/text.wasm", b"(module)");
    commit(&world, "policies/soak.wasm", &component("soak"));
    world.settle_after(Event::Git).await;
    let cases = [
        (
            "out",
            json!({"path": "../../etc/passwd"}),
            "- False BadSpec: spec.path `../../etc/passwd` is no path from the root",
        ),
        ("two", json!({"builtin": "soak", "path": "policies/soak.wasm"}), "- False BadSpec: give exactly one of"),
        ("gone", json!({"path": "policies/gone.wasm"}), "Declared False NotFetched: "),
        ("folder", json!({"path": "policies"}), "Declared False NotFetched: `policies` is a folder in commit "),
        ("text", json!({"path": "policies/text.wasm"}), "Fetched False NotAdmitted: this is text"),
        (
            "large",
            json!({"path": "policies/soak.wasm", "limits": {"bytes": 100}}),
            "Declared False NotFetched: `policies/soak.wasm` has ",
        ),
        (
            "more",
            json!({"builtin": "soak", "limits": {"fuel": 1_000_000_000_000u64}}),
            "- False BadSpec: spec.limits.fuel is 1000000000000, more than the 200000000 that the daemon allows",
        ),
        ("less", json!({"builtin": "soak", "limits": {"fuel": 5}}), "Compiled False NotChecked: it recommends "),
        (
            "blind",
            json!({"builtin": "soak", "grants": ["history"]}),
            "Compiled False NotChecked: it wants to see `environments`; add `environments` to spec.grants",
        ),
        (
            "config",
            json!({"builtin": "approval", "config": {"quorum": "two"}}),
            "Compiled False NotChecked: spec.config/quorum: wanted an integer, got \"two\"",
        ),
        (
            "unknown-key",
            json!({"builtin": "approval", "config": {"qorum": 2}}),
            "Compiled False NotChecked: spec.config/qorum: `qorum` is not a setting; there is ",
        ),
    ];
    for (name, spec, expected) in cases {
        check(&world, name, spec, expected).await;
    }
    // What only the release can know need not be there.
    declare(&world, None, "part", json!({"builtin": "soak", "config": {"for": "1h"}})).await;
    let said = stands(&world, None, "part").await;
    assert!(said.starts_with("Checked True Ready: "), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_means_that_a_policy_fails_or_only_looks_on_is_said_at_its_object() {
    let world = world().await;
    declare(&world, None, "team", json!({"builtin": "nobody", "onFailure": "skip"})).await;
    ask(&world, "team").await;
    decided(&world, "0.4.10").await;
    assert!(world.remote.text(PROD).unwrap().contains("tag: 0.4.10"), "it is passed over");
    declare(&world, None, "team", json!({"builtin": "approval", "mode": "shadow"})).await;
    decided(&world, "0.4.11").await;
    assert!(world.remote.text(PROD).unwrap().contains("tag: 0.4.11"), "it holds nothing");
    let decisions = world.explain("prod", "podinfo-prod").await.unwrap().decisions;
    let looked_on = decisions.iter().find(|decision| decision.policy == "team");
    assert!(looked_on.is_some_and(|decision| decision.outcome.starts_with("needs 1 approvals")), "{decisions:?}");
    // A filter that looks on chooses nothing, and says what it would take.
    declare(&world, None, "team", json!({"builtin": "approval"})).await;
    declare(&world, Some("prod"), "semver", json!({"builtin": "semver", "mode": "shadow"})).await;
    let words = decided(&world, "0.4.12").await;
    assert!(words.starts_with("policy `semver` looks on in shadow; it would take 0.4.12: "), "{words}");
}

const PUBLIC_KEY: &str = include_str!("../../host/io/src/registry/keys/p256.pub");

/// Pushes a policy as its author does; the reference with its digest.
fn push(name: &str, reference: &str, more: &[&str], docker: &Path) -> String {
    let path = policies().join(format!("{name}.wasm"));
    let mut command = Command::new(binary("rhumb"));
    command.args(["policy", "push"]).arg(path).arg(reference).args(more).env("DOCKER_CONFIG", docker);
    let output = command.output().expect("rhumb was built");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_of_a_registry_is_pinned_signed_and_asked_for_with_the_secret_of_its_object() {
    let options = Options { access: Access::Password, ..Options::default() };
    let Some(registry) = DockerRegistry::start(options) else { return };
    let docker = tempfile::tempdir().unwrap();
    let auth = STANDARD.encode(format!("{USER}:{PASSWORD}"));
    let config = json!({"auths": {registry.host(): {"auth": auth}}}).to_string();
    std::fs::write(docker.path().join("config.json"), &config).unwrap();
    let key = root().join("host/io/src/registry/keys/p256.pem");
    let reference = format!("{}/policies/mine:1", registry.host());
    let signed = ["--sign", key.to_str().unwrap()];
    let pinned = push("approval", &reference, &signed, docker.path());
    let world = world().await;

    let source = |more: Value| {
        let mut oci = json!({"reference": reference, "publicKey": PUBLIC_KEY});
        oci.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
        json!({"oci": oci})
    };
    declare(&world, None, "mine", source(json!({}))).await;
    let said = stands(&world, None, "mine").await;
    assert!(said.starts_with("Declared False NotFetched: failed to pull the component"), "{said}");
    assert!(said.contains("registry refuses access"), "{said}");
    declare(&world, None, "mine", source(json!({"secretRef": {"name": "pull"}}))).await;
    let said = stands(&world, None, "mine").await;
    assert!(said.contains("Secret `default/pull` cannot be used"), "{said}");
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "pull", "namespace": "default"},
        "type": "kubernetes.io/dockerconfigjson", "data": {".dockerconfigjson": STANDARD.encode(&config)},
    });
    world.daemon.ctx.cluster.create(&secret).await.unwrap();
    // It is tried again by itself.
    world.advance(MINUTE);
    world.settle().await;
    let said = stands(&world, None, "mine").await;
    assert!(said.starts_with("Checked True Ready: approval 0.1.0 ("), "{said}");
    assert!(!said.contains(PASSWORD) && !said.contains(&auth), "{said}");
    assert_eq!(status(&world.daemon.ctx.cluster, None, "mine").await["reference"], pinned.as_str());
    ask(&world, "mine").await;
    let words = decided(&world, "0.4.10").await;
    assert!(words.starts_with("0.4.10: require-approval by `mine`: 0 of 1"), "{words}");

    // Somebody else moves the tag: what it meant stays, and whoever asks for it anew finds it unsigned.
    push("soak", &reference, &[], docker.path());
    world.advance(MINUTE * 60);
    world.settle_after(Event::Policies).await;
    assert_eq!(status(&world.daemon.ctx.cluster, None, "mine").await["reference"], pinned.as_str());
    declare(&world, None, "other", source(json!({"secretRef": {"name": "pull"}}))).await;
    let said = stands(&world, None, "other").await;
    assert!(said.contains("is not signed by spec.oci.publicKey"), "{said}");
    let manifest = pinned.split('@').nth(1).unwrap();
    declare(&world, None, "other", source(json!({"secretRef": {"name": "pull"}, "digest": manifest}))).await;
    let said = stands(&world, None, "other").await;
    assert!(said.starts_with("Checked True Ready: approval"), "{said}");

    // What was pulled once by a digest needs no registry any more; who must have signed it counts as before.
    drop(registry);
    declare(&world, None, "third", source(json!({"secretRef": {"name": "pull"}, "digest": manifest}))).await;
    let said = stands(&world, None, "third").await;
    assert!(said.starts_with("Checked True Ready: approval"), "{said}");
    let other_key = PUBLIC_KEY.replace('A', "B");
    declare(&world, None, "fourth", source(json!({"digest": manifest, "publicKey": other_key}))).await;
    let said = stands(&world, None, "fourth").await;
    assert!(said.starts_with("Declared False NotFetched: "), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_url_gives_must_have_the_digest_that_the_object_says() {
    let router = axum::Router::new().route("/mine.wasm", axum::routing::get(|| async { component("approval") }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mine.wasm", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let world = world().await;
    let digest = rhumb_core::id::Digest::of(component("approval"));
    let other = rhumb_core::id::Digest::of("another");
    let expected = format!("Declared False NotFetched: what the URL gives has the digest {digest}, wanted is {other}");
    check(&world, "web", json!({"https": {"url": url, "digest": other}}), &expected).await;
    let gone = url.replace("mine", "gone");
    let expected = format!("Declared False NotFetched: failed to read `{gone}`: the server answered 404");
    check(&world, "web", json!({"https": {"url": gone, "digest": digest}}), &expected).await;
    declare(&world, None, "web", json!({"https": {"url": url, "digest": digest}})).await;
    let said = stands(&world, None, "web").await;
    assert!(said.starts_with("Checked True Ready: approval"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_binding_says_what_it_binds_and_what_is_missing() {
    let world = world().await;
    let cluster = &world.daemon.ctx.cluster;
    let bind = |policy: &str| {
        let spec = json!({"policy": policy, "environments": ["prod"]});
        json!({"apiVersion": "rhumb.dev/v1alpha1", "kind": "PolicyBinding", "metadata": {"name": "b"}, "spec": spec})
    };
    let said = async || {
        let key = Key::new("rhumb.dev/v1alpha1", "PolicyBinding", "", "b");
        let status = cluster.get(&key).await.unwrap().unwrap()["status"].clone();
        let ready = &status["conditions"][0];
        let words = ready["message"].as_str().unwrap_or_default().to_owned();
        (status["objects"].clone(), ready["reason"].clone(), words)
    };
    cluster.apply(&bind("team"), "somebody").await.unwrap();
    world.settle_after(Event::Cluster).await;
    let (objects, reason, words) = said().await;
    assert_eq!((objects, reason), (json!(1), json!("NoPolicy")));
    assert_eq!(words, "there is no policy `team`; what it is bound to does not move");
    // One of a namespace is none from above.
    declare(&world, Some("prod"), "team", json!({"builtin": "approval"})).await;
    assert_eq!(said().await.1, "NoPolicy");
    declare(&world, None, "team", json!({"builtin": "approval"})).await;
    let (objects, reason, words) = said().await;
    assert_eq!((objects, reason), (json!(1), json!("Bound")));
    assert_eq!(words, "`team` is asked about every move");
    assert_eq!(world.settle_after(Event::Cluster).await.changed, 0);
}

/// Runs the real `rhumb` on a repository.
fn rhumb(arguments: &[&str], folder: &Path) -> String {
    let mut command = Command::new(binary("rhumb"));
    let output = command.args(arguments).current_dir(folder).env("NO_COLOR", "1").output().expect("rhumb was built");
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn the_same_objects_count_in_a_plan_and_in_the_runner_without_a_cluster() {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, data: &[u8]| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, data).unwrap();
    };
    write("policies/mine.wasm", &component("semver"));
    let policy = "apiVersion: rhumb.dev/v1alpha1\nkind: ClusterPolicy\nmetadata: {name: mine}\n\
        spec: {path: policies/mine.wasm, config: {range: '<2'}}\n";
    write("mine.yaml", policy.as_bytes());
    let missing = policy.replace("name: mine", "name: gone").replace("mine.wasm", "gone.wasm");
    write("gone.yaml", missing.as_bytes());
    let app = |name: &str, policy: &str| {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\n  namespace: dev\n  annotations:\n    \
             fluxcd.io/automated: 'true'\n    filter.fluxcd.io/app: policy:{policy}\nspec:\n  template:\n    spec:\n      \
             containers: [{{name: app, image: 'registry.example.com/app:1.0.0'}}]\n"
        )
    };
    write("app.yaml", app("app", "mine").as_bytes());
    write("other.yaml", app("other", "gone").as_bytes());
    let tags = "registry.example.com/app:1.0.0\nregistry.example.com/app:1.5.0\nregistry.example.com/app:2.0.0\n";
    write("tags.txt", tags.as_bytes());
    let policies = policies();
    let planned = rhumb(&["plan", ".", "--tags", "tags.txt", "--policies", policies.to_str().unwrap()], folder.path());
    assert!(planned.contains("1.5.0 ("), "{planned}");
    assert!(planned.contains("ClusterPolicy `gone` is not ready: not fetched: there is no file"), "{planned}");

    write("offers", b"1.0.0 1.5.0 2.0.0");
    let picked = rhumb(&["policy", "run", "mine.yaml", "offers"], folder.path());
    assert!(picked.contains("outcome  pick 1.5.0"), "{picked}");
    let picked = rhumb(&["policy", "run", "mine.yaml", "offers", "--config", "{\"range\": \"*\"}"], folder.path());
    assert!(picked.contains("outcome  pick 2.0.0"), "{picked}");
    let refused = rhumb(&["policy", "run", "gone.yaml", "offers"], folder.path());
    assert!(refused.contains("ClusterPolicy `gone`: not fetched: there is no file"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_real_control_plane_a_pushed_policy_decides_a_release_and_bad_objects_are_refused() {
    let Some(real) = Real::start().await else { return };
    let bad = [
        (json!({"builtin": "a", "path": "b"}), "give exactly one of builtin, oci, https and path"),
        (json!({}), "give exactly one of builtin, oci, https and path"),
        (json!({"oci": {"reference": "registry.example.com/mine"}}), "name a tag in reference, or give digest"),
        (json!({"https": {"url": "https://example.com/a", "digest": "sha256:12"}}), "spec.https.digest"),
        (json!({"https": {"url": "http://example.com/a", "digest": format!("sha256:{:064}", 0)}}), "spec.https.url"),
        (json!({"builtin": "soak", "grants": ["secrets"]}), "spec.grants[0]"),
        (json!({"builtin": "soak", "mode": "maybe"}), "spec.mode"),
    ];
    for (spec, expected) in bad {
        let refused = real.cluster.create(&object(None, "bad", &spec)).await.unwrap_err();
        let words = rhumb_core::chain::chain(&refused);
        assert!(words.contains(expected), "{spec}: {words}");
    }
    let reference = format!("{}/policies/mine:1", real.registry.host());
    let pinned = push("approval", &reference, &[], Path::new("/nowhere"));
    let _daemon = real.operated(Pace::Quick, |_| {}).await;
    real.admit().await;
    let spec = json!({"oci": {"reference": reference}, "config": {"quorum": 2}});
    real.cluster.create(&object(None, "mine", &spec)).await.unwrap();
    let status = real
        .until("the policy is ready", async || {
            let status = status(&real.cluster, None, "mine").await;
            (status["conditions"][0]["status"] == "True").then_some(status)
        })
        .await;
    assert_eq!((&status["reference"], &status["step"]), (&json!(pinned), &json!("Checked")));
    real.edit(PROD, &[(AUTOMATED, &format!("{AUTOMATED}    rhumb.dev/promotion: mine\n"))]);
    real.until("the release asks the rule", async || {
        let key = Key::new("helm.fluxcd.io/v1", "HelmRelease", "prod", "podinfo-prod");
        let object = real.cluster.get(&key).await.ok().flatten()?;
        object["metadata"]["annotations"]["rhumb.dev/promotion"].as_str().map(|_| ())
    })
    .await;
    real.push(&["-v", "0.4.10"]);
    real.until("the policy holds the release", async || {
        let (status, words) = real.condition("prod", "podinfo-prod", "ImagesUpdated").await?;
        (status == "False" && words.contains("require-approval by `mine`: 0 of 2 people")).then_some(())
    })
    .await;
}
