//! What rules see in a running daemon: approvals, the stop switch, history with images, other releases and their labels.

use std::path::PathBuf;
use std::process::Output;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use rhumb_cli::demo::{Sources, World};
use rhumb_daemon::event::Event;
use rhumb_tests::{binary, root};
use serde_json::Value;

const MINUTE: Duration = Duration::from_secs(60);
const LIMIT: Duration = Duration::from_secs(60);
const AUTOMATED: &str = "    fluxcd.io/automated: \"true\"\n";

/// The policies that are asked here, built once.
fn policies() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let build = || {
        let names = ["approval", "env-sizing", "glob", "no-reapply", "semver", "stop-switch", "waves", "window"];
        let crates = names.map(|name| root().join("policies").join(name));
        let out = root().join("target/policies-with-evidence");
        rhumb_cli::policy::build::build_all(&crates, &out).unwrap();
        out
    };
    BUILT.get_or_init(build).clone()
}

async fn world() -> World {
    let world = World::start(&Sources { examples: root().join("examples"), policies: policies() }).await.unwrap();
    world.settle().await;
    world
}

/// Has the release of a file ask this rule, with these settings.
async fn ask(world: &World, path: &str, rule: &str, config: &str) {
    let with_rule = format!("{AUTOMATED}    rhumb.dev/promotion: {rule}\n    rhumb.dev/config.{rule}: '{config}'\n");
    world.edit("Ask a rule", path, (AUTOMATED, &with_rule)).unwrap();
    world.settle_after(Event::Git).await;
}

async fn push(world: &World, tag: &str) {
    world.advance(MINUTE);
    world.push_image(tag).await.unwrap();
    world.settle_after(Event::Registry).await;
}

/// What was decided about the image of a release: its code and its words.
fn decided(world: &World, namespace: &str, name: &str) -> (String, String) {
    let image = world.image(namespace, name).unwrap();
    (image.code, image.reason)
}

