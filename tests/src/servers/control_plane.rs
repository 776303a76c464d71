//! A real Kubernetes control plane: etcd, kube-apiserver, kube-controller-manager, kube-scheduler, and kwok as the node;
//! or what the environment names in place of it (`instead.rs`).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rhumb_io::cluster::{Cluster, Connection};
use serde_json::{Value, json};

use super::instead::{self, Instead, Named};
use super::{Process, built, free_port, missing};

/// Longest time that a part may take to serve.
const START_LIMIT: Duration = Duration::from_secs(120);
/// The token of the administrator.
const ADMIN: &str = "admin-token-of-a-test";
/// A token of the daemon's account in `host/deploy` that outlives what etcd keeps, unlike those that the cluster gives.
pub const DAEMON_TOKEN: &str = "daemon-token-of-a-test";

/// Namespace of the daemon's pod and the port of its operator's API there, as `host/deploy` has them.
const DAEMON: (&str, u16) = ("rhumb", 3030);

/// A running control plane; everything of it ends with this value.
pub struct ControlPlane {
    folder: tempfile::TempDir,
    kind: Kind,
    helm: PathBuf,
    /// How a kubeconfig describes the server.
    server: Value,
    /// Who the administrator is, in a kubeconfig.
    admin: Value,
    ports: Ports,
    processes: Vec<Process>,
    apiserver: Option<Process>,
    /// The user whose requests are logged.
    audited: Option<String>,
}

/// What it runs on.
enum Kind {
    /// Our binary with all parts, and kwok.
    Ours { control_plane: PathBuf, kwok: PathBuf },
    /// The binaries of envtest: etcd and the API server, nothing else.
    Assets(PathBuf),
    /// A cluster that somebody named, for this test alone.
    Named { _turn: tokio::sync::OwnedMutexGuard<()> },
}

struct Ports {
    etcd: u16,
    peer: u16,
    secure: u16,
    kubelet: u16,
    daemon: u16,
}

/// A kubeconfig for this user of this server.
pub(super) fn kubeconfig(server: &Value, user: &Value) -> String {
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "test",
        "clusters": [{ "name": "test", "cluster": server }],
        "users": [{ "name": "user", "user": user }],
        "contexts": [{ "name": "test", "context": { "cluster": "test", "user": "user" } }],
    });
    config.to_string()
}

