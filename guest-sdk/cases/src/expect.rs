//! What is expected of an answer, and how an answer is compared with it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::time::{parse, printed};

/// What is expected; what is not named may be anything.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Expect {
    /// `pick TAG`, `keep-current`, `none`, `hold-until TIME`; `allow`, `deny`, `observe`, `hold`, `hold TIME`,
    /// `require-approval QUORUM`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// Reason code of the outcome.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Tags that `shortlist` names, in its order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shortlist: Option<String>,
    /// Reason codes of tags that were looked at.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub considered: BTreeMap<String, String>,
    /// JSON Pointers to what is wrong with the config; an answer may point deeper.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problems: Option<Vec<String>>,
    /// A failure's word, such as `bad-input`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// Reason codes of a transform's operations in order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operations: Option<Vec<String>>,
    /// Reason codes of its warnings in order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warnings: Option<Vec<String>>,
    /// Values after the operations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values: Option<Value>,
    /// What a sweep goes through: `TIME OUTCOME CODE` at its beginning and whenever it changes; times of holds are left
    /// out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes: Option<Vec<String>>,
    /// What must not come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not: Option<Not>,
}

/// An answer that must not come: all that is named here together.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Not {
    /// An outcome; `pick`, `hold` and such alone stand for every one of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// Its reason code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// An answer in the words of case files.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Answered {
    /// As in [`Expect::outcome`].
    pub outcome: Option<String>,
    /// As in [`Expect::code`].
    pub code: Option<String>,
    /// The outcome's reason for people.
    pub message: String,
    /// What `shortlist` named, where it was asked.
    pub shortlist: Option<String>,
    /// Tags that were looked at and the reason code of each.
    pub considered: BTreeMap<String, String>,
    /// Pointers to what is wrong with the config.
    pub problems: Vec<String>,
    /// Reason codes of those problems.
    pub problem_codes: Vec<String>,
    /// As in [`Expect::failure`], and its words.
    pub failure: Option<(String, String)>,
    /// As in [`Expect::operations`].
    pub operations: Option<Vec<String>>,
    /// As in [`Expect::warnings`].
    pub warnings: Option<Vec<String>>,
    /// As in [`Expect::values`].
    pub values: Option<Value>,
    /// What breaks a rule that holds for every answer.
    pub wrong: Vec<String>,
    /// What it cost, where that is counted.
    pub fuel: u64,
}

impl Answered {
    /// A time in the words of outcomes.
    pub fn until(word: &str, time: Option<u64>) -> String {
        time.map_or_else(|| word.to_owned(), |time| format!("{word} {}", printed(time)))
    }

    /// Every declared reason code that it carries.
    pub fn codes(&self) -> BTreeSet<String> {
        let lists = self.operations.iter().chain(&self.warnings).flatten();
        lists.chain(self.considered.values()).chain(&self.code).cloned().collect()
    }

    /// What a case would have to expect to get exactly this; what tags were looked at is left out.
    pub fn expected(&self) -> Expect {
        let shortlist = self.shortlist.as_ref().map(|_| String::new());
        self.as_expect(&Expect { shortlist, ..Expect::default() })
    }

    /// Outcome without its time, and code: what a sweep compares.
    pub(crate) fn state(&self) -> String {
        let outcome = self.outcome.as_deref().unwrap_or_default();
        let word = if outcome.starts_with("hold") { first_word(outcome) } else { outcome };
        match &self.failure {
            Some((word, _)) => format!("no answer: {word}"),
            None => format!("{word} {}", self.code.as_deref().unwrap_or_default()),
        }
    }