/// Runs the real `rhumb` as a person at a terminal would.
async fn rhumb(world: &World, daemon: &str, arguments: &[&str]) -> Output {
    let mut command = tokio::process::Command::new(binary("rhumb"));
    command.args(arguments).args(["--daemon", daemon, "--output", "json", "--kubeconfig"]);
    command.arg(world.folder.path().join("kubeconfig")).env_remove("KUBECONFIG");
    command.output().await.expect("rhumb was built")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Waits until the daemon has brought a text into a file by itself.
async fn comes(world: &World, path: &str, wanted: &str) {
    let start = Instant::now();
    while !world.remote.text(path).unwrap().contains(wanted) {
        assert!(start.elapsed() < LIMIT, "`{wanted}` did not come into {path}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_lets_go_exactly_what_it_names_and_at_once() {
    let world = world().await;
    let file = "releases/prod/podinfo.yaml";
    ask(&world, file, "approval", "{groups: [oncall]}").await;
    push(&world, "0.4.10").await;
    let (code, words) = decided(&world, "prod", "podinfo-prod");
    assert_eq!(code, "too-few", "{words}");
    assert!(words.starts_with("0.4.10: require-approval by `approval`"), "{words}");

    let daemon = format!("http://{}", world.serve_operators().await.unwrap());
    tokio::spawn(Arc::clone(&world.daemon).run());
    let other = rhumb(&world, &daemon, &["approve", "prod/podinfo-prod", "0.4.11"]).await;
    assert_eq!(other.status.code(), Some(2));
    let words = stderr(&other);
    assert!(words.contains("does not wait to move to `0.4.11`; it waits for: chart-image=0.4.10"), "{words}");

    let done = rhumb(&world, &daemon, &["approve", "prod/podinfo-prod", "0.4.10", "--for", "24h", "-m", "seen"]).await;
    assert!(done.status.success(), "{}", stderr(&done));
    let approved: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!((&approved["by"], &approved["groups"]), (&"embedded".into(), &serde_json::json!(["oncall"])));
    // Nothing else asks the daemon to look: the approval does.
    comes(&world, file, "tag: 0.4.10").await;

    // And what was decided can be asked for: why this one, why not another, and when.
    let start = Instant::now();
    let explained = loop {
        let explained: Value =
            serde_json::from_slice(&rhumb(&world, &daemon, &["explain", "prod/podinfo-prod"]).await.stdout).unwrap();
        if explained["images"][0]["image"].as_str().unwrap_or_default().ends_with(":0.4.10") {
            break explained;
        }
        assert!(start.elapsed() < LIMIT, "{explained:#}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let arrival = &explained["arrivals"][0];
    assert_eq!((&arrival["tag"], &arrival["picked"]["policy"]), (&"0.4.10".into(), &"semver:~0.4".into()));
    assert_eq!(
        arrival["allowed"],
        serde_json::json!([{"policy": "approval", "code": "approved", "message": "by embedded"}])
    );
    let older: Value = serde_json::from_slice(
        &rhumb(&world, &daemon, &["explain", "prod/podinfo-prod", "--tag", "0.4.9"]).await.stdout,
    )
    .unwrap();
    assert_eq!(older[0]["code"], "lower", "{older}");
    is_the_same_elsewhere(&daemon).await;
}

/// Takes all decisions along as one file, and makes them again without the daemon: same outcome, same fuel.
async fn is_the_same_elsewhere(daemon: &str) {
    let folder = tempfile::tempdir().unwrap();
    let run = async |arguments: &[&str]| {
        let mut command = tokio::process::Command::new(binary("rhumb"));
        command.args(arguments).current_dir(folder.path()).env_remove("RHUMB_DAEMON").env_remove("KUBECONFIG");
        command.output().await.expect("rhumb was built")
    };
    let text = |output: &Output| String::from_utf8_lossy(&output.stdout).into_owned();
    let written = run(&["records", "--daemon", daemon, "--file", "all.jsonl"]).await;
    assert!(written.status.success(), "{}", stderr(&written));
    let records = std::fs::read_to_string(folder.path().join("all.jsonl")).unwrap();
    let count = records.lines().count();
    assert!(count > 1 && stderr(&written) == format!("{count} records\n"), "{count}: {}", stderr(&written));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing unfinished is left");
    let of_prod = run(&["records", "prod/podinfo-prod", "--daemon", daemon]).await;
    let of_prod = text(&of_prod);
    assert!((1..count).contains(&of_prod.lines().count()), "{of_prod}");
    assert!(of_prod.lines().all(|line| line.contains("podinfo-prod")), "{of_prod}");

    let policies = policies();
    let policies = policies.to_str().unwrap();
    let replayed = run(&["policy", "replay", "all.jsonl", "--component", policies]).await;
    assert_eq!(text(&replayed), format!("{count} decisions made again: {count} the same\n"), "{}", stderr(&replayed));
    let semver = format!("{policies}/semver.wasm");
    for from in [&["--records", "all.jsonl"][..], &["--from-cluster", "--daemon", daemon]] {
        let same = run(&[&["policy", "diff", &semver, &semver], from].concat()).await;
        assert!(text(&same).ends_with(" recorded decisions, 0 would be another\n"), "{from:?}: {}", stderr(&same));
    }
    let checked = run(&[
        "policy",
        "check",
        "--component",
        &semver,
        "--records",
        "all.jsonl",
        "--tries",
        "60",
        "--output",
        "json",
    ])
    .await;
    let reports: Value = serde_json::from_slice(&checked.stdout).unwrap_or_else(|_| panic!("{}", stderr(&checked)));
    let tried = |row: &Value| row["tried"].as_u64().unwrap_or_default();
    let rows = reports[0]["properties"].as_array().unwrap();
    assert!(checked.status.success() && rows.iter().map(tried).sum::<u64>() > 60, "{reports:#}");
    let missing = run(&["policy", "replay", "all.jsonl", "--component", &format!("{policies}/glob.wasm")]).await;
    assert_eq!(missing.status.code(), Some(1));
    assert!(text(&missing).contains(" of a component that is not there: sha256:"), "{}", text(&missing));
    // What was changed on the way is said.
    let changed = records.replacen("\"fuel\":", "\"fuel\":1", 1);
    std::fs::write(folder.path().join("changed.jsonl"), format!("{changed}\n{{}}\n")).unwrap();
    let broken = run(&["policy", "replay", "changed.jsonl", "--component", policies]).await;
    let line = format!("failed to read the record in line {} of `changed.jsonl`", count + 2);
    assert!(stderr(&broken).contains(&line), "{}", stderr(&broken));
    std::fs::write(folder.path().join("changed.jsonl"), changed).unwrap();
    let other = run(&["policy", "replay", "changed.jsonl", "--component", policies]).await;
    assert_eq!(other.status.code(), Some(1));
    let words = text(&other);
    assert!(words.contains(&format!(": {} the same\n\nRECORD ", count - 1)) && words.contains("  same  "), "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stop_switch_holds_releases_that_ask_no_rule_until_it_is_released() {
    let world = world().await;
    let daemon = format!("http://{}", world.serve_operators().await.unwrap());
    let stopped = rhumb(&world, &daemon, &["stop", "-m", "incident 7", "--environment", "dev"]).await;
    assert!(stopped.status.success(), "{}", stderr(&stopped));
    let twice = rhumb(&world, &daemon, &["stop", "-m", "incident 8"]).await;
    assert!(stderr(&twice).contains("somebody has stopped it already"), "{}", stderr(&twice));
    push(&world, "dev-aaaa1111").await;
    push(&world, "0.4.10").await;
    let (code, words) = decided(&world, "dev", "podinfo-dev");
    assert_eq!(code, "stopped", "{words}");
    assert!(words.starts_with("dev-aaaa1111: deny by `stop-switch`: embedded pulled the switch at"), "{words}");
    assert!(words.ends_with(": incident 7"), "{words}");
    assert!(world.remote.text("releases/prod/podinfo.yaml").unwrap().contains("tag: 0.4.10"), "prod goes on");
    // Nor by hand, and force does not pass over it.
    let image = format!("{}/rhumb/podinfo:dev-aaaa1111", world.registry.host());
    let by_hand = rhumb(&world, &daemon, &["release", "dev/podinfo-dev", &image, "--force"]).await;
    assert!(stderr(&by_hand).contains("deny by `stop-switch`"), "{}", stderr(&by_hand));

    tokio::spawn(Arc::clone(&world.daemon).run());
    let resumed = rhumb(&world, &daemon, &["resume"]).await;
    assert!(resumed.status.success(), "{}", stderr(&resumed));
    comes(&world, "releases/dev/podinfo.yaml", "dev-aaaa1111").await;
}

fn bind(name: &str, spec: Value) -> Value {
    let metadata = serde_json::json!({"name": name});
    serde_json::json!({
        "apiVersion": "rhumb.dev/v1alpha1", "kind": "PolicyBinding", "metadata": metadata, "spec": spec,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transform_is_bound_from_above_and_taken_away_again() {
    let world = world().await;
    let cluster = &world.daemon.ctx.cluster;
    let config = serde_json::json!({"environments": {"dev": {"replicas": 3}, "prod": {"replicas": 5}}});
    let spec = serde_json::json!({
        "kind": "value-transform", "policy": "env-sizing", "environments": ["dev"], "config": config,
    });
    let binding = bind("sizes", spec);
    let transforms = async |namespace: &str, name: &str| {
        let steps = world.explain(namespace, name).await.unwrap().transforms;
        steps.into_iter().map(|step| format!("{} {}", step.policy, step.operations.join(", "))).collect::<Vec<_>>()
    };
    cluster.create(&binding).await.unwrap();
    world.settle_after(Event::Cluster).await;
    let [done] = transforms("dev", "podinfo-dev").await.try_into().unwrap();
    assert!(done.starts_with("env-sizing@sizes /replicaCount = 3"), "{done}");
    assert_eq!(transforms("prod", "podinfo-prod").await, [""; 0], "it is bound to one environment");
    let key = rhumb_io::cluster::Key::of(&binding).unwrap();
    let status = cluster.get(&key).await.unwrap().unwrap()["status"].clone();
    assert_eq!(status["objects"], 1, "{status}");
    assert_eq!(status["conditions"][0]["message"], "`env-sizing` changes the values of every release");

    cluster.delete(&key).await.unwrap();
    world.settle_after(Event::Cluster).await;
    assert_eq!(transforms("dev", "podinfo-dev").await, [""; 0], "what is no longer bound changes nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_is_bound_from_above_or_looks_on_in_shadow() {
    let world = world().await;
    let cluster = &world.daemon.ctx.cluster;
    let two = bind("two", serde_json::json!({"policy": "approval", "environments": ["prod"], "config": {"quorum": 2}}));
    let shadow = bind("try", serde_json::json!({"policy": "approval", "namespaces": ["dev"], "mode": "shadow"}));
    for binding in [&two, &shadow] {
        cluster.create(binding).await.unwrap();
    }
    // The release itself asks for less, which changes nothing.
    let file = "releases/prod/podinfo.yaml";
    ask(&world, file, "approval", "{environments: [none]}").await;
    push(&world, "0.4.10").await;
    let (_, words) = decided(&world, "prod", "podinfo-prod");
    assert!(words.starts_with("0.4.10: require-approval by `approval@two`: 0 of 2 people"), "{words}");
    push(&world, "dev-aaaa1111").await;
    assert!(world.remote.text("releases/dev/podinfo.yaml").unwrap().contains("dev-aaaa1111"), "shadow holds nothing");
    let decisions = world.explain("dev", "podinfo-dev").await.unwrap().decisions;
    let looked_on = decisions.iter().find(|decision| decision.policy == "approval@try");
    assert!(looked_on.is_some_and(|decision| decision.outcome.starts_with("needs 1 approvals")), "{decisions:?}");

    cluster.delete(&rhumb_io::cluster::Key::of(&two).unwrap()).await.unwrap();
    world.settle_after(Event::Cluster).await;
    assert!(world.remote.text(file).unwrap().contains("tag: 0.4.10"), "what is no longer bound holds nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_was_taken_back_does_not_come_again() {
    let world = world().await;
    let file = "releases/dev/podinfo.yaml";
    push(&world, "dev-aaaa1111").await;
    ask(&world, file, "no-reapply", "{}").await;
    // Somebody goes back, under a lock until it is done; the filter still finds the newer build the better one.
    let lock = format!("{AUTOMATED}    fluxcd.io/locked: \"true\"\n");
    world.edit("Lock", file, (AUTOMATED, &lock)).unwrap();
    world.edit("Go back", file, ("dev-aaaa1111", "dev-kb9lm91e")).unwrap();
    world.settle_after(Event::Git).await;
    world.edit("Unlock", file, (&lock, AUTOMATED)).unwrap();
    world.settle_after(Event::Git).await;
    let (code, words) = decided(&world, "dev", "podinfo-dev");
    assert_eq!(code, "rolled-back", "{words}");
    assert!(world.remote.text(file).unwrap().contains("dev-kb9lm91e"));
    push(&world, "dev-bbbb2222").await;
    assert!(world.remote.text(file).unwrap().contains("dev-bbbb2222"), "a newer one moves");
}

#[tokio::test(flavor = "multi_thread")]
async fn waves_go_by_the_labels_of_the_others() {
    let world = world().await;
    let label = |path: &str, name: &str, wave: &str| {
        let (from, to) =
            (format!("  name: {name}\n"), format!("  name: {name}\n  labels: {{rhumb.dev/wave: {wave}}}\n"));
        world.edit("Name its wave", path, (&from, &to)).unwrap();
    };
    let (dev, prod) = ("releases/dev/podinfo.yaml", "releases/prod/podinfo.yaml");
    label(dev, "podinfo-dev", "canary");
    label(prod, "podinfo-prod", "all");
    // Both belong to one environment and follow the same versions; the canary is locked for now.
    world.edit("Same versions", dev, ("glob:dev-*", "semver:~0.4")).unwrap();
    for path in ["namespaces/dev.yaml", "namespaces/prod.yaml"] {
        let environment =
            if path.contains("dev") { "rhumb.dev/environment: dev" } else { "rhumb.dev/environment: prod" };
        world.edit("One environment", path, (environment, "rhumb.dev/environment: one")).unwrap();
    }
    ask(&world, prod, "waves", "{waves: [canary, all]}").await;
    let lock = format!("{AUTOMATED}    fluxcd.io/locked: \"true\"\n");
    world.edit("Lock", dev, (AUTOMATED, &lock)).unwrap();
    world.settle_after(Event::Git).await;
    push(&world, "0.4.10").await;
    let (code, words) = decided(&world, "prod", "podinfo-prod");
    assert_eq!(code, "wave-before", "{words}");
    assert!(words.contains("`dev/podinfo-dev` does not run it yet"), "{words}");
    world.edit("Unlock", dev, (&lock, AUTOMATED)).unwrap();
    world.settle_after(Event::Git).await;
    world.settle_after(Event::Cluster).await;
    assert!(world.remote.text(dev).unwrap().contains("0.4.10"));
    assert!(world.remote.text(prod).unwrap().contains("tag: 0.4.10"), "{:?}", decided(&world, "prod", "podinfo-prod"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_freeze_that_operators_announce_holds_until_it_is_over_and_one_that_cannot_be_read_holds() {
    let world = world().await;
    let cluster = &world.daemon.ctx.cluster;
    let announce = |namespace: &str, text: &str| {
        serde_json::json!({
            "apiVersion": "v1", "kind": "ConfigMap", "data": {"windows.yaml": text},
            "metadata": {"name": "calendar", "namespace": namespace, "labels": {"rhumb.dev/evidence": "windows"}},
        })
    };
    let file = "releases/prod/podinfo.yaml";
    ask(&world, file, "window", "{}").await;
    let freeze = "- {name: audit, freeze: true, from: 2000-01-01T00:00:00Z, to: 2100-01-01T00:00:00Z, reason: audit}";
    cluster.apply(&announce("default", freeze), "somebody").await.unwrap();
    world.settle_after(Event::Cluster).await;
    push(&world, "0.4.10").await;
    let (code, words) = decided(&world, "prod", "podinfo-prod");
    let expected = "0.4.10: hold by `window`: there is a freeze: audit, and no window opens within a year";
    assert_eq!((code.as_str(), words.as_str()), ("never", expected));

    cluster.apply(&announce("default", "- {name: audit, freeze: yes please}"), "somebody").await.unwrap();
    world.settle_after(Event::Cluster).await;
    let (_, words) = decided(&world, "prod", "podinfo-prod");
    assert!(words.contains("windows not read: ConfigMap `default/calendar`: `windows.yaml`: "), "{words}");
    assert!(world.remote.text(file).unwrap().contains("tag: 0.4.9"), "{words}");

    // Elsewhere anybody could announce.
    cluster.apply(&announce("prod", freeze), "somebody").await.unwrap();
    cluster.delete(&rhumb_io::cluster::Key::of(&announce("default", "")).unwrap()).await.unwrap();
    world.settle_after(Event::Cluster).await;
    assert!(world.remote.text(file).unwrap().contains("tag: 0.4.10"), "{:?}", decided(&world, "prod", "podinfo-prod"));
}
