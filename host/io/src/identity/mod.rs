//! The SSH key by which the config repository knows us, kept where Flux v1 kept it: the Secret `flux-git-deploy`.
//!
//! Invariant: the private key is never printed, and a key that is there is replaced only on purpose.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::{SecureRandom as _, SystemRandom};
use russh::keys::ssh_key::LineEnding;
use russh::keys::ssh_key::private::{Ed25519Keypair, Ed25519PrivateKey};
use russh::keys::{PrivateKey, decode_secret_key, ssh_key};
use serde_json::{Value, json};

use crate::cluster::{self, Cluster, Key, Kind};
use crate::git::Login;

/// Name of the Secret (Flux v1's default).
pub const SECRET: &str = "flux-git-deploy";
const PRIVATE: &str = "identity";
const PUBLIC: &str = "identity.pub";
const KNOWN_HOSTS: &str = "known_hosts";
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
        "key `identity` of secret `{namespace}/{SECRET}` is no private key that can be read: OpenSSH's form, PKCS#8 or PEM without a passphrase; replace it, or delete the key to have a new one made"
    )]
    Unreadable {
        /// Of the Secret.
        namespace: String,
    },
    /// Somebody else wrote the Secret at the same time.
    #[error("secret `{namespace}/{SECRET}` was written by somebody else at the same time; look at it and try again")]
    Contested {
        /// Of the Secret.
        namespace: String,
    },
    /// The machine gives no randomness.
    #[error("failed to make an SSH key: the machine gives no random bytes")]
    NoEntropy,
    /// The key could not be written down.
    #[error("failed to write the SSH key in OpenSSH's form")]
    Encode(#[source] ssh_key::Error),
}

/// An SSH key pair.
#[derive(Clone)]
pub struct Identity {
    private: Arc<PrivateKey>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity(…)")
    }
}

impl Identity {
    /// Makes a new ed25519 key.
    pub fn generate() -> Result<Self, Error> {
        let mut seed = [0; Ed25519PrivateKey::BYTE_SIZE];
        SystemRandom::new().fill(&mut seed).map_err(|_| Error::NoEntropy)?;
        let mut private = PrivateKey::from(Ed25519Keypair::from_seed(&seed));
        private.set_comment(COMMENT);
        Ok(Self { private: Arc::new(private) })
    }

    /// Reads a private key in any form that `ssh-keygen` and `openssl` write: OpenSSH's own, PKCS#8, PKCS#1 of RSA,
    /// SEC1 of ECDSA. `None` when it is none of them, or is encrypted.
    pub fn parse(text: &str) -> Option<Self> {
        let mut private = decode_secret_key(text, None).ok().filter(|key| !key.is_encrypted())?;
        private.set_comment(COMMENT);
        Some(Self { private: Arc::new(private) })
    }

    /// The key, for the SSH client.
    pub(crate) fn key(&self) -> &Arc<PrivateKey> {
        &self.private
    }

    /// The line to give to the git host: `ssh-ed25519 AAAA… rhumb`.
    pub fn public_line(&self) -> String {
        self.private.public_key().to_openssh().unwrap_or_default()
    }

    /// The private key in OpenSSH's form. A secret.
    pub fn private_text(&self) -> Result<String, Error> {
        self.private.to_openssh(LineEnding::LF).map(|text| text.to_string()).map_err(Error::Encode)
    }

    /// The key of the Secret in this namespace, made first when there is none.
    ///
    /// When two processes make one at the same time, both end up with the same.
    pub async fn load_or_create(cluster: &Cluster, namespace: &str) -> Result<Self, Error> {
        if let Some(known) = Self::load(cluster, namespace).await? {
            return Ok(known);
        }
        match Self::generate()?.store(cluster, namespace, None).await? {
            Some(new) => Ok(new),
            None => Self::load(cluster, namespace).await?.ok_or(Error::Contested { namespace: namespace.to_owned() }),
        }
    }

