//! A transform on its own result: it must have nothing left to do.

use rhumb_core::judge::{Answer, Ask, Failure, Question, Transformation};
use rhumb_core::values;

/// The same question about the values as they are after this answer; none where there is nothing to ask.
pub(crate) fn question(question: &Question, answer: &Answer) -> Option<Question> {
    let (Ask::Transform { chart, values: before, evidence }, Answer::Transformation(found)) = (&question.ask, answer)
    else {
        return None;
    };
    if found.operations.is_empty() {
        return None;
    }
    // Operations that cannot be applied are refused by whoever applies them.
    let before = serde_json::from_str(before).ok()?;
    let after = values::apply(&before, &found.operations).ok()?;
    let ask = Ask::Transform { chart: chart.clone(), values: after.to_string(), evidence: evidence.clone() };
    Some(Question { ask, ..question.clone() })
}

/// Refuses the answer to that question when it changes something.
pub(crate) fn require_nothing(answer: Result<Answer, Failure>) -> Result<(), Failure> {
    match answer {
        Ok(Answer::Transformation(Transformation { operations, .. })) => match operations.first() {
            None => Ok(()),
            Some(first) => Err(Failure::BadOutput(format!(
                "run on its own result it changes `{}` again, and would each time somebody looks",
                first.path,
            ))),
        },
        Ok(_) => Ok(()),
        Err(failure) => Err(Failure::BadOutput(format!("run on its own result it failed: {failure}"))),
    }
}
