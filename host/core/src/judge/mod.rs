//! Questions to policies and their answers, in the host's own words.
//!
//! The shapes follow the contract in `wit/policy.wit`, which says what each field promises. The sandbox converts
//! between the two; nothing else knows the contract's own types.
//!
//! Invariant: a [`Question`] holds everything that its answer may depend on, so an answer can be had again from it.

mod answer;
mod question;

pub use answer::{
    Answer, Change, Consideration, Decision, Failure, Operation, Outcome, Problem, Reason, Selection, Transformation,
    Verdict,
};
pub use question::{Ask, Chart, Container, Context, Metadata, Move, Question, Step, Tags};

use serde::{Deserialize, Serialize};

/// What a policy decides about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Chooses a tag for one container.
    ImageFilter,
    /// Says whether a version may move.
    PromotionRule,
    /// Changes the values of a release before it is rendered.
    ValueTransform,
}

impl Kind {
    /// The name in the contract: `image-filter`, `promotion-rule` or `value-transform`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ImageFilter => "image-filter",
            Self::PromotionRule => "promotion-rule",
            Self::ValueTransform => "value-transform",
        }
    }
}
