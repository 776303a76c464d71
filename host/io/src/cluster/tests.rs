use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rhumb_core::chain::chain;
use rhumb_core::id::Timestamp;
use serde_json::{Value, json};

use super::fake::{Api, status};
use super::*;
use crate::fake::answer;

fn config_map(namespace: &str, name: &str, text: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "namespace": namespace, "name": name },
        "data": { "text": text } })
}

fn map_path(namespace: &str, name: &str) -> String {
    format!("/api/v1/namespaces/{namespace}/configmaps/{name}")
}

#[tokio::test]
async fn discovers_each_group_once_and_unknown_kinds_again() {
    let api = Api::new();
    let cluster = api.cluster();
    assert_eq!(cluster.scope("apps/v1", "Deployment").await.unwrap(), Some(Scope::Namespaced));
    assert_eq!(cluster.scope("v1", "Namespace").await.unwrap(), Some(Scope::Cluster));
    assert_eq!(cluster.scope("v1", "ConfigMap").await.unwrap(), Some(Scope::Namespaced));
    assert_eq!(api.requests(), ["GET /apis/apps/v1", "GET /api/v1"]);
    assert_eq!(cluster.scope("example.com/v1", "Thing").await.unwrap(), None);
    assert_eq!(cluster.scope("v1", "Thing").await.unwrap(), None);
    api.add_kind("example.com/v1", "Thing", "things", true);
    assert_eq!(cluster.scope("example.com/v1", "Thing").await.unwrap(), Some(Scope::Namespaced));
    assert_eq!(api.requests().len(), 3);
}

#[tokio::test]
async fn applies_gets_and_deletes() {
    let api = Api::new();
    let cluster = api.cluster();
    let first = cluster.apply(&config_map("dev", "a", "1"), "rhumb").await.unwrap();
    assert_eq!(first.generation, None);
    let second = cluster.apply(&config_map("dev", "a", "2"), "rhumb").await.unwrap();
    assert_eq!(first.uid, second.uid);
    assert_ne!(first.resource_version, second.resource_version);
    assert!(api.requests().contains(&format!("PATCH {}?fieldManager=rhumb&force=true", map_path("dev", "a"))));
    let key = Key::new("v1", "ConfigMap", "dev", "a");
    assert_eq!(cluster.get(&key).await.unwrap().unwrap()["data"]["text"], "2");
    cluster.delete(&key).await.unwrap();
    cluster.delete(&key).await.unwrap();
    assert_eq!(cluster.get(&key).await.unwrap(), None);
    cluster.delete(&Key::new("gone.example.com/v1", "Thing", "dev", "a")).await.unwrap();
}

#[tokio::test]
async fn tells_bad_answers_apart_with_the_servers_own_words() {
    let api = Api::new();
    let cluster = api.cluster();
    let apply = async || *cluster.apply(&config_map("dev", "a", "1"), "rhumb").await.unwrap_err().kind;
    let fail = |code: u16, reason: &'static str, headers: &'static [(&'static str, &'static str)]| {
        api.fault(move |method, _| {
            let body = json!({ "reason": reason, "message": format!("it is {reason}") }).to_string();
            (method == "PATCH").then(|| answer(code, headers, body))
        });
    };
    fail(403, "Forbidden", &[]);
    assert!(matches!(apply().await, Kind::Refused { message } if message == "it is Forbidden"));
    fail(409, "Conflict", &[]);
    assert!(matches!(apply().await, Kind::Conflict { .. }));
    fail(409, "AlreadyExists", &[]);
    assert!(matches!(apply().await, Kind::AlreadyExists));
    fail(422, "Invalid", &[]);
    assert!(matches!(apply().await, Kind::Invalid { message } if message == "it is Invalid"));
    fail(404, "NotFound", &[]);
    assert!(matches!(apply().await, Kind::Invalid { message } if message == "there is no namespace `dev`"));
    fail(500, "InternalError", &[]);
    assert!(matches!(apply().await, Kind::Server { status: 500, .. }));
    // Longer than a request may take: it is for whoever planned it to come again.
    fail(429, "TooManyRequests", &[("retry-after", "90")]);
    let kind = apply().await;
    assert!(matches!(kind, Kind::Throttled { retry_after: Some(wait) } if wait == Duration::from_secs(90)));
    api.fault(|method, _| (method == "PATCH").then(|| answer(200, &[], "<html>")));
    assert!(matches!(apply().await, Kind::Malformed(_)));
    api.no_fault();
    let error = cluster.apply(&json!({ "kind": "ConfigMap" }), "rhumb").await.unwrap_err();
    assert_eq!(
        chain(&error),
        "failed to apply `object`: object is not valid: it lacks apiVersion, kind or metadata.name"
    );
    let error = cluster.apply(&config_map("dev", "../../secrets/x", "1"), "rhumb").await.unwrap_err();
    assert!(matches!(*error.kind, Kind::Invalid { .. }));
    let mut object = config_map("dev", "a", "1");
    object["metadata"].as_object_mut().unwrap().shift_remove("namespace");
    let error = cluster.apply(&object, "rhumb").await.unwrap_err();
    assert!(chain(&error).ends_with("it names no namespace"));
    let error = cluster.apply(&json!({ "apiVersion": "x/v1", "kind": "T", "metadata": { "name": "a" } }), "r").await;
    let error = error.unwrap_err();
    assert!(matches!(*error.kind, Kind::UnknownKind { .. }), "{error:?}");
}

