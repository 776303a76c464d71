use super::{helm_release, object};
use crate::manifest::{Object, slots};

/// Checks what is found in these values: container, image, and where a new tag goes or why nowhere.
fn check(values: &str, expected: &[&str]) {
    check_with(values, "{}", expected);
}

fn check_with(values: &str, annotations: &str, expected: &[&str]) {
    check_object(&object(&helm_release(values, annotations)), expected);
}

fn check_object(object: &Object, expected: &[&str]) {
    let found: Vec<String> = slots(object)
        .iter()
        .map(|slot| {
            let place = match &slot.place {
                Ok(place) => format!("{} `{}`", place.pointer.trim_start_matches("/spec/"), place.prefix),
                Err(why) => why.split(';').next().unwrap_or_default().to_owned(),
            };
            format!("{} {} @ {place}", slot.container, slot.image)
        })
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn finds_the_forms_that_flux_documents() {
    check("{image: 'repo/x:1'}", &["chart-image repo/x:1 @ values/image `repo/x:`"]);
    check("{image: repo/x, tag: '1'}", &["chart-image repo/x:1 @ values/tag ``"]);
    check("{registry: r.io, image: 'repo/x:1'}", &["chart-image r.io/repo/x:1 @ values/image `repo/x:`"]);
    check("{registry: r.io, image: repo/x, tag: '1'}", &["chart-image r.io/repo/x:1 @ values/tag ``"]);
    check("{image: {repository: 'repo/x:1'}}", &["chart-image repo/x:1 @ values/image/repository `repo/x:`"]);
    check("{image: {repository: repo/x, tag: '1'}}", &["chart-image repo/x:1 @ values/image/tag ``"]);
    check(
        "{image: {registry: r.io, repository: 'repo/x:1'}}",
        &["chart-image r.io/repo/x:1 @ values/image/repository `repo/x:`"],
    );
    check(
        "{image: {registry: r.io, repository: repo/x, tag: '1'}}",
        &["chart-image r.io/repo/x:1 @ values/image/tag ``"],
    );
    check("{db: {image: bitnami/ghost:1.21.5-r0}}", &["db bitnami/ghost:1.21.5-r0 @ values/db/image `bitnami/ghost:`"]);
    check(
        "{db: {image: {registry: r.com, repository: public/bitnami/ghost, tag: 1.21.5-r0}}, other: {not: an image}}",
        &["db r.com/public/bitnami/ghost:1.21.5-r0 @ values/db/image/tag ``"],
    );
}

#[test]
fn lists_the_chart_image_first_and_others_by_name() {
    check(
        "{ZZZ: {image: 'z:1'}, AAA: {image: 'a:1'}, FFF: {image: 'f:1'}, image: 'c:1'}",
        &[
            "chart-image c:1 @ values/image `c:`",
            "AAA a:1 @ values/AAA/image `a:`",
            "FFF f:1 @ values/FFF/image `f:`",
            "ZZZ z:1 @ values/ZZZ/image `z:`",
        ],
    );
}

#[test]
fn passes_over_what_is_no_image() {
    for values in [
        "{image: 'repo/app:1.0', tag: '2.0'}",
        "{image: {repository: '', tag: v1}}",
        "{image: ['a:1']}",
        "{image: ''}",
        "{image: {name: x, tag: y}}",
        "{image: true}",
        "{image: 5}",
        "{image: null}",
        "{a: {b: {image: 'x:1'}}}",
        "{containers: [{image: 'x:1'}]}",
        "{a: {image: {repository: y, tag: '1'}}}",
        "{Image: 'x:1'}",
        "[]",
        "null",
        "text",
    ] {
        check(values, &[]);
    }
}

#[test]
fn decides_the_edge_cases_as_documented() {
    // Flux: nothing or untagged, since no strings; here a tag is what is written (row 16).
    check("{image: repo/app, tag: 1.10}", &["chart-image repo/app:1.10 @ values/tag ``"]);
    check("{image: {repository: repo/app, tag: 7}}", &["chart-image repo/app:7 @ values/image/tag ``"]);
    check("{image: x, tag: 1e5}", &["chart-image x:1e5 @ values/tag ``"]);
    check("{image: x, tag: 0755}", &["chart-image x:0755 @ values/tag ``"]);
    check("{image: x, tag: 2020-01-01}", &["chart-image x:2020-01-01 @ values/tag ``"]);
    // An empty tag is where the new one goes.
    check("{image: repo/app, tag: ''}", &["chart-image repo/app @ values/tag ``"]);
    check("{image: repo/app, tag: null}", &["chart-image repo/app @ values/tag ``"]);
    check("{image: 'repo/app:1', tag: ''}", &["chart-image repo/app:1 @ values/image `repo/app:`"]);
    check(
        "{image: {registry: null, repository: repo/app, tag: v1}}",
        &["chart-image repo/app:v1 @ values/image/tag ``"],
    );
    check("{registry: 'localhost:5000', image: app, tag: v1}", &["chart-image localhost:5000/app:v1 @ values/tag ``"]);
    check("{registry: quay.io/org, image: app, tag: v1}", &["chart-image quay.io/org/app:v1 @ values/tag ``"]);
    check("{image: hello world}", &["chart-image hello world @ values/image `hello world:`"]);
    // Only the inner map counts where `image` is one.
    check(
        "{registry: quay.io, image: {repository: org/app, tag: v1}}",
        &["chart-image org/app:v1 @ values/image/tag ``"],
    );
    check("{image: {repository: org/app}, tag: v1}", &["chart-image org/app @ values/image/repository `org/app:`"]);
    check("{image: {image: 'x:1'}}", &["image x:1 @ values/image/image `x:`"]);
    check("{image: {repository: yy, tag: '2', image: 'x:1'}}", &["chart-image yy:2 @ values/image/tag ``"]);
    check("{image: 'x:1', chart-image: {image: 'y:2'}}", &["chart-image y:2 @ values/chart-image/image `y:`"]);
    check("{global: {image: 'x:1'}}", &["global x:1 @ values/global/image `x:`"]);
}

#[test]
fn finds_but_never_writes_what_it_could_not_write_alone() {
    let pinned = "the image is pinned by digest";
    let through = "the image is written through a YAML alias or merge key";
    check("{image: 'repo/app@sha256:abcd'}", &[&format!("chart-image repo/app@sha256:abcd @ {pinned}")]);
    check(
        "{image: {repository: repo/app, tag: '1.0@sha256:abcd'}}",
        &[&format!("chart-image repo/app:1.0@sha256:abcd @ {pinned}")],
    );
    check(
        "{image: {repository: repo/app, tag: '1.0', digest: 'sha256:x'}}",
        &[&format!("chart-image repo/app:1.0 @ {pinned}")],
    );
    check("{image: {repository: a/b, tag: '1', digest: ''}}", &["chart-image a/b:1 @ values/image/tag ``"]);
    check("{image: x, tag: {a: 1}}", &["chart-image x @ the `tag` beside the image is no text"]);
    check(
        "{image: 'myhost:5000/app'}",
        &["chart-image myhost:5000/app @ a host with a port and without a dot reads as an image and its tag"],
    );
    let aliased = "{c: &c {image: s, tag: &t v1}, d: *c, e: {image: u, tag: *t}, f: {<<: *c, tag: v2}, g: {<<: *c}}";
    check(
        aliased,
        &[
            "c s:v1 @ values/c/tag ``",
            &format!("d s:v1 @ {through}"),
            &format!("e u:v1 @ {through}"),
            "f s:v2 @ values/f/tag ``",
            &format!("g s:v1 @ {through}"),
        ],
    );
    let block = helm_release("\n    image: |-\n      repo/x:1", "{}");
    check_object(&object(&block), &["chart-image repo/x:1 @ the image is written as a block scalar"]);
}

#[test]
fn follows_alias_annotations() {
    let custom = "{customRepository: bitnami/mariadb, customTag: 10.1.30-r1, customRegistry: docker.io}";
    let repository = "repository.fluxcd.io/mariadb: customRepository";
    let tag = "tag.fluxcd.io/mariadb: customTag";
    let registry = "registry.fluxcd.io/mariadb: customRegistry";
    check_with(
        "{customRepository: 'bitnami/mariadb:10.1.30-r1'}",
        &format!("{{{repository}}}"),
        &["mariadb bitnami/mariadb:10.1.30-r1 @ values/customRepository `bitnami/mariadb:`"],
    );
    check_with(
        custom,
        &format!("{{{repository}, {tag}}}"),
        &["mariadb bitnami/mariadb:10.1.30-r1 @ values/customTag ``"],
    );
    check_with(
        custom,
        &format!("{{{repository}, {tag}, {registry}}}"),
        &["mariadb docker.io/bitnami/mariadb:10.1.30-r1 @ values/customTag ``"],
    );
    check_with(custom, &format!("{{{tag}}}"), &[]);
    check_with(custom, &format!("{{{registry}, {tag}}}"), &[]);
    // A path that leads nowhere voids the alias: the repository must not get the tag appended.
    check_with(custom, &format!("{{{repository}, tag.fluxcd.io/mariadb: customTga}}"), &[]);
    check_with(custom, "{repository.fluxcd.io/x: spec.values.customRepository}", &[]);
    check_with("{list: [{image: 'x:1'}]}", "{repository.fluxcd.io/x: list.0.image}", &[]);
    check_with(
        "{image: 'x:1', other: {image: 'y:2'}}",
        "{repository.fluxcd.io/chart-image: other.image}",
        &["chart-image y:2 @ values/other/image `y:`", "other y:2 @ values/other/image `y:`"],
    );
    check_with(
        "{a: 'a:1', C: {r: c, t: '2'}, M: {image: {r: nn, t: '3'}}, Z: {x: {yy: {g: z.io, r: z/z, t: '4'}}}}",
        "{repository.fluxcd.io/AAA: a, repository.fluxcd.io/CCC: C.r, tag.fluxcd.io/CCC: C.t, \
         repository.fluxcd.io/NNN: M.image.r, tag.fluxcd.io/NNN: M.image.t, repository.fluxcd.io/ZZZ: Z.x.yy.r, \
         registry.fluxcd.io/ZZZ: Z.x.yy.g, tag.fluxcd.io/ZZZ: Z.x.yy.t}",
        &[
            "AAA a:1 @ values/a `a:`",
            "CCC c:2 @ values/C/t ``",
            "NNN nn:3 @ values/M/image/t ``",
            "ZZZ z.io/z/z:4 @ values/Z/x/yy/t ``",
        ],
    );
}

#[test]
fn finds_containers_of_workloads() {
    let pod = |kind: &str, spec: &str| {
        let containers = "containers: [{name: a, image: 'x:1'}, {name: b, image: z}, {name: c}], \
                          initContainers: [{name: i, image: 'z:3'}]";
        object(&format!(
            "{{apiVersion: apps/v1, kind: {kind}, metadata: {{name: app}}, spec: {}}}",
            spec.replace('#', containers)
        ))
    };
    for kind in ["Deployment", "DaemonSet", "StatefulSet"] {
        check_object(
            &pod(kind, "{template: {spec: {#}}}"),
            &[
                "a x:1 @ template/spec/containers/0/image `x:`",
                "b z @ template/spec/containers/1/image `z:`",
                "i z:3 @ template/spec/initContainers/0/image `z:`",
            ],
        );
    }
    let cron = pod("CronJob", "{jobTemplate: {spec: {template: {spec: {#}}}}}");
    assert_eq!(slots(&cron).len(), 3);
    for kind in ["Job", "ReplicaSet", "deployment", "Pod"] {
        check_object(&pod(kind, "{template: {spec: {#}}}"), &[]);
    }
}

#[test]
fn finds_ten_thousand_containers() {
    let one = |n: usize| format!("    c{n}: {{image: 'a/b:{n}'}}\n    k{n}: v\n");
    let text = helm_release(&format!("\n{}", (0..10_000).map(one).collect::<String>()), "{}");
    let object = object(&text);
    assert_eq!(slots(&object).len(), 10_000);
}
