use super::*;

/// Checks the decision about `dev/app` with this history (oldest first; the inputs are the current ones where `same`),
/// after it was changed as the test likes.
fn check(history: &[(&str, Same, u64)], change: fn(&mut ReleaseView), expected: &str) {
    let plan = planned_with(history, change);
    let decided = match &plan.rows[0].decided {
        Ok(word) => (*word).to_owned(),
        Err(kept) => kept.to_string(),
    };
    assert_eq!(decided, expected, "{history:?}");
    assert_eq!(plan.actions.len(), usize::from(plan.rows[0].decided.is_ok()));
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Same {
    Inputs,
    Other,
}
use Same::{Inputs, Other};

fn planned_with(history: &[(&str, Same, u64)], change: fn(&mut ReleaseView)) -> Plan {
    let now = inputs(&view(Vec::new()), &release("app"));
    let heads = (1..).zip(history).map(|(revision, (status, same, at))| {
        head(revision, status, if *same == Inputs { now.clone() } else { Some(Digest::of("other")) }, *at)
    });
    let mut release = ReleaseView { history: heads.collect(), ..release("app") };
    change(&mut release);
    planned(&view(vec![release]))
}

#[test]
fn every_state_has_its_one_action() {
    let no = |_: &mut ReleaseView| {};
    check(&[], no, "install");
    check(&[("deployed", Inputs, 0)], no, "in sync");
    check(&[("deployed", Other, 0)], no, "upgrade");
    // What never came up is installed, so that its hooks run; what did is upgraded.
    check(&[("failed", Other, 999_999)], no, "install");
    check(&[("superseded", Other, 0), ("uninstalled", Other, 0), ("failed", Other, 0)], no, "install");
    check(&[("deployed", Other, 0), ("failed", Other, 0)], no, "upgrade");
    check(&[("superseded", Inputs, 0)], no, "upgrade");
    check(&[("unknown", Inputs, 0)], no, "upgrade");
    check(&[("uninstalled", Inputs, 0)], no, "install");
    for pending in ["pending-rollback", "uninstalling"] {
        check(&[(pending, Inputs, 999_999)], no, "heal");
    }
    // What a crash or a stop left is gone on with while it is still what is wanted.
    for pending in ["pending-install", "pending-upgrade"] {
        check(&[(pending, Inputs, 999_999)], no, "resume");
        check(&[(pending, Other, 999_999)], no, "heal");
    }
    check(&[("deployed", Other, 0), ("deployed", Inputs, 1)], no, "resume");
    check(&[("superseded", Other, 0), ("deployed", Inputs, 1)], no, "in sync");
    // A record without our annotation is `helm`'s own work: it is waited for, then taken over.
    let by_helm = |release: &mut ReleaseView| release.history[0].marks.owner = None;
    check(
        &[("pending-upgrade", Other, 999_999)],
        by_helm,
        "another operation is in progress; looked at again at 1970-01-01T00:21:39Z",
    );
    check(&[("pending-upgrade", Other, 600_000)], by_helm, "heal");
    check(&[("deployed", Other, 0)], by_helm, "upgrade");
    // The HelmRelease that it belonged to is gone: it was renamed, and the release goes on under the new name.
    check(
        &[("deployed", Inputs, 0)],
        |release| release.history[0].marks.owner = Some("prod/app".to_owned()),
        "upgrade",
    );
    check(&[], |release| release.chart = Err("404".to_owned()), "404");
    check(&[], |release| release.values = Err("no Secret".to_owned()), "no Secret");
    check(&[], |release| release.spec = Err(SpecError::NoChart), &SpecError::NoChart.to_string());
    // What a crash left is healed whatever else is wrong.
    check(&[("pending-upgrade", Inputs, 0)], |release| release.chart = Err("404".to_owned()), "heal");
}

#[test]
fn what_failed_waits_twice_as_long_each_time() {
    let no = |_: &mut ReleaseView| {};
    for (failures, wait) in [(1, 10), (2, 20), (3, 40), (4, 80), (5, 160), (6, 300), (40, 300)] {
        let mut history = vec![("failed", Other, 0), ("deployed", Inputs, 0)];
        history.extend(vec![("failed", Inputs, 999_000); failures]);
        let plan = planned_with(&history, no);
        let until = Timestamp(999_000 + wait * 1000);
        assert_eq!(plan.rows[0].decided, Err(Kept::BackingOff { until }), "{failures} failures");
        assert_eq!(plan.wake, Some(until));
        let due: Vec<_> = history.iter().map(|(status, same, _)| (*status, *same, NOW.0 - wait * 1000)).collect();
        assert_eq!(planned_with(&due, no).rows[0].decided, Ok("upgrade"), "{failures} failures");
    }
}

#[test]
fn a_failure_that_left_no_record_waits_too() {
    let tried = |release: &mut ReleaseView| {
        let inputs = inputs(&view(Vec::new()), release).unwrap();
        release.attempt = Some(Attempt { tried: inputs, failures: 3, at: Timestamp(999_000) });
    };
    let waits = "failed before with the same chart and values; tried again at 1970-01-01T00:17:19Z";
    check(&[], tried, waits);
    check(&[("deployed", Other, 0)], tried, waits);
    check(&[("deployed", Inputs, 0)], tried, "in sync");
    check(
        &[],
        |release| release.attempt = Some(Attempt { tried: Digest::of("other"), failures: 3, at: NOW }),
        "install",
    );
    let due = |release: &mut ReleaseView| {
        let inputs = inputs(&view(Vec::new()), release).unwrap();
        release.attempt = Some(Attempt { tried: inputs, failures: 3, at: Timestamp(NOW.0 - 40_000) });
    };
    check(&[], due, "install");
    check(&[("deployed", Other, 0)], due, "upgrade");
}

#[test]
fn an_action_has_all_that_it_needs() {
    let plan = planned_with(&[("superseded", Other, 0), ("deployed", Other, 0)], |release| {
        *release = with_transforms(release.clone(), "size, move");
    });
    let [Action::Upgrade(ready)] = plan.actions.as_slice() else { panic!() };
    assert_eq!((ready.release.as_str(), ready.namespace.as_str(), ready.revision), ("dev-app", "dev", 3));
    assert_eq!(Value::Object(ready.values.clone()), json!({"replicas": 3, "auth": {"password": "hunter2"}}));
    assert!(!format!("{ready:?}").contains("hunter2"));
    let options = Options {
        wait: false,
        timeout_seconds: 300,
        max_history: 10,
        skip_crds: false,
        force: false,
        reuse_values: false,
    };
    assert_eq!((ready.options, ready.generation), (options, 3));
    let highest = planned_with(&[("deployed", Other, 0)], |release| release.history[0].revision = u32::MAX);
    assert_eq!(highest.actions.len(), 1);
}

#[test]
fn heals_the_newest_record_and_names_it() {
    let plan = planned_with(&[("deployed", Other, 0), ("pending-upgrade", Other, 0)], |_| {});
    let [Action::Heal { namespace, release, revision, .. }] = plan.actions.as_slice() else { panic!() };
    assert_eq!((namespace.as_str(), release.as_str(), revision), ("dev", "dev-app", &2));
}

#[test]
fn a_record_that_cannot_be_healed_is_not_tried_at_each_wake_up() {
    let tried = |release: &mut ReleaseView| {
        let healing = Action::Heal {
            object: release.id.clone(),
            namespace: "dev".to_owned(),
            release: "dev-app".to_owned(),
            revision: 1,
        };
        release.attempt = Some(Attempt { tried: healing.tried(), failures: 1, at: Timestamp(999_000) });
    };
    let waits = "failed before with the same chart and values; tried again at 1970-01-01T00:16:49Z";
    check(&[("pending-install", Other, 0)], tried, waits);
}

#[test]
fn of_two_that_make_one_release_the_first_gets_it() {
    let named = |name: &str| {
        let mut release = release(name);
        release.spec.as_mut().unwrap().release_name = "same".to_owned();
        release
    };
    let plan = planned(&view(vec![named("a"), named("b"), release("c")]));
    let decided: Vec<_> = plan.rows.into_iter().map(|row| row.decided).collect();
    assert_eq!(decided, [Ok("install"), Err(Kept::Foreign { owner: "dev/a".to_owned() }), Ok("install")]);
}

#[test]
fn a_release_whose_helm_release_is_gone_is_uninstalled() {
    let orphan = orphan("old");
    let with = |orphan: &Orphan| planned(&ReleasesView { orphans: vec![orphan.clone()], ..view(Vec::new()) });
    let uninstall = Action::Uninstall(orphan.clone());
    assert_eq!(with(&orphan).actions, std::slice::from_ref(&uninstall));
    // One that fails is not tried at each wake-up.
    let attempt = |at| Some(Attempt { tried: uninstall.tried(), failures: 2, at: Timestamp(at) });
    let waits = with(&Orphan { attempt: attempt(999_000), ..orphan.clone() });
    assert_eq!((waits.actions.len(), waits.wake), (0, Some(Timestamp(1_019_000))));
    assert_eq!(with(&Orphan { attempt: attempt(NOW.0 - 20_000), ..orphan }).actions.len(), 1);
}

#[test]
fn the_digest_of_inputs_sees_what_goes_in_and_nothing_else() {
    let base = inputs(&view(Vec::new()), &release("app"));
    let check = |change: fn(&mut ReleaseView), same: bool| {
        let mut release = release("app");
        change(&mut release);
        assert_eq!(inputs(&view(Vec::new()), &release) == base, same);
    };
    check(|_| {}, true);
    check(|release| release.secrets = Digest::of("hunter3"), false);
    check(|release| release.chart.as_mut().unwrap().digest = Digest::of("other"), false);
    check(|release| release.values = Ok(seal(vec![(Origin::Open, map(json!({"replicas": 2})))])), false);
    check(|release| release.spec.as_mut().unwrap().target_namespace = "other".to_owned(), false);
    check(|release| release.spec.as_mut().unwrap().reuse_values = true, false);
    // A new commit that leaves the chart alone, options, and what no transform looks at.
    check(|release| release.chart.as_mut().unwrap().revision = "9f86d08".to_owned(), true);
    check(|release| release.spec.as_mut().unwrap().timeout_seconds = 1, true);
    check(|release| release.generation = 9, true);
    check(|release| release.environment = None, true);
    check(|release| drop(release.labels.insert("a".to_owned(), "b".to_owned())), true);
}

#[test]
fn the_digest_of_inputs_sees_all_that_transforms_see() {
    let base = inputs(&view(Vec::new()), &with_transforms(release("app"), "size"));
    let check = |change: fn(&mut ReleaseView), same: bool| {
        let mut release = with_transforms(release("app"), "size");
        change(&mut release);
        assert_eq!(inputs(&view(Vec::new()), &release) == base, same);
    };
    check(|_| {}, true);
    check(|release| *release = with_transforms(release.clone(), "size,move"), false);
    check(|release| release.environment = Some("prod".to_owned()), false);
    check(|release| drop(release.labels.insert("a".to_owned(), "b".to_owned())), false);
    check(|release| drop(release.annotations.insert("a".to_owned(), "b".to_owned())), false);
    check(|release| drop(release.annotations.insert("rhumb.dev/config.size".to_owned(), "{a: 1}".to_owned())), false);
    let last = "kubectl.kubernetes.io/last-applied-configuration";
    let mut applied = with_transforms(release("app"), "size");
    applied.annotations.insert(last.to_owned(), "{}".to_owned());
    assert_eq!(inputs(&view(Vec::new()), &applied), base);
    let mut other = view(Vec::new());
    let (component, kind) = (Digest::of("new build"), Kind::ValueTransform);
    let info = PolicyInfo { component, kind, wants_metadata: false, evidence: BTreeSet::new() };
    other.policies = Policies::new(BTreeMap::from([(PolicyName::new("size"), info)]), Ok(BTreeMap::new()));
    assert_ne!(inputs(&other, &with_transforms(release("app"), "size")), base);
}
