//! What goes wrong on purpose, and the count of what was asked.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::refusal::Refusal;

/// How many requests the journal holds.
const JOURNAL_LIMIT: usize = 1000;

/// Faults that tests switched on.
#[derive(Debug, Default)]
pub(super) struct Faults {
    refusals: Vec<(ObjectName, String)>,
    throttle: Option<(u32, u64)>,
    pub(super) delay: Option<Duration>,
}

/// Kind, namespace (empty for objects of the cluster) and name.
pub(super) type ObjectName = (String, String, String);

impl Faults {
    pub(super) fn refuse(&mut self, object: ObjectName, message: &str) {
        self.refusals.push((object, message.to_owned()));
    }

    pub(super) fn throttle(&mut self, times: u32, retry_after: u64) {
        self.throttle = Some((times, retry_after));
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Uses up one throttled answer.
    pub(super) fn throttled(&mut self) -> Result<(), Refusal> {
        let Some((times, retry_after)) = self.throttle.as_mut() else { return Ok(()) };
        let Some(left) = times.checked_sub(1) else { return Ok(()) };
        *times = left;
        let message = "the server has received too many requests and has asked us to try again later";
        let mut refusal = Refusal::new(429, "TooManyRequests", message);
        refusal.retry_after = Some(*retry_after);
        Err(refusal)
    }

    /// Answers as an admission webhook does that denies this object.
    pub(super) fn admitted(&self, object: &ObjectName) -> Result<(), Refusal> {
        match self.refusals.iter().find(|(refused, _)| refused == object) {
            Some((_, message)) => {
                let text = format!("admission webhook \"sim.rhumb.dev\" denied the request: {message}");
                Err(Refusal::new(403, "Forbidden", text))
            }
            None => Ok(()),
        }
    }
}

/// How often the server was asked, by verb.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// `get`, `list` and `watch`, and `discovery` for what is not about objects.
    pub reads: u64,
    /// `create`, `update`, `patch`, `delete` and `deletecollection`.
    pub writes: u64,
    /// Each verb that was used.
    pub by_verb: BTreeMap<String, u64>,
    /// The last 1,000 requests, each as `<verb> <path>`, to see what a surprising count is made of.
    pub journal: VecDeque<String>,
}

impl Counts {
    pub(super) fn note(&mut self, verb: &str, path: &str) {
        match verb {
            "get" | "list" | "watch" | "discovery" => self.reads += 1,
            _ => self.writes += 1,
        }
        *self.by_verb.entry(verb.to_owned()).or_default() += 1;
        self.journal.push_back(format!("{verb} {path}"));
        self.trim();
    }

    pub(super) fn add(&mut self, other: Self) {
        self.reads += other.reads;
        self.writes += other.writes;
        for (verb, count) in other.by_verb {
            *self.by_verb.entry(verb).or_default() += count;
        }
        self.journal.extend(other.journal);
        self.trim();
    }

    fn trim(&mut self) {
        while self.journal.len() > JOURNAL_LIMIT {
            self.journal.pop_front();
        }
    }
}
