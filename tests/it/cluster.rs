//! The story on real parts, checked on what the real `helm` and the real API server say.

use std::path::Path;

use rhumb_io::cluster::{Cluster, Connection, Key};
use rhumb_tests::beside_helm;
use rhumb_tests::real::{Real, SET_UP};
use rhumb_tests::root;
use rhumb_tests::servers::control_plane::ControlPlane;
use serde_json::{Value, json};

/// Releases of the example, by namespace.
const RELEASES: [(&str, &str); 4] =
    [("adm", "sealed-secrets"), ("dev", "podinfo-dev"), ("stg", "podinfo-rc"), ("prod", "podinfo-prod")];

fn told(history: &[(u64, String, String)]) -> Vec<String> {
    history.iter().map(|(revision, status, description)| format!("{revision} {status} {description}")).collect()
}

/// Starts a daemon on the example and waits until everything is released.
#[tokio::test(flavor = "multi_thread")]
async fn images_commits_and_releases_as_the_real_helm_sees_them() {
    let Some(mut real) = Real::start().await else { return };
    let _daemon = real.daemon(|_| {});
    // Without the key nothing can be fetched; with it, the next attempt does.
    real.admit().await;
    for (namespace, release) in RELEASES {
        let history = real.deployed(namespace, release, 1).await;
        assert_eq!(told(&history), ["1 deployed Install complete"], "{release}");
    }
    let listed: Value = serde_json::from_str(&real.helm(&["list", "-A", "-o", "json"])).unwrap();
    assert_eq!(listed.as_array().unwrap().len(), 4, "{listed}");

    // An image is pushed: one commit, one upgrade.
    let commits = real.remote.log().unwrap().len();
    real.push(&["-v", "dev-11112222"]);
    let history = real.deployed("dev", "podinfo-dev", 2).await;
    assert_eq!(told(&history), ["1 superseded Install complete", "2 deployed Upgrade complete"]);
    assert_eq!(real.tag("dev", "podinfo-dev").await.as_deref(), Some("dev-11112222"));
    let log = real.remote.log().unwrap();
    assert_eq!((log.len() - commits, log[0].author.as_str()), (1, "Rhumb"));

    // Production takes what its range holds, and nothing above it.
    for version in ["0.5.0", "0.4.10"] {
        real.push(&["-v", version]);
    }
    real.deployed("prod", "podinfo-prod", 2).await;
    assert_eq!(real.tag("prod", "podinfo-prod").await.as_deref(), Some("0.4.10"));

    // Everything that helm can say of a release of ours.
    for words in [
        &["status"][..],
        &["get", "all"],
        &["get", "values"],
        &["get", "manifest"],
        &["get", "hooks"],
        &["get", "notes"],
    ] {
        real.helm(&[words, &["-n", "dev", "podinfo-dev"]].concat());
    }
    let values = real.helm(&["get", "values", "-n", "dev", "podinfo-dev"]);
    assert!(values.contains("tag: dev-11112222"), "{values}");

    // Somebody rolls back by hand: git is the truth, so the daemon goes forward again.
    real.helm(&["rollback", "-n", "dev", "podinfo-dev", "1"]);
    let history = real.deployed("dev", "podinfo-dev", 4).await;
    assert_eq!(told(&history)[2..], ["3 superseded Rollback to 1", "4 deployed Upgrade complete"]);
    assert_eq!(real.tag("dev", "podinfo-dev").await.as_deref(), Some("dev-11112222"));

    // Somebody uninstalls by hand.
    real.helm(&["uninstall", "-n", "stg", "podinfo-rc"]);
    real.deployed("stg", "podinfo-rc", 1).await;
    assert!(real.tag("stg", "podinfo-rc").await.is_some());

    // The API server dies and comes back.
    if !real.plane.may_be_killed() {
        return;
    }
    real.plane.stop_api();
    real.push(&["-v", "dev-33334444"]);
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    real.plane.serve().await;
    real.deployed("dev", "podinfo-dev", 5).await;
    assert_eq!(real.tag("dev", "podinfo-dev").await.as_deref(), Some("dev-33334444"));
}

