//! Asks a component in the sandbox what case files ask (`rhumb-cases`; the SDK asks the same natively).

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use rhumb_cases::{Answered, Case, Subject};
use rhumb_core::id::{PolicyName, Tag, Timestamp};
use rhumb_core::image;
use rhumb_core::judge::{
    Answer, Ask, Chart, Container, Context, Decision, Failure, Kind, Metadata, Move, Outcome, Question, Reason,
    Selection, Step, Tags, Verdict,
};
use rhumb_core::values::apply;
use serde_json::{Value, json};

use crate::{Loaded, Sandbox};

pub use rhumb_cases::{BASE, Expect, File, Offer, Outcomes, offers, paths, updated};

/// A loaded policy as something that can be asked the question of a case.
pub struct InSandbox<'a> {
    sandbox: &'a Sandbox,
    policy: &'a Loaded,
    fuel: Cell<u64>,
}

/// Runs every case of a file on a loaded policy.
pub fn run(sandbox: &Sandbox, policy: &Loaded, file: &File) -> Vec<Outcomes> {
    rhumb_cases::run(&InSandbox::new(sandbox, policy), file)
}

impl Subject for InSandbox<'_> {
    fn ask(&self, case: &Case, now: u64) -> Answered {
        let problems = self.sandbox.check_config(&self.policy.digest, &case.config.to_string());
        if let Err(problems) = problems {
            let (problems, problem_codes) =
                problems.into_iter().map(|problem| (problem.pointer, problem.reason.code)).unzip();
            return Answered { problems, problem_codes, ..Answered::default() };
        }
        self.fuel.set(0);
        let found = match self.policy.kind {
            Kind::ImageFilter => self.filter(case, now),
            Kind::PromotionRule => self.rule(case, now),
            Kind::ValueTransform => self.transform(case, now),
        };
        Answered { fuel: self.fuel.get(), ..found }
    }
}

impl<'a> InSandbox<'a> {
    /// Asks this policy.
    pub fn new(sandbox: &'a Sandbox, policy: &'a Loaded) -> Self {
        Self { sandbox, policy, fuel: Cell::new(0) }
    }

    fn filter(&self, case: &Case, now: u64) -> Answered {
        let mut found = Answered::default();
        let (tags, selection) = match self.select(case, now, &mut found.shortlist) {
            Ok(selected) => selected,
            Err(failure) => return failed(found, &failure),
        };
        let name = |index: u32| tags.get(index).unwrap_or_default().to_owned();
        found.outcome = Some(match &selection.outcome {
            Outcome::Pick(index) => format!("pick {}", name(*index)),
            Outcome::KeepCurrent => "keep-current".to_owned(),
            Outcome::None => "none".to_owned(),
            Outcome::HoldUntil(time) => Answered::until("hold-until", Some(time.0)),
        });
        let considered = selection.considered.into_iter();
        found.considered = considered.map(|one| (name(one.index), one.reason.code)).collect();
        explained(found, selection.reason)
    }

    /// The choice and what it was made from; the shortlist, where one was asked for, by name.
    pub fn select(
        &self,
        case: &Case,
        now: u64,
        shortlist: &mut Option<String>,
    ) -> Result<(Arc<Tags>, Selection), Failure> {
        let container = Container {
            name: "app".to_owned(),
            repository: "registry.example/team/app".to_owned(),
            current_tag: case.current.as_deref().map(Tag::from),
            current_digest: None,
            current_since: Timestamp(0),
        };
        let tags = Arc::new(column(&case.offers, !case.incomplete));
        let mut metadata = Metadata { complete: true, ..Metadata::default() };
        if self.policy.describe.wants.metadata() || case.expect.shortlist.is_some() {
            let ask = Ask::Shortlist { container: container.clone(), tags: Arc::clone(&tags) };
            let Answer::Shortlist(indices) = self.decide(case, now, ask).answer? else { return Err(no_answer()) };
            let names: Vec<&str> = indices.iter().filter_map(|index| tags.get(*index)).collect();
            *shortlist = Some(names.join(" "));
            if self.policy.describe.wants.metadata() {
                metadata = known(&case.offers, &indices);
            }
        }
        match self.decide(case, now, Ask::Select { container, tags: Arc::clone(&tags), metadata }).answer? {
            Answer::Selection(selection) => Ok((tags, selection)),
            _ => Err(no_answer()),
        }
    }

