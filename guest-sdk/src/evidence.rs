//! Evidence: what a host knows beyond the question itself (`wit/evidence.schema.json`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Move;

/// What a promotion rule or a transform may look at; a part that it did not ask for is empty.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Evidence {
    /// What the other environments run.
    pub environments: Vec<Environment>,
    /// Revisions of this release, oldest first.
    pub history: Vec<Revision>,
    /// Approvals of moves of this release.
    pub approvals: Vec<Approved>,
    /// Windows and freezes that the cluster's operators announced.
    pub windows: Vec<Window>,
    /// Commits that the moves bring, oldest first.
    pub commits: Vec<Commit>,
    /// How busy the cluster is.
    pub fleet: Fleet,
    /// The stop switch, when somebody pulled it.
    pub stop: Option<Stop>,
    /// Facts from sources that the operator declared, by name.
    pub facts: BTreeMap<String, Value>,
}

impl Evidence {
    /// The approvals that count: of exactly these moves, not over at `now`, one for each person, and where groups are
    /// named by a member of one of them.
    pub fn approvers(&self, moves: &[Move], groups: &[String], now: u64) -> Vec<&Approved> {
        let counts = |one: &&Approved| {
            let is_member = groups.is_empty() || one.groups.iter().any(|group| groups.contains(group));
            is_member && one.at <= now && (one.until == 0 || one.until > now) && one.is_of(moves)
        };
        let mut found: Vec<&Approved> = Vec::new();
        for one in self.approvals.iter().filter(counts) {
            if found.iter().all(|other| other.by != one.by) {
                found.push(one);
            }
        }
        found
    }
}

impl Approved {
    /// Whether exactly these moves were approved, no more and no fewer.
    pub fn is_of(&self, moves: &[Move]) -> bool {
        let same =
            |approved: &ApprovedMove, one: &Move| approved.subject == one.subject && approved.to == one.to_version;
        self.moves.len() == moves.len() && moves.iter().all(|one| self.moves.iter().any(|approved| same(approved, one)))
    }
}

/// One release in one environment.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Environment {
    /// Such as `stg`.
    pub environment: String,
    /// Namespace of the object.
    pub namespace: String,
    /// Name of the object.
    pub name: String,
    /// Kind of the object.
    pub kind: String,
    /// Labels of the object.
    pub labels: BTreeMap<String, String>,
    /// What it runs.
    pub images: Vec<Image>,
    /// Its chart, where it has one.
    pub chart: Option<ChartVersion>,
    /// Whether all of it is up to date and ready.
    pub healthy: bool,
    /// Since when, in milliseconds since 1970; 0 when it is not.
    pub healthy_since: u64,
}

/// An image that something runs.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Image {
    /// Name of the container.
    pub container: String,
    /// Canonical repository.
    pub repository: String,
    /// Tag.
    pub tag: String,
    /// Since when it runs there, in milliseconds since 1970; 0 when unknown.
    pub since: u64,
}

/// A chart by name and version.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct ChartVersion {
    /// `name` of `Chart.yaml`.
    pub name: String,
    /// `version` of `Chart.yaml`.
    pub version: String,
}

/// One revision of this release.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Revision {
    /// Counted from 1.
    pub revision: u32,
    /// As Helm names it, such as `deployed`.
    pub status: String,
    /// Name and version, such as `podinfo-3.1.5`.
    pub chart: String,
    /// When, in milliseconds since 1970.
    pub at: u64,
    /// What it ran.
    pub images: Vec<Image>,
}

/// Somebody's approval; the host vouches for who it is.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Approved {
    /// The person.
    pub by: String,
    /// The groups that they are in.
    pub groups: Vec<String>,
    /// When, in milliseconds since 1970.
    pub at: u64,
    /// Until when it counts; 0 for ever.
    pub until: u64,
    /// Exactly what was approved.
    pub moves: Vec<ApprovedMove>,
}

/// One thing that was approved.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct ApprovedMove {
    /// A container's name, or `chart`.
    pub subject: String,
    /// The version that it may go to.
    pub to: String,
}

/// A span of time in which versions may move, or may not.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Window {
    /// For people and for rules that want some of them only.
    pub name: String,
    /// Whether nothing may move in it.
    pub freeze: bool,
    /// Its beginning, in milliseconds since 1970.
    pub from: u64,
    /// Its end, not part of it.
    pub to: u64,
    /// Why.
    pub reason: String,
}

/// One commit.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Commit {
    /// Its hash.
    pub id: String,
    /// Who wrote it, as approvals name people.
    pub author: String,
    /// When, in milliseconds since 1970.
    pub at: u64,
    /// First line of its message.
    pub subject: String,
}

/// How busy the cluster is.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Fleet {
    /// Releases that are being changed at this moment, this one not counted.
    pub upgrading: u32,
    /// Releases whose newest revision failed, this one not counted.
    pub failed: u32,
}

/// The stop switch, pulled.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Stop {
    /// Who pulled it.
    pub by: String,
    /// When, in milliseconds since 1970.
    pub since: u64,
    /// When it ends by itself; 0 for never.
    pub until: u64,
    /// Why.
    pub reason: String,
    /// Environments that it stops; none for all.
    pub environments: Vec<String>,
}
