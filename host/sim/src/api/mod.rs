//! A Kubernetes API in memory, over HTTP on 127.0.0.1: good enough that `kubectl`, `helm` and the Rust client work with it
//! unmodified.
//!
//! What is created becomes ready at once, by a small controller that stands for those of a cluster. What is not in:
//!
//! * Schemas are not checked, nothing is pruned, and conversion between versions changes `apiVersion` only.
//! * Everybody may do everything; no other admission than [`Server::refuse`].
//! * Pods run nothing, so there are no logs, no exec and no port-forward.
//! * Protocol Buffers are read for the kinds that `helm` itself sends, not for others (`kubectl create deployment` is
//!   refused, `kubectl apply` is not).
//! * A list that is continued shows the present state instead of the first page's.

mod apply;
mod controller;
mod defaults;
mod discovery;
mod events;
mod faults;
mod fields;
mod fixed;
mod kinds;
mod object;
mod openapi;
mod patch;
mod present;
mod protobuf;
mod read;
mod refusal;
mod rules;
mod scale;
mod selector;
mod server;
mod store;
mod table;
mod target;
#[cfg(test)]
mod tests;
mod watch;
mod workload;
mod write;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use self::apply::Force;
use self::server::Shared;
use self::store::Store;
use self::write::{Call, Mode, Part};
use crate::Clock;
use crate::listener::Listener;

pub use self::controller::Fate;
pub use self::faults::Counts;

/// The CRD of `helm.fluxcd.io/v1` HelmRelease, for [`Options::crds`].
pub const HELM_RELEASE_CRD: &str = include_str!("../../../deploy/helmrelease.yaml");

/// The CRDs of every kind that Rhumb looks at, for [`Options::crds`].
pub const KINDS: [&str; 6] = [
    HELM_RELEASE_CRD,
    include_str!("../../../deploy/approval.yaml"),
    include_str!("../../../deploy/policy.yaml"),
    include_str!("../../../deploy/clusterpolicy.yaml"),
    include_str!("../../../deploy/policybinding.yaml"),
    include_str!("../../../deploy/stopswitch.yaml"),
];

/// How a server starts.
#[derive(Clone, Debug)]
pub struct Options<'a> {
    /// Stamps objects.
    pub clock: Clock,
    /// Custom resource definitions to begin with, each as YAML.
    pub crds: Vec<&'a str>,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self { clock: Clock::system(), crds: Vec::new() }
    }
}

/// A running server; it goes down when this is dropped.
#[derive(Debug)]
pub struct Server {
    shared: Arc<Shared>,
    listener: Listener,
}

/// One object: its kind, its namespace (empty for objects of the cluster) and its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectRef<'a> {
    /// Such as `HelmRelease`.
    pub kind: &'a str,
    /// Empty for objects of the cluster.
    pub namespace: &'a str,
    /// `metadata.name`.
    pub name: &'a str,
}

impl<'a> ObjectRef<'a> {
    /// Names one object.
    pub fn new(kind: &'a str, namespace: &'a str, name: &'a str) -> Self {
        Self { kind, namespace, name }
    }

    fn key(self) -> (String, String, String) {
        (self.kind.to_owned(), self.namespace.to_owned(), self.name.to_owned())
    }
}

impl Server {
    /// Starts on a free port of 127.0.0.1, with the namespaces `default`, `kube-system` and `kube-public`.
    pub async fn start(options: Options<'_>) -> io::Result<Self> {
        let mut store = Store::new(options.clock);
        for name in ["default", "kube-system", "kube-public"] {
            preload(&mut store, ("", "namespaces", "v1"), json!({"metadata": {"name": name}}))?;
        }
        for text in options.crds {
            let documents = crate::yaml::documents(text).map_err(|e| io::Error::new(io::ErrorKind::InvalidInput, e))?;
            for definition in documents {
                preload(&mut store, ("apiextensions.k8s.io", "customresourcedefinitions", "v1"), definition)?;
            }
        }
        let shared = Arc::new(Shared::new(store));
        let listener = Listener::start(|down| server::router(Arc::clone(&shared), down)).await?;
        Ok(Self { shared, listener })
    }

