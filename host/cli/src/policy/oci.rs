//! `rhumb policy push` and `pull`: policies in OCI registries, in the CNCF's layout for WebAssembly.
//!
//! A manifest with the config `application/vnd.wasm.config.v0+json`, which says what the component imports and exports,
//! and one layer `application/wasm` (TAG Runtime, "Wasm OCI artifact layout").

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use rhumb_core::id::Digest;
use rhumb_core::image::Reference;
use rhumb_daemon::config::Registries;
use rhumb_io::registry::{
    Artifact, Blob, CONFIG_TYPE, Client, Component, Keyring, LAYER_LIMIT, LAYER_TYPE, PrivateKey, PublicKey,
};
use rhumb_policy::Loaded;
use serde_json::{Value, json};

use super::Printed;
use crate::print::Output;

/// What a reference may begin with.
const SCHEME: &str = "oci://";

/// Options of `rhumb policy push`.
#[derive(Args, Debug)]
#[command(after_help = "The same component gives the same digest: the config's time is SOURCE_DATE_EPOCH, or 1970.")]
pub struct Push {
    /// Component
    component: PathBuf,
    /// Where to, such as registry.example.com/policies/mine:0.1.0
    reference: String,
    /// Private key (P-256, PKCS#8 in PEM) to sign it with, as `cosign sign --key` does
    #[arg(long, value_name = "FILE")]
    sign: Option<PathBuf>,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    output: Output,
    #[command(flatten)]
    registries: Registries,
}

/// Options of `rhumb policy pull`.
#[derive(Args, Debug)]
pub struct Pull {
    /// Where from, such as registry.example.com/policies/mine:0.1.0 or …/mine@sha256:…
    reference: String,
    /// Public key (`cosign.pub`) that must have signed it
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// File to write; `NAME.wasm` in the current folder by default
    #[arg(long, short = 'f', value_name = "FILE")]
    file: Option<PathBuf>,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    output: Output,
    #[command(flatten)]
    registries: Registries,
}

/// A component as a registry has it.
pub(super) struct Fetched {
    /// Digest of the manifest, by which it is pinned.
    pub(super) manifest: Digest,
    /// The reference with that digest.
    pub(super) pinned: String,
    pub(super) bytes: Vec<u8>,
}

/// Whether this names something in a registry.
pub(super) fn is_reference(text: &Path) -> bool {
    text.to_string_lossy().starts_with(SCHEME)
}

/// Checks a component as a host does and uploads it.
pub async fn push(arguments: &Push) -> Result<Printed> {
    let policy = super::load(&super::sandbox()?, &arguments.component)?;
    let reference = parsed(&arguments.reference)?;
    if reference.digest.is_some() {
        bail!("`{}` names a digest, which nobody knows before it is pushed; give a tag", arguments.reference);
    }
    let tag = reference.tag.as_ref().map_or_else(|| policy.version.clone(), |tag| tag.as_str().to_owned());
    let bytes = super::read(&arguments.component)?;
    let artifact = artifact(&policy, bytes);
    let key = arguments.sign.as_deref().map(private_key).transpose()?;
    let (client, repository) = (client(&arguments.registries)?, reference.repository());
    let manifest = client.push(&repository, &tag, &artifact).await?;
    if let Some(key) = &key {
        client.sign(&repository, &reference.name(), &manifest, key).await?;
    }
    let pinned = format!("{}:{tag}@{manifest}", reference.name());
    let text = match arguments.output {
        Output::Json => super::json(&json!({
            "reference": pinned, "manifest": manifest, "component": policy.digest, "policy": policy.name,
            "version": policy.version, "signed": key.is_some(),
        }))?,
        Output::Text => format!("{pinned}\n"),
    };
    Ok(Printed { text, success: true })
}

