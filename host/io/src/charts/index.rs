//! `index.yaml`: which charts a repository has, in which versions.

use std::collections::BTreeMap;

use rhumb_core::id::Digest;
use rhumb_helm::version::{Range, Version};
use serde_json::Value;

use super::error::Kind;
use super::{ENTRIES_LIMIT, INDEX_LIMIT};

/// One version of one chart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// As written in the index.
    pub version: String,
    /// Of the program in the chart.
    pub app_version: Option<String>,
    /// Where the archive is, absolute or from the repository's URL.
    pub url: String,
    /// Of the archive, where the index tells it.
    pub digest: Option<Digest>,
}

/// The charts of one repository, by name, newest version first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Index {
    /// By chart name.
    pub charts: BTreeMap<String, Vec<Entry>>,
}

impl Index {
    /// Reads an index. Entries that lack a version or a URL are left out, as Helm does.
    pub(super) fn parse(text: &str) -> Result<Self, Kind> {
        let limits = rhumb_yaml::Limits { bytes: INDEX_LIMIT, depth: 50, nodes: 2_000_000 };
        let malformed = |why: &dyn std::fmt::Display| Kind::Malformed(rhumb_core::chain::cut(&why.to_string(), 200));
        let documents = rhumb_yaml::documents(text, &limits).map_err(|error| malformed(&error))?;
        let document = documents.first().ok_or_else(|| malformed(&"the index is empty"))?;
        let value = rhumb_yaml::to_json(document, &limits).map_err(|error| malformed(&error))?;
        let entries = value.get("entries").and_then(Value::as_object);
        let entries = entries.ok_or_else(|| malformed(&"the index has no `entries`"))?;
        let mut charts = BTreeMap::new();
        let mut n_entries = 0;
        for (name, versions) in entries {
            let mut found: Vec<Entry> = versions.as_array().into_iter().flatten().filter_map(entry).collect();
            n_entries += found.len();
            if n_entries > ENTRIES_LIMIT {
                return Err(malformed(&format!("the index has more than {ENTRIES_LIMIT} versions")));
            }
            found.sort_by_cached_key(|entry| std::cmp::Reverse(Version::parse(&entry.version)));
            charts.insert(name.clone(), found);
        }
        Ok(Self { charts })
    }

    /// The entry that a version or range means: the version exactly as written, else the newest that fits.
    /// An empty one means the newest that is no pre-release.
    pub fn resolve(&self, name: &str, version: &str) -> Result<&Entry, Kind> {
        let entries = self.charts.get(name).ok_or_else(|| Kind::NoChart { name: name.to_owned() })?;
        if let Some(exact) = entries.iter().find(|entry| !version.is_empty() && entry.version == version) {
            return Ok(exact);
        }
        let range = if version.is_empty() { "*" } else { version };
        let range = Range::parse(range).ok_or_else(|| Kind::BadRange { version: version.to_owned() })?;
        let fits = |entry: &&Entry| Version::parse(&entry.version).is_some_and(|one| range.contains(&one));
        let none = || Kind::NoVersion { name: name.to_owned(), version: version.to_owned() };
        entries.iter().find(fits).ok_or_else(none)
    }
}

fn entry(value: &Value) -> Option<Entry> {
    let text = |key: &str| value.get(key).and_then(Value::as_str);
    let version = text("version")?;
    Version::parse(version)?;
    let digest = text("digest").map(|digest| format!("sha256:{}", digest.trim_start_matches("sha256:")));
    Some(Entry {
        version: version.to_owned(),
        app_version: text("appVersion").map(str::to_owned),
        url: value.get("urls")?.as_array()?.first()?.as_str()?.to_owned(),
        digest: digest.and_then(|digest| Digest::parse(&digest.to_lowercase())),
    })
}