#[tokio::test]
async fn what_the_server_did_not_do_is_asked_for_again() {
    let api = Api::new();
    let cluster = api.cluster();
    let left = Arc::new(AtomicUsize::new(0));
    let refuse = |times: usize, code: u16, reason: &'static str| {
        left.store(times, Ordering::SeqCst);
        let left = Arc::clone(&left);
        api.fault(move |method, _| {
            let refused = method != "GET" && left.load(Ordering::SeqCst) > 0;
            refused.then(|| {
                left.fetch_sub(1, Ordering::SeqCst);
                answer(code, &[("retry-after", "1")], json!({ "reason": reason }).to_string())
            })
        });
    };
    refuse(2, 409, "Conflict");
    cluster.apply(&config_map("dev", "a", "1"), "rhumb").await.unwrap();
    refuse(1, 429, "TooManyRequests");
    cluster.create(&config_map("dev", "b", "1")).await.unwrap();
    refuse(1, 503, "ServiceUnavailable");
    cluster.delete(&Key::new("v1", "ConfigMap", "dev", "b")).await.unwrap();
    // Nobody knows what became of it, so it is not asked for again.
    refuse(1, 500, "InternalError");
    cluster.apply(&config_map("dev", "a", "2"), "rhumb").await.unwrap_err();
    assert_eq!(left.load(Ordering::SeqCst), 0);
    // Written against a version that is gone, it fails however often it is sent.
    api.no_fault();
    let mut stale = config_map("dev", "a", "3");
    stale["metadata"]["resourceVersion"] = json!("1");
    cluster.apply(&config_map("dev", "a", "2"), "rhumb").await.unwrap();
    assert!(matches!(*cluster.replace(&stale).await.unwrap_err().kind, Kind::Conflict { .. }));
}

#[tokio::test]
async fn a_kind_that_went_and_came_back_is_discovered_again() {
    let api = Api::new();
    let cluster = api.cluster();
    assert!(cluster.list("apps/v1", "Deployment", None).await.unwrap().is_empty());
    api.fault(|_, path| path.starts_with("/apis/apps/v1").then(|| status(404, "NotFound")));
    let gone = cluster.list("apps/v1", "Deployment", None).await.unwrap_err();
    assert!(matches!(*gone.kind, Kind::UnknownKind { .. }), "{gone:?}");
    assert_eq!(cluster.scope("apps/v1", "Deployment").await.unwrap(), None);
    let made =
        json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "namespace": "dev", "name": "a" } });
    assert!(matches!(*cluster.create(&made).await.unwrap_err().kind, Kind::UnknownKind { .. }));
    api.no_fault();
    assert!(cluster.list("apps/v1", "Deployment", None).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_unreachable_cluster_is_told() {
    let text = r#"{"apiVersion":"v1","kind":"Config","current-context":"c",
        "clusters":[{"name":"k","cluster":{"server":"http://127.0.0.1:1"}}],
        "contexts":[{"name":"c","context":{"cluster":"k","user":"u"}}],"users":[{"name":"u","user":{}}]}"#;
    let cluster = Cluster::connect(Connection::KubeconfigText(text.to_owned())).await.unwrap();
    let error = cluster.helm_releases().await.unwrap_err();
    assert!(matches!(*error.kind, Kind::Unreachable(_)), "{error:?}");
    assert!(chain(&error).starts_with("failed to list `helm.fluxcd.io/v1/HelmRelease`: cluster is unreachable"));
    let error = Cluster::connect(Connection::KubeconfigText("[".to_owned())).await.unwrap_err();
    assert!(matches!(*error.kind, Kind::Configuration(_)), "{error:?}");
}