/// Downloads a component, checks it as a host does and writes it.
pub async fn pull(arguments: &Pull) -> Result<Printed> {
    let fetched = fetch(&arguments.reference, &arguments.registries).await?;
    if let Some(path) = &arguments.key {
        let text = String::from_utf8_lossy(&super::read(path)?).into_owned();
        let key = PublicKey::parse(&text).with_context(|| format!("failed to use the key `{}`", path.display()))?;
        let repository = parsed(&arguments.reference)?.repository();
        if !client(&arguments.registries)?.is_signed(&repository, &fetched.manifest, &key).await? {
            bail!("`{}` is not signed by the key `{}`", fetched.pinned, path.display());
        }
    }
    // Beside its place, so that nothing is there that was not checked.
    let folder = arguments.file.as_deref().and_then(Path::parent).filter(|folder| !folder.as_os_str().is_empty());
    let mut unchecked =
        tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new("."))).context("failed to make a file")?;
    unchecked.write_all(&fetched.bytes).context("failed to write a file")?;
    let loaded = super::sandbox()?.load(&fetched.bytes);
    let policy = loaded.with_context(|| format!("failed to load `{}`", arguments.reference))?;
    let path = arguments.file.clone().unwrap_or_else(|| PathBuf::from(format!("{}.wasm", policy.name)));
    unchecked.persist(&path).with_context(|| format!("failed to write `{}`", path.display()))?;
    let text = match arguments.output {
        Output::Json => super::json(&json!({
            "reference": fetched.pinned, "manifest": fetched.manifest, "component": policy.digest, "policy": policy.name,
            "version": policy.version, "file": path,
        }))?,
        Output::Text => format!("{}\n{} {} in {}\n", fetched.pinned, policy.name, policy.version, path.display()),
    };
    Ok(Printed { text, success: true })
}

/// The component that a reference names, not looked at yet.
pub(super) async fn fetch(text: &str, registries: &Registries) -> Result<Fetched> {
    let reference = parsed(text)?;
    let tag = reference.tag.as_ref().map(|tag| tag.as_str());
    // A digest says exactly which; the tag beside it is for people.
    let wanted = match (&reference.digest, tag) {
        (Some(digest), _) => {
            let digest = Digest::parse(digest).with_context(|| format!("`{digest}` is no digest"))?;
            digest.to_string()
        }
        (None, Some(tag)) => tag.to_owned(),
        (None, None) => bail!("`{text}` names no version; add a tag, or a digest as in `…@sha256:…`"),
    };
    let Component { manifest, bytes } =
        client(registries)?.pull_component(&reference.repository(), &wanted, LAYER_LIMIT).await?;
    let tag = tag.map(|tag| format!(":{tag}")).unwrap_or_default();
    let pinned = format!("{}{tag}@{manifest}", reference.name());
    Ok(Fetched { pinned, bytes, manifest })
}

fn parsed(text: &str) -> Result<Reference> {
    let text = text.strip_prefix(SCHEME).unwrap_or(text);
    Reference::parse(text).with_context(|| format!("failed to read the reference `{text}`"))
}

fn private_key(path: &Path) -> Result<PrivateKey> {
    let text = String::from_utf8_lossy(&super::read(path)?).into_owned();
    PrivateKey::parse(&text).with_context(|| format!("failed to use the key `{}`", path.display()))
}

fn artifact(policy: &Loaded, bytes: Vec<u8>) -> Artifact {
    let interfaces = |interface: &str| policy.describe.contract.replacen('@', &format!("/{interface}@"), 1);
    let config = json!({
        "created": created(), "architecture": "wasm", "os": "wasip2", "layerDigests": [policy.digest],
        "component": {
            "exports": [interfaces("meta"), interfaces(policy.kind.as_str())], "imports": policy.imports,
        },
    });
    let annotations = [
        ("org.opencontainers.image.title", policy.name.clone()),
        ("org.opencontainers.image.version", policy.version.clone()),
        ("org.opencontainers.image.description", policy.describe.summary.clone()),
    ];
    let blob = |media_type: &str, data| Blob { media_type: media_type.to_owned(), data, annotations: BTreeMap::new() };
    Artifact {
        config: blob(CONFIG_TYPE, config.to_string().into_bytes()),
        layers: vec![blob(LAYER_TYPE, bytes)],
        annotations: annotations.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
    }
}

/// When it was made, as reproducible builds say it (`SOURCE_DATE_EPOCH`).
fn created() -> Value {
    let seconds = std::env::var("SOURCE_DATE_EPOCH").ok().and_then(|text| text.parse::<i64>().ok()).unwrap_or_default();
    json!(jiff::Timestamp::from_second(seconds).unwrap_or_default().to_string())
}

/// A client with the credentials that were named, or those of the docker client.
fn client(registries: &Registries) -> Result<Client> {
    let named = registries.docker_config.clone();
    let own = || {
        let folder = std::env::var_os("DOCKER_CONFIG").map(PathBuf::from);
        let folder = folder.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".docker")))?;
        Some(folder.join("config.json")).filter(|path| path.exists())
    };
    let keyring = named.or_else(own).map(|path| Keyring::read(&path)).transpose()?.unwrap_or_default();
    Ok(registries.client()?.with_keyring(keyring))
}
