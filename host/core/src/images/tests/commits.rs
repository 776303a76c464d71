use super::*;

#[test]
fn one_pass_makes_one_commit_and_a_reason_for_each_container() {
    let a = release(
        "a",
        "filter.fluxcd.io/chart-image: 'glob:2'",
        "\n    image: docker.io/a/b:1 # why\n    sidecar: {image: 'c/d', tag: 1}",
    ) + &release("b", "rhumb.dev/promotion: hold", "{image: 'a/b:1'}");
    let b = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  annotations:\n    fluxcd.io/automated: 'true'\n\
             spec:\n  template:\n    spec:\n      containers:\n      - name: web\n        image: quay.io/w/web:1\n";
    insta::assert_snapshot!(check(&[("a.yaml", &a), ("b/b.yaml", b)]), @r"
    a.yaml:10 chart-image docker.io/a/b:1 [glob:2] → 2: glob
    a.yaml:11 sidecar c/d:1 [glob:*] → 3: glob
    a.yaml:20 chart-image a/b:1 [glob:*] kept: 3: hold until 1970-01-01T00:02:01Z by `hold`: too fresh
    b/b.yaml:12 web quay.io/w/web:1 [glob:*] → 3: glob
    commit: Auto-release multiple (3) images
      
       - c/d:3
       - docker.io/a/b:2
       - quay.io/w/web:3
    -    image: docker.io/a/b:1 # why
    +    image: docker.io/a/b:2 # why
    -    sidecar: {image: 'c/d', tag: 1}
    +    sidecar: {image: 'c/d', tag: '3'}
    -        image: quay.io/w/web:1
    +        image: quay.io/w/web:3
    wake: 1970-01-01T00:02:01Z
    ");
}

#[test]
fn one_image_is_named_in_the_subject() {
    let two = release("a", "", "{image: 'a/b:1'}") + &release("b", "", "{image: 'a/b:2'}");
    insta::assert_snapshot!(check(&[("a.yaml", &two)]), @r"
    a.yaml:9 chart-image a/b:1 [glob:*] → 3: glob
    a.yaml:18 chart-image a/b:2 [glob:*] → 3: glob
    commit: Auto-release a/b:3
    -  values: {image: 'a/b:1'}
    +  values: {image: 'a/b:3'}
    -  values: {image: 'a/b:2'}
    +  values: {image: 'a/b:3'}
    ");
}

#[test]
fn many_images_are_listed_as_text_and_once() {
    let numbers: Vec<String> = (1..=11).map(|n| format!("v{n}")).collect();
    let all: String = numbers
        .iter()
        .map(|tag| {
            release(
                &format!("r-{tag}"),
                &format!("filter.fluxcd.io/chart-image: 'glob:{tag}'"),
                "{image: 'docker.io/image:v0'}",
            )
        })
        .collect();
    let mut world = World::new(&[("a.yaml", &all)]);
    let tags = Tags { names: numbers.join("\n") + "\n", first_seen: vec![NOW; 11], moves: vec![0; 11], complete: true };
    world.view.repositories.values_mut().for_each(|scan| *scan = Scan::Listed(Arc::new(tags.clone())));
    let [Action::Commit { message, .. }] = world.plan().actions.try_into().unwrap();
    let expected = ["v1", "v10", "v11", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9"]
        .map(|tag| format!(" - docker.io/image:{tag}\n"));
    assert_eq!(message, format!("Auto-release multiple (11) images\n\n{}", expected.concat()));
}

#[test]
fn an_edit_that_cannot_be_proved_stops_no_other() {
    let spills = release("a", "", "{image: &i 'a/b:1', other: *i}");
    let good = release("b", "", "{image: 'a/b:1'}");
    insta::assert_snapshot!(check(&[("a.yaml", &(spills + &good)), ("b.yaml", &release("c", "", "{image: 'a/b:1'}"))]), @r"
    a.yaml:9 chart-image a/b:1 [glob:*] kept: 3 cannot be written: edit of `a.yaml` would change more than `/spec/values/image` of `dev:helmrelease/a`; nothing was written
    a.yaml:18 chart-image a/b:1 [glob:*] → 3: glob
    b.yaml:9 chart-image a/b:1 [glob:*] → 3: glob
    commit: Auto-release a/b:3
    -  values: {image: 'a/b:1'}
    +  values: {image: 'a/b:3'}
    -  values: {image: 'a/b:1'}
    +  values: {image: 'a/b:3'}
    ");
}

#[test]
fn a_file_that_was_not_read_stops_no_other() {
    let mut world = World::new(&[
        ("a.yaml", &release("a", "", "{image: 'a/b:1'}")),
        ("b.yaml", &release("b", "", "{image: 'a/b:1'}")),
    ]);
    world.view.files.remove("a.yaml");
    insta::assert_snapshot!(print(&world, &world.plan()), @r"
    a.yaml:9 chart-image a/b:1 [glob:*] kept: 3 cannot be written: `a.yaml` was not read
    b.yaml:9 chart-image a/b:1 [glob:*] → 3: glob
    commit: Auto-release a/b:3
    -  values: {image: 'a/b:1'}
    +  values: {image: 'a/b:3'}
    ");
}

#[test]
fn containers_that_share_a_scalar_must_agree() {
    let aliases = "repository.fluxcd.io/app: image.repository, tag.fluxcd.io/app: image.tag";
    let values = "{image: {repository: a/b, tag: '1'}}";
    insta::assert_snapshot!(check(&[("a.yaml", &release("a", aliases, values))]), @r"
    a.yaml:9 chart-image a/b:1 [glob:*] → 3: glob
    a.yaml:9 app a/b:1 [glob:*] → 3: glob
    commit: Auto-release a/b:3
    -  values: {image: {repository: a/b, tag: '1'}}
    +  values: {image: {repository: a/b, tag: '3'}}
    ");
    let differ = format!("{aliases}, filter.fluxcd.io/app: 'glob:2'");
    insta::assert_snapshot!(check(&[("a.yaml", &release("a", &differ, values))]), @r"
    a.yaml:9 chart-image a/b:1 [glob:*] kept: 3 cannot be written: other containers write the same place and want another tag there
    a.yaml:9 app a/b:1 [glob:2] kept: 2 cannot be written: other containers write the same place and want another tag there
    ");
}
