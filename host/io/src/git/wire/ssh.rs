//! One command on an SSH server.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use russh::client::{self, Handle, Msg};
use russh::keys::{HashAlg, PrivateKeyWithHashAlg, PublicKey, PublicKeyOrCertificate};
use russh::{Channel, ChannelMsg, Preferred};

use super::talk::{patiently, words};
use super::{Service, WORDS_LIMIT};
use crate::git::error::Error;
use crate::git::known_hosts::{self, KnownHosts, Trust};
use crate::git::remote::Remote;

/// Where the repository is.
pub(super) struct Place<'a> {
    pub(super) user: &'a str,
    pub(super) host: &'a str,
    pub(super) port: u16,
    pub(super) path: &'a str,
}

/// A running command.
pub(super) struct Link {
    // Ends the session when it is dropped.
    _session: Handle<Gatekeeper>,
    channel: Channel<Msg>,
    stderr: Vec<u8>,
}

impl Link {
    /// Connects, checks the host's key, shows ours, and starts the service.
    pub(super) async fn open(remote: &Remote, place: &Place<'_>, service: Service) -> Result<Self, Error> {
        let session = patiently(remote, connect(remote, place)).await??;
        patiently(remote, start(remote, session, place, service)).await?
    }

    pub(super) async fn send(&mut self, remote: &Remote, message: Vec<u8>) -> Result<(), Error> {
        // Bounded by the whole operation: a large pack takes its time.
        self.channel.data_bytes(message).await.map_err(|error| unreachable(remote, error))
    }

    pub(super) async fn chunk(&mut self, remote: &Remote) -> Result<Option<Bytes>, Error> {
        loop {
            match patiently(remote, self.channel.wait()).await? {
                Some(ChannelMsg::Data { data }) => return Ok(Some(data)),
                Some(ChannelMsg::ExtendedData { data, .. }) => {
                    let room = WORDS_LIMIT.saturating_sub(self.stderr.len());
                    self.stderr.extend(data.iter().take(room));
                }
                Some(ChannelMsg::Close) | None => return Ok(None),
                Some(_) => {}
            }
        }
    }

    /// What the command said to people.
    pub(super) fn said(&self) -> String {
        words(&String::from_utf8_lossy(&self.stderr))
    }
}

async fn connect(remote: &Remote, place: &Place<'_>) -> Result<Handle<Gatekeeper>, Error> {
    let known_hosts = remote.access.known_hosts();
    let preferred = Preferred { key: known_hosts.algorithms(place.host, place.port).into(), ..Preferred::DEFAULT };
    let config = client::Config { preferred, nodelay: true, ..client::Config::default() };
    let refusal = Arc::default();
    let gatekeeper =
        Gatekeeper { known_hosts, host: place.host.to_owned(), port: place.port, refusal: Arc::clone(&refusal) };
    let mut session =
        client::connect(Arc::new(config), (place.host, place.port), gatekeeper).await.map_err(|error| {
            let refused = refusal.lock().unwrap_or_else(PoisonError::into_inner).take();
            refused.unwrap_or_else(|| unreachable(remote, error))
        })?;
    let denied = |reason: &str, hint| Error::Denied { url: remote.url.clone(), reason: reason.to_owned(), hint };
    let Some(identity) = remote.access.identity() else {
        return Err(denied("there is no SSH key", "the daemon keeps its key in a Secret of its namespace".to_owned()));
    };
    let hash = match identity.key().algorithm().is_rsa() {
        // A server that does not say takes the strongest, as OpenSSH has since 7.2.
        true => session.best_supported_rsa_hash().await.ok().flatten().flatten().or(Some(HashAlg::Sha512)),
        false => None,
    };
    let key = PrivateKeyWithHashAlg::new(Arc::clone(identity.key()), hash);
    let authenticated = session.authenticate_publickey(place.user, key).await;
    if authenticated.map_err(|error| unreachable(remote, error))?.success() {
        return Ok(session);
    }
    let hint = format!("give our key access there: {}", identity.public_line());
    Err(denied(&format!("it does not take our SSH key for user `{}`", place.user), hint))
}

async fn start(
    remote: &Remote,
    session: Handle<Gatekeeper>,
    place: &Place<'_>,
    service: Service,
) -> Result<Link, Error> {
    let broken = |error| unreachable(remote, error);
    let mut channel = session.channel_open_session().await.map_err(broken)?;
    if service == Service::UploadPack {
        // Servers that do not let it through speak version 0.
        channel.set_env(false, "GIT_PROTOCOL", "version=2").await.map_err(broken)?;
    }
    let command = format!("{} {}", service.name(), quoted(place.path));
    channel.exec(true, command).await.map_err(broken)?;
    loop {
        match channel.wait().await {
            Some(ChannelMsg::Success) => return Ok(Link { _session: session, channel, stderr: Vec::new() }),
            Some(ChannelMsg::Failure) | None => {
                let reason = format!("it does not run `{}`", service.name());
                return Err(Error::Refused { url: remote.url.clone(), reason });
            }
            // The refusal of the environment variable is none of the command.
            Some(_) => {}
        }
    }
}

/// Believes the keys that are known of a host, and no other.
struct Gatekeeper {
    known_hosts: Arc<KnownHosts>,
    host: String,
    port: u16,
    refusal: Arc<Mutex<Option<Error>>>,
}

impl client::Handler for Gatekeeper {
    type Error = russh::Error;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, russh::Error> {
        // A certificate is never asked for.
        let PublicKeyOrCertificate::PublicKey { key, .. } = shown else { return Ok(false) };
        let refusal = match self.known_hosts.check(&self.host, self.port, key) {
            Trust::Known => return Ok(true),
            Trust::Unknown => self.refuse(key, "unknown SSH host key", "add this line to known_hosts"),
            Trust::Changed => {
                let problem = "the SSH host key is another than the one that is known";
                self.refuse(key, problem, "put this line into known_hosts in place of the old ones")
            }
            Trust::Revoked => {
                let problem = "known_hosts revokes the SSH host key";
                self.refuse(key, problem, "take the line with @revoked away and see that there is this one")
            }
        };
        *self.refusal.lock().unwrap_or_else(PoisonError::into_inner) = Some(refusal);
        Ok(false)
    }
}

impl Gatekeeper {
    fn refuse(&self, key: &PublicKey, problem: &'static str, remedy: &'static str) -> Error {
        let host = if self.port == 22 { self.host.clone() } else { format!("{}:{}", self.host, self.port) };
        let fingerprint = key.fingerprint(HashAlg::Sha256).to_string();
        let line = known_hosts::line(&self.host, self.port, key);
        Error::HostKey { problem, host, fingerprint, remedy, line }
    }
}

/// For the shell at the other side.
fn quoted(path: &str) -> String {
    format!("'{}'", path.replace('\'', "'\\''").replace('!', "'\\!'"))
}

fn unreachable(remote: &Remote, error: russh::Error) -> Error {
    Error::Unreachable { url: remote.url.clone(), source: Box::new(error) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stays_one_word_of_the_shell() {
        assert_eq!(quoted("/srv/a b"), "'/srv/a b'");
        assert_eq!(quoted("a'; rm -rf ~; '!"), "'a'\\''; rm -rf ~; '\\'''\\!''");
    }
}
