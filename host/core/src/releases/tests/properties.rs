use proptest::prelude::*;

use super::*;

fn history() -> impl Strategy<Value = Vec<Head>> {
    let status = prop_oneof![
        3 => Just("deployed"),
        3 => Just("failed"),
        1 => Just("superseded"),
        1 => Just("uninstalled"),
        1 => Just("pending-upgrade"),
        1 => Just("pending-install"),
        1 => Just("pending-rollback"),
        1 => Just("unknown"),
    ];
    let owner =
        prop_oneof![3 => Just(Some("dev/app".to_owned())), 1 => Just(None), 1 => Just(Some("prod/app".to_owned()))];
    let inputs =
        || prop_oneof![1 => Just(None), 1 => Just(Some(Digest::of("other"))), 2 => Just(Some(current_inputs()))];
    let tests = prop_oneof![
        3 => Just(None),
        1 => Just(Some(Tested::Passed)),
        1 => (1..4u32).prop_map(|times| Some(Tested::Failed { times }))
    ];
    let rolled_back = (inputs(), 1..8u32).prop_map(|(inputs, count)| inputs.map(|inputs| RolledBack { inputs, count }));
    let generation = prop_oneof![Just(None), Just(Some(3)), Just(Some(2))];
    let marks = (owner, inputs(), tests, prop_oneof![2 => Just(None), 1 => rolled_back], generation, any::<bool>());
    let head = (status, 0..2_000_000u64, marks).prop_map(|(status, at, marks)| {
        let (owner, inputs, tests, rolled_back, generation, interrupted) = marks;
        let marks = Marks { owner, inputs, tests, rolled_back, generation, interrupted, chart_revision: None };
        Head { revision: 0, status: status.to_owned(), at: Timestamp(at), marks }
    });
    proptest::collection::vec(head, 0..6)
        .prop_map(|heads| (1..).zip(heads).map(|(revision, head)| Head { revision, ..head }).collect())
}

fn current_inputs() -> Digest {
    inputs(&view(Vec::new()), &release("app")).unwrap()
}

/// A release `dev/app` with this history, and what may be asked of it.
fn asked(history: Vec<Head>, rollback: usize, tests: usize) -> ReleaseView {
    let mut release = ReleaseView { history, ..release("app") };
    let spec = release.spec.as_mut().unwrap();
    let retries = [Retries::Never, Retries::AtMost(2), Retries::Unlimited];
    spec.rollback = retries.get(rollback).map(|retries| rollbacks::rollback(*retries));
    spec.tests = [true, false].get(tests).map(|ignore| Tests { ignore_failures: *ignore, timeout_seconds: 1 });
    release
}

fn of<'a>(view: &'a mut ReleasesView, object: &ObjectId) -> &'a mut ReleaseView {
    view.releases.iter_mut().find(|release| release.id == *object).unwrap()
}

fn supersede(release: &mut ReleaseView) {
    for head in release.history.iter_mut().filter(|head| head.status == "deployed") {
        head.status = "superseded".to_owned();
    }
}

/// Carries a plan out: a record that is deployed with the inputs, one that came back, one that is marked.
fn carry_out(view: &mut ReleasesView, plan: &Plan) {
    let now = view.now;
    for action in &plan.actions {
        match action {
            Action::Install(ready) | Action::Upgrade(ready) => {
                let release = of(view, &ready.object);
                assert!(release.history.iter().all(|head| head.revision < ready.revision));
                supersede(release);
                let mut new = head(ready.revision, "deployed", Some(ready.inputs.clone()), now.0);
                new.marks.generation = Some(ready.generation);
                release.history.push(new);
            }
            Action::Rollback(rollback) => {
                let release = of(view, &rollback.object);
                let newest = release.history.last().unwrap();
                assert!(newest.revision == rollback.from && rollback.back.to < rollback.from);
                let to = release.history.iter().find(|head| head.revision == rollback.back.to).unwrap();
                let inputs = to.marks.inputs.clone();
                let mut new = head(rollback.from + 1, "deployed", inputs, now.0);
                new.marks.rolled_back = Some(rollback.back.takes_back.clone());
                new.marks.generation = rollback.generation;
                release.history.push(new);
            }
            Action::Test(test) => {
                let head = of(view, &test.object).history.last_mut().unwrap();
                assert_eq!(head.revision, test.tests.revision);
                head.marks.tests = Some(Tested::Passed);
            }
            Action::Resume(unfinished) => {
                let release = of(view, &unfinished.object);
                supersede(release);
                let resumed = release.history.iter_mut().find(|head| head.revision == unfinished.revision).unwrap();
                resumed.status = "deployed".to_owned();
            }
            Action::Heal { object, revision, .. } => {
                let healed = of(view, object).history.iter_mut().find(|head| head.revision == *revision).unwrap();
                healed.status = "failed".to_owned();
                healed.marks.interrupted = true;
                healed.at = now;
            }
            Action::Uninstall(orphan) => view.orphans.retain(|other| other != orphan),
        }
    }
}

