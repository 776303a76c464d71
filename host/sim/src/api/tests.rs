//! The API as the Rust client and plain HTTP see it. (`kubectl` and `helm` are tried on it elsewhere.)

use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, PersistentVolumeClaim, Pod, Secret, Service};
use kube::api::{
    Api, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams,
};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::{ApiResource, GroupVersionKind};
use kube::{Client, Config, discovery};
use serde_json::{Value, json};

use super::*;

const START: u64 = 1_795_444_500_000;

async fn server() -> (Server, Client) {
    let options = Options { clock: Clock::fixed(START), crds: vec![HELM_RELEASE_CRD] };
    let server = Server::start(options).await.unwrap();
    let kubeconfig = Kubeconfig::from_yaml(&server.kubeconfig()).unwrap();
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
    let client = Client::try_from(config).unwrap();
    (server, client)
}

fn releases(client: &Client) -> Api<DynamicObject> {
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("helm.fluxcd.io", "v1", "HelmRelease"));
    Api::namespaced_with(client.clone(), "default", &kind)
}

fn release(name: &str, tag: &str) -> Value {
    json!({"apiVersion": "helm.fluxcd.io/v1", "kind": "HelmRelease", "metadata": {"name": name},
        "spec": {"chart": {"git": "g", "path": "p"}, "values": {"image": {"tag": tag}, "list": [{"name": "a", "x": 1}]}}})
}

fn typed<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

fn deployment(name: &str, replicas: u32, image: &str) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": {"replicas": replicas,
        "selector": {"matchLabels": {"app": name}}, "template": {"metadata": {"labels": {"app": name}},
        "spec": {"containers": [{"name": "a", "image": image, "env": [{"name": "X", "value": "1"}]}]}}}})
}

async fn get(server: &Server, path: &str, accept: &str) -> Value {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let response = client.get(format!("{}{path}", server.url())).header("accept", accept).send().await.unwrap();
    response.json().await.unwrap()
}

