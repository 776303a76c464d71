//! Case files: `cases/*.yaml` and `cases/*.json` beside a policy's `Cargo.toml`, asked natively.

use std::collections::{BTreeMap, BTreeSet};
use std::marker::PhantomData;
use std::path::Path;

use rhumb_cases::{Answered, Case, File, Subject};
use serde_json::{Map, Value, json};

use crate::testing::{Filter, patched};
use crate::{
    Chart, Context, Failure, ImageFilter, Move, Policy, Problem, PromotionRule, Step, Transformation, ValueTransform,
    Verdict, glue,
};

/// Runs an image filter on every case of its folder, with the tags in three orders.
///
/// # Panics
///
/// When an answer is not what a case expects, or a file is not a case file.
pub fn filter_cases<P: ImageFilter>(manifest_dir: &str) {
    each::<P>(manifest_dir, |case, now| {
        let mut filter = Filter::<P>::of(case);
        filter.context = context(case, now);
        let mut found = Answered::default();
        if case.expect.shortlist.is_some() {
            match filter.shortlist() {
                Ok(names) => found.shortlist = Some(names.join(" ")),
                Err(failure) => return failed(found, &failure),
            }
        }
        let answer = match filter.ask() {
            Ok(answer) => answer,
            Err(failure) => return failed(found, &failure),
        };
        found.outcome = Some(filter.print(&answer.outcome));
        found.considered =
            answer.considered.iter().map(|one| (filter.name(one.index), one.reason.code.clone())).collect();
        (found.code, found.message) = (Some(answer.reason.code), answer.reason.message);
        for order in ["reversed", "rotated"] {
            filter.reorder(order);
            let other = filter.ask().map(|other| filter.print(&other.outcome));
            if other.as_ref().ok() != found.outcome.as_ref() {
                found.wrong.push(format!("with the tags {order} the outcome is {other:?}"));
            }
        }
        found
    });
}

/// Runs a promotion rule on every case of its folder.
///
/// # Panics
///
/// When an answer is not what a case expects, or a file is not a case file.
pub fn rule_cases<P: PromotionRule>(manifest_dir: &str) {
    each::<P>(manifest_dir, |case, now| {
        let moves: Vec<Move> = case.moves.iter().map(to_move).collect();
        let answer = glue::judge::<P>(&context(case, now), &case.config.to_string(), &moves, &evidence(case));
        let (outcome, reason) = match answer {
            Err(failure) => return failed(Answered::default(), &failure),
            Ok(Verdict::Allow(reason)) => ("allow".to_owned(), reason),
            Ok(Verdict::Deny(reason)) => ("deny".to_owned(), reason),
            Ok(Verdict::Observe(reason)) => ("observe".to_owned(), reason),
            Ok(Verdict::Hold(hold)) => (Answered::until("hold", hold.until), hold.reason),
            Ok(Verdict::RequireApproval(approval)) => {
                (format!("require-approval {}", approval.quorum), approval.reason)
            }
        };
        Answered { outcome: Some(outcome), code: Some(reason.code), message: reason.message, ..Answered::default() }
    });
}

/// Runs a value transform on every case of its folder; applied to its own result it must change nothing.
///
/// # Panics
///
/// When an answer is not what a case expects, or a file is not a case file.
pub fn transform_cases<P: ValueTransform>(manifest_dir: &str) {
    each::<P>(manifest_dir, |case, now| {
        let chart = Chart { name: "app".to_owned(), version: "1.0.0".to_owned(), app_version: None };
        let (context, config, evidence) = (context(case, now), case.config.to_string(), evidence(case));
        let ask = |values: &Value| glue::apply::<P>(&context, &config, &chart, &values.to_string(), &evidence);
        let before = if case.values.is_null() { Value::Object(Map::new()) } else { case.values.clone() };
        let answer: Transformation = match ask(&before) {
            Ok(answer) => answer,
            Err(failure) => return failed(Answered::default(), &failure),
        };
        let after = patched(before, &answer);
        let mut wrong = Vec::new();
        if !ask(&after).is_ok_and(|again| again.operations.is_empty()) {
            wrong.push("applied to its own result it changes something".to_owned());
        }
        Answered {
            operations: Some(answer.operations.into_iter().map(|one| one.reason.code).collect()),
            warnings: Some(answer.warnings.into_iter().map(|one| one.code).collect()),
            values: Some(after),
            wrong,
            ..Answered::default()
        }
    });
}

