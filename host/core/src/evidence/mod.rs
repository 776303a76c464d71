//! What promotion rules and value transforms may see beyond the question itself (`wit/evidence.schema.json`).
//!
//! [`Part`] is the one list of it. A policy gets the parts that its `describe` names and no other, and what no policy of
//! a pass names is not looked for. What was looked for and could not be read is said, so that no rule takes it for empty.

mod announced;
mod fleet;

#[cfg(test)]
mod tests;

pub use announced::{Announced, LABEL, Said};
pub use fleet::{Load, load};

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::environment::{Deployed, DeployedImage, chart_name_version};
use crate::id::{ObjectId, Timestamp};
use crate::objects::{Approval, Stop};

/// A part of the evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum Part {
    /// What every environment runs.
    Environments,
    /// The revisions of the release.
    History,
    /// Who approved what of it.
    Approvals,
    /// Windows and freezes of the cluster.
    Windows,
    /// The commits that the moves bring.
    Commits,
    /// How busy the cluster is.
    Fleet,
    /// The stop switch.
    Stop,
    /// Facts of sources that the operator declared.
    Facts,
}

impl Part {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Environments,
        Self::History,
        Self::Approvals,
        Self::Windows,
        Self::Commits,
        Self::Fleet,
        Self::Stop,
        Self::Facts,
    ];

    /// Its key in the document and in `wants.evidence` of `describe`.
    pub fn key(self) -> &'static str {
        match self {
            Self::Environments => "environments",
            Self::History => "history",
            Self::Approvals => "approvals",
            Self::Windows => "windows",
            Self::Commits => "commits",
            Self::Fleet => "fleet",
            Self::Stop => "stop",
            Self::Facts => "facts",
        }
    }

    /// The parts among these keys. A key of a later contract is none that this host has.
    pub fn among<'a>(keys: impl IntoIterator<Item = &'a String>) -> BTreeSet<Self> {
        let part = |key: &String| Self::ALL.into_iter().find(|part| part.key() == key);
        keys.into_iter().filter_map(part).collect()
    }
}

/// The parts that a pass needs, and about which objects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted(BTreeMap<Part, BTreeSet<ObjectId>>);

impl Wanted {
    /// Notes what a policy that is asked about this object wants.
    pub fn add(&mut self, object: &ObjectId, parts: &BTreeSet<Part>) {
        for part in parts {
            self.0.entry(*part).or_default().insert(object.clone());
        }
    }

    /// Whether anybody wants this part.
    pub fn has(&self, part: Part) -> bool {
        self.0.contains_key(&part)
    }

    /// Whether nobody wants anything.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it is wanted about this object.
    pub fn is_about(&self, part: Part, object: &ObjectId) -> bool {
        self.0.get(&part).is_some_and(|objects| objects.contains(object))
    }
}

/// What a pass found. A part that nobody wanted is empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evidence {
    /// What runs where: all releases, or when nobody wants the environments those whose history is wanted.
    pub deployed: Vec<Deployed>,
    /// What each release is busy with.
    pub fleet: Vec<Load>,
    /// The approvals of the cluster.
    pub approvals: Vec<Approval>,
    /// The stop switch, when somebody pulled it.
    pub stop: Option<Stop>,
    /// Windows and freezes that are not over, in the form of the contract.
    pub windows: Vec<Value>,
    /// Facts by the name of their source.
    pub facts: Value,
    /// Why a part could not be read, for people.
    pub unread: BTreeMap<Part, String>,
}

/// A part that a policy wants could not be read, so it is not asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} not read: {why}", .part.key())]
pub struct Unread {
    /// Which.
    pub part: Part,
    /// Why, for people.
    pub why: String,
}

