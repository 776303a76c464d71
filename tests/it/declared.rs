//! Policies that objects declare: from each source to a decision, and what the object says while it does not come so far.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use rhumb_cli::demo::{Sources, World};
use rhumb_daemon::event::Event;
use rhumb_io::cluster::{Cluster, Key};
use rhumb_sim::git::File;
use rhumb_tests::root;
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
    world.settle_after(Event::Policies).await;
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
    let said = stands(&world, None, "mine").await;
    assert!(said.starts_with("Fetched False NotAdmitted: component is invalid"), "{said}");
    assert!(said.contains("; approval 0.1.0 (") && said.ends_with(") serves meanwhile"), "{said}");
    let words = decided(&world, "0.4.11").await;
    assert!(words.starts_with("0.4.11: require-approval by `mine`: 0 of 1"), "the old one goes on: {words}");

    // Swapped without a restart, for whoever asks next.
    commit(&world, "policies/mine.wasm", &component("soak"));
    world.settle_after(Event::Git).await;
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
