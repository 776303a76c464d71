//! Container registries: which tags a repository has, what an image says of itself, and artifacts such as policies.
//!
//! A thin client of the distribution API v2 (OCI and Docker). Only [`Client::push`] and
//! [`Client::sign`] write.
//!
//! Invariant: every list and body is bounded, a registry that pages in a circle ends, and bytes that have a digest are
//! checked against it before anything in them is believed.

mod artifact;
mod auth;
mod challenge;
mod client;
mod component;
mod endpoint;
mod error;
mod image;
mod keyring;
mod signature;
mod tags;
#[cfg(test)]
mod tests;

pub use artifact::{Artifact, Blob};
pub use client::{Client, Options};
pub use component::{CONFIG_TYPE, Component, LAYER_TYPE};
pub use error::{Error, Kind};
pub use image::ImageMetadata;
pub use keyring::{Credentials, Keyring, KeyringError};
pub use signature::{KeyError, PrivateKey, PublicKey};
pub use tags::TagList;

/// Most tags that are read of one repository.
pub const TAGS_LIMIT: usize = 100_000;
/// Most pages of tags that are read of one repository.
pub const PAGES_LIMIT: usize = 1_000;
/// Tags that are asked for per page.
pub const PAGE_SIZE: usize = 1_000;
/// Largest page of tags, in bytes.
pub const PAGE_BYTES_LIMIT: usize = 8 * 1024 * 1024;
/// Largest manifest, in bytes (the size that the OCI specification asks registries to take).
pub const MANIFEST_LIMIT: usize = 4 * 1024 * 1024;
/// Largest image configuration, in bytes.
pub const CONFIG_LIMIT: usize = 4 * 1024 * 1024;
/// Largest layer of an artifact, in bytes.
pub const LAYER_LIMIT: usize = 64 * 1024 * 1024;
/// Largest payload of a signature, in bytes.
pub const SIGNATURE_LIMIT: usize = 64 * 1024;
/// Most layers of an artifact.
pub const LAYERS_LIMIT: usize = 16;
/// Largest answer of a token server, in bytes.
pub const TOKEN_LIMIT: usize = 64 * 1024;
/// Most labels, and most annotations, that are kept of one image.
pub const LABELS_LIMIT: usize = 256;
/// Longest label or annotation that is kept, in bytes; longer ones are left out.
pub const LABEL_LIMIT: usize = 4 * 1024;
/// Largest docker config, in bytes (a Secret cannot be larger).
pub const KEYRING_LIMIT: usize = 1024 * 1024;
