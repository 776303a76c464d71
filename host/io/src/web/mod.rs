//! HTTP as the registry client and the chart client share it: one TLS stack, bounded bodies, no surprises.
//!
//! Invariant: redirects are followed by hand, so that no credential goes to another host, and plain HTTP goes only to
//! loopback hosts and hosts that were named as insecure.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::{Method, Response, StatusCode, Url};
use rustls::pki_types::CertificateDer;

/// Most redirects that are followed for one request.
pub(crate) const REDIRECTS_LIMIT: usize = 5;
/// Longest time that a server may ask us to wait.
pub(crate) const RETRY_AFTER_LIMIT: Duration = Duration::from_secs(24 * 60 * 60);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A failure of one HTTP exchange.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// No answer came.
    #[error("no answer")]
    Unreachable(#[source] reqwest::Error),
    /// The answer took too long.
    #[error("no answer in time")]
    Timeout,
    /// The body is larger than it may be.
    #[error("answer is larger than {limit} bytes")]
    TooLarge {
        /// The bound.
        limit: usize,
    },
    /// The URL may not be used.
    #[error("will not go to `{url}`: {reason}")]
    Refused {
        /// Without user, password and query.
        url: String,
        /// Why.
        reason: &'static str,
    },
    /// The client could not be set up.
    #[error("failed to set up the client")]
    Setup(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The clients and who may be spoken to in the clear.
#[derive(Clone, Debug)]
pub(crate) struct Web {
    outside: reqwest::Client,
    // Loopback hosts are never behind a proxy, whatever the environment says.
    loopback: reqwest::Client,
    clear: Clear,
}

/// Who may be spoken to in the clear, besides loopback hosts.
#[derive(Clone, Debug)]
enum Clear {
    /// Hosts that were named.
    Named(Arc<BTreeSet<String>>),
    /// Whoever a URL names, as nothing secret is sent; but nobody leads there from an https URL.
    Everybody,
}

/// One request, which may be sent again: it reads, or writes what has a digest.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// Sent to the host of `url` only.
    pub(crate) authorization: Option<HeaderValue>,
    /// Sent as it is; empty for none.
    pub(crate) body: Bytes,
}

impl Request {
    pub(crate) fn get(url: Url) -> Self {
        Self { method: Method::GET, url, headers: Vec::new(), authorization: None, body: Bytes::new() }
    }
}

impl Web {
    /// `timeout` bounds one exchange, its body included.
    pub(crate) fn new(insecure: &BTreeSet<String>, timeout: Duration) -> Result<Self, Failure> {
        Self::with(Clear::Named(Arc::new(insecure.clone())), timeout)
    }

    /// For requests without credentials, which may go to any host in the clear.
    pub(crate) fn everywhere(timeout: Duration) -> Result<Self, Failure> {
        Self::with(Clear::Everybody, timeout)
    }

    fn with(clear: Clear, timeout: Duration) -> Result<Self, Failure> {
        let tls = tls(Vec::new()).map_err(|error| Failure::Setup(Box::new(error)))?;
        let builder = || {
            reqwest::Client::builder()
                .tls_backend_preconfigured(tls.clone())
                .redirect(reqwest::redirect::Policy::none())
                .user_agent(concat!("rhumb/", env!("CARGO_PKG_VERSION")))
                .connect_timeout(CONNECT_TIMEOUT)
                .timeout(timeout)
        };
        let setup = |error| Failure::Setup(Box::new(error));
        Ok(Self {
            outside: builder().build().map_err(setup)?,
            loopback: builder().no_proxy().build().map_err(setup)?,
            clear,
        })
    }

    /// The scheme for a host (`host` or `host:port`) that was given without one.
    pub(crate) fn scheme(&self, host: &str) -> &'static str {
        if self.is_named(host) || is_loopback(host) { "http" } else { "https" }
    }

    /// Sends the request and follows redirects; the status is the caller's to judge.
    pub(crate) async fn send(&self, request: Request) -> Result<Response, Failure> {
        let mut request = request;
        for _ in 0..=REDIRECTS_LIMIT {
            let response = self.exchange(&request).await?;
            let Some(target) = redirect(&request.url, &response) else { return Ok(response) };
            if matches!(self.clear, Clear::Everybody) && request.url.scheme() == "https" && target.scheme() != "https" {
                return Err(refused(&target, "the redirect leaves https"));
            }
            if origin(&target) != origin(&request.url) {
                request.authorization = None;
            }
            request.url = target;
        }
        Err(refused(&request.url, "too many redirects"))
    }

    /// Sends the request once, again if the connection broke before an answer, and follows no redirect.
    pub(crate) async fn exchange(&self, request: &Request) -> Result<Response, Failure> {
        self.check(&request.url)?;
        match self.attempt(request).await {
            Err(error) if (error.is_connect() || error.is_request()) && !error.is_timeout() => {
                self.attempt(request).await.map_err(failure)
            }
            other => other.map_err(failure),
        }
    }

    async fn attempt(&self, request: &Request) -> Result<Response, reqwest::Error> {
        let host = request.url.host_str().unwrap_or_default();
        let client = if is_loopback(host) { &self.loopback } else { &self.outside };
        let mut headers: HeaderMap = request.headers.iter().cloned().collect();
        if let Some(authorization) = &request.authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        let wants_length = matches!(request.method, Method::POST | Method::PUT);
        let sent = client.request(request.method.clone(), request.url.clone()).headers(headers);
        // Without a body there would be no length, which servers want to see.
        if wants_length { sent.body(request.body.clone()).send().await } else { sent.send().await }
    }

    fn is_named(&self, host: &str) -> bool {
        matches!(&self.clear, Clear::Named(hosts) if hosts.contains(host))
    }

    fn check(&self, url: &Url) -> Result<(), Failure> {
        let host = url.host_str().unwrap_or_default();
        let with_port = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        match url.scheme() {
            "https" => Ok(()),
            "http" if matches!(self.clear, Clear::Everybody) => Ok(()),
            "http" if is_loopback(host) || self.is_named(host) || self.is_named(&with_port) => Ok(()),
            "http" => Err(refused(url, "plain HTTP is for loopback hosts and hosts named as insecure")),
            _ => Err(refused(url, "only https and http are spoken")),
        }
    }
}

