//! The real sealed-secrets controller, and `kubeseal`.
//!
//! The node of the control plane runs nothing, so the controller runs beside it as a process that stands for its pod: it
//! finds the account's token where a pod would, which takes a mount namespace of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::control_plane::ControlPlane;
use super::{Process, built, free_port, program};

/// Longest time that it may take to serve.
const START_LIMIT: Duration = Duration::from_secs(60);
/// Lays what a pod finds into `/run/secrets` for the controller alone, and becomes it.
const ENTER: &str = "set -e\naccount=$1 program=$2\nshift 2\nkept=$(mktemp -d)\ncp \"$account\"/* \"$kept\"\n\
    mount -t tmpfs tmpfs /run\nmkdir -p /run/secrets/kubernetes.io/serviceaccount\n\
    mv \"$kept\"/* /run/secrets/kubernetes.io/serviceaccount\nrmdir \"$kept\"\nexec \"$program\" \"$@\"";

/// What it takes to run the controller.
#[derive(Clone, Debug)]
pub struct Programs {
    controller: PathBuf,
    kubeseal: PathBuf,
    unshare: PathBuf,
}

/// A running controller.
#[derive(Debug)]
pub struct Controller {
    _process: Process,
    _folder: tempfile::TempDir,
    certificate: Vec<u8>,
}

impl Programs {
    /// The programs; `None` when one is missing, which is said.
    ///
    /// # Panics
    ///
    /// With `CI=true`, when one is missing.
    pub fn find() -> Option<Self> {
        let [controller, kubeseal] = built(["sealed-secrets-controller", "kubeseal"])?;
        Some(Self { controller, kubeseal, unshare: program("unshare", "util-linux")? })
    }

    /// Starts the controller as the service account of its release in a namespace, and waits until it serves.
    ///
    /// # Panics
    ///
    /// When it does not come up.
    pub async fn start(&self, plane: &ControlPlane, (namespace, account): (&str, &str)) -> Controller {
        let folder = tempfile::tempdir().expect("there is a temporary folder");
        let (host, port, ca) = plane.as_pods_see_it();
        let token = plane.token_of(namespace, account).await;
        let parts = [("token", token.as_bytes()), ("ca.crt", &ca), ("namespace", namespace.as_bytes())];
        let pod = folder.path().join("account");
        std::fs::create_dir(&pod).expect("a folder of ours");
        for (name, content) in parts {
            std::fs::write(pod.join(name), content).expect("a folder of ours");
        }
        let (http, metrics) = (format!("127.0.0.1:{}", free_port()), format!("127.0.0.1:{}", free_port()));
        let mut command = Command::new(&self.unshare);
        command.args(["-Urm", "sh", "-c", ENTER, "sh"]).arg(&pod).arg(&self.controller);
        command.args(["--listen-addr", &http, "--listen-metrics-addr", &metrics, "--update-status=true"]);
        command.env("KUBERNETES_SERVICE_HOST", host).env("KUBERNETES_SERVICE_PORT", port);
        command.env("POD_NAMESPACE", namespace);
        let log = folder.path().join("log");
        let mut process = Process::start(&mut command, &log);
        let client = rhumb_io::web::client(START_LIMIT).expect("a client can be made");
        let start = Instant::now();
        let certificate = loop {
            // It serves only once it has a key.
            if let Ok(answer) = client.get(format!("http://{http}/v1/cert.pem")).send().await
                && answer.status().is_success()
                && let Ok(body) = answer.bytes().await
            {
                break body.to_vec();
            }
            let said = || std::fs::read_to_string(&log).unwrap_or_default();
            assert!(process.is_running() && start.elapsed() < START_LIMIT, "the controller did not start: {}", said());
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        Controller { _process: process, _folder: folder, certificate }
    }

    /// Seals a Secret, given as YAML, with this certificate; gives the SealedSecret as YAML.
    ///
    /// # Panics
    ///
    /// When `kubeseal` refuses it.
    pub fn seal(&self, certificate: &[u8], secret: &str) -> String {
        let folder = tempfile::tempdir().expect("there is a temporary folder");
        let path = |name: &str, content: &[u8]| {
            std::fs::write(folder.path().join(name), content).expect("a folder of ours");
            folder.path().join(name)
        };
        let secret = std::fs::File::open(path("secret.yaml", secret.as_bytes())).expect("it was written");
        let mut command = Command::new(&self.kubeseal);
        command.arg("--cert").arg(path("cert.pem", certificate)).args(["--format", "yaml"]);
        command.env("KUBECONFIG", Path::new("/dev/null")).stdin(secret).stdout(Stdio::piped());
        let output = command.output().expect("kubeseal was built");
        assert!(output.status.success(), "kubeseal: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("kubeseal prints text")
    }
}

impl Controller {
    /// The certificate to seal with, as the controller gives it.
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }
}
