//! Bad input, one test each: one clear error at the right object, the rest goes on, nothing half-done remains, and the
//! next pass heals it.

use std::time::Duration;

use rhumb_cli::demo::World;
use rhumb_daemon::event::Event;
use rhumb_sim::api::ObjectRef;
use rhumb_sim::registry::Fault;
use rhumb_tests::world;
use serde_json::{Value, json};

const DEV: &str = "releases/dev/podinfo.yaml";

/// The condition of this type on a HelmRelease: status, reason and message.
async fn condition(world: &World, (namespace, name): (&str, &str), kind: &str) -> (String, String, String) {
    let key = rhumb_io::cluster::Key::new("helm.fluxcd.io/v1", "HelmRelease", namespace, name);
    let object = world.daemon.ctx.cluster.get(&key).await.unwrap().unwrap();
    let conditions = object.pointer("/status/conditions").and_then(Value::as_array).cloned().unwrap_or_default();
    let found =
        conditions.into_iter().find(|c| c["type"] == kind).unwrap_or_else(|| panic!("no condition {kind}: {object}"));
    let text = |key: &str| found[key].as_str().unwrap_or_default().to_owned();
    (text("status"), text("reason"), text("message"))
}

/// A new image goes to staging while dev is broken.
async fn staging_goes_on(world: &World) {
    world.advance(Duration::from_secs(60));
    let tag = format!("stg-{}", rhumb_sim::image::commit());
    world.push_image(&tag).await.unwrap();
    world.settle_after(Event::Registry).await;
    assert!(world.release("stg", "podinfo-rc").await.unwrap().images[0].ends_with(&tag), "staging goes on");
}

