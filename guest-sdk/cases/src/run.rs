//! Asks a policy every question of a file and compares.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::time::printed;
use crate::{Answered, Case, Expect, File};

/// Something that can be asked the question of a case: a policy, natively or in a sandbox.
pub trait Subject {
    /// Its answer at this time.
    fn ask(&self, case: &Case, now: u64) -> Answered;
}

/// What came of one case.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outcomes {
    /// The case's name.
    pub name: String,
    /// JSON Pointer to where its expectation belongs in the file.
    pub place: String,
    /// What was not as expected; empty when all was.
    pub wrong: Vec<String>,
    /// The most fuel that one call took.
    pub fuel: u64,
    /// Reason codes that its answers carried.
    pub codes: BTreeSet<String>,
    /// What a sweep went through: `TIME OUTCOME CODE` at its beginning and whenever it changed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<String>,
    /// What the case would have to expect.
    #[serde(skip)]
    pub found: Expect,
}

/// Asks every question and compares the answers.
pub fn run(subject: &impl Subject, file: &File) -> Vec<Outcomes> {
    file.cases.iter().map(|case| one(subject, case)).collect()
}

fn one(subject: &impl Subject, case: &Case) -> Outcomes {
    let (name, place) = (case.name.clone(), case.place.clone());
    let (fuel, codes, changes) = (0, BTreeSet::new(), Vec::new());
    let mut outcomes = Outcomes { name, place, wrong: Vec::new(), fuel, codes, changes, found: Expect::default() };
    let mut state = String::new();
    for now in case.times() {
        let answer = subject.ask(case, now);
        outcomes.fuel = outcomes.fuel.max(answer.fuel);
        outcomes.codes.append(&mut answer.codes());
        if case.sweep.is_none() {
            outcomes.wrong = case.expect.check(&answer);
            outcomes.found = answer.as_expect(&case.expect);
            continue;
        }
        // In a sweep everything but the changes holds at every time; one that fails once need not be told again.
        if outcomes.wrong.is_empty() {
            let at = |text: String| format!("at {}: {text}", printed(now));
            outcomes.wrong = case.expect.check(&answer).into_iter().map(at).collect();
        }
        let next = answer.state();
        if next != state {
            outcomes.changes.push(format!("{} {next}", printed(now)));
            state = next;
        }
    }
    if case.sweep.is_some() {
        let (changes, not) = (Some(outcomes.changes.clone()), case.expect.not.clone());
        outcomes.found = Expect { changes, not, ..Expect::default() };
    }
    match &case.expect.changes {
        Some(_) if case.sweep.is_none() => outcomes.wrong.push("`changes` needs a `sweep`".to_owned()),
        Some(expected) if *expected != outcomes.changes => {
            outcomes.wrong.push(format!(
                "expected the changes\n    {}\n  got\n    {}",
                expected.join("\n    "),
                outcomes.changes.join("\n    ")
            ));
        }
        _ => {}
    }
    if case.expect.is_empty() {
        outcomes.wrong.push("it expects nothing; see `wit/cases.schema.json` for what can be expected".to_owned());
    }
    outcomes
}
