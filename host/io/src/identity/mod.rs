//! The SSH key by which the config repository knows us, kept where Flux v1 kept it: the Secret `flux-git-deploy`.
//!
//! Invariant: the private key is never printed, and a key that is there is never replaced.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use ssh_key::rand_core::OsRng;
use ssh_key::{Algorithm, LineEnding, PrivateKey};

use crate::cluster::{self, Cluster, Key, Kind};

/// Name of the Secret (Flux v1's default).
pub const SECRET: &str = "flux-git-deploy";
const PRIVATE: &str = "identity";
const PUBLIC: &str = "identity.pub";
const COMMENT: &str = "rhumb";

/// A failure to load or make the key.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The Secret could not be read or written.
    #[error("failed to keep the SSH key in secret `{namespace}/{SECRET}`")]
    Cluster {
        /// Of the Secret.
        namespace: String,
        /// Why.
        #[source]
        source: cluster::Error,
    },
    /// The Secret holds a key that cannot be used. The library's own error might tell parts of it.
    #[error(
        "key `identity` of secret `{namespace}/{SECRET}` is not a private key in OpenSSH's form; other forms are not in yet"
    )]
    Unreadable {
        /// Of the Secret.
        namespace: String,
    },
    /// No key could be made.
    #[error("failed to make an SSH key")]
    Generate(#[source] ssh_key::Error),
}

/// An SSH key pair.
#[derive(Clone)]
pub struct Identity {
    private: PrivateKey,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity(…)")
    }
}

impl Identity {
    /// Makes a new ed25519 key.
    pub fn generate() -> Result<Self, Error> {
        let mut private = PrivateKey::random(&mut OsRng, Algorithm::Ed25519).map_err(Error::Generate)?;
        private.set_comment(COMMENT);
        Ok(Self { private })
    }

    /// Reads a private key in OpenSSH's form; `None` when it is none, or is encrypted.
    pub fn parse(text: &str) -> Option<Self> {
        let mut private = PrivateKey::from_openssh(text).ok().filter(|key| !key.is_encrypted())?;
        private.set_comment(COMMENT);
        Some(Self { private })
    }

    /// The line to give to the git host: `ssh-ed25519 AAAA… rhumb`.
    pub fn public_line(&self) -> String {
        self.private.public_key().to_openssh().unwrap_or_default()
    }

    /// The private key in OpenSSH's form. A secret.
    pub fn private_text(&self) -> Result<String, Error> {
        self.private.to_openssh(LineEnding::LF).map(|text| text.to_string()).map_err(Error::Generate)
    }

    /// The key of the Secret in this namespace, made first when there is none.
    ///
    /// When two processes make one at the same time, both end up with the same.
    pub async fn load_or_create(cluster: &Cluster, namespace: &str) -> Result<Self, Error> {
        let failed = |source| Error::Cluster { namespace: namespace.to_owned(), source };
        let key = Key::new("v1", "Secret", namespace, SECRET);
        if let Some(known) = load(cluster, namespace).await? {
            return Ok(known);
        }
        let new = Self::generate()?;
        let data = json!({
            PRIVATE: STANDARD.encode(new.private_text()?),
            PUBLIC: STANDARD.encode(new.public_line()),
        });
        let secret = cluster.get(&key).await.map_err(failed)?;
        let written = match secret {
            // Flux's manifests bring an empty Secret. The version makes sure that it is still empty.
            Some(secret) => {
                let version = secret.pointer("/metadata/resourceVersion").cloned().unwrap_or_default();
                let patch = json!({ "metadata": { "resourceVersion": version }, "data": data });
                cluster.patch(&key, &patch).await
            }
            None => {
                let metadata = json!({ "namespace": namespace, "name": SECRET });
                let secret = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque", "data": data });
                cluster.create(&secret).await
            }
        };
        match written {
            Ok(_) => Ok(new),
            Err(error) if matches!(*error.kind, Kind::AlreadyExists | Kind::Conflict { .. }) => {
                load(cluster, namespace).await?.ok_or(failed(error))
            }
            Err(error) => Err(failed(error)),
        }
    }
}

async fn load(cluster: &Cluster, namespace: &str) -> Result<Option<Identity>, Error> {
    let bytes = match cluster.secret_key(namespace, SECRET, PRIVATE).await {
        Err(error) if error.is_not_found() => return Ok(None),
        other => other.map_err(|source| Error::Cluster { namespace: namespace.to_owned(), source })?,
    };
    let Some(bytes) = bytes.filter(|bytes| !bytes.is_empty()) else { return Ok(None) };
    let text = String::from_utf8(bytes).ok();
    let known = text.as_deref().and_then(Identity::parse);
    known.map(Some).ok_or_else(|| Error::Unreadable { namespace: namespace.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::fake::Api;

    const PATH: &str = "/api/v1/namespaces/flux/secrets/flux-git-deploy";

    #[tokio::test]
    async fn makes_a_key_once_and_finds_it_again() {
        let api = Api::new();
        let cluster = api.cluster();
        let first = Identity::load_or_create(&cluster, "flux").await.unwrap();
        let line = first.public_line();
        assert!(line.starts_with("ssh-ed25519 AAAA") && line.ends_with(" rhumb"), "{line}");
        let again = Identity::load_or_create(&cluster, "flux").await.unwrap();
        assert_eq!(again.public_line(), line);
        assert_eq!(again.private_text().unwrap(), first.private_text().unwrap());
        assert!(!format!("{first:?}").contains("PRIVATE"));
        let secret = api.object(PATH).unwrap();
        assert_eq!(STANDARD.decode(secret["data"]["identity.pub"].as_str().unwrap()).unwrap(), line.as_bytes());
    }

    #[tokio::test]
    async fn fills_an_empty_secret_and_leaves_a_strange_one() {
        let api = Api::new();
        let cluster = api.cluster();
        api.put(PATH, json!({ "metadata": { "name": SECRET, "labels": { "a": "b" } } }));
        Identity::load_or_create(&cluster, "flux").await.unwrap();
        let secret = api.object(PATH).unwrap();
        assert!(secret["data"]["identity"].is_string());
        assert_eq!(secret["metadata"]["labels"]["a"], "b");
        let strange =
            json!({ "metadata": { "name": SECRET }, "data": { "identity": STANDARD.encode("-----BEGIN RSA") } });
        api.put(PATH, strange.clone());
        let error = Identity::load_or_create(&cluster, "flux").await.unwrap_err();
        assert!(error.to_string().contains("not in yet"), "{error}");
        assert_eq!(api.object(PATH).unwrap()["data"], strange["data"]);
    }
}
