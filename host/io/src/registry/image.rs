//! What an image says of itself.

use std::collections::BTreeMap;

use oci_spec::image::{Arch, Descriptor, ImageIndex, ImageManifest, Os};
use reqwest::Method;
use rhumb_core::id::{Digest, Tag, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::client::{Ask, Client};
use super::endpoint::Endpoint;
use super::error::{Error, Kind, malformed};
use super::{CONFIG_LIMIT, LABEL_LIMIT, LABELS_LIMIT, MANIFEST_LIMIT};

const ACCEPT_MANIFEST: &str = "application/vnd.oci.image.index.v1+json, \
     application/vnd.oci.image.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, \
     application/vnd.docker.distribution.manifest.v2+json";

/// What is known of one image. The same digest has the same metadata for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageMetadata {
    /// Of the manifest or index that the tag names.
    pub digest: Digest,
    /// Build time that the image claims; 0 when it claims none.
    pub created: Timestamp,
    /// Labels of the image's configuration.
    pub labels: BTreeMap<String, String>,
    /// Annotations of the index and, over them, of the manifest.
    pub annotations: BTreeMap<String, String>,
    /// `os/architecture` or `os/architecture/variant`.
    pub platforms: Vec<String>,
    /// Bytes of the configuration and the layers of the platform that was looked at (linux/amd64, else the first).
    pub size: u64,
}

/// A manifest that was checked against its digest.
pub(super) struct Manifest {
    pub(super) digest: Digest,
    pub(super) body: Vec<u8>,
}

impl Client {
    /// What the image at a tag says of itself: two requests, or three for one with several platforms.
    pub async fn metadata(&self, repository: &str, tag: &Tag) -> Result<ImageMetadata, Error> {
        let attempt = "read the metadata of an image";
        let endpoint = self.endpoint(repository, attempt)?;
        self.image(&endpoint, tag.as_str()).await.map_err(|kind| Error {
            attempt,
            host: endpoint.host.clone(),
            repository: format!("{repository}:{tag}"),
            kind,
        })
    }

    /// The digest that a tag names now: one request. `None` when the registry does not say.
    pub async fn digest(&self, repository: &str, tag: &Tag) -> Result<Option<Digest>, Error> {
        let attempt = "read the digest of a tag";
        let endpoint = self.endpoint(repository, attempt)?;
        let failed =
            |kind| Error { attempt, host: endpoint.host.clone(), repository: format!("{repository}:{tag}"), kind };
        let url = endpoint.url(&format!("manifests/{tag}")).map_err(failed)?;
        let ask = Ask { method: Method::HEAD, url, accept: ACCEPT_MANIFEST, limit: MANIFEST_LIMIT };
        let answer = self.ask(&endpoint, ask).await.map_err(failed)?;
        let header = answer.headers.get("docker-content-digest").and_then(|value| value.to_str().ok());
        Ok(header.and_then(Digest::parse))
    }

    async fn image(&self, endpoint: &Endpoint, reference: &str) -> Result<ImageMetadata, Kind> {
        let top = self.manifest(endpoint, reference).await?;
        let shape: Value = parse(&top.body, "manifest")?;
        let mut annotations = BTreeMap::new();
        let mut platforms = Vec::new();
        let image = if shape.get("manifests").is_some() {
            let index: ImageIndex = parse(&top.body, "index")?;
            keep(&mut annotations, index.annotations().iter().flatten());
            platforms = index.manifests().iter().filter_map(platform).collect();
            let chosen = choose(index.manifests()).ok_or_else(|| malformed("the index names no image"))?;
            self.manifest(endpoint, chosen.digest().as_ref()).await?
        } else {
            Manifest { digest: top.digest.clone(), body: top.body }
        };
        let manifest: ImageManifest = parse(&image.body, "manifest")?;
        keep(&mut annotations, manifest.annotations().iter().flatten());
        let config = self.config(endpoint, manifest.config()).await?;
        if platforms.is_empty() {
            platforms.extend(config_platform(&config));
        }
        let mut labels = BTreeMap::new();
        let found = config.pointer("/config/Labels").and_then(Value::as_object).into_iter().flatten();
        let found: Vec<(String, String)> =
            found.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect();
        keep(&mut labels, found.iter().map(|(key, value)| (key, value)));
        let layers = manifest.layers().iter().map(Descriptor::size);
        Ok(ImageMetadata {
            digest: top.digest,
            created: config.get("created").and_then(Value::as_str).map(time).unwrap_or_default(),
            labels,
            annotations,
            platforms,
            size: layers.fold(manifest.config().size(), u64::saturating_add),
        })
    }

