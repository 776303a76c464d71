use super::*;
use crate::environment::{Record, deployed};
use crate::images::{Workload, workloads};
use crate::manifest::{File, Object, load as load_files};
use crate::objects::ApprovedMove;

const SCHEMA: &str = include_str!("../../../../wit/evidence.schema.json");

fn id(name: &str) -> ObjectId {
    ObjectId { kind: "HelmRelease".to_owned(), namespace: Some("stg".to_owned()), name: name.to_owned() }
}

fn helm_release(name: &str, more: &Value) -> Object {
    let mut json = json!({
        "apiVersion": "helm.fluxcd.io/v1", "kind": "HelmRelease",
        "metadata": {"name": name, "namespace": "stg", "generation": 2, "labels": {"rhumb.dev/wave": "canary"}},
        "spec": {"values": {"image": "quay.io/a/b:1.0"}},
        "status": {"observedGeneration": 2, "conditions": [
            {"type": "Released", "status": "True", "lastTransitionTime": "1970-01-01T00:00:20Z"},
        ]},
    });
    for (pointer, value) in more.as_object().into_iter().flatten() {
        *json.pointer_mut(pointer).unwrap() = value.clone();
    }
    Object::of_cluster(&json).unwrap()
}

fn record(revision: u32, status: &str, tag: &str) -> Record {
    let config = json!({"image": format!("quay.io/a/b:{tag}")});
    let chart = "podinfo-1.2.3".to_owned();
    Record { revision, status: status.to_owned(), chart, config, at: Timestamp(u64::from(revision) * 10), tests: None }
}

/// Two releases, one busy and one failed, an approval of each, and the switch pulled.
fn all() -> Evidence {
    let history = vec![record(1, "superseded", "1.0"), record(2, "failed", "1.1"), record(3, "deployed", "1.0")];
    let stg = deployed(&helm_release("app", &json!({})), Some("stg".to_owned()), history);
    let other = deployed(&helm_release("other", &json!({})), None, vec![record(7, "failed", "2")]);
    let approval = |name: &str| Approval {
        object: id(name),
        by: "jo".to_owned(),
        groups: vec!["oncall".to_owned()],
        at: Timestamp(5),
        until: Timestamp(0),
        moves: vec![ApprovedMove { subject: "chart-image".to_owned(), to: "1.2".to_owned() }],
    };
    let load = |name: &str, changing, failed| Load { object: id(name), changing, failed };
    Evidence {
        deployed: vec![stg, other],
        fleet: vec![load("app", true, false), load("other", true, true)],
        approvals: vec![approval("app"), approval("other")],
        stop: Some(Stop::of(&json!({"spec": {"by": "ann", "environments": ["prod"]}}))),
        ..Evidence::default()
    }
}

#[test]
fn the_parts_are_those_of_the_contract() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let mut keys: Vec<&str> = schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
    let mut parts = Part::ALL.map(Part::key);
    keys.sort_unstable();
    parts.sort_unstable();
    assert_eq!(parts.as_slice(), keys);
    let later = ["fleet".to_owned(), "weather".to_owned()];
    assert_eq!(Part::among(&later), BTreeSet::from([Part::Fleet]));
}

#[test]
fn the_document_is_as_the_contract_says() {
    let validator = jsonschema::validator_for(&serde_json::from_str(SCHEMA).unwrap()).unwrap();
    let check = |evidence: &Evidence| {
        let document = evidence.document(&id("app"), &BTreeSet::from(Part::ALL), 0).unwrap();
        let errors: Vec<String> = validator.iter_errors(&document).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}\n{document:#}");
        assert_eq!(document.as_object().unwrap().len(), Part::ALL.len());
    };
    check(&all());
    check(&Evidence::default());
}

