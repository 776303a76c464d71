//! Answers in the words of case files.

use rhumb_cases::Answered;
use rhumb_core::judge::{Answer, Failure, Outcome, Reason, Selection, Transformation, Verdict};

/// An answer, or why there is none; `name` is that of a tag on offer.
pub fn answered(answer: Result<&Answer, &Failure>, name: impl Fn(u32) -> String) -> Answered {
    match answer {
        Err(failure) => {
            Answered { failure: Some((failure.code().to_owned(), failure.to_string())), ..Answered::default() }
        }
        Ok(Answer::Shortlist(indices)) => {
            let names: Vec<String> = indices.iter().map(|index| name(*index)).collect();
            Answered { shortlist: Some(names.join(" ")), ..Answered::default() }
        }
        Ok(Answer::Selection(selection)) => selected(selection, name),
        Ok(Answer::Verdict(verdict)) => judged(verdict),
        Ok(Answer::Transformation(found)) => transformed(found),
    }
}

fn selected(selection: &Selection, name: impl Fn(u32) -> String) -> Answered {
    let outcome = match &selection.outcome {
        Outcome::Pick(index) => format!("pick {}", name(*index)),
        Outcome::KeepCurrent => "keep-current".to_owned(),
        Outcome::None => "none".to_owned(),
        Outcome::HoldUntil(time) => Answered::until("hold-until", Some(time.0)),
    };
    let considered = selection.considered.iter().map(|one| (name(one.index), one.reason.code.clone())).collect();
    explained(Answered { considered, ..Answered::default() }, outcome, &selection.reason)
}

fn judged(verdict: &Verdict) -> Answered {
    let (outcome, reason) = match verdict {
        Verdict::Allow(reason) => ("allow".to_owned(), reason),
        Verdict::Deny(reason) => ("deny".to_owned(), reason),
        Verdict::Observe(reason) => ("observe".to_owned(), reason),
        Verdict::Hold { until, reason } => (Answered::until("hold", until.map(|until| until.0)), reason),
        Verdict::RequireApproval { quorum, reason, .. } => (format!("require-approval {quorum}"), reason),
    };
    explained(Answered::default(), outcome, reason)
}

fn transformed(found: &Transformation) -> Answered {
    let operations = found.operations.iter().map(|one| one.reason.code.clone()).collect();
    let warnings = found.warnings.iter().map(|one| one.code.clone()).collect();
    Answered { operations: Some(operations), warnings: Some(warnings), ..Answered::default() }
}

fn explained(found: Answered, outcome: String, reason: &Reason) -> Answered {
    Answered { outcome: Some(outcome), code: Some(reason.code.clone()), message: reason.message.clone(), ..found }
}