#[tokio::test]
async fn lists_by_page_and_finds_what_is_live() {
    let api = Api::new();
    let cluster = api.cluster();
    for n in 0..8 {
        cluster.apply(&config_map("dev", &format!("m{n}"), "x"), "rhumb").await.unwrap();
    }
    api.put("/api/v1/namespaces/dev", json!({ "metadata": { "name": "dev", "labels": { "a": "b" } } }));
    assert_eq!(cluster.list("v1", "ConfigMap", None).await.unwrap().len(), 8);
    assert_eq!(cluster.list("v1", "ConfigMap", Some("prod")).await.unwrap().len(), 0);
    let all = cluster.list("v1", "ConfigMap", Some("dev")).await.unwrap();
    assert_eq!((all.len(), &all[0]["kind"], &all[0]["apiVersion"]), (8, &json!("ConfigMap"), &json!("v1")));
    let keys = BTreeSet::from([
        Key::new("v1", "ConfigMap", "dev", "m7"),
        Key::new("v1", "ConfigMap", "dev", "missing"),
        Key::new("v1", "ConfigMap", "prod", "m7"),
        Key::new("unknown.example.com/v1", "Thing", "dev", "m7"),
    ]);
    let live = cluster.live(&keys).await.unwrap();
    assert_eq!(live.iter().map(|live| live.key.to_string()).collect::<Vec<_>>(), ["dev:configmap/m7"]);
    assert_eq!(cluster.namespaces().await.unwrap()["dev"]["a"], "b");
}

#[tokio::test]
async fn reads_keys_of_secrets_and_config_maps() {
    let api = Api::new();
    let cluster = api.cluster();
    api.put(
        "/api/v1/namespaces/dev/secrets/s",
        json!({ "metadata": { "name": "s" }, "data": { "k": "dg==", "b": "%" } }),
    );
    cluster.apply(&config_map("dev", "m", "t"), "rhumb").await.unwrap();
    assert_eq!(cluster.secret_key("dev", "s", "k").await.unwrap(), Some(b"v".to_vec()));
    assert_eq!(cluster.secret_key("dev", "s", "missing").await.unwrap(), None);
    assert!(cluster.secret_key("dev", "missing", "k").await.unwrap_err().is_not_found());
    let error = cluster.secret_key("dev", "s", "b").await.unwrap_err();
    assert!(!chain(&error).contains('%'), "{}", chain(&error));
    let map = cluster.get(&Key::new("v1", "ConfigMap", "dev", "m")).await.unwrap().unwrap();
    assert_eq!(config_map_value(&map, "text").unwrap(), Some(b"t".to_vec()));
}

