//! The client: options, and one authorised request.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{ACCEPT, HeaderMap, HeaderValue};
use reqwest::{Method, Response, StatusCode, Url};

use super::auth::Tokens;
use super::endpoint::Endpoint;
use super::error::{Error, Kind};
use super::keyring::Keyring;
use crate::web::{self, Failure, Request, Web};

/// How registries are reached.
#[derive(Clone, Debug)]
pub struct Options {
    /// Hosts that are spoken to by plain HTTP, besides loopback hosts.
    pub insecure: BTreeSet<String>,
    /// Host of the image reference → host that is asked instead, which gets its own credentials. It may begin with
    /// `https://`, for a host that would be spoken to by plain HTTP else.
    pub mirrors: BTreeMap<String, String>,
    /// Bound of one exchange, its body included.
    pub timeout: Duration,
}

impl Default for Options {
    /// No mirrors, 30 seconds.
    fn default() -> Self {
        Self { insecure: BTreeSet::new(), mirrors: BTreeMap::new(), timeout: Duration::from_secs(30) }
    }
}

/// Asks registries, without credentials until it is given a keyring. Cheap to clone; clones share connections and tokens.
#[derive(Clone, Debug)]
pub struct Client {
    pub(super) web: Web,
    pub(super) options: Arc<Options>,
    pub(super) tokens: Arc<Tokens>,
    pub(super) keyring: Arc<Keyring>,
}

/// An answer that was good, read whole.
pub(super) struct Answer {
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// What to ask for.
pub(super) struct Ask {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) accept: &'static str,
    pub(super) limit: usize,
}

impl Client {
    /// Sets up the TLS stack; nothing is sent.
    pub fn new(options: Options) -> Result<Self, Failure> {
        let web = Web::new(&options.insecure, options.timeout)?;
        Ok(Self { web, options: Arc::new(options), tokens: Arc::default(), keyring: Arc::default() })
    }

    /// The same client with these credentials; each host gets its own only, and only when it asks.
    pub fn with_keyring(&self, keyring: Keyring) -> Self {
        Self { keyring: Arc::new(keyring), ..self.clone() }
    }

    pub(super) fn endpoint(&self, repository: &str, attempt: &'static str) -> Result<Endpoint, Error> {
        Endpoint::of(repository, &self.options, &self.web).map_err(|kind| Error {
            attempt,
            host: repository.split('/').next().unwrap_or_default().to_owned(),
            repository: repository.to_owned(),
            kind,
        })
    }

    /// Asks, proves who we are when the registry wants it, and reads a good answer.
    pub(super) async fn ask(&self, endpoint: &Endpoint, ask: Ask) -> Result<Answer, Kind> {
        let accept = HeaderValue::from_static(ask.accept);
        let request = Request { method: ask.method, headers: vec![(ACCEPT, accept)], ..Request::get(ask.url.clone()) };
        let response = self.authorized(endpoint, request).await?;
        status(response.status(), response.headers())?;
        let headers = response.headers().clone();
        let body = web::body(response, ask.limit).await?;
        Ok(Answer { url: ask.url, headers, body })
    }

    /// Sends a request, and again with a proof of who we are when the registry wants one.
    pub(super) async fn authorized(&self, endpoint: &Endpoint, mut request: Request) -> Result<Response, Kind> {
        request.authorization = self.tokens.cached(&self.holder(endpoint));
        let response = self.web.send(request.clone()).await?;
        if response.status() != StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        self.tokens.forget(&self.holder(endpoint));
        request.authorization = Some(self.authorize(endpoint, response.headers()).await?);
        Ok(self.web.send(request).await?)
    }
}

/// Sorts statuses into kinds.
pub(super) fn status(status: StatusCode, headers: &HeaderMap) -> Result<(), Kind> {
    let retry_after = web::retry_after(headers);
    match status.as_u16() {
        200..=299 => Ok(()),
        401 | 403 => Err(Kind::Unauthorized),
        404 => Err(Kind::NotFound),
        429 => Err(Kind::RateLimited { retry_after }),
        503 if retry_after.is_some() => Err(Kind::RateLimited { retry_after }),
        status => Err(Kind::Server { status }),
    }
}
