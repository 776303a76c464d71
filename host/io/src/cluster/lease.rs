//! The lease by which one of several daemons leads: `coordination.k8s.io/v1`, as Kubernetes' own components use it.

use std::time::Duration;

use jiff::SignedDuration;
use jiff::fmt::strtime;
use rhumb_core::id::Timestamp;
use rhumb_core::lease::{Lease, TERM};
use ring::rand::{SecureRandom as _, SystemRandom};
use serde_json::{Value, json};

use super::client::Cluster;
use super::error::{Error, Kind};
use super::key::Key;
use super::term::Term;

/// Name of the lease in the daemon's namespace.
pub const LEASE: &str = "rhumb";

/// As what requests for the lease are counted: they are the only ones that an idle daemon makes.
const AGENT: &str = concat!("rhumb-lease/", env!("CARGO_PKG_VERSION"));

/// A lease as it is in the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// What it says.
    pub lease: Lease,
    /// `metadata.resourceVersion`.
    pub version: String,
    /// `spec.acquireTime`, for people.
    acquired: String,
}

/// A name that no other process has: that of the pod or machine, and a random part.
pub fn holder(name: &str) -> Result<String, Error> {
    let mut random = [0; 4];
    let made = SystemRandom::new().fill(&mut random);
    made.map_err(|_| Kind::Malformed("the system gives no random numbers".to_owned()).at("make a name", ""))?;
    Ok(format!("{name}_{:08x}", u32::from_be_bytes(random)))
}

impl Cluster {
    /// The lease; `None` when there is none.
    pub async fn lease(&self, namespace: &str) -> Result<Option<Held>, Error> {
        let candidate = self.as_candidate();
        let id = key(namespace);
        let found = tokio::time::timeout(TERM, candidate.get(&id)).await;
        Ok(found.map_err(|_| Kind::Timeout { limit: TERM }.at("get", &id))??.map(|object| held(&object)))
    }

    /// Takes or renews the lease for `holder`, or lets go of it for an empty one, if it is still as `before` says. The
    /// error `Conflict` or `AlreadyExists` says that it is not.
    pub async fn write_lease(
        &self,
        namespace: &str,
        before: Option<&Held>,
        (holder, duration): (&str, Duration),
        now: Timestamp,
    ) -> Result<Held, Error> {
        let time = micro_time(now);
        let (transitions, acquired) = match before {
            Some(before) if before.lease.holder == holder => (before.lease.transitions, before.acquired.clone()),
            Some(before) if holder.is_empty() => (before.lease.transitions, before.acquired.clone()),
            Some(before) => (before.lease.transitions.saturating_add(1), time.clone()),
            None => (0, time.clone()),
        };
        let mut object = json!({
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": { "namespace": namespace, "name": LEASE },
            "spec": {
                "holderIdentity": holder,
                // A lease that nobody holds has to last for something.
                "leaseDurationSeconds": if holder.is_empty() { 1 } else { duration.as_secs().max(1) },
                "acquireTime": acquired,
                "renewTime": time,
                "leaseTransitions": transitions,
            },
        });
        let candidate = self.as_candidate();
        if let (Some(before), Some(metadata)) = (before, object.get_mut("metadata").and_then(Value::as_object_mut)) {
            metadata.insert("resourceVersion".to_owned(), json!(before.version));
        }
        let write = async {
            match before {
                None => candidate.create_whole(&object).await,
                Some(_) => candidate.replaced(&object).await,
            }
        };
        // One that takes longer than a term is of no use.
        let written = tokio::time::timeout(TERM, write).await;
        written.map_err(|_| Kind::Timeout { limit: TERM }.at("write", key(namespace)))?.map(|answer| held(&answer))
    }

    /// Whoever writes the lease does so to be allowed to write.
    fn as_candidate(&self) -> Self {
        self.within(Term::endless()).called(AGENT)
    }
}

fn key(namespace: &str) -> Key {
    Key::new("coordination.k8s.io/v1", "Lease", namespace, LEASE)
}

fn held(object: &Value) -> Held {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let number = |pointer: &str| object.pointer(pointer).and_then(Value::as_u64).unwrap_or_default();
    Held {
        lease: Lease {
            holder: text("/spec/holderIdentity"),
            duration: Duration::from_secs(number("/spec/leaseDurationSeconds")),
            transitions: u32::try_from(number("/spec/leaseTransitions")).unwrap_or_default(),
        },
        version: text("/metadata/resourceVersion"),
        acquired: text("/spec/acquireTime"),
    }
}

/// The one form that Kubernetes takes for a `MicroTime`.
fn micro_time(now: Timestamp) -> String {
    let since = SignedDuration::from_millis(i64::try_from(now.0).unwrap_or_default());
    let time = jiff::Timestamp::from_duration(since).unwrap_or_default();
    strtime::format("%Y-%m-%dT%H:%M:%S.%6fZ", time).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::fake::Api;
    use super::*;

    const NOW: Timestamp = Timestamp(1_795_440_600_123);

    #[tokio::test]
    async fn of_two_that_write_one_wins() {
        let api = Api::new();
        api.add_kind("coordination.k8s.io/v1", "Lease", "leases", true);
        let cluster = api.cluster();
        assert_eq!(cluster.lease("rhumb").await.unwrap(), None);
        let ours = ("a_1", Duration::from_secs(12));
        let first = cluster.write_lease("rhumb", None, ours, NOW).await.unwrap();
        assert_eq!((first.lease.holder.as_str(), first.lease.transitions), ("a_1", 0));
        assert_eq!(first.acquired, "2026-11-23T13:30:00.123000Z");
        let lost = cluster.write_lease("rhumb", None, ("b_1", Duration::from_secs(12)), NOW).await.unwrap_err();
        assert!(matches!(*lost.kind, Kind::AlreadyExists), "{lost:?}");
        let renewed = cluster.write_lease("rhumb", Some(&first), ours, NOW).await.unwrap();
        assert_eq!(renewed.lease, first.lease);
        let free = cluster.write_lease("rhumb", Some(&renewed), ("", Duration::ZERO), NOW).await.unwrap();
        assert_eq!((free.lease.holder.as_str(), free.lease.transitions), ("", 0));
        let other = cluster.write_lease("rhumb", Some(&free), ("b_1", Duration::from_secs(12)), NOW).await.unwrap();
        assert_eq!((other.lease.holder.as_str(), other.lease.transitions), ("b_1", 1));
        assert_eq!(cluster.lease("rhumb").await.unwrap(), Some(other));
    }

    #[tokio::test]
    async fn nothing_is_written_outside_of_the_term() {
        let api = Api::new();
        api.add_kind("coordination.k8s.io/v1", "Lease", "leases", true);
        let term = Term::unbegun();
        let cluster = api.cluster().within(term.clone());
        let map = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "namespace": "dev", "name": "a" } });
        let refused = cluster.apply(&map, "rhumb").await.unwrap_err();
        assert!(matches!(*refused.kind, Kind::NotLeading), "{refused:?}");
        cluster.write_lease("rhumb", None, ("a_1", Duration::from_secs(12)), NOW).await.unwrap();
        term.extend(tokio::time::Instant::now() + Duration::from_secs(60));
        cluster.apply(&map, "rhumb").await.unwrap();
        term.end();
        let key = Key::new("v1", "ConfigMap", "dev", "a");
        assert!(matches!(*cluster.delete(&key).await.unwrap_err().kind, Kind::NotLeading));
        assert!(cluster.get(&key).await.unwrap().is_some(), "whoever does not lead may look");
    }
}
