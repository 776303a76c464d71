//! Decision records: one JSON document per decision, addressed by its content, from which it can be made again.

use std::collections::BTreeMap;
use std::sync::Arc;

use rhumb_core::id::{Digest, PolicyName, Timestamp};
use rhumb_core::judge::{Answer, Ask, Chart, Container, Context, Decision, Failure, Metadata, Move, Question, Tags};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{EngineProfile, Sandbox};

/// Version of the form that is written.
pub const VERSION: u32 = 1;

/// A decision and all that it depends on.
///
/// Questions are kept in a compact form: equal neighbours of a column are counted, so that 10,000 tags that were first
/// seen together take their names and little else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Record {
    /// Version of this form.
    pub version: u32,
    /// Version of the host that wrote it.
    pub host: String,
    /// What besides the question the decision can depend on.
    pub engine: EngineProfile,
    /// The name by which the release asked.
    pub policy: PolicyName,
    /// The component that answered.
    pub component: Digest,
    /// What the component may call; nothing yet.
    pub grants: Vec<String>,
    /// JSON text, as it was given.
    pub config: String,
    /// What the decision is about and when it was made.
    pub context: Context,
    /// What was asked.
    pub ask: RecordedAsk,
    /// The answer; absent when there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Answer>,
    /// Why there was no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// Fuel used.
    pub fuel: u64,
}

/// A column in which equal neighbours are counted: `[[value, count], …]`.
type Runs<T> = Vec<(T, u32)>;

/// What was asked, in a compact form.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecordedAsk {
    /// See [`Ask::Shortlist`].
    Shortlist {
        /// The container whose image is chosen.
        container: Container,
        /// What is on offer.
        tags: RecordedTags,
    },
    /// See [`Ask::Select`].
    Select {
        /// The container whose image is chosen.
        container: Container,
        /// What is on offer.
        tags: RecordedTags,
        /// What is known of the shortlisted tags.
        metadata: Metadata,
    },
    /// See [`Ask::Judge`].
    Judge {
        /// What would change.
        moves: Vec<Move>,
        /// JSON text.
        evidence: String,
    },
    /// See [`Ask::Transform`].
    Transform {
        /// The chart that the values are for.
        chart: Chart,
        /// JSON text.
        values: String,
        /// JSON text.
        evidence: String,
    },
}

/// [`Tags`] in a compact form.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RecordedTags {
    names: String,
    first_seen: Runs<Timestamp>,
    moves: Runs<u32>,
    complete: bool,
}

/// What came of asking again.
#[derive(Clone, Debug, PartialEq)]
pub struct Replay {
    /// Whether answer or failure are the same.
    pub same_outcome: bool,
    /// Whether it cost the same fuel.
    pub same_fuel: bool,
    /// Whether the engine counts fuel and computes as the one of the record did.
    pub same_engine: bool,
    /// The decision now.
    pub now: Decision,
}

impl Record {
    /// Writes a decision down.
    pub fn new(question: &Question, decision: &Decision, engine: &EngineProfile) -> Self {
        let (answer, failure) = match decision.answer.clone() {
            Ok(answer) => (Some(answer), None),
            Err(failure) => (None, Some(failure)),
        };
        Self {
            version: VERSION,
            host: env!("CARGO_PKG_VERSION").to_owned(),
            engine: engine.clone(),
            policy: question.policy.clone(),
            component: question.component.clone(),
            grants: Vec::new(),
            config: question.config.clone(),
            context: question.context.clone(),
            ask: RecordedAsk::of(&question.ask),
            answer,
            failure,
            fuel: decision.fuel,
        }
    }

    /// The record's address: the digest of its canonical text.
    pub fn digest(&self) -> Digest {
        Digest::of(self.canonical())
    }

    /// The record as JSON without white space, keys in order: the same text for the same record.
    pub fn canonical(&self) -> String {
        let value = serde_json::to_value(self).expect("a record has text keys and finite numbers");
        sorted(value).to_string()
    }

    /// Reads a record, in whatever order and layout it is written.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        let record: Self = serde_json::from_str(text)?;
        if record.version == VERSION {
            return Ok(record);
        }
        let text = format!("record of version {}, this host reads version {VERSION}", record.version);
        Err(serde::de::Error::custom(text))
    }

    /// The question, as it was asked.
    pub fn question(&self) -> Question {
        Question {
            policy: self.policy.clone(),
            component: self.component.clone(),
            config: self.config.clone(),
            context: self.context.clone(),
            ask: self.ask.expanded(),
        }
    }

    /// The decision, as it was made.
    pub fn decision(&self) -> Decision {
        let none = || Failure::Internal("the record holds neither answer nor failure".to_owned());
        let answer = self.answer.clone().ok_or_else(|| self.failure.clone().unwrap_or_else(none));
        Decision { answer, fuel: self.fuel }
    }
}

/// Asks a record's question again; its component must have been loaded.
pub fn replay(sandbox: &Sandbox, record: &Record) -> Replay {
    let now = sandbox.decide(&record.question());
    let then = record.decision();
    Replay {
        same_outcome: now.answer == then.answer,
        same_fuel: now.fuel == then.fuel,
        same_engine: *sandbox.profile() == record.engine,
        now,
    }
}

impl RecordedAsk {
    fn of(ask: &Ask) -> Self {
        match ask.clone() {
            Ask::Shortlist { container, tags } => Self::Shortlist { container, tags: RecordedTags::of(&tags) },
            Ask::Select { container, tags, metadata } => {
                Self::Select { container, tags: RecordedTags::of(&tags), metadata }
            }
            Ask::Judge { moves, evidence } => Self::Judge { moves, evidence },
            Ask::Transform { chart, values, evidence } => Self::Transform { chart, values, evidence },
        }
    }

    fn expanded(&self) -> Ask {
        match self.clone() {
            Self::Shortlist { container, tags } => Ask::Shortlist { container, tags: Arc::new(tags.expanded()) },
            Self::Select { container, tags, metadata } => {
                Ask::Select { container, tags: Arc::new(tags.expanded()), metadata }
            }
            Self::Judge { moves, evidence } => Ask::Judge { moves, evidence },
            Self::Transform { chart, values, evidence } => Ask::Transform { chart, values, evidence },
        }
    }
}

impl RecordedTags {
    fn of(tags: &Tags) -> Self {
        Self {
            names: tags.names.clone(),
            first_seen: runs(&tags.first_seen),
            moves: runs(&tags.moves),
            complete: tags.complete,
        }
    }

    fn expanded(self) -> Tags {
        // A record is a file, so its counts are bounded by what its names can need.
        let most = self.names.len();
        Tags {
            first_seen: flat(&self.first_seen, most),
            moves: flat(&self.moves, most),
            complete: self.complete,
            names: self.names,
        }
    }
}

fn runs<T: Copy + PartialEq>(column: &[T]) -> Runs<T> {
    let mut runs: Runs<T> = Vec::new();
    for value in column {
        match runs.last_mut() {
            Some((last, count)) if last == value => *count += 1,
            _ => runs.push((*value, 1)),
        }
    }
    runs
}

fn flat<T: Copy>(runs: &Runs<T>, most: usize) -> Vec<T> {
    runs.iter().flat_map(|(value, count)| std::iter::repeat_n(*value, *count as usize)).take(most).collect()
}

fn sorted(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let map: BTreeMap<String, Value> = map.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            Value::Object(map.into_iter().collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}
