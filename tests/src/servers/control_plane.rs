//! A real Kubernetes control plane: etcd, kube-apiserver, kube-controller-manager, kube-scheduler, and kwok as the node.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use rhumb_io::cluster::{Cluster, Connection};
use serde_json::{Value, json};

use super::{Process, free_port, missing};

/// What the binaries are, so that a change of them is built anew.
const VERSION: &str = include_str!("../../cluster/VERSION");
/// Longest time that a part may take to serve.
const START_LIMIT: Duration = Duration::from_secs(120);
/// The token of the administrator.
const ADMIN: &str = "admin-token-of-a-test";

/// A running control plane; everything of it ends with this value.
pub struct ControlPlane {
    folder: tempfile::TempDir,
    binaries: PathBuf,
    etcd: u16,
    secure: u16,
    processes: Vec<Process>,
    apiserver: Option<Process>,
    /// The user whose requests are logged.
    audited: Option<String>,
}

/// The folder with the binaries that `cargo xtask servers` built; `None` when they are not there, which with `CI=true`
/// is a failure.
///
/// # Panics
///
/// With `CI=true`, when they are missing.
pub fn binaries() -> Option<PathBuf> {
    let cache = ["RHUMB_TEST_CACHE", "XDG_CACHE_HOME"].iter().find_map(std::env::var_os).map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let folder = cache.or_else(home)?.join("rhumb").join(VERSION.trim());
    let all = ["control-plane", "kwok", "helm"].iter().all(|name| folder.join(name).is_file());
    if !all {
        missing("the control plane is not built; run `cargo xtask servers`, which takes some minutes once");
    }
    all.then_some(folder)
}

impl ControlPlane {
    /// Starts one and waits until it serves; `None` when it is not built (see [`binaries`]).
    ///
    /// # Panics
    ///
    /// When a part does not start.
    pub async fn start() -> Option<Self> {
        Self::with(None).await
    }

    /// The same; every request of this user is in [`ControlPlane::audit_log`], a JSON object a line.
    ///
    /// # Panics
    ///
    /// When a part does not start.
    pub async fn audited(user: &str) -> Option<Self> {
        Self::with(Some(user.to_owned())).await
    }

    async fn with(audited: Option<String>) -> Option<Self> {
        let binaries = binaries()?;
        let folder = tempfile::tempdir().expect("there is a temporary folder");
        let (etcd, secure) = (free_port(), free_port());
        let mut plane = Self { folder, binaries, etcd, secure, processes: Vec::new(), apiserver: None, audited };
        plane.prepare();
        let peer = free_port().to_string();
        plane.run("etcd", "control-plane", &["etcd", "data", &plane.etcd.to_string(), &peer]);
        plane.serve().await;
        let managers: [(&str, &[&str]); 2] = [
            (
                "kube-controller-manager",
                &["--service-account-private-key-file=sa.key", "--use-service-account-credentials=false"],
            ),
            ("kube-scheduler", &[]),
        ];
        for (name, more) in managers {
            let common = ["--kubeconfig=kubeconfig", "--leader-elect=false", "--secure-port=0", "--kube-api-qps=1000"];
            let arguments = [&[name], &common[..], &["--kube-api-burst=2000"], more].concat();
            plane.run(name, "control-plane", &arguments);
        }
        let node = ["--kubeconfig=kubeconfig", "--manage-all-nodes=true", "--node-lease-duration-seconds=40"];
        plane.run("kwok", "kwok", &node);
        plane.cluster().await.create(&node_object()).await.expect("a node can be made");
        Some(plane)
    }

    /// Kills the API server alone. What it knew is in etcd.
    pub fn stop_api(&mut self) {
        self.apiserver = None;
    }

