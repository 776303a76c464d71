//! The shipped policies in the sandbox: their case files, and what they say about themselves.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "helpers of tests fail by panicking")]

mod guests;

use rhumb_policy::{Limits, Options, Sandbox, cases};

#[test]
fn shipped_policies_decide_their_cases_in_the_sandbox() {
    let sandbox = Sandbox::new(Options { limits: Limits::default(), ..Options::default() }).unwrap();
    let mut count = 0;
    for name in guests::SHIPPED {
        let policy = sandbox.load(guests::component(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut files = vec![policy.describe.examples.clone()];
        for entry in std::fs::read_dir(guests::folder(name).join("cases")).unwrap() {
            files.push(serde_json::from_slice(&std::fs::read(entry.unwrap().path()).unwrap()).unwrap());
        }
        for file in files {
            let file: cases::File = serde_json::from_value(file).unwrap();
            for outcome in cases::run(&sandbox, &policy, &file) {
                assert!(outcome.wrong.is_empty(), "{name}: {}: {:?}", outcome.name, outcome.wrong);
                count += 1;
            }
        }
    }
    assert!(count > 200, "{count} cases ran");
}