fn code<T: std::fmt::Debug>(result: kube::Result<T>) -> (u16, String) {
    match result.unwrap_err() {
        kube::Error::Api(status) => (status.code, status.reason.clone()),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn clients_discover_built_in_and_custom_kinds() {
    let (server, client) = server().await;
    assert_eq!(client.apiserver_version().await.unwrap().git_version, "v1.34.0");
    let plain = discovery::Discovery::new(client.clone()).run().await.unwrap();
    let (resource, _) = plain.resolve_gvk(&GroupVersionKind::gvk("helm.fluxcd.io", "v1", "HelmRelease")).unwrap();
    assert_eq!(resource.plural, "helmreleases");
    assert!(plain.resolve_gvk(&GroupVersionKind::gvk("", "v1", "Secret")).is_some());
    let accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
    let groups = get(&server, "/apis", accept).await;
    assert_eq!(groups["kind"], "APIGroupDiscoveryList");
    let helm = groups["items"].as_array().unwrap().iter().find(|g| g["metadata"]["name"] == "helm.fluxcd.io").unwrap();
    assert_eq!(helm["versions"][0]["resources"][0]["shortNames"], json!(["hr", "hrs"]));
}

#[tokio::test]
async fn an_update_from_an_old_version_is_a_conflict_and_a_no_op_changes_nothing() {
    let (_server, client) = server().await;
    let api: Api<ConfigMap> = Api::default_namespaced(client);
    let made = api
        .create(&PostParams::default(), &typed(json!({"metadata": {"name": "a"}, "data": {"x": "1"}})))
        .await
        .unwrap();
    assert_eq!(code(api.create(&PostParams::default(), &made).await).0, 400);
    let mut changed = made.clone();
    changed.data.as_mut().unwrap().insert("x".into(), "2".into());
    let second = api.replace("a", &PostParams::default(), &changed).await.unwrap();
    assert_ne!(second.metadata.resource_version, made.metadata.resource_version);
    assert_eq!(code(api.replace("a", &PostParams::default(), &changed).await), (409, "Conflict".into()));
    let same = api.patch("a", &PatchParams::default(), &Patch::Merge(json!({"data": {"x": "2"}}))).await.unwrap();
    assert_eq!(same.metadata.resource_version, second.metadata.resource_version);
    assert_eq!(code(api.get("b").await), (404, "NotFound".into()));
    api.delete("a", &DeleteParams::default()).await.unwrap().right().expect("it is gone at once");
    assert_eq!(code(api.delete("a", &DeleteParams::default()).await).0, 404);
}

#[tokio::test]
async fn a_namespace_must_exist_and_takes_its_objects_with_it() {
    let (_server, client) = server().await;
    let secrets: Api<Secret> = Api::namespaced(client.clone(), "dev");
    let secret: Secret = typed(json!({"metadata": {"name": "s"}, "stringData": {"a": "b"}}));
    assert_eq!(code(secrets.create(&PostParams::default(), &secret).await), (404, "NotFound".into()));
    let namespaces: Api<Namespace> = Api::all(client.clone());
    namespaces.create(&PostParams::default(), &typed(json!({"metadata": {"name": "dev"}}))).await.unwrap();
    let stored = secrets.create(&PostParams::default(), &secret).await.unwrap();
    assert_eq!(stored.data.unwrap()["a"].0, b"b");
    namespaces.delete("dev", &DeleteParams::default()).await.unwrap();
    assert!(secrets.list(&ListParams::default()).await.unwrap().items.is_empty());
}

#[tokio::test]
async fn server_side_apply_creates_merges_and_refuses_conflicts() {
    let (_server, client) = server().await;
    let api = releases(&client);
    let ours = PatchParams::apply("rhumb");
    let made = api.patch("a", &ours, &Patch::Apply(release("a", "1"))).await.unwrap();
    assert_eq!(made.metadata.generation, Some(1));
    let again = api.patch("a", &ours, &Patch::Apply(release("a", "1"))).await.unwrap();
    assert_eq!(again.metadata.resource_version, made.metadata.resource_version, "applied twice, written once");
    let mut theirs = release("a", "2");
    theirs["spec"].as_object_mut().unwrap().remove("chart");
    let other = PatchParams::apply("kubectl");
    assert_eq!(code(api.patch("a", &other, &Patch::Apply(&theirs)).await), (409, "Conflict".into()));
    let forced = api.patch("a", &other.force(), &Patch::Apply(&theirs)).await.unwrap();
    assert_eq!((&forced.data["spec"]["values"]["image"]["tag"], forced.metadata.generation), (&json!("2"), Some(2)));
    let mut less = release("a", "2");
    less["spec"]["values"].as_object_mut().unwrap().remove("list");
    let kept = api.patch("a", &ours, &Patch::Apply(&less)).await.unwrap();
    assert!(kept.data["spec"]["values"]["list"].is_array(), "the other manager still wants it");
    let fields = kept.metadata.managed_fields.unwrap();
    assert_eq!(fields.iter().map(|f| f.manager.clone().unwrap()).collect::<Vec<_>>(), ["kubectl", "rhumb"]);
}

#[tokio::test]
async fn status_and_spec_are_written_apart() {
    let (_server, client) = server().await;
    let api = releases(&client);
    api.patch("a", &PatchParams::apply("x"), &Patch::Apply(release("a", "1"))).await.unwrap();
    let status = json!({"status": {"phase": "Succeeded"}, "spec": {"releaseName": "not-this"}});
    let written = api.patch_status("a", &PatchParams::default(), &Patch::Merge(&status)).await.unwrap();
    assert_eq!((&written.data["status"]["phase"], written.metadata.generation), (&json!("Succeeded"), Some(1)));
    assert!(written.data["spec"].get("releaseName").is_none());
    let spec = json!({"status": {"phase": "Failed"}, "spec": {"releaseName": "this"}});
    let written = api.patch("a", &PatchParams::default(), &Patch::Merge(&spec)).await.unwrap();
    assert_eq!((&written.data["status"]["phase"], written.metadata.generation), (&json!("Succeeded"), Some(2)));
    let mut whole = api.get_status("a").await.unwrap();
    whole.data["status"] = json!({"phase": "Failed"});
    let replaced = api.replace_status("a", &PostParams::default(), &whole).await.unwrap();
    assert_eq!(replaced.data["status"], json!({"phase": "Failed"}));
}

#[tokio::test]
async fn a_watch_sees_changes_selections_and_the_end_of_history() {
    let (server, client) = server().await;
    let api: Api<ConfigMap> = Api::default_namespaced(client);
    let labelled = |name: &str, on: &str| typed(json!({"metadata": {"name": name, "labels": {"on": on}}}));
    api.create(&PostParams::default(), &labelled("a", "yes")).await.unwrap();
    let version = api.list(&ListParams::default()).await.unwrap().metadata.resource_version.unwrap();
    let parameters = WatchParams::default().labels("on=yes").timeout(5);
    let mut stream = api.watch(&parameters, &version).await.unwrap().boxed();
    api.create(&PostParams::default(), &labelled("b", "no")).await.unwrap();
    let turn = |on: &str| Patch::Merge(json!({"metadata": {"labels": {"on": on}}}));
    api.patch("b", &PatchParams::default(), &turn("yes")).await.unwrap();
    api.patch("a", &PatchParams::default(), &turn("no")).await.unwrap();
    api.delete("b", &DeleteParams::default()).await.unwrap();
    let mut seen = Vec::new();
    while seen.len() < 3 {
        seen.push(match stream.try_next().await.unwrap().unwrap() {
            WatchEvent::Added(o) => format!("added {}", o.metadata.name.unwrap()),
            WatchEvent::Modified(o) => format!("modified {}", o.metadata.name.unwrap()),
            WatchEvent::Deleted(o) => format!("deleted {}", o.metadata.name.unwrap()),
            other => panic!("{other:?}"),
        });
    }
    assert_eq!(seen, ["added b", "deleted a", "deleted b"]);
    server.compact();
    let mut stale = api.watch(&parameters, &version).await.unwrap().boxed();
    match stale.try_next().await.unwrap().unwrap() {
        WatchEvent::Error(status) => assert_eq!((status.code, status.reason.as_str()), (410, "Expired")),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn workloads_become_ready_with_their_replica_sets_and_pods() {
    let (server, client) = server().await;
    let api: Api<Deployment> = Api::default_namespaced(client.clone());
    let (sets, pods): (Api<ReplicaSet>, Api<Pod>) =
        (Api::default_namespaced(client.clone()), Api::default_namespaced(client.clone()));
    let made = api.create(&PostParams::default(), &typed(deployment("web", 2, "a:1"))).await.unwrap();
    let status = made.status.unwrap();
    assert_eq!((status.observed_generation, status.ready_replicas), (Some(1), Some(2)));
    let image = json!({"spec": {"template": {"spec": {"containers": [{"name": "a", "image": "a:2"}]}}}});
    let changed = api.patch("web", &PatchParams::default(), &Patch::Strategic(image)).await.unwrap();
    assert_eq!(changed.status.unwrap().observed_generation, Some(2));
    let container = &changed.spec.unwrap().template.spec.unwrap().containers[0];
    assert_eq!((container.image.as_deref(), container.env.as_ref().map(Vec::len)), (Some("a:2"), Some(1)));
    let replicas = sets.list(&ListParams::default()).await.unwrap();
    let mut wanted: Vec<_> = replicas.iter().map(|set| set.spec.as_ref().unwrap().replicas.unwrap()).collect();
    wanted.sort_unstable();
    assert_eq!(wanted, [0, 2]);
    assert_eq!(pods.list(&ListParams::default().labels("app=web")).await.unwrap().items.len(), 2);
    // The first template again, with its keys in another order, is the first replica set again.
    let pod = json!({"containers": [{"image": "a:1", "name": "a", "env": [{"value": "1", "name": "X"}]}]});
    let back = json!([{"op": "replace", "path": "/spec/template/spec", "value": pod}]);
    let body = serde_json::to_vec(&back).unwrap();
    let url = format!("{}/apis/apps/v1/namespaces/default/deployments/web", server.url());
    let patch = reqwest::Client::new().patch(url).header("content-type", "application/json-patch+json").body(body);
    assert_eq!(patch.send().await.unwrap().status(), 200);
    assert_eq!(sets.list(&ListParams::default()).await.unwrap().items.len(), 2);
    let mut scale = api.get_scale("web").await.unwrap();
    scale.spec.as_mut().unwrap().replicas = Some(3);
    api.replace_scale("web", &PostParams::default(), &scale).await.unwrap();
    assert_eq!(pods.list(&ListParams::default().labels("app=web")).await.unwrap().items.len(), 3);
    server.set_fate(ObjectRef::new("Deployment", "default", "web"), Some(Fate::Unready));
    assert_eq!(api.get("web").await.unwrap().status.unwrap().ready_replicas, Some(0));
    server.set_fate(ObjectRef::new("Deployment", "default", "web"), None);
    assert_eq!(api.get("web").await.unwrap().status.unwrap().ready_replicas, Some(3));
    api.delete("web", &DeleteParams::background()).await.unwrap();
    assert!(sets.list(&ListParams::default()).await.unwrap().items.is_empty());
    assert!(pods.list(&ListParams::default()).await.unwrap().items.is_empty());
}

#[tokio::test]
async fn other_kinds_get_a_status_that_typed_clients_can_read() {
    let (_server, client) = server().await;
    let web = json!({"metadata": {"name": "web"}, "spec": deployment("web", 1, "a:1")["spec"]});
    let deployments: Api<Deployment> = Api::default_namespaced(client.clone());
    deployments.create(&PostParams::default(), &typed(web.clone())).await.unwrap();
    let scaled = json!({"metadata": {"name": "web"}, "spec": {"minReplicas": 2, "maxReplicas": 10,
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}}});
    let autoscalers: Api<HorizontalPodAutoscaler> = Api::default_namespaced(client.clone());
    let autoscaler = autoscalers.create(&PostParams::default(), &typed(scaled)).await.unwrap();
    assert_eq!(autoscaler.status.unwrap().current_replicas, Some(2));
    assert_eq!(deployments.get("web").await.unwrap().status.unwrap().ready_replicas, Some(2));
    let sets: Api<StatefulSet> = Api::default_namespaced(client.clone());
    let mut set = web;
    set["spec"]["serviceName"] = json!("web");
    set["spec"]["selector"] = json!({"matchLabels": {"app": "set"}});
    set["spec"]["template"]["metadata"]["labels"] = json!({"app": "set"});
    let set = sets.create(&PostParams::default(), &typed(set)).await.unwrap().status.unwrap();
    assert_eq!((set.ready_replicas, set.current_revision), (Some(1), set.update_revision));
    let services: Api<Service> = Api::default_namespaced(client.clone());
    let service = json!({"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}});
    let service = services.create(&PostParams::default(), &typed(service)).await.unwrap().spec.unwrap();
    assert!(service.cluster_ip.is_some() && service.ports.unwrap()[0].protocol.as_deref() == Some("TCP"));
    let claims: Api<PersistentVolumeClaim> = Api::default_namespaced(client);
    let claim =
        claims.create(&PostParams::default(), &typed(json!({"metadata": {"name": "c"}, "spec": {}}))).await.unwrap();
    assert_eq!(claim.status.unwrap().phase.as_deref(), Some("Bound"));
}

#[tokio::test]
async fn hooks_end_as_they_are_fated_to() {
    let (server, client) = server().await;
    let (pods, jobs): (Api<Pod>, Api<Job>) =
        (Api::default_namespaced(client.clone()), Api::default_namespaced(client.clone()));
    let spec = json!({"restartPolicy": "Never", "containers": [{"name": "a", "image": "a"}]});
    let pod =
        pods.create(&PostParams::default(), &typed(json!({"metadata": {"name": "t"}, "spec": spec}))).await.unwrap();
    assert_eq!(pod.status.unwrap().phase.as_deref(), Some("Succeeded"));
    server.set_fate(ObjectRef::new("Job", "default", "j"), Some(Fate::Failed));
    let job = json!({"metadata": {"name": "j"}, "spec": {"template": {"spec": spec}}});
    let job = jobs.create(&PostParams::default(), &typed(job)).await.unwrap();
    assert_eq!(job.status.unwrap().conditions.unwrap()[0].type_, "Failed");
}

#[tokio::test]
async fn finalizers_hold_an_object_until_they_are_gone() {
    let (_server, client) = server().await;
    let api: Api<ConfigMap> = Api::default_namespaced(client);
    let held = json!({"metadata": {"name": "a", "finalizers": ["rhumb.dev/hold"]}});
    api.create(&PostParams::default(), &typed(held)).await.unwrap();
    let left = api.delete("a", &DeleteParams::default()).await.unwrap().left().expect("it is held");
    assert!(left.metadata.deletion_timestamp.is_some());
    api.patch("a", &PatchParams::default(), &Patch::Merge(json!({"metadata": {"finalizers": null}}))).await.unwrap();
    assert_eq!(code(api.get("a").await).0, 404);
}

#[tokio::test]
async fn lists_go_by_selectors_and_pages() {
    let (_server, client) = server().await;
    let api: Api<Secret> = Api::default_namespaced(client);
    for number in 0..5 {
        let kind = if number % 2 == 0 { "helm.sh/release.v1" } else { "Opaque" };
        let secret =
            json!({"metadata": {"name": format!("s{number}"), "labels": {"n": number.to_string()}}, "type": kind});
        api.create(&PostParams::default(), &typed(secret)).await.unwrap();
    }
    let by_type = api.list(&ListParams::default().fields("type=helm.sh/release.v1")).await.unwrap();
    assert_eq!(by_type.items.len(), 3);
    assert_eq!(api.list(&ListParams::default().labels("n in (1,2)")).await.unwrap().items.len(), 2);
    let first = api.list(&ListParams::default().limit(2)).await.unwrap();
    assert_eq!(first.metadata.remaining_item_count, Some(3));
    let token = first.metadata.continue_.unwrap();
    let rest = api.list(&ListParams::default().continue_token(&token)).await.unwrap();
    assert_eq!(rest.items.iter().map(|s| s.metadata.name.clone().unwrap()).collect::<Vec<_>>(), ["s2", "s3", "s4"]);
    assert_eq!(api.list_metadata(&ListParams::default()).await.unwrap().items.len(), 5);
    api.delete_collection(&DeleteParams::default(), &ListParams::default().labels("n!=0")).await.unwrap();
    assert_eq!(api.list(&ListParams::default()).await.unwrap().items.len(), 1);
}

#[tokio::test]
async fn tables_have_the_columns_of_the_definition() {
    let (server, client) = server().await;
    let api = releases(&client);
    api.patch("a", &PatchParams::apply("x"), &Patch::Apply(release("a", "1"))).await.unwrap();
    let status = json!({"status": {"releaseName": "a", "phase": "Succeeded", "releaseStatus": "deployed",
        "conditions": [{"type": "Released", "status": "True", "message": "Released it."}]}});
    api.patch_status("a", &PatchParams::default(), &Patch::Merge(status)).await.unwrap();
    let accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
    let table = get(&server, "/apis/helm.fluxcd.io/v1/helmreleases", accept).await;
    let names: Vec<_> = table["columnDefinitions"].as_array().unwrap().iter().map(|c| c["name"].clone()).collect();
    assert_eq!(names, ["Name", "Release", "Phase", "ReleaseStatus", "Message", "Age"]);
    assert_eq!(table["rows"][0]["cells"], json!(["a", "a", "Succeeded", "deployed", "Released it.", "0s"]));
    assert_eq!(table["rows"][0]["object"]["kind"], "PartialObjectMetadata");
}

#[tokio::test]
async fn both_event_apis_show_the_same_events() {
    let (server, client) = server().await;
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("events.k8s.io", "v1", "Event"));
    let api: Api<DynamicObject> = Api::default_namespaced_with(client, &kind);
    let event = json!({"metadata": {"name": "e"}, "note": "Released", "reason": "ReleaseSynced",
        "regarding": {"kind": "HelmRelease", "name": "a"}, "type": "Normal"});
    let made = api.create(&PostParams::default(), &typed(event)).await.unwrap();
    assert_eq!(made.data["note"], "Released");
    let path = "/api/v1/namespaces/default/events?fieldSelector=involvedObject.name%3Da";
    let list = get(&server, path, "application/json").await;
    assert_eq!((&list["items"][0]["message"], &list["items"][0]["apiVersion"]), (&json!("Released"), &json!("v1")));
}

#[tokio::test]
async fn definitions_come_and_go_with_their_objects() {
    let (_server, client) = server().await;
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("apiextensions.k8s.io", "v1", "CustomResourceDefinition"));
    let definitions: Api<DynamicObject> = Api::all_with(client.clone(), &kind);
    let definition = definitions.get("helmreleases.helm.fluxcd.io").await.unwrap();
    assert_eq!(definition.data["status"]["conditions"][1]["type"], "Established");
    let api = releases(&client);
    api.patch("a", &PatchParams::apply("x"), &Patch::Apply(release("a", "1"))).await.unwrap();
    assert_eq!(code(api.patch("a", &PatchParams::default(), &Patch::Strategic(json!({}))).await).0, 415);
    definitions.delete("helmreleases.helm.fluxcd.io", &DeleteParams::default()).await.unwrap();
    assert_eq!(code(api.list(&ListParams::default()).await).0, 404);
    let wrong = json!({"metadata": {"name": "wrong"}, "spec": {"group": "g.io", "names": {"kind": "A", "plural": "as"},
        "versions": [{"name": "v1", "served": true, "storage": true}]}});
    assert_eq!(code(definitions.create(&PostParams::default(), &typed(wrong)).await), (422, "Invalid".into()));
}

#[tokio::test]
async fn faults_refuse_one_object_throttle_and_delay() {
    let (server, client) = server().await;
    let api: Api<ConfigMap> = Api::default_namespaced(client);
    let map = |name: &str| typed::<ConfigMap>(json!({"metadata": {"name": name}}));
    server.refuse(ObjectRef::new("ConfigMap", "default", "bad"), "not on a Monday");
    assert_eq!(code(api.create(&PostParams::default(), &map("bad")).await), (403, "Forbidden".into()));
    api.create(&PostParams::default(), &map("good")).await.unwrap();
    server.clear_faults();
    api.create(&PostParams::default(), &map("bad")).await.unwrap();
    server.throttle(1, 7);
    let http = reqwest::Client::new();
    let url = format!("{}/api/v1/namespaces/default/configmaps", server.url());
    let answer = http.get(&url).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers()["retry-after"].to_str().unwrap()), (429, "7"));
    assert_eq!(http.get(&url).send().await.unwrap().status(), 200);
    server.delay(Duration::from_millis(50));
    let before = std::time::Instant::now();
    http.get(&url).send().await.unwrap();
    assert!(before.elapsed() >= Duration::from_millis(50));
}

#[tokio::test]
async fn comes_back_at_the_same_address_with_what_it_held() {
    let (mut server, client) = server().await;
    let api: Api<ConfigMap> = Api::default_namespaced(client);
    api.create(&PostParams::default(), &typed(json!({"metadata": {"name": "a"}}))).await.unwrap();
    let mut stream = api.watch(&WatchParams::default(), "0").await.unwrap().boxed();
    stream.try_next().await.unwrap().unwrap();
    server.pause().await;
    assert!(stream.next().await.is_none_or(|event| event.is_err()), "the watch ends with the server");
    assert!(api.get("a").await.is_err());
    server.resume().await.unwrap();
    api.get("a").await.unwrap();
    server.stop().await;
}

#[tokio::test]
async fn requests_are_counted_by_verb_and_by_client() {
    let (server, client) = server().await;
    let api: Api<ConfigMap> = Api::default_namespaced(client);
    api.create(&PostParams::default(), &typed(json!({"metadata": {"name": "a"}}))).await.unwrap();
    get(&server, "/version", "application/json").await;
    let http = reqwest::Client::builder().user_agent("rhumbd/0.1").build().unwrap();
    http.get(format!("{}/api/v1/namespaces", server.url())).send().await.unwrap();
    let ours = server.requests_from("rhumbd/");
    assert_eq!(
        (ours.reads, ours.writes, ours.journal.front().map(String::as_str)),
        (1, 0, Some("list /api/v1/namespaces"))
    );
    let rest = server.requests();
    assert_eq!((rest.by_verb["create"], rest.by_verb["discovery"], rest.by_verb.get("list")), (1, 1, None));
    assert_eq!(server.requests(), Counts::default());
}

#[tokio::test]
async fn bodies_and_secrets_are_bounded_and_metadata_is_well_formed() {
    let (server, client) = server().await;
    let api: Api<Secret> = Api::default_namespaced(client);
    let large = json!({"metadata": {"name": "a"}, "stringData": {"a": "x".repeat(1024 * 1024 + 3)}});
    assert_eq!(code(api.create(&PostParams::default(), &typed(large)).await), (422, "Invalid".into()));
    let odd = Patch::Merge(json!({"metadata": {"labels": {"a": 1}}}));
    api.create(&PostParams::default(), &typed(json!({"metadata": {"name": "a"}}))).await.unwrap();
    assert_eq!(code(api.patch("a", &PatchParams::default(), &odd).await), (400, "BadRequest".into()));
    let http = reqwest::Client::new();
    let url = format!("{}/api/v1/namespaces/default/configmaps", server.url());
    let answer = http.post(url).body(vec![b' '; 4 * 1024 * 1024]).send().await.unwrap();
    assert_eq!(answer.status(), 413);
}
