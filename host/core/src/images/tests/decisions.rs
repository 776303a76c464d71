use super::*;

/// One release with these annotations and an image at tag 1: the words of its only row.
fn check_one(annotations: &str, expected: &str) {
    let world = World::new(&[("a.yaml", &release("a", annotations, "{image: 'a/b:1'}"))]);
    check_rows(&world, expected);
}

fn check_rows(world: &World, expected: &str) {
    let plan = world.plan();
    let rows: Vec<String> = plan
        .rows
        .iter()
        .map(|row| match &row.decided {
            Decided::Update { to, .. } => format!("→ {to}"),
            Decided::Keep(kept) => kept.to_string(),
        })
        .collect();
    assert_eq!(rows.join(" | "), expected);
    assert_eq!(plan.actions.len(), usize::from(expected.contains("→ ")));
}

#[test]
fn every_container_has_its_decision() {
    check_one("", "→ 3");
    check_one("filter.fluxcd.io/chart-image: 'glob:2'", "→ 2");
    check_one("filter.fluxcd.io/chart-image: 'policy:keep'", "keep");
    check_one("filter.fluxcd.io/chart-image: 'glob:1'", "glob");
    check_one("filter.fluxcd.io/chart-image: 'policy:none'", "none");
    check_one("filter.fluxcd.io/chart-image: 'policy:wait'", "hold until 1970-01-01T00:01:01Z: wait");
    check_one("filter.fluxcd.io/chart-image: 'policy:fail'", "policy `fail` gave no verdict: used up its fuel of 5");
    check_one("filter.fluxcd.io/chart-image: 'policy:lie'", "policy `lie` gave no verdict: gave no selection");
    check_one("filter.fluxcd.io/chart-image: 'policy:nope'", "there is no policy `nope`");
    check_one(
        "filter.fluxcd.io/chart-image: 'policy:allow'",
        "policy `allow` is of kind promotion-rule, not image-filter",
    );
    check_one(
        "filter.fluxcd.io/chart-image: 'policy:'",
        "annotation `filter.fluxcd.io/chart-image` names no policy; write `policy:<name>`",
    );
    check_one(
        "filter.fluxcd.io/chart-image: 'policy:newest', rhumb.dev/config.newest: '{slow: true}'",
        "policy `newest` gave no verdict: used up its fuel of 5",
    );
    check_one("fluxcd.io/locked: 'true'", "locked");
    check_one("fluxcd.io/locked: 'true', fluxcd.io/locked_user: me, fluxcd.io/locked_msg: why", "locked by me: why");
    check_one("fluxcd.io/ignore: 'true'", "ignored");
    check_one("fluxcd.io/ignore: sync_only", "→ 3");
    check_one("filter.fluxcd.io/other: 'glob:*'", "no such container; there are: chart-image | → 3");
}

#[test]
fn an_image_that_could_not_be_looked_at_is_the_reason_where_it_keeps_the_filter_from_choosing() {
    let row = |filter: &str| {
        let annotation = format!("filter.fluxcd.io/chart-image: 'policy:{filter}'");
        let mut world = World::new(&[("a.yaml", &release("a", &annotation, "{image: 'a/b:1'}"))]);
        let slot = world.view.workloads[0].slots[0].clone();
        world.view.unread.insert(Target::of(&slot), "2 is gone".to_owned());
        let [row] = world.plan().rows.try_into().unwrap();
        row.decided
    };
    assert_eq!(row("keep"), Decided::Keep(Kept::Unread("2 is gone".to_owned())));
    assert!(matches!(row("newest"), Decided::Update { .. }), "a filter that can do without it does");
}

#[test]
fn a_config_that_is_no_yaml_keeps_the_image_and_names_the_annotation() {
    let bad = "filter.fluxcd.io/chart-image: 'policy:glob', rhumb.dev/config.glob: '{'";
    let world = World::new(&[("a.yaml", &release("a", bad, "{image: 'a/b:1'}"))]);
    let [row] = world.plan().rows.try_into().unwrap();
    let Decided::Keep(Kept::BadFilter(message)) = row.decided else { panic!("{row:?}") };
    assert!(message.starts_with("annotation `rhumb.dev/config.glob` is not valid YAML: "), "{message}");
}

#[test]
fn only_automated_objects_move_or_complain() {
    let manual = |annotations: &str| release("a", annotations, "{image: 'a/b:1'}").replace("'true'", "'false'");
    check_rows(&World::new(&[("a.yaml", &manual(""))]), "not automated");
    check_rows(&World::new(&[("a.yaml", &manual("filter.fluxcd.io/x: 'glob:*'"))]), "not automated");
    let none = "no such container: the object has no image that can be found";
    check_rows(&World::new(&[("a.yaml", &release("a", "", "{}"))]), none);
    check_rows(&World::new(&[("a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n")]), "");
}

#[test]
fn what_cannot_be_written_says_why() {
    let pinned = "3 cannot be written: the image is pinned by digest; remove the digest to have its tag updated";
    check_rows(&World::new(&[("a.yaml", &release("a", "", "{image: 'a/b:1@sha256:ab'}"))]), pinned);
    let alias = "→ 3 | 3 cannot be written: the image is written through a YAML alias or merge key; write it out to have it updated";
    let values = "{one: {image: 'a/b:1'}, zz: {image: c, tag: &t v1}}";
    check_rows(&World::new(&[("a.yaml", &release("a", "", &values.replace("&t v1", "v1")))]), "→ 3 | → 3");
    let values = "{base: {x: &i 'a/b:1'}, one: {image: 'a/b:1'}, zz: {image: *i}}";
    check_rows(&World::new(&[("a.yaml", &release("a", "", values))]), alias);
}

