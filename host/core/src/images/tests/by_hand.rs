use super::*;

fn ask(image: &str, force: Force) -> Request {
    let image = crate::image::Reference::parse(image).unwrap();
    Request { object: "dev:helmrelease/a".to_owned(), image, force }
}

/// What becomes of a release by hand: the rows and the commit, or why it is refused.
fn by_hand(files: &[(&str, &str)], request: &Request) -> String {
    let mut world = World::new(files);
    let planned = (|| {
        world.view.workloads = vec![opened(world.view.workloads.clone(), request)?];
        let answers = asked(admissions(&world.view, request)?);
        let mut verdicts = chosen(&world.view, request, &answers)?;
        promoted(&world.view, &mut verdicts);
        Ok::<Plan, Refused>(plan_by_hand(&world.view, &verdicts, request, None))
    })();
    planned.map_or_else(|refused| format!("{refused}\n"), |plan| print(&world, &plan))
}

fn check_request(annotations: &str, values: &str, request: &Request, expected: &str) {
    let text = format!(
        "---\napiVersion: helm.fluxcd.io/v1\nkind: HelmRelease\nmetadata:\n  name: a\n  namespace: dev\n  \
         annotations: {{{annotations}}}\nspec:\n  values: {values}\n"
    );
    let found = by_hand(&[("a.yaml", &text)], request);
    assert!(found.contains(expected), "{found}\ndoes not contain\n{expected}");
    let commits = found.contains("commit: ");
    assert_eq!(commits, expected.contains("commit: ") || expected.contains("→"), "{found}");
}

const VALUES: &str = "{image: 'a/b:2'}";

#[test]
fn takes_an_older_tag_that_the_filter_would_take_and_says_who_it_was_for() {
    let expected = "→ 1: asked for by hand\ncommit: Release a/b:1 to dev:helmrelease/a\n";
    // Automation need not be on; and a filter with metadata names in its shortlist what it takes.
    for annotations in ["", "fluxcd.io/automated: 'true'", "filter.fluxcd.io/chart-image: 'policy:newest'"] {
        check_request(annotations, VALUES, &ask("a/b:1", Force::No), expected);
    }
}

#[test]
fn all_containers_that_use_the_image_move_and_no_others() {
    let values = "{one: {image: 'a/b:1'}, two: {image: 'a/b:2'}, three: {image: 'c/d:1'}, four: {image: 'a/b:3'}}";
    let request = ask("index.docker.io/a/b:3", Force::No);
    check_request("", values, &request, "→ 3: asked for by hand\na.yaml");
    let text = "---\napiVersion: helm.fluxcd.io/v1\nkind: HelmRelease\nmetadata: {name: a, namespace: dev}\nspec:\n  values:\n    one: {image: 'a/b:1'}\n    three: {image: 'c/d:1'}\n";
    let found = by_hand(&[("a.yaml", text)], &request);
    assert!(found.contains("+    one: {image: 'a/b:3'}\n") && !found.contains("c/d:3"), "{found}");
}

#[test]
fn is_refused_by_a_lock_a_filter_and_whatever_is_not_so() {
    let no = |annotations: &str, image: &str, expected: &str| {
        check_request(annotations, VALUES, &ask(image, Force::No), expected);
    };
    let locked = "fluxcd.io/locked: 'true', fluxcd.io/locked_user: Jo, fluxcd.io/locked_msg: freeze";
    no(locked, "a/b:1", "`dev:helmrelease/a` is locked by Jo: freeze");
    no("fluxcd.io/ignore: 'true'", "a/b:1", "`dev:helmrelease/a` is ignored");
    no("filter.fluxcd.io/chart-image: 'policy:none'", "a/b:1", "does not take `1`: none");
    no("filter.fluxcd.io/chart-image: 'policy:fail'", "a/b:1", "does not take `1`: used up its fuel");
    no("filter.fluxcd.io/chart-image: 'policy:nope'", "a/b:1", "there is no policy `nope`");
    no("filter.fluxcd.io/chart-image: 'policy:hold'", "a/b:1", "is of kind promotion-rule, not image-filter");
    no("", "a/b:9", "the registry lists no tag `9` of `index.docker.io/a/b`");
    no("", "a/b:2", "`dev:helmrelease/a` has `2` already");
    no("", "a/b", "names no tag; write it as IMAGE:TAG");
    no("", "x/y:1", "does not use `index.docker.io/x/y`; it uses `index.docker.io/a/b`");
    let other = Request { object: "dev:helmrelease/other".to_owned(), ..ask("a/b:1", Force::No) };
    check_request("", VALUES, &other, "there is no `dev:helmrelease/other`");
}

#[test]
fn force_passes_over_locks_and_filters_and_not_over_rules() {
    let yes = |annotations: &str, expected: &str| {
        check_request(annotations, VALUES, &ask("a/b:1", Force::Yes), expected);
    };
    yes("fluxcd.io/locked: 'true'", "→ 1");
    yes("filter.fluxcd.io/chart-image: 'policy:none'", "→ 1");
    yes("filter.fluxcd.io/chart-image: 'policy:nope'", "→ 1");
    yes("rhumb.dev/promotion: deny", "kept: 1: deny by `deny`: never");
    yes("rhumb.dev/promotion: allow, fluxcd.io/locked: 'true'", "→ 1");
}
