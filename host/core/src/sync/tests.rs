use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::id::Revision;
use crate::manifest::{File, load};

/// A view of these files' text; `ConfigMap`, `Deployment`, `Thing` of two versions live in namespaces, the others of
/// these kinds in the cluster.
fn view(text: &str, collect: Collect) -> SyncView {
    let namespaced =
        [("v1", "ConfigMap"), ("apps/v1", "Deployment"), ("x.io/v1", "Thing"), ("x.io/v2", "Thing"), ("v1", "Secret")];
    let cluster = [("v1", "Namespace"), ("rbac.authorization.k8s.io/v1", "ClusterRole")];
    let scope = |scope| move |(version, kind): (&str, &str)| ((version.to_owned(), kind.to_owned()), scope);
    SyncView {
        revision: Revision::new("0123456789"),
        manifests: load(&[File { path: "a.yaml".to_owned(), data: text.as_bytes().to_vec() }]),
        scopes: namespaced
            .map(scope(Scope::Namespaced))
            .into_iter()
            .chain(cluster.map(scope(Scope::Cluster)))
            .collect(),
        live: BTreeMap::new(),
        previous: BTreeMap::new(),
        collect,
    }
}

fn object(version: &str, kind: &str, name: &str, more: &str) -> String {
    format!("---\napiVersion: {version}\nkind: {kind}\nmetadata: {{name: {name}}}\n{more}\n")
}

/// Carries a plan out as the cluster would, and remembers what the next pass needs.
fn carry_out(view: &mut SyncView, plan: &Plan) -> Status {
    let outcomes: Vec<Outcome> = plan
        .actions
        .iter()
        .map(|action| match action {
            Action::Apply { key, digest, .. } => {
                let uid = format!("uid of {key}");
                let live = view.live.entry(key.clone()).or_insert(Live { uid, ..Live::default() });
                live.version = format!("after {}", digest.short());
                Outcome::Applied(Applied { uid: live.uid.clone(), version: live.version.clone() })
            }
            Action::Delete { key, uid } => {
                let live = view.live.remove(key).expect("only what lives is deleted");
                assert_eq!(live.uid, *uid);
                Outcome::Deleted
            }
        })
        .collect();
    let status = status(&view.revision, plan, &view.manifests.problems, &outcomes);
    for (key, previous) in status.remember.clone() {
        match previous {
            Some(previous) => view.previous.insert(key, previous),
            None => view.previous.remove(&key),
        };
    }
    status
}

/// A view in which this text was applied, and which now reads another.
fn applied(before: &str, after: &str, collect: Collect) -> SyncView {
    let mut view = view(before, collect);
    let first = plan(&view);
    let _status = carry_out(&mut view, &first);
    let SyncView { manifests, .. } = self::view(after, collect);
    SyncView { manifests, ..view }
}

fn check(view: &SyncView, expected: &[&str]) {
    let plan = plan(view);
    let rows: Vec<String> = plan
        .rows
        .iter()
        .map(|row| match &row.decided {
            Ok(word) => format!("{}: {word}", row.object),
            Err(kept) => format!("{}: {kept:?}", row.object),
        })
        .collect();
    assert_eq!(rows, expected);
    assert_eq!(plan.actions.len(), plan.rows.iter().filter(|row| row.decided.is_ok()).count());
}

#[test]
fn applies_by_rank_and_then_by_name() {
    let text = [
        object("x.io/v1", "Thing", "a", ""),
        object("apps/v1", "Deployment", "b", ""),
        object("apps/v1", "Deployment", "a", ""),
        object("v1", "ConfigMap", "c", ""),
        object("rbac.authorization.k8s.io/v1", "ClusterRole", "z", ""),
        object("v1", "Namespace", "ns", ""),
    ];
    let expected = [
        "Namespace ns: create",
        "ClusterRole z: create",
        "ConfigMap default/c: create",
        "Deployment default/a: create",
        "Deployment default/b: create",
        "Thing default/a: create",
    ];
    check(&view(&text.concat(), Collect::Off), &expected);
}

