//! What the control plane alone needs: the objects of N releases and a record for each, made directly with nothing else
//! running, until all Deployments are available.

use std::time::{Duration, Instant};

use futures::StreamExt as _;
use rhumb_io::cluster::Cluster;
use rhumb_tests::servers::control_plane::ControlPlane;
use serde_json::{Value, json};

/// Objects that are made at the same time.
const CONCURRENCY: usize = 16;
/// Where everything is made.
pub(crate) const NAMESPACE: &str = "bench";

/// Creates everything and waits.
pub(crate) async fn measure(plane: &ControlPlane, n: usize) -> Duration {
    let cluster = plane.cluster().await;
    cluster
        .create(&json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": NAMESPACE } }))
        .await
        .unwrap();
    // The controllers have begun by then.
    tokio::time::sleep(Duration::from_secs(8)).await;
    let start = Instant::now();
    each(n, |name| {
        let cluster = &cluster;
        async move {
            for object in objects(&name) {
                cluster.create(&object).await.unwrap();
            }
        }
    })
    .await;
    until(Duration::from_secs(600), "all Deployments are available", async || available(&cluster).await == n).await;
    start.elapsed()
}

/// Does something for each of N names, several at the same time.
pub(crate) async fn each<F: Future<Output = ()>>(n: usize, work: impl Fn(String) -> F) {
    futures::stream::iter(1..=n).for_each_concurrent(CONCURRENCY, |i| work(format!("r-{i:04}"))).await;
}

/// Waits until something holds, looking twice a second.
pub(crate) async fn until(limit: Duration, what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !holds().await {
        assert!(start.elapsed() < limit, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

async fn available(cluster: &Cluster) -> usize {
    let deployments = cluster.list("apps/v1", "Deployment", Some(NAMESPACE)).await.unwrap();
    let is = |deployment: &&Value| deployment.pointer("/status/availableReplicas") == Some(&Value::from(1));
    deployments.iter().filter(is).count()
}

fn objects(name: &str) -> [Value; 4] {
    let labels = json!({ "app": name });
    let metadata = |name: &str| json!({ "name": name, "namespace": NAMESPACE, "labels": { "app": name } });
    [
        json!({
            "apiVersion": "v1", "kind": "Secret", "type": "helm.sh/release.v1",
            "metadata": { "name": format!("sh.helm.release.v1.{name}.v1"), "namespace": NAMESPACE },
            "stringData": { "release": "x".repeat(2400) },
        }),
        json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata(name), "data": { "text": "hello" } }),
        json!({
            "apiVersion": "v1", "kind": "Service", "metadata": metadata(name),
            "spec": { "selector": labels, "ports": [{ "name": "http", "port": 80 }] },
        }),
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata(name),
            "spec": {
                "replicas": 1, "selector": { "matchLabels": labels },
                "template": {
                    "metadata": { "labels": labels },
                    "spec": { "containers": [{ "name": "main", "image": "bench:1" }] },
                },
            },
        }),
    ]
}
