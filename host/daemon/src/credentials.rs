//! As whom registries are asked: the docker config that the daemon was given, and the pull secrets of those who use the
//! image (`flux-v1.md` 7.6). Read anew each time, so that what was rotated counts at once.

use std::collections::BTreeSet;
use std::path::PathBuf;

use rhumb_core::chain::chain;
use rhumb_core::manifest::Puller;
use rhumb_io::cluster::Cluster;
use rhumb_io::registry::Keyring;

/// Most secrets that are read for one image.
const SECRETS_LIMIT: usize = 64;

/// Where credentials for registries come from.
pub struct Credentials {
    cluster: Cluster,
    docker_config: Option<PathBuf>,
}

impl Credentials {
    /// Nothing is read yet.
    pub fn new(cluster: Cluster, docker_config: Option<PathBuf>) -> Self {
        Self { cluster, docker_config }
    }

    /// The credentials for an image that these pull: the docker config, over it the secrets of their service accounts,
    /// over those their own. What cannot be read is said in the log and left out, as the cluster itself does.
    pub(crate) async fn keyring(&self, pullers: &BTreeSet<Puller>) -> Keyring {
        let mut keyring = self.base();
        let mut secrets: Vec<(&str, String)> = Vec::new();
        for Puller { namespace, service_account, .. } in pullers {
            match self.cluster.pull_secrets(namespace, service_account).await {
                Ok(names) => secrets.extend(names.into_iter().map(|name| (namespace.as_str(), name))),
                Err(error) => {
                    tracing::warn!(namespace, service_account, error = chain(&error), "pull secrets not known");
                }
            }
        }
        for Puller { namespace, secrets: own, .. } in pullers {
            secrets.extend(own.iter().map(|name| (namespace.as_str(), name.clone())));
        }
        for (namespace, name) in secrets.into_iter().take(SECRETS_LIMIT) {
            match self.secret(namespace, &name).await {
                Ok(found) => keyring.extend(found),
                Err(why) => tracing::warn!(namespace, secret = name, why, "pull secret not used"),
            }
        }
        keyring
    }

    /// The credentials for a policy: the docker config, and over it this Secret, which must be usable.
    pub(crate) async fn with_secret(&self, secret: Option<(&str, &str)>) -> Result<Keyring, String> {
        let mut keyring = self.base();
        if let Some((namespace, name)) = secret {
            let found = self.secret(namespace, name).await;
            keyring.extend(found.map_err(|why| format!("Secret `{namespace}/{name}` cannot be used: {why}"))?);
        }
        Ok(keyring)
    }

    fn base(&self) -> Keyring {
        let Some(path) = &self.docker_config else { return Keyring::default() };
        Keyring::read(path).unwrap_or_else(|error| {
            tracing::warn!(error = chain(&error), "docker config not used");
            Keyring::default()
        })
    }

    async fn secret(&self, namespace: &str, name: &str) -> Result<Keyring, String> {
        match self.cluster.docker_config(namespace, name).await {
            Ok(Some(config)) => Keyring::parse(&config).map_err(|error| chain(&error)),
            Ok(None) => Err("it holds no docker config".to_owned()),
            Err(error) => Err(chain(&error)),
        }
    }
}
