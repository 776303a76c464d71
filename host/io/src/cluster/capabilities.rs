//! What charts may ask of the cluster.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures::StreamExt as _;
use rhumb_helm::Capabilities;
use serde_json::Value;

use super::client::{Call, Cluster};
use super::discovery::Resources;
use super::error::{Error, Kind};

/// Most groups that are asked at the same time.
const CONCURRENCY: usize = 8;

impl Cluster {
    /// What charts may ask of the cluster: its version, and each `group/version` and `group/version/Kind`.
    ///
    /// Discovered when it was not, or was forgotten. A group that does not answer is left out, and asked the next time.
    pub async fn capabilities(&self) -> Result<Arc<Capabilities>, Error> {
        let mut known = self.discovery.capabilities.lock().await;
        let age = self.discovery.age.load(Ordering::SeqCst);
        if let Some((_, capabilities)) = known.as_ref().filter(|(of, _)| *of == age) {
            return Ok(Arc::clone(capabilities));
        }
        let (capabilities, whole) = self.discover().await?;
        let capabilities = Arc::new(capabilities);
        *known = whole.then(|| (age, Arc::clone(&capabilities)));
        Ok(capabilities)
    }

    /// Says that the cluster may know other kinds now.
    pub fn forget_capabilities(&self) {
        self.discovery.age.fetch_add(1, Ordering::SeqCst);
    }

    /// Everything, and whether every group answered.
    async fn discover(&self) -> Result<(Capabilities, bool), Error> {
        let attempt = "discover the cluster's";
        let version = self.json(Call::get("/version")).await.map_err(|kind| kind.at(attempt, "version"))?;
        let kube_version = version.get("gitVersion").and_then(Value::as_str).unwrap_or_default().to_owned();
        let groups = self.json(Call::get("/apis")).await.map_err(|kind| kind.at(attempt, "groups"))?;
        let mut names: BTreeSet<String> = BTreeSet::from(["v1".to_owned()]);
        for group in groups.get("groups").and_then(Value::as_array).into_iter().flatten() {
            let versions = group.get("versions").and_then(Value::as_array).into_iter().flatten();
            names.extend(versions.filter_map(|one| Some(one.get("groupVersion")?.as_str()?.to_owned())));
        }
        let found: Vec<(String, Result<Resources, Kind>)> = futures::stream::iter(names)
            .map(|name| async move {
                let resources = self.refresh(&name).await;
                (name, resources)
            })
            .buffer_unordered(CONCURRENCY)
            .collect()
            .await;
        let mut api_versions = BTreeSet::new();
        let mut whole = true;
        for (name, resources) in found {
            match resources {
                Ok(resources) => {
                    api_versions.extend(resources.iter().map(|resource| format!("{name}/{}", resource.kind)));
                    api_versions.insert(name);
                }
                Err(error) => {
                    whole = false;
                    tracing::warn!(group = name, %error, "left out a group that does not answer");
                }
            }
        }
        Ok((Capabilities { kube_version, api_versions: api_versions.into_iter().collect() }, whole))
    }
}
