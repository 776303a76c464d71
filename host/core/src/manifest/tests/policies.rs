use super::{helm_release, object};
use crate::manifest::{Object, Switch, containers_named};

fn check(annotations: &str, expected: (bool, bool, Switch)) {
    let object = object(&helm_release("{}", annotations));
    let found = (object.is_on("automated"), object.is_on("locked"), object.ignored());
    assert_eq!(found, expected, "{annotations}");
}

#[test]
fn reads_policies_under_both_prefixes() {
    check("{}", (false, false, Switch::Off));
    check("{fluxcd.io/automated: 'true'}", (true, false, Switch::Off));
    check("{flux.weave.works/automated: 'true', flux.weave.works/locked: 'true'}", (true, true, Switch::Off));
    check("{fluxcd.io/ignore: 'true'}", (false, false, Switch::On));
    check("{fluxcd.io/ignore: sync_only}", (false, false, Switch::SyncOnly));
    // Where both are written, the newer prefix wins; Flux takes either at random.
    check("{flux.weave.works/automated: 'true', fluxcd.io/automated: 'false'}", (false, false, Switch::Off));
}

#[test]
fn only_the_word_true_turns_a_policy_on() {
    check("{fluxcd.io/automated: true}", (true, false, Switch::Off));
    for word in ["'True'", "'yes'", "'1'", "True", "yes", "on", "1", "''", "null", "[true]"] {
        check(&format!("{{fluxcd.io/automated: {word}, fluxcd.io/ignore: {word}}}"), (false, false, Switch::Off));
    }
}

#[test]
fn an_annotation_that_is_no_string_never_vanishes() {
    let text = "{a: 1.10, b: 0755, c: null, d: [x], e: True, f: &f 1_000, g: *f, h: 'é'}";
    let found = format!("{:?}", object(&helm_release("{}", text)).annotations());
    let expected =
        r#"{"a": "1.10", "b": "0755", "c": "", "d": "[\"x\"]", "e": "True", "f": "1_000", "g": "1000", "h": "é"}"#;
    assert_eq!(found, expected);
}

#[test]
fn names_the_containers_of_filters() {
    let text = "{filter.fluxcd.io/a: x, fluxcd.io/tag.b: x, flux.weave.works/tag.c: x, tag.fluxcd.io/d: x, x/tag.e: x}";
    let names = containers_named(&object(&helm_release("{}", text)).annotations());
    assert_eq!(names.iter().map(ToString::to_string).collect::<Vec<_>>(), ["a", "b", "c"]);
}

#[test]
fn an_object_of_the_cluster_reads_like_one_of_a_file() {
    let text = helm_release("{image: 'x:1'}", "{fluxcd.io/automated: 'true'}");
    let of_file = object(&text);
    let of_cluster = Object::of_cluster(&of_file.value).unwrap();
    assert_eq!(of_cluster.id, of_file.id);
    assert_eq!(of_cluster.digest(), of_file.digest());
    assert_eq!(of_cluster.annotations(), of_file.annotations());
    let [slot] = crate::manifest::slots(&of_cluster).try_into().unwrap();
    assert_eq!(slot.image.to_string(), "x:1");
    assert!(slot.place.is_err());
    assert!(Object::of_cluster(&serde_json::json!({"kind": "Pod"})).is_none());
}
