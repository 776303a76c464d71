//! Fields of a HelmRelease that say how it is released and where its values come from.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use rhumb_io::cluster::Key;
use rhumb_sim::git::File;
use rhumb_tests::root;
use serde_json::{Value, json};

use super::{NAMESPACE, Trial, add, chart, start};

#[tokio::test(flavor = "multi_thread")]
async fn fields_do_what_helm_operator_did_with_them() {
    let Some(real) = start().await else { return };
    // Before the daemon: a release that `helm` made, with values that are to stay.
    real.plane.apply_text("apiVersion: v1\nkind: Namespace\nmetadata: {name: trial}\n").await;
    let install = ["install", "reused", &chart(), "-n", NAMESPACE, "--set", "replicas=2", "--set", "text=by-helm"];
    real.helm(&install);
    let _daemon = real.daemon(|command| {
        command.args(["--charts-sync-interval", "3"]);
    });
    real.admit().await;
    let trial = |name| Trial { real: &real, name };
    futures::join!(
        values_are_reused(trial("reused")),
        objects_are_replaced(trial("forced")),
        values_come_from_the_chart(trial("chartfile")),
        values_come_from_a_url(trial("external")),
        another_release_is_said(trial("old")),
        definitions_are_left_out(trial("nocrds"), trial("withcrds")),
    );
}

async fn replicas(trial: &Trial<'_>) -> Option<u64> {
    trial.get("apps/v1", "Deployment", trial.name).await?.pointer("/spec/replicas")?.as_u64()
}

async fn values_are_reused(trial: Trial<'_>) {
    trial.commit(json!({ "resetValues": false }));
    trial.history(&["1 superseded Install complete", "2 deployed Upgrade complete"]).await;
    assert_eq!((replicas(&trial).await, trial.text().await.as_deref()), (Some(2), Some("by-helm")));
    trial.commit(json!({ "resetValues": false, "values": { "text": "ours" } }));
    trial.history(&["1 superseded", "2 superseded", "3 deployed"]).await;
    assert_eq!((replicas(&trial).await, trial.text().await.as_deref()), (Some(2), Some("ours")));
    let values = trial.helm(&["get", "values"], &["-o", "json"]);
    assert_eq!(serde_json::from_str::<Value>(&values).unwrap(), json!({ "replicas": 2, "text": "ours" }));
    trial.commit(json!({ "values": { "text": "ours" } }));
    trial.history(&["1 superseded", "2 superseded", "3 superseded", "4 deployed"]).await;
    assert_eq!((replicas(&trial).await, trial.text().await.as_deref()), (Some(1), Some("ours")));
}

async fn objects_are_replaced(trial: Trial<'_>) {
    trial.commit(json!({ "values": { "text": "1" } }));
    trial.history(&["1 deployed"]).await;
    let service = async || trial.get("v1", "Service", "forced").await.unwrap();
    let map = async || trial.get("v1", "ConfigMap", "forced").await.unwrap();
    let before = service().await;
    let mut theirs = map().await;
    theirs["data"]["more"] = json!("theirs");
    trial.real.cluster.replace(&theirs).await.unwrap();
    trial.commit(json!({ "values": { "text": "2" } }));
    trial.history(&["1 superseded", "2 deployed"]).await;
    assert_eq!(map().await["data"], json!({ "text": "2", "more": "theirs" }), "what others set stays");
    trial.commit(json!({ "values": { "text": "3" }, "forceUpgrade": true }));
    trial.history(&["1 superseded", "2 superseded", "3 deployed"]).await;
    assert_eq!(map().await["data"], json!({ "text": "3" }), "by force it goes");
    let after = service().await;
    assert_eq!(before["metadata"]["uid"], after["metadata"]["uid"]);
    assert_eq!(before["spec"]["clusterIP"], after["spec"]["clusterIP"]);

    // What the API does not let change is an error, and nothing is deleted to have it otherwise.
    let deployment = async || trial.get("apps/v1", "Deployment", "forced").await.unwrap();
    let before = deployment().await;
    trial.commit(json!({ "values": { "text": "4", "selector": "other" }, "forceUpgrade": true }));
    trial.until("Released", "False", "field is immutable").await;
    assert_eq!(before["metadata"]["uid"], deployment().await["metadata"]["uid"]);
    trial.commit(json!({ "values": { "text": "5" } }));
    trial.until("Released", "True", "").await;
    assert_eq!(map().await["data"], json!({ "text": "5" }));
}