/// A policy as something that can be asked the question of a case.
struct Native<P, F> {
    ask: F,
    policy: PhantomData<P>,
}

impl<P: Policy, F: Fn(&Case, u64) -> Answered> Subject for Native<P, F> {
    fn ask(&self, case: &Case, now: u64) -> Answered {
        let problems = glue::check_config::<P>(&case.config.to_string());
        if !problems.is_empty() {
            let (problems, problem_codes) =
                problems.into_iter().map(|Problem { pointer, reason }| (pointer, reason.code)).unzip();
            return Answered { problems, problem_codes, ..Answered::default() };
        }
        let mut found = (self.ask)(case, now);
        for code in found.codes() {
            if P::ABOUT.reasons.iter().all(|reason| reason.0 != code) {
                found.wrong.push(format!("reason code `{code}` is not declared"));
            }
        }
        found
    }
}

fn each<P: Policy>(manifest_dir: &str, ask: impl Fn(&Case, u64) -> Answered) {
    let native = Native::<P, _> { ask, policy: PhantomData };
    let mut seen = BTreeSet::new();
    let files = rhumb_cases::paths(&Path::new(manifest_dir).join("cases")).unwrap_or_else(|error| panic!("{error}"));
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let file = File::parse(&text).unwrap_or_else(|error| panic!("{}: {error:?}", path.display()));
        for mut outcomes in rhumb_cases::run(&native, &file) {
            assert!(
                outcomes.wrong.is_empty(),
                "{}: {}:\n  {}",
                path.display(),
                outcomes.name,
                outcomes.wrong.join("\n  ")
            );
            seen.append(&mut outcomes.codes);
        }
    }
    let missing = P::ABOUT.reasons.iter().map(|reason| reason.0).filter(|code| !seen.contains(*code));
    let missing: Vec<&str> = missing.collect();
    assert!(missing.is_empty(), "no case in {manifest_dir}/cases shows the reason codes {missing:?}");
}

fn context(case: &Case, now: u64) -> Context {
    let pairs = |map: &BTreeMap<String, String>| map.clone().into_iter().collect();
    Context {
        name: case.release.clone(),
        namespace: case.namespace.clone(),
        kind: "HelmRelease".to_owned(),
        environment: case.environment.clone(),
        labels: pairs(&case.labels),
        annotations: pairs(&case.annotations),
        now,
        seed: case.seed,
    }
}

fn evidence(case: &Case) -> String {
    if case.evidence.is_null() { json!({}).to_string() } else { case.evidence.to_string() }
}

fn failed(found: Answered, failure: &Failure) -> Answered {
    let word = match failure {
        Failure::BadConfig(_) => "bad-config",
        Failure::BadInput(_) => "bad-input",
        Failure::Refused(_) => "refused",
        Failure::Internal(_) => "internal",
    };
    Answered { failure: Some((word.to_owned(), format!("{failure:?}"))), ..found }
}

fn to_move(one: &rhumb_cases::Move) -> Move {
    let steps = [
        ("none", Step::None),
        ("build", Step::Build),
        ("pre-release", Step::PreRelease),
        ("patch", Step::Patch),
        ("minor", Step::Minor),
        ("major", Step::Major),
        ("backwards", Step::Backwards),
    ];
    let named = |name: &String| steps.iter().find(|(word, _)| word == name).map(|(_, step)| *step);
    Move {
        subject: one.subject.clone(),
        repository: one.repository.clone(),
        from_version: one.from.clone(),
        to_version: one.to.clone(),
        to_digest: None,
        step: one.step.as_ref().and_then(named),
    }
}
