//! What tests use in place of a control plane of ours, when the environment names it (`tests/cluster/README.md`).

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rhumb_io::cluster::{Cluster, Connection, Key};
use serde_json::{Value, json};
use tokio::sync::{Mutex, OwnedMutexGuard};

/// Folder with `etcd` and `kube-apiserver`, by the convention of controller-runtime's envtest.
const ASSETS: &str = "KUBEBUILDER_ASSETS";
/// Kubeconfig of a throw-away cluster, whose current context the tests take over.
const KUBECONFIG: &str = "RHUMB_TEST_KUBECONFIG";
/// Namespaces of the examples and of the daemon.
const NAMESPACES: [&str; 6] = ["rhumb", "adm", "dev", "stg", "prod", "hotfix"];
/// Kinds that the examples bring.
const KINDS: [&str; 2] = ["helmreleases.helm.fluxcd.io", "sealedsecrets.bitnami.com"];
/// The namespace that says that a cluster is the tests' own.
const MARK: &str = "rhumb-tests";
/// Longest wait for what an earlier test left to be gone.
const LIMIT: Duration = Duration::from_secs(180);

/// What the environment names.
pub(super) enum Instead {
    /// Binaries of etcd and the API server.
    Assets(PathBuf),
    /// A cluster.
    Named(PathBuf),
}

/// A cluster that was named, for one test at a time.
pub(super) struct Named {
    /// How a kubeconfig describes it.
    pub(super) server: Value,
    /// Who the tests are.
    pub(super) user: Value,
    pub(super) turn: OwnedMutexGuard<()>,
}

/// What to use in place of a control plane of ours.
pub(super) fn of_environment() -> Option<Instead> {
    let path = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    path(KUBECONFIG).map(Instead::Named).or_else(|| path(ASSETS).map(Instead::Assets))
}

/// Waits for the tests that use it now, and takes away what they left.
///
/// # Panics
///
/// When the cluster holds namespaces that no test made: it is somebody's.
pub(super) async fn take(kubeconfig: &Path) -> Named {
    static TURN: std::sync::OnceLock<Arc<Mutex<()>>> = std::sync::OnceLock::new();
    let turn = Arc::clone(TURN.get_or_init(Arc::default)).lock_owned().await;
    let text = std::fs::read_to_string(kubeconfig);
    let text = text.unwrap_or_else(|error| panic!("{KUBECONFIG}: {}: {error}", kubeconfig.display()));
    let (server, user) = current(&text, kubeconfig.parent().unwrap_or(Path::new("."))).expect("a kubeconfig");
    let named = Named { server, user, turn };
    let connection = Connection::KubeconfigText(super::control_plane::kubeconfig(&named.server, &named.user));
    clear(&Cluster::connect(connection).await.expect("a client can be made")).await;
    named
}

async fn clear(cluster: &Cluster) {
    let there = cluster.namespaces().await.unwrap_or_else(|error| panic!("{KUBECONFIG}: {error:?}"));
    if !there.contains_key(MARK) {
        let strange: Vec<&str> = NAMESPACES.into_iter().filter(|name| there.contains_key(*name)).collect();
        assert!(strange.is_empty(), "{KUBECONFIG}: the cluster has {strange:?}, which no test made; name an empty one");
        let mark = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": MARK } });
        cluster.create(&mark).await.expect("a namespace can be made");
    }
    let namespaces = NAMESPACES.map(|name| Key::new("v1", "Namespace", "", name));
    let kinds = KINDS.map(|name| Key::new("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", name));
    let all: Vec<Key> = kinds.into_iter().chain(namespaces).collect();
    for key in &all {
        cluster.delete(key).await.expect("what a test made can be deleted");
    }
    let start = Instant::now();
    for key in &all {
        while cluster.get(key).await.expect("the cluster answers").is_some() {
            assert!(start.elapsed() < LIMIT, "{KUBECONFIG}: {key} of an earlier test does not go");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

/// The server and the user of the current context, with files named from anywhere.
fn current(text: &str, folder: &Path) -> Option<(Value, Value)> {
    let limits = rhumb_yaml::Limits::default();
    let document = rhumb_yaml::documents(text, &limits).ok()?.into_iter().next()?;
    let config = rhumb_yaml::to_json(&document, &limits).ok()?;
    let find = |list: &str, name: &Value| {
        let found = config.get(list)?.as_array()?.iter().find(|entry| &entry["name"] == name)?;
        found.get(list.strip_suffix('s')?).cloned()
    };
    let context = find("contexts", &config["current-context"])?;
    let at = |mut entry: Value| {
        for key in ["certificate-authority", "client-certificate", "client-key", "tokenFile"] {
            if let Some(path) = entry.get(key).and_then(Value::as_str) {
                entry[key] = json!(folder.join(path));
            }
        }
        entry
    };
    Some((at(find("clusters", &context["cluster"])?), at(find("users", &context["user"])?)))
}
