//! What a registry holds: repositories with tags and manifests, blobs, and uploads that are not finished.

use std::collections::BTreeMap;

use axum::body::Bytes;
use serde_json::{Value, json};

use crate::media::{CONFIG, MANIFEST, digest};

/// A manifest and its media type.
#[derive(Clone, Debug)]
pub(super) struct Manifest {
    pub(super) media_type: String,
    pub(super) data: Bytes,
}

#[derive(Debug, Default)]
struct Repository {
    /// Digest by tag.
    tags: BTreeMap<String, String>,
    manifests: BTreeMap<String, Manifest>,
}

/// Everything in a registry.
#[derive(Debug, Default)]
pub(super) struct Content {
    repositories: BTreeMap<String, Repository>,
    blobs: BTreeMap<String, Bytes>,
    uploads: BTreeMap<u64, Vec<u8>>,
    next_upload: u64,
}

impl Content {
    /// The tags of a repository, sorted, or `None` where there is no such repository.
    pub(super) fn tags(&self, repository: &str) -> Option<Vec<String>> {
        Some(self.repositories.get(repository)?.tags.keys().cloned().collect())
    }

    /// Digest and manifest by tag or digest.
    pub(super) fn manifest(&self, repository: &str, reference: &str) -> Option<(String, Manifest)> {
        let repository = self.repositories.get(repository)?;
        let digest = match reference.contains(':') {
            true => reference,
            false => repository.tags.get(reference)?,
        };
        Some((digest.to_owned(), repository.manifests.get(digest)?.clone()))
    }

    pub(super) fn blob(&self, digest: &str) -> Option<Bytes> {
        self.blobs.get(digest).cloned()
    }

    /// Stores a manifest; the error is the digest of a blob that it names and that is not there.
    pub(super) fn put_manifest(
        &mut self,
        repository: &str,
        reference: &str,
        manifest: Manifest,
    ) -> Result<String, String> {
        let value: Value = serde_json::from_slice(&manifest.data).unwrap_or_default();
        let layers = value.get("layers").and_then(Value::as_array).into_iter().flatten();
        for descriptor in layers.chain(value.get("config")) {
            let named = descriptor.get("digest").and_then(Value::as_str).unwrap_or_default();
            if !self.blobs.contains_key(named) {
                return Err(named.to_owned());
            }
        }
        let digest = digest(&manifest.data);
        let repository = self.repositories.entry(repository.to_owned()).or_default();
        repository.manifests.insert(digest.clone(), manifest);
        if !reference.contains(':') {
            repository.tags.insert(reference.to_owned(), digest.clone());
        }
        Ok(digest)
    }

    pub(super) fn put_blob(&mut self, data: Bytes) -> String {
        let digest = digest(&data);
        self.blobs.insert(digest.clone(), data);
        digest
    }

    pub(super) fn remove_tag(&mut self, repository: &str, tag: &str) {
        if let Some(repository) = self.repositories.get_mut(repository) {
            repository.tags.remove(tag);
        }
    }

    /// Removes a tag or, by digest, a manifest with all its tags; false where there was none.
    pub(super) fn remove_manifest(&mut self, repository: &str, reference: &str) -> bool {
        let Some(repository) = self.repositories.get_mut(repository) else { return false };
        if !reference.contains(':') {
            return repository.tags.remove(reference).is_some();
        }
        repository.tags.retain(|_, digest| digest != reference);
        repository.manifests.remove(reference).is_some()
    }

    /// Begins an upload.
    pub(super) fn begin_upload(&mut self) -> u64 {
        self.next_upload += 1;
        self.uploads.insert(self.next_upload, Vec::new());
        self.next_upload
    }

    /// Adds to an upload and returns its length, or `None` where there is none.
    pub(super) fn append(&mut self, upload: u64, data: &[u8]) -> Option<usize> {
        let buffer = self.uploads.get_mut(&upload)?;
        buffer.extend_from_slice(data);
        Some(buffer.len())
    }

    /// Ends an upload and returns its bytes.
    pub(super) fn finish(&mut self, upload: u64) -> Option<Vec<u8>> {
        self.uploads.remove(&upload)
    }

    /// Stores an image without layers, as a test wants many of them.
    pub(super) fn add_image(&mut self, repository: &str, tag: &str, created: u64) {
        let config = json!({
            "created": super::created(created), "architecture": "amd64", "os": "linux",
            "config": {"Labels": {"org.opencontainers.image.version": tag}},
            "rootfs": {"type": "layers", "diff_ids": []},
        });
        let config = Bytes::from(config.to_string());
        let size = config.len();
        let digest = self.put_blob(config);
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": {"mediaType": CONFIG, "digest": digest, "size": size}, "layers": [],
        });
        let manifest = Manifest { media_type: MANIFEST.into(), data: Bytes::from(manifest.to_string()) };
        self.put_manifest(repository, tag, manifest).expect("its config was just stored");
    }
}
