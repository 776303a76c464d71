//! What an images pass costs: one tag edited in a large file, and a pass over a thousand workloads with nothing to do.

#![allow(missing_docs, reason = "criterion's macros make public items")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use rhumb_core::evidence::Evidence;
use rhumb_core::id::{Digest, PolicyName, Revision, Tag, Timestamp};
use rhumb_core::images::{ImagesView, Promotions, Scan, Verdicts, plan, selections, shortlists, workloads};
use rhumb_core::judge::{Answer, Consideration, Decision, Kind, Outcome, Reason, Selection, Tags};
use rhumb_core::manifest::{Edit, File, Object, apply, load, slots};
use rhumb_core::policies::{Policies, PolicyInfo};

fn release(name: &str, values: usize) -> String {
    let mut text = format!(
        "---\napiVersion: helm.fluxcd.io/v1\nkind: HelmRelease\nmetadata:\n  name: {name}\n  namespace: dev\n  annotations:\n    \
         fluxcd.io/automated: \"true\"\n    filter.fluxcd.io/chart-image: glob:dev-*\nspec:\n  releaseName: {name}\n  chart:\n    \
         git: git@example.com:org/config\n    ref: master\n    path: charts/podinfo\n  values:\n    image: quay.io/org/{name}:dev-1 # tag\n"
    );
    for value in 0..values {
        let _ = writeln!(text, "    key{value}: \"some value, number {value}\"");
    }
    text
}

fn file(path: &str, text: String) -> File {
    File { path: path.to_owned(), data: text.into_bytes() }
}

/// Finds the slot, edits it, proves it.
fn retag(file: &File) -> File {
    let objects = load(std::slice::from_ref(file)).objects;
    let slot = objects.iter().flat_map(slots).last().expect("the file has an image");
    prove(file, &slot)
}

fn prove(file: &File, slot: &rhumb_core::manifest::Slot) -> File {
    let edit = Edit::retag(slot, &Tag::new("dev-2")).expect("the image can be written");
    apply(file, &[edit]).expect("the edit can be proved")
}

fn edits(criterion: &mut Criterion) {
    let one = file("one.yaml", release("app", 9_984));
    let many = file("many.yaml", (0..250).map(|n| release(&format!("app{n}"), 24)).collect());
    for (name, file) in [("one object", &one), ("250 objects", &many)] {
        let lines = file.data.iter().filter(|byte| **byte == b'\n').count();
        let name = format!("{name}, {lines} lines");
        criterion.bench_function(&format!("find, edit and prove, {name}"), |b| b.iter(|| retag(black_box(file))));
        let text = String::from_utf8(file.data.clone()).expect("it is text");
        let limits = rhumb_yaml::Limits::default();
        criterion.bench_function(&format!("parse alone, {name}"), |b| {
            b.iter(|| rhumb_yaml::documents(black_box(&text), &limits));
        });
        let objects: Vec<Object> = load(std::slice::from_ref(file)).objects;
        let slot = objects.iter().flat_map(slots).last().expect("the file has an image");
        criterion.bench_function(&format!("edit and prove, {name}"), |b| b.iter(|| prove(black_box(file), &slot)));
    }
}

/// A thousand releases of a hundred repositories with a thousand tags each, of which a hundred were looked at.
fn idle() -> (ImagesView, Verdicts) {
    let files: Vec<File> = (0..1_000)
        .map(|n| {
            file(
                &format!("{n}.yaml"),
                release(&format!("app{}", n % 100), 24).replace("name: app", &format!("name: r{n}-app")),
            )
        })
        .collect();
    let tags = Tags {
        names: (0..1_000).fold(String::new(), |names, n| names + &format!("dev-{n}\n")),
        first_seen: vec![Timestamp(1); 1_000],
        moves: vec![0; 1_000],
        complete: true,
    };
    let tags = Arc::new(tags);
    let workloads = workloads(&load(&files));
    let repositories = workloads.iter().flat_map(|workload| &workload.slots).map(|slot| slot.image.repository());
    let (component, evidence) = (Digest::of("glob"), BTreeSet::new());
    let info = PolicyInfo { component, kind: Kind::ImageFilter, wants_metadata: false, evidence };
    let view = ImagesView {
        head: Revision::new("0".repeat(40)),
        now: Timestamp(1),
        repositories: repositories.map(|repository| (repository, Scan::Listed(Arc::clone(&tags)))).collect(),
        files: files.into_iter().map(|file| (file.path.clone(), file)).collect(),
        workloads,
        policies: Policies::new(BTreeMap::from([(PolicyName::new("glob"), info)]), Ok(BTreeMap::new())),
        metadata: BTreeMap::new(),
        unread: BTreeMap::new(),
        evidence: Evidence::default(),
        bound: Ok(Vec::new()),
        last: rhumb_core::policies::Last::default(),
    };
    let reason = Reason { code: "newest".to_owned(), message: "the newest tag that matches".to_owned() };
    let considered = (0..100).map(|n| Consideration { index: 999 - n * 9, reason: reason.clone() }).collect();
    let answer = Answer::Selection(Selection { outcome: Outcome::Pick(1), reason, considered });
    let decision = Decision { answer: Ok(answer), fuel: 1 };
    let asked = selections(&view, &Verdicts::default());
    let selections = asked.into_iter().map(|(target, question)| (target, (question, decision.clone()))).collect();
    (view, Verdicts { selections, ..Verdicts::default() })
}

fn passes(criterion: &mut Criterion) {
    let (view, verdicts) = idle();
    assert_eq!((view.workloads.len(), plan(&view, &verdicts).actions.len()), (1_000, 0));
    criterion.bench_function("plan an idle pass, 1000 workloads", |b| b.iter(|| plan(black_box(&view), &verdicts)));
    criterion.bench_function("propose an idle pass, 1000 workloads", |b| {
        b.iter(|| {
            (
                shortlists(black_box(&view)),
                selections(&view, &verdicts),
                Promotions::new(&view, &verdicts).next(&verdicts),
            )
        });
    });
    let files: Vec<File> = view.files.values().cloned().collect();
    criterion
        .bench_function("read the manifests of 1000 workloads", |b| b.iter(|| workloads(&load(black_box(&files)))));
}

criterion_group!(benches, edits, passes);
criterion_main!(benches);