    /// The key of the Secret in this namespace, `None` when there is none.
    pub async fn load(cluster: &Cluster, namespace: &str) -> Result<Option<Self>, Error> {
        let failed = |source| Error::Cluster { namespace: namespace.to_owned(), source };
        Self::of_secret(cluster.get(&secret(namespace)).await.map_err(failed)?.as_ref(), namespace)
    }

    /// Makes a new key in place of the one of the Secret. From then on the old one is gone: whoever runs takes the new
    /// one at the next look at the repository, and the git host has to be given its public line.
    pub async fn regenerate(cluster: &Cluster, namespace: &str) -> Result<Self, Error> {
        let new = Self::generate()?.store(cluster, namespace, None).await?;
        new.ok_or(Error::Contested { namespace: namespace.to_owned() })
    }

    /// Writes this key into a Secret that lost it, with these lines of `known_hosts`.
    pub async fn put_back(&self, cluster: &Cluster, namespace: &str, known_hosts: Option<&str>) -> Result<(), Error> {
        let stored = self.clone().store(cluster, namespace, known_hosts).await?;
        stored.map(drop).ok_or(Error::Contested { namespace: namespace.to_owned() })
    }

    /// What the Secret holds for git: our key, and the lines of `known_hosts` that it has beside it.
    pub async fn with_known_hosts(cluster: &Cluster, namespace: &str) -> Result<(Option<Self>, Option<String>), Error> {
        let failed = |source| Error::Cluster { namespace: namespace.to_owned(), source };
        let secret = cluster.get(&secret(namespace)).await.map_err(failed)?;
        let known_hosts = secret.as_ref().and_then(|secret| data(secret, KNOWN_HOSTS));
        let known_hosts = known_hosts.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        Ok((Self::of_secret(secret.as_ref(), namespace)?, known_hosts))
    }

    fn of_secret(secret: Option<&Value>, namespace: &str) -> Result<Option<Self>, Error> {
        let bytes = secret.and_then(|secret| data(secret, PRIVATE)).filter(|bytes| !bytes.is_empty());
        let Some(bytes) = bytes else { return Ok(None) };
        let known = String::from_utf8(bytes).ok().as_deref().and_then(Self::parse);
        known.map(Some).ok_or_else(|| Error::Unreadable { namespace: namespace.to_owned() })
    }

    /// Writes the key into the Secret; `None` when somebody else wrote at the same time.
    async fn store(self, cluster: &Cluster, namespace: &str, known_hosts: Option<&str>) -> Result<Option<Self>, Error> {
        let failed = |source| Error::Cluster { namespace: namespace.to_owned(), source };
        let id = secret(namespace);
        let mut data = json!({
            PRIVATE: STANDARD.encode(self.private_text()?),
            PUBLIC: STANDARD.encode(self.public_line()),
        });
        if let (Some(known_hosts), Some(data)) = (known_hosts, data.as_object_mut()) {
            data.insert(KNOWN_HOSTS.to_owned(), json!(STANDARD.encode(known_hosts)));
        }
        let written = match cluster.get(&id).await.map_err(failed)? {
            // Flux's manifests bring an empty Secret. The version makes sure that nobody wrote since then.
            Some(found) => {
                let version = found.pointer("/metadata/resourceVersion").cloned().unwrap_or_default();
                let patch = json!({ "metadata": { "resourceVersion": version }, "data": data });
                cluster.patch(&id, &patch).await
            }
            None => {
                let metadata = json!({ "namespace": namespace, "name": SECRET });
                let new = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque", "data": data });
                cluster.create(&new).await
            }
        };
        match written {
            Ok(_) => Ok(Some(self)),
            Err(error) if matches!(*error.kind, Kind::AlreadyExists | Kind::Conflict { .. }) => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }
}

/// The user and token of a Secret with the keys `username` and `password`, as Helm Operator has them.
pub async fn login(cluster: &Cluster, namespace: &str, name: &str) -> Result<Login, LoginError> {
    let failed = |source| LoginError::Cluster { namespace: namespace.to_owned(), name: name.to_owned(), source };
    let found = cluster.get(&Key::new("v1", "Secret", namespace, name)).await.map_err(failed)?;
    let text = |key: &'static str| {
        let missing = || LoginError::Missing { namespace: namespace.to_owned(), name: name.to_owned(), key };
        let bytes = found.as_ref().and_then(|secret| data(secret, key)).ok_or_else(missing)?;
        // Editors and `base64` leave a line feed.
        String::from_utf8(bytes).map(|text| text.trim_end_matches(['\r', '\n']).to_owned()).map_err(|_| missing())
    };
    Ok(Login { user: text("username")?, password: text("password")? })
}

