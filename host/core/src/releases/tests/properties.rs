use proptest::prelude::*;

use super::*;

fn history() -> impl Strategy<Value = Vec<Head>> {
    let status = prop_oneof![
        Just("deployed"),
        Just("failed"),
        Just("superseded"),
        Just("uninstalled"),
        Just("pending-upgrade"),
        Just("pending-install")
    ];
    let owner =
        prop_oneof![3 => Just(Some("dev/app".to_owned())), 1 => Just(None), 1 => Just(Some("prod/app".to_owned()))];
    let head = (status, owner, 0..2_000_000u64, any::<bool>())
        .prop_map(|(status, owner, at, same)| Head { owner, ..head(0, status, same.then(|| Digest::of("other")), at) });
    proptest::collection::vec(head, 0..5)
        .prop_map(|heads| (1..).zip(heads).map(|(revision, head)| Head { revision, ..head }).collect())
}

/// Carries a plan out: a record that is deployed with the inputs, or one that is marked as failed.
fn carry_out(view: &mut ReleasesView, plan: &Plan) {
    for action in &plan.actions {
        match action {
            Action::Install(ready) | Action::Upgrade(ready) => {
                let release = view.releases.iter_mut().find(|release| release.id == ready.object).unwrap();
                assert!(release.history.iter().all(|head| head.revision < ready.revision));
                let inputs = Some(ready.inputs.clone());
                release.history.push(head(ready.revision, "deployed", inputs, view.now.0));
            }
            Action::Heal { object, revision, .. } => {
                let release = view.releases.iter_mut().find(|release| release.id == *object).unwrap();
                let healed = release.history.iter_mut().find(|head| head.revision == *revision).unwrap();
                healed.status = "failed".to_owned();
            }
            Action::Uninstall(orphan) => view.orphans.retain(|other| other != orphan),
        }
    }
}

proptest! {
    #[test]
    fn a_plan_after_a_successful_apply_is_empty(history in history(), transforms in "(size|move|fail|nope|forge)?") {
        let release = ReleaseView { history, ..with_transforms(release("app"), &transforms) };
        let mut view = view(vec![release]);
        // A record that a crash left takes one pass more.
        for _ in 0..2 {
            let plan = planned(&view);
            carry_out(&mut view, &plan);
        }
        prop_assert_eq!(planned(&view).actions, []);
    }

    #[test]
    fn what_is_in_flight_is_left_alone(history in history()) {
        let mut view = view(vec![ReleaseView { history, ..release("app") }]);
        view.orphans.push(Orphan { namespace: "dev".to_owned(), name: "gone".to_owned(), owner: "dev/gone".to_owned() });
        for action in planned(&view).actions {
            let (namespace, name) = action.release();
            view.in_flight.insert((namespace.to_owned(), name.to_owned()));
        }
        prop_assert_eq!(planned(&view).actions, []);
    }

    #[test]
    fn a_release_that_waits_is_due_at_last(history in history()) {
        let mut view = view(vec![ReleaseView { history, ..release("app") }]);
        if let Some(wake) = planned(&view).wake {
            prop_assert!(wake > view.now);
            view.now = wake;
            prop_assert_eq!(planned(&view).actions.len(), 1);
        }
    }
}