    fn rule(&self, case: &Case, now: u64) -> Answered {
        let mut wrong = Vec::new();
        let moves = case.moves.iter().map(|one| {
            let step = one.from.as_deref().and_then(|from| image::step(from, &one.to));
            let word = step.map(word_of);
            if one.step.is_some() && one.step.as_deref() != word {
                let (to, given) = (&one.to, one.step.as_deref().unwrap_or_default());
                wrong.push(format!("the step to `{to}` is {}, not {given}", word.unwrap_or("unknown")));
            }
            Move {
                subject: one.subject.clone(),
                repository: one.repository.clone(),
                from_version: one.from.clone(),
                to_version: one.to.clone(),
                to_digest: None,
                step,
            }
        });
        let moves = moves.collect();
        let decision = self.decide(case, now, Ask::Judge { moves, evidence: evidence(case) });
        let found = Answered { wrong, ..Answered::default() };
        let verdict = match decision.answer {
            Ok(Answer::Verdict(verdict)) => verdict,
            Ok(_) => return failed(found, &no_answer()),
            Err(failure) => return failed(found, &failure),
        };
        let (outcome, reason) = match verdict {
            Verdict::Allow(reason) => ("allow".to_owned(), reason),
            Verdict::Deny(reason) => ("deny".to_owned(), reason),
            Verdict::Observe(reason) => ("observe".to_owned(), reason),
            Verdict::Hold { until, reason } => (Answered::until("hold", until.map(|until| until.0)), reason),
            Verdict::RequireApproval { quorum, reason, .. } => (format!("require-approval {quorum}"), reason),
        };
        explained(Answered { outcome: Some(outcome), ..found }, reason)
    }

    fn transform(&self, case: &Case, now: u64) -> Answered {
        let ask = |values: &Value| {
            let chart = Chart { name: "app".to_owned(), version: "1.0.0".to_owned(), app_version: None };
            let ask = Ask::Transform { chart, values: values.to_string(), evidence: evidence(case) };
            self.decide(case, now, ask).answer
        };
        let before = if case.values.is_null() { json!({}) } else { case.values.clone() };
        let answer = match ask(&before) {
            Ok(Answer::Transformation(answer)) => answer,
            Ok(_) => return failed(Answered::default(), &no_answer()),
            Err(failure) => return failed(Answered::default(), &failure),
        };
        let mut found = Answered::default();
        match apply(&before, &answer.operations) {
            Err(error) => found.wrong.push(error.to_string()),
            Ok(after) => {
                if !matches!(ask(&after), Ok(Answer::Transformation(again)) if again.operations.is_empty()) {
                    found.wrong.push("applied to its own result it changes something".to_owned());
                }
                found.values = Some(after);
            }
        }
        found.operations = Some(answer.operations.into_iter().map(|one| one.reason.code).collect());
        found.warnings = Some(answer.warnings.into_iter().map(|one| one.code).collect());
        found
    }

    fn decide(&self, case: &Case, now: u64, ask: Ask) -> Decision {
        let pairs = |map: &BTreeMap<String, String>| map.clone().into_iter().collect();
        let context = Context {
            name: case.release.clone(),
            namespace: case.namespace.clone(),
            kind: "HelmRelease".to_owned(),
            environment: case.environment.clone(),
            labels: pairs(&case.labels),
            annotations: pairs(&case.annotations),
            now: Timestamp(now),
            seed: case.seed,
        };
        let decision = self.sandbox.decide(&Question {
            policy: PolicyName::new(&self.policy.name),
            component: self.policy.digest.clone(),
            config: case.config.to_string(),
            context,
            ask,
        });
        self.fuel.set(self.fuel.get().max(decision.fuel));
        decision
    }
}

fn evidence(case: &Case) -> String {
    if case.evidence.is_null() { "{}".to_owned() } else { case.evidence.to_string() }
}

fn explained(found: Answered, reason: Reason) -> Answered {
    Answered { code: Some(reason.code), message: reason.message, ..found }
}

fn failed(found: Answered, failure: &Failure) -> Answered {
    Answered { failure: Some((failure.code().to_owned(), failure.to_string())), ..found }
}

fn no_answer() -> Failure {
    Failure::BadOutput("gave an answer of another kind".to_owned())
}

fn word_of(step: Step) -> &'static str {
    match step {
        Step::None => "none",
        Step::Build => "build",
        Step::PreRelease => "pre-release",
        Step::Patch => "patch",
        Step::Minor => "minor",
        Step::Major => "major",
        Step::Backwards => "backwards",
    }
}

/// Offers as the contract's columns.
pub fn column(offers: &[Offer], complete: bool) -> Tags {
    let mut names = String::new();
    for offer in offers {
        let _ = writeln!(names, "{}", offer.name);
    }
    let first_seen = offers.iter().map(|offer| Timestamp(offer.first_seen)).collect();
    Tags { names, first_seen, moves: vec![0; offers.len()], complete }
}

/// What is known of the shortlisted offers.
pub fn known(offers: &[Offer], shortlist: &[u32]) -> Metadata {
    let created = |index: &u32| offers.get(usize::try_from(*index).ok()?)?.created.map(Timestamp);
    let indices: Vec<u32> = shortlist.iter().copied().filter(|index| created(index).is_some()).collect();
    let created = indices.iter().filter_map(created).collect();
    let complete = indices.len() == shortlist.len();
    Metadata { indices, created, digests: None, facts: None, complete }
}