async fn values_come_from_the_chart(trial: Trial<'_>) {
    // A chart of its own, as it changes.
    let mut files = Vec::new();
    add(&mut files, &root().join("tests/charts/app"), "charts/own");
    trial.real.remote.commit("Ann", "A chart of its own", &files).unwrap();
    let from = |path: &str, optional: bool| {
        json!({
            "chart": { "git": "git@example.com:rhumb/get-started", "path": "charts/own", "ref": "master" },
            "valuesFrom": [{ "chartFileRef": { "path": path, "optional": optional } }],
        })
    };
    // The file is in `.helmignore`, as such files are.
    trial.commit(from("./values-extra.yaml", false));
    trial.until("Released", "True", "").await;
    assert_eq!(trial.text().await.as_deref(), Some("from a file of the chart"));
    let another = File::new("charts/own/values-extra.yaml", "text: from another file\n");
    trial.real.remote.commit("Ann", "Change the file", &[another]).unwrap();
    trial.real.until("the new text", async || trial.text().await.filter(|text| text == "from another file")).await;
    trial.commit(from("missing.yaml", false));
    trial.until("Released", "False", "file `missing.yaml` of the chart is not there").await;
    trial.commit(from("missing.yaml", true));
    trial.until("Released", "True", "").await;
    assert_eq!(trial.text().await.as_deref(), Some("default"));
    trial.commit(from("../../releases/dev/podinfo.yaml", true));
    trial.until("Released", "False", "leads out of the chart").await;
    assert_eq!(trial.text().await.as_deref(), Some("default"));
}

async fn values_come_from_a_url(trial: Trial<'_>) {
    let content: Arc<Mutex<Option<&str>>> = Arc::new(Mutex::new(Some("text: one\n")));
    let served = Arc::clone(&content);
    let answer = move || {
        let content = *served.lock().unwrap();
        async move { content.map_or((StatusCode::NOT_FOUND, ""), |text| (StatusCode::OK, text)) }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/values.yaml?token=hunter2", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/values.yaml", get(answer))).await });
    let from =
        |optional: bool| json!({ "valuesFrom": [{ "externalSourceRef": { "url": url, "optional": optional } }] });
    trial.commit(from(false));
    trial.until("Released", "True", "").await;
    assert_eq!(trial.text().await.as_deref(), Some("one"));
    // It is read again at the interval, without a commit.
    *content.lock().unwrap() = Some("text: two\n");
    trial.real.until("the new text", async || trial.text().await.filter(|text| text == "two")).await;
    *content.lock().unwrap() = None;
    let status = trial.until("Released", "False", "the server answered 404").await;
    assert!(!status.to_string().contains("hunter2"), "{status}");
    assert_eq!(trial.text().await.as_deref(), Some("two"), "the release is left alone");
    trial.commit(from(true));
    trial.until("Released", "True", "").await;
    assert_eq!(trial.text().await.as_deref(), Some("default"));
    assert!(!trial.real.log().contains("hunter2"));
}

async fn definitions_are_left_out(without: Trial<'_>, with: Trial<'_>) {
    let definition = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: \
        things.example.com}\nspec:\n  group: example.com\n  scope: Namespaced\n  names: {kind: Thing, plural: things}\n  \
        versions:\n    - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}\n";
    let files = [
        File::new("charts/crds/Chart.yaml", "apiVersion: v2\nname: crds\nversion: 0.1.0\n"),
        File::new("charts/crds/values.yaml", "{}\n"),
        File::new("charts/crds/crds/things.yaml", definition),
    ];
    without.real.remote.commit("Ann", "A chart with a definition", &files).unwrap();
    let chart = json!({ "git": "git@example.com:rhumb/get-started", "path": "charts/crds", "ref": "master" });
    let key = Key::new("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", "things.example.com");
    without.commit(json!({ "chart": chart, "skipCRDs": true }));
    without.until("Released", "True", "").await;
    assert_eq!(without.real.cluster.get(&key).await.unwrap(), None);
    with.commit(json!({ "chart": chart }));
    with.until("Released", "True", "").await;
    assert!(with.real.cluster.get(&key).await.unwrap().is_some());
}

async fn another_release_is_said(trial: Trial<'_>) {
    trial.commit(json!({ "helmVersion": "v2" }));
    trial.until("Released", "False", "spec.helmVersion: v2 is not supported").await;
    trial.commit(json!({ "helmVersion": "v3", "disableOpenAPIValidation": true, "skipCRDs": true }));
    trial.until("Released", "True", "").await;
}