/// A failure to read a user and token.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// The Secret could not be read.
    #[error("failed to read the login of secret `{namespace}/{name}`")]
    Cluster {
        /// Of the Secret.
        namespace: String,
        /// Of the Secret.
        name: String,
        /// Why.
        #[source]
        source: cluster::Error,
    },
    /// The Secret is not there, or lacks a key.
    #[error("there is no key `{key}` in secret `{namespace}/{name}`")]
    Missing {
        /// Of the Secret.
        namespace: String,
        /// Of the Secret.
        name: String,
        /// The key.
        key: &'static str,
    },
}

fn secret(namespace: &str) -> Key {
    Key::new("v1", "Secret", namespace, SECRET)
}

fn data(secret: &Value, key: &str) -> Option<Vec<u8>> {
    STANDARD.decode(secret.get("data")?.get(key)?.as_str()?).ok()
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
        assert!(error.to_string().contains("no private key that can be read"), "{error}");
        assert_eq!(api.object(PATH).unwrap()["data"], strange["data"]);
    }

    #[tokio::test]
    async fn a_new_key_takes_the_place_of_the_old_one_and_nothing_else_changes() {
        let api = Api::new();
        let cluster = api.cluster();
        let old = Identity::load_or_create(&cluster, "flux").await.unwrap();
        let mut secret = api.object(PATH).unwrap();
        secret["data"]["known_hosts"] = json!(STANDARD.encode("git.example.com ssh-ed25519 AAAA"));
        api.put(PATH, secret);
        let new = Identity::regenerate(&cluster, "flux").await.unwrap();
        assert_ne!(new.public_line(), old.public_line());
        let (found, known_hosts) = Identity::with_known_hosts(&cluster, "flux").await.unwrap();
        assert_eq!(found.unwrap().public_line(), new.public_line());
        assert_eq!(known_hosts.as_deref(), Some("git.example.com ssh-ed25519 AAAA"));
    }

    /// Keys made for this test by `ssh-keygen` and `openssl`.
    #[test]
    fn reads_the_forms_that_flux_left_behind() {
        for (form, text, kind) in [
            ("PKCS#1", include_str!("keys/rsa-pkcs1.pem"), "ssh-rsa "),
            ("PKCS#8", include_str!("keys/rsa-pkcs8.pem"), "ssh-rsa "),
            ("OpenSSH", include_str!("keys/rsa-openssh"), "ssh-rsa "),
            ("SEC1", include_str!("keys/ecdsa-sec1.pem"), "ecdsa-sha2-nistp256 "),
            ("PKCS#8", include_str!("keys/ed25519-pkcs8.pem"), "ssh-ed25519 "),
            ("OpenSSH", include_str!("keys/ecdsa-openssh"), "ecdsa-sha2-nistp521 "),
        ] {
            let identity = Identity::parse(text).unwrap_or_else(|| panic!("{form} {kind}"));
            assert!(identity.public_line().starts_with(kind), "{form} {}", identity.public_line());
            // What is written back into a Secret is the same key.
            let again = Identity::parse(&identity.private_text().unwrap()).unwrap();
            assert_eq!(again.public_line(), identity.public_line());
        }
        assert!(Identity::parse(include_str!("keys/encrypted")).is_none());
    }
}
