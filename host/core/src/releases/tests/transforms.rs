use super::*;
use crate::attach::OnFailure;
use crate::policies::{Answered, Last, PolicyId, Served, Settings};

/// Checks the decision about a release with these transforms.
fn check(names: &str, expected: &str) {
    let plan = planned(&view(vec![with_transforms(release("app"), names)]));
    let decided = match &plan.rows[0].decided {
        Ok(word) => (*word).to_owned(),
        Err(kept) => kept.to_string(),
    };
    assert_eq!(decided, expected, "{names}");
    assert_eq!(plan.actions.len(), usize::from(plan.rows[0].decided.is_ok()));
}

#[test]
fn a_chain_that_breaks_leaves_the_release_alone() {
    check("", "install");
    check("size,move", "install");
    check("fail", "value transform `fail` gave no usable answer: trapped: unreachable");
    check("size,fail,move", "value transform `fail` gave no usable answer: trapped: unreachable");
    check("wrong", "value transform `wrong` gave no usable answer: operation 1: there is nothing at `/nothing`");
    check("forge", "`/stolen` holds a secret handle that was not given out");
    check("nope", "there is no policy `nope`");
    check("size,soak", "policy `soak` is of kind promotion-rule, not value-transform");
    // The second move finds nothing any more.
    check("move,move", "value transform `move` gave no usable answer: operation 0: there is nothing at `/password`");
}

