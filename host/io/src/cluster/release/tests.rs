use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rhumb_core::chain::chain;
use rhumb_core::id::{Digest, Timestamp};
use rhumb_core::releases::{Marks, RolledBack, Tested};
use rhumb_helm::Rendered;
use rhumb_helm::record::{Hook, Status};
use serde_json::{Map, Value, json};

use super::*;
use crate::cluster::error::Kind;
use crate::cluster::fake::{Api, status};
use crate::cluster::records::Stored;
use crate::cluster::{Cluster, Key};

const NOW: Timestamp = Timestamp(1_795_444_500_000);
const CLOCK: Clock<'static> = Clock(&|| NOW);
const REDACT: Redact<'static> = Redact(&|text| text.replace("hunter2", "***"));

static WORKER: LazyLock<Worker> = LazyLock::new(Worker::alone);

fn context() -> Context<'static> {
    Context { owner: ("hr", "app"), settings: Settings::default(), worker: &WORKER, clock: CLOCK, redact: REDACT }
}

/// What a test releases; the rest is the same everywhere.
struct Chart {
    rendered: Rendered,
    chart: Value,
    config: Map<String, Value>,
    marks: Marks,
    settings: Settings,
}

impl Chart {
    fn new(documents: &[Value]) -> Self {
        let manifest: String =
            documents.iter().map(|document| format!("---\n# Source: app/templates/x.yaml\n{document}\n")).collect();
        let objects = rhumb_helm::parse_manifest(&manifest).unwrap();
        Self {
            rendered: Rendered { manifest, objects, notes: "hello".to_owned(), ..Rendered::default() },
            chart: json!({ "metadata": { "name": "app", "version": "1.0.0" } }),
            config: Map::new(),
            marks: Marks { owner: Some("hr/app".to_owned()), inputs: Some(Digest::of("inputs")), ..Marks::default() },
            settings: Settings { timeout: Duration::from_millis(300), ..Settings::default() },
        }
    }

    fn hook(mut self, name: &str, event: &str, weight: i64, policies: &[&str]) -> Self {
        let job = json!({ "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": name }, "spec": {} });
        self.rendered.hooks.push(Hook {
            name: name.to_owned(),
            kind: "Job".to_owned(),
            path: format!("app/templates/{name}.yaml"),
            manifest: job.to_string(),
            events: vec![event.to_owned()],
            weight,
            delete_policies: policies.iter().map(|policy| (*policy).to_owned()).collect(),
            ..Hook::default()
        });
        self
    }

    fn work(&self, revision: u32) -> Work<'_> {
        Work {
            owner: ("hr", "app"),
            marks: &self.marks,
            release: "app",
            namespace: "dev",
            revision,
            chart: &self.chart,
            config: &self.config,
            rendered: &self.rendered,
            settings: self.settings,
            worker: &WORKER,
            redact: REDACT,
        }
    }
}

fn map(name: &str, text: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name }, "data": { "text": text } })
}

fn deployment(name: &str) -> Value {
    json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": name }, "spec": { "replicas": 2 } })
}

fn map_path(name: &str) -> String {
    format!("/api/v1/namespaces/dev/configmaps/{name}")
}

async fn history(cluster: &Cluster) -> Vec<Stored> {
    cluster.history("dev", "app").await.unwrap()
}

async fn shown(cluster: &Cluster) -> Vec<(u32, Status, String)> {
    let all = history(cluster).await;
    all.into_iter().map(|one| (one.release.version, one.release.info.status, one.release.info.description)).collect()
}

fn done(report: &Report) {
    assert!(report.is_success(), "{}", chain(report.error.as_ref().unwrap()));
}