    /// Such as `http://127.0.0.1:41234`.
    pub fn url(&self) -> String {
        format!("http://{}", self.listener.address())
    }

    /// The text of a kubeconfig file that leads here.
    pub fn kubeconfig(&self) -> String {
        format!(
            "apiVersion: v1\nkind: Config\nclusters:\n- name: rhumb-sim\n  cluster:\n    server: {}\ncontexts:\n- name: \
             rhumb-sim\n  context:\n    cluster: rhumb-sim\n    user: rhumb-sim\n    namespace: \
             default\ncurrent-context: rhumb-sim\nusers:\n- name: rhumb-sim\n  user: {{}}\n",
            self.url()
        )
    }

    /// How often the server was asked since the last call, by anybody.
    pub fn requests(&self) -> Counts {
        self.requests_from("")
    }

    /// How often the server was asked since the last call, by clients whose user agent starts with this.
    pub fn requests_from(&self, user_agent: &str) -> Counts {
        let mut state = self.shared.lock();
        let mut total = Counts::default();
        for (_, counts) in state.counts.iter_mut().filter(|(agent, _)| agent.starts_with(user_agent)) {
            total.add(std::mem::take(counts));
        }
        total
    }

    /// From now on refuses to create or change this object, as an admission webhook does, with this message.
    pub fn refuse(&self, object: ObjectRef<'_>, message: &str) {
        self.shared.lock().faults.refuse(object.key(), message);
    }

    /// Answers the next `times` requests with 429 and this `Retry-After` in seconds.
    pub fn throttle(&self, times: u32, retry_after: u64) {
        self.shared.lock().faults.throttle(times, retry_after);
    }

    /// Lets every answer wait this long.
    pub fn delay(&self, delay: Duration) {
        self.shared.lock().faults.delay = Some(delay);
    }

    /// Ends all refusals, throttling and delays.
    pub fn clear_faults(&self) {
        self.shared.lock().faults.clear();
    }

    /// Decides what becomes of an object, now or when it is made; `None` lets it get ready.
    pub fn set_fate(&self, object: ObjectRef<'_>, fate: Option<Fate>) {
        let mut state = self.shared.lock();
        state.store.set_fate(object.key(), fate);
        let found = state.store.everything().into_iter().find(|(resource, live)| {
            resource.kind == object.kind
                && object::namespace(live) == object.namespace
                && object::name(live) == object.name
        });
        if let Some((resource, live)) = found {
            controller::react(&mut state.store, &resource, &live);
        }
        drop(state);
        self.shared.wake();
    }

    /// Forgets old versions: a watch that asks for one is told `410 Gone` and must list again.
    pub fn compact(&self) {
        self.shared.lock().store.compact();
    }

    /// Goes down, as a control plane does; what it holds is kept for [`Server::resume`].
    pub async fn pause(&mut self) {
        self.listener.stop().await;
    }

    /// Comes back at the same address with everything it held.
    pub async fn resume(&mut self) -> io::Result<()> {
        let shared = Arc::clone(&self.shared);
        self.listener.resume(|down| server::router(shared, down)).await
    }

    /// Goes down for good.
    pub async fn stop(mut self) {
        self.listener.stop().await;
    }
}

fn preload(store: &mut Store, (group, plural, version): (&str, &str, &str), object: Value) -> io::Result<()> {
    let call = Call {
        resource: store.known(group, plural),
        version: version.to_owned(),
        namespace: String::new(),
        name: String::new(),
        part: Part::Main,
        mode: Mode::Store,
        manager: "rhumb-sim".to_owned(),
        force: Force::No,
    };
    let invalid = |refusal: refusal::Refusal| io::Error::new(io::ErrorKind::InvalidInput, refusal.message);
    write::create(store, &call, object).map(drop).map_err(invalid)
}
