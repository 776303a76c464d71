//! Answers that break a promise, and what is said about them.

use super::*;
use crate::contract::Reason as GuestReason;

fn check<T: std::fmt::Debug>(ask: impl FnOnce(&Rules<'_>) -> Result<T, Failure>, expected: &str) {
    let codes = BTreeSet::from(["newest".to_owned()]);
    let limits = AnswerLimits::default();
    let rules = Rules { limits: &limits, codes: &codes, now: Timestamp(1000), offered: 3 };
    let text = ask(&rules).map_or_else(|failure| failure.to_string(), |found| format!("{found:?}"));
    assert_eq!(text.strip_prefix("answer breaks the contract: ").unwrap_or(&text), expected);
}

fn reason(code: &str, message: &str) -> GuestReason {
    GuestReason { code: code.to_owned(), message: message.to_owned() }
}

fn selection(outcome: contract::Outcome, considered: &[u32]) -> contract::Selection {
    let considered =
        considered.iter().map(|index| contract::Consideration { index: *index, reason: reason("newest", "") });
    contract::Selection { outcome, reason: reason("newest", ""), considered: considered.collect() }
}

#[test]
fn a_shortlist_names_offered_tags_once() {
    check(|rules| rules.shortlist(vec![2, 0]), "[2, 0]");
    check(|rules| rules.shortlist(vec![0, 0]), "the shortlist names tag number 0 twice");
    check(|rules| rules.shortlist(vec![3]), "the shortlist names tag number 3, but 3 were offered");
}

#[test]
fn a_selection_keeps_to_what_was_offered() {
    use contract::Outcome::{HoldUntil, KeepCurrent, Pick};
    check(|rules| rules.selection(selection(Pick(3), &[])).map(|_| ()), "picked tag number 3, but 3 were offered");
    check(|rules| rules.selection(selection(Pick(2), &[2, 1])).map(|_| ()), "()");
    let twice = "considered tag number 1, which was not offered or came twice";
    check(|rules| rules.selection(selection(KeepCurrent, &[1, 1])).map(|_| ()), twice);
    let many = vec![0; 101];
    let too_many = "101 tags in `considered`, allowed are 100";
    check(|rules| rules.selection(selection(KeepCurrent, &many)).map(|_| ()), too_many);
    let past = "a time of 1000 ms, which is not later than now (1000 ms)";
    check(|rules| rules.selection(selection(HoldUntil(1000), &[])).map(|_| ()), past);
    check(|rules| rules.selection(selection(HoldUntil(1001), &[])).map(|_| ()), "()");
}

#[test]
fn reasons_are_declared_and_short() {
    let verdict = |code: &str, message: &str| contract::Verdict::Allow(reason(code, message));
    check(|rules| rules.verdict(verdict("oldest", "")), "reason code `oldest` is not declared");
    check(|rules| rules.verdict(verdict("newest", &"x".repeat(2049))), "a message of 2049 bytes, allowed are 2048");
    let clean = r#"Allow(Reason { code: "newest", message: "a [31mred b" })"#;
    check(|rules| rules.verdict(verdict("newest", "a\x1b[31mred\nb")), clean);
}

#[test]
fn an_approval_asks_somebody() {
    let approval = contract::Approval { reason: reason("newest", ""), quorum: 0, groups: Vec::new(), expires: None };
    check(
        |rules| rules.verdict(contract::Verdict::RequireApproval(approval)),
        "asks for approval by nobody: the quorum is 0",
    );
}

#[test]
fn operations_are_well_formed() {
    let one = |path: &str, change: contract::Change| contract::Transformation {
        operations: vec![contract::Operation { path: path.to_owned(), change, reason: reason("newest", "") }],
        warnings: Vec::new(),
    };
    let set = |text: &str| contract::Change::Set(text.to_owned());
    check(|rules| rules.transformation(one("a", contract::Change::Remove)), "`a` is not a JSON Pointer");
    check(|rules| rules.transformation(one("/a~2", contract::Change::Remove)), "`/a~2` is not a JSON Pointer");
    let twice = "value for `/a`: key `b` stands twice at line 1 column 13";
    check(|rules| rules.transformation(one("/a", set(r#"{"b":1,"b":2}"#))), twice);
    let from = contract::Change::MoveFrom("x".to_owned());
    check(|rules| rules.transformation(one("/a", from)), "`x` is not a JSON Pointer");
    let large = format!("\"{}\"", "x".repeat(1 << 20));
    check(|rules| rules.transformation(one("/a", set(&large))), "values of more than 1048576 bytes");
}

#[test]
fn a_failure_in_bad_words_is_a_bad_answer() {
    let failure = contract::Failure::Refused(reason("NOT A CODE", ""));
    check::<()>(|rules| Err(rules.failure(failure)), "reason code `NOT A CODE` is not declared");
}