impl ControlPlane {
    /// Starts one and waits until it serves; `None` when it is not built, which is said.
    ///
    /// # Panics
    ///
    /// When a part does not start, and with `CI=true` when it is not built.
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
        let [helm] = built(["helm"])?;
        match instead::of_environment() {
            None => {
                let [control_plane, kwok] = built(["control-plane", "kwok"])?;
                let mut plane = Self::new(Kind::Ours { control_plane, kwok }, helm, audited);
                plane.launch().await;
                Some(plane)
            }
            Some(Instead::Assets(folder)) => {
                missing(&format!(
                    "what needs controllers and nodes (pods, garbage collection, port-forward): `{}` has none",
                    folder.display()
                ));
                let mut plane = Self::new(Kind::Assets(folder), helm, audited);
                let at = |port: u16| format!("http://127.0.0.1:{port}");
                let (client, peer) = (at(plane.ports.etcd), at(plane.ports.peer));
                let flags = [
                    format!("--listen-client-urls={client}"),
                    format!("--advertise-client-urls={client}"),
                    format!("--listen-peer-urls={peer}"),
                    format!("--initial-advertise-peer-urls={peer}"),
                    format!("--initial-cluster=default={peer}"),
                    "--data-dir=data".to_owned(),
                    "--unsafe-no-fsync".to_owned(),
                ];
                plane.run("etcd", "etcd", &flags.iter().map(String::as_str).collect::<Vec<_>>());
                plane.serve().await;
                Some(plane)
            }
            Some(Instead::Named(kubeconfig)) => {
                let Named { server, user, turn } = instead::take(&kubeconfig).await;
                let mut plane = Self::new(Kind::Named { _turn: turn }, helm, None);
                (plane.server, plane.admin) = (server, user);
                plane.write("kubeconfig", &plane.kubeconfig_of_admin());
                Some(plane)
            }
        }
    }

    fn new(kind: Kind, helm: PathBuf, audited: Option<String>) -> Self {
        let folder = tempfile::tempdir().expect("there is a temporary folder");
        let ports = Ports {
            etcd: free_port(),
            peer: free_port(),
            secure: free_port(),
            kubelet: free_port(),
            daemon: free_port(),
        };
        let certificate = folder.path().join("certs/apiserver.crt");
        let address = format!("https://127.0.0.1:{}", ports.secure);
        let plane = Self {
            server: json!({ "server": address, "certificate-authority": certificate }),
            admin: json!({ "token": ADMIN }),
            folder,
            kind,
            helm,
            ports,
            processes: Vec::new(),
            apiserver: None,
            audited,
        };
        plane.prepare();
        plane
    }

    /// Starts every part of ours and waits until it serves.
    async fn launch(&mut self) {
        self.run("etcd", "etcd", &["data", &self.ports.etcd.to_string(), &self.ports.peer.to_string()]);
        self.serve().await;
        self.run_the_rest().await;
    }

    /// Ends everything, takes away what etcd kept, and starts it again: a cluster that remembers nothing, at the same
    /// address and with the same keys. For a control plane of ours alone.
    ///
    /// # Panics
    ///
    /// When a part does not start.
    pub async fn forget_everything(&mut self) {
        self.stop_api();
        self.processes.clear();
        fs::remove_dir_all(self.folder.path().join("data")).expect("etcd kept something");
        self.launch().await;
    }

    /// URL of the API server.
    pub fn url(&self) -> String {
        self.server["server"].as_str().unwrap_or_default().to_owned()
    }

    /// The certificates of an API server of ours, in PEM.
    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("certs/apiserver.crt")
    }

    /// Controllers, the scheduler, and the node.
    async fn run_the_rest(&mut self) {
        let managers: [(&str, &[&str]); 2] = [
            (
                "kube-controller-manager",
                &["--service-account-private-key-file=sa.key", "--use-service-account-credentials=false"],
            ),
            ("kube-scheduler", &[]),
        ];
        for (name, more) in managers {
            let common = ["--kubeconfig=kubeconfig", "--leader-elect=false", "--secure-port=0", "--kube-api-qps=1000"];
            self.run(name, name, &[&common[..], &["--kube-api-burst=2000"], more].concat());
        }
        // The node answers for port 3030 of the daemon's pods by what listens here: that process stands for the pod.
        let (namespace, port) = DAEMON;
        let forward = json!({
            "apiVersion": "kwok.x-k8s.io/v1alpha1", "kind": "ClusterPortForward", "metadata": { "name": "daemon" },
            "spec": {
                "selector": { "matchNamespaces": [namespace] },
                "forwards": [{ "ports": [port], "target": { "address": "127.0.0.1", "port": self.ports.daemon } }],
            },
        });
        self.write("kwok.yaml", &forward.to_string());
        let (listen, port) = (format!("127.0.0.1:{}", self.ports.kubelet), self.ports.kubelet.to_string());
        let node = [
            "--kubeconfig=kubeconfig",
            "--config=kwok.yaml",
            "--manage-all-nodes=true",
            "--node-lease-duration-seconds=40",
            "--tls-cert-file=certs/apiserver.crt",
            "--tls-private-key-file=certs/apiserver.key",
            "--server-address",
            &listen,
            "--node-port",
            &port,
        ];
        self.run("kwok", "kwok", &node);
        self.cluster().await.create(&node_object()).await.expect("a node can be made");
    }

    /// Whether tests may kill its parts; says what is not proved when they may not.
    ///
    /// # Panics
    ///
    /// With `CI=true`, when they may not.
    pub fn may_be_killed(&self) -> bool {
        let named = matches!(self.kind, Kind::Named { .. });
        if named {
            missing("what happens when the API server goes down: the cluster that was named is not ours to kill");
        }
        !named
    }

    /// Whether pods come up in it.
    pub fn has_nodes(&self) -> bool {
        !matches!(self.kind, Kind::Assets(_))
    }

    /// Whether its node answers for the daemon's pod.
    pub fn forwards(&self) -> bool {
        matches!(self.kind, Kind::Ours { .. })
    }

    /// The port of this machine that stands for port 3030 of the daemon's pod, where the node is ours.
    pub fn daemon_port(&self) -> u16 {
        self.ports.daemon
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
            format!("--etcd-servers=http://127.0.0.1:{}", self.ports.etcd),
            format!("--secure-port={}", self.ports.secure),
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
        self.apiserver = Some(self.process("kube-apiserver", "kube-apiserver", &arguments));
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
        Cluster::connect(Connection::KubeconfigText(self.kubeconfig_of_admin())).await.expect("a client can be made")
    }

    /// The kubeconfig of the administrator, as a file.
    pub fn kubeconfig_file(&self) -> PathBuf {
        self.folder.path().join("kubeconfig")
    }

    /// A kubeconfig for somebody with this token.
    pub fn kubeconfig(&self, token: &str) -> String {
        self.kubeconfig_with(&json!({ "token": token }))
    }

    /// The same for a user as kubeconfigs describe one.
    pub fn kubeconfig_with(&self, user: &Value) -> String {
        kubeconfig(&self.server, user)
    }

    fn kubeconfig_of_admin(&self) -> String {
        kubeconfig(&self.server, &self.admin)
    }

    /// What a pod is told of the API server: host, port, and the certificate to trust.
    ///
    /// # Panics
    ///
    /// When the server was named without an address or a certificate.
    pub fn as_pods_see_it(&self) -> (String, String, Vec<u8>) {
        let text = |key: &str| self.server.get(key).and_then(Value::as_str);
        let url: axum::http::Uri = text("server").unwrap_or_default().parse().expect("a server has an address");
        let data = text("certificate-authority-data").and_then(|data| STANDARD.decode(data).ok());
        let file = || fs::read(text("certificate-authority").unwrap_or_default()).ok();
        let certificate = data.or_else(file).expect("a kubeconfig for pods names the server's certificate");
        (url.host().unwrap_or_default().to_owned(), url.port_u16().unwrap_or(443).to_string(), certificate)
    }

    /// A kubeconfig for a service account.
    ///
    /// # Panics
    ///
    /// When the account gets no token within two minutes.
    pub async fn kubeconfig_of(&self, namespace: &str, account: &str) -> String {
        self.kubeconfig(&self.token_of(namespace, account).await)
    }

    /// A token of a service account.
    ///
    /// # Panics
    ///
    /// When the account gets none within two minutes.
    pub async fn token_of(&self, namespace: &str, account: &str) -> String {
        self.token_with(namespace, account, &format!("{account}-token")).await
    }

    /// A token of a service account, good for as long as there is the Secret of this name.
    ///
    /// # Panics
    ///
    /// When the account gets none within two minutes.
    pub async fn token_with(&self, namespace: &str, account: &str, name: &str) -> String {
        let cluster = self.cluster().await;
        if let Kind::Assets(folder) = &self.kind {
            // Nobody fills token Secrets there.
            let secret =
                json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "namespace": namespace, "name": name } });
            cluster.apply(&secret, "test").await.expect("a secret can be made");
            let words = ["create", "token", account, "--namespace", namespace, "--duration", "24h"];
            let words = [&words[..], &["--bound-object-kind", "Secret", "--bound-object-name", name]].concat();
            let output = self.tool(&folder.join("kubectl"), &words);
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            return String::from_utf8_lossy(&output.stdout).trim().to_owned();
        }
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
            "metadata": {
                "name": name, "namespace": namespace,
                "annotations": { "kubernetes.io/service-account.name": account },
            },
        });
        cluster.apply(&secret, "test").await.expect("a secret can be made");
        let start = Instant::now();
        loop {
            if let Ok(Some(token)) = cluster.secret_key(namespace, name, "token").await {
                return String::from_utf8(token).expect("a token is text");
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
        self.tool(&self.helm, arguments)
    }

    /// Runs a command-line tool as the administrator, in a home of its own.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    pub fn tool(&self, program: &Path, arguments: &[&str]) -> Output {
        let mut command = Command::new(program);
        command.args(arguments).env("KUBECONFIG", self.kubeconfig_file()).env("HOME", self.folder.path());
        command.output().unwrap_or_else(|error| panic!("{}: {error}", program.display()))
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
        let daemon = format!("{DAEMON_TOKEN},system:serviceaccount:rhumb:rhumb,daemon\n");
        self.write("tokens.csv", &format!("{ADMIN},admin,admin,\"system:masters\"\n{daemon}"));
        self.write("kubeconfig", &self.kubeconfig_of_admin());
        if let Some(user) = &self.audited {
            let rules = json!([{ "level": "Metadata", "users": [user] }, { "level": "None" }]);
            let policy = json!({
                "apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"], "rules": rules,
            });
            self.write("audit.json", &policy.to_string());
        }
        let key = rcgen::KeyPair::generate().expect("a key can be made");
        self.write("sa.key", &key.serialize_pem());
        self.write("sa.pub", &key.public_key_pem());
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).expect("a folder of ours");
    }

    fn run(&mut self, name: &str, part: &str, arguments: &[&str]) {
        let process = self.process(name, part, arguments);
        self.processes.push(process);
    }

    fn process(&self, name: &str, part: &str, arguments: &[&str]) -> Process {
        let mut command = match &self.kind {
            Kind::Ours { kwok, .. } if part == "kwok" => Command::new(kwok),
            Kind::Ours { control_plane, .. } => {
                let mut command = Command::new(control_plane);
                command.arg(part);
                command
            }
            Kind::Assets(folder) => Command::new(folder.join(part)),
            Kind::Named { .. } => panic!("a cluster that was named has parts of its own"),
        };
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
    let addresses = json!([{ "type": "InternalIP", "address": "127.0.0.1" }]);
    json!({
        "apiVersion": "v1", "kind": "Node", "metadata": { "name": "node-1", "labels": labels },
        "status": { "capacity": room, "allocatable": room, "addresses": addresses },
    })
}
