//! Who the daemon is to git servers and whom it believes, kept up to date without a restart.
//!
//! Read again before each conversation with a git server: the key may have been made anew, a token may have been
//! rotated, a host key may have been added. What cannot be read leaves what was known before.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use rhumb_core::chain::chain;
use rhumb_io::cluster::Cluster;
use rhumb_io::git::{self, Access, KnownHosts, Login, Options, Rewrites};
use rhumb_io::identity::{self, Identity};

use crate::config::Config;

/// What a running daemon is to git servers.
pub struct GitAccess {
    access: Access,
    // What was complained of last: said once, not at each look.
    complaint: Mutex<Option<String>>,
    // The lines of known_hosts that were last beside the key.
    beside: Mutex<Option<String>>,
}

impl GitAccess {
    /// Makes the SSH key when there is none, and reads the rest.
    pub async fn open(config: &Config, cluster: &Cluster) -> anyhow::Result<Self> {
        let identity = Identity::load_or_create(cluster, &config.namespace).await?;
        let options = Options {
            ca: config.git_ca_file.as_deref().map(git::read_ca).transpose()?,
            rewrites: Rewrites::of_user(),
            patience: Some(config.git_timeout),
            ..Options::default()
        };
        let this = Self { access: Access::new(options)?, complaint: Mutex::default(), beside: Mutex::default() };
        this.access.identify(identity);
        // A file that was named must be there at the start.
        this.read(config, cluster).await?;
        Ok(this)
    }

    /// What git operations use.
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// The public half of the SSH key, one line of `authorized_keys`.
    pub fn public_key(&self) -> String {
        self.access.identity().map(|identity| identity.public_line()).unwrap_or_default()
    }

    /// Makes a new SSH key in place of the one of the Secret, and gives its public half. The old one opens nothing of ours
    /// from now on.
    pub async fn regenerate(&self, config: &Config, cluster: &Cluster) -> Result<String, identity::Error> {
        let new = Identity::regenerate(cluster, &config.namespace).await?;
        let line = new.public_line();
        self.access.identify(new);
        tracing::info!(public_key = line, "made a new SSH key");
        Ok(line)
    }

    /// Looks again at the Secret and the files.
    pub async fn refresh(&self, config: &Config, cluster: &Cluster) {
        let complaint = self.read(config, cluster).await.err().map(|error| chain(error.as_ref()));
        let before = {
            let mut last = self.complaint.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *last, complaint.clone())
        };
        if let Some(error) = complaint.filter(|complaint| before.as_ref() != Some(complaint)) {
            tracing::warn!(error, "git credentials not read again; the earlier ones are used");
        }
    }

    async fn read(&self, config: &Config, cluster: &Cluster) -> anyhow::Result<()> {
        let (identity, beside) = Identity::with_known_hosts(cluster, &config.namespace).await?;
        let beside = match (identity, self.access.identity()) {
            (None, Some(own)) => {
                // The Secret was lost, perhaps with the cluster's memory. The git host knows this key and no other.
                let beside = beside.or_else(|| self.beside());
                own.put_back(cluster, &config.namespace, beside.as_deref()).await?;
                tracing::warn!(namespace = config.namespace, secret = identity::SECRET, "put the lost SSH key back");
                beside
            }
            (identity, _) => {
                identity.into_iter().for_each(|identity| self.access.identify(identity));
                beside
            }
        };
        self.beside.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&beside);
        let text = match &config.ssh_known_hosts {
            Some(path) => Some(git::read_known_hosts(path)?),
            None => beside,
        };
        let (known_hosts, unreadable) = KnownHosts::parse(&text.unwrap_or_default());
        self.access.trust(known_hosts);
        self.access.log_in(login(config, cluster).await?);
        anyhow::ensure!(unreadable.is_empty(), "lines {unreadable:?} of known_hosts cannot be read");
        Ok(())
    }

    fn beside(&self) -> Option<String> {
        self.beside.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The user and token for https: of a file, or of a Secret.
async fn login(config: &Config, cluster: &Cluster) -> anyhow::Result<Option<Login>> {
    if let Some(path) = &config.git_token_file {
        return Ok(Some(token_of(path, &config.git_token_user)?));
    }
    let Some(secret) = &config.git_token_secret else { return Ok(None) };
    Ok(Some(identity::login(cluster, &config.namespace, secret).await?))
}

fn token_of(path: &Path, user: &str) -> Result<Login, git::Error> {
    Ok(Login { user: user.to_owned(), password: git::read_token(path)? })
}
