//! Charts of ours, and what Helm 3.19.0 prints for them (`helm template rel CHART --namespace ns1`).

#![allow(clippy::unwrap_used, reason = "a test")]

mod charts;

use std::path::Path;

use charts::render_chart;
use rhumb_helm::{Chart, File, Hooks, Limits, Parts, parse_manifest, template_text};

fn read(dir: &Path, root: &Path, files: &mut Vec<File>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read(&path, root, files);
        } else {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
            files.push(File { path: name, data: std::fs::read(&path).unwrap() });
        }
    }
}

fn chart(name: &str) -> Chart {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/charts").join(name);
    let mut files = Vec::new();
    read(&root, &root, &mut files);
    Chart::from_files(files, &Limits::default()).unwrap()
}

fn check(name: &str, values: &str, parts: Parts, expected: &str) {
    let rendered = render_chart(&chart(name), values, &Limits::default()).unwrap();
    assert_eq!(template_text(&rendered, parts, Hooks::All), expected);
    assert_eq!(parse_manifest(&rendered.manifest).unwrap(), rendered.objects);
    assert!(!rendered.volatile);
}

#[test]
fn the_demo_chart_is_rendered_as_helm_does() {
    check("podinfo", "", Parts::Objects, include_str!("charts/expected/podinfo.yaml"));
    let staging = include_str!("charts/staging.values.yaml");
    check("podinfo", staging, Parts::Objects, include_str!("charts/expected/podinfo-staging.yaml"));
}

#[test]
fn sub_charts_are_rendered_as_helm_does() {
    check("umbrella", "", Parts::Objects, include_str!("charts/expected/umbrella.yaml"));
    check("umbrella", "", Parts::WithCrds, include_str!("charts/expected/umbrella-crds.yaml"));
    let values = include_str!("charts/umbrella.values.yaml");
    check("umbrella", values, Parts::Objects, include_str!("charts/expected/umbrella-values.yaml"));
}

#[test]
fn hooks_and_notes_are_told_from_objects() {
    let rendered = render_chart(&chart("podinfo"), "", &Limits::default()).unwrap();
    let hook = rendered.hooks.iter().find(|hook| hook.name.contains("service-test")).unwrap();
    assert_eq!(hook.events, ["test"]);
    assert_eq!(hook.weight, -3);
    assert_eq!(hook.delete_policies, ["before-hook-creation", "hook-succeeded"]);
    assert!(rendered.objects.iter().all(|object| object.kind() != "Pod"));
    assert_eq!(rendered.notes, "1. Get the application URL:\n  kubectl -n ns1 port-forward deploy/rel-podinfo 8080:\n");
    let notes = render_chart(&chart("umbrella"), "", &Limits::default()).unwrap().notes;
    assert_eq!(notes, "");
}

#[test]
fn random_values_follow_from_the_seed_and_are_marked() {
    let files = charts::one_template("a: {{ randAlphaNum 5 | lower }} {{ now | date \"2006\" }} {{ uuidv4 }}\n");
    let (first, second) = (charts::render(files.clone(), "").unwrap(), charts::render(files, "").unwrap());
    assert_eq!(first, second);
    assert!(first.volatile);
}

#[test]
fn the_stored_chart_has_no_sub_charts_and_processed_metadata() {
    let stored = chart("umbrella").stored(&serde_json::Map::new()).unwrap();
    let names: Vec<&str> = stored["metadata"]["dependencies"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["first", "second", "front", "lib"]);
    assert_eq!(stored["values"]["from"], "back");
    let keys: Vec<&str> = stored.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["metadata", "lock", "templates", "values", "schema", "files"]);
    assert_eq!(stored["templates"].as_array().unwrap().len(), 2);
}