#[tokio::test]
async fn installs_and_upgrades_with_helms_history() {
    let api = Api::new();
    let cluster = api.cluster();
    let mut first = Chart::new(&[map("a", "1"), map("old", "1"), deployment("app")]);
    first.settings.wait = Wait::Ready;
    let report = cluster.install(&first.work(1), &[], CLOCK).await;
    done(&report);
    assert_eq!((report.revision, report.status), (Some(1), Some(Status::Deployed)));
    let object = api.object(&map_path("a")).unwrap();
    assert_eq!(object["metadata"]["labels"]["app.kubernetes.io/managed-by"], "Helm");
    assert_eq!(object["metadata"]["annotations"]["meta.helm.sh/release-name"], "app");
    assert_eq!(object["metadata"]["annotations"]["meta.helm.sh/release-namespace"], "dev");
    assert_eq!(object["metadata"]["annotations"]["helm.fluxcd.io/antecedent"], "hr:helmrelease/app");

    let second = Chart::new(&[map("a", "2"), deployment("app")]);
    done(&cluster.upgrade(&second.work(2), &history(&cluster).await, CLOCK).await);
    assert_eq!(
        shown(&cluster).await,
        [(1, Status::Superseded, "Install complete".to_owned()), (2, Status::Deployed, "Upgrade complete".to_owned()),]
    );
    assert_eq!(api.object(&map_path("a")).unwrap()["data"]["text"], "2");
    assert_eq!(api.object(&map_path("old")), None);

    let secret = api.object("/api/v1/namespaces/dev/secrets/sh.helm.release.v1.app.v1").unwrap();
    assert_eq!(secret["type"], "helm.sh/release.v1");
    let labels = &secret["metadata"]["labels"];
    assert_eq!(
        (&labels["owner"], &labels["status"], &labels["version"]),
        (&json!("helm"), &json!("superseded"), &json!("1"))
    );
    assert_eq!((&labels["modifiedAt"], &labels["createdAt"]), (&json!("1795444500"), &Value::Null));
    let newest = history(&cluster).await.pop().unwrap();
    assert_eq!(newest.annotations["rhumb.dev/helmrelease"], "hr/app");
    assert_eq!(newest.annotations["rhumb.dev/inputs"], Digest::of("inputs").as_str());
    assert_eq!(newest.release.info.notes, "hello");
    assert_eq!(newest.release.info.last_deployed, "2026-11-23T14:35:00Z");
    let heads = cluster.heads().await.unwrap();
    let heads: Vec<_> = heads.iter().map(|head| (head.release.as_str(), head.version, head.status.as_str())).collect();
    assert_eq!(heads, [("app", 1, "superseded"), ("app", 2, "deployed")]);
}

#[tokio::test]
async fn takes_over_nothing_that_belongs_to_another() {
    let api = Api::new();
    let cluster = api.cluster();
    api.put(&map_path("a"), map("a", "theirs"));
    let chart = Chart::new(&[map("b", "1"), map("a", "1")]);
    let report = cluster.install(&chart.work(1), &[], CLOCK).await;
    let error = report.error.unwrap();
    assert!(matches!(*error.kind, Kind::Conflict { .. }));
    assert!(chain(&error).contains("`dev:configmap/a` exists and belongs to no release"), "{}", chain(&error));
    assert_eq!((report.revision, history(&cluster).await.len()), (None, 0));
    assert_eq!(api.object(&map_path("b")), None);

    let mut ours = map("a", "theirs");
    ours["metadata"]["labels"] = json!({ "app.kubernetes.io/managed-by": "Helm" });
    ours["metadata"]["annotations"] =
        json!({ "meta.helm.sh/release-name": "app", "meta.helm.sh/release-namespace": "dev" });
    api.put(&map_path("a"), ours);
    done(&cluster.install(&chart.work(1), &[], CLOCK).await);
    assert_eq!(api.object(&map_path("a")).unwrap()["data"]["text"], "1");
}

#[tokio::test]
async fn a_revision_that_another_wrote_first_is_an_error_of_its_own() {
    let api = Api::new();
    let cluster = api.cluster();
    done(&cluster.install(&Chart::new(&[map("a", "1")]).work(1), &[], CLOCK).await);
    let base = history(&cluster).await;
    done(&cluster.upgrade(&Chart::new(&[map("a", "2")]).work(2), &base, CLOCK).await);
    let report = cluster.upgrade(&Chart::new(&[map("a", "3")]).work(2), &base, CLOCK).await;
    assert!(matches!(*report.error.unwrap().kind, Kind::AlreadyExists));
    assert_eq!(report.revision, None);
    assert_eq!(api.object(&map_path("a")).unwrap()["data"]["text"], "2");
}

