//! Makes a real OCI image without Docker and pushes it to a registry: what a build pipeline would have done.

use std::collections::BTreeMap;
use std::io;

use flate2::Compression;
use flate2::write::GzEncoder;
use rand::distr::{Alphanumeric, SampleString as _};
use rand::{Rng as _, RngCore as _};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, header};
use serde_json::{Value, json};

use crate::clock;
use crate::media;

/// Bytes of random content in each image, so that no two have the same digest.
const RANDOM_BYTES: usize = 4096;

/// Longest part of a registry's answer that an error shows.
const ANSWER_LIMIT: usize = 300;

/// What an image says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Build time in milliseconds since the epoch.
    pub created: u64,
    /// Labels of its config.
    pub labels: BTreeMap<String, String>,
    /// User and password, for registries that ask for them (Basic).
    pub login: Option<(String, String)>,
}

/// Why an image could not be pushed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The image could not be packed.
    #[error("failed to pack the image")]
    Pack(#[source] io::Error),
    /// The registry could not be reached, or went away.
    #[error("failed to {attempt} at `{url}`")]
    Unreachable {
        /// What was tried.
        attempt: &'static str,
        /// Where.
        url: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// The registry wants to know who pushes.
    #[error("failed to {attempt} at `{url}`: the registry wants a user and a password, or other ones")]
    Unauthorized {
        /// What was tried.
        attempt: &'static str,
        /// Where.
        url: String,
    },
    /// The registry answered with something else than success.
    #[error("failed to {attempt} at `{url}`: the registry answered {status}: {answer}")]
    Refused {
        /// What was tried.
        attempt: &'static str,
        /// Where.
        url: String,
        /// The HTTP status.
        status: u16,
        /// The beginning of the body.
        answer: String,
    },
}

/// Makes an image and pushes it under this tag. Returns the digest of its manifest, `sha256:…`.
///
/// `registry` is a URL such as `http://127.0.0.1:5000`; `repository` is the path in it, such as `rhumb/podinfo`.
pub async fn push(registry: &str, repository: &str, tag: &str, options: &Options) -> Result<String, Error> {
    // Two builds of one second are told apart by it.
    let created = clock::rfc3339_millis(options.created);
    let files = tar(tag, options.created / 1000).map_err(Error::Pack)?;
    let layer = gzip(&files).map_err(Error::Pack)?;
    let config = json!({
        "created": created, "architecture": "amd64", "os": "linux",
        "config": {"Cmd": ["./podinfo"], "Labels": options.labels},
        "rootfs": {"type": "layers", "diff_ids": [media::digest(&files)]},
        "history": [{"created": created, "created_by": "ci-mock"}],
    });
    let config = config.to_string().into_bytes();
    let descriptor = |media_type: &str, data: &[u8]| json!({"mediaType": media_type, "digest": media::digest(data), "size": data.len()});
    let manifest = json!({
        "schemaVersion": 2, "mediaType": media::MANIFEST,
        "config": descriptor(media::CONFIG, &config), "layers": [descriptor(media::LAYER, &layer)],
        "annotations": {"org.opencontainers.image.created": created},
    });
    let login = options.login.clone();
    let pusher =
        Pusher { client: client(), login, base: format!("{}/v2/{repository}", registry.trim_end_matches('/')) };
    pusher.blob(registry, layer).await?;
    pusher.blob(registry, config).await?;
    pusher.manifest(tag, &manifest).await
}

/// Eight random lower-case letters and digits, as a pipeline takes them from a commit.
pub fn commit() -> String {
    let mut random = rand::rng();
    let mut text = Alphanumeric.sample_string(&mut random, 8).to_lowercase();
    // A tag whose commit is all digits would be read as a number where somebody forgets the quotes.
    if text.bytes().all(|b| b.is_ascii_digit()) {
        text.replace_range(..1, ["a", "b", "c"].get(random.random_range(0..3)).copied().unwrap_or("a"));
    }
    text
}

struct Pusher {
    client: Client,
    login: Option<(String, String)>,
    base: String,
}

impl Pusher {
    fn request(&self, method: Method, url: &str) -> RequestBuilder {
        let request = self.client.request(method, url);
        match &self.login {
            Some((user, password)) => request.basic_auth(user, Some(password)),
            None => request,
        }
    }

    /// Uploads a blob in two steps, as all registries know them, unless it is there.
    async fn blob(&self, registry: &str, data: Vec<u8>) -> Result<(), Error> {
        let digest = media::digest(&data);
        let url = format!("{}/blobs/{digest}", self.base);
        let head = self.request(Method::HEAD, &url).send().await;
        if head.map_err(unreachable("look for a blob", &url))?.status().is_success() {
            return Ok(());
        }
        let url = format!("{}/blobs/uploads/", self.base);
        let begin = self.request(Method::POST, &url).header(header::CONTENT_LENGTH, 0).send().await;
        let begin = check("begin an upload", &url, begin.map_err(unreachable("begin an upload", &url))?).await?;
        let location = begin.headers().get(header::LOCATION).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let target = if location.starts_with('/') {
            format!("{}{location}", registry.trim_end_matches('/'))
        } else {
            location.to_owned()
        };
        let separator = if target.contains('?') { '&' } else { '?' };
        let target = format!("{target}{separator}digest={digest}");
        let put =
            self.request(Method::PUT, &target).header(header::CONTENT_TYPE, "application/octet-stream").body(data);
        let put = put.send().await.map_err(unreachable("upload a blob", &url))?;
        check("upload a blob", &url, put).await.map(drop)
    }

    async fn manifest(&self, tag: &str, manifest: &Value) -> Result<String, Error> {
        let body = manifest.to_string().into_bytes();
        let digest = media::digest(&body);
        let url = format!("{}/manifests/{tag}", self.base);
        let put = self.request(Method::PUT, &url).header(header::CONTENT_TYPE, media::MANIFEST).body(body).send().await;
        check("push the manifest", &url, put.map_err(unreachable("push the manifest", &url))?).await?;
        Ok(digest)
    }
}

fn client() -> Client {
    // The HTTP client takes the process's TLS provider; it is an error to set it twice, which does no harm.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::new()
}

fn unreachable(attempt: &'static str, url: &str) -> impl FnOnce(reqwest::Error) -> Error {
    let url = url.to_owned();
    move |source| Error::Unreachable { attempt, url, source: source.without_url() }
}

async fn check(attempt: &'static str, url: &str, response: Response) -> Result<Response, Error> {
    let status = response.status();
    let url = url.to_owned();
    if status.is_success() {
        return Ok(response);
    }
    if status == StatusCode::UNAUTHORIZED {
        return Err(Error::Unauthorized { attempt, url });
    }
    let answer = response.text().await.unwrap_or_default();
    let answer = answer.chars().take(ANSWER_LIMIT).filter(|c| !c.is_control()).collect();
    Err(Error::Refused { attempt, url, status: status.as_u16(), answer })
}

/// A layer with what was built, and some random bytes.
fn tar(tag: &str, seconds: u64) -> io::Result<Vec<u8>> {
    let mut random = vec![0; RANDOM_BYTES];
    rand::rng().fill_bytes(&mut random);
    let mut archive = tar::Builder::new(Vec::new());
    for (path, data) in [("app/VERSION", tag.as_bytes()), ("app/podinfo", &random)] {
        let mut header = tar::Header::new_gnu();
        header.set_size(data.len() as u64);
        header.set_mode(0o755);
        header.set_mtime(seconds);
        archive.append_data(&mut header, path, data)?;
    }
    archive.into_inner()
}

fn gzip(data: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    io::Write::write_all(&mut encoder, data)?;
    encoder.finish()
}