#[test]
fn each_sees_what_the_one_before_left_and_no_secret() {
    let view = view(vec![with_transforms(release("app"), "size,move")]);
    let release = &view.releases[0];
    let values = |decided: &[Decision]| match next(&view, release, decided) {
        Next::Ask { question, .. } => match question.ask {
            crate::judge::Ask::Transform { values, .. } => values,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    };
    assert_eq!(values(&[]), r#"{"password":"rhumb-secret:0/password","replicas":1}"#);
    assert_eq!(values(&[decision("size")]), r#"{"password":"rhumb-secret:0/password","replicas":3}"#);
    let Next::Done { values, steps } = next(&view, release, &[decision("size"), decision("move")]) else { panic!() };
    assert_eq!(values, json!({"replicas": 3, "auth": {"password": "rhumb-secret:0/password"}}));
    assert_eq!(steps.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["size", "move"]);
}

#[test]
fn a_release_that_was_not_transformed_to_the_end_is_left_alone() {
    let view = view(vec![with_transforms(release("app"), "size")]);
    let ask = next(&view, &view.releases[0], &[]);
    for transformed in [BTreeMap::new(), BTreeMap::from([(view.releases[0].id.clone(), ask)])] {
        assert_eq!(plan(&view, &transformed).actions, []);
    }
}

#[test]
fn a_config_that_is_no_yaml_stops_the_chain() {
    let mut release = with_transforms(release("app"), "size");
    release.annotations.insert("rhumb.dev/config.size".to_owned(), "{".to_owned());
    let plan = planned(&view(vec![release]));
    let Err(Kept::NoPolicy(message)) = &plan.rows[0].decided else { panic!() };
    assert!(message.starts_with("annotation `rhumb.dev/config.size` is not valid YAML"), "{message}");
}

#[test]
fn each_gets_the_evidence_that_it_declared_and_nothing_else() {
    let mut view = view(vec![with_transforms(release("app"), "size,move")]);
    let evidence = |view: &ReleasesView, decided: &[Decision]| match next(view, &view.releases[0], decided) {
        Next::Ask {
            question: crate::judge::Question { ask: crate::judge::Ask::Transform { evidence, .. }, .. },
            ..
        } => evidence,
        other => format!("{other:?}"),
    };
    assert_eq!(evidence(&view, &[]), r#"{"stop":null}"#);
    assert_eq!(evidence(&view, &[decision("size")]), "{}");
    let wanted = evidence_wanted(&view, &view.releases);
    assert!(wanted.is_about(Part::Stop, &view.releases[0].id) && !wanted.has(Part::Fleet));
    view.evidence.unread.insert(Part::Stop, "no answer".to_owned());
    let stopped = planned(&view);
    let Err(Kept::Policy { message, .. }) = &stopped.rows[0].decided else { panic!("{:?}", stopped.rows) };
    assert_eq!((message.as_str(), stopped.actions.len()), ("stop not read: no answer", 0));
}

/// A view in which this is bound to releases of the environment `dev`.
fn bound(release: ReleaseView, spec: Value) -> ReleasesView {
    let mut spec = spec;
    spec["kind"] = json!("value-transform");
    spec["environments"] = json!(["dev"]);
    let binding = crate::objects::Binding::of(&json!({"metadata": {"name": "all", "uid": "u"}, "spec": spec}));
    ReleasesView { bound: Ok(vec![binding.unwrap()]), ..view(vec![release]) }
}

fn steps(view: &ReleasesView) -> Vec<String> {
    match transformed(view).into_values().next() {
        Some(Next::Done { steps, .. }) => steps.into_iter().map(|(name, _)| name).collect(),
        other => vec![format!("{other:?}")],
    }
}

#[test]
fn what_is_bound_comes_last_and_is_not_removed_from_below() {
    assert_eq!(steps(&bound(release("app"), json!({"policy": "size"}))), ["size@all"]);
    let own = with_transforms(release("app"), "size,move");
    assert_eq!(steps(&bound(own.clone(), json!({"policy": "size"}))), ["move", "size@all"]);
    assert_eq!(steps(&bound(own, json!({"policy": "size", "mode": "shadow"}))), ["size", "move"]);
    let elsewhere = ReleaseView { environment: None, ..release("app") };
    assert_eq!(steps(&bound(elsewhere, json!({"policy": "size"}))), [""; 0]);
    let broken = planned(&bound(release("app"), json!({"policy": "fail"})));
    let Err(kept) = &broken.rows[0].decided else { panic!("{:?}", broken.rows) };
    assert_eq!(kept.to_string(), "value transform `fail@all` gave no usable answer: trapped: unreachable");
}

#[test]
fn what_is_bound_is_one_of_the_inputs() {
    let of = |view: &ReleasesView| inputs(view, &view.releases[0]);
    let free = of(&view(vec![release("app")])).unwrap();
    let size = of(&bound(release("app"), json!({"policy": "size"}))).unwrap();
    assert_ne!(free, size);
    assert_ne!(of(&bound(release("app"), json!({"policy": "size", "config": {"to": 4}}))), Some(size));
    // A rule says nothing about values.
    let rule = crate::objects::Binding::of(&json!({"metadata": {"name": "b"}, "spec": {"policy": "soak"}})).unwrap();
    assert_eq!(of(&ReleasesView { bound: Ok(vec![rule]), ..view(vec![release("app")]) }), Some(free));
}

#[test]
fn nothing_is_released_past_what_is_bound_and_cannot_be_asked() {
    let kept = |view: &ReleasesView| planned(view).rows[0].decided.clone().unwrap_err().to_string();
    let missing = bound(release("app"), json!({"policy": "nope"}));
    assert_eq!(kept(&missing), "transform `nope@all`: there is no policy `nope`");
    let [(_, status)] = bindings(&missing).try_into().unwrap();
    assert_eq!(status["objects"], 1);
    let message = "there is no policy `nope`; what it is bound to is not released";
    assert_eq!(status["conditions"][0]["message"], message);
    let unknown = ReleasesView { bound: Err("forbidden".to_owned()), ..view(vec![release("app")]) };
    assert_eq!(kept(&unknown), "the bindings of policies are not read: forbidden");
    let unreadable = crate::objects::Binding::of(&json!({"metadata": {"name": "b"}, "spec": {"policy": 5}})).unwrap();
    let unreadable = ReleasesView { bound: Ok(vec![unreadable]), ..view(vec![release("app")]) };
    assert_eq!(kept(&unreadable), "transform `?@b`: there is no policy `?`");
}

#[test]
fn the_last_operations_count_on_where_that_is_asked_for() {
    let policy = PolicyInfo {
        component: Digest::of("fail"),
        kind: Kind::ValueTransform,
        wants_metadata: false,
        evidence: BTreeSet::new(),
    };
    let settings = Settings { on_failure: OnFailure::KeepLast, ..Settings::default() };
    let id = PolicyId { namespace: None, name: PolicyName::new("fail") };
    let declared = BTreeMap::from([(id, Served { settings, policy: Ok(policy) })]);
    let mut view = view(vec![with_transforms(release("app"), "fail")]);
    view.policies = Policies::new(BTreeMap::new(), Ok(declared));
    let failed = "value transform `fail` gave no usable answer: trapped: unreachable";
    assert_eq!(planned(&view).rows[0].decided.clone().unwrap_err().to_string(), failed);
    let Next::Ask { name, question, .. } = next(&view, &view.releases[0], &[]) else { panic!() };
    let answered = Answered::of(&question, &decision("size")).unwrap();
    view.last = Last::new([(Last::key(&view.releases[0].id, &name), answered)]);
    let Some(Next::Done { values, .. }) = transformed(&view).into_values().next() else { panic!() };
    assert_eq!(values["replicas"], 3);
}
