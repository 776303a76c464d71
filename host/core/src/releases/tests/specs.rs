use super::*;

/// A HelmRelease `dev/app` with a git chart and this merged over its spec.
fn object(spec: Value) -> Value {
    let mut whole = json!({"chart": {"git": "git@example.com:a/b", "path": "charts/app"}});
    for (key, value) in map(spec) {
        whole[key] = value;
    }
    json!({"metadata": {"name": "app", "namespace": "dev"}, "spec": whole})
}

fn refused(spec: Value, expected: &str) {
    let error = Spec::parse(&object(spec.clone())).map(|_| ()).map_err(|error| error.to_string());
    assert_eq!(error, Err(expected.to_owned()), "{spec}");
}

fn accepted(spec: Value) -> Spec {
    Spec::parse(&object(spec)).unwrap()
}

#[test]
fn fields_that_are_not_in_yet_are_refused_by_name() {
    for (spec, field) in [
        (json!({"rollback": {"enable": true}}), "spec.rollback.enable"),
        (json!({"test": {"enable": true}}), "spec.test.enable"),
        (json!({"forceUpgrade": true}), "spec.forceUpgrade"),
        (json!({"resetValues": false}), "spec.resetValues: false"),
        (json!({"helmVersion": "v2"}), "spec.helmVersion: v2"),
        (json!({"valuesFrom": [{"externalSourceRef": {"url": "https://x"}}]}), "spec.valuesFrom[].externalSourceRef"),
        (json!({"valuesFrom": [{"chartFileRef": {"path": "x"}}]}), "spec.valuesFrom[].chartFileRef"),
    ] {
        refused(spec, &format!("{field} is not supported yet; remove it to have the release reconciled"));
    }
    let off = json!({
        "rollback": {"enable": false, "retry": true}, "test": {"enable": false}, "forceUpgrade": false,
        "resetValues": true, "helmVersion": "v3", "valuesFrom": [{}],
    });
    assert_eq!(accepted(off), accepted(json!({})));
}

#[test]
fn fields_of_a_wrong_type_are_refused_by_name() {
    for (spec, expected) in [
        (json!({"values": [1]}), "spec.values is not a mapping"),
        (json!({"timeout": "5m"}), "spec.timeout is not a whole number"),
        (json!({"timeout": -1}), "spec.timeout is not a whole number"),
        (json!({"maxHistory": 1.5}), "spec.maxHistory is not a whole number"),
        (json!({"wait": "yes"}), "spec.wait is not true or false"),
        (json!({"skipCRDs": 1}), "spec.skipCRDs is not true or false"),
        (json!({"releaseName": 7}), "spec.releaseName is not a text"),
        (json!({"targetNamespace": ["a"]}), "spec.targetNamespace is not a text"),
        (json!({"chart": {"git": 1, "path": "p"}}), "spec.chart.git is not a text"),
        (json!({"valuesFrom": [{"secretKeyRef": {}}]}), "spec.valuesFrom[].name is not a text"),
    ] {
        refused(spec, expected);
    }
    for object in [json!(null), json!([]), json!("x"), json!({"spec": 1, "metadata": 2})] {
        assert!(Spec::parse(&object).is_err());
    }
}

#[test]
fn git_wins_where_both_chart_sources_are_complete() {
    let no_chart = SpecError::NoChart.to_string();
    let repository = json!({"repository": "r", "name": "n", "version": "1"});
    let source = |chart: Value| accepted(json!({ "chart": chart })).chart;
    let named = ChartSource::Repository { url: "r".to_owned(), name: "n".to_owned(), version: "1".to_owned() };
    assert_eq!(source(repository.clone()), named);
    assert_eq!(source(json!({"git": "g", "repository": "r", "name": "n", "version": "1"})), named);
    assert_eq!(
        source(json!({"git": "g", "path": "p", "ref": "", "repository": "r", "name": "n", "version": "1"})),
        ChartSource::Git { url: "g".to_owned(), reference: None, path: "p".to_owned(), secret: None }
    );
    for chart in [
        json!({}),
        json!({"git": "g"}),
        json!({"git": "g", "path": ""}),
        json!({"repository": "r", "name": "n"}),
        json!(null),
    ] {
        refused(json!({ "chart": chart }), &no_chart);
    }
}

#[test]
fn release_names_are_made_as_helm_operator_makes_them_and_never_cut() {
    let name = |spec: Value| accepted(spec).release_name;
    assert_eq!(name(json!({})), "dev-app");
    assert_eq!(name(json!({"targetNamespace": "dev"})), "dev-app");
    assert_eq!(name(json!({"targetNamespace": "prod"})), "dev-prod-app");
    assert_eq!(name(json!({"releaseName": "x.y-1", "targetNamespace": "prod"})), "x.y-1");
    assert_eq!(name(json!({"releaseName": "a".repeat(53)})), "a".repeat(53));
    let long = "a".repeat(54);
    for bad in ["Upper", "under_score", "-a", "a-", "a..b", "a.-b", ".a", "ä", "a b", "a/b", long.as_str()] {
        assert_eq!(Spec::parse(&object(json!({ "releaseName": bad }))), Err(SpecError::ReleaseName(bad.to_owned())));
    }
}

#[test]
fn layers_of_values_come_in_their_order_with_their_defaults() {
    let spec = accepted(json!({
        "valuesFrom": [
            {"configMapKeyRef": {"name": "c", "namespace": "other", "key": "k", "optional": true}, "secretKeyRef": {"name": "x"}},
            {"configMapKeyRef": null, "secretKeyRef": {"name": "s", "namespace": "", "key": ""}},
        ],
        "valueFileSecrets": [{"name": "old"}],
        "timeout": 0, "maxHistory": 0, "wait": true, "skipCRDs": true,
    }));
    let key = |namespace: &str, name: &str, key: &str, optional| KeyRef {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        key: key.to_owned(),
        optional,
    };
    let expected = [
        ValuesFrom::Secret(key("dev", "old", "values.yaml", false)),
        ValuesFrom::ConfigMap(key("other", "c", "k", true)),
        ValuesFrom::Secret(key("dev", "s", "values.yaml", false)),
    ];
    assert_eq!(spec.values_from, expected);
    assert_eq!((spec.timeout_seconds, spec.max_history, spec.wait, spec.skip_crds), (0, 0, true, true));
}
