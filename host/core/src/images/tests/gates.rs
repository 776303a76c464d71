use super::*;
use crate::attach::{Attached, Mode, OnFailure};
use crate::evidence::Load;
use crate::objects::Binding;
use crate::policies::{Answered, Asker, Last, PolicyId, Served, Settings};

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

#[test]
fn who_wants_to_know_how_busy_the_cluster_is_counts_those_before_it() {
    let rules = "rhumb.dev/promotion: 'one-by-one,allow'";
    let text = ["a", "b", "c"].map(|name| release(name, rules, "{image: 'a/b:1'}")).concat()
        + &release("d", "rhumb.dev/promotion: allow", "{image: 'a/b:1'}")
        + &release("e", "", "{image: 'a/b:1'}");
    let mut world = World::new(&[("a.yaml", &text)]);
    let moved = |world: &World| {
        let moves = world.plan().rows.into_iter().map(|row| matches!(row.decided, Decided::Update { .. }));
        moves.collect::<Vec<bool>>()
    };
    // `d` and `e` need not know, so they go first.
    assert_eq!(moved(&world), [false, false, false, true, true]);
    let e = world.view.workloads.pop();
    assert_eq!(moved(&world), [false, false, false, true]);
    world.view.workloads.pop();
    world.view.workloads.extend(e);
    assert_eq!(moved(&world), [false, false, false, true]);
    world.view.workloads.pop();
    assert_eq!(moved(&world), [true, false, false]);
    let busy = |name: &str| Load { object: object(name), changing: true, failed: false };
    world.view.evidence.fleet = vec![busy("a")];
    assert_eq!(moved(&world), [true, false, false]);
    world.view.evidence.fleet = vec![busy("z")];
    assert_eq!(moved(&world), [false, false, false]);
}

#[test]
fn a_rule_that_cannot_see_what_it_wants_is_not_asked_and_lets_nothing_through() {
    let mut world = World::new(&[("a.yaml", &release("a", "rhumb.dev/promotion: one-by-one", "{image: 'a/b:1'}"))]);
    world.view.evidence.unread.insert(Part::Fleet, "no answer".to_owned());
    let plan = world.plan();
    let Decided::Keep(kept) = &plan.rows[0].decided else { panic!() };
    assert_eq!(kept.to_string(), "rule `one-by-one` was not asked: fleet not read: no answer");
    assert_eq!((plan.actions.len(), plan.wake, world.verdicts().promotions.len()), (0, Some(Timestamp(11_000)), 0));
    // What it does not want does not matter.
    world.view.evidence.unread = BTreeMap::from([(Part::Stop, "no answer".to_owned())]);
    assert_eq!(world.plan().actions.len(), 1);
}