impl Evidence {
    /// Adds what operators announce, as it is at this time.
    pub fn add_announced<'a>(&mut self, announced: impl IntoIterator<Item = &'a Announced> + Clone, now: Timestamp) {
        match announced::windows_at(announced.clone(), now) {
            Ok(windows) => self.windows = windows,
            Err(why) => drop(self.unread.insert(Part::Windows, why)),
        }
        match announced::facts_of(announced) {
            Ok(facts) => self.facts = facts,
            Err(why) => drop(self.unread.insert(Part::Facts, why)),
        }
    }

    /// The document for a question about this object, of these parts alone. `let_go` releases began to move earlier in the
    /// same pass.
    pub fn document(&self, object: &ObjectId, parts: &BTreeSet<Part>, let_go: usize) -> Result<Value, Unread> {
        self.is_read(parts)?;
        let mut document = Map::new();
        for part in parts {
            document.insert(part.key().to_owned(), self.part(*part, object, let_go));
        }
        Ok(Value::Object(document))
    }

    /// Whether all of these parts could be read.
    pub(crate) fn is_read(&self, parts: &BTreeSet<Part>) -> Result<(), Unread> {
        let unread = parts.iter().find_map(|part| Some((*part, self.unread.get(part)?)));
        unread.map_or(Ok(()), |(part, why)| Err(Unread { part, why: why.clone() }))
    }

    fn part(&self, part: Part, object: &ObjectId, let_go: usize) -> Value {
        match part {
            Part::Environments => self.deployed.iter().map(environment).collect(),
            Part::History => self.history(object),
            Part::Approvals => self.approvals.iter().filter(|one| is_same(&one.object, object)).map(approval).collect(),
            Part::Windows => json!(self.windows),
            // No source of theirs is known yet.
            Part::Commits => json!([]),
            Part::Facts if self.facts.is_null() => json!({}),
            Part::Facts => self.facts.clone(),
            Part::Fleet => {
                let others = || self.fleet.iter().filter(|load| load.object != *object);
                let upgrading = others().filter(|load| load.changing).count() + let_go;
                json!({"upgrading": upgrading, "failed": others().filter(|load| load.failed).count()})
            }
            Part::Stop => self.stop.as_ref().map_or(Value::Null, stop),
        }
    }

    fn history(&self, object: &ObjectId) -> Value {
        let own = self.deployed.iter().filter(|release| release.object == *object);
        let revision = |(record, images): (&crate::environment::Record, &Vec<DeployedImage>)| {
            json!({
                "revision": record.revision, "status": record.status, "chart": record.chart, "at": record.at,
                "images": images.iter().map(named).collect::<Vec<Value>>(),
            })
        };
        own.flat_map(|release| release.history.iter().zip(&release.tried)).map(revision).collect()
    }
}

/// Whether somebody who names an object by hand means this one.
fn is_same(named: &ObjectId, object: &ObjectId) -> bool {
    named.kind.eq_ignore_ascii_case(&object.kind) && named.namespaced() == object.namespaced()
}

fn environment(release: &Deployed) -> Value {
    let image = |image: &DeployedImage| {
        let mut json = named(image);
        if let Some(json) = json.as_object_mut() {
            json.insert("since".to_owned(), json!(image.since));
        }
        json
    };
    let chart = release.chart.as_deref().and_then(chart_name_version);
    json!({
        "environment": release.environment.as_deref().unwrap_or_default(),
        "namespace": release.object.namespace.as_deref().unwrap_or_default(),
        "name": release.object.name,
        "kind": release.object.kind,
        "labels": release.labels,
        "images": release.images.iter().map(image).collect::<Vec<Value>>(),
        "chart": chart.map(|(name, version)| json!({"name": name, "version": version})),
        "healthy": release.healthy_since.is_some(),
        "healthySince": release.healthy_since.unwrap_or_default(),
    })
}

fn named(image: &DeployedImage) -> Value {
    json!({"container": image.container, "repository": image.repository, "tag": image.tag})
}

fn approval(approval: &Approval) -> Value {
    let moves: Vec<Value> = approval.moves.iter().map(|one| json!({"subject": one.subject, "to": one.to})).collect();
    json!({
        "by": approval.by, "groups": approval.groups, "at": approval.at, "until": approval.until, "moves": moves,
    })
}

fn stop(stop: &Stop) -> Value {
    json!({
        "by": stop.by, "since": stop.since, "until": stop.until, "reason": stop.reason,
        "environments": stop.environments,
    })
}

/// How soon what could not be read is read again.
const RETRY_MILLIS: u64 = 10_000;

/// When to look again at what could not be read at this time.
pub(crate) fn retry(now: Timestamp) -> Timestamp {
    now.plus_millis(RETRY_MILLIS)
}
