//! What a policy is asked, and all that its answer may depend on.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Kind;
use crate::id::{Digest, PolicyName, Tag, Timestamp};

/// One question to one policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Question {
    /// The name by which the release asked for it.
    pub policy: PolicyName,
    /// The component that answers.
    pub component: Digest,
    /// JSON text, valid under the policy's schema.
    pub config: String,
    /// What the decision is about and when it is made.
    pub context: Context,
    /// What is asked.
    pub ask: Ask,
}

/// What a decision is about and when it is made (`types.context` of the contract).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Context {
    /// Name of the HelmRelease or workload.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Its kind.
    pub kind: String,
    /// From the label `rhumb.dev/environment` of the object or else of its namespace.
    pub environment: Option<String>,
    /// Labels of the object, by key.
    pub labels: Vec<(String, String)>,
    /// Annotations of the object, by key.
    pub annotations: Vec<(String, String)>,
    /// The time of the decision.
    pub now: Timestamp,
    /// The same for the same subject and policy.
    pub seed: u64,
}

/// What is asked: one function of one kind interface.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ask {
    /// Which tags may be chosen at all.
    Shortlist {
        /// The container whose image is chosen.
        container: Container,
        /// What is on offer.
        tags: Arc<Tags>,
    },
    /// The choice.
    Select {
        /// The container whose image is chosen.
        container: Container,
        /// What is on offer.
        tags: Arc<Tags>,
        /// What is known of the shortlisted tags.
        metadata: Metadata,
    },
    /// May these versions move, all together?
    Judge {
        /// What would change.
        moves: Vec<Move>,
        /// JSON text that follows `wit/evidence.schema.json`.
        evidence: String,
    },
    /// What to change in the values.
    Transform {
        /// The chart that the values are for.
        chart: Chart,
        /// JSON text; secret values are opaque handles.
        values: String,
        /// JSON text that follows `wit/evidence.schema.json`.
        evidence: String,
    },
}

impl Ask {
    /// The kind of policy that can answer.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Shortlist { .. } | Self::Select { .. } => Kind::ImageFilter,
            Self::Judge { .. } => Kind::PromotionRule,
            Self::Transform { .. } => Kind::ValueTransform,
        }
    }
}

/// The container whose image is chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Container {
    /// Name by which the filter annotation reaches it.
    pub name: String,
    /// Canonical repository, such as `index.docker.io/stefanprodan/podinfo`.
    pub repository: String,
    /// Tag in git now.
    pub current_tag: Option<Tag>,
    /// Digest in git now, `sha256:…`.
    pub current_digest: Option<String>,
    /// When the current tag came into the config repository; 0 when unknown.
    pub current_since: Timestamp,
}

/// The tags on offer, as columns: the same length and order, no duplicates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tags {
    /// One name per line, each ended by a line feed.
    pub names: String,
    /// When Rhumb first saw each tag.
    pub first_seen: Vec<Timestamp>,
    /// How often each tag was moved to another digest since then.
    pub moves: Vec<u32>,
    /// Whether the registry gave its complete list.
    pub complete: bool,
}

impl Tags {
    /// How many tags there are.
    pub fn len(&self) -> usize {
        self.first_seen.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.first_seen.is_empty()
    }

    /// The names in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.names.lines()
    }

    /// The names at these indices, found in one walk; what is out of range is left out.
    pub fn names_of(&self, indices: impl IntoIterator<Item = u32>) -> BTreeMap<u32, &str> {
        let mut wanted: Vec<u32> = indices.into_iter().collect();
        wanted.sort_unstable();
        wanted.dedup();
        let mut lines = self.names.lines();
        let mut next = 0;
        let names = wanted.into_iter().map_while(|index| {
            let name = lines.nth(usize::try_from(index - next).ok()?)?;
            next = index.saturating_add(1);
            Some((index, name))
        });
        names.collect()
    }

    /// The name at this index. A walk over the names: for many of them see [`Tags::names_of`].
    pub fn get(&self, index: u32) -> Option<&str> {
        self.names.lines().nth(usize::try_from(index).ok()?)
    }
}

/// What is known of the shortlisted tags, as columns of the same length.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// Which tags these are, counted as in [`Tags`].
    pub indices: Vec<u32>,
    /// Build time that the image claims; 0 when it claims none.
    pub created: Vec<Timestamp>,
    /// One digest per line, where the policy wants them.
    pub digests: Option<String>,
    /// One JSON object per line, where the policy wants more.
    pub facts: Option<String>,
    /// Whether every shortlisted tag is here.
    pub complete: bool,
}

/// How far apart two versions are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// The same version.
    None,
    /// Build metadata only.
    Build,
    /// Pre-release only.
    PreRelease,
    /// Patch.
    Patch,
    /// Minor.
    Minor,
    /// Major.
    Major,
    /// To a lower version.
    Backwards,
}

/// One thing that would change: an image of a container, or the chart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    /// A container's name, or `chart`.
    pub subject: String,
    /// Canonical repository of the image, or of the chart.
    pub repository: String,
    /// `None` when nothing runs yet.
    pub from_version: Option<String>,
    /// Where it would go.
    pub to_version: String,
    /// Its digest where known.
    pub to_digest: Option<String>,
    /// Where both are semantic versions.
    pub step: Option<Step>,
}

/// The chart that values are for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chart {
    /// `name` of `Chart.yaml`.
    pub name: String,
    /// `version` of `Chart.yaml`.
    pub version: String,
    /// `appVersion` of `Chart.yaml`.
    pub app_version: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_names_by_their_indices() {
        let tags = Tags { names: "a\nb\nc\n".to_owned(), first_seen: vec![Timestamp(1); 3], ..Tags::default() };
        assert_eq!(tags.names_of([2, 0, 2, 7, u32::MAX]), BTreeMap::from([(0, "a"), (2, "c")]));
        assert_eq!(tags.names_of([]), BTreeMap::new());
        assert_eq!((tags.get(1), tags.get(3), tags.get(u32::MAX)), (Some("b"), None, None));
        assert_eq!((tags.len(), tags.is_empty(), tags.iter().count()), (3, false, 3));
    }
}
