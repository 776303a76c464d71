//! What the promotion rules of an object say about its moves, all together.

use super::Verdicts;
use super::propose::moves;
use super::row::Kept;
use super::view::{ImagesView, Workload};
use crate::attach::{Attached, By, Mode, OnFailure, promotion_rules};
use crate::chain::chain;
use crate::id::{PolicyName, Tag, Timestamp};
use crate::judge::{Answer, Ask, Kind, Move, Reason, Verdict};
use crate::policies::About;

/// What holds back every move of an object.
pub(super) enum Held {
    /// A rule's verdict other than allow.
    ByRule { rule: PolicyName, verdict: &'static str, until: Option<Timestamp>, reason: Reason },
    /// A rule that is missing, cannot be read or failed.
    Broken(Kept),
}

impl Held {
    /// The reason for a container that would have moved to this tag.
    pub(super) fn of(&self, to: &Tag) -> Kept {
        match self {
            Self::Broken(kept) => kept.clone(),
            Self::ByRule { rule, verdict, until, reason } => Kept::HeldByRule {
                rule: rule.clone(),
                to: to.clone(),
                verdict: (*verdict).to_owned(),
                until: *until,
                reason: reason.clone(),
            },
        }
    }
}

/// The strictest of an object's promotion rules: deny > hold > require approval > observe > allow.
///
/// A rule that fails, is missing or cannot be read counts as a hold: no failure of a policy lets a version through, unless
/// the object that declares the policy says so.
/// Only a verdict about exactly these moves counts.
pub(super) fn gate(view: &ImagesView, workload: &Workload, verdicts: &Verdicts) -> Option<Held> {
    let bound = match &view.bound {
        Ok(bound) => workload.rules_among(bound),
        Err(why) => return Some(Held::Broken(Kept::NoPolicy(format!("the bindings of policies are not read: {why}")))),
    };
    let rules = match promotion_rules(&workload.annotations, &bound) {
        Ok(rules) => rules,
        Err(error) => return Some(Held::Broken(Kept::BadFilter(chain(&error)))),
    };
    let rules: Vec<Attached> = rules.into_iter().filter(|rule| rule.mode == Mode::Enforce).collect();
    if rules.is_empty() {
        return None;
    }
    let moves = moves(view, workload, verdicts);
    let held = rules.into_iter().filter_map(|rule| held_by(view, (workload, &moves), rule, verdicts));
    held.max_by_key(|(rank, _)| *rank).map(|(_, held)| held)
}

fn held_by(
    view: &ImagesView,
    (workload, moves): (&Workload, &[Move]),
    rule: Attached,
    verdicts: &Verdicts,
) -> Option<(u8, Held)> {
    let broken = |kept| Some((3, Held::Broken(kept)));
    let found = match view.policies.attached(&workload.id, &rule, Kind::PromotionRule) {
        Ok(found) => found,
        Err(missing) if missing.on_failure() == OnFailure::Skip => return None,
        Err(missing) => {
            let words = match rule.by {
                By::Binding => format!("rule `{}`: {missing}", rule.name),
                By::Object => missing.to_string(),
            };
            return broken(Kept::NoPolicy(words));
        }
    };
    if found.mode() == Mode::Shadow {
        return None;
    }
    let rule = rule.name;
    if let Err(unread) = view.evidence.is_read(&found.info.evidence) {
        return broken(Kept::NoEvidence { rule, unread: unread.to_string() });
    }
    let about_these = |ask: &Ask| matches!(ask, Ask::Judge { moves: judged, .. } if judged == moves);
    let asked = verdicts.promotions.get(&(workload.id.clone(), rule.clone()));
    let Some((question, decision)) = asked.filter(|(question, _)| about_these(&question.ask)) else {
        return broken(Kept::policy_failed(&rule, "no-verdict", "was not asked".to_owned()));
    };
    let about = About { config: &question.config, moves, now: view.now };
    let answer = view.last.counting((&workload.id, &rule), found.on_failure(), (&about, decision));
    let verdict = match answer.as_ref() {
        Ok(Answer::Verdict(verdict)) => verdict,
        _ if found.on_failure() == OnFailure::Skip => return None,
        Ok(_) => return broken(Kept::policy_failed(&rule, "bad-output", "gave no verdict".to_owned())),
        Err(failure) => return broken(Kept::policy_failed(&rule, failure.code(), failure.to_string())),
    };
    let (rank, verdict, until, reason) = match verdict {
        Verdict::Allow(_) => return None,
        Verdict::Deny(reason) => (4, "deny", None, reason),
        Verdict::Hold { until, reason } => (3, "hold", *until, reason),
        Verdict::RequireApproval { reason, .. } => (2, "require-approval", None, reason),
        Verdict::Observe(reason) => (1, "observe", None, reason),
    };
    Some((rank, Held::ByRule { rule, verdict, until, reason: reason.clone() }))
}
