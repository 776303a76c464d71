//! One call of one function of a policy, as it goes to whoever runs it, and what comes back, not yet checked.
//!
//! The same values are handed to an instance in this process and written to the process that evaluates; what comes back
//! is checked in [`crate::convert`] in either case, so a child that was taken over can say no more than a hostile policy.

use rhumb_core::judge::{Answer, Ask, Failure, Problem, Question, Reason};
use serde::{Deserialize, Serialize};

use crate::contract::{self, Chart, Container, Context, Metadata, Move, Tags};
use crate::convert::{self, Rules};
use crate::limits::Limits;

/// A function and its arguments.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) enum Call<'a> {
    Describe,
    CheckConfig(&'a str),
    Shortlist(#[serde(borrow)] Context<'a>, &'a str, #[serde(borrow)] Container<'a>, #[serde(borrow)] Tags<'a>),
    Select(
        #[serde(borrow)] Context<'a>,
        &'a str,
        #[serde(borrow)] Container<'a>,
        #[serde(borrow)] Tags<'a>,
        #[serde(borrow)] Metadata<'a>,
    ),
    Judge(#[serde(borrow)] Context<'a>, &'a str, #[serde(borrow)] Vec<Move<'a>>, &'a str),
    Apply(#[serde(borrow)] Context<'a>, &'a str, #[serde(borrow)] Chart<'a>, &'a str, &'a str),
}

/// What a function returned. Guest-controlled.
#[derive(Serialize, Deserialize)]
pub(crate) enum Returned {
    Describe(String),
    CheckConfig(Vec<contract::Problem>),
    Shortlist(Result<Vec<u32>, contract::Failure>),
    Select(Result<contract::Selection, contract::Failure>),
    Judge(Result<contract::Verdict, contract::Failure>),
    Apply(Result<contract::Transformation, contract::Failure>),
}

/// Why a function returned nothing.
#[derive(Serialize, Deserialize)]
pub(crate) enum Fault {
    OutOfFuel,
    Timeout,
    Trap(String),
    BadOutput(String),
    /// The policy is of a kind that has no such function.
    OtherKind,
}

/// What came of a call.
#[derive(Serialize, Deserialize)]
pub(crate) struct Done {
    pub(crate) outcome: Result<Returned, Fault>,
    /// Fuel used.
    pub(crate) fuel: u64,
    /// Bytes of linear memory at their most.
    pub(crate) memory: u64,
}

/// A call that ended without a return value, or with it, and the fuel that it used.
pub(crate) type Outcome = (Result<Returned, Failure>, u64);

impl Done {
    /// In the host's words; `budget` is what the call was given. Whoever ran it may lie about anything.
    pub(crate) fn outcome(self, limits: &Limits, budget: u64) -> Outcome {
        let outcome = self.outcome.map_err(|fault| match fault {
            Fault::OutOfFuel => Failure::OutOfFuel { budget },
            Fault::Timeout => Failure::Timeout { limit_millis: limits.wall_millis },
            Fault::Trap(text) => Failure::Trap(convert::printable(&text)),
            Fault::BadOutput(text) => Failure::BadOutput(convert::printable(&text)),
            Fault::OtherKind => Failure::Unavailable("it has no such function".to_owned()),
        });
        (outcome, self.fuel.min(budget))
    }
}

impl<'a> Call<'a> {
    /// The call that asks this question.
    pub(crate) fn of(question: &'a Question) -> Result<Self, Failure> {
        let (context, config) = (convert::context(&question.context), question.config.as_str());
        let check = |result: Result<(), String>| result.map_err(|text| malformed("/tags", text));
        Ok(match &question.ask {
            Ask::Shortlist { container, tags } => {
                check(convert::check_columns(tags, None))?;
                Self::Shortlist(context, config, convert::container(container), convert::tags(tags))
            }
            Ask::Select { container, tags, metadata } => {
                check(convert::check_columns(tags, Some(metadata)))?;
                let (container, metadata) = (convert::container(container), convert::metadata(metadata));
                Self::Select(context, config, container, convert::tags(tags), metadata)
            }
            Ask::Judge { moves, evidence } => Self::Judge(context, config, convert::moves(moves), evidence),
            Ask::Transform { chart, values, evidence } => {
                Self::Apply(context, config, convert::chart(chart), values, evidence)
            }
        })
    }
}

impl Returned {
    /// The answer to this question, checked.
    pub(crate) fn answer(self, ask: &Ask, rules: &Rules<'_>) -> Result<Answer, Failure> {
        match (self, ask) {
            (Self::Shortlist(Ok(found)), Ask::Shortlist { .. }) => rules.shortlist(found).map(Answer::Shortlist),
            (Self::Select(Ok(found)), Ask::Select { .. }) => rules.selection(found).map(Answer::Selection),
            (Self::Judge(Ok(found)), Ask::Judge { .. }) => rules.verdict(found).map(Answer::Verdict),
            (Self::Apply(Ok(found)), Ask::Transform { .. }) => rules.transformation(found).map(Answer::Transformation),
            (
                Self::Shortlist(Err(failure))
                | Self::Select(Err(failure))
                | Self::Judge(Err(failure))
                | Self::Apply(Err(failure)),
                _,
            ) => Err(rules.failure(failure)),
            _ => Err(other_function()),
        }
    }
}

/// A return value of a function that was not called.
pub(crate) fn other_function() -> Failure {
    Failure::BadOutput("the value of another function".to_owned())
}

fn malformed(pointer: &str, message: String) -> Failure {
    let reason = Reason { code: "malformed".to_owned(), message };
    Failure::BadInput(vec![Problem { pointer: pointer.to_owned(), reason }])
}
