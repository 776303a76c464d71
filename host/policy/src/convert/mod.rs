//! The host's words to the contract's, and a guest's answer back, checked.
//!
//! Everything that comes back is guest-controlled: each function here either returns a value that keeps every promise
//! of `rhumb_core::judge` or a [`Failure::BadOutput`] that says which promise was broken.

use std::collections::BTreeSet;

use rhumb_core::id::Timestamp;
use rhumb_core::judge::{self, Step};
use rhumb_core::judge::{
    Change, Consideration, Failure, Operation, Outcome, Problem, Reason, Selection, Tags, Transformation, Verdict,
};

use crate::contract;
use crate::describe::is_word;
use crate::json;
use crate::limits::AnswerLimits;

/// What an answer is checked against.
pub(crate) struct Rules<'a> {
    pub(crate) limits: &'a AnswerLimits,
    /// Declared reason codes.
    pub(crate) codes: &'a BTreeSet<String>,
    /// When the decision is made.
    pub(crate) now: Timestamp,
    /// How many tags were offered.
    pub(crate) offered: usize,
}

/// A question's context as the guest sees it.
pub(crate) fn context(context: &judge::Context) -> contract::Context<'_> {
    contract::Context {
        name: &context.name,
        namespace: &context.namespace,
        kind: &context.kind,
        environment: context.environment.as_deref(),
        labels: context.labels.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect(),
        annotations: context.annotations.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect(),
        now: context.now.0,
        seed: context.seed,
    }
}

/// The container as the guest sees it.
pub(crate) fn container(container: &judge::Container) -> contract::Container<'_> {
    contract::Container {
        name: &container.name,
        repository: &container.repository,
        current_tag: container.current_tag.as_ref().map(|tag| tag.as_str()),
        current_digest: container.current_digest.as_deref(),
        current_since: container.current_since.0,
    }
}

/// The tags as the guest sees them.
pub(crate) fn tags(tags: &Tags) -> contract::Tags<'_> {
    let first_seen = tags.first_seen.iter().map(|time| time.0).collect();
    contract::Tags { names: &tags.names, first_seen, moves: tags.moves.clone(), complete: tags.complete }
}

/// The metadata as the guest sees it.
pub(crate) fn metadata(metadata: &judge::Metadata) -> contract::Metadata<'_> {
    contract::Metadata {
        indices: metadata.indices.clone(),
        created: metadata.created.iter().map(|time| time.0).collect(),
        digests: metadata.digests.as_deref(),
        facts: metadata.facts.as_deref(),
        complete: metadata.complete,
    }
}

/// The moves as the guest sees them.
pub(crate) fn moves(moves: &[judge::Move]) -> Vec<contract::Move<'_>> {
    let step = |step: Step| match step {
        Step::None => contract::Step::None,
        Step::Build => contract::Step::Build,
        Step::PreRelease => contract::Step::PreRelease,
        Step::Patch => contract::Step::Patch,
        Step::Minor => contract::Step::Minor,
        Step::Major => contract::Step::Major,
        Step::Backwards => contract::Step::Backwards,
    };
    moves
        .iter()
        .map(|one| contract::Move {
            subject: &one.subject,
            repository: &one.repository,
            from_version: one.from_version.as_deref(),
            to_version: &one.to_version,
            to_digest: one.to_digest.as_deref(),
            step: one.step.map(step),
        })
        .collect()
}

/// The chart as the guest sees it.
pub(crate) fn chart(chart: &judge::Chart) -> contract::Chart<'_> {
    contract::Chart { name: &chart.name, version: &chart.version, app_version: chart.app_version.as_deref() }
}

/// Whether the columns of a question have one length, which the contract promises to guests.
pub(crate) fn check_columns(tags: &Tags, metadata: Option<&judge::Metadata>) -> Result<(), String> {
    let count = tags.len();
    let lines = tags.names.bytes().filter(|byte| *byte == b'\n').count();
    if lines != count || tags.moves.len() != count || !(tags.names.is_empty() || tags.names.ends_with('\n')) {
        return Err(format!("{count} times, {lines} names and {} moves for one list of tags", tags.moves.len()));
    }
    let Some(metadata) = metadata else { return Ok(()) };
    let offered = metadata.indices.iter().all(|index| (*index as usize) < count);
    if metadata.created.len() != metadata.indices.len() || !offered {
        return Err("metadata whose columns differ in length or name other tags".to_owned());
    }
    Ok(())
}

