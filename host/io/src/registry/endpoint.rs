//! Where a repository is asked for: canonical names, mirrors, URLs.

use reqwest::Url;

use super::client::Options;
use super::error::{Kind, malformed};
use crate::web::Web;

/// One repository at one host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    /// `host` or `host:port` that is asked, after mirrors.
    pub(super) host: String,
    /// Path of the repository at that host.
    pub(super) path: String,
    base: Url,
}

impl Endpoint {
    /// Splits a canonical repository such as `index.docker.io/library/redis` and applies the mirrors.
    pub(super) fn of(repository: &str, options: &Options, web: &Web) -> Result<Self, Kind> {
        let (host, path) = repository.split_once('/').ok_or_else(|| malformed("the repository names no host"))?;
        let word = |part: &str| {
            let own = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
            !part.is_empty() && part.chars().all(own) && part.chars().any(|c| c.is_ascii_alphanumeric())
        };
        if path.len() > 255 || !path.split('/').all(word) {
            return Err(malformed("the repository's path is not one"));
        }
        let mirror = options.mirrors.iter().find(|(from, _)| canonical_host(from) == canonical_host(host));
        let host = mirror.map_or(host, |(_, to)| to.as_str());
        // A mirror may say how it is spoken to.
        let (scheme, host) = host.split_once("://").map_or((None, host), |(scheme, host)| (Some(scheme), host));
        let asked = if canonical_host(host) == DOCKER_HUB { DOCKER_HUB_API } else { host };
        let base = format!("{}://{asked}/v2/", scheme.unwrap_or_else(|| web.scheme(asked)));
        let base = Url::parse(&base).map_err(|_| malformed("the repository's host is not one"))?;
        if base.path() != "/v2/" || !base.username().is_empty() || base.query().is_some() {
            return Err(malformed("the repository's host is not one"));
        }
        Ok(Self { host: asked.to_owned(), path: path.to_owned(), base })
    }

    /// `/v2/<path>/<rest>`.
    pub(super) fn url(&self, rest: &str) -> Result<Url, Kind> {
        self.base.join(&format!("{}/{rest}", self.path)).map_err(malformed)
    }
}

/// The name of Docker's registry in canonical references.
const DOCKER_HUB: &str = "index.docker.io";
/// Where Docker's registry answers.
const DOCKER_HUB_API: &str = "registry-1.docker.io";

/// One name for the many that people and docker configs use for the same host.
pub(super) fn canonical_host(host: &str) -> &str {
    let host = host.strip_prefix("https://").or_else(|| host.strip_prefix("http://")).unwrap_or(host);
    let host = host.split('/').next().unwrap_or_default();
    match host {
        "docker.io" | DOCKER_HUB | DOCKER_HUB_API => DOCKER_HUB,
        other => other,
    }
}
