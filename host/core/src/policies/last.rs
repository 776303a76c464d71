//! What policies answered last, where their objects say that it counts on while they give no answer.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::attach::OnFailure;
use crate::id::{Digest, ObjectId, PolicyName, Timestamp};
use crate::judge::{Answer, Ask, Decision, Failure, Move, Question, Verdict};

/// An answer that counts on, and what it was about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answered {
    /// Names the moves and settings that a verdict was about, or the settings of a transform.
    about: Digest,
    answer: Answer,
}

/// What a question is about, as far as an answer to it counts on.
pub(crate) struct About<'a> {
    /// The settings that it is asked with.
    pub(crate) config: &'a str,
    /// What a rule judges; nothing for a transform.
    pub(crate) moves: &'a [Move],
    /// When it is asked.
    pub(crate) now: Timestamp,
}

impl<'a> About<'a> {
    /// Nothing for questions to filters.
    pub(crate) fn of(question: &'a Question) -> Option<Self> {
        let moves: &[Move] = match &question.ask {
            Ask::Judge { moves, .. } => moves,
            Ask::Transform { .. } => &[],
            Ask::Shortlist { .. } | Ask::Select { .. } => return None,
        };
        Some(Self { config: &question.config, moves, now: question.context.now })
    }

    fn digest(&self) -> Digest {
        let moves = serde_json::to_string(self.moves).unwrap_or_default();
        Digest::of_parts([self.config.as_bytes(), moves.as_bytes()])
    }
}

/// The last answers, by [`Last::key`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Last(BTreeMap<String, Answered>);

impl Answered {
    /// What is to be kept of a decision; nothing of a failure, and nothing of a filter: an image that keeps its tag is what
    /// its last answer came to.
    pub fn of(question: &Question, decision: &Decision) -> Option<Self> {
        let answer = decision.answer.as_ref().ok()?.clone();
        Some(Self { about: About::of(question)?.digest(), answer })
    }
}

impl Last {
    /// The answers with their keys.
    pub fn new(answers: impl IntoIterator<Item = (String, Answered)>) -> Self {
        Self(answers.into_iter().collect())
    }

    /// The key of what a policy, by the name under which people read it, said about an object.
    pub fn key(object: &ObjectId, name: &PolicyName) -> String {
        format!("{object}/{name}")
    }

    /// What counts of a decision: its answer, or the last one to the very same where it failed and that is to be kept.
    pub(crate) fn counting<'a>(
        &self,
        (object, name): (&ObjectId, &PolicyName),
        on_failure: OnFailure,
        (about, decision): (&About<'_>, &'a Decision),
    ) -> Cow<'a, Result<Answer, Failure>> {
        let last = match (&decision.answer, on_failure) {
            (Err(_), OnFailure::KeepLast) => self.answer(object, name, about),
            _ => None,
        };
        last.map_or(Cow::Borrowed(&decision.answer), |answer| Cow::Owned(Ok(answer)))
    }

    /// The last answer to the very same: a verdict about the same moves, operations with the same settings.
    ///
    /// A hold whose time is over is one without an end, as nobody knows what the policy would say now.
    fn answer(&self, object: &ObjectId, name: &PolicyName, about: &About<'_>) -> Option<Answer> {
        let answered = self.0.get(&Self::key(object, name)).filter(|one| one.about == about.digest())?;
        Some(match answered.answer.clone() {
            Answer::Verdict(Verdict::Hold { until: Some(until), reason }) if until <= about.now => {
                Answer::Verdict(Verdict::Hold { until: None, reason })
            }
            answer => answer,
        })
    }
}
