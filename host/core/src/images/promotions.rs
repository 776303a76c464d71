//! Third round: may the chosen versions move? One question for each rule of an object, about all its moves together.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::Verdicts;
use super::propose::moves;
use super::view::{ImagesView, PolicyInfo, Workload};
use crate::attach::{Attached, promotion_rules};
use crate::evidence::{Evidence, Part, Wanted};
use crate::id::{ObjectId, PolicyName};
use crate::image::filter_of;
use crate::judge::{Answer, Ask, Decision, Kind, Move, Question, Verdict};
use crate::objects::Stop;

/// Questions by object and rule.
type Questions = BTreeMap<(ObjectId, PolicyName), Question>;

/// The rules that count for every object: that of the stop switch while somebody has it pulled, and while nobody can tell.
pub fn enforced(said: &Evidence) -> Vec<Attached> {
    match (&said.stop, said.unread.contains_key(&Part::Stop)) {
        (Some(stop), _) => vec![Stop::rule(&stop.except)],
        (None, true) => vec![Stop::rule(&[])],
        (None, false) => Vec::new(),
    }
}

/// The policies that these objects attach, as filters and as rules, those that are enforced included.
pub fn attached(workloads: &[Workload], enforced: &[Attached]) -> BTreeSet<PolicyName> {
    let mut names = BTreeSet::new();
    for workload in workloads.iter().filter(|workload| workload.is_open()) {
        let filters = workload.slots.iter().filter_map(|slot| filter_of(&workload.annotations, &slot.container).ok());
        names.extend(filters.map(|filter| filter.policy));
        let rules = promotion_rules(&workload.annotations, enforced).unwrap_or_default();
        names.extend(rules.into_iter().map(|rule| rule.policy));
    }
    names
}

/// The evidence that the third round may need, whatever the first two come to.
pub fn evidence_wanted(
    workloads: &[Workload],
    policies: &BTreeMap<PolicyName, PolicyInfo>,
    enforced: &[Attached],
) -> Wanted {
    let mut wanted = Wanted::default();
    for workload in workloads.iter().filter(|workload| workload.is_open()) {
        for (_, policy) in rules_of(workload, policies, enforced) {
            wanted.add(&workload.id, &policy.evidence);
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
}

struct Asked<'a> {
    workload: &'a Workload,
    rules: Vec<(Attached, &'a PolicyInfo)>,
    moves: Vec<Move>,
}

impl<'a> Promotions<'a> {
    /// All that follows from what the filters chose.
    pub fn new(view: &'a ImagesView, verdicts: &Verdicts) -> Self {
        let mut promotions = Self { view, together: Vec::new(), one_by_one: VecDeque::new(), unasked: 0 };
        for workload in view.workloads.iter().filter(|workload| workload.is_open()) {
            let moves = moves(workload, verdicts);
            let rules = rules_of(workload, &view.policies, &view.enforced);
            if moves.is_empty() {
                continue;
            }
            let in_turn = rules.iter().any(|(_, policy)| policy.evidence.contains(&Part::Fleet));
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
            return Some(together.iter().flat_map(|asked| self.questions(asked, 0)).collect());
        }
        let asked = self.one_by_one.pop_front()?;
        Some(self.questions(&asked, self.unasked + let_go(verdicts)).into_iter().collect())
    }

    fn questions(&self, asked: &Asked<'a>, let_go: usize) -> Vec<((ObjectId, PolicyName), Question)> {
        let Asked { workload, rules, moves } = asked;
        let question = |(rule, policy): &(Attached, &PolicyInfo)| {
            // What is not known is no evidence: the gate says what is missing.
            let evidence = self.view.evidence.document(&workload.id, &policy.evidence, let_go).ok()?;
            let question = Question {
                context: workload.context(&rule.policy, self.view.now),
                policy: rule.policy.clone(),
                component: policy.component.clone(),
                config: rule.config.to_string(),
                ask: Ask::Judge { moves: moves.clone(), evidence: evidence.to_string() },
            };
            Some(((workload.id.clone(), rule.policy.clone()), question))
        };
        rules.iter().filter_map(question).collect()
    }
}

/// The loaded promotion rules that count for an object.
fn rules_of<'a>(
    workload: &Workload,
    policies: &'a BTreeMap<PolicyName, PolicyInfo>,
    enforced: &[Attached],
) -> Vec<(Attached, &'a PolicyInfo)> {
    let rules = promotion_rules(&workload.annotations, enforced).unwrap_or_default();
    let loaded = rules.into_iter().filter_map(|rule| {
        let policy = policies.get(&rule.policy).filter(|policy| policy.kind == Kind::PromotionRule)?;
        Some((rule, policy))
    });
    loaded.collect()
}

/// How many objects were asked about so far and may move.
fn let_go(verdicts: &Verdicts) -> usize {
    let mut objects: BTreeMap<&ObjectId, bool> = BTreeMap::new();
    for ((object, _), (_, Decision { answer, .. })) in &verdicts.promotions {
        *objects.entry(object).or_insert(true) &= matches!(answer, Ok(Answer::Verdict(Verdict::Allow(_))));
    }
    objects.values().filter(|allowed| **allowed).count()
}
