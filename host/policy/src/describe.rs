//! What a policy says about itself, read from its custom section without running it.

use std::collections::BTreeSet;

use rhumb_core::judge::Kind;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A policy's own description (`meta.describe` and the custom section `rhumb:policy`).
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Describe {
    /// The contract it was built for, such as `rhumb:policy@0.1.0`.
    pub contract: String,
    /// What it decides about.
    pub kind: Kind,
    /// Its name, lower-case with dashes.
    pub name: String,
    /// Its version.
    pub version: String,
    /// One sentence.
    #[serde(default)]
    pub summary: String,
    /// JSON Schema of its config.
    pub config: Value,
    /// Every reason code that an answer may carry.
    pub reasons: Vec<ReasonCode>,
    /// Which data it needs.
    #[serde(default)]
    pub wants: Wants,
    /// The budget that it recommends for one call.
    pub fuel: u64,
    /// A case file, which the runner executes.
    #[serde(default)]
    pub examples: Value,
}

/// A reason code and what it means.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct ReasonCode {
    /// Lower-case, dashes.
    pub code: String,
    /// For people.
    pub text: String,
}

/// Which data a policy needs; it gets no more than this.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct Wants {
    /// Build times of the shortlisted tags.
    pub created: bool,
    /// Digests of the same.
    pub digests: bool,
    /// Facts of the same, such as `labels`.
    pub facts: Vec<String>,
    /// Parts of the evidence by their keys in `wit/evidence.schema.json`, such as `history`.
    pub evidence: Vec<String>,
}

impl Wants {
    /// Whether `shortlist` is called and metadata of its tags fetched.
    pub fn metadata(&self) -> bool {
        self.created || self.digests || !self.facts.is_empty()
    }
}

impl Describe {
    /// Reads a description and checks what the host relies on.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let describe: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if !is_word(&describe.name) {
            return Err(format!("name `{}` is not lower-case letters, digits and dashes", describe.name));
        }
        if let Some(reason) = describe.reasons.iter().find(|reason| !is_word(&reason.code)) {
            return Err(format!("reason code `{}` is not lower-case letters, digits and dashes", reason.code));
        }
        Ok(describe)
    }

    /// The declared reason codes.
    pub(crate) fn codes(&self) -> BTreeSet<String> {
        self.reasons.iter().map(|reason| reason.code.clone()).collect()
    }
}

/// Whether a text is a short word of lower-case letters, digits and dashes.
pub(crate) fn is_word(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}
