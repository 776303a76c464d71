//! The demo's story as a scenario, checked on values: git's log, the cluster's objects, Helm's records.

use std::time::Duration;

use rhumb_daemon::event::Event;
use rhumb_sim::git::File;
use rhumb_tests::world;
use serde_json::{Value, json};

const MINUTE: Duration = Duration::from_secs(60);

/// The object as the cluster has it.
async fn get(world: &rhumb_cli::demo::World, key: (&str, &str, &str, &str)) -> Value {
    let key = rhumb_io::cluster::Key::new(key.0, key.1, key.2, key.3);
    world.daemon.ctx.cluster.get(&key).await.unwrap().unwrap_or(Value::Null)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_goes_from_the_registry_to_the_cluster_and_nothing_else_changes() {
    let world = world().await;
    world.settle().await;
    let before = world.remote.text("releases/dev/podinfo.yaml").unwrap();
    let others = world.remote.text("releases/stg/podinfo.yaml").unwrap();
    world.advance(MINUTE);
    let image = world.push_image("dev-aaaa1111").await.unwrap();
    world.push_image("stg-bbbb2222-not-a-match-for-dev").await.unwrap();
    world.settle_after(Event::Registry).await;

    let after = world.remote.text("releases/dev/podinfo.yaml").unwrap();
    let differing: Vec<(&str, &str)> = before.lines().zip(after.lines()).filter(|(a, b)| a != b).collect();
    assert_eq!(differing.len(), 1, "{differing:?}");
    assert!(differing[0].1.contains("dev-aaaa1111"));
    assert_eq!(before.lines().count(), after.lines().count());
    assert_ne!(world.remote.text("releases/stg/podinfo.yaml").unwrap(), others, "stg takes its own image");

    let commit = world.remote.log().unwrap().into_iter().find(|commit| commit.author == "Rhumb").unwrap();
    assert!(commit.message.starts_with("Auto-release"), "{}", commit.message);
    let deployment = get(&world, ("apps/v1", "Deployment", "dev", "podinfo-dev")).await;
    assert_eq!(deployment.pointer("/spec/template/spec/containers/0/image"), Some(&json!(image)));
    assert_eq!(
        deployment.pointer("/metadata/annotations/helm.fluxcd.io~1antecedent"),
        Some(&json!("dev:helmrelease/podinfo-dev"))
    );
    let status = get(&world, ("helm.fluxcd.io/v1", "HelmRelease", "dev", "podinfo-dev")).await;
    assert_eq!(status.pointer("/status/phase"), Some(&json!("Succeeded")));
    assert_eq!(status.pointer("/status/releaseStatus"), Some(&json!("deployed")));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_pass_writes_nothing() {
    let world = world().await;
    world.settle().await;
    world.settle_after(Event::Git).await;
    let _ = world.api.requests();
    let head = world.remote.head().unwrap();
    for event in [Event::Git, Event::Registry, Event::Cluster] {
        let passes = world.settle_after(event).await;
        assert_eq!(passes.changed, 0, "{event:?}");
    }
    let counts = world.api.requests();
    assert_eq!(counts.writes, 0, "{:?}", counts.journal);
    assert_eq!(world.remote.head().unwrap(), head);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_is_released_at_its_instant_and_nothing_is_polled_before() {
    let world = world().await;
    world.settle().await;
    world.edit("stg", "releases/stg/podinfo.yaml", ("glob:stg-*", "semver:~0.4")).unwrap();
    let annotation = "    fluxcd.io/automated: \"true\"\n";
    let rule = format!(
        "{annotation}    rhumb.dev/promotion: soak\n    rhumb.dev/config.soak: '{{\"from\": \"stg\", \"for\": \"30m\"}}'\n"
    );
    world.edit("prod", "releases/prod/podinfo.yaml", (annotation, &rule)).unwrap();
    world.advance(MINUTE);
    world.push_image("0.4.12").await.unwrap();
    world.settle_after(Event::Registry).await;
    world.settle_after(Event::Git).await;
    let held = world.image("prod", "podinfo-prod").unwrap();
    assert!(held.reason.contains("hold until 2026-11-23T14:01:00Z"), "{}", held.reason);
    assert!(world.release("stg", "podinfo-rc").await.unwrap().images[0].ends_with(":0.4.12"));

    world.advance(MINUTE * 29);
    assert_eq!(world.settle().await.ran, 0, "a minute too early");
    world.advance(MINUTE);
    assert!(world.settle().await.changed > 0);
    assert!(world.release("prod", "podinfo-prod").await.unwrap().images[0].ends_with(":0.4.12"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_helm_release_that_leaves_the_cluster_is_uninstalled() {
    let world = world().await;
    world.settle().await;
    let key = rhumb_io::cluster::Key::new("helm.fluxcd.io/v1", "HelmRelease", "dev", "podinfo-dev");
    let commit = world.remote.commit("Jo", "No dev any more", &[File::removed("releases/dev/podinfo.yaml")]);
    commit.unwrap();
    world.settle_after(Event::Git).await;
    // Without garbage collection the object stays, and with it the release.
    assert!(!get(&world, ("apps/v1", "Deployment", "dev", "podinfo-dev")).await.is_null());
    world.daemon.ctx.cluster.delete(&key).await.unwrap();
    world.settle_after(Event::Cluster).await;
    assert!(get(&world, ("apps/v1", "Deployment", "dev", "podinfo-dev")).await.is_null());
    assert!(world.daemon.ctx.cluster.history("dev", "podinfo-dev").await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_changes_in_the_cluster_is_restored() {
    let world = world().await;
    world.settle().await;
    let key = rhumb_io::cluster::Key::new("helm.fluxcd.io/v1", "HelmRelease", "dev", "podinfo-dev");
    let patch = json!({"spec": {"values": {"replicaCount": 7}}});
    world.daemon.ctx.cluster.patch(&key, &patch).await.unwrap();
    world.settle_after(Event::Git).await;
    let value = get(&world, ("helm.fluxcd.io/v1", "HelmRelease", "dev", "podinfo-dev")).await;
    assert_eq!(value.pointer("/spec/values/replicaCount"), Some(&json!(1)));
    let deployment = get(&world, ("apps/v1", "Deployment", "dev", "podinfo-dev")).await;
    assert_eq!(deployment.pointer("/spec/replicas"), Some(&json!(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renamed_helm_release_takes_its_release_over() {
    let world = world().await;
    world.settle().await;
    let text = world.remote.text("releases/dev/podinfo.yaml").unwrap();
    let renamed = text.replace("  name: podinfo-dev\n", "  name: renamed\n");
    world.commit("Rename", &[("releases/dev/podinfo.yaml", &renamed)]).unwrap();
    world.settle_after(Event::Git).await;
    // While the old object is there the release is its own.
    let both = get(&world, ("helm.fluxcd.io/v1", "HelmRelease", "dev", "renamed")).await;
    assert!(both.to_string().contains("belongs to HelmRelease dev/podinfo-dev"), "{both}");
    let old = rhumb_io::cluster::Key::new("helm.fluxcd.io/v1", "HelmRelease", "dev", "podinfo-dev");
    world.daemon.ctx.cluster.delete(&old).await.unwrap();
    world.settle_after(Event::Cluster).await;
    let history = world.history("dev", "renamed").await.unwrap();
    let statuses: Vec<&str> = history.iter().map(|record| record.status.as_str()).collect();
    assert_eq!(statuses, ["superseded", "deployed"], "taken over, not uninstalled");
    assert!(!get(&world, ("apps/v1", "Deployment", "dev", "podinfo-dev")).await.is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn helm_releases_that_vanish_from_the_cluster_alone_take_nothing_down() {
    let world = world().await;
    world.settle().await;
    for (namespace, name) in [("dev", "podinfo-dev"), ("stg", "podinfo-rc"), ("prod", "podinfo-prod")] {
        let key = rhumb_io::cluster::Key::new("helm.fluxcd.io/v1", "HelmRelease", namespace, name);
        world.daemon.ctx.cluster.delete(&key).await.unwrap();
    }
    world.settle_after(Event::Cluster).await;
    assert!(!get(&world, ("apps/v1", "Deployment", "prod", "podinfo-prod")).await.is_null());
    world.settle_after(Event::Git).await;
    let history = world.history("prod", "podinfo-prod").await.unwrap();
    let statuses: Vec<&str> = history.iter().map(|record| record.status.as_str()).collect();
    assert_eq!(statuses, ["deployed"], "git brought them back, and nothing else was to be done");
}