#[tokio::test]
async fn a_record_tells_no_secret() {
    let api = Api::new();
    let cluster = api.cluster();
    api.fault(|method, path| {
        (method == "PATCH" && path.contains("configmaps/hunter2?")).then(|| status(403, "Forbidden"))
    });
    let report = cluster.install(&Chart::new(&[map("hunter2", "1")]).work(1), &[], CLOCK).await;
    assert!(report.description.contains("failed to apply `dev:configmap/***`"), "{}", report.description);
    assert!(!format!("{:?}", shown(&cluster).await).contains("hunter2"));
}

#[tokio::test]
async fn a_failed_object_fails_the_record_and_the_next_upgrade_goes_on() {
    let api = Api::new();
    let cluster = api.cluster();
    let chart = Chart::new(&[map("a", "1"), map("refused", "1"), map("z", "1")]);
    api.fault(|method, path| {
        (method == "PATCH" && path.contains("configmaps/refused?")).then(|| status(403, "Forbidden"))
    });
    let report = cluster.install(&chart.work(1), &[], CLOCK).await;
    assert_eq!((report.revision, report.status), (Some(1), Some(Status::Failed)));
    let expected =
        r#"Release "app" failed: failed to apply `dev:configmap/refused`: refused by the cluster: it is Forbidden"#;
    assert_eq!(shown(&cluster).await, [(1, Status::Failed, expected.to_owned())]);
    assert_eq!(api.object(&map_path("z")), None);
    // An upgrade tries all the others.
    let report = cluster.upgrade(&chart.work(2), &history(&cluster).await, CLOCK).await;
    assert!(report.description.starts_with(r#"Upgrade "app" failed: failed to apply `dev:configmap/refused`"#));
    assert!(api.object(&map_path("z")).is_some());
    api.no_fault();
    done(&cluster.upgrade(&chart.work(3), &history(&cluster).await, CLOCK).await);
    let states: Vec<Status> = shown(&cluster).await.into_iter().map(|one| one.1).collect();
    assert_eq!(states, [Status::Failed, Status::Failed, Status::Deployed]);
}

#[tokio::test]
async fn a_process_killed_after_the_record_is_healed() {
    let api = Api::new();
    let cluster = api.cluster();
    done(&cluster.install(&Chart::new(&[map("a", "1")]).work(1), &[], CLOCK).await);
    // From its first object on, nothing of the killed process reaches the cluster.
    api.fault(|method, path| (path.contains("configmaps") || method == "PUT").then(|| status(500, "InternalError")));
    let chart = Chart::new(&[map("a", "2")]);
    let report = cluster.upgrade(&chart.work(2), &history(&cluster).await, CLOCK).await;
    assert_eq!((report.revision, report.status), (Some(2), None));
    api.no_fault();
    let left = history(&cluster).await;
    assert_eq!(left[1].release.info.status, Status::PendingUpgrade);
    cluster.heal(&left[1], CLOCK).await.unwrap();
    assert!(Marks::read(&history(&cluster).await[1].annotations).interrupted);
    let expected = r#"Upgrade "app" failed: the process was interrupted"#;
    assert_eq!(shown(&cluster).await[1], (2, Status::Failed, expected.to_owned()));
    done(&cluster.upgrade(&chart.work(3), &history(&cluster).await, CLOCK).await);
    let states: Vec<Status> = shown(&cluster).await.into_iter().map(|one| one.1).collect();
    assert_eq!(states, [Status::Superseded, Status::Failed, Status::Deployed]);
}

#[tokio::test]
async fn objects_of_failed_revisions_go_with_the_next_good_one() {
    let api = Api::new();
    let cluster = api.cluster();
    done(&cluster.install(&Chart::new(&[map("a", "1")]).work(1), &[], CLOCK).await);
    api.fault(|method, path| (method == "PATCH" && path.contains("maps/z?")).then(|| status(403, "Forbidden")));
    for revision in 2..4 {
        let chart = Chart::new(&[map("a", "2"), map(&format!("half-{revision}"), "1"), map("z", "1")]);
        let report = cluster.upgrade(&chart.work(revision), &history(&cluster).await, CLOCK).await;
        assert_eq!(report.status, Some(Status::Failed));
        assert!(api.object(&map_path(&format!("half-{revision}"))).is_some());
    }
    done(&cluster.upgrade(&Chart::new(&[map("a", "3")]).work(4), &history(&cluster).await, CLOCK).await);
    let maps: Vec<String> = api.paths().into_iter().filter(|path| path.contains("configmaps")).collect();
    assert_eq!(maps, [map_path("a")]);
}

#[tokio::test]
async fn hooks_run_in_order_and_leave_as_their_policies_say() {
    let api = Api::new();
    let cluster = api.cluster();
    let chart = Chart::new(&[map("a", "1")])
        .hook("second", "pre-install", 1, &["hook-succeeded"])
        .hook("first", "pre-install", -1, &[])
        .hook("after", "post-install", 0, &[])
        .hook("other", "pre-upgrade", 0, &[]);
    let ticks = AtomicU64::new(NOW.0);
    let tick = || Timestamp(ticks.fetch_add(1000, Ordering::SeqCst));
    done(&cluster.install(&chart.work(1), &[], Clock(&tick)).await);
    let made: Vec<String> =
        api.requests().into_iter().filter(|one| one.starts_with("POST") || one.starts_with("PATCH")).collect();
    // The record, two hooks, the object, one hook.
    assert_eq!(made.len(), 5, "{made:?}");
    let jobs: Vec<String> = api.paths().into_iter().filter(|path| path.contains("/jobs/")).collect();
    assert_eq!(jobs, ["/apis/batch/v1/namespaces/dev/jobs/after", "/apis/batch/v1/namespaces/dev/jobs/first"]);
    let hooks = history(&cluster).await.pop().unwrap().release.hooks;
    let phases: Vec<&str> = hooks.iter().map(|hook| hook.last_run.phase.as_str()).collect();
    assert_eq!(phases, ["Succeeded", "Succeeded", "Succeeded", ""]);
    let mut by_start: Vec<(&str, &str)> =
        hooks.iter().map(|hook| (hook.last_run.started_at.as_str(), hook.name.as_str())).collect();
    by_start.sort_unstable();
    assert_eq!(by_start.iter().map(|one| one.1).collect::<Vec<_>>(), ["other", "first", "second", "after"]);
    // The default policy makes room for the next run.
    done(&cluster.upgrade(&chart.work(2), &history(&cluster).await, CLOCK).await);
    done(&cluster.upgrade(&chart.work(3), &history(&cluster).await, CLOCK).await);
}

#[tokio::test]
async fn a_failed_hook_ends_the_action_before_anything_is_applied() {
    let api = Api::new();
    let cluster = api.cluster();
    let chart = Chart::new(&[map("a", "1")]).hook("fail", "pre-install", 0, &["hook-failed"]);
    let report = cluster.install(&chart.work(1), &[], CLOCK).await;
    assert_eq!(report.status, Some(Status::Failed));
    assert!(report.description.contains("pre-install hook `app/templates/fail.yaml` failed"), "{}", report.description);
    assert_eq!(api.object(&map_path("a")), None);
    assert_eq!(api.object("/apis/batch/v1/namespaces/dev/jobs/fail"), None);
    let mut without = chart;
    without.settings.hooks = HookRun::No;
    done(&cluster.upgrade(&without.work(2), &history(&cluster).await, CLOCK).await);
}

#[tokio::test]
async fn a_wait_that_takes_too_long_names_what_is_not_ready() {
    let api = Api::new();
    let cluster = api.cluster();
    let mut chart = Chart::new(&[deployment("stuck"), deployment("app")]);
    chart.settings.wait = Wait::Ready;
    let report = cluster.install(&chart.work(1), &[], CLOCK).await;
    assert!(
        report.description.ends_with("timed out waiting for the condition: dev:deployment/stuck (not observed yet)"),
        "{}",
        report.description
    );
}

#[tokio::test]
async fn rolls_back_to_an_earlier_revision_as_a_new_one() {
    let api = Api::new();
    let cluster = api.cluster();
    done(&cluster.install(&Chart::new(&[map("a", "1"), map("b", "1")]).work(1), &[], CLOCK).await);
    done(&cluster.upgrade(&Chart::new(&[map("a", "2"), map("c", "1")]).work(2), &history(&cluster).await, CLOCK).await);
    let all = history(&cluster).await;
    let marks = Marks {
        rolled_back: Some(RolledBack { inputs: Digest::of("bad"), count: 2 }),
        ..Marks::read(&all[0].annotations)
    };
    let report = cluster.rollback((&all[0], &marks), &all, &context()).await;
    done(&report);
    assert_eq!(Marks::read(&history(&cluster).await[2].annotations), marks);
    assert_eq!(
        shown(&cluster).await,
        [
            (1, Status::Superseded, "Install complete".to_owned()),
            (2, Status::Superseded, "Upgrade complete".to_owned()),
            (3, Status::Deployed, "Rollback to 1".to_owned()),
        ]
    );
    assert_eq!(api.object(&map_path("a")).unwrap()["data"]["text"], "1");
    assert!(api.object(&map_path("b")).is_some());
    assert_eq!(api.object(&map_path("c")), None);
}

#[tokio::test]
async fn uninstalls_everything_but_what_is_to_be_kept() {
    let api = Api::new();
    let cluster = api.cluster();
    let mut kept = map("kept", "1");
    kept["metadata"]["annotations"] = json!({ "helm.sh/resource-policy": "keep" });
    done(&cluster.install(&Chart::new(&[map("a", "1"), kept.clone()]).work(1), &[], CLOCK).await);
    done(&cluster.upgrade(&Chart::new(&[map("a", "1")]).work(2), &history(&cluster).await, CLOCK).await);
    assert!(api.object(&map_path("kept")).is_some());
    let chart = Chart::new(&[map("a", "1"), kept]).hook("bye", "pre-delete", 0, &["hook-succeeded"]);
    done(&cluster.upgrade(&chart.work(3), &history(&cluster).await, CLOCK).await);

    api.fault(|method, path| (method == "DELETE" && path.contains("configmaps")).then(|| status(403, "Forbidden")));
    let all = history(&cluster).await;
    let report = cluster.uninstall(&all, &context()).await;
    assert_eq!(report.status, Some(Status::Uninstalling));
    assert_eq!(shown(&cluster).await.len(), 3);
    api.no_fault();
    let all = history(&cluster).await;
    done(&cluster.uninstall(&all, &context()).await);
    assert_eq!(api.paths(), [map_path("kept")]);
    assert!(cluster.uninstall(&[], &context()).await.is_success());
}

#[tokio::test]
async fn a_record_that_no_secret_takes_is_refused_before_anything_is_done() {
    let api = Api::new();
    let cluster = api.cluster();
    let mut chart = Chart::new(&[map("a", "1")]);
    // Digests do not compress.
    let noise: String = (0..40_000).map(|n| Digest::of(format!("{n}")).to_string()).collect();
    chart.config.insert("noise".to_owned(), json!(noise));
    let report = cluster.install(&chart.work(1), &[], CLOCK).await;
    assert!(chain(&report.error.unwrap()).contains("the chart is too large: its record has"));
    assert_eq!(api.paths(), Vec::<String>::new());
}

#[tokio::test]
async fn keeps_as_many_records_as_asked_and_the_deployed_one() {
    let api = Api::new();
    let cluster = api.cluster();
    let mut chart = Chart::new(&[map("a", "1")]);
    chart.settings.max_history = 2;
    done(&cluster.install(&chart.work(1), &[], CLOCK).await);
    api.fault(|method, path| (method == "PATCH" && path.contains("configmaps")).then(|| status(403, "Forbidden")));
    for revision in 2..6 {
        let report = cluster.upgrade(&chart.work(revision), &history(&cluster).await, CLOCK).await;
        assert_eq!(report.status, Some(Status::Failed));
    }
    let revisions: Vec<u32> = shown(&cluster).await.into_iter().map(|one| one.0).collect();
    assert_eq!(revisions, [1, 5]);
}

#[tokio::test]
async fn makes_definitions_of_kinds_first_and_leaves_those_that_are_there() {
    let api = Api::new();
    let cluster = api.cluster();
    let definition = json!({ "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": { "name": "things.example.com" },
        "spec": { "group": "example.com", "versions": [{ "name": "v1" }] } });
    let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/things.example.com";
    let mut chart = Chart::new(&[map("a", "1")]);
    let file = rhumb_helm::File { path: "c/crds/things.json".to_owned(), data: definition.to_string().into_bytes() };
    chart.rendered.crds = vec![file.into()];
    done(&cluster.install(&chart.work(1), &[], CLOCK).await);
    assert!(api.object(path).is_some());
    assert_eq!(api.object(path).unwrap()["metadata"]["labels"], Value::Null);
    let all = history(&cluster).await;
    done(&cluster.uninstall(&all, &context()).await);
    assert!(api.object(path).is_some());
    done(&cluster.install(&chart.work(1), &[], CLOCK).await);
}

#[tokio::test]
async fn labels_that_people_put_on_records_stay_and_broken_records_are_left_out() {
    let api = Api::new();
    let cluster = api.cluster();
    done(&cluster.install(&Chart::new(&[map("a", "1")]).work(1), &[], CLOCK).await);
    let path = "/api/v1/namespaces/dev/secrets/sh.helm.release.v1.app.v1";
    let mut secret = api.object(path).unwrap();
    secret["metadata"]["labels"]["team"] = json!("blue");
    api.put(path, secret);
    let broken = json!({ "metadata": { "namespace": "dev", "name": "x", "labels": { "owner": "helm", "name": "app" } },
        "data": { "release": "bm9uc2Vuc2U=" } });
    api.put("/api/v1/namespaces/dev/secrets/x", broken);
    done(&cluster.upgrade(&Chart::new(&[map("a", "2")]).work(2), &history(&cluster).await, CLOCK).await);
    let all = history(&cluster).await;
    assert_eq!(all.len(), 2);
    let teams: Vec<Option<&String>> = all.iter().map(|stored| stored.labels.get("team")).collect();
    assert_eq!(teams, vec![Some(&"blue".to_owned()); 2]);
    assert_eq!(all[0].labels, {
        let expected = [
            ("modifiedAt", "1795444500"),
            ("name", "app"),
            ("owner", "helm"),
            ("status", "superseded"),
            ("team", "blue"),
            ("version", "1"),
        ];
        expected.map(|(k, v)| (k.to_owned(), v.to_owned())).into_iter().collect::<BTreeMap<_, _>>()
    });
}

#[tokio::test]
async fn an_object_of_a_kind_that_is_unknown_fails_by_name() {
    let api = Api::new();
    let cluster = api.cluster();
    let thing = json!({ "apiVersion": "example.com/v1", "kind": "Thing", "metadata": { "name": "t" } });
    let report = cluster.install(&Chart::new(&[map("a", "1"), thing]).work(1), &[], CLOCK).await;
    assert!(report.description.contains("cluster knows no kind `Thing` in `example.com/v1`"), "{}", report.description);
    assert!(cluster.get(&Key::new("v1", "ConfigMap", "dev", "a")).await.unwrap().is_some());
}

#[tokio::test]
async fn an_install_after_failed_ones_takes_away_what_they_left() {
    let api = Api::new();
    let cluster = api.cluster();
    api.fault(|method, path| (method == "PATCH" && path.contains("maps/z?")).then(|| status(403, "Forbidden")));
    let report = cluster.install(&Chart::new(&[map("half", "1"), map("z", "1")]).work(1), &[], CLOCK).await;
    assert_eq!(report.status, Some(Status::Failed));
    assert!(api.object(&map_path("half")).is_some());
    api.no_fault();
    let chart = Chart::new(&[map("a", "1")]).hook("first", "pre-install", 0, &[]);
    done(&cluster.install(&chart.work(2), &history(&cluster).await, CLOCK).await);
    let maps: Vec<String> = api.paths().into_iter().filter(|path| path.contains("configmaps")).collect();
    assert_eq!(maps, [map_path("a")]);
    assert!(api.object("/apis/batch/v1/namespaces/dev/jobs/first").is_some());
    let states: Vec<Status> = shown(&cluster).await.into_iter().map(|one| one.1).collect();
    assert_eq!(states, [Status::Failed, Status::Deployed]);
}

#[tokio::test]
async fn what_an_uninstalled_release_had_is_not_taken_from_those_who_have_it_now() {
    let api = Api::new();
    let cluster = api.cluster();
    done(&cluster.install(&Chart::new(&[map("a", "1"), map("b", "1")]).work(1), &[], CLOCK).await);
    let mut all = history(&cluster).await;
    all[0].release.info.status = Status::Uninstalled;
    done(&cluster.install(&Chart::new(&[map("a", "1")]).work(2), &all, CLOCK).await);
    assert!(api.object(&map_path("b")).is_some());
}

#[tokio::test]
async fn tests_are_run_and_noted_as_helm_notes_them() {
    let api = Api::new();
    let cluster = api.cluster();
    let good = Chart::new(&[map("a", "1")]).hook("good", "test", 0, &[]);
    done(&cluster.install(&good.work(1), &[], CLOCK).await);
    let run = async |failures| {
        let stored = history(&cluster).await.pop().unwrap();
        cluster.test(&stored, (Marks::read(&stored.annotations), failures), &context()).await.unwrap()
    };
    assert_eq!(run(0).await.failure, None);
    let newest = async || history(&cluster).await.pop().unwrap();
    let stored = newest().await;
    assert_eq!(Marks::read(&stored.annotations), Marks { tests: Some(Tested::Passed), ..good.marks.clone() });
    let last_run = &stored.release.hooks[0].last_run;
    assert_eq!((last_run.phase.as_str(), last_run.completed_at.as_str()), ("Succeeded", "2026-11-23T14:35:00Z"));
    assert_eq!(stored.release.info.status, Status::Deployed);

    let bad = Chart::new(&[map("a", "1")]).hook("fail", "test", 0, &[]).hook("never", "test", 1, &[]);
    done(&cluster.upgrade(&bad.work(2), &history(&cluster).await, CLOCK).await);
    let failure = run(2).await.failure.unwrap();
    assert!(failure.contains("test hook `app/templates/fail.yaml` failed"), "{failure}");
    let stored = newest().await;
    assert_eq!(Marks::read(&stored.annotations).tests, Some(Tested::Failed { times: 3 }));
    let phases: Vec<&str> = stored.release.hooks.iter().map(|hook| hook.last_run.phase.as_str()).collect();
    assert_eq!(phases, ["Failed", ""]);
    // What cannot be noted has not run.
    api.fault(|method, path| (method == "PUT" && path.contains("secrets")).then(|| status(403, "Forbidden")));
    assert!(cluster.test(&stored, (Marks::default(), 0), &context()).await.is_err());
}

#[tokio::test]
async fn a_rollback_keeps_what_it_goes_back_to_and_prunes_the_rest() {
    let api = Api::new();
    let cluster = api.cluster();
    done(&cluster.install(&Chart::new(&[map("a", "1")]).work(1), &[], CLOCK).await);
    for revision in 2..4 {
        done(&cluster.upgrade(&Chart::new(&[map("a", "2")]).work(revision), &history(&cluster).await, CLOCK).await);
    }
    let all = history(&cluster).await;
    let mut few = context();
    few.settings.max_history = 2;
    done(&cluster.rollback((&all[0], &Marks::default()), &all, &few).await);
    let revisions: Vec<u32> = shown(&cluster).await.into_iter().map(|one| one.0).collect();
    assert_eq!(revisions, [1, 3, 4], "the target, the newest deployed one before, the new one");
    assert_eq!(api.object(&map_path("a")).unwrap()["data"]["text"], "1");
}

#[tokio::test]
async fn an_upgrade_by_force_replaces_what_others_changed() {
    let api = Api::new();
    let cluster = api.cluster();
    let mut chart = Chart::new(&[map("a", "1"), map("new", "1")]);
    chart.settings.update = Update::Replace;
    // An install patches.
    done(&cluster.install(&Chart::new(&[map("a", "1")]).work(1), &[], CLOCK).await);
    let mut theirs = api.object(&map_path("a")).unwrap();
    theirs["data"]["more"] = json!("theirs");
    api.put(&map_path("a"), theirs);
    done(&cluster.upgrade(&chart.work(2), &history(&cluster).await, CLOCK).await);
    let object = api.object(&map_path("a")).unwrap();
    assert_eq!(object["data"], json!({ "text": "1" }));
    assert_eq!(object["metadata"]["annotations"]["meta.helm.sh/release-name"], "app");
    assert!(api.object(&map_path("new")).is_some());
}
