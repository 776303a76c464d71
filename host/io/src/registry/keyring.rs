//! Who we are at each registry: what a docker config or an image pull secret says.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::KEYRING_LIMIT;
use super::endpoint::canonical_host;

/// User and password for one host. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user.
    pub user: String,
    /// The password or token.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(…)")
    }
}

/// Credentials by host (`host` or `host:port`; all names of Docker's registry are one).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keyring(BTreeMap<String, Credentials>);

/// Why a docker config gives no keyring. Never shows what it holds.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyringError {
    /// The file could not be read.
    #[error("failed to read the docker config `{path}`")]
    Read {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It is larger than a docker config may be.
    #[error("docker config is larger than {KEYRING_LIMIT} bytes")]
    TooLarge,
    /// It is not JSON of the form `{"auths": {HOST: …}}` or `{HOST: …}`.
    #[error("docker config is not JSON of the form {{\"auths\": {{HOST: {{\"auth\": …}}}}}}")]
    NotJson,
    /// A key names no host.
    #[error("docker config names a registry `{key}`, which is no host")]
    NoHost {
        /// The key as it stands.
        key: String,
    },
    /// What stands for a host is not base64 of `user:password`.
    #[error("`auth` of `{host}` in the docker config is not base64 of `user:password`")]
    BadAuth {
        /// The host.
        host: String,
    },
}

#[derive(Deserialize)]
struct DockerConfig {
    auths: BTreeMap<String, Entry>,
}

/// One host of a docker config; what else stands there (`email`, helpers) is for the `docker` command.
#[derive(Deserialize)]
struct Entry {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
}

impl Keyring {
    /// A keyring for one host.
    pub fn of(host: &str, credentials: Credentials) -> Self {
        Self(BTreeMap::from([(canonical_host(host).to_owned(), credentials)]))
    }

    /// Reads the docker config in a file.
    pub fn read(path: &Path) -> Result<Self, KeyringError> {
        let failed = |source| KeyringError::Read { path: path.display().to_string(), source };
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(failed)?;
        file.take(KEYRING_LIMIT as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
        Self::parse(&bytes)
    }

    /// Reads a docker config (`config.json`, `.dockerconfigjson`) or its older form (`.dockercfg`), in which hosts
    /// stand at the top. Keys are normalised as Flux v1 does: `https://host:5000/v2` is `host:5000`.
    pub fn parse(config: &[u8]) -> Result<Self, KeyringError> {
        if config.len() > KEYRING_LIMIT {
            return Err(KeyringError::TooLarge);
        }
        let entries = match serde_json::from_slice::<DockerConfig>(config) {
            Ok(file) => file.auths,
            Err(_) => serde_json::from_slice(config).map_err(|_| KeyringError::NotJson)?,
        };
        let mut keys = BTreeMap::new();
        for (key, entry) in entries {
            let host = host_of(&key).ok_or_else(|| KeyringError::NoHost { key: rhumb_core::chain::cut(&key, 200) })?;
            // A host without either is one whose credentials a helper program keeps.
            if let Some(credentials) = entry.credentials(&host)? {
                keys.insert(host, credentials);
            }
        }
        Ok(Self(keys))
    }

    /// Adds another keyring, whose credentials win where both have some for a host.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub(super) fn get(&self, host: &str) -> Option<&Credentials> {
        self.0.get(canonical_host(host))
    }
}

impl Entry {
    fn credentials(self, host: &str) -> Result<Option<Credentials>, KeyringError> {
        let Some(auth) = self.auth.filter(|auth| !auth.is_empty()) else {
            let Some((user, password)) = self.username.zip(self.password) else { return Ok(None) };
            return Ok(Some(Credentials { user, password }));
        };
        let text = STANDARD.decode(auth.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let pair = text.as_deref().and_then(|text| text.split_once(':'));
        let (user, password) = pair.ok_or_else(|| KeyringError::BadAuth { host: host.to_owned() })?;
        // Docker pads with zero bytes in old configs.
        let password = password.trim_end_matches('\0');
        Ok(Some(Credentials { user: user.to_owned(), password: password.to_owned() }))
    }
}

/// The host that a key of a docker config means (`flux-v1.md` 13.17).
fn host_of(key: &str) -> Option<String> {
    let rest = key.split_once("://").map_or(key, |(_, rest)| rest);
    let host = rest.split('/').next().unwrap_or_default();
    let fits = |c: char| c.is_ascii_alphanumeric() || ".-:[]_".contains(c);
    (!host.is_empty() && host.chars().all(fits)).then(|| canonical_host(host).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_hosts_of_docker_configs() {
        for (key, host) in [
            ("host", Some("host")),
            ("gcr.io", Some("gcr.io")),
            ("localhost:5000/v2/", Some("localhost:5000")),
            ("https://192.168.99.100:5000/v2", Some("192.168.99.100:5000")),
            ("https://my.domain.name:5000/v2", Some("my.domain.name:5000")),
            ("https://gcr.io/v1/", Some("gcr.io")),
            ("telnet://gcr.io/v1", Some("gcr.io")),
            ("https://index.docker.io/v1/", Some("index.docker.io")),
            ("docker.io", Some("index.docker.io")),
            ("", None),
            ("https://", None),
            ("^#invalid.io/v1/", None),
            ("/var/user", None),
        ] {
            assert_eq!(host_of(key).as_deref(), host, "{key}");
        }
    }

    #[test]
    fn reads_both_forms_and_tells_nothing() {
        let auth = STANDARD.encode("u:p:w");
        for text in [
            format!(r#"{{"auths":{{"https://a.example/v1/":{{"auth":"{auth}"}},"b.example":{{}}}}}}"#),
            format!(r#"{{"a.example":{{"username":"x","password":"y","auth":"{auth}","email":"e"}}}}"#),
        ] {
            let keyring = Keyring::parse(text.as_bytes()).unwrap();
            let found = keyring.get("a.example").unwrap();
            assert_eq!((found.user.as_str(), found.password.as_str()), ("u", "p:w"));
            assert_eq!(keyring.get("b.example"), None);
            assert!(!format!("{keyring:?}").contains("p:w"));
        }
        let plain = Keyring::parse(br#"{"a.example":{"username":"x","password":"y"}}"#).unwrap();
        assert_eq!(plain.get("a.example").unwrap().password, "y");
    }

    #[test]
    fn says_what_is_wrong_without_the_content() {
        let wrong = |text: &str| Keyring::parse(text.as_bytes()).unwrap_err().to_string();
        assert!(wrong("[1]").contains("not JSON of the form"));
        assert!(wrong(r#"{"auths":{"/x":{"auth":"QQ=="}}}"#).contains("`/x`, which is no host"));
        let bad = wrong(r#"{"auths":{"a.example":{"auth":"c2VjcmV0"}}}"#);
        assert!(bad.contains("`a.example`") && !bad.contains("secret"), "{bad}");
        assert!(matches!(Keyring::parse(&vec![b' '; KEYRING_LIMIT + 1]), Err(KeyringError::TooLarge)));
    }

    #[test]
    fn later_credentials_win() {
        let one = |password: &str| Credentials { user: "u".to_owned(), password: password.to_owned() };
        let mut keyring = Keyring::of("docker.io", one("1"));
        keyring.extend(Keyring::of("index.docker.io", one("2")));
        assert_eq!(keyring.get("registry-1.docker.io").unwrap().password, "2");
    }
}
