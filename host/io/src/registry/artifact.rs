//! Artifacts: manifests with a config and layers that are no images, such as components and signatures.

use std::collections::BTreeMap;

use bytes::Bytes;
use oci_spec::image::{Descriptor, ImageManifest};
use reqwest::header::{CONTENT_TYPE, HeaderValue, LOCATION};
use reqwest::{Method, Response, Url};
use rhumb_core::id::Digest;
use serde_json::{Value, json};

use super::client::{Ask, Client, status};
use super::endpoint::Endpoint;
use super::error::{Error, Kind, malformed};
use super::{CONFIG_LIMIT, LAYER_LIMIT, LAYERS_LIMIT};
use crate::web::{self, Request};

/// Media type of a manifest (OCI image specification).
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// A config, layers and what is said about them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// What it is.
    pub config: Blob,
    /// What it consists of.
    pub layers: Vec<Blob>,
    /// Said of the whole.
    pub annotations: BTreeMap<String, String>,
}

/// Bytes and their type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// Media type.
    pub media_type: String,
    /// The bytes.
    pub data: Vec<u8>,
    /// Said of them in the manifest.
    pub annotations: BTreeMap<String, String>,
}

impl Blob {
    fn descriptor(&self) -> Value {
        let mut descriptor = json!({
            "mediaType": self.media_type, "digest": Digest::of(&self.data).as_str(), "size": self.data.len(),
        });
        if let (Some(map), false) = (descriptor.as_object_mut(), self.annotations.is_empty()) {
            map.insert("annotations".to_owned(), json!(self.annotations));
        }
        descriptor
    }
}

impl Artifact {
    /// The manifest's bytes: the same for the same artifact.
    pub fn manifest(&self) -> Vec<u8> {
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "config": self.config.descriptor(),
            "layers": self.layers.iter().map(Blob::descriptor).collect::<Vec<_>>(), "annotations": self.annotations,
        });
        manifest.to_string().into_bytes()
    }
}

impl Client {
    /// Uploads what is not there yet, then lets the tag name it; the manifest's digest.
    pub async fn push(&self, repository: &str, tag: &str, artifact: &Artifact) -> Result<Digest, Error> {
        let attempt = "push an artifact";
        let endpoint = self.endpoint(repository, attempt)?;
        let failed =
            |kind| Error { attempt, host: endpoint.host.clone(), repository: format!("{repository}:{tag}"), kind };
        for blob in artifact.layers.iter().chain([&artifact.config]) {
            self.upload(&endpoint, blob).await.map_err(failed)?;
        }
        let manifest = artifact.manifest();
        let digest = Digest::of(&manifest);
        let url = endpoint.url(&format!("manifests/{tag}")).map_err(failed)?;
        self.write(&endpoint, Method::PUT, url, (MANIFEST, manifest.into())).await.map_err(failed)?;
        Ok(digest)
    }

    /// The artifact that a tag or a digest names, with the digest of its manifest.
    pub async fn pull(&self, repository: &str, reference: &str) -> Result<(Digest, Artifact), Error> {
        self.pull_within(repository, reference, LAYER_LIMIT).await
    }

    /// The same, with layers of at most this many bytes.
    pub(super) async fn pull_within(
        &self,
        repository: &str,
        reference: &str,
        limit: usize,
    ) -> Result<(Digest, Artifact), Error> {
        let attempt = "pull an artifact";
        let endpoint = self.endpoint(repository, attempt)?;
        self.read(&endpoint, reference, limit).await.map_err(|kind| Error {
            attempt,
            host: endpoint.host.clone(),
            repository: format!("{repository}:{reference}"),
            kind,
        })
    }

    async fn read(&self, endpoint: &Endpoint, reference: &str, limit: usize) -> Result<(Digest, Artifact), Kind> {
        let found = self.manifest(endpoint, reference).await?;
        let manifest: ImageManifest =
            serde_json::from_slice(&found.body).map_err(|error| malformed(format!("it is no artifact: {error}")))?;
        if manifest.layers().len() > LAYERS_LIMIT {
            return Err(malformed(format!("it has more than {LAYERS_LIMIT} layers")));
        }
        let config = self.blob(endpoint, manifest.config(), CONFIG_LIMIT).await?;
        let mut layers = Vec::new();
        for layer in manifest.layers() {
            layers.push(self.blob(endpoint, layer, limit).await?);
        }
        let annotations = manifest.annotations().iter().flatten().map(|(k, v)| (k.clone(), v.clone())).collect();
        Ok((found.digest, Artifact { config, layers, annotations }))
    }

    pub(super) async fn blob(&self, endpoint: &Endpoint, descriptor: &Descriptor, limit: usize) -> Result<Blob, Kind> {
        if descriptor.size() > limit as u64 {
            return Err(Kind::TooLarge { limit });
        }
        let digest = descriptor.digest().as_ref();
        let url = endpoint.url(&format!("blobs/{digest}"))?;
        let answer = self.ask(endpoint, Ask { method: Method::GET, url, accept: "*/*", limit }).await?;
        if Digest::of(&answer.body).as_str() != digest {
            return Err(malformed("a layer does not have the digest that its manifest says"));
        }
        let annotations = descriptor.annotations().iter().flatten().map(|(k, v)| (k.clone(), v.clone())).collect();
        Ok(Blob { media_type: descriptor.media_type().to_string(), data: answer.body, annotations })
    }

    /// Uploads a blob in two steps, as all registries know them, unless it is there.
    async fn upload(&self, endpoint: &Endpoint, blob: &Blob) -> Result<(), Kind> {
        let digest = Digest::of(&blob.data);
        let there = endpoint.url(&format!("blobs/{digest}"))?;
        let ask = Ask { method: Method::HEAD, url: there, accept: "*/*", limit: LAYER_LIMIT };
        match self.ask(endpoint, ask).await {
            Ok(_) => return Ok(()),
            // A registry that asks for a proof of reading asks for one of writing as well.
            Err(Kind::NotFound | Kind::Unauthorized) => {}
            Err(other) => return Err(other),
        }
        let begin = endpoint.url("blobs/uploads/")?;
        let octets = "application/octet-stream";
        let begun = self.write(endpoint, Method::POST, begin.clone(), (octets, Bytes::new())).await?;
        let location = begun.headers().get(LOCATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let mut target = begin.join(location).map_err(malformed)?;
        if location.is_empty() || web::origin(&target) != web::origin(&begin) {
            return Err(malformed("it does not say where to upload to"));
        }
        target.query_pairs_mut().append_pair("digest", digest.as_str());
        self.write(endpoint, Method::PUT, target, (octets, blob.data.clone().into())).await.map(drop)
    }

    async fn write(
        &self,
        endpoint: &Endpoint,
        method: Method,
        url: Url,
        (media_type, body): (&'static str, Bytes),
    ) -> Result<Response, Kind> {
        let headers = vec![(CONTENT_TYPE, HeaderValue::from_static(media_type))];
        let request = Request { method, headers, body, ..Request::get(url) };
        let response = self.authorized(endpoint, request).await?;
        status(response.status(), response.headers())?;
        Ok(response)
    }
}
