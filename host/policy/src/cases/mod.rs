//! Case files: questions to a policy and what is expected of its answers, in the format of `wit/cases.schema.json`.
//!
//! The SDK runs the same files natively. Both read them strictly, so that a misspelt key is an error and not a case
//! that tests nothing.

mod patch;
mod tags;

use std::fmt::Write as _;
use std::sync::Arc;

use rhumb_core::id::{PolicyName, Tag, Timestamp};
use rhumb_core::image;
use rhumb_core::judge::{
    Answer, Ask, Chart, Container, Context, Decision, Metadata, Move, Outcome, Question, Tags, Verdict,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{Loaded, Sandbox};

pub use patch::patched;
pub use tags::{BASE, Offer, offers};

/// One file.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct File {
    /// What the cases show.
    #[serde(default)]
    pub about: String,
    /// The cases.
    pub cases: Vec<Case>,
}

/// One question and what is expected of the answer.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Case {
    /// A sentence.
    pub name: String,
    #[serde(default)]
    config: Value,
    now: Option<u64>,
    environment: Option<String>,
    tags: Option<String>,
    current: Option<String>,
    #[serde(default)]
    incomplete: bool,
    #[serde(default)]
    moves: Vec<CaseMove>,
    #[serde(default)]
    evidence: Value,
    values: Option<Value>,
    expect: Expect,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseMove {
    subject: String,
    repository: String,
    from: Option<String>,
    to: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Expect {
    outcome: Option<String>,
    code: Option<String>,
    shortlist: Option<String>,
    problems: Option<Vec<String>>,
    failure: Option<String>,
    values: Option<Value>,
    operations: Option<Vec<String>>,
}

/// What came of one case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Outcomes {
    /// The case's name.
    pub name: String,
    /// What was not as expected; empty when all was.
    pub wrong: Vec<String>,
    /// Fuel of the last call.
    pub fuel: u64,
}

/// Runs every case of a file on a loaded policy.
pub fn run(sandbox: &Sandbox, policy: &Loaded, file: &File) -> Vec<Outcomes> {
    file.cases.iter().map(|case| Run { sandbox, policy, case, wrong: Vec::new(), fuel: 0 }.finish()).collect()
}

struct Run<'a> {
    sandbox: &'a Sandbox,
    policy: &'a Loaded,
    case: &'a Case,
    wrong: Vec<String>,
    fuel: u64,
}