#[tokio::test]
async fn writes_status_and_events() {
    let api = Api::new();
    let cluster = api.cluster();
    let path = "/apis/helm.fluxcd.io/v1/namespaces/dev/helmreleases/app";
    api.put(path, json!({ "metadata": { "namespace": "dev", "name": "app" }, "spec": {}, "status": { "a": 1 } }));
    let key = Key::new("helm.fluxcd.io/v1", "HelmRelease", "dev", "app");
    let applied = cluster.patch_status(&key, &json!({ "phase": "Succeeded" }), None).await.unwrap();
    assert_eq!(api.object(path).unwrap()["status"], json!({ "a": 1, "phase": "Succeeded" }));
    let version = Some(applied.resource_version.as_str());
    cluster.patch_status(&key, &json!({ "a": 2 }), version).await.unwrap();
    let late = cluster.patch_status(&key, &json!({ "a": 3 }), version).await.unwrap_err();
    assert!(matches!(*late.kind, Kind::Conflict { .. }), "{late:?}");
    assert_eq!(api.object(path).unwrap()["status"]["a"], 2);
    let event = Event {
        about: key,
        uid: "u".into(),
        event_type: EventType::Warning,
        reason: "FailedReleaseSync".into(),
        message: "x".repeat(5000),
        now: Timestamp(1_795_444_500_000),
    };
    cluster.event(&event).await.unwrap();
    cluster.event(&event).await.unwrap();
    let events = cluster.list("v1", "Event", Some("dev")).await.unwrap();
    assert_eq!(events.len(), 1);
    assert!(events[0]["message"].as_str().unwrap().len() <= 1024);
    assert_eq!(events[0]["firstTimestamp"], "2026-11-23T14:35:00Z");
}

#[tokio::test]
async fn a_server_that_fails_is_asked_once() {
    let api = Api::new();
    let cluster = api.cluster();
    api.fault(|_, _| Some(status(503, "ServiceUnavailable")));
    assert!(matches!(*cluster.helm_releases().await.unwrap_err().kind, Kind::Server { status: 503, .. }));
    assert_eq!(api.requests().len(), 1);
}

fn selection(kind: &str) -> Selection {
    let (api_version, kind) = ("v1".to_owned(), kind.to_owned());
    Selection { api_version, kind, labels: None, part: Part::Whole, start: Start::All }
}

/// The text of each config map that an informer knows.
fn texts(informer: &Informer<Value>) -> Vec<String> {
    let text = |object: &Arc<Value>| object["data"]["text"].as_str().unwrap_or_default().to_owned();
    informer.all().values().map(text).collect()
}

