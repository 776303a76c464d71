//! Signatures of artifacts by a key, as `cosign` makes and reads them.
//!
//! A signature of the manifest `sha256:…` is a layer of the artifact at the tag `sha256-….sig` in the same repository:
//! the layer says which digest is meant ("simple signing"), an annotation has the signature of the layer's bytes (ECDSA
//! with P-256 and SHA-256, DER, base64).

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rhumb_core::id::Digest;
use ring::rand::SystemRandom;
use ring::signature::{self, EcdsaKeyPair, KeyPair as _, UnparsedPublicKey};
use serde_json::{Value, json};

use super::client::Client;
use super::error::{Error, Kind};
use super::{Artifact, Blob, SIGNATURE_LIMIT};

const LAYER: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const ANNOTATION: &str = "dev.cosignproject.cosign/signature";
const TYPE: &str = "cosign container image signature";
/// What stands before the point in a P-256 key of the form SubjectPublicKeyInfo (RFC 5480).
const SPKI: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// Bytes of an uncompressed point.
const POINT: usize = 65;

/// Why a key cannot be used. Never shows what it holds.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Not PEM of this kind.
    #[error("it is no {0} in PEM")]
    Form(&'static str),
    /// Encrypted, which is not read.
    #[error(
        "the key is encrypted; only plain ones (PKCS#8) are read, such as `openssl genpkey -algorithm EC -pkeyopt \
         ec_paramgen_curve:P-256` makes"
    )]
    Encrypted,
    /// Of another kind.
    #[error("it is no key of the curve P-256")]
    Curve,
}

/// The public half of a key (`cosign.pub`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey(Vec<u8>);

/// A key that signs. Never printed.
pub struct PrivateKey(EcdsaKeyPair);

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(…)")
    }
}

impl PublicKey {
    /// Reads `-----BEGIN PUBLIC KEY-----`.
    pub fn parse(pem: &str) -> Result<Self, KeyError> {
        let der = der(pem, "PUBLIC KEY").ok_or(KeyError::Form("public key"))?;
        let point = der.strip_prefix(&SPKI[..]).filter(|point| point.len() == POINT);
        point.map(|point| Self(point.to_vec())).ok_or(KeyError::Curve)
    }

    fn has_signed(&self, payload: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_ASN1, &self.0).verify(payload, signature).is_ok()
    }
}

impl PrivateKey {
    /// Reads `-----BEGIN PRIVATE KEY-----`.
    pub fn parse(pem: &str) -> Result<Self, KeyError> {
        if pem.contains("-----BEGIN ENCRYPTED") {
            return Err(KeyError::Encrypted);
        }
        let der = der(pem, "PRIVATE KEY").ok_or(KeyError::Form("private key (PKCS#8)"))?;
        let algorithm = &signature::ECDSA_P256_SHA256_ASN1_SIGNING;
        EcdsaKeyPair::from_pkcs8(algorithm, &der, &SystemRandom::new()).map(Self).map_err(|_| KeyError::Curve)
    }

    /// Its public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.public_key().as_ref().to_vec())
    }
}

impl Client {
    /// Whether this key has signed the manifest of this digest.
    pub async fn is_signed(&self, repository: &str, manifest: &Digest, key: &PublicKey) -> Result<bool, Error> {
        let signatures = self.signatures(repository, manifest).await?;
        Ok(signatures.is_some_and(|artifact| artifact.layers.iter().any(|layer| counts(layer, manifest, key))))
    }

    /// Signs the manifest of this digest, unless this key has done so; `name` is what people call the repository.
    pub async fn sign(&self, repository: &str, name: &str, manifest: &Digest, key: &PrivateKey) -> Result<(), Error> {
        let there = self.signatures(repository, manifest).await?;
        let mut artifact = there.unwrap_or_else(|| Artifact {
            config: blob(
                CONFIG,
                json!({"architecture": "", "os": "", "config": {}, "rootfs": {"type": "layers", "diff_ids": []}}),
            ),
            layers: Vec::new(),
            annotations: BTreeMap::new(),
        });
        if artifact.layers.iter().any(|layer| counts(layer, manifest, &key.public())) {
            return Ok(());
        }
        let mut layer = blob(LAYER, payload(name, manifest));
        let signature = key.0.sign(&SystemRandom::new(), &layer.data).map_err(|_| Error {
            attempt: "sign the manifest",
            host: String::new(),
            repository: repository.to_owned(),
            kind: Kind::Malformed("the machine gives no random numbers".to_owned()),
        })?;
        layer.annotations.insert(ANNOTATION.to_owned(), STANDARD.encode(signature));
        artifact.layers.push(layer);
        self.push(repository, &tag(manifest), &artifact).await.map(drop)
    }