impl Run<'_> {
    fn finish(mut self) -> Outcomes {
        let problems = self.sandbox.check_config(&self.policy.digest, &self.case.config.to_string());
        let found: Vec<String> = problems.err().into_iter().flatten().map(|problem| problem.pointer).collect();
        // The schema says where a value has the wrong type; natively serde says only that it has. Both are right.
        let expected = self.case.expect.problems.clone().unwrap_or_default();
        if found.is_empty() != expected.is_empty() || !expected.iter().all(|at| found.iter().any(|p| p.starts_with(at)))
        {
            self.wrong.push(format!("expected problems at {expected:?}, got {found:?}"));
        }
        if found.is_empty() {
            match self.policy.kind {
                rhumb_core::judge::Kind::ImageFilter => self.filter(),
                rhumb_core::judge::Kind::PromotionRule => self.rule(),
                rhumb_core::judge::Kind::ValueTransform => self.transform(),
            }
        }
        Outcomes { name: self.case.name.clone(), wrong: self.wrong, fuel: self.fuel }
    }

    fn filter(&mut self) {
        let offers = match offers(self.case.tags.as_deref().unwrap_or_default()) {
            Ok(offers) => offers,
            Err(text) => return self.wrong.push(text),
        };
        let container = Container {
            name: "app".to_owned(),
            repository: "registry.example/team/app".to_owned(),
            current_tag: self.case.current.as_deref().map(Tag::from),
            current_digest: None,
            current_since: Timestamp(0),
        };
        let tags = Arc::new(column(&offers, !self.case.incomplete));
        let mut metadata = Metadata { complete: true, ..Metadata::default() };
        if self.policy.describe.wants.metadata() || self.case.expect.shortlist.is_some() {
            let ask = Ask::Shortlist { container: container.clone(), tags: Arc::clone(&tags) };
            let decision = self.ask(ask);
            let Ok(Answer::Shortlist(shortlist)) = &decision.answer else { return self.expect_failure(&decision) };
            if let Some(expected) = &self.case.expect.shortlist {
                let names: Vec<&str> = shortlist.iter().filter_map(|index| tags.get(*index)).collect();
                self.compare("shortlist", expected, &names.join(" "));
            }
            if self.policy.describe.wants.metadata() {
                metadata = known(&offers, shortlist);
            }
        }
        let decision = self.ask(Ask::Select { container, tags: Arc::clone(&tags), metadata });
        if let Ok(Answer::Selection(selection)) = &decision.answer {
            let outcome = match &selection.outcome {
                Outcome::Pick(index) => format!("pick {}", tags.get(*index).unwrap_or_default()),
                Outcome::KeepCurrent => "keep-current".to_owned(),
                Outcome::None => "none".to_owned(),
                Outcome::HoldUntil(time) => format!("hold-until {}", time.0),
            };
            self.expect_outcome(&outcome, &selection.reason.code);
        }
        self.expect_failure(&decision);
    }

    fn rule(&mut self) {
        let moves = self.case.moves.iter().map(|one| Move {
            subject: one.subject.clone(),
            repository: one.repository.clone(),
            from_version: one.from.clone(),
            to_version: one.to.clone(),
            to_digest: None,
            step: one.from.as_deref().and_then(|from| image::step(from, &one.to)),
        });
        let decision = self.ask(Ask::Judge { moves: moves.collect(), evidence: self.evidence() });
        if let Ok(Answer::Verdict(verdict)) = &decision.answer {
            let (outcome, reason) = match verdict {
                Verdict::Allow(reason) => ("allow".to_owned(), reason),
                Verdict::Deny(reason) => ("deny".to_owned(), reason),
                Verdict::Observe(reason) => ("observe".to_owned(), reason),
                Verdict::Hold { until: Some(until), reason } => (format!("hold {}", until.0), reason),
                Verdict::Hold { until: None, reason } => ("hold".to_owned(), reason),
                Verdict::RequireApproval { quorum, reason, .. } => (format!("require-approval {quorum}"), reason),
            };
            self.expect_outcome(&outcome, &reason.code);
        }
        self.expect_failure(&decision);
    }

    fn transform(&mut self) {
        let before = self.case.values.clone().unwrap_or_else(|| json!({}));
        let decision = self.ask(self.transform_ask(&before));
        if let Ok(Answer::Transformation(found)) = &decision.answer {
            if let Some(expected) = &self.case.expect.operations {
                let codes: Vec<&str> = found.operations.iter().map(|one| one.reason.code.as_str()).collect();
                self.compare("operations", &expected.join(" "), &codes.join(" "));
            }
            match patched(before, found) {
                Err(text) => self.wrong.push(text),
                Ok(after) => {
                    if let Some(expected) = &self.case.expect.values {
                        self.compare("values", &expected.to_string(), &after.to_string());
                    }
                    let again = self.ask(self.transform_ask(&after));
                    if !matches!(&again.answer, Ok(Answer::Transformation(found)) if found.operations.is_empty()) {
                        self.wrong.push("applied to its own result it changes something".to_owned());
                    }
                }
            }
        }
        self.expect_failure(&decision);
    }

    fn transform_ask(&self, values: &Value) -> Ask {
        let chart = Chart { name: "app".to_owned(), version: "1.0.0".to_owned(), app_version: None };
        Ask::Transform { chart, values: values.to_string(), evidence: self.evidence() }
    }

    fn evidence(&self) -> String {
        if self.case.evidence.is_null() { "{}".to_owned() } else { self.case.evidence.to_string() }
    }

    fn ask(&mut self, ask: Ask) -> Decision {
        let context = Context {
            name: "app".to_owned(),
            namespace: "default".to_owned(),
            kind: "HelmRelease".to_owned(),
            environment: self.case.environment.clone(),
            labels: Vec::new(),
            annotations: Vec::new(),
            now: Timestamp(self.case.now.unwrap_or(BASE + 86_400_000)),
            seed: 0,
        };
        let decision = self.sandbox.decide(&Question {
            policy: PolicyName::new(&self.policy.name),
            component: self.policy.digest.clone(),
            config: self.case.config.to_string(),
            context,
            ask,
        });
        self.fuel = decision.fuel;
        decision
    }

    fn expect_outcome(&mut self, outcome: &str, code: &str) {
        if let Some(expected) = &self.case.expect.outcome {
            self.compare("outcome", expected, outcome);
        }
        if let Some(expected) = &self.case.expect.code {
            self.compare("reason", expected, code);
        }
    }

    fn expect_failure(&mut self, decision: &Decision) {
        let found = decision.answer.as_ref().err();
        let expected = self.case.expect.failure.as_deref();
        if found.map(|failure| failure.code()) != expected {
            let found = found.map_or("an answer".to_owned(), ToString::to_string);
            self.wrong.push(format!("expected {}, got {found}", expected.unwrap_or("an answer")));
        }
    }

    fn compare(&mut self, what: &str, expected: &str, found: &str) {
        if expected != found {
            self.wrong.push(format!("expected {what} `{expected}`, got `{found}`"));
        }
    }
}

/// Offers as the contract's columns.
fn column(offers: &[Offer], complete: bool) -> Tags {
    let mut names = String::new();
    for offer in offers {
        let _ = writeln!(names, "{}", offer.name);
    }
    Tags { names, first_seen: vec![Timestamp(BASE); offers.len()], moves: vec![0; offers.len()], complete }
}

/// What is known of the shortlisted offers.
fn known(offers: &[Offer], shortlist: &[u32]) -> Metadata {
    let created = |index: &u32| offers.get(*index as usize).and_then(|offer| offer.created);
    let indices: Vec<u32> = shortlist.iter().copied().filter(|index| created(index).is_some()).collect();
    let created = indices.iter().filter_map(created).collect();
    let complete = indices.len() == shortlist.len();
    Metadata { indices, created, digests: None, facts: None, complete }
}
