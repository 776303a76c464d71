//! What a process that was taken over could write: no frame makes its reader panic, and what is taken keeps every
//! promise that an answer makes.

use std::collections::BTreeSet;
use std::sync::Arc;

use rhumb_core::id::Timestamp;
use rhumb_core::judge::{Answer, Ask, Chart, Container, Metadata, Outcome, Tags, Verdict};

use super::frame;
use crate::call::{Done, Fault, Returned};
use crate::contract::{self, Reason};
use crate::convert::Rules;
use crate::limits::{AnswerLimits, Limits};
use crate::mutation::fuzz;

const NOW: Timestamp = Timestamp(1000);
const OFFERED: usize = 3;
const BUDGET: u64 = 1_000_000;

fn reason() -> Reason {
    Reason { code: "newest".to_owned(), message: "the newest".to_owned() }
}

/// A frame of each kind, and the question that it answers.
fn seeds() -> Vec<(Vec<u8>, Ask)> {
    let container = Container {
        name: "app".into(),
        repository: "registry.example/app".into(),
        current_tag: None,
        current_digest: None,
        current_since: Timestamp(0),
    };
    let (first_seen, moves) = (vec![Timestamp(1); OFFERED], vec![0; OFFERED]);
    let tags = Arc::new(Tags { names: "a\nb\nc\n".to_owned(), first_seen, moves, complete: true });
    let select = Ask::Select { container: container.clone(), tags: Arc::clone(&tags), metadata: Metadata::default() };
    let judge = Ask::Judge { moves: Vec::new(), evidence: "{}".to_owned() };
    let chart = Chart { name: "app".into(), version: "1.0.0".into(), app_version: None };
    let transform = Ask::Transform { chart, values: "{}".to_owned(), evidence: "{}".to_owned() };
    let considered = (0..2).map(|index| contract::Consideration { index, reason: reason() }).collect();
    let selection = contract::Selection { outcome: contract::Outcome::HoldUntil(2000), reason: reason(), considered };
    let operation = contract::Operation {
        path: "/a/b".to_owned(),
        change: contract::Change::Set(r#"{"c":[1,2]}"#.to_owned()),
        reason: reason(),
    };
    let transformation = contract::Transformation { operations: vec![operation], warnings: vec![reason()] };
    let approval =
        contract::Approval { reason: reason(), quorum: 1, groups: vec!["release".to_owned()], expires: Some(5000) };
    let frames = [
        (Ok(Returned::Shortlist(Ok(vec![2, 0]))), Ask::Shortlist { container, tags }),
        (Ok(Returned::Select(Ok(selection))), select.clone()),
        (Ok(Returned::Judge(Ok(contract::Verdict::RequireApproval(approval)))), judge.clone()),
        (Ok(Returned::Apply(Ok(transformation))), transform),
        (Ok(Returned::Judge(Err(contract::Failure::Refused(reason())))), judge),
        (Err(Fault::Trap("unreachable".to_owned())), select),
    ];
    let encode = |(outcome, ask)| (frame::encode(&Done { outcome, fuel: 7, memory: 0 }).unwrap(), ask);
    frames.into_iter().map(encode).collect()
}

fn keeps_its_promises(answer: &Answer, codes: &BTreeSet<String>, limits: &AnswerLimits) {
    let told = |reason: &rhumb_core::judge::Reason| {
        assert!(codes.contains(&reason.code) && reason.message.len() <= limits.message_bytes, "{reason:?}");
        assert!(!reason.message.chars().any(char::is_control), "{reason:?}");
    };
    match answer {
        Answer::Shortlist(indices) => {
            assert!(indices.iter().all(|index| (*index as usize) < OFFERED), "{indices:?}");
            assert_eq!(indices.iter().collect::<BTreeSet<_>>().len(), indices.len(), "{indices:?}");
        }
        Answer::Selection(selection) => {
            told(&selection.reason);
            selection.considered.iter().for_each(|one| {
                told(&one.reason);
                assert!((one.index as usize) < OFFERED);
            });
            match selection.outcome {
                Outcome::Pick(index) => assert!((index as usize) < OFFERED),
                Outcome::HoldUntil(time) => assert!(time > NOW),
                Outcome::KeepCurrent | Outcome::None => {}
            }
        }
        Answer::Verdict(Verdict::Hold { until, .. }) => assert!(until.is_none_or(|until| until > NOW)),
        Answer::Verdict(_) => {}
        Answer::Transformation(found) => {
            assert!(found.operations.len() <= limits.operations);
            found.operations.iter().for_each(|one| told(&one.reason));
            found.warnings.iter().for_each(told);
        }
    }
}

#[test]
fn no_frame_makes_its_reader_panic_or_take_what_it_must_not() {
    let (limits, seeds, codes) = (Limits::default(), seeds(), BTreeSet::from(["newest".to_owned()]));
    let rules = Rules { limits: &limits.answer, codes: &codes, now: NOW, offered: OFFERED };
    let (mut read, mut taken) = (0, 0);
    fuzz("changed frames", 100_000, |mutation, round| {
        let (bytes, ask) = &seeds[round as usize % seeds.len()];
        let Ok(done) = frame::decode::<Done>(&mutation.of(bytes)) else { return };
        read += 1;
        let (returned, fuel) = done.outcome(&limits, BUDGET);
        assert!(fuel <= BUDGET);
        match returned.and_then(|returned| returned.answer(ask, &rules)) {
            Ok(answer) => {
                taken += 1;
                keeps_its_promises(&answer, &codes, &limits.answer);
            }
            Err(failure) => assert!(!failure.to_string().is_empty()),
        }
    });
    println!("{read} could be read, {taken} were taken");
    assert!(read > taken && taken > 0);
}