#[test]
fn without_a_list_of_tags_the_image_stays() {
    let mut world = World::new(&[("a.yaml", &release("a", "", "{image: 'a/b:1'}"))]);
    let scans = world.view.repositories.clone();
    world.view.repositories.values_mut().for_each(|scan| *scan = Scan::Failed("401 from docker.io".to_owned()));
    check_rows(&world, "401 from docker.io");
    world.view.repositories.values_mut().for_each(|scan| *scan = Scan::Listed(Arc::default()));
    check_rows(&world, "the registry lists no tags");
    world.view.repositories.clear();
    check_rows(&world, "the repository was not scanned yet");
    world.view.repositories = scans;
    check_rows(&world, "→ 3");
}

#[test]
fn an_answer_that_is_missing_or_about_something_else_does_not_count() {
    let world = World::new(&[("a.yaml", &release("a", "", "{image: 'a/b:1'}"))]);
    let mut verdicts = world.verdicts();
    let none = |verdicts: &Verdicts| {
        let plan = plan(&world.view, verdicts);
        assert_eq!(plan.actions, []);
        let message = "was not asked".to_owned();
        let failed = Kept::PolicyFailed { policy: PolicyName::new("glob"), code: "no-verdict".to_owned(), message };
        assert_eq!(plan.rows[0].decided, Decided::Keep(failed));
    };
    none(&Verdicts::default());
    // The tag in git moved since the question was asked.
    for (question, _) in verdicts.selections.values_mut() {
        let Ask::Select { container, .. } = &mut question.ask else { panic!() };
        container.current_tag = Some("0".into());
    }
    none(&verdicts);
}

#[test]
fn objects_of_two_groups_do_not_share_an_answer() {
    let one = release("a", "", "{image: 'a/b:1'}");
    let two = release("a", "", "{image: 'c/d:1'}").replace("helm.fluxcd.io/v1", "helm.toolkit.fluxcd.io/v2");
    let world = World::new(&[("a.yaml", &one), ("b.yaml", &two)]);
    let plan = world.plan();
    let updates = plan.rows.iter().filter(|row| matches!(row.decided, Decided::Update { .. })).count();
    assert_eq!((plan.rows.len(), updates), (2, 1), "the one without an answer of its own stays");
}

#[test]
fn rows_tell_what_was_looked_at_and_what_it_cost() {
    let world =
        World::new(&[("a.yaml", &release("a", "filter.fluxcd.io/chart-image: 'policy:newest'", "{image: 'a/b:1'}"))]);
    let verdicts = world.verdicts();
    let asked_for = shortlisted(&verdicts);
    assert_eq!(asked_for.values().next(), Some(&("index.docker.io/a/b".to_owned(), vec![2, 0])));
    let [row] = plan(&world.view, &verdicts).rows.try_into().unwrap();
    let considered: Vec<&str> = row.considered.iter().map(|considered| considered.tag.as_str()).collect();
    // An index that was not offered is left out.
    assert_eq!((considered, row.fuel), (vec!["3", "1"], 20));
    assert_eq!(serde_json::to_value(&row).unwrap()["decided"]["update"]["to"], "3");
}

#[test]
fn conditions_tell_the_worst_row_of_each_automated_object() {
    let values = "{one: {image: 'a/b:1'}, two: {image: 'c/d:1'}}";
    let text = release("a", "filter.fluxcd.io/two: 'policy:fail'", values)
        + &release("b", "", "{image: 'a/b:1'}")
        + &release("c", "", "{image: 'a/b:1'}").replace("'true'", "'false'");
    let world = World::new(&[("a.yaml", &text)]);
    let plan = world.plan();
    let print = |pushed: &Pushed| {
        let conditions = conditions(&plan, pushed);
        let lines = conditions.iter().map(|(id, c)| format!("{id} {} {}: {}", c.status.as_str(), c.reason, c.message));
        lines.collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(print(&Pushed::Commit(world.view.head.clone())), @r"
    dev:helmrelease/a False PolicyFailed: two: policy `fail` gave no verdict: used up its fuel of 5
    dev:helmrelease/b True Committed: chart-image: 3 in commit 0123456
    ");
    insta::assert_snapshot!(print(&Pushed::Failed("rejected".to_owned())), @r"
    dev:helmrelease/a False PushFailed: one: 3 not pushed: rejected
    dev:helmrelease/b False PushFailed: chart-image: 3 not pushed: rejected
    ");
    insta::assert_snapshot!(print(&Pushed::Raced(world.view.head.clone())), @r"
    dev:helmrelease/a False PolicyFailed: two: policy `fail` gave no verdict: used up its fuel of 5
    dev:helmrelease/b Unknown Planned: chart-image: 3, on top of commit 0123456 that came in between
    ");
    insta::assert_snapshot!(print(&Pushed::Nothing), @r"
    dev:helmrelease/a False PolicyFailed: two: policy `fail` gave no verdict: used up its fuel of 5
    dev:helmrelease/b Unknown Planned: chart-image: 3
    ");
}