async fn until(informer: &Informer<Value>, wanted: &[&str]) {
    for _ in 0..6000 {
        if texts(informer) == wanted {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{:?}, not {wanted:?}", texts(informer));
}

#[tokio::test]
async fn an_informer_follows_changes_and_survives_disconnects() {
    let mut api = Api::new();
    let cluster = api.cluster();
    for name in ["a", "b", "c", "d"] {
        cluster.apply(&config_map("dev", name, "1"), "rhumb").await.unwrap();
    }
    let (sender, mut told) = tokio::sync::mpsc::unbounded_channel();
    let tell = move |change: Change<'_, Value>| {
        let _ = sender.send((change.place.1.clone(), change.before.is_some(), change.after.is_some()));
    };
    let informer = cluster.inform(selection("ConfigMap"), Some, tell);
    informer.current(Look::Watched).await.unwrap();
    assert_eq!(texts(&informer), ["1"; 4], "every page");
    let written = cluster.apply(&config_map("dev", "a", "2"), "rhumb").await.unwrap();
    let place = ("dev".to_owned(), "a".to_owned());
    informer.until(&place, Some(&written.resource_version)).await;
    assert_eq!(texts(&informer), ["2", "1", "1", "1"]);
    api.drop_watches();
    // Deleted while nobody looks, or not: it is gone in any case.
    cluster.delete(&Key::new("v1", "ConfigMap", "dev", "b")).await.unwrap();
    informer.until(&("dev".to_owned(), "b".to_owned()), None).await;
    until(&informer, &["2", "1", "1"]).await;
    cluster.apply(&config_map("dev", "c", "3"), "rhumb").await.unwrap();
    informer.current(Look::Fresh).await.unwrap();
    assert_eq!(texts(&informer), ["2", "3", "1"]);
    drop(informer);
    let mut seen = Vec::new();
    while let Some(change) = told.recv().await {
        seen.push(change);
    }
    let of = |name: &str| seen.iter().filter(|(of, ..)| of == name).map(|(_, b, a)| (*b, *a)).collect::<Vec<_>>();
    assert_eq!(of("a"), [(false, true), (true, true)]);
    assert_eq!(of("b"), [(false, true), (true, false)]);
    assert_eq!(of("d"), [(false, true)], "what did not change is told once");
}

#[tokio::test]
async fn a_kind_that_comes_later_is_followed_and_until_then_there_is_a_reason() {
    let api = Api::new();
    let cluster = api.cluster();
    let selection = Selection { api_version: "late.example.com/v1".to_owned(), ..selection("Thing") };
    let informer = cluster.inform(selection, Some, |_| {});
    assert!(informer.current(Look::Watched).await.unwrap_err().contains("knows no kind `Thing`"));
    api.add_kind("late.example.com/v1", "Thing", "things", true);
    informer.current(Look::Fresh).await.unwrap();
}

#[tokio::test]
async fn capabilities_name_every_group_version_and_kind() {
    let api = Api::new();
    let cluster = api.cluster();
    api.fault(|_, path| (path == "/apis/batch/v1").then(|| status(503, "ServiceUnavailable")));
    let capabilities = cluster.capabilities().await.unwrap();
    assert_eq!(capabilities.kube_version, "v1.34.0");
    for known in ["v1", "v1/ConfigMap", "apps/v1", "apps/v1/Deployment", "helm.fluxcd.io/v1/HelmRelease"] {
        assert!(capabilities.api_versions.iter().any(|version| version == known), "{known}");
    }
    assert!(!capabilities.api_versions.iter().any(|version| version == "batch/v1"));
}

#[tokio::test]
async fn a_watch_whose_place_is_too_old_begins_anew_with_everything() {
    let api = Api::new();
    let cluster = api.cluster();
    let refused = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&refused);
    let behind = api.clone();
    api.fault(move |_, path| {
        let first = path.contains("watch=true") && count.fetch_add(1, Ordering::SeqCst) == 0;
        let gone = json!({ "type": "ERROR", "object": { "code": 410, "message": "too old resource version" } });
        first.then(|| answer(200, &[], format!("{gone}\n")))
    });
    let informer = cluster.inform(selection("ConfigMap"), Some, |_| {});
    let _ = informer.current(Look::Watched).await;
    behind.put("/api/v1/namespaces/dev/configmaps/a", config_map("dev", "a", "missed"));
    until(&informer, &["missed"]).await;
    assert!(refused.load(Ordering::SeqCst) >= 1);
}

#[tokio::test]
async fn a_watch_that_is_throttled_goes_on_from_where_it_was() {
    let api = Api::new();
    let cluster = api.cluster();
    api.put("/api/v1/namespaces/dev/configmaps/a", config_map("dev", "a", "1"));
    let throttled = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&throttled);
    api.fault(move |_, path| {
        let first = path.contains("watch=true") && count.fetch_add(1, Ordering::SeqCst) == 0;
        first.then(|| answer(429, &[("retry-after", "1")], json!({ "reason": "TooManyRequests" }).to_string()))
    });
    let informer = cluster.inform(selection("ConfigMap"), Some, |_| {});
    until(&informer, &["1"]).await;
    api.put("/api/v1/namespaces/dev/configmaps/a", config_map("dev", "a", "2"));
    until(&informer, &["2"]).await;
    let lists = api.requests().iter().filter(|r| r.contains("configmaps?limit")).count();
    assert_eq!((throttled.load(Ordering::SeqCst), lists), (2, 1), "it was listed once");
}

#[tokio::test]
async fn a_watch_that_breaks_each_time_leaves_a_copy_that_was_listed() {
    let api = Api::new();
    let cluster = api.cluster();
    api.put("/api/v1/namespaces/dev/configmaps/a", config_map("dev", "a", "1"));
    api.fault(|_, path| path.contains("watch=true").then(|| status(410, "Expired")));
    let informer = cluster.inform(selection("ConfigMap"), Some, |_| {});
    for text in ["1", "2", "3"] {
        api.put("/api/v1/namespaces/dev/configmaps/a", config_map("dev", "a", text));
        // Broken before it is asked for.
        until(&informer, &[text]).await;
        informer.current(Look::Watched).await.unwrap();
    }
    api.fault(|_, path| path.contains("configmaps").then(|| status(500, "InternalError")));
    while informer.current(Look::Watched).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
