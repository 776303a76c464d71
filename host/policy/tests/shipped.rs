//! The shipped policies in the sandbox: their case files, and what they say about themselves.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "helpers of tests fail by panicking")]

mod guests;

use std::collections::BTreeSet;

use rhumb_policy::{Limits, Options, Sandbox, cases};

#[test]
fn shipped_policies_decide_their_cases_in_the_sandbox() {
    let sandbox = Sandbox::new(Options { limits: Limits::default(), ..Options::default() }).unwrap();
    let (mut count, mut uncovered) = (0, Vec::new());
    for name in guests::shipped() {
        let policy = sandbox.load(guests::component(&name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut files = vec![cases::File::from_value(policy.describe.examples.clone()).unwrap()];
        for path in cases::paths(&guests::folder(&name).join("cases")).unwrap() {
            files.push(cases::File::parse(&std::fs::read_to_string(path).unwrap()).unwrap());
        }
        let mut seen = BTreeSet::new();
        for file in files {
            for outcome in cases::run(&sandbox, &policy, &file) {
                assert!(outcome.wrong.is_empty(), "{name}: {}: {:?}", outcome.name, outcome.wrong);
                count += 1;
                seen.extend(outcome.codes);
            }
        }
        let codes = policy.describe.reasons.iter().map(|reason| &reason.code);
        uncovered.extend(codes.filter(|code| !seen.contains(*code)).map(|code| format!("{name}: {code}")));
    }
    assert!(count > 400, "{count} cases ran");
    assert!(uncovered.is_empty(), "no case shows {uncovered:?}");
}