#[test]
fn a_policy_sees_the_parts_that_it_declared() {
    let evidence = all();
    let see = |parts: &[Part]| evidence.document(&id("app"), &parts.iter().copied().collect(), 0).unwrap();
    assert_eq!(see(&[]), json!({}));
    assert_eq!(see(&[Part::Stop, Part::Facts]).as_object().unwrap().keys().collect::<Vec<_>>(), ["stop", "facts"]);
    let image = |tag: &str| json!({"container": "chart-image", "repository": "quay.io/a/b", "tag": tag});
    let revision = |n: u32, status: &str, tag: &str| json!({"revision": n, "status": status, "chart": "podinfo-1.2.3", "at": n * 10, "images": [image(tag)]});
    let history = [revision(1, "superseded", "1.0"), revision(2, "failed", "1.1"), revision(3, "deployed", "1.0")];
    assert_eq!(see(&[Part::History]), json!({"history": history}));
    let running = json!([{"container": "chart-image", "repository": "quay.io/a/b", "tag": "1.0", "since": 30}]);
    let environments = json!([
        {
            "environment": "stg", "namespace": "stg", "name": "app", "kind": "HelmRelease",
            "labels": {"rhumb.dev/wave": "canary"}, "images": running,
            "chart": {"name": "podinfo", "version": "1.2.3"}, "healthy": true, "healthySince": 20_000,
        },
        {
            "environment": "", "namespace": "stg", "name": "other", "kind": "HelmRelease",
            "labels": {"rhumb.dev/wave": "canary"}, "images": [], "chart": null, "healthy": false, "healthySince": 0,
        },
    ]);
    assert_eq!(see(&[Part::Environments]), json!({"environments": environments}));
    let moves = json!([{"subject": "chart-image", "to": "1.2"}]);
    let approvals = json!([{"by": "jo", "groups": ["oncall"], "at": 5, "until": 0, "moves": moves}]);
    assert_eq!(see(&[Part::Approvals]), json!({"approvals": approvals}));
    let stop = json!({"by": "ann", "since": 0, "until": 0, "reason": "", "environments": ["prod"]});
    assert_eq!(see(&[Part::Stop]), json!({"stop": stop}));
}

#[test]
fn the_fleet_is_the_others_and_those_that_went_before() {
    let fleet = |name: &str, let_go| all().document(&id(name), &BTreeSet::from([Part::Fleet]), let_go).unwrap();
    assert_eq!(fleet("app", 0), json!({"fleet": {"upgrading": 1, "failed": 1}}));
    assert_eq!(fleet("other", 0), json!({"fleet": {"upgrading": 1, "failed": 0}}));
    assert_eq!(fleet("third", 2), json!({"fleet": {"upgrading": 4, "failed": 1}}));
}

#[test]
fn what_could_not_be_read_is_not_taken_for_empty() {
    let unread = BTreeMap::from([(Part::Approvals, "no answer".to_owned())]);
    let evidence = Evidence { unread, ..all() };
    let see = |part: Part| evidence.document(&id("app"), &BTreeSet::from([part]), 0).map_err(|error| error.to_string());
    assert_eq!(see(Part::Approvals), Err("approvals not read: no answer".to_owned()));
    assert!(see(Part::Stop).is_ok());
}

#[test]
fn a_release_is_busy_until_it_was_dealt_with() {
    let in_git = |tag: &str, annotations: &str| -> Workload {
        let text = format!(
            "apiVersion: helm.fluxcd.io/v1\nkind: HelmRelease\nmetadata: {{name: app, namespace: stg, annotations: \
             {{{annotations}}}}}\nspec: {{values: {{image: 'quay.io/a/b:{tag}'}}}}\n"
        );
        let file = File { path: "a.yaml".to_owned(), data: text.into_bytes() };
        workloads(&load_files(&[file])).remove(0)
    };
    let same = in_git("1.0", "");
    let check = |more: Value, newest: Option<&str>, git: Option<&Workload>, changing: bool, failed: bool| {
        let found = load(&helm_release("app", &more), newest, git);
        assert_eq!(found, Load { object: id("app"), changing, failed }, "{more} {newest:?}");
    };
    check(json!({}), Some("deployed"), Some(&same), false, false);
    check(json!({}), Some("failed"), Some(&same), false, true);
    check(json!({}), None, None, false, false);
    check(json!({}), Some("pending-upgrade"), Some(&same), true, false);
    check(json!({"/metadata/generation": 3}), Some("deployed"), Some(&same), true, false);
    check(json!({"/status": {}}), Some("deployed"), Some(&same), true, false);
    // A commit that the cluster has not got yet, unless it is never to get it.
    check(json!({}), Some("deployed"), Some(&in_git("1.1", "")), true, false);
    check(json!({}), Some("deployed"), Some(&in_git("1.1", "fluxcd.io/ignore: 'true'")), false, false);
}