    /// The same as expectations.
    pub(crate) fn as_expect(&self, like: &Expect) -> Expect {
        let failed = self.failure.is_some() || !self.problems.is_empty();
        Expect {
            outcome: self.outcome.clone().filter(|_| !failed),
            code: self.code.clone().filter(|_| !failed),
            shortlist: like.shortlist.as_ref().and(self.shortlist.clone()),
            considered: like
                .considered
                .keys()
                .filter_map(|tag| Some((tag.clone(), self.considered.get(tag)?.clone())))
                .collect(),
            problems: Some(self.problems.clone()).filter(|list| !list.is_empty()),
            failure: self.failure.as_ref().map(|(word, _)| word.clone()),
            operations: self.operations.clone(),
            warnings: self.warnings.clone().filter(|list| like.warnings.is_some() || !list.is_empty()),
            values: self.values.clone(),
            changes: None,
            not: like.not.clone(),
        }
    }
}

impl Expect {
    /// What of an answer is not as expected.
    pub fn check(&self, found: &Answered) -> Vec<String> {
        let mut wrong = found.wrong.clone();
        let mut compare = |what: &str, expected: &str, found: &str| {
            if expected != found {
                wrong.push(format!("expected {what} `{expected}`, got `{found}`"));
            }
        };
        // The schema says where a value has the wrong type; natively serde says only that it has. Both are right.
        let problems = self.problems.as_deref().unwrap_or_default();
        let points_at = |at: &String| found.problems.iter().any(|problem| problem.starts_with(at.as_str()));
        if problems.is_empty() != found.problems.is_empty() || !problems.iter().all(points_at) {
            compare("problems at", &problems.join(" "), &found.problems.join(" "));
        }
        let (word, words) = found.failure.clone().unwrap_or_default();
        if self.failure.as_deref().unwrap_or_default() != word {
            let expected = self.failure.as_deref().unwrap_or("an answer");
            compare("to get", expected, &if words.is_empty() { "an answer".to_owned() } else { words });
        }
        let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "nothing".to_owned());
        if let Some(expected) = &self.outcome {
            compare("outcome", &normal(expected), &or_none(&found.outcome));
        }
        if let Some(expected) = &self.code {
            compare("reason", expected, &or_none(&found.code));
        }
        if let Some(expected) = &self.shortlist {
            compare("shortlist", expected, &or_none(&found.shortlist));
        }
        for (tag, code) in &self.considered {
            compare(&format!("for `{tag}`"), code, found.considered.get(tag).map_or("nothing", String::as_str));
        }
        let lists =
            [("operations", &self.operations, &found.operations), ("warnings", &self.warnings, &found.warnings)];
        for (what, expected, found) in lists {
            if let Some(expected) = expected {
                compare(what, &expected.join(" "), &found.clone().unwrap_or_default().join(" "));
            }
        }
        if let Some(expected) = &self.values
            && found.values.as_ref() != Some(expected)
        {
            let found = found.values.as_ref().map_or_else(|| "nothing".to_owned(), Value::to_string);
            compare("values", &expected.to_string(), &found);
        }
        if let Some(not) = &self.not {
            wrong.extend(not.check(found));
        }
        wrong
    }

    /// Whether it would pass whatever the answer.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Not {
    fn check(&self, found: &Answered) -> Option<String> {
        let outcome = found.outcome.as_deref().unwrap_or_default();
        let same = self.outcome.as_deref().is_none_or(|not| normal(not) == outcome || not == first_word(outcome));
        let code = found.code.as_deref().unwrap_or_default();
        let both = same && self.code.as_deref().is_none_or(|not| not == code);
        both.then(|| format!("expected anything but `{outcome}` with `{code}`"))
    }
}

fn first_word(text: &str) -> &str {
    text.split(' ').next().unwrap_or_default()
}

/// An outcome with its time in RFC 3339; case files may count milliseconds.
fn normal(outcome: &str) -> String {
    match outcome.split_once(' ') {
        Some((word @ ("hold" | "hold-until"), time)) => {
            let millis = time.parse().ok().or_else(|| parse(time));
            millis.map_or_else(|| outcome.to_owned(), |millis| format!("{word} {}", printed(millis)))
        }
        _ => outcome.to_owned(),
    }
}
