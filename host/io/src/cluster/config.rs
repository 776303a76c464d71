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
        secret_value(&self.existing(&Key::new("v1", "Secret", namespace, name)).await?, key)
    }

    /// Names of the image pull secrets of a service account; none when there is no such account.
    pub async fn pull_secrets(&self, namespace: &str, account: &str) -> Result<Vec<String>, Error> {
        let account = self.get(&Key::new("v1", "ServiceAccount", namespace, account)).await?;
        let secrets = account.as_ref().and_then(|account| account.get("imagePullSecrets")).and_then(Value::as_array);
        let name = |secret: &Value| Some(secret.get("name")?.as_str()?.to_owned());
        Ok(secrets.into_iter().flatten().filter_map(name).collect())
    }

    /// The docker config in an image pull secret of either type. `None` when the secret has none; that there is no such
    /// secret is the error `NotFound`.
    pub async fn docker_config(&self, namespace: &str, name: &str) -> Result<Option<Vec<u8>>, Error> {
        let id = Key::new("v1", "Secret", namespace, name);
        let secret = self.existing(&id).await?;
        let data = |key: &str| secret.get("data").and_then(|data| data.get(key)).and_then(Value::as_str);
        let Some(value) = data(".dockerconfigjson").or(data(".dockercfg")) else { return Ok(None) };
        decoded(value).map(Some).ok_or_else(|| malformed(&"the secret is not base64").at("read", &id))
    }

    async fn existing(&self, key: &Key) -> Result<Value, Error> {
        self.get(key).await?.ok_or_else(|| Kind::NotFound.at("read", key))
    }
}

/// One key of a Secret as the cluster gives it; `None` when it lacks it.
pub fn secret_value(secret: &Value, key: &str) -> Result<Option<Vec<u8>>, Error> {
    let Some(value) = secret.get("data").and_then(|data| data.get(key)).and_then(Value::as_str) else {
        return Ok(None);
    };
    decoded(value).map(Some).ok_or_else(|| wrong(secret, "the secret is not base64"))
}

/// One key of a ConfigMap, from `data` or `binaryData`, by the same rules.
pub fn config_map_value(map: &Value, key: &str) -> Result<Option<Vec<u8>>, Error> {
    let find = |part: &str| map.get(part).and_then(|data| data.get(key)).and_then(Value::as_str);
    if let Some(text) = find("data") {
        return Ok(Some(text.as_bytes().to_vec()));
    }
    let Some(value) = find("binaryData") else { return Ok(None) };
    decoded(value).map(Some).ok_or_else(|| wrong(map, "binaryData is not base64"))
}

fn wrong(object: &Value, why: &'static str) -> Error {
    malformed(&why).at("read", Key::of(object).map(|key| key.to_string()).unwrap_or_default())
}

/// `None` for what is no base64: the decoder's own error would tell a byte of the secret.
fn decoded(value: &str) -> Option<Vec<u8>> {
    STANDARD.decode(value).ok()
}
