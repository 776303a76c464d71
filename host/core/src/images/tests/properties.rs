use proptest::prelude::*;

use super::*;

fn annotations() -> impl Strategy<Value = String> {
    let filter = prop_oneof!["glob:[123]", "policy:(keep|none|wait|fail|lie|newest|nope|allow)", "semver:[12]"];
    let rules = prop_oneof![Just(""), Just("allow"), Just("hold"), Just("allow,trap"), Just("deny")];
    let more = prop_oneof![Just(""), Just(", fluxcd.io/locked: 'true'"), Just(", fluxcd.io/ignore: 'true'")];
    let container = prop_oneof![Just("chart-image"), Just("side"), Just("nowhere")];
    (container, filter, rules, more).prop_map(|(container, filter, rules, more)| {
        format!("filter.fluxcd.io/{container}: '{filter}', rhumb.dev/promotion: '{rules}'{more}")
    })
}

fn values() -> impl Strategy<Value = String> {
    let image = prop_oneof![
        "image: 'a/b:[1234]'",
        "image: a/b, tag: [1234]",
        Just("image: {repository: a/b, tag: ''}".to_owned()),
        Just("image: &x 'a/b:1', other: *x".to_owned()),
        Just("image: 'a/b:1@sha256:ab'".to_owned()),
        Just("x: 1".to_owned()),
    ];
    (image, "[1234]").prop_map(|(image, tag)| format!("{{{image}, side: {{image: 'c/d', tag: {tag}}}}}"))
}

proptest! {
    #[test]
    fn a_plan_after_a_successful_apply_is_empty(
        releases in proptest::collection::vec((annotations(), values(), 0..2usize), 1..6),
    ) {
        let mut files = [String::new(), String::new()];
        for (index, (annotations, values, file)) in releases.iter().enumerate() {
            files[*file].push_str(&release(&format!("r{index}"), annotations, values));
        }
        let mut world = World::new(&[("a.yaml", &files[0]), ("b.yaml", &files[1])]);
        let first = world.plan();
        let updates = first.rows.iter().filter(|row| matches!(row.decided, Decided::Update { .. })).count();
        let committed = first.actions.iter().map(|Action::Commit { updates, .. }| updates.len()).sum::<usize>();
        prop_assert_eq!(updates, committed, "each update is in the commit");
        world.commit(&first);
        let second = world.plan();
        prop_assert_eq!(&second.actions, &[]);
        prop_assert_eq!(second.rows.len(), first.rows.len());
    }
}
