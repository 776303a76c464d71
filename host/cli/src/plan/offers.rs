//! Tags on offer for `rhumb plan`: from a file, or from the images' registries.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use rhumb_core::chain::chain;
use rhumb_core::id::{Tag, Timestamp};
use rhumb_core::image::Reference;
use rhumb_core::images;
use rhumb_core::manifest::Manifests;
use rhumb_daemon::config::Registries;
use rhumb_io::registry::{Client, Keyring};

/// Tags of one repository with their build times (0 when unknown), or why there are none.
pub(super) type Offer = Result<BTreeMap<String, Timestamp>, String>;

/// What is on offer, and the registries that know more about it.
pub(super) struct Offers {
    /// By canonical repository.
    pub(super) tags: BTreeMap<String, Offer>,
    registry: Option<Client>,
}

impl Offers {
    /// The build time of a tag: as the file says, or as the image itself says; `None` when the registry cannot say.
    pub(super) async fn created(&self, repository: &str, tag: &str) -> Option<Timestamp> {
        match &self.registry {
            Some(registry) => registry.metadata(repository, &Tag::new(tag)).await.ok().map(|image| image.created),
            None => self.tags.get(repository)?.as_ref().ok()?.get(tag).copied(),
        }
    }
}

/// Reads lines `REPOSITORY TAG [BUILD TIME]` or `REPOSITORY:TAG`; `#` begins a comment.
pub(super) fn from_file(path: &Path) -> Result<Offers> {
    let text = std::fs::read_to_string(path).with_context(|| format!("failed to read `{}`", path.display()))?;
    let mut offers: BTreeMap<String, BTreeMap<String, Timestamp>> = BTreeMap::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.split(" #").next().unwrap_or_default().trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let at = || format!("{}:{}", path.display(), number + 1);
        let words: Vec<&str> = line.split_whitespace().collect();
        let (repository, tag, created) = match words.as_slice() {
            [reference] => (*reference, None, None),
            [repository, tag] => (*repository, Some(*tag), None),
            [repository, tag, created] => (*repository, Some(*tag), Some(*created)),
            _ => bail!("{}: expected `REPOSITORY TAG [BUILD TIME]`", at()),
        };
        let reference = Reference::parse(repository).with_context(at)?;
        let tag = tag.or(reference.tag.as_ref().map(Tag::as_str));
        let tag = tag.with_context(|| format!("{}: expected a tag", at()))?.to_owned();
        let created = match created {
            Some(text) => {
                Timestamp::parse(text).with_context(|| format!("{}: `{text}` is not an RFC 3339 time", at()))?
            }
            None => Timestamp(0),
        };
        offers.entry(reference.repository()).or_default().insert(tag, created);
    }
    let tags = offers.into_iter().map(|(repository, tags)| (repository, Ok(tags))).collect();
    Ok(Offers { tags, registry: None })
}

/// Asks the registry of each automated image. One that cannot be reached is a reason on its containers.
pub(super) async fn from_registries(manifests: &Manifests, registries: &Registries) -> Result<Offers> {
    let keyring = registries.docker_config.as_deref().map(Keyring::read).transpose()?;
    let client = registries.client()?.with_keyring(keyring.unwrap_or_default());
    let mut offers = BTreeMap::new();
    for workload in images::workloads(manifests).iter().filter(|workload| workload.is_open()) {
        for slot in &workload.slots {
            let repository = slot.image.repository();
            if offers.contains_key(&repository) {
                continue;
            }
            let offer = match client.tags(&repository).await {
                Ok(list) => Ok(list.names.into_iter().map(|tag| (tag.to_string(), Timestamp(0))).collect()),
                Err(error) => Err(chain(&error)),
            };
            offers.insert(repository, offer);
        }
    }
    Ok(Offers { tags: offers, registry: Some(client) })
}
