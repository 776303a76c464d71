//! Tests of the releases loop.

mod plans;
mod properties;
mod rollbacks;
mod specs;
mod statuses;
mod transforms;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::{spec, *};
use crate::evidence::{Evidence, Part};
use crate::id::{Digest, ObjectId, PolicyName, Timestamp};
use crate::judge::{Answer, Change, Decision, Kind, Operation, Reason, Transformation};
use crate::policies::{Policies, PolicyInfo};
use crate::values::{Origin, seal};

const NOW: Timestamp = Timestamp(1_000_000);

fn map(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap()
}

/// A HelmRelease `dev/<name>` with a chart, open values and a secret.
fn release(name: &str) -> ReleaseView {
    let object = json!({
        "metadata": {"name": name, "namespace": "dev"},
        "spec": {"chart": {"repository": "https://charts.example.com", "name": "podinfo", "version": "1.2.3"}},
    });
    let layers =
        vec![(Origin::Secret, map(json!({"password": "hunter2"}))), (Origin::Open, map(json!({"replicas": 1})))];
    ReleaseView {
        id: ObjectId { kind: "HelmRelease".to_owned(), namespace: Some("dev".to_owned()), name: name.to_owned() },
        generation: 3,
        status: Value::Null,
        environment: Some("dev".to_owned()),
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        spec: Spec::parse(&object),
        chart: Ok(ChartView {
            digest: Digest::of("chart"),
            revision: "1.2.3".to_owned(),
            title: "podinfo 1.2.3".to_owned(),
            about: crate::judge::Chart { name: "podinfo".to_owned(), version: "1.2.3".to_owned(), app_version: None },
        }),
        values: Ok(seal(layers)),
        secrets: Digest::of("hunter2"),
        history: Vec::new(),
        attempt: None,
    }
}

fn with_transforms(mut release: ReleaseView, names: &str) -> ReleaseView {
    release.annotations.insert("rhumb.dev/values".to_owned(), names.to_owned());
    release
}

fn view(releases: Vec<ReleaseView>) -> ReleasesView {
    let policy = |name: &str, kind| {
        // What is declared is all that there is to see.
        let evidence = if name == "size" { BTreeSet::from([Part::Stop]) } else { BTreeSet::new() };
        (PolicyName::new(name), PolicyInfo { component: Digest::of(name), kind, wants_metadata: false, evidence })
    };
    let transforms = ["size", "move", "forge", "fail", "wrong"].map(|name| policy(name, Kind::ValueTransform));
    let policies = transforms.into_iter().chain([policy("soak", Kind::PromotionRule)]).collect();
    ReleasesView {
        now: NOW,
        releases,
        orphans: Vec::new(),
        in_flight: BTreeSet::new(),
        policies: Policies::new(policies, Ok(BTreeMap::new())),
        bound: Ok(Vec::new()),
        last: crate::policies::Last::default(),
        evidence: Evidence::default(),
    }
}

fn head(revision: u32, status: &str, inputs: Option<Digest>, at: u64) -> Head {
    let marks = Marks { owner: Some("dev/app".to_owned()), inputs, ..Marks::default() };
    Head { revision, status: status.to_owned(), at: Timestamp(at), marks }
}

fn orphan(name: &str) -> Orphan {
    Orphan { namespace: "dev".to_owned(), name: format!("dev-{name}"), owner: format!("dev/{name}"), attempt: None }
}

/// What the policy of this name answers.
fn decision(policy: &str) -> Decision {
    let reason = || Reason { code: "test".to_owned(), message: "test".to_owned() };
    let operation = |path: &str, change| Operation { path: path.to_owned(), change, reason: reason() };
    let operations = match policy {
        "size" => vec![operation("/replicas", Change::Set(json!(3)))],
        "move" => vec![operation("/auth/password", Change::MoveFrom("/password".to_owned()))],
        "forge" => vec![operation("/stolen", Change::Set(json!("rhumb-secret:0/other")))],
        "wrong" => vec![operation("/replicas", Change::Set(json!(4))), operation("/nothing", Change::Remove)],
        _ => return Decision { answer: Err(crate::judge::Failure::Trap("unreachable".to_owned())), fuel: 1 },
    };
    Decision { answer: Ok(Answer::Transformation(Transformation { operations, warnings: Vec::new() })), fuel: 1 }
}

/// The end of each release's chain of transforms.
fn transformed(view: &ReleasesView) -> BTreeMap<ObjectId, Next> {
    let ends = view.releases.iter().map(|release| {
        let mut decided = Vec::new();
        loop {
            match next(view, release, &decided) {
                Next::Ask { question, .. } => decided.push(decision(question.policy.as_str())),
                end => return (release.id.clone(), end),
            }
        }
    });
    ends.collect()
}

fn planned(view: &ReleasesView) -> Plan {
    plan(view, &transformed(view))
}