    /// Starts the API server, at the same address as before, and waits until it serves.
    ///
    /// # Panics
    ///
    /// When it does not start.
    pub async fn serve(&mut self) {
        let arguments = [
            "kube-apiserver".to_owned(),
            format!("--etcd-servers=http://127.0.0.1:{}", self.etcd),
            format!("--secure-port={}", self.secure),
            "--bind-address=127.0.0.1".to_owned(),
            "--cert-dir=certs".to_owned(),
            "--token-auth-file=tokens.csv".to_owned(),
            "--authorization-mode=RBAC".to_owned(),
            "--service-cluster-ip-range=10.96.0.0/16".to_owned(),
            "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
            "--service-account-key-file=sa.pub".to_owned(),
            "--service-account-signing-key-file=sa.key".to_owned(),
        ];
        let audit = ["--audit-policy-file=audit.json", "--audit-log-path=audit.log"].map(str::to_owned);
        let audit = if self.audited.is_some() { &audit[..] } else { &[] };
        let arguments: Vec<&str> = arguments.iter().chain(audit).map(String::as_str).collect();
        self.apiserver = Some(self.process("kube-apiserver", "control-plane", &arguments));
        let start = Instant::now();
        // It makes its certificate first.
        while !self.folder.path().join("certs/apiserver.crt").is_file() {
            assert!(start.elapsed() < START_LIMIT, "{}", self.log("kube-apiserver"));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        loop {
            let ready = self.cluster().await.namespaces().await;
            match ready {
                // The namespace is made by the server itself, when it has all else.
                Ok(namespaces) if namespaces.contains_key("default") => return,
                other => {
                    let runs = self.apiserver.as_mut().is_some_and(Process::is_running);
                    assert!(runs && start.elapsed() < START_LIMIT, "{other:?}\n{}", self.log("kube-apiserver"));
                }
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Where the requests of the audited user are.
    pub fn audit_log(&self) -> PathBuf {
        self.folder.path().join("audit.log")
    }

    /// A client with all rights.
    ///
    /// # Panics
    ///
    /// When the kubeconfig cannot be read.
    pub async fn cluster(&self) -> Cluster {
        Cluster::connect(Connection::KubeconfigText(self.kubeconfig(ADMIN))).await.expect("a client can be made")
    }

    /// The kubeconfig of the administrator, as a file.
    pub fn kubeconfig_file(&self) -> PathBuf {
        self.folder.path().join("kubeconfig")
    }

    /// A kubeconfig for somebody with this token.
    pub fn kubeconfig(&self, token: &str) -> String {
        let server = format!("https://127.0.0.1:{}", self.secure);
        let certificate = self.folder.path().join("certs/apiserver.crt");
        let cluster = json!({ "server": server, "certificate-authority": certificate });
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{ "name": "test", "cluster": cluster }],
            "users": [{ "name": "user", "user": { "token": token } }],
            "contexts": [{ "name": "test", "context": { "cluster": "test", "user": "user" } }],
        });
        config.to_string()
    }

    /// A kubeconfig for a service account.
    ///
    /// # Panics
    ///
    /// When the account gets no token within a minute.
    pub async fn kubeconfig_of(&self, namespace: &str, account: &str) -> String {
        let cluster = self.cluster().await;
        let name = format!("{account}-token");
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
            "metadata": {
                "name": name, "namespace": namespace,
                "annotations": { "kubernetes.io/service-account.name": account },
            },
        });
        cluster.create(&secret).await.expect("a secret can be made");
        let start = Instant::now();
        loop {
            if let Ok(Some(token)) = cluster.secret_key(namespace, &name, "token").await {
                return self.kubeconfig(&String::from_utf8(token).expect("a token is text"));
            }
            assert!(start.elapsed() < START_LIMIT, "no token for {namespace}/{account}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Runs the real `helm` as the administrator.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    pub fn helm(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(self.binaries.join("helm"));
        command.args(arguments).env("KUBECONFIG", self.kubeconfig_file()).env("HOME", self.folder.path());
        command.output().expect("helm was built")
    }

    /// Applies manifests of the project, documents of one file after the other.
    ///
    /// # Panics
    ///
    /// When the file is none or the server refuses an object.
    pub async fn apply(&self, file: &Path) {
        let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        self.apply_text(&text).await;
    }

    /// Applies manifests, one document after the other.
    ///
    /// # Panics
    ///
    /// When they are none or the server refuses an object.
    pub async fn apply_text(&self, text: &str) {
        let limits = rhumb_yaml::Limits::default();
        for document in rhumb_yaml::documents(text, &limits).expect("the manifests are YAML") {
            let object = rhumb_yaml::to_json(&document, &limits).expect("the manifests are YAML");
            let cluster = self.cluster().await;
            let applied = cluster.apply(&object, "test").await;
            applied.unwrap_or_else(|error| panic!("{object}: {error}: {error:?}"));
        }
    }

    fn prepare(&self) {
        let write = |name: &str, text: &str| fs::write(self.folder.path().join(name), text).expect("a folder of ours");
        write("tokens.csv", &format!("{ADMIN},admin,admin,\"system:masters\"\n"));
        write("kubeconfig", &self.kubeconfig(ADMIN));
        if let Some(user) = &self.audited {
            let rules = json!([{ "level": "Metadata", "users": [user] }, { "level": "None" }]);
            let policy = json!({
                "apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"], "rules": rules,
            });
            write("audit.json", &policy.to_string());
        }
        let key = rcgen::KeyPair::generate().expect("a key can be made");
        write("sa.key", &key.serialize_pem());
        write("sa.pub", &key.public_key_pem());
    }

    fn run(&mut self, name: &str, program: &str, arguments: &[&str]) {
        let process = self.process(name, program, arguments);
        self.processes.push(process);
    }

    fn process(&self, name: &str, program: &str, arguments: &[&str]) -> Process {
        let mut command = Command::new(self.binaries.join(program));
        command.args(arguments).current_dir(self.folder.path());
        Process::start(&mut command, &self.folder.path().join(format!("{name}.log")))
    }

    fn log(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(format!("{name}.log"))).unwrap_or_default()
    }
}

fn node_object() -> Value {
    let room = json!({ "cpu": "1000", "memory": "1000Gi", "pods": "10000" });
    let labels = json!({ "kubernetes.io/hostname": "node-1", "kubernetes.io/os": "linux" });
    json!({
        "apiVersion": "v1", "kind": "Node", "metadata": { "name": "node-1", "labels": labels },
        "status": { "capacity": room, "allocatable": room },
    })
}
