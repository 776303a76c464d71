//! Third round: may the chosen versions move? One question for each rule of an object, about all its moves together.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::Verdicts;
use super::propose::moves;
use super::view::{ImagesView, Workload};
use crate::attach::{Attached, Mode, OnFailure, promotion_rules};
use crate::evidence::{Evidence, Part, Wanted};
use crate::id::{ObjectId, PolicyName};
use crate::image::filter_of;
use crate::judge::{Answer, Ask, Kind, Move, Question, Verdict};
use crate::objects::Stop;
use crate::policies::{About, Answered, Bindings, Found, Last, Policies, policies_bound};

/// Questions by object and rule.
type Questions = BTreeMap<(ObjectId, PolicyName), Question>;

/// What is bound: by people, and the rule of the stop switch to everything while somebody has it pulled, and while nobody
/// can tell.
pub fn bound(said: &Evidence, bindings: Bindings) -> Bindings {
    let mut bound = bindings?;
    match (&said.stop, said.unread.contains_key(&Part::Stop)) {
        (Some(stop), _) => bound.push(Stop::rule(&stop.except)),
        (None, true) => bound.push(Stop::rule(&[])),
        (None, false) => {}
    }
    Ok(bound)
}

/// The policies that these objects attach, as filters and as rules, those that are bound to them included.
pub fn attached(workloads: &[Workload], bound: &Bindings) -> BTreeSet<PolicyName> {
    let mut names = policies_bound(bound, Kind::PromotionRule);
    for workload in workloads.iter().filter(|workload| workload.is_open()) {
        let filters = workload.slots.iter().filter_map(|slot| filter_of(&workload.annotations, &slot.container).ok());
        names.extend(filters.map(|filter| filter.policy));
        names.extend(rules_of(workload, bound).into_iter().map(|rule| rule.policy));
    }
    names
}

/// The evidence that the third round may need, whatever the first two come to.
pub fn evidence_wanted(workloads: &[Workload], policies: &Policies, bound: &Bindings) -> Wanted {
    let mut wanted = Wanted::default();
    for workload in workloads.iter().filter(|workload| workload.is_open()) {
        for (_, policy) in loaded(workload, rules_of(workload, bound), policies) {
            wanted.add(&workload.id, &policy.info.evidence);
        }
    }
    wanted
}

/// What is still to be asked, in turns.
///
/// Objects with a rule that wants to know how busy the cluster is come last and one by one, as those that went before them
/// in the same pass are busy as well. All others are one turn.
pub struct Promotions<'a> {
    view: &'a ImagesView,
    together: Vec<Asked<'a>>,
    one_by_one: VecDeque<Asked<'a>>,
    /// How many objects move without being asked about.
    unasked: usize,
    /// The objects that were asked about, and the rules of each that count.
    asked: Vec<(ObjectId, Vec<(PolicyName, OnFailure)>)>,
}

struct Asked<'a> {
    workload: &'a Workload,
    rules: Vec<(Attached, Found<'a>)>,
    moves: Vec<Move>,
}

impl Asked<'_> {
    /// The object, and its rules whose verdicts count.
    fn counting(&self) -> (ObjectId, Vec<(PolicyName, OnFailure)>) {
        let counts =
            |(rule, found): &&(Attached, Found<'_>)| rule.mode == Mode::Enforce && found.mode() == Mode::Enforce;
        let counting = self.rules.iter().filter(counts);
        (self.workload.id.clone(), counting.map(|(rule, found)| (rule.name.clone(), found.on_failure())).collect())
    }
}

impl<'a> Promotions<'a> {
    /// All that follows from what the filters chose.
    pub fn new(view: &'a ImagesView, verdicts: &Verdicts) -> Self {
        let mut promotions =
            Self { view, together: Vec::new(), one_by_one: VecDeque::new(), unasked: 0, asked: Vec::new() };
        for workload in view.workloads.iter().filter(|workload| workload.is_open()) {
            let moves = moves(view, workload, verdicts);
            let rules = loaded(workload, rules_of(workload, &view.bound), &view.policies);
            if moves.is_empty() {
                continue;
            }
            let in_turn = rules.iter().any(|(_, policy)| policy.info.evidence.contains(&Part::Fleet));
            let asked = Asked { workload, rules, moves };
            match in_turn {
                _ if asked.rules.is_empty() => promotions.unasked += 1,
                true => promotions.one_by_one.push_back(asked),
                false => promotions.together.push(asked),
            }
        }
        promotions
    }

