//! The client: an index that is asked for again only when it changed, and archives.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{ETAG, HeaderValue, IF_NONE_MATCH};
use reqwest::{StatusCode, Url};
use rhumb_core::id::Digest;

use super::error::{Error, Kind};
use super::index::Index;
use super::{ARCHIVE_LIMIT, INDEX_LIMIT, INDEXES_LIMIT, cache};
use crate::registry::Credentials;
use crate::web::{self, Failure, Request, Web};

/// How Helm repositories are reached.
#[derive(Clone, Debug)]
pub struct Options {
    /// By host (`host` or `host:port`). They go to that host only.
    pub credentials: BTreeMap<String, Credentials>,
    /// Hosts that are spoken to by plain HTTP, besides loopback hosts.
    pub insecure: BTreeSet<String>,
    /// URLs that are asked in place of others, as prefix and what stands for it. The longest prefix counts.
    pub mirrors: Vec<(String, String)>,
    /// Folder for archives; without it nothing is cached.
    pub cache: Option<PathBuf>,
    /// Bound of one exchange, its body included.
    pub timeout: Duration,
}

impl Default for Options {
    /// No credentials, no cache, 60 seconds.
    fn default() -> Self {
        Self {
            credentials: BTreeMap::new(),
            insecure: BTreeSet::new(),
            mirrors: Vec::new(),
            cache: None,
            timeout: Duration::from_secs(60),
        }
    }
}

/// A chart's archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archive {
    /// As written in the index: what a range came to.
    pub version: String,
    /// Where the archive is, without user, password and query.
    pub url: String,
    /// Of the bytes.
    pub digest: Digest,
    /// A `.tgz`.
    pub data: Vec<u8>,
}

/// By URL, with the tag by which the server knows the version.
type Indexes = BTreeMap<String, (HeaderValue, Arc<Index>)>;

/// Asks Helm repositories. Cheap to clone; clones share connections and indexes.
#[derive(Clone, Debug)]
pub struct Client {
    web: Web,
    options: Arc<Options>,
    indexes: Arc<Mutex<Indexes>>,
}

impl Client {
    /// Sets up the TLS stack; nothing is sent.
    pub fn new(options: Options) -> Result<Self, Failure> {
        let web = Web::new(&options.insecure, options.timeout)?;
        Ok(Self { web, options: Arc::new(options), indexes: Arc::default() })
    }

    /// The index of a repository. While the server says that it did not change it is not sent or read again.
    pub async fn index(&self, url: &str) -> Result<Arc<Index>, Error> {
        let attempt = "read the index";
        let base = base(&self.mirrored(url)).map_err(|kind| failed(attempt, url, kind))?;
        self.read_index(&base).await.map_err(|kind| failed(attempt, &web::shown(&base), kind))
    }

    /// The archive of the version that `version` means: one of the index, or a range.
    pub async fn fetch(&self, repository: &str, name: &str, version: &str) -> Result<Archive, Error> {
        let attempt = format!("fetch chart `{name}`");
        let base = base(&self.mirrored(repository)).map_err(|kind| failed(&attempt, repository, kind))?;
        let index = self.index(repository).await?;
        let entry = index.resolve(name, version).map_err(|kind| failed(&attempt, &web::shown(&base), kind))?;
        // An index may name its archives by the whole URL of the repository that it was made for.
        let url = base.join(&self.mirrored(&entry.url)).map_err(|_| failed(&attempt, &entry.url, Kind::BadUrl))?;
        let shown = web::shown(&url);
        let cached = self.options.cache.as_deref().zip(entry.digest.as_ref());
        if let Some((dir, digest)) = cached
            && let Some(data) = cache::get(dir, digest)
        {
            return Ok(Archive { version: entry.version.clone(), url: shown, digest: digest.clone(), data });
        }
        let data = self.read_archive(url).await.map_err(|kind| failed(&attempt, &shown, kind))?;
        let digest = Digest::of(&data);
        match &entry.digest {
            Some(expected) if *expected != digest => {
                let kind = Kind::DigestMismatch { expected: expected.to_string(), found: digest.to_string() };
                return Err(failed(&attempt, &shown, kind));
            }
            Some(_) => {}
            None => tracing::debug!(url = shown, "index has no digest for a chart"),
        }
        if let Some(dir) = &self.options.cache {
            cache::put(dir, &digest, &data);
        }
        Ok(Archive { version: entry.version.clone(), url: shown, digest, data })
    }

