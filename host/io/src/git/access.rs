//! Who we are to git servers, and which of them we believe.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::address::Login;
use super::error::Error;
use super::known_hosts::{KNOWN_HOSTS_LIMIT, KnownHosts};
use super::url::Rewrites;
use crate::identity::Identity;
use crate::web;

/// How long a server may take for anything: to connect, to answer, to send more.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// Largest file of certificates, in bytes.
const CA_LIMIT: usize = 1024 * 1024;
/// Longest token, in bytes.
const TOKEN_LIMIT: usize = 64 * 1024;

/// What a git client needs to know of its servers.
#[derive(Debug, Default)]
pub struct Options {
    /// Keys of SSH servers.
    pub known_hosts: KnownHosts,
    /// Certificates that are trusted besides the machine's own, in PEM.
    pub ca: Option<Vec<u8>>,
    /// Git's `insteadOf` and `pushInsteadOf`.
    pub rewrites: Rewrites,
    /// How long a server may take to connect, to answer and to send more; [`PATIENCE`] when `None`.
    pub patience: Option<Duration>,
}

/// Credentials and trust, shared by the mirrors that use the same. Cloning it shares it.
#[derive(Clone)]
pub struct Access(Arc<Inner>);

struct Inner {
    known_hosts: RwLock<Arc<KnownHosts>>,
    tls: rustls::ClientConfig,
    rewrites: Rewrites,
    patience: Duration,
    // Read at the beginning of each operation, like `known_hosts`; replaced when the Secret changes.
    identity: RwLock<Option<Identity>>,
    login: RwLock<Option<Login>>,
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Access(…)")
    }
}

impl Access {
    /// Nobody yet: [`Self::identify`] and [`Self::log_in`] say who.
    pub fn new(options: Options) -> Result<Self, Error> {
        let mut own = Vec::new();
        for certificate in CertificateDer::pem_slice_iter(options.ca.as_deref().unwrap_or_default()) {
            own.push(certificate.map_err(|_| Error::BadCertificates)?);
        }
        if options.ca.is_some() && own.is_empty() {
            return Err(Error::BadCertificates);
        }
        let tls = web::tls(own).map_err(|error| Error::Tls(Box::new(error)))?;
        Ok(Self(Arc::new(Inner {
            known_hosts: RwLock::new(Arc::new(options.known_hosts)),
            tls,
            rewrites: options.rewrites,
            patience: options.patience.unwrap_or(PATIENCE),
            identity: RwLock::default(),
            login: RwLock::default(),
        })))
    }

    /// Uses this key for SSH from the next operation on.
    pub fn identify(&self, identity: Identity) {
        *self.0.identity.write().unwrap_or_else(PoisonError::into_inner) = Some(identity);
    }

    /// Uses this user and token for https from the next operation on; `None` uses none.
    pub fn log_in(&self, login: Option<Login>) {
        *self.0.login.write().unwrap_or_else(PoisonError::into_inner) = login;
    }

    /// Believes these SSH servers from the next operation on.
    pub fn trust(&self, known_hosts: KnownHosts) {
        *self.0.known_hosts.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(known_hosts);
    }

    /// The same trust with another login, for one repository.
    pub fn with_login(&self, login: Option<Login>) -> Self {
        Self(Arc::new(Inner {
            known_hosts: RwLock::new(self.known_hosts()),
            tls: self.0.tls.clone(),
            rewrites: self.0.rewrites.clone(),
            patience: self.0.patience,
            identity: RwLock::new(self.identity()),
            login: RwLock::new(login),
        }))
    }

    /// The key that is used for SSH.
    pub fn identity(&self) -> Option<Identity> {
        self.0.identity.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Git's `insteadOf` and `pushInsteadOf`.
    pub fn rewrites(&self) -> &Rewrites {
        &self.0.rewrites
    }

    pub(super) fn login(&self) -> Option<Login> {
        self.0.login.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn known_hosts(&self) -> Arc<KnownHosts> {
        Arc::clone(&self.0.known_hosts.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn tls(&self) -> &rustls::ClientConfig {
        &self.0.tls
    }

    pub(super) fn patience(&self) -> Duration {
        self.0.patience
    }
}

/// Reads a file of certificates in PEM.
pub fn read_ca(path: &Path) -> Result<Vec<u8>, Error> {
    read(path, CA_LIMIT)
}

/// Reads a token from a file, without the white space around it.
pub fn read_token(path: &Path) -> Result<String, Error> {
    Ok(String::from_utf8_lossy(&read(path, TOKEN_LIMIT)?).trim().to_owned())
}

/// Reads the text of a `known_hosts` file, for [`KnownHosts::parse`].
pub fn read_known_hosts(path: &Path) -> Result<String, Error> {
    Ok(String::from_utf8_lossy(&read(path, KNOWN_HOSTS_LIMIT)?).into_owned())
}

fn read(path: &Path, limit: usize) -> Result<Vec<u8>, Error> {
    let shown = || path.display().to_string();
    let failed = |source| Error::File { path: shown(), source };
    let file = std::fs::File::open(path).map_err(failed)?;
    let mut data = Vec::new();
    std::io::Read::read_to_end(&mut std::io::Read::take(file, limit as u64 + 1), &mut data).map_err(failed)?;
    if data.len() > limit {
        return Err(Error::TooLarge { path: shown(), limit, what: "bytes in one file" });
    }
    Ok(data)
}