impl Rules<'_> {
    /// A shortlist: tags that were offered, each once.
    pub(crate) fn shortlist(&self, indices: Vec<u32>) -> Result<Vec<u32>, Failure> {
        let mut seen = vec![false; self.offered];
        for index in &indices {
            self.once("the shortlist", *index, &mut seen)?;
        }
        Ok(indices)
    }

    /// The choice of an image filter.
    pub(crate) fn selection(&self, selection: contract::Selection) -> Result<Selection, Failure> {
        let outcome = match selection.outcome {
            contract::Outcome::Pick(index) if (index as usize) < self.offered => Outcome::Pick(index),
            contract::Outcome::Pick(index) => {
                return Err(bad(format!("picked tag number {index}, but {} were offered", self.offered)));
            }
            contract::Outcome::KeepCurrent => Outcome::KeepCurrent,
            contract::Outcome::None => Outcome::None,
            contract::Outcome::HoldUntil(time) => Outcome::HoldUntil(self.later(time)?),
        };
        self.at_most("tags in `considered`", selection.considered.len(), self.limits.considered)?;
        let mut seen = BTreeSet::new();
        let mut considered = Vec::with_capacity(selection.considered.len());
        for one in selection.considered {
            if one.index as usize >= self.offered || !seen.insert(one.index) {
                return Err(bad(format!("considered tag number {}, which was not offered or came twice", one.index)));
            }
            considered.push(Consideration { index: one.index, reason: self.reason(one.reason)? });
        }
        Ok(Selection { outcome, reason: self.reason(selection.reason)?, considered })
    }

    /// The verdict of a promotion rule.
    pub(crate) fn verdict(&self, verdict: contract::Verdict) -> Result<Verdict, Failure> {
        Ok(match verdict {
            contract::Verdict::Allow(reason) => Verdict::Allow(self.reason(reason)?),
            contract::Verdict::Deny(reason) => Verdict::Deny(self.reason(reason)?),
            contract::Verdict::Observe(reason) => Verdict::Observe(self.reason(reason)?),
            contract::Verdict::Hold(hold) => {
                let until = hold.until.map(|time| self.later(time)).transpose()?;
                Verdict::Hold { until, reason: self.reason(hold.reason)? }
            }
            contract::Verdict::RequireApproval(approval) => {
                if approval.quorum == 0 {
                    return Err(bad("asks for approval by nobody: the quorum is 0".to_owned()));
                }
                self.at_most("groups", approval.groups.len(), self.limits.list_items)?;
                for group in &approval.groups {
                    self.line("a group", group)?;
                }
                Verdict::RequireApproval {
                    reason: self.reason(approval.reason)?,
                    quorum: approval.quorum,
                    groups: approval.groups,
                    expires: approval.expires.map(|time| self.later(time)).transpose()?,
                }
            }
        })
    }

    /// The operations of a value transform.
    pub(crate) fn transformation(&self, found: contract::Transformation) -> Result<Transformation, Failure> {
        self.at_most("operations", found.operations.len(), self.limits.operations)?;
        self.at_most("warnings", found.warnings.len(), self.limits.list_items)?;
        let mut room = self.limits.json_bytes;
        let mut operations = Vec::with_capacity(found.operations.len());
        for operation in found.operations {
            let path = self.pointer(operation.path)?;
            let change = match operation.change {
                contract::Change::Set(text) => {
                    let rest = room.checked_sub(text.len());
                    room = rest.ok_or_else(|| bad(format!("values of more than {} bytes", self.limits.json_bytes)))?;
                    let value = json::parse(&text, self.limits.json_depth);
                    Change::Set(value.map_err(|error| bad(format!("value for `{path}`: {error}")))?)
                }
                contract::Change::Remove => Change::Remove,
                contract::Change::MoveFrom(from) => Change::MoveFrom(self.pointer(from)?),
                contract::Change::CopyFrom(from) => Change::CopyFrom(self.pointer(from)?),
            };
            operations.push(Operation { path, change, reason: self.reason(operation.reason)? });
        }
        let warnings = found.warnings.into_iter().map(|reason| self.reason(reason)).collect::<Result<_, _>>()?;
        Ok(Transformation { operations, warnings })
    }

    /// A guest's failure; words that break the rules make it a broken answer.
    pub(crate) fn failure(&self, failure: contract::Failure) -> Failure {
        let checked = match failure {
            contract::Failure::BadConfig(problems) => self.problems(problems).map(Failure::BadConfig),
            contract::Failure::BadInput(problems) => self.problems(problems).map(Failure::BadInput),
            contract::Failure::Refused(reason) => self.reason(reason).map(Failure::Refused),
            contract::Failure::Internal(text) => {
                self.line("a message", &text).map(|()| Failure::Internal(printable(&text)))
            }
        };
        checked.unwrap_or_else(|broken| broken)
    }

    /// Problems; their codes need not be declared, because the SDK has some of its own.
    pub(crate) fn problems(&self, problems: Vec<contract::Problem>) -> Result<Vec<Problem>, Failure> {
        self.at_most("problems", problems.len(), self.limits.list_items)?;
        problems
            .into_iter()
            .map(|problem| {
                let pointer = self.pointer(problem.pointer)?;
                Ok(Problem { pointer, reason: self.words(problem.reason)? })
            })
            .collect()
    }

    fn reason(&self, reason: contract::Reason) -> Result<Reason, Failure> {
        if !self.codes.contains(&reason.code) {
            return Err(bad(format!("reason code `{}` is not declared", printable(&reason.code))));
        }
        self.words(reason)
    }

    fn words(&self, reason: contract::Reason) -> Result<Reason, Failure> {
        if !is_word(&reason.code) {
            return Err(bad(format!("reason code `{}` is not a short lower-case word", printable(&reason.code))));
        }
        self.line("a message", &reason.message)?;
        // Nearly every message is clean; to copy it would cost more than to look.
        let is_clean = !reason.message.chars().any(char::is_control);
        let message = if is_clean { reason.message } else { printable(&reason.message) };
        Ok(Reason { code: reason.code, message })
    }

    fn line(&self, what: &str, text: &str) -> Result<(), Failure> {
        if text.len() <= self.limits.message_bytes {
            return Ok(());
        }
        Err(bad(format!("{what} of {} bytes, allowed are {}", text.len(), self.limits.message_bytes)))
    }

    fn at_most(&self, what: &str, count: usize, limit: usize) -> Result<(), Failure> {
        if count <= limit { Ok(()) } else { Err(bad(format!("{count} {what}, allowed are {limit}"))) }
    }

    fn once(&self, what: &str, index: u32, seen: &mut [bool]) -> Result<(), Failure> {
        match seen.get_mut(index as usize) {
            Some(slot @ false) => *slot = true,
            Some(true) => return Err(bad(format!("{what} names tag number {index} twice"))),
            None => return Err(bad(format!("{what} names tag number {index}, but {} were offered", self.offered))),
        }
        Ok(())
    }

    fn later(&self, time: u64) -> Result<Timestamp, Failure> {
        let time = Timestamp(time);
        // A time beyond the year 9999 cannot be written in a condition, and nobody waits that long.
        if time <= self.now || time.0 > 253_402_300_799_000 {
            return Err(bad(format!("a time of {} ms, which is not later than now ({} ms)", time.0, self.now.0)));
        }
        Ok(time)
    }

    fn pointer(&self, pointer: String) -> Result<String, Failure> {
        self.line("a pointer", &pointer)?;
        let escapes = pointer.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
        if (pointer.is_empty() || pointer.starts_with('/')) && escapes {
            return Ok(pointer);
        }
        Err(bad(format!("`{}` is not a JSON Pointer", printable(&pointer))))
    }
}

/// The text without control characters: it ends in logs, terminals and conditions.
pub(crate) fn printable(text: &str) -> String {
    rhumb_core::chain::cut(text, 2048).chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn bad(text: String) -> Failure {
    Failure::BadOutput(text)
}

#[cfg(test)]
mod tests;