/// A release that `helm install` made is taken over by the HelmRelease that comes to git, and goes on from there.
#[tokio::test(flavor = "multi_thread")]
async fn a_release_of_the_real_helm_is_taken_over() {
    let Some(real) = Real::start().await else { return };
    // The chart as it was then had an annotation that it has no more.
    let folder = tempfile::tempdir().unwrap();
    let chart = folder.path().join("podinfo");
    copy(&root().join("examples/get-started/charts/podinfo"), &chart);
    let template = chart.join("templates/deployment.yaml");
    let text = std::fs::read_to_string(&template).unwrap();
    std::fs::write(&template, text.replacen("metadata:\n", "metadata:\n  annotations: {old: \"true\"}\n", 1)).unwrap();
    let chart = chart.to_str().unwrap();
    let image = format!("image.repository={}/rhumb/podinfo", real.registry.host());
    real.helm(&[
        "install",
        "podinfo-dev",
        chart,
        "-n",
        "dev",
        "--create-namespace",
        "--set",
        &image,
        "--set",
        "image.tag=old",
    ]);
    let key = Key::new("apps/v1", "Deployment", "dev", "podinfo-dev");
    let before = real.cluster.get(&key).await.unwrap().unwrap();
    assert_eq!(before["metadata"]["annotations"]["old"], "true");
    let _daemon = real.daemon(|_| {});
    real.admit().await;
    let history = real.deployed("dev", "podinfo-dev", 2).await;
    assert_eq!(told(&history), ["1 superseded Install complete", "2 deployed Upgrade complete"]);
    let after = real.cluster.get(&key).await.unwrap().unwrap();
    assert_eq!(before["metadata"]["uid"], after["metadata"]["uid"], "the objects were not made anew");
    assert_eq!(after["metadata"]["annotations"]["old"], Value::Null, "what the chart dropped is gone");
    let ours = after.pointer("/spec/template/spec/containers/0/image").and_then(Value::as_str).unwrap();
    assert!(ours.ends_with(":dev-kb9lm91e"), "{ours}");
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).unwrap();
        }
    }
}