#[test]
fn a_rule_gets_what_it_declared_and_nothing_else() {
    let text = release("a", "rhumb.dev/promotion: 'one-by-one,allow'", "{image: 'a/b:1'}");
    let world = World::new(&[("a.yaml", &text)]);
    let verdicts = world.verdicts();
    let evidence = verdicts.promotions.values().map(|(question, _)| match &question.ask {
        Ask::Judge { evidence, .. } => format!("{} {evidence}", question.policy),
        _ => String::new(),
    });
    assert_eq!(evidence.collect::<Vec<_>>(), ["allow {}", r#"one-by-one {"fleet":{"upgrading":0,"failed":0}}"#]);
    let wanted = evidence_wanted(&world.view.workloads, &world.view.policies, &Ok(Vec::new()));
    let wanted: Vec<Part> = Part::ALL.into_iter().filter(|part| wanted.has(*part)).collect();
    assert_eq!(wanted, [Part::Fleet]);
}

/// A binding of this rule to everything.
fn binding(policy: &str, mode: Mode) -> Binding {
    let (name, policy) = (PolicyName::new(format!("{policy}@all")), PolicyName::new(policy));
    Binding::rule_for_all(Attached {
        name,
        policy,
        config: serde_json::json!({}),
        mode,
        by: crate::attach::By::Binding,
    })
}

#[test]
fn a_rule_that_is_bound_counts_for_every_object_that_it_selects() {
    let text = release("a", "rhumb.dev/promotion: allow", "{image: 'a/b:1'}") + &release("b", "", "{image: 'a/b:1'}");
    let mut world = World::new(&[("a.yaml", &text)]);
    let held = |world: &World| {
        let held = |kept: &Decided| matches!(kept, Decided::Keep(_));
        world.plan().rows.iter().filter(|row| held(&row.decided)).map(|row| row.object.name.clone()).collect::<Vec<_>>()
    };
    world.view.bound = Ok(vec![binding("deny", Mode::Enforce)]);
    assert_eq!(held(&world), ["a", "b"]);
    let Decided::Keep(kept) = &world.plan().rows[0].decided else { panic!() };
    assert_eq!(kept.to_string(), "3: deny by `deny@all`: never");
    let labelled = BTreeMap::from([("team".to_owned(), "b".to_owned())]);
    world.view.workloads[1].labels = labelled.clone();
    world.view.bound = Ok(vec![Binding { labels: labelled, ..binding("deny", Mode::Enforce) }]);
    assert_eq!(held(&world), ["b"]);
    // Two bindings of one rule are two verdicts.
    let other = Attached { name: PolicyName::new("deny@other"), ..binding("deny", Mode::Enforce).attached };
    world.view.bound = Ok(vec![binding("deny", Mode::Shadow), Binding::rule_for_all(other)]);
    assert_eq!((held(&world).len(), world.verdicts().promotions.len()), (2, 5));
    // A rule that is bound and not there lets nothing through either, and nor does it when nobody knows what is bound.
    world.view.bound = Ok(vec![binding("gone", Mode::Enforce)]);
    assert_eq!(held(&world), ["a", "b"]);
    world.view.bound = Err("no answer".to_owned());
    assert_eq!(held(&world), ["a", "b"]);
    world.view.bound = Ok(vec![binding("allow", Mode::Enforce)]);
    assert!(held(&world).is_empty());
}

#[test]
fn a_rule_in_shadow_is_asked_and_nothing_follows_from_it() {
    let text =
        release("a", "", "{image: 'a/b:1'}") + &release("b", "rhumb.dev/promotion: one-by-one", "{image: 'a/b:1'}");
    let mut world = World::new(&[("a.yaml", &text)]);
    world.view.bound = Ok(vec![binding("deny", Mode::Shadow)]);
    let verdicts = world.verdicts();
    let is_denied =
        |(_, decision): &&(Question, Decision)| matches!(&decision.answer, Ok(Answer::Verdict(Verdict::Deny(_))));
    assert_eq!(verdicts.promotions.values().filter(is_denied).count(), 2);
    // It goes, so the one that goes after it sees that.
    let moves = |row: &Row| matches!(row.decided, Decided::Update { .. });
    assert_eq!(world.plan().rows.iter().map(moves).collect::<Vec<_>>(), [true, false]);
    world.view.bound = Ok(vec![binding("gone", Mode::Shadow), binding("trap", Mode::Shadow)]);
    assert!(moves(&world.plan().rows[0]));
}

#[test]
fn a_switch_that_ends_by_itself_wakes_the_loop() {
    let mut world = World::new(&[("a.yaml", &release("a", "rhumb.dev/promotion: deny", "{image: 'a/b:1'}"))]);
    assert_eq!(world.plan().wake, None);
    let switch = serde_json::json!({"spec": {"by": "jo", "until": "1970-01-01T00:01:00Z"}});
    world.view.evidence.stop = Some(crate::objects::Stop::of(&switch));
    assert_eq!(world.plan().wake, Some(Timestamp(60_000)));
    world.view.now = Timestamp(60_000);
    assert_eq!(world.plan().wake, None);
}

#[test]
fn the_switch_is_enforced_while_it_is_pulled_or_nobody_can_tell() {
    let rules = |said: &Evidence| {
        let rules = bound(said, Ok(Vec::new())).unwrap().into_iter().map(|one| one.attached);
        rules.map(|rule| format!("{} {}", rule.name, rule.config)).collect::<Vec<String>>()
    };
    assert!(rules(&Evidence::default()).is_empty());
    let switch = serde_json::json!({"spec": {"by": "jo", "except": ["mon*"]}});
    let mut said = Evidence { stop: Some(crate::objects::Stop::of(&switch)), ..Evidence::default() };
    assert_eq!(rules(&said), [r#"stop-switch {"except":["mon*"]}"#]);
    said.unread.insert(Part::Stop, "no answer".to_owned());
    assert_eq!(rules(&said), [r#"stop-switch {"except":["mon*"]}"#]);
    said.stop = None;
    assert_eq!(rules(&said), [r#"stop-switch {"except":[]}"#]);
}

fn object(name: &str) -> ObjectId {
    ObjectId { kind: "HelmRelease".to_owned(), namespace: Some("dev".to_owned()), name: name.to_owned() }
}

/// A world in which the rule `trap` is declared, with what its failures mean.
fn trapped(on_failure: OnFailure) -> World {
    let mut world = World::new(&[("a.yaml", &release("a", "rhumb.dev/promotion: trap", "{image: 'a/b:1'}"))]);
    let policy = PolicyInfo {
        component: Digest::of("component"),
        kind: Kind::PromotionRule,
        wants_metadata: false,
        evidence: BTreeSet::new(),
    };
    let settings = Settings { on_failure, ..Settings::default() };
    let id = PolicyId { namespace: None, name: PolicyName::new("trap") };
    let declared = BTreeMap::from([(id, Served { settings, policy: Ok(policy) })]);
    let glob = world.view.policies.clone();
    let glob = glob.find(Asker::Above, &PolicyName::new("glob"), Kind::ImageFilter).unwrap().info.clone();
    world.view.policies = Policies::new(BTreeMap::from([(PolicyName::new("glob"), glob)]), Ok(declared));
    world
}

/// What becomes of the move from 1 to 3 when this was the rule's last answer, to other moves or to the same.
fn check_last(on_failure: OnFailure, verdict: Verdict, to: &str, expected: &str) {
    let mut world = trapped(on_failure);
    let verdicts = world.verdicts();
    let ((object, rule), (question, _)) = verdicts.promotions.first_key_value().unwrap();
    let mut question = question.clone();
    let Ask::Judge { moves, .. } = &mut question.ask else { panic!() };
    moves[0].to_version = to.to_owned();
    let decision = Decision { answer: Ok(Answer::Verdict(verdict)), fuel: 1 };
    let answered = Answered::of(&question, &decision).unwrap();
    // As it comes back from the store.
    let stored = serde_json::to_string(&answered).unwrap();
    world.view.last = Last::new([(Last::key(object, rule), serde_json::from_str(&stored).unwrap())]);
    let plan = plan(&world.view, &verdicts);
    let found = match &plan.rows[0].decided {
        Decided::Update { to, .. } => format!("→ {to}"),
        Decided::Keep(kept) => kept.to_string(),
    };
    assert_eq!(found, expected);
}

#[test]
fn the_last_verdict_about_the_same_versions_counts_on_where_that_is_asked_for() {
    let reason = || Reason { code: "ok".to_owned(), message: "as before".to_owned() };
    let failed = "policy `trap` gave no verdict: trapped: unreachable";
    check_last(OnFailure::KeepLast, Verdict::Allow(reason()), "3", "→ 3");
    check_last(OnFailure::KeepLast, Verdict::Allow(reason()), "2", failed);
    check_last(OnFailure::Hold, Verdict::Allow(reason()), "3", failed);
    check_last(OnFailure::KeepLast, Verdict::Deny(reason()), "3", "3: deny by `trap`: as before");
    // Nobody knows what it would say now.
    let over = Verdict::Hold { until: Some(NOW), reason: reason() };
    check_last(OnFailure::KeepLast, over, "3", "3: hold by `trap`: as before");
}

#[test]
fn answers_are_kept_of_the_rules_that_count_on_alone() {
    for (on_failure, n_kept) in [(OnFailure::KeepLast, 1), (OnFailure::Hold, 0), (OnFailure::Skip, 0)] {
        let world = trapped(on_failure);
        let mut verdicts = world.verdicts();
        assert!(answered(&world.view, &verdicts).is_empty(), "a failure is no answer");
        let (_, (_, decision)) = verdicts.promotions.iter_mut().next().unwrap();
        decision.answer = Ok(Answer::Verdict(Verdict::Allow(Reason { code: "ok".to_owned(), message: String::new() })));
        assert_eq!(answered(&world.view, &verdicts).len(), n_kept);
    }
}
