//! Proving who we are: Basic, or a token from the server that the registry names.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use serde::Deserialize;
use tokio::time::Instant;

use super::TOKEN_LIMIT;
use super::challenge::{self, Challenge};
use super::client::{Client, status};
use super::endpoint::Endpoint;
use super::error::{Kind, malformed};
use super::keyring::Credentials;
use crate::web::{self, Request};

/// How long a token counts when its server doesn't say (the distribution specification's value).
const TOKEN_LIFE: Duration = Duration::from_secs(60);
/// Longest that a token is kept.
const TOKEN_LIFE_LIMIT: Duration = Duration::from_secs(60 * 60);
/// A token is not used in its last seconds, as it has to arrive in time.
const TOKEN_MARGIN: Duration = Duration::from_secs(5);
/// Most tokens that are kept.
const TOKENS_LIMIT: usize = 10_000;

/// Tokens until they expire. Never printed.
#[derive(Default)]
pub(super) struct Tokens(Mutex<BTreeMap<Holder, (HeaderValue, Instant)>>);

/// Whose token it is: host, repository, and the user with whose password it was had, so that what one user may see is
/// not shown to another.
pub(super) type Holder = (String, String, Option<String>);

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tokens(…)")
    }
}

impl Tokens {
    pub(super) fn cached(&self, holder: &Holder) -> Option<HeaderValue> {
        let tokens = self.lock();
        let (token, expires) = tokens.get(holder)?;
        (*expires > Instant::now()).then(|| token.clone())
    }

    pub(super) fn forget(&self, holder: &Holder) {
        self.lock().remove(holder);
    }

    fn keep(&self, holder: Holder, token: &HeaderValue, life: Duration) {
        let mut tokens = self.lock();
        if tokens.len() >= TOKENS_LIMIT {
            tokens.clear();
        }
        tokens.insert(holder, (token.clone(), Instant::now() + life));
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Holder, (HeaderValue, Instant)>> {
        // The map is whole at any time, so another thread's panic does not matter.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Client {
    /// Answers the challenge of a 401.
    pub(super) async fn authorize(&self, endpoint: &Endpoint, headers: &HeaderMap) -> Result<HeaderValue, Kind> {
        let challenges: Vec<Challenge> = headers
            .get_all(WWW_AUTHENTICATE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(challenge::parse)
            .collect();
        let credentials = self.keyring.get(&endpoint.host);
        for challenge in challenges {
            match challenge {
                Challenge::Bearer { realm, service, scope } => {
                    let url = token_url(&realm, service, scope, endpoint)?;
                    return self.token(endpoint, url, credentials).await;
                }
                Challenge::Basic => {
                    if let Some(credentials) = credentials {
                        let value = basic(credentials)?;
                        // Kept like a token, so that not every request is sent twice.
                        self.tokens.keep(self.holder(endpoint), &value, TOKEN_LIFE);
                        return Ok(value);
                    }
                }
            }
        }
        Err(Kind::Unauthorized)
    }

    async fn token(
        &self,
        endpoint: &Endpoint,
        url: Url,
        credentials: Option<&Credentials>,
    ) -> Result<HeaderValue, Kind> {
        let mut request = Request::get(url);
        request.authorization = credentials.map(basic).transpose()?;
        // No redirect is followed from here: a token server that moves its users is not to be trusted with a password.
        let response = self.web.exchange(&request).await?;
        status(response.status(), response.headers())?;
        let body = web::body(response, TOKEN_LIMIT).await?;
        let grant: Grant = serde_json::from_slice(&body).map_err(|_| malformed("the token is not JSON"))?;
        let token = grant.token.or(grant.access_token).ok_or_else(|| malformed("the token server gave no token"))?;
        let mut value = HeaderValue::try_from(format!("Bearer {token}"))
            .map_err(|_| malformed("the token does not fit in a header"))?;
        value.set_sensitive(true);
        let life = grant.expires_in.map_or(TOKEN_LIFE, Duration::from_secs).min(TOKEN_LIFE_LIMIT);
        self.tokens.keep(self.holder(endpoint), &value, life.saturating_sub(TOKEN_MARGIN));
        Ok(value)
    }

    /// Whose token an exchange with this endpoint uses.
    pub(super) fn holder(&self, endpoint: &Endpoint) -> Holder {
        let user = self.keyring.get(&endpoint.host).map(|credentials| credentials.user.clone());
        (endpoint.host.clone(), endpoint.path.clone(), user)
    }
}

/// What a token server answers (distribution specification, token authentication).
#[derive(Deserialize)]
struct Grant {
    token: Option<String>,
    access_token: Option<String>,
    expires_in: Option<u64>,
}

fn token_url(realm: &str, service: Option<String>, scope: Option<String>, endpoint: &Endpoint) -> Result<Url, Kind> {
    let mut url = Url::parse(realm).map_err(|_| malformed("the token server's address is not a URL"))?;
    let scope = scope.unwrap_or_else(|| format!("repository:{}:pull", endpoint.path));
    {
        let mut query = url.query_pairs_mut();
        if let Some(service) = service {
            query.append_pair("service", &service);
        }
        query.append_pair("scope", &scope);
    }
    Ok(url)
}

fn basic(credentials: &Credentials) -> Result<HeaderValue, Kind> {
    web::basic(&credentials.user, &credentials.password).ok_or(Kind::Unauthorized)
}