#[test]
fn objects_get_the_namespace_that_they_have() {
    let text = "apiVersion: v1\nkind: Namespace\nmetadata: {name: ns, namespace: x}\n".to_owned()
        + &object("v1", "Secret", "s", "");
    let plan = plan(&view(&text, Collect::Off));
    let namespaces: Vec<_> = plan
        .actions
        .iter()
        .map(|action| match action {
            Action::Apply { object, .. } => object.pointer("/metadata/namespace").cloned(),
            Action::Delete { .. } => None,
        })
        .collect();
    assert_eq!(namespaces, [None, Some(serde_json::json!("default"))]);
}

#[test]
fn says_what_changed_and_where() {
    let text = object("v1", "ConfigMap", "a", "data: {x: y1}");
    let mut applied = applied(&text, &text, Collect::Off);
    check(&applied, &["ConfigMap default/a: Unchanged"]);
    // Comments, quotes and order are no change.
    applied.manifests = view(&object("v1", "ConfigMap", "a", "data: {'x': \"y1\"} # why"), Collect::Off).manifests;
    check(&applied, &["ConfigMap default/a: Unchanged"]);
    applied.manifests = view(&object("v1", "ConfigMap", "a", "data: {x: z}"), Collect::Off).manifests;
    check(&applied, &["ConfigMap default/a: update"]);
    applied.manifests = view(&text, Collect::Off).manifests;
    applied.live.values_mut().for_each(|live| live.version = "edited".to_owned());
    check(&applied, &["ConfigMap default/a: restore"]);
    applied.live.values_mut().for_each(|live| live.ignored = true);
    check(&applied, &["ConfigMap default/a: IgnoredInCluster"]);
    applied.live.clear();
    check(&applied, &["ConfigMap default/a: create"]);
    let ignored = text.replace("name: a", "name: a, annotations: {fluxcd.io/ignore: 'true'}");
    check(&view(&ignored, Collect::Off), &["ConfigMap default/a: IgnoredInGit"]);
    let mut taken_over = self::applied(&text, &text, Collect::Off);
    taken_over.previous.clear();
    check(&taken_over, &["ConfigMap default/a: take over"]);
}

#[test]
fn one_bad_object_does_not_stop_the_others() {
    let text = object("y.io/v1", "Unknown", "u", "") + &object("v1", "ConfigMap", "a", "") + "---\nkind: Pod\n";
    let view = view(&text, Collect::On);
    check(&view, &["ConfigMap default/a: create", "<cluster>:unknown/u: UnknownKind(\"y.io/v1 Unknown\")"]);
    let plan = plan(&view);
    let status = status(&view.revision, &plan, &view.manifests.problems, &[Outcome::Failed("forbidden".to_owned())]);
    let problems: Vec<String> = status.problems.iter().map(ToString::to_string).collect();
    let expected = [
        "a.yaml:12: Pod has no metadata.name",
        "a.yaml:7: ConfigMap default/a: forbidden",
        "a.yaml:2: the cluster does not know y.io/v1 Unknown; it is applied once its definition is there",
    ];
    assert_eq!(problems, expected);
    assert_eq!((status.changed, status.kept, status.remember.len()), (0, 0, 0));
}

#[test]
fn two_that_become_one_object_are_both_left() {
    let of = |namespace: &str| {
        format!("---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: ns, namespace: {namespace}}}\n")
    };
    check(&view(&(of("a") + &of("b")), Collect::Off), &["Namespace ns: Duplicate", "Namespace ns: Duplicate"]);
}

#[test]
fn collects_what_left_git_in_the_opposite_order() {
    let kept = object("v1", "ConfigMap", "kept", "");
    let all = kept.clone() + &object("v1", "Namespace", "ns", "") + &object("apps/v1", "Deployment", "d", "");
    let unchanged = "ConfigMap default/kept: Unchanged";
    check(&applied(&all, &kept, Collect::On), &[unchanged, "Deployment default/d: delete", "Namespace ns: delete"]);
    check(
        &applied(&all, &kept, Collect::Off),
        &[unchanged, "Deployment default/d: NotCollected", "Namespace ns: NotCollected"],
    );
    let broken = kept.clone() + "---\nkind: Pod\n";
    let paused = ["Deployment default/d: CollectionPaused", "Namespace ns: CollectionPaused"];
    check(&applied(&all, &broken, Collect::On), &[&[unchanged], paused.as_slice()].concat());
    // A branch without any object is taken for a mistake.
    check(&applied(&kept, "", Collect::On), &["ConfigMap default/kept: CollectionPaused"]);
}

