//! One question and what is expected of the answer.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::offers::{BASE, Offer, offers};
use crate::time::{Time, in_millis};
use crate::{Error, Expect};

/// Most points of one sweep.
const POINTS: u64 = 20_000;
/// When a case is asked that does not say: 2026-01-02T00:00:00Z.
pub(crate) const NOW: Time = Time(BASE + 86_400_000);

/// One question and what is expected of the answer, with the file's defaults and the table's row filled in.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Case {
    /// A sentence.
    pub name: String,
    /// JSON Pointer to where the expectation belongs in the file.
    #[serde(skip)]
    pub place: String,
    /// Given to the policy as JSON.
    #[serde(default)]
    pub config: Value,
    /// When it is asked.
    #[serde(default = "now")]
    pub now: Time,
    /// Many times to ask it at, instead of one.
    pub sweep: Option<Sweep>,
    /// Name of the release.
    #[serde(default = "app")]
    pub release: String,
    /// Its namespace.
    #[serde(default = "default_namespace")]
    pub namespace: String,
    /// Where it runs.
    pub environment: Option<String>,
    /// Its labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
    /// The number that is the same for the same release and policy.
    #[serde(default)]
    pub seed: u64,
    /// Tags on offer, in one line.
    #[serde(default, rename = "tags")]
    line: String,
    /// The same, read.
    #[serde(skip)]
    pub offers: Vec<Offer>,
    /// The tag in git.
    pub current: Option<String>,
    /// Whether the registry gave only a part of its list.
    #[serde(default)]
    pub incomplete: bool,
    /// What would change.
    #[serde(default)]
    pub moves: Vec<Move>,
    /// See `wit/evidence.schema.json`.
    #[serde(default)]
    pub evidence: Value,
    /// Values before a transform.
    #[serde(default)]
    pub values: Value,
    /// What is expected.
    #[serde(default)]
    pub expect: Expect,
}

/// One thing that would change.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Move {
    /// A container's name, or `chart`.
    #[serde(default = "app")]
    pub subject: String,
    /// Canonical repository.
    #[serde(default = "repository")]
    pub repository: String,
    /// What runs now.
    pub from: Option<String>,
    /// Where it would go.
    pub to: String,
    /// How far that is, as the contract names it, such as `patch`; the host checks it. Without it a native run knows
    /// none.
    pub step: Option<String>,
}

/// Many times to ask one question at.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sweep {
    /// The first.
    pub from: Time,
    /// The last, at most.
    pub to: Time,
    /// From one to the next.
    pub every: Span,
}

/// A length of time such as `30m`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct Span(pub u64);

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let units = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)];
        let length = units.into_iter().find_map(|(unit, millis)| {
            let count: u64 = text.strip_suffix(unit)?.parse().ok()?;
            count.checked_mul(millis).filter(|length| *length > 0)
        });
        length.map(Self).ok_or_else(|| format!("expected a length of time such as `30m`, got `{text}`"))
    }
}

fn now() -> Time {
    NOW
}

fn app() -> String {
    "app".to_owned()
}

fn default_namespace() -> String {
    "default".to_owned()
}

fn repository() -> String {
    "registry.example/team/app".to_owned()
}

impl Case {
    /// Reads a case with everything filled in.
    pub(crate) fn read(mut value: Value, place: String) -> Result<Self, Error> {
        let wrong = |why: String| Error::Case { place: place.clone(), why };
        if let Some(evidence) = value.get_mut("evidence") {
            in_millis(evidence);
        }
        let mut case: Self = serde_json::from_value(value).map_err(|error| wrong(error.to_string()))?;
        case.offers = offers(&case.line).map_err(wrong)?;
        if let Some(sweep) = &case.sweep
            && sweep.to.0.saturating_sub(sweep.from.0) / sweep.every.0 >= POINTS
        {
            return Err(wrong(format!("a sweep of more than {POINTS} times")));
        }
        case.place = place;
        Ok(case)
    }

    /// The times at which it is asked.
    pub fn times(&self) -> Vec<u64> {
        let Some(Sweep { from, to, every }) = self.sweep else { return vec![self.now.0] };
        let points = to.0.saturating_sub(from.0) / every.0;
        (0..=points).map(|point| from.0 + point * every.0).collect()
    }
}