fn problems(world: &World) -> Vec<String> {
    world.daemon.ctx.reports().sync.problems.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_yaml_in_one_file_stops_that_file_alone() {
    let world = world().await;
    world.settle().await;
    let good = world.remote.text(DEV).unwrap();
    world.commit("Oops", &[(DEV, "kind: [unclosed\nmetadata:\n  name: x\n")]).unwrap();
    world.settle_after(Event::Git).await;
    let said = problems(&world);
    assert!(said.iter().any(|p| p.starts_with(&format!("{DEV}:")) && p.contains("not valid YAML")), "{said:?}");
    assert_eq!(world.release("dev", "podinfo-dev").await.unwrap().status, "deployed", "nothing was taken away");
    staging_goes_on(&world).await;
    world.commit("Mend", &[(DEV, &good)]).unwrap();
    world.settle_after(Event::Git).await;
    assert_eq!(problems(&world), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_documents_with_one_identity_are_both_named_and_neither_is_applied() {
    let world = world().await;
    world.settle().await;
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: twice, namespace: dev}\n";
    world.commit("Twice", &[("a.yaml", map), ("b.yaml", map)]).unwrap();
    world.settle_after(Event::Git).await;
    let said = problems(&world);
    assert!(said.iter().any(|p| p.starts_with("a.yaml:1") && p.contains("b.yaml:1")), "{said:?}");
    assert!(said.iter().any(|p| p.starts_with("b.yaml:1")), "{said:?}");
    let key = rhumb_io::cluster::Key::new("v1", "ConfigMap", "dev", "twice");
    assert_eq!(world.daemon.ctx.cluster.get(&key).await.unwrap(), None);
    staging_goes_on(&world).await;
}

/// Gives dev this filter, pushes an image for it, and returns what the condition says.
async fn with_filter(world: &World, filter: &str) -> (String, String, String) {
    world.settle().await;
    world.edit("Filter", DEV, ("filter.fluxcd.io/chart-image: glob:dev-*", filter)).unwrap();
    world.push_image(&format!("dev-{}", rhumb_sim::image::commit())).await.unwrap();
    let before = world.release("dev", "podinfo-dev").await.unwrap().images;
    world.settle_after(Event::Git).await;
    assert_eq!(world.release("dev", "podinfo-dev").await.unwrap().images, before, "the image stays");
    condition(world, ("dev", "podinfo-dev"), "ImagesUpdated").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_range_is_said_at_its_release() {
    let world = world().await;
    let (status, reason, message) = with_filter(&world, "filter.fluxcd.io/chart-image: semver:not-a-range").await;
    assert_eq!((status.as_str(), reason.as_str()), ("False", "PolicyFailed"), "{message}");
    assert!(message.contains("not-a-range"), "{message}");
    staging_goes_on(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_regular_expression_is_said_at_its_release() {
    let world = world().await;
    let (status, reason, message) = with_filter(&world, "filter.fluxcd.io/chart-image: 'regexp:dev-(['").await;
    assert_eq!((status.as_str(), reason.as_str()), ("False", "PolicyFailed"), "{message}");
    staging_goes_on(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_for_no_container_names_those_that_there_are() {
    let world = world().await;
    let (status, reason, message) =
        with_filter(&world, "filter.fluxcd.io/sidecar: glob:dev-*\n    filter.fluxcd.io/chart-image: glob:none-*")
            .await;
    assert_eq!((status.as_str(), reason.as_str()), ("False", "NoSuchContainer"), "{message}");
    assert!(message.contains("sidecar") && message.contains("chart-image"), "{message}");
    staging_goes_on(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_policy_is_said_at_its_release() {
    let world = world().await;
    let (status, reason, message) = with_filter(&world, "filter.fluxcd.io/chart-image: policy:nobody-wrote-it").await;
    assert_eq!((status.as_str(), reason.as_str()), ("False", "NoPolicy"), "{message}");
    assert!(message.contains("nobody-wrote-it"), "{message}");
    staging_goes_on(&world).await;
}

/// Commits a template to the chart and returns what the condition `Released` of dev says.
async fn with_template(world: &World, template: &str) -> String {
    world.settle().await;
    let revision = world.release("dev", "podinfo-dev").await.unwrap().revision;
    world.commit("Template", &[("charts/podinfo/templates/bad.yaml", template)]).unwrap();
    world.settle_after(Event::Git).await;
    let (status, _, message) = condition(world, ("dev", "podinfo-dev"), "Released").await;
    assert_eq!(status, "False", "{message}");
    let release = world.release("dev", "podinfo-dev").await.unwrap();
    assert_eq!(
        (release.revision, release.status.as_str()),
        (revision, "deployed"),
        "no record of what could not be rendered"
    );
    let adm = world.release("adm", "sealed-secrets").await.unwrap();
    assert_eq!(adm.status, "deployed", "other charts go on");
    world.commit("Mend", &[("charts/podinfo/templates/bad.yaml", "")]).unwrap();
    world.advance(Duration::from_secs(600));
    world.settle_after(Event::Git).await;
    let (status, _, healed) = condition(world, ("dev", "podinfo-dev"), "Released").await;
    assert_eq!(status, "True", "{healed}");
    message
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_template_function_names_file_line_and_function() {
    let world = world().await;
    let message = with_template(&world, "a: 1\nb: {{ noSuchFunction 1 }}\n").await;
    assert!(message.contains("templates/bad.yaml") && message.contains("noSuchFunction"), "{message}");
    assert!(message.contains(":2") || message.contains("line 2"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loop_of_includes_ends_with_a_clear_error() {
    let world = world().await;
    let template = "{{ define \"loop\" }}{{ include \"loop\" . }}{{ end }}{{ include \"loop\" . }}\n";
    let message = with_template(&world, template).await;
    assert!(message.contains("loop"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chart_path_that_leaves_the_repository_is_refused() {
    let world = world().await;
    world.settle().await;
    world.edit("Escape", DEV, ("path: charts/podinfo", "path: ../../etc")).unwrap();
    world.settle_after(Event::Git).await;
    let (status, reason, message) = condition(&world, ("dev", "podinfo-dev"), "Released").await;
    assert_eq!((status.as_str(), reason.as_str()), ("False", "ChartFetchFailed"), "{message}");
    assert!(message.contains("../../etc"), "{message}");
    staging_goes_on(&world).await;
}

/// The registry misbehaves, then behaves again.
async fn with_fault(fault: Fault, expected: &str) {
    let world = world().await;
    world.settle().await;
    let tag = format!("dev-{}", rhumb_sim::image::commit());
    world.advance(Duration::from_secs(60));
    world.push_image(&tag).await.unwrap();
    let before = world.release("dev", "podinfo-dev").await.unwrap().images;
    world.registry.set_fault(fault);
    world.settle_after(Event::Registry).await;
    let (status, reason, message) = condition(&world, ("dev", "podinfo-dev"), "ImagesUpdated").await;
    assert_eq!((status.as_str(), reason.as_str()), ("False", "RegistryFailed"), "{message}");
    assert!(message.contains(expected), "`{expected}` is not in: {message}");
    assert_eq!(world.release("dev", "podinfo-dev").await.unwrap().images, before);
    world.registry.clear_faults();
    world.advance(Duration::from_secs(60));
    let passes = world.settle().await;
    assert!(passes.ran > 0, "it looks again by itself");
    assert!(world.release("dev", "podinfo-dev").await.unwrap().images[0].ends_with(&tag), "the next pass heals it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_wants_credentials() {
    with_fault(Fault::Unauthorized, "registry refuses access").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_says_too_many_requests() {
    with_fault(Fault::TooMany { retry_after: Some(30) }, "slow down").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_fails() {
    with_fault(Fault::Status(500), "500").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_answers_garbage() {
    with_fault(Fault::Garbage, "podinfo").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_with_ten_thousand_tags() {
    let world = world().await;
    world.settle().await;
    let now = 1_795_440_600_000;
    world.registry.add_tags("rhumb/podinfo", (0..10_000).map(|n| (format!("0.4.{n}"), now)));
    let passes = world.settle_after(Event::Registry).await;
    assert_eq!(passes.failed, 0);
    assert!(world.release("prod", "podinfo-prod").await.unwrap().images[0].ends_with(":0.4.9999"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_that_loses_the_race_is_planned_anew() {
    let world = world().await;
    world.settle().await;
    world.advance(Duration::from_secs(60));
    let tag = format!("dev-{}", rhumb_sim::image::commit());
    world.push_image(&tag).await.unwrap();
    // The daemon has not fetched this: its commit goes onto an older head.
    world.commit("Somebody else", &[("README.txt", "hello\n")]).unwrap();
    world.daemon.ctx.scanner.ask();
    let pass = rhumb_daemon::loops::images::pass(&world.daemon.ctx, rhumb_io::cluster::Look::Fresh).await.unwrap();
    assert!(matches!(pass.pushed, rhumb_core::images::Pushed::Raced(_)), "{:?}", pass.pushed);
    assert!(world.remote.log().unwrap().iter().all(|commit| commit.author != "Rhumb"), "no half commit");
    world.settle_after(Event::Git).await;
    let ours = world.remote.log().unwrap().into_iter().filter(|commit| commit.author == "Rhumb").count();
    assert_eq!(ours, 1, "exactly once");
    assert_eq!(world.remote.text("README.txt").unwrap(), "hello\n", "everybody's commit is there");
    assert!(world.release("dev", "podinfo-dev").await.unwrap().images[0].ends_with(&tag));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_refused_object_of_ten_leaves_the_nine() {
    let world = world().await;
    world.settle().await;
    world.api.refuse(ObjectRef::new("ConfigMap", "dev", "map-3"), "no threes on this cluster");
    let maps: Vec<String> = (0..10)
        .map(|n| {
            format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: map-{n}, namespace: dev}}\ndata: {{a: b}}\n")
        })
        .collect();
    world.commit("Ten", &[("maps.yaml", &maps.join("---\n"))]).unwrap();
    world.settle_after(Event::Git).await;
    let said = problems(&world);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].starts_with("maps.yaml:") && said[0].contains("no threes on this cluster"), "{said:?}");
    let there = |n: usize| rhumb_io::cluster::Key::new("v1", "ConfigMap", "dev", &format!("map-{n}"));
    for n in (0..10).filter(|n| *n != 3) {
        assert!(world.daemon.ctx.cluster.get(&there(n)).await.unwrap().is_some(), "map-{n}");
    }
    world.api.clear_faults();
    world.advance(Duration::from_secs(60));
    world.settle().await;
    assert!(world.daemon.ctx.cluster.get(&there(3)).await.unwrap().is_some(), "the next pass heals it");
    assert_eq!(problems(&world), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_the_cluster_refuses_is_recorded_as_failed_and_tried_again() {
    let world = world().await;
    world.settle().await;
    world.api.refuse(ObjectRef::new("Deployment", "dev", "podinfo-dev"), "not today");
    world.edit("More", DEV, ("replicaCount: 1", "replicaCount: 2")).unwrap();
    world.settle_after(Event::Git).await;
    let (status, reason, message) = condition(&world, ("dev", "podinfo-dev"), "Released").await;
    assert_eq!((status.as_str(), reason.as_str()), ("False", "DeployFailed"), "{message}");
    assert!(message.contains("not today"), "{message}");
    let history = world.history("dev", "podinfo-dev").await.unwrap();
    let statuses: Vec<&str> = history.iter().map(|h| h.status.as_str()).collect();
    assert_eq!(statuses, ["deployed", "failed"], "the last good one stays deployed");
    world.api.clear_faults();
    assert_eq!(world.settle().await.changed, 0, "it waits before it tries the same again");
    world.advance(Duration::from_secs(600));
    world.settle().await;
    assert_eq!(condition(&world, ("dev", "podinfo-dev"), "Released").await.0, "True");
    let key = rhumb_io::cluster::Key::new("apps/v1", "Deployment", "dev", "podinfo-dev");
    let deployment = world.daemon.ctx.cluster.get(&key).await.unwrap().unwrap();
    assert_eq!(deployment.pointer("/spec/replicas"), Some(&json!(2)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_that_goes_away_and_comes_back() {
    let mut world = world().await;
    world.settle().await;
    world.api.pause().await;
    world.edit("More", DEV, ("replicaCount: 1", "replicaCount: 2")).unwrap();
    assert!(world.settle_after(Event::Git).await.failed > 0);
    world.api.resume().await.unwrap();
    world.advance(Duration::from_secs(60));
    world.settle().await;
    assert_eq!(world.history("dev", "podinfo-dev").await.unwrap().last().unwrap().revision, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_remote_that_refuses_every_push_is_said_once_and_nothing_spins() {
    let world = world().await;
    world.settle().await;
    // A lock that somebody else holds on the branch: git refuses to move it.
    let lock = world.remote.path().join("refs/heads/master.lock");
    std::fs::write(&lock, "").unwrap();
    world.advance(Duration::from_secs(60));
    let tag = format!("dev-{}", rhumb_sim::image::commit());
    world.push_image(&tag).await.unwrap();
    let passes = world.settle_after(Event::Registry).await;
    assert!(passes.ran < 5, "{passes:?}");
    let (status, reason, message) = condition(&world, ("dev", "podinfo-dev"), "ImagesUpdated").await;
    assert_eq!((status.as_str(), reason.as_str()), ("False", "PushFailed"), "{message}");
    std::fs::remove_file(&lock).unwrap();
    world.advance(Duration::from_secs(5));
    world.settle().await;
    assert!(world.release("dev", "podinfo-dev").await.unwrap().images[0].ends_with(&tag), "tried again by itself");
}