    /// The questions of the next turn, given what was answered so far; `None` when all are answered.
    pub fn next(&mut self, verdicts: &Verdicts) -> Option<Questions> {
        if !self.together.is_empty() {
            let together = std::mem::take(&mut self.together);
            let questions = together.iter().flat_map(|asked| self.questions(asked, 0)).collect();
            self.asked.extend(together.iter().map(Asked::counting));
            return Some(questions);
        }
        let asked = self.one_by_one.pop_front()?;
        let let_go = self.asked.iter().filter(|asked| is_let_go((self.view, verdicts), asked)).count();
        let questions = self.questions(&asked, self.unasked + let_go).into_iter().collect();
        self.asked.push(asked.counting());
        Some(questions)
    }

    fn questions(&self, asked: &Asked<'a>, let_go: usize) -> Vec<((ObjectId, PolicyName), Question)> {
        let Asked { workload, rules, moves } = asked;
        let question = |(rule, policy): &(Attached, Found<'_>)| {
            // What is not known is no evidence: the gate says what is missing.
            let evidence = self.view.evidence.document(&workload.id, &policy.info.evidence, let_go).ok()?;
            let question = Question {
                context: workload.context(&rule.policy, self.view.now),
                policy: rule.policy.clone(),
                component: policy.info.component.clone(),
                config: policy.config(&rule.config).to_string(),
                ask: Ask::Judge { moves: moves.clone(), evidence: evidence.to_string() },
            };
            Some(((workload.id.clone(), rule.name.clone()), question))
        };
        rules.iter().filter_map(question).collect()
    }
}

/// The promotion rules that count for an object or look on; none while nobody knows what is bound, as then nothing moves.
fn rules_of(workload: &Workload, bound: &Bindings) -> Vec<Attached> {
    let Ok(bound) = bound else { return Vec::new() };
    promotion_rules(&workload.annotations, &workload.rules_among(bound)).unwrap_or_default()
}

/// Those whose policy is loaded and of the right kind.
fn loaded<'a>(workload: &Workload, rules: Vec<Attached>, policies: &'a Policies) -> Vec<(Attached, Found<'a>)> {
    let found = rules
        .into_iter()
        .filter_map(|rule| policies.attached(&workload.id, &rule, Kind::PromotionRule).ok().map(|found| (rule, found)));
    found.collect()
}

/// Whether every rule of an object whose verdict counts lets it go.
fn is_let_go(
    (view, verdicts): (&ImagesView, &Verdicts),
    (object, rules): &(ObjectId, Vec<(PolicyName, OnFailure)>),
) -> bool {
    rules.iter().all(|(rule, on_failure)| {
        let verdict = verdicts.promotions.get(&(object.clone(), rule.clone()));
        verdict.is_some_and(|(question, decision)| {
            let Some(about) = About::of(question) else { return false };
            let answer = view.last.counting((object, rule), *on_failure, (&about, decision));
            match answer.as_ref() {
                Ok(Answer::Verdict(verdict)) => matches!(verdict, Verdict::Allow(_)),
                _ => *on_failure == OnFailure::Skip,
            }
        })
    })
}

/// The answers of rules that are to count on while a rule gives none, with their keys.
pub fn answered(view: &ImagesView, verdicts: &Verdicts) -> Vec<(String, Answered)> {
    let mut kept = Vec::new();
    for workload in view.workloads.iter().filter(|workload| workload.is_open()) {
        for (rule, found) in loaded(workload, rules_of(workload, &view.bound), &view.policies) {
            let asked = verdicts.promotions.get(&(workload.id.clone(), rule.name.clone()));
            let asked = asked.filter(|_| found.on_failure() == OnFailure::KeepLast);
            let answered = asked.and_then(|(question, decision)| Answered::of(question, decision));
            kept.extend(answered.map(|answered| (Last::key(&workload.id, &rule.name), answered)));
        }
    }
    kept
}
