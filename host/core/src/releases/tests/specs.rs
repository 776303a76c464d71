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
fn rollbacks_and_tests_have_helm_operators_defaults() {
    let off = json!({
        "rollback": {"enable": false, "retry": true}, "test": {"enable": false, "timeout": 1}, "forceUpgrade": false,
        "resetValues": true, "helmVersion": "v3", "valuesFrom": [{}],
    });
    assert_eq!(accepted(off), accepted(json!({})));
    let on = accepted(json!({"rollback": {"enable": true}, "test": {"enable": true, "cleanup": false}}));
    let rollback = on.rollback.unwrap();
    assert_eq!((rollback.retries, rollback.timeout_seconds, rollback.wait), (Retries::Never, 300, false));
    assert_eq!((rollback.force, rollback.recreate, rollback.disable_hooks), (false, false, false));
    assert_eq!(on.tests, Some(Tests { ignore_failures: false, timeout_seconds: 300 }));
    let retries = |rollback: Value| accepted(json!({ "rollback": rollback })).rollback.unwrap().retries;
    assert_eq!(retries(json!({"enable": true, "retry": true})), Retries::AtMost(5));
    assert_eq!(retries(json!({"enable": true, "retry": true, "maxRetries": 1})), Retries::AtMost(1));
    assert_eq!(retries(json!({"enable": true, "retry": true, "maxRetries": 0})), Retries::Unlimited);
    // The first rollback comes before the first retry.
    assert_eq!([1, 2, 3].map(|count| Retries::AtMost(1).allow(count)), [true, false, false]);
    assert!(Retries::Unlimited.allow(u32::MAX) && !Retries::Never.allow(1));
    let other = accepted(json!({
        "forceUpgrade": true, "resetValues": false, "disableOpenAPIValidation": true,
        "chart": {"git": "g", "path": "p", "skipDepUpdate": true},
    }));
    assert!(other.force_upgrade && other.reuse_values);
}

#[test]
fn what_is_to_be_tested_or_taken_back_is_waited_for_unless_the_spec_says_otherwise() {
    let waits = |spec: Value| accepted(spec).wait;
    assert!(!waits(json!({})));
    assert!(waits(json!({"rollback": {"enable": true}})));
    assert!(waits(json!({"test": {"enable": true}})));
    assert!(!waits(json!({"test": {"enable": true}, "rollback": {"enable": true}, "wait": false})));
    assert!(!waits(json!({"rollback": {"wait": true}})));
}

#[test]
fn a_time_out_that_no_clock_holds_is_cut() {
    let spec = accepted(json!({"timeout": u64::MAX, "test": {"enable": true, "timeout": i64::MAX}}));
    assert_eq!((spec.timeout_seconds, spec.tests.unwrap().timeout_seconds), (2_592_000, 2_592_000));
}

#[test]
fn helm_two_is_refused() {
    let tiller = "Tiller's releases must be converted first; set v3 or leave it out";
    refused(json!({"helmVersion": "v2"}), &format!("spec.helmVersion: v2 is not supported: {tiller}"));
}

#[test]
fn files_of_the_chart_are_in_the_chart_and_urls_lead_to_web_servers() {
    let from = |source: Value| json!({ "valuesFrom": [source] });
    let file = |path: &str| from(json!({"chartFileRef": {"path": path, "optional": true}}));
    let expected = ChartFileRef { path: "ci/values.yaml".to_owned(), optional: true };
    assert_eq!(accepted(file("./ci//values.yaml")).values_from, [ValuesFrom::ChartFile(expected)]);
    for path in ["../values.yaml", "a/../../b", "/etc/passwd", "..", "./", "a\\b"] {
        refused(file(path), &format!("spec.valuesFrom[].chartFileRef.path `{path}` leads out of the chart"));
    }
    let url = |url: &str| from(json!({"externalSourceRef": {"url": url}}));
    let expected = ExternalRef { url: "https://x.example.com/a?b@c".to_owned(), optional: false };
    assert_eq!(accepted(url("https://x.example.com/a?b@c")).values_from, [ValuesFrom::External(expected)]);
    let field = "spec.valuesFrom[].externalSourceRef.url";
    for bad in ["file:///etc/passwd", "ftp://x", "x.example.com", "javascript:1"] {
        refused(url(bad), &format!("{field} begins with neither http:// nor https://"));
    }
    for bad in ["https://u:p@x.example.com/", "HTTP://u@x"] {
        let error = Spec::parse(&object(url(bad))).unwrap_err().to_string();
        assert!(error.contains("holds a user or a password") && !error.contains(bad), "{error}");
    }
    refused(from(json!({"externalSourceRef": {}})), &format!("{field} is not a text"));
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
        (json!({"rollback": {"maxRetries": -1}}), "spec.rollback.maxRetries is not a whole number"),
        (json!({"rollback": {"enable": "yes"}}), "spec.rollback.enable is not true or false"),
        (json!({"rollback": "yes"}), "spec.rollback is not a mapping"),
        (json!({"test": {"timeout": "1m"}}), "spec.test.timeout is not a whole number"),
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