/// What `host/deploy` holds is accepted by a real API server, and the daemon's own rules cover what it does.
#[tokio::test(flavor = "multi_thread")]
async fn the_manifests_of_the_project_make_a_running_deployment() {
    let Some(plane) = ControlPlane::start().await else { return };
    for manifest in SET_UP.into_iter().chain(["deployment.yaml"]) {
        plane.apply(&root().join("host/deploy").join(manifest)).await;
    }
    if !plane.has_nodes() {
        return;
    }
    let cluster = plane.cluster().await;
    let key = Key::new("apps/v1", "Deployment", "rhumb", "rhumb");
    for _ in 0..600 {
        let deployment = cluster.get(&key).await.unwrap().unwrap();
        if deployment.pointer("/status/availableReplicas") == Some(&Value::from(1)) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    panic!("the pod of the daemon did not become available");
}

/// What the API server says to an approval in `rhumb` with this spec: nothing when it takes it.
async fn refusal(cluster: &Cluster, name: &str, spec: Value) -> String {
    let metadata = json!({"name": name, "namespace": "rhumb"});
    let approval = json!({"apiVersion": "rhumb.dev/v1alpha1", "kind": "Approval", "metadata": metadata, "spec": spec});
    match cluster.create(&approval).await {
        Ok(_) => String::new(),
        Err(error) => rhumb_core::chain::chain(&error),
    }
}

/// A real API server vouches for who approves, and takes nothing that is not of the form of our kinds.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_approves_in_the_name_of_somebody_else() {
    let Some(plane) = ControlPlane::start().await else { return };
    for manifest in SET_UP {
        plane.apply(&root().join("host/deploy").join(manifest)).await;
    }
    let kubeconfig = Connection::KubeconfigText(plane.kubeconfig_of("rhumb", "rhumb").await);
    let cluster = Cluster::connect(kubeconfig).await.unwrap();
    let user = cluster.user().await.unwrap();
    assert_eq!(user.name, "system:serviceaccount:rhumb:rhumb");
    let moves = json!([{"subject": "chart-image", "to": "1.2.3"}]);
    let spec = |by: &str, groups: Value| json!({"by": by, "groups": groups, "object": {"name": "app"}, "moves": moves});
    // A policy that was applied a moment ago is not enforced at once.
    let mut words = String::new();
    for n in 0..300 {
        words = refusal(&cluster, &format!("early-{n}"), spec("jo", json!([]))).await;
        if !words.is_empty() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert!(words.contains("spec.by must be who makes the object: system:serviceaccount:rhumb:rhumb"), "{words}");
    let words = refusal(&cluster, "group", spec(&user.name, json!(["oncall"]))).await;
    assert!(words.contains("spec.groups may only name groups of system:serviceaccount:rhumb:rhumb"), "{words}");
    let own = spec(&user.name, json!(["system:serviceaccounts"]));
    assert_eq!(refusal(&cluster, "own", own).await, "");
    let words = refusal(&cluster, "empty", json!({"by": user.name, "object": {"name": "app"}, "moves": []})).await;
    assert!(words.contains("spec.moves"), "{words}");

    // What was approved stays what was approved; labels may come.
    let key = Key::new("rhumb.dev/v1alpha1", "Approval", "rhumb", "own");
    cluster.patch(&key, &json!({"metadata": {"labels": {"team": "a"}}})).await.unwrap();
    let moves = json!([{"subject": "chart-image", "to": "6.6.6"}]);
    let changed = cluster.patch(&key, &json!({"spec": {"moves": moves}})).await.unwrap_err();
    let words = rhumb_core::chain::chain(&changed);
    assert!(words.contains("an approval cannot be changed"), "{words}");

    let binding = json!({
        "apiVersion": "rhumb.dev/v1alpha1", "kind": "PolicyBinding", "metadata": {"name": "two"},
        "spec": {"policy": "approval", "config": {"quorum": 2, "atLeast": {"oncall": 1}}, "environments": ["prod"]},
    });
    cluster.create(&binding).await.unwrap();
    let stored = cluster.get(&Key::of(&binding).unwrap()).await.unwrap().unwrap();
    assert_eq!(stored["spec"], binding["spec"], "settings of a policy are kept as they are");

    // The switch has one name, and the same vouching.
    let switch = |name: &str, by: &str| {
        let metadata = json!({"name": name});
        json!({"apiVersion": "rhumb.dev/v1alpha1", "kind": "StopSwitch", "metadata": metadata, "spec": {"by": by}})
    };
    for (name, by, expected) in [
        ("other", user.name.as_str(), "there is one switch: name it rhumb"),
        ("rhumb", "jo", "spec.by must be who makes the object"),
    ] {
        let words = rhumb_core::chain::chain(&cluster.create(&switch(name, by)).await.unwrap_err());
        assert!(words.contains(expected), "{words}");
    }
    cluster.create(&switch("rhumb", &user.name)).await.unwrap();
}

/// Charts of the project: one of the world as it is, hooks, definitions of kinds.
const CHARTS: [&str; 3] = ["examples/get-started/charts/podinfo", "tests/charts/app", "examples/charts/sealed-secrets"];

#[tokio::test(flavor = "multi_thread")]
async fn what_helm_and_rhumb_release_lives_alike() {
    let Some(all) = beside_helm::compare(&CHARTS.map(|chart| root().join(chart))).await else { return };
    for one in &all {
        assert_eq!((&one.different[..], &one.refused), (&[] as &[String], &None), "{one:?}");
    }
    // The random names of podinfo's test pods are hooks, which are no part of a manifest.
    assert_eq!(all.iter().map(|one| one.objects).collect::<Vec<_>>(), [2, 4, 5]);
}