    /// Where this URL is asked for.
    fn mirrored(&self, url: &str) -> String {
        let rests = self.options.mirrors.iter().filter_map(|(from, to)| {
            let rest = url.strip_prefix(from.trim_end_matches('/'))?;
            (rest.is_empty() || rest.starts_with('/')).then_some((from.len(), to, rest))
        });
        let longest = rests.max_by_key(|(length, ..)| *length);
        longest.map_or_else(|| url.to_owned(), |(_, to, rest)| format!("{}{rest}", to.trim_end_matches('/')))
    }

    async fn read_index(&self, base: &Url) -> Result<Arc<Index>, Kind> {
        let url = base.join("index.yaml").map_err(|_| Kind::BadUrl)?;
        let key = url.to_string();
        let known = self.indexes.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        let mut request = self.request(url);
        if let Some((etag, _)) = &known {
            request.headers.push((IF_NONE_MATCH, etag.clone()));
        }
        let response = self.web.send(request).await?;
        if let Some((_, index)) = known.filter(|_| response.status() == StatusCode::NOT_MODIFIED) {
            return Ok(index);
        }
        status(&response)?;
        let etag = response.headers().get(ETAG).cloned();
        let body = web::body(response, INDEX_LIMIT).await?;
        let text = String::from_utf8(body).map_err(|_| Kind::Malformed("the index is not UTF-8".to_owned()))?;
        // Indexes may be large; reading one must not hold up the others.
        let parsed = tokio::task::spawn_blocking(move || Index::parse(&text)).await;
        let index = Arc::new(parsed.map_err(|_| Kind::Malformed("the index could not be read".to_owned()))??);
        if let Some(etag) = etag {
            let mut indexes = self.indexes.lock().unwrap_or_else(PoisonError::into_inner);
            if indexes.len() >= INDEXES_LIMIT {
                indexes.clear();
            }
            indexes.insert(key, (etag, Arc::clone(&index)));
        }
        Ok(index)
    }

    async fn read_archive(&self, url: Url) -> Result<Vec<u8>, Kind> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Kind::NotInYet { scheme: url.scheme().to_owned() });
        }
        let response = self.web.send(self.request(url)).await?;
        status(&response)?;
        Ok(web::body(response, ARCHIVE_LIMIT).await?)
    }

    fn request(&self, mut url: Url) -> Request {
        let host = url.host_str().unwrap_or_default();
        let with_port = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let known = self.options.credentials.get(&with_port).or_else(|| self.options.credentials.get(host));
        let in_url = (!url.username().is_empty()).then(|| Credentials {
            user: url.username().to_owned(),
            password: url.password().unwrap_or("").to_owned(),
        });
        let authorization = known.or(in_url.as_ref()).and_then(|credentials| {
            let text = STANDARD.encode(format!("{}:{}", credentials.user, credentials.password));
            let mut value = HeaderValue::try_from(format!("Basic {text}")).ok()?;
            value.set_sensitive(true);
            Some(value)
        });
        // They go in the header only; a URL without a host has none to remove.
        let _ = (url.set_username(""), url.set_password(None));
        Request { authorization, ..Request::get(url) }
    }
}

/// The repository's URL with a slash at the end, which is what URLs in the index start from.
fn base(url: &str) -> Result<Url, Kind> {
    let mut base = Url::parse(url).map_err(|_| Kind::BadUrl)?;
    match base.scheme() {
        "http" | "https" => {}
        scheme => return Err(Kind::NotInYet { scheme: scheme.to_owned() }),
    }
    if !base.path().ends_with('/') {
        base.set_path(&format!("{}/", base.path()));
    }
    base.set_query(None);
    Ok(base)
}

fn status(response: &reqwest::Response) -> Result<(), Kind> {
    let retry_after = web::retry_after(response.headers());
    match response.status().as_u16() {
        200 => Ok(()),
        401 | 403 => Err(Kind::Unauthorized),
        404 => Err(Kind::NotFound),
        429 => Err(Kind::RateLimited { retry_after }),
        503 if retry_after.is_some() => Err(Kind::RateLimited { retry_after }),
        status => Err(Kind::Server { status }),
    }
}

fn failed(attempt: &str, url: &str, kind: Kind) -> Error {
    // Repositories may be written with a password in the URL.
    let url = Url::parse(url).map_or_else(|_| "not a URL".to_owned(), |url| web::shown(&url));
    Error { attempt: attempt.to_owned(), url, kind }
}