proptest! {
    #[test]
    fn a_plan_after_a_successful_apply_is_empty(
        (history, rollback, tests) in (history(), 0..4usize, 0..3usize),
        transforms in "(size|move|fail|nope|forge)?",
    ) {
        let release = with_transforms(asked(history, rollback, tests), &transforms);
        let mut view = view(vec![release]);
        // A record that a crash left takes one pass more, and tests come after the release.
        for _ in 0..4 {
            let plan = planned(&view);
            carry_out(&mut view, &plan);
        }
        prop_assert_eq!(planned(&view).actions, []);
    }

    #[test]
    fn what_works_at_last_is_in_sync_at_last(history in history(), rollback in 0..4usize, tests in 0..3usize) {
        let mut view = view(vec![asked(history, rollback, tests)]);
        for _ in 0..12 {
            let plan = planned(&view);
            carry_out(&mut view, &plan);
            view.now = plan.wake.unwrap_or(view.now);
        }
        let plan = planned(&view);
        let ends = matches!(
            plan.rows[0].decided,
            Err(Kept::InSync | Kept::RolledBack { until: None, .. })
        );
        prop_assert!(ends, "{:?} {:?}", plan.rows, view.releases[0].history);
    }

    #[test]
    fn what_always_fails_is_tried_ever_later_and_keeps_its_arithmetic(
        rollback in 0..4usize,
        tests in 0..3usize,
        fails in proptest::collection::vec(any::<bool>(), 30),
    ) {
        // Once good, then asked for something that fails in its objects or in its tests.
        let good = head(1, "deployed", Some(Digest::of("good")), 0);
        let mut view = view(vec![asked(vec![good], rollback, tests)]);
        let mut actions = 0;
        for objects in fails {
            let plan = planned(&view);
            actions += plan.actions.len();
            let is_test = matches!(plan.actions.as_slice(), [Action::Test(_)]);
            let is_release = matches!(plan.actions.as_slice(), [Action::Upgrade(_)]);
            carry_out(&mut view, &plan);
            let newest = view.releases[0].history.last_mut().unwrap();
            if is_release && (objects || tests == 2) {
                newest.status = "failed".to_owned();
            }
            if is_test {
                newest.marks.tests = Some(Tested::Failed { times: 1 });
            }
            prop_assert!(plan.wake.is_none_or(|wake| wake > view.now));
            if plan.actions.is_empty() {
                view.now = plan.wake.unwrap_or(view.now);
            }
        }
        let counts = view.releases[0].history.iter().filter_map(|head| Some(head.marks.rolled_back.as_ref()?.count));
        let most = [1, 3, u32::MAX, 0][rollback];
        prop_assert!(counts.max().unwrap_or(0) <= most);
        prop_assert!(actions > 0);
    }

    #[test]
    fn what_is_in_flight_is_left_alone(history in history(), rollback in 0..4usize, tests in 0..3usize) {
        let mut view = view(vec![asked(history, rollback, tests)]);
        view.orphans.push(orphan("gone"));
        for action in planned(&view).actions {
            let (namespace, name) = action.release();
            view.in_flight.insert((namespace.to_owned(), name.to_owned()));
        }
        prop_assert_eq!(planned(&view).actions, []);
    }

    #[test]
    fn what_failed_without_a_record_is_held_off(history in history(), rollback in 0..4usize, tests in 0..3usize) {
        let mut view = view(vec![asked(history, rollback, tests)]);
        view.orphans.push(orphan("gone"));
        for action in planned(&view).actions {
            let attempt = Some(Attempt { tried: action.tried(), failures: 1, at: view.now });
            match action.object() {
                Some(object) => of(&mut view, object).attempt = attempt,
                None => view.orphans[0].attempt = attempt,
            }
        }
        let plan = planned(&view);
        prop_assert_eq!(plan.actions, []);
        prop_assert!(plan.wake.is_some_and(|wake| wake > view.now));
    }

    #[test]
    fn a_release_that_waits_is_due_at_last(history in history(), rollback in 0..4usize, tests in 0..3usize) {
        let mut view = view(vec![asked(history, rollback, tests)]);
        if let Some(wake) = planned(&view).wake {
            prop_assert!(wake > view.now);
            view.now = wake;
            prop_assert_eq!(planned(&view).actions.len(), 1);
        }
    }
}