    async fn signatures(&self, repository: &str, manifest: &Digest) -> Result<Option<Artifact>, Error> {
        match self.pull_within(repository, &tag(manifest), SIGNATURE_LIMIT).await {
            Ok((_, artifact)) => Ok(Some(artifact)),
            Err(Error { kind: Kind::NotFound, .. }) => Ok(None),
            Err(other) => Err(other),
        }
    }
}

/// Where the signatures of a manifest are.
fn tag(manifest: &Digest) -> String {
    format!("{}.sig", manifest.as_str().replace(':', "-"))
}

fn payload(name: &str, manifest: &Digest) -> Value {
    json!({
        "critical": {
            "identity": {"docker-reference": name}, "image": {"docker-manifest-digest": manifest}, "type": TYPE,
        },
        "optional": null,
    })
}

/// Whether a layer is this key's signature of this manifest: first whose it is, then what it says.
fn counts(layer: &Blob, manifest: &Digest, key: &PublicKey) -> bool {
    let signature = layer.annotations.get(ANNOTATION).and_then(|text| STANDARD.decode(text).ok()).unwrap_or_default();
    if layer.media_type != LAYER || !key.has_signed(&layer.data, &signature) {
        return false;
    }
    let said: Value = serde_json::from_slice(&layer.data).unwrap_or_default();
    let text = |pointer: &str| said.pointer(pointer).and_then(Value::as_str);
    text("/critical/image/docker-manifest-digest") == Some(manifest.as_str()) && text("/critical/type") == Some(TYPE)
}

fn blob(media_type: &str, value: Value) -> Blob {
    Blob { media_type: media_type.to_owned(), data: value.to_string().into_bytes(), annotations: BTreeMap::new() }
}

/// What stands between the lines of a PEM text.
fn der(pem: &str, label: &str) -> Option<Vec<u8>> {
    let (_, rest) = pem.split_once(&format!("-----BEGIN {label}-----"))?;
    let (body, _) = rest.split_once(&format!("-----END {label}-----"))?;
    STANDARD.decode(body.split_whitespace().collect::<String>()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256` and `openssl pkey -pubout`.
    const PRIVATE: &str = include_str!("keys/p256.pem");
    const PUBLIC: &str = include_str!("keys/p256.pub");

    #[test]
    fn a_key_and_its_public_half_belong_together() {
        let (private, public) = (PrivateKey::parse(PRIVATE).unwrap(), PublicKey::parse(PUBLIC).unwrap());
        assert_eq!(private.public(), public);
        assert_eq!(format!("{private:?}"), "PrivateKey(…)");
        assert!(matches!(PrivateKey::parse(PUBLIC), Err(KeyError::Form(_))));
        assert!(matches!(PublicKey::parse(PRIVATE), Err(KeyError::Form(_))));
        let encrypted = "-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----";
        assert!(matches!(PrivateKey::parse(encrypted), Err(KeyError::Encrypted)));
    }

    #[test]
    fn a_signature_counts_for_its_manifest_and_its_key_alone() {
        let (key, manifest) = (PrivateKey::parse(PRIVATE).unwrap(), Digest::of("a manifest"));
        let mut layer = blob(LAYER, payload("registry.example/policies/mine", &manifest));
        let signature = key.0.sign(&SystemRandom::new(), &layer.data).unwrap();
        layer.annotations.insert(ANNOTATION.to_owned(), STANDARD.encode(signature));
        assert!(counts(&layer, &manifest, &key.public()));
        assert!(!counts(&layer, &Digest::of("another manifest"), &key.public()));
        let mut other = key.public();
        other.0[40] ^= 1;
        assert!(!counts(&layer, &manifest, &other));
        let mut changed = layer.clone();
        changed.data = payload("registry.example/policies/other", &manifest).to_string().into_bytes();
        assert!(!counts(&changed, &manifest, &key.public()));
        layer.annotations.clear();
        assert!(!counts(&layer, &manifest, &key.public()));
    }
}
