//! What is read from the cluster by name: HelmReleases, namespaces, secrets, config maps.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::client::{Cluster, malformed};
use super::error::{Error, Kind};
use super::key::Key;

impl Cluster {
    /// Every HelmRelease of Helm Operator, whole. That the cluster does not know the kind is an error.
    pub async fn helm_releases(&self) -> Result<Vec<Value>, Error> {
        self.list("helm.fluxcd.io/v1", "HelmRelease", None).await
    }

    /// The labels of every namespace, by its name.
    pub async fn namespaces(&self) -> Result<BTreeMap<String, BTreeMap<String, String>>, Error> {
        let all = self.list_metadata("v1", "Namespace", None).await?;
        Ok(all.into_iter().map(|namespace| (namespace.key.name, namespace.labels)).collect())
    }

    /// One key of a secret. `None` when the secret lacks it; that there is no such secret is the error `NotFound`.
    pub async fn secret_key(&self, namespace: &str, name: &str, key: &str) -> Result<Option<Vec<u8>>, Error> {
        let id = Key::new("v1", "Secret", namespace, name);
        let secret = self.existing(&id).await?;
        let Some(value) = secret.get("data").and_then(|data| data.get(key)).and_then(Value::as_str) else {
            return Ok(None);
        };
        // The decoder's own error would tell a byte of the secret.
        let decoded = STANDARD.decode(value).map_err(|_| malformed(&"the secret is not base64").at("read", &id))?;
        Ok(Some(decoded))
    }

    /// One key of a config map, from `data` or `binaryData`, by the same rules.
    pub async fn config_map_key(&self, namespace: &str, name: &str, key: &str) -> Result<Option<Vec<u8>>, Error> {
        let id = Key::new("v1", "ConfigMap", namespace, name);
        let map = self.existing(&id).await?;
        let find = |part: &str| map.get(part).and_then(|data| data.get(key)).and_then(Value::as_str);
        if let Some(text) = find("data") {
            return Ok(Some(text.as_bytes().to_vec()));
        }
        let Some(value) = find("binaryData") else { return Ok(None) };
        let decoded = STANDARD.decode(value).map_err(|_| malformed(&"binaryData is not base64").at("read", &id))?;
        Ok(Some(decoded))
    }

    async fn existing(&self, key: &Key) -> Result<Value, Error> {
        self.get(key).await?.ok_or_else(|| Kind::NotFound.at("read", key))
    }
}