#[test]
fn deletes_only_what_is_surely_gone_from_git() {
    let kept = object("v1", "ConfigMap", "kept", "");
    let thing = object("x.io/v1", "Thing", "t", "");
    let before = kept.clone() + &thing;
    let unchanged = "ConfigMap default/kept: Unchanged";
    // Another version of its API is the same object.
    let newer = kept.clone() + &object("x.io/v2", "Thing", "t", "");
    check(&applied(&before, &newer, Collect::On), &[unchanged, "Thing default/t: create"]);
    // So is one that the cluster does not know just now.
    let mut unknown = applied(&before, &before, Collect::On);
    unknown.scopes.retain(|(_, kind), _| kind != "Thing");
    check(&unknown, &[unchanged, "<cluster>:thing/t: UnknownKind(\"x.io/v1 Thing\")"]);
    // Somebody else made it anew.
    let mut anew = applied(&before, &kept, Collect::On);
    anew.live.values_mut().for_each(|live| live.uid.push('2'));
    check(&anew, &["ConfigMap default/kept: restore"]);
    let mut ignored = applied(&before, &kept, Collect::On);
    ignored.live.values_mut().for_each(|live| live.ignored = true);
    check(&ignored, &["ConfigMap default/kept: IgnoredInCluster", "Thing default/t: IgnoredInCluster"]);
    let sync_only = before.replace("name: t", "name: t, annotations: {fluxcd.io/ignore: sync_only}");
    check(&applied(&sync_only, &kept, Collect::On), &[unchanged, "Thing default/t: IgnoredInCluster"]);
}

#[test]
fn what_is_gone_everywhere_is_forgotten() {
    let kept = object("v1", "ConfigMap", "kept", "");
    let mut gone = applied(&(kept.clone() + &object("v1", "Secret", "s", "")), &kept, Collect::Off);
    gone.live.retain(|key, _| key.kind != "Secret");
    let plan = plan(&gone);
    assert_eq!(plan.forget.len(), 1);
    let _status = carry_out(&mut gone, &plan);
    assert_eq!(gone.previous.len(), 1);
}

#[test]
fn asks_for_what_git_has_and_what_was_applied() {
    let applied = applied(&object("v1", "ConfigMap", "a", ""), &object("v1", "Secret", "s", ""), Collect::Off);
    let keys: Vec<String> = keys(&applied).iter().map(ToString::to_string).collect();
    assert_eq!(keys, ["ConfigMap default/a", "Secret default/s"]);
}

fn texts() -> impl Strategy<Value = String> {
    let kind = prop_oneof![
        Just(("v1", "ConfigMap")),
        Just(("v1", "Namespace")),
        Just(("apps/v1", "Deployment")),
        Just(("x.io/v1", "Thing")),
        Just(("x.io/v2", "Thing")),
        Just(("y.io/v1", "Unknown")),
    ];
    let ignore = prop_oneof![Just(""), Just("true"), Just("sync_only")];
    let object = (kind, "[ab]", ignore, "[xyz]{2}").prop_map(|((version, kind), name, ignore, data)| {
        object(version, kind, &name, &format!("data: {data}1"))
            .replace("}\n", &format!(", annotations: {{fluxcd.io/ignore: '{ignore}'}}}}\n"))
    });
    proptest::collection::vec(object, 0..8).prop_map(|objects| objects.concat())
}

proptest! {
    #[test]
    fn a_plan_after_a_successful_apply_is_empty(texts in proptest::collection::vec(texts(), 1..4), on in any::<bool>()) {
        let collect = if on { Collect::On } else { Collect::Off };
        let mut world = view("", collect);
        for text in texts {
            world.manifests = view(&text, collect).manifests;
            let first = plan(&world);
            let status = carry_out(&mut world, &first);
            prop_assert_eq!(status.changed, first.actions.len());
            let second = plan(&world);
            prop_assert_eq!(second.actions, []);
            prop_assert_eq!(second.forget, []);
        }
    }
}
