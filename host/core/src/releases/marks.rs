//! What we note on a release record besides what Helm keeps in it, as annotations of its Secret.
//!
//! Invariant: with Helm's own status, the marks are all that a decision needs to know of the past. Nothing that it
//! needs is in memory only, so a process that is killed between two steps goes on with the next one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::id::Digest;

/// Annotation: the HelmRelease, as `<namespace>/<name>`.
pub const HELMRELEASE: &str = "rhumb.dev/helmrelease";
/// Annotation: the digest of what went in.
pub const INPUTS: &str = "rhumb.dev/inputs";
const GENERATION: &str = "rhumb.dev/generation";
const CHART_REVISION: &str = "rhumb.dev/chart-revision";
const TESTS: &str = "rhumb.dev/tests";
const ROLLED_BACK: &str = "rhumb.dev/rolled-back";
const INTERRUPTED: &str = "rhumb.dev/interrupted";

/// What the annotations of a record say; nothing for a record that `helm` wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// The HelmRelease, `<namespace>/<name>`.
    pub owner: Option<String>,
    /// Digest of all that went in.
    pub inputs: Option<Digest>,
    /// `metadata.generation` of the HelmRelease that was acted on.
    pub generation: Option<u64>,
    /// What `status.revision` shows of it: the chart's commit or version.
    pub chart_revision: Option<String>,
    /// How its tests went; `None` when they did not run to the end.
    pub tests: Option<Tested>,
    /// For a rollback: what it takes back.
    pub rolled_back: Option<RolledBack>,
    /// Whether its process was killed before it could say how it went.
    pub interrupted: bool,
}

/// How the tests of a revision went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tested {
    /// All passed, or there were none.
    Passed,
    /// One failed.
    Failed {
        /// How often in a row.
        times: u32,
    },
}

/// What a rollback takes back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolledBack {
    /// What had gone into the revision that failed.
    pub inputs: Digest,
    /// How often the same was taken back.
    pub count: u32,
}

impl Marks {
    /// Reads the annotations of a record. One that cannot be read says nothing.
    pub fn read(annotations: &BTreeMap<String, String>) -> Self {
        let text = |key: &str| annotations.get(key);
        Self {
            owner: text(HELMRELEASE).cloned(),
            inputs: text(INPUTS).and_then(|text| Digest::parse(text)),
            generation: text(GENERATION).and_then(|text| text.parse().ok()),
            chart_revision: text(CHART_REVISION).cloned(),
            tests: text(TESTS).and_then(|text| serde_json::from_str(text).ok()),
            rolled_back: text(ROLLED_BACK).and_then(|text| serde_json::from_str(text).ok()),
            interrupted: text(INTERRUPTED).is_some(),
        }
    }

    /// As annotations.
    pub fn write(&self) -> BTreeMap<String, String> {
        let pairs = [
            (HELMRELEASE, self.owner.clone()),
            (INPUTS, self.inputs.as_ref().map(ToString::to_string)),
            (GENERATION, self.generation.map(|generation| generation.to_string())),
            (CHART_REVISION, self.chart_revision.clone()),
            (TESTS, self.tests.and_then(|tests| serde_json::to_string(&tests).ok())),
            (ROLLED_BACK, self.rolled_back.as_ref().and_then(|back| serde_json::to_string(back).ok())),
            (INTERRUPTED, self.interrupted.then(|| "true".to_owned())),
        ];
        pairs.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
    }

    /// Writes the marks over the annotations of a record; those of others stay.
    pub fn replace(&self, annotations: &mut BTreeMap<String, String>) {
        let all = [HELMRELEASE, INPUTS, GENERATION, CHART_REVISION, TESTS, ROLLED_BACK, INTERRUPTED];
        annotations.retain(|key, _| !all.contains(&key.as_str()));
        annotations.extend(self.write());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_what_it_writes_and_passes_over_what_it_cannot_read() {
        let marks = Marks {
            owner: Some("dev/app".to_owned()),
            inputs: Some(Digest::of("a")),
            generation: Some(7),
            chart_revision: Some("1.2.3".to_owned()),
            tests: Some(Tested::Failed { times: 2 }),
            rolled_back: Some(RolledBack { inputs: Digest::of("b"), count: 3 }),
            interrupted: true,
        };
        assert_eq!(Marks::read(&marks.write()), marks);
        assert_eq!(Marks::default().write(), BTreeMap::new());
        let broken = marks.write().into_keys().map(|key| (key, "{".to_owned())).collect();
        let read = Marks::read(&broken);
        assert_eq!((read.inputs, read.generation, read.tests, read.rolled_back), (None, None, None, None));
        let mut annotations = broken;
        annotations.insert("theirs".to_owned(), "stays".to_owned());
        Marks { inputs: None, interrupted: false, ..marks }.replace(&mut annotations);
        assert_eq!(annotations["theirs"], "stays");
        assert_eq!(annotations.len(), 6);
    }
}
