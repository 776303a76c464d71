use super::*;

/// Checks what these rules make of a move from 1 to 3.
fn check_rules(rules: &str, expected: &str) {
    let text = release("a", &format!("rhumb.dev/promotion: {rules}"), "{image: 'a/b:1'}");
    let world = World::new(&[("a.yaml", &text)]);
    let plan = world.plan();
    let found = match &plan.rows[0].decided {
        Decided::Update { to, .. } => format!("→ {to}"),
        Decided::Keep(kept) => kept.to_string(),
    };
    assert_eq!(found, expected, "{rules}");
    assert_eq!(plan.actions.len(), usize::from(expected.starts_with('→')), "{rules}");
    assert_eq!(plan.wake, expected.contains("until").then_some(Timestamp(121_000)), "{rules}");
}

#[test]
fn the_strictest_rule_decides() {
    let hold = "3: hold until 1970-01-01T00:02:01Z by `hold`: too fresh";
    check_rules("allow", "→ 3");
    check_rules("''", "→ 3");
    check_rules("observe", "3: observe by `observe`: shadow");
    check_rules("ask", "3: require-approval by `ask`: ask");
    check_rules("hold", hold);
    check_rules("hold-on", "3: hold by `hold-on`: not in staging");
    check_rules("deny", "3: deny by `deny`: never");
    check_rules("'allow, observe'", "3: observe by `observe`: shadow");
    check_rules("'ask,observe,allow'", "3: require-approval by `ask`: ask");
    check_rules("'hold,ask'", hold);
    check_rules("'ask,hold'", hold);
    check_rules("'hold,deny,hold-on'", "3: deny by `deny`: never");
}

#[test]
fn a_rule_that_cannot_say_lets_nothing_through() {
    check_rules("nope", "there is no policy `nope`");
    check_rules("'allow,nope'", "there is no policy `nope`");
    check_rules("glob", "policy `glob` is of kind image-filter, not promotion-rule");
    check_rules("trap", "policy `trap` gave no verdict: trapped: unreachable");
    check_rules("'observe,trap,ask'", "policy `trap` gave no verdict: trapped: unreachable");
    check_rules("'trap,deny'", "3: deny by `deny`: never");
    // What is no text was meant as something.
    check_rules("[hold]", "there is no policy `[\"hold\"]`");
    check_rules("true", "there is no policy `true`");
}

#[test]
fn rules_are_asked_about_all_moves_together_and_only_when_there_are_any() {
    let values = "{one: {image: 'a/b:1'}, two: {image: 'c/d:v0.9.0'}, pinned: {image: 'e/f:1@sha256:ab'}, same: {image: 'a/b:3'}}";
    let world = World::new(&[("a.yaml", &release("a", "rhumb.dev/promotion: hold", values))]);
    let verdicts = world.verdicts();
    let [(question, _)] = verdicts.promotions.values().collect::<Vec<_>>().try_into().unwrap();
    let Ask::Judge { moves, .. } = &question.ask else { panic!() };
    let moves: Vec<String> =
        moves.iter().map(|m| format!("{} {:?} → {} {:?}", m.subject, m.from_version, m.to_version, m.step)).collect();
    assert_eq!(moves, [r#"one Some("1") → 3 Some(Major)"#, r#"two Some("v0.9.0") → 3 Some(Major)"#]);
    let idle = World::new(&[("a.yaml", &release("a", "rhumb.dev/promotion: hold", "{image: 'a/b:3'}"))]);
    assert!(idle.verdicts().promotions.is_empty());
    assert!(matches!(idle.plan().rows[0].decided, Decided::Keep(Kept::Current(_))));
}

#[test]
fn a_verdict_about_other_moves_does_not_count() {
    let world = World::new(&[("a.yaml", &release("a", "rhumb.dev/promotion: allow", "{image: 'a/b:1'}"))]);
    let mut verdicts = world.verdicts();
    for (question, _) in verdicts.promotions.values_mut() {
        let Ask::Judge { moves, .. } = &mut question.ask else { panic!() };
        moves[0].to_version = "2".to_owned();
    }
    let plan = plan(&world.view, &verdicts);
    assert_eq!(plan.actions, []);
    assert!(matches!(&plan.rows[0].decided, Decided::Keep(Kept::PolicyFailed { code, .. }) if code == "no-verdict"));
}
