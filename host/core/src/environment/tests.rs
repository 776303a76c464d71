use serde_json::json;

use super::*;

fn record(revision: u32, status: &str, tag: &str, at: u64) -> Record {
    let config = json!({"image": {"repository": "quay.io/a/b", "tag": tag}});
    let chart = "podinfo-1.2.3".to_owned();
    Record { revision, status: status.to_owned(), chart, config, at: Timestamp(at), tests: None }
}

fn release(conditions: Value) -> Object {
    let json = json!({
        "apiVersion": "helm.fluxcd.io/v1", "kind": "HelmRelease",
        "metadata": {"name": "app", "namespace": "stg"}, "spec": {}, "status": {"conditions": conditions},
    });
    Object::of_cluster(&json).unwrap()
}

fn released(at: &str) -> Object {
    release(json!([{"type": "Released", "status": "True", "lastTransitionTime": at}]))
}

/// Checks tag, since and healthy_since that these records (status, tag, at) give.
fn check(records: &[(&str, &str, u64)], expected: Option<(&str, u64)>, healthy_since: Option<u64>) {
    let history = (1..).zip(records).map(|(n, (status, tag, at))| record(n, status, tag, *at)).collect();
    let deployed = deployed(&released("1970-01-01T00:00:20Z"), None, history);
    let found: Vec<(&str, u64)> = deployed.images.iter().map(|image| (image.tag.as_str(), image.since.0)).collect();
    assert_eq!(found, Vec::from_iter(expected), "{records:?}");
    assert_eq!(deployed.healthy_since, healthy_since.map(Timestamp), "{records:?}");
}

#[test]
fn a_tag_counts_from_the_start_of_its_unbroken_run() {
    check(&[], None, None);
    check(&[("deployed", "1", 10)], Some(("1", 10)), Some(20_000));
    check(&[("superseded", "1", 10), ("superseded", "1", 20), ("deployed", "1", 30)], Some(("1", 10)), Some(20_000));
    check(&[("superseded", "1", 10), ("superseded", "2", 20), ("deployed", "1", 30)], Some(("1", 30)), Some(20_000));
    check(&[("superseded", "1", 10), ("deployed", "2", 20)], Some(("2", 20)), Some(20_000));
    // What failed may have run in part: another tag breaks the run, the same one does not begin it.
    check(&[("superseded", "1", 10), ("failed", "2", 20), ("deployed", "1", 30)], Some(("1", 30)), Some(20_000));
    check(&[("superseded", "1", 10), ("failed", "1", 20), ("deployed", "1", 30)], Some(("1", 10)), Some(20_000));
    check(&[("failed", "1", 10), ("deployed", "1", 30)], Some(("1", 30)), Some(20_000));
}

#[test]
fn only_a_deployed_release_is_healthy() {
    check(&[("deployed", "1", 30_000)], Some(("1", 30_000)), Some(30_000));
    check(&[("deployed", "1", 10), ("failed", "2", 20)], Some(("1", 10)), None);
    check(&[("deployed", "1", 10), ("pending-upgrade", "2", 20)], Some(("1", 10)), None);
    check(&[("failed", "1", 10)], None, None);
    check(&[("superseded", "1", 10), ("uninstalled", "1", 20)], None, None);
    for conditions in [
        json!([]),
        json!([{"type": "Released", "status": "False", "lastTransitionTime": "2026-11-23T14:35:00Z"}]),
        json!([{"type": "Released", "status": "True", "lastTransitionTime": "yesterday"}]),
        json!([{"type": "Deployed", "status": "True", "lastTransitionTime": "2026-11-23T14:35:00Z"}]),
        json!("hostile"),
    ] {
        assert_eq!(deployed(&release(conditions), None, vec![record(1, "deployed", "1", 10)]).healthy_since, None);
    }
}

#[test]
fn the_own_label_names_the_environment_before_that_of_the_namespace() {
    let labels = |value: &str| BTreeMap::from([(ENVIRONMENT_LABEL.to_owned(), value.to_owned())]);
    let namespaces = BTreeMap::from([("stg".to_owned(), labels("staging"))]);
    assert_eq!(environment_of(&labels("own"), Some("stg"), &namespaces).as_deref(), Some("own"));
    assert_eq!(environment_of(&BTreeMap::new(), Some("stg"), &namespaces).as_deref(), Some("staging"));
    assert_eq!(environment_of(&BTreeMap::new(), Some("dev"), &namespaces), None);
    assert_eq!(environment_of(&BTreeMap::new(), None, &namespaces), None);
}

#[test]
fn splits_the_name_of_a_chart_from_its_version() {
    for (chart, expected) in [
        ("podinfo-1.2.3", Some(("podinfo", "1.2.3"))),
        ("sealed-secrets-1.6.1", Some(("sealed-secrets", "1.6.1"))),
        ("game-2048-1.0.0-rc.1", Some(("game-2048", "1.0.0-rc.1"))),
        ("app-v1.0.0+build-1.2.3", Some(("app", "v1.0.0+build-1.2.3"))),
        ("app-7", Some(("app", "7"))),
        ("app", None),
        ("", None),
        ("é-1.0.0", Some(("é", "1.0.0"))),
    ] {
        assert_eq!(chart_name_version(chart), expected, "{chart}");
    }
}

#[test]
fn a_release_whose_tests_are_asked_for_is_healthy_when_they_passed() {
    let healthy = |tests: Option<Tested>, spec: Value| {
        let mut object =
            release(json!([{"type": "Released", "status": "True", "lastTransitionTime": "1970-01-01T00:00:01Z"}]));
        object.value["spec"] = json!({"chart": {"git": "g", "path": "p"}, "test": spec});
        deployed(&object, None, vec![Record { tests, ..record(1, "deployed", "1", 0) }]).healthy_since.is_some()
    };
    let asked = json!({"enable": true});
    assert!(healthy(Some(Tested::Passed), asked.clone()));
    assert!(!healthy(None, asked.clone()) && !healthy(Some(Tested::Failed { times: 1 }), asked));
    assert!(healthy(None, json!({"enable": true, "ignoreFailures": true})) && healthy(None, json!({})));
}