    pub(super) async fn manifest(&self, endpoint: &Endpoint, reference: &str) -> Result<Manifest, Kind> {
        let url = endpoint.url(&format!("manifests/{reference}"))?;
        let ask = Ask { method: Method::GET, url, accept: ACCEPT_MANIFEST, limit: MANIFEST_LIMIT };
        let answer = self.ask(endpoint, ask).await?;
        let digest = Digest::of(&answer.body);
        let claimed = answer.headers.get("docker-content-digest").and_then(|value| value.to_str().ok());
        // Digests of other algorithms cannot be checked and are not relied on.
        let differs = |claimed: &str| claimed.starts_with("sha256:") && claimed != digest.as_str();
        if claimed.is_some_and(differs) || differs(reference) {
            return Err(malformed("the manifest does not have the digest it is said to have"));
        }
        Ok(Manifest { digest, body: answer.body })
    }

    async fn config(&self, endpoint: &Endpoint, descriptor: &Descriptor) -> Result<Value, Kind> {
        if descriptor.size() > CONFIG_LIMIT as u64 {
            return Err(Kind::TooLarge { limit: CONFIG_LIMIT });
        }
        let digest = descriptor.digest().as_ref();
        let url = endpoint.url(&format!("blobs/{digest}"))?;
        let ask = Ask { method: Method::GET, url, accept: "*/*", limit: CONFIG_LIMIT };
        let answer = self.ask(endpoint, ask).await?;
        if Digest::of(&answer.body).as_str() != digest {
            return Err(malformed("the image's configuration does not have its digest"));
        }
        parse(&answer.body, "image configuration")
    }
}

fn parse<T: serde::de::DeserializeOwned>(body: &[u8], what: &'static str) -> Result<T, Kind> {
    serde_json::from_slice(body).map_err(|error| malformed(format!("the {what} is not one: {error}")))
}

/// linux/amd64, else the first that is an image for a platform and not an attestation.
fn choose(manifests: &[Descriptor]) -> Option<&Descriptor> {
    let usual = |d: &&Descriptor| {
        d.platform().as_ref().is_some_and(|p| *p.os() == Os::Linux && *p.architecture() == Arch::Amd64)
    };
    manifests
        .iter()
        .find(usual)
        .or_else(|| manifests.iter().find(|descriptor| platform(descriptor).is_some()))
        .or_else(|| manifests.iter().find(|descriptor| descriptor.platform().is_none()))
}

fn platform(descriptor: &Descriptor) -> Option<String> {
    let platform = descriptor.platform().as_ref()?;
    let (os, architecture) = (platform.os().to_string(), platform.architecture().to_string());
    if os == "unknown" || architecture == "unknown" {
        return None;
    }
    let variant = platform.variant().as_ref().map(|variant| format!("/{variant}")).unwrap_or_default();
    Some(format!("{os}/{architecture}{variant}"))
}

fn config_platform(config: &Value) -> Option<String> {
    Some(format!("{}/{}", config.get("os")?.as_str()?, config.get("architecture")?.as_str()?))
}

fn keep<'a>(into: &mut BTreeMap<String, String>, from: impl Iterator<Item = (&'a String, &'a String)>) {
    // Sorted first, so that the same ones are kept each time.
    let sorted: BTreeMap<&String, &String> = from.collect();
    for (key, value) in sorted {
        if into.len() < LABELS_LIMIT && key.len() + value.len() <= LABEL_LIMIT {
            into.insert(key.clone(), value.clone());
        }
    }
}

/// RFC 3339; anything else, and Go's zero time, is unknown.
fn time(text: &str) -> Timestamp {
    let millis = text.parse::<jiff::Timestamp>().map(jiff::Timestamp::as_millisecond).unwrap_or_default();
    Timestamp(u64::try_from(millis).unwrap_or_default())
}
