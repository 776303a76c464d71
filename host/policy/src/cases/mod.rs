//! Asks a component in the sandbox what case files ask (`rhumb-cases`; the SDK asks the same natively).

mod answered;
mod recorded;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use rhumb_core::id::{PolicyName, Tag, Timestamp};
use rhumb_core::image;
use rhumb_core::judge::{
    Answer, Ask, Chart, Container, Context, Decision, Failure, Kind, Metadata, Move, Question, Selection, Step, Tags,
};
use rhumb_core::values::apply;
use serde_json::{Value, json};

use crate::{Loaded, Sandbox};

pub use answered::answered;
pub use recorded::case;
pub use rhumb_cases::{
    Answered, BASE, Case, Expect, File, Offer, Outcomes, Subject, Time, offers, paths, printed, updated,
};

/// A loaded policy as something that can be asked the question of a case.
pub struct InSandbox<'a> {
    sandbox: &'a Sandbox,
    policy: &'a Loaded,
    fuel: Cell<u64>,
    last: RefCell<Option<Question>>,
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
        Self { sandbox, policy, fuel: Cell::new(0), last: RefCell::default() }
    }

    /// Bytes of linear memory that the last question takes at its largest, found by asking it once more; `None` before
    /// there was one, and where other processes evaluate.
    pub fn memory(&self) -> Option<u64> {
        self.sandbox.peak_memory(self.last.borrow().as_ref()?)
    }

    fn filter(&self, case: &Case, now: u64) -> Answered {
        let mut shortlist = None;
        let answer = self.select(case, now, &mut shortlist).map(|(_, selection)| Answer::Selection(selection));
        let name = |index: u32| case.offers.get(index as usize).map_or_else(String::new, |offer| offer.name.clone());
        Answered { shortlist, ..answered(answer.as_ref(), name) }
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
            let offers = indices.iter().filter_map(|index| case.offers.get(*index as usize));
            *shortlist = Some(offers.map(|offer| offer.name.as_str()).collect::<Vec<_>>().join(" "));
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
        Answered { wrong, ..answered(decision.answer.as_ref(), |index| index.to_string()) }
    }

    fn transform(&self, case: &Case, now: u64) -> Answered {
        let ask = |values: &Value| {
            let chart = Chart { name: "app".to_owned(), version: "1.0.0".to_owned(), app_version: None };
            let ask = Ask::Transform { chart, values: values.to_string(), evidence: evidence(case) };
            self.decide(case, now, ask).answer
        };
        let before = if case.values.is_null() { json!({}) } else { case.values.clone() };
        let answer = ask(&before);
        let mut found = answered(answer.as_ref(), |index| index.to_string());
        if let Ok(Answer::Transformation(answer)) = answer {
            match apply(&before, &answer.operations) {
                Err(error) => found.wrong.push(error.to_string()),
                Ok(after) => {
                    if !matches!(ask(&after), Ok(Answer::Transformation(again)) if again.operations.is_empty()) {
                        found.wrong.push("applied to its own result it changes something".to_owned());
                    }
                    found.values = Some(after);
                }
            }
        }
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
        let question = Question {
            policy: PolicyName::new(&self.policy.name),
            component: self.policy.digest.clone(),
            config: case.config.to_string(),
            context,
            ask,
        };
        let decision = self.sandbox.decide(&question);
        self.last.replace(Some(question));
        self.fuel.set(self.fuel.get().max(decision.fuel));
        decision
    }
}

fn evidence(case: &Case) -> String {
    if case.evidence.is_null() { "{}".to_owned() } else { case.evidence.to_string() }
}

fn no_answer() -> Failure {
    Failure::BadOutput("gave an answer of another kind".to_owned())
}

/// The contract's word for a step.
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
