//! The way to a running daemon: through the Kubernetes API to its pod, as `kubectl port-forward` goes, or to an address.
//!
//! The daemon's API listens on loopback in its pod, so whoever reaches it was let in by Kubernetes.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use rhumb_io::cluster::{self, Cluster, Kind};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Label of the daemon's pods.
const SELECTOR: &str = "app.kubernetes.io/name=rhumb";
/// Port of the operator's API in the pod.
const PORT: u16 = 3030;
/// Header in which the daemon says its version.
const VERSION_HEADER: &str = rhumb_daemon::admin::VERSION_HEADER;

/// Where the daemon is.
#[derive(Args, Debug)]
pub(crate) struct Reach {
    /// Address of the daemon's operator API; its pod is looked for when not given
    #[arg(long, env = "RHUMB_DAEMON", value_name = "URL")]
    daemon: Option<String>,
    /// Kubeconfig; KUBECONFIG or else ~/.kube/config when not given
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig; the current one when not given
    #[arg(long)]
    context: Option<String>,
    /// Namespace of the daemon
    #[arg(long, short, env = "RHUMB_NAMESPACE", default_value = "rhumb")]
    namespace: String,
    /// How long to wait for the daemon, in seconds
    #[arg(long, default_value = "60", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: u64,
}

/// A daemon that was found.
pub(crate) struct Daemon {
    way: Way,
    timeout: Duration,
}

enum Way {
    Address(String),
    Pod { cluster: Cluster, namespace: String, pod: String },
}

/// Status, version of the daemon if it says one, and body.
type Answered = (u16, Option<String>, Vec<u8>);

impl Reach {
    /// How long the user wants to wait.
    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout)
    }

    /// The cluster, as the user of the kubeconfig.
    pub(crate) async fn cluster(&self) -> Result<Cluster> {
        let connection =
            cluster::Connection::User { kubeconfig: self.kubeconfig.clone(), context: self.context.clone() };
        Ok(Cluster::connect(connection).await?)
    }

    /// Finds the daemon.
    pub(crate) async fn find(&self) -> Result<Daemon> {
        let timeout = self.timeout();
        if let Some(address) = &self.daemon {
            return Ok(Daemon { way: Way::Address(address.trim_end_matches('/').to_owned()), timeout });
        }
        let cluster = self.cluster().await?;
        let namespace = self.namespace.clone();
        let pods = cluster.running_pods(&namespace, SELECTOR).await;
        let pods = pods.map_err(|error| with_rule(error, &namespace, "pods", "list"))?;
        match pods.into_iter().next() {
            Some(pod) => Ok(Daemon { way: Way::Pod { cluster, namespace, pod }, timeout }),
            None => bail!(
                "no running pod with the label {SELECTOR} in namespace `{namespace}`\n\nhint: name the daemon's namespace \
                 with --namespace, or its address with --daemon"
            ),
        }
    }
}

impl Daemon {
    /// Reads.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        self.ask("GET", path, &Value::Null).await
    }

    /// Has something done.
    pub(crate) async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T> {
        self.ask("POST", path, &serde_json::to_value(body)?).await
    }

    async fn ask<T: DeserializeOwned>(&self, method: &str, path: &str, body: &Value) -> Result<T> {
        let (status, version, body) = match &self.way {
            Way::Address(address) => self.by_address(address, (method, path), body).await?,
            Way::Pod { cluster, namespace, pod } => {
                let request = http::Request::builder().method(method).uri(format!("/{path}"));
                let request = request.header("content-type", "application/json").body(body.to_string().into_bytes())?;
                let answer = cluster.ask_pod((namespace, pod, PORT), request, self.timeout).await;
                let answer = answer.map_err(|error| with_rule(error, namespace, "pods/portforward", "get, create"))?;
                let version = answer.headers.get(VERSION_HEADER).and_then(|version| version.to_str().ok());
                (answer.status.as_u16(), version.map(str::to_owned), answer.body.to_vec())
            }
        };
        let ours = env!("CARGO_PKG_VERSION");
        let another = match version {
            Some(version) if version == ours => String::new(),
            Some(version) => format!("; the daemon is of version {version}, this command of {ours}"),
            None => "; is it Rhumb's daemon?".to_owned(),
        };
        let value: Value = serde_json::from_slice(&body).unwrap_or_default();
        if !(200..300).contains(&status) {
            match value.get("error").and_then(Value::as_str) {
                Some(error) => bail!("{error}"),
                None => bail!("the daemon answered with status {status}{another}"),
            }
        }
        serde_json::from_value(value).with_context(|| format!("failed to understand the daemon's answer{another}"))
    }

    async fn by_address(&self, address: &str, (method, path): (&str, &str), body: &Value) -> Result<Answered> {
        let client = rhumb_io::web::client(self.timeout)?;
        let url = format!("{address}/{path}");
        let request = if method == "POST" { client.post(&url).json(body) } else { client.get(&url) };
        let response = request.send().await.with_context(|| format!("failed to reach the daemon at `{address}`"))?;
        let version = response.headers().get(VERSION_HEADER).and_then(|version| version.to_str().ok());
        let (status, version) = (response.status().as_u16(), version.map(str::to_owned));
        let body = response.bytes().await.context("failed to read the daemon's answer")?;
        Ok((status, version, body.to_vec()))
    }
}

/// Names the rule that whoever is refused lacks.
fn with_rule(error: cluster::Error, namespace: &str, resource: &str, verb: &str) -> anyhow::Error {
    let refused = matches!(*error.kind, Kind::Refused { .. });
    let error = anyhow::Error::from(error);
    if !refused {
        return error;
    }
    error.context(format!(
        "not allowed; you need a Role in namespace `{namespace}` with the rule \
         {{apiGroups: [\"\"], resources: [{resource}], verbs: [{verb}]}}"
    ))
}
