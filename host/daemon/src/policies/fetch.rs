//! The bytes of a policy, from where its object says.

use std::time::Duration;

use rhumb_core::chain::chain;
use rhumb_core::id::{Digest, PolicyName};
use rhumb_core::image::Reference;
use rhumb_core::manifest::File;
use rhumb_core::objects::{Declared, Source};
use rhumb_core::policies::Step;
use rhumb_io::git::Skipped;
use rhumb_io::registry::{self, PublicKey};
use rhumb_io::{documents, git};

use super::load::Failed;
use crate::context::Context;
use crate::repository::blocking;

/// Longest time that fetching one policy takes, all requests together.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Bytes that nobody has looked at.
pub(super) struct Fetched {
    pub(super) bytes: Vec<u8>,
    /// The reference with the manifest's digest, of what came from a registry.
    pub(super) reference: Option<String>,
}

/// Fetches at most `limit` bytes.
pub(super) async fn fetch(
    ctx: &Context,
    (declared, source): (&Declared, &Source),
    limit: usize,
) -> Result<Fetched, Failed> {
    let fetching = async {
        match source {
            Source::Builtin(name) => builtin(ctx, name).map(plain),
            Source::Path(path) => in_git(ctx, path, limit).await.map(plain),
            Source::Https { url, digest } => https(ctx, url, digest, limit).await.map(plain),
            Source::Oci { reference, digest, secret, public_key } => {
                let secret = secret.as_deref().map(|name| {
                    let own = declared.id.namespace.as_deref();
                    (own.unwrap_or(&ctx.config.namespace), name)
                });
                let digest = digest.clone().or_else(|| declared.recorded());
                oci(ctx, (reference, digest.as_ref()), (secret, public_key.as_deref()), limit).await
            }
        }
    };
    let late = || not_now(format!("no answer within {} s", TIMEOUT.as_secs()));
    tokio::time::timeout(TIMEOUT, fetching).await.unwrap_or_else(|_| Err(late()))
}

fn plain(bytes: Vec<u8>) -> Fetched {
    Fetched { bytes, reference: None }
}

fn never(why: impl Into<String>) -> Failed {
    Failed::for_good(Step::Fetched, why)
}

fn not_now(why: impl Into<String>) -> Failed {
    Failed::for_now(Step::Fetched, why)
}

fn builtin(ctx: &Context, name: &PolicyName) -> Result<Vec<u8>, Failed> {
    let read = ctx.library.read(name).map_err(|error| not_now(chain(&error)))?;
    read.ok_or_else(|| never(format!("no policy `{name}` is shipped")))
}

async fn in_git(ctx: &Context, path: &str, limit: usize) -> Result<Vec<u8>, Failed> {
    let failed = |error: git::Error| match error {
        git::Error::NoPath { .. } | git::Error::TooLarge { .. } => never(chain(&error)),
        other => not_now(chain(&other)),
    };
    let revision = ctx.repository.snapshot().await.map_err(failed)?.revision.clone();
    let (mirror, wanted, short) =
        (std::sync::Arc::clone(ctx.repository.mirror()), path.to_owned(), revision.short().to_owned());
    let listing = blocking(move || {
        let under = [wanted.clone()];
        mirror.list(&revision, &under, &|path| path == wanted)
    });
    let git::Listing { files, skipped } = listing.await.map_err(failed)?;
    if let Some((_, skipped)) = skipped.first() {
        let what = match skipped {
            Skipped::Symlink => "a symbolic link",
            Skipped::Submodule => "a submodule",
        };
        return Err(never(format!("`{path}` is {what}, which is not followed")));
    }
    let file = files.into_iter().next();
    let file = file.ok_or_else(|| never(format!("`{path}` is a folder in commit {short}")))?;
    if file.is_lfs_pointer() {
        return Err(never(format!("`{path}` is a pointer of Git LFS, which is not spoken; commit the file itself")));
    }
    let File { data, .. } = file;
    if data.len() > limit {
        return Err(never(format!("`{path}` has {} bytes, allowed are {limit}", data.len())));
    }
    Ok(data)
}

async fn https(ctx: &Context, url: &str, digest: &Digest, limit: usize) -> Result<Vec<u8>, Failed> {
    let failed = |error: documents::Error| match error.is_final() {
        true => never(chain(&error)),
        false => not_now(chain(&error)),
    };
    // It is the same wherever it comes from.
    if let Some(bytes) = ctx.components.get(digest, limit) {
        return Ok(bytes);
    }
    let bytes = ctx.documents.bytes(url, limit).await.map_err(failed)?;
    let found = Digest::of(&bytes);
    if found != *digest {
        return Err(never(format!("what the URL gives has the digest {found}, wanted is {digest}")));
    }
    ctx.components.put(digest, &bytes);
    Ok(bytes)
}

async fn oci(
    ctx: &Context,
    (text, digest): (&str, Option<&Digest>),
    (secret, public_key): (Option<(&str, &str)>, Option<&str>),
    limit: usize,
) -> Result<Fetched, Failed> {
    let failed = |error: registry::Error| match error.kind {
        registry::Kind::Malformed(_) | registry::Kind::TooLarge { .. } => never(chain(&error)),
        _ => not_now(chain(&error)),
    };
    let reference = Reference::parse(text).map_err(|error| never(format!("spec.oci.reference: {error}")))?;
    let wanted = match (digest, &reference.tag) {
        (Some(digest), _) => digest.as_str(),
        (None, Some(tag)) => tag.as_str(),
        (None, None) => return Err(never("spec.oci.reference names no tag, and spec.oci.digest is missing")),
    };
    let key = public_key.map(PublicKey::parse).transpose();
    let key = key.map_err(|error| never(format!("spec.oci.publicKey cannot be used: {error}")))?;
    // Whoever asks with another secret, or with none, has to be let in by the registry first.
    let (namespace, name) = secret.unwrap_or_default();
    let asked = |manifest: &str| {
        let repository = reference.repository().to_string();
        let parts = [&repository, manifest, public_key.unwrap_or_default(), namespace, name];
        Digest::of_parts(parts.map(str::as_bytes))
    };
    let fetched = |bytes, manifest: &Digest| {
        let pinned = Reference { digest: Some(manifest.to_string()), ..reference.clone() };
        Fetched { bytes, reference: Some(pinned.to_string()) }
    };
    // What a manifest means does not change, nor who has signed it.
    if let Some(digest) = digest
        && let Some(bytes) = ctx.components.get(&asked(digest.as_str()), limit)
    {
        return Ok(fetched(bytes, digest));
    }
    let client = ctx.scanner.registry_for_policy(secret).await.map_err(not_now)?;
    let repository = reference.repository();
    let component = client.pull_component(&repository, wanted, limit).await.map_err(failed)?;
    if let Some(key) = key
        && !client.is_signed(&repository, &component.manifest, &key).await.map_err(failed)?
    {
        return Err(not_now(format!("{} is not signed by spec.oci.publicKey", component.manifest)));
    }
    ctx.components.put(&asked(component.manifest.as_str()), &component.bytes);
    Ok(fetched(component.bytes, &component.manifest))
}