/// Reads a body up to `limit` bytes.
pub(crate) async fn body(mut response: Response, limit: usize) -> Result<Vec<u8>, Failure> {
    if response.content_length().is_some_and(|length| length > limit as u64) {
        return Err(Failure::TooLarge { limit });
    }
    let mut data = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failure)? {
        if data.len() + chunk.len() > limit {
            return Err(Failure::TooLarge { limit });
        }
        data.extend_from_slice(&chunk);
    }
    Ok(data)
}

/// How long the server asks us to wait: seconds, or a date counted from the server's own.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds).min(RETRY_AFTER_LIMIT));
    }
    let parser = jiff::fmt::rfc2822::DateTimeParser::new();
    let until = parser.parse_timestamp(text).ok()?;
    let now = parser.parse_timestamp(headers.get(reqwest::header::DATE)?.to_str().ok()?).ok()?;
    let seconds = u64::try_from(until.as_second() - now.as_second()).unwrap_or_default();
    Some(Duration::from_secs(seconds).min(RETRY_AFTER_LIMIT))
}

/// Whether `host` or `host:port` is this machine.
pub(crate) fn is_loopback(host: &str) -> bool {
    let bare = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !name.ends_with(':') => name,
        _ => host,
    };
    let bare = bare.trim_start_matches('[').trim_end_matches(']');
    bare.eq_ignore_ascii_case("localhost")
        || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Scheme, host and port: what a credential belongs to.
pub(crate) fn origin(url: &Url) -> (String, String, Option<u16>) {
    (url.scheme().to_owned(), url.host_str().unwrap_or_default().to_owned(), url.port_or_known_default())
}

/// The URL for people: no user, password, query (which may hold a signature) or fragment.
pub(crate) fn shown(url: &Url) -> String {
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{}{port}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path())
}

fn redirect(from: &Url, response: &Response) -> Option<Url> {
    let moved = matches!(
        response.status(),
        StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT
    );
    let target = response.headers().get(LOCATION).filter(|_| moved)?;
    from.join(target.to_str().ok()?).ok()
}

fn refused(url: &Url, reason: &'static str) -> Failure {
    Failure::Refused { url: shown(url), reason }
}

fn failure(error: reqwest::Error) -> Failure {
    // The URL may hold a signature of a blob store.
    if error.is_timeout() { Failure::Timeout } else { Failure::Unreachable(error.without_url()) }
}

/// A plain client with the one TLS stack, for talking to a daemon.
pub fn client(timeout: Duration) -> Result<reqwest::Client, Failure> {
    let tls = tls(Vec::new()).map_err(|error| Failure::Setup(Box::new(error)))?;
    let client = reqwest::Client::builder().tls_backend_preconfigured(tls).timeout(timeout).no_proxy().build();
    client.map_err(|error| Failure::Setup(Box::new(error)))
}

/// The header of basic authentication.
pub(crate) fn basic(user: &str, password: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// TLS with ring, the machine's own root certificates and these; nothing is installed for the whole process.
///
/// On a machine without root certificates every https request fails by itself, and plain ones work.
pub(crate) fn tls(own: Vec<CertificateDer<'static>>) -> Result<rustls::ClientConfig, rustls::Error> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(own);
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_loopback_hosts() {
        for host in ["localhost", "localhost:5000", "127.0.0.1", "127.0.0.1:5000", "[::1]:5000", "::1"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["example.com", "localhost.example.com", "10.0.0.1:5000", "127.0.0.1.example.com"] {
            assert!(!is_loopback(host), "{host}");
        }
    }

    #[test]
    fn reads_a_wait_in_seconds_or_as_a_date() {
        let headers = |pairs: &[(&'static str, &'static str)]| -> HeaderMap {
            pairs.iter().map(|(k, v)| (HeaderName::from_static(k), HeaderValue::from_static(v))).collect()
        };
        assert_eq!(retry_after(&headers(&[("retry-after", "120")])), Some(Duration::from_secs(120)));
        assert_eq!(retry_after(&headers(&[("retry-after", "99999999999")])), Some(RETRY_AFTER_LIMIT));
        let date = [("retry-after", "Wed, 21 Oct 2026 07:28:30 GMT"), ("date", "Wed, 21 Oct 2026 07:28:00 GMT")];
        assert_eq!(retry_after(&headers(&date)), Some(Duration::from_secs(30)));
        assert_eq!(retry_after(&headers(&[("retry-after", "soon")])), None);
    }
}
