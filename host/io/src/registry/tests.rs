use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rhumb_core::chain::chain;
use rhumb_core::id::{Digest, Tag, Timestamp};
use serde_json::{Value, json};

use super::*;
use crate::fake::{Fake, answer};

const REPOSITORY: &str = "team/app";

fn client() -> Client {
    Client::new(Options { timeout: Duration::from_secs(5), ..Options::default() }).unwrap()
}

fn names(list: &TagList) -> Vec<&str> {
    list.names.iter().map(Tag::as_str).collect()
}

fn tags_page(tags: &[String]) -> String {
    json!({ "name": REPOSITORY, "tags": tags }).to_string()
}

/// Blobs and manifests by the last part of their path.
type Contents = Arc<Mutex<BTreeMap<String, Vec<u8>>>>;

async fn registry_with(contents: &Contents) -> Fake {
    let contents = Arc::clone(contents);
    Fake::serve(move |request| {
        let name = request.path().rsplit('/').next().unwrap().to_owned();
        match contents.lock().unwrap().get(&name) {
            Some(body) => answer(200, &[("docker-content-digest", Digest::of(body).as_str())], body.clone()),
            None => answer(404, &[], "{}"),
        }
    })
    .await
}

fn put(contents: &Contents, value: &Value) -> (String, usize) {
    let body = value.to_string().into_bytes();
    let (digest, size) = (Digest::of(&body).to_string(), body.len());
    contents.lock().unwrap().insert(digest.clone(), body);
    (digest, size)
}

fn put_image(contents: &Contents, os: &str, architecture: &str) -> Value {
    let config = json!({
        "os": os, "architecture": architecture, "created": "2026-11-23T14:35:00.25Z",
        "config": { "Labels": { "org.opencontainers.image.version": "1.2.3", "n": "x".repeat(10_000) } },
        "rootfs": { "type": "layers", "diff_ids": [] },
    });
    let (digest, size) = put(contents, &config);
    let manifest = json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest, "size": size },
        "layers": [{ "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": Digest::of("l").as_str(), "size": 1000 }],
        "annotations": { "a": "manifest" },
    });
    let (digest, length) = put(contents, &manifest);
    json!({ "mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest, "size": length,
        "platform": { "os": os, "architecture": architecture }, "total": size + 1000 })
}

fn name_tag(contents: &Contents, tag: &str, digest: &str) {
    let mut contents = contents.lock().unwrap();
    let body = contents.get(digest).unwrap().clone();
    contents.insert(tag.to_owned(), body);
}

#[tokio::test]
async fn follows_links_to_the_last_page() {
    let all: Arc<Vec<String>> = Arc::new((0..120).map(|n| format!("t{n}")).collect());
    let source = Arc::clone(&all);
    let fake = Fake::serve(move |request| {
        let start = request.query("last").map_or(0, |last| last[1..].parse::<usize>().unwrap() + 1);
        let page = &source[start..(start + 50).min(120)];
        let link = format!("</v2/{REPOSITORY}/tags/list?n=50&last={}>; rel=\"next\"", page.last().unwrap());
        let headers = [("link", link.as_str())];
        answer(200, if start + 50 < 120 { &headers } else { &[] }, tags_page(page))
    })
    .await;
    let list = client().tags(&format!("{}/{REPOSITORY}", fake.host)).await.unwrap();
    assert!(list.complete);
    assert_eq!(names(&list), all.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(fake.requests().len(), 3);
}

#[tokio::test]
async fn a_registry_that_ignores_paging_is_read_once_more_and_no_longer() {
    let all: Vec<String> = (0..PAGE_SIZE).map(|n| format!("t{n}")).collect();
    let fake = Fake::serve(move |_| answer(200, &[], tags_page(&all))).await;
    let list = client().tags(&format!("{}/{REPOSITORY}", fake.host)).await.unwrap();
    assert!(list.complete);
    assert_eq!(list.names.len(), PAGE_SIZE);
    assert_eq!(fake.requests().len(), 2);
}

#[tokio::test]
async fn links_in_a_circle_or_to_another_host_end_and_say_so() {
    let circle = Fake::serve(|_| {
        answer(200, &[("link", "</v2/team/app/tags/list?last=a>; rel=\"next\"")], tags_page(&["a".to_owned()]))
    })
    .await;
    let list = client().tags(&format!("{}/{REPOSITORY}", circle.host)).await.unwrap();
    assert_eq!((names(&list), list.complete), (vec!["a"], false));
    assert_eq!(circle.requests().len(), 2);
    let foreign =
        Fake::serve(|_| answer(200, &[("link", "<http://127.0.0.1:1/x>; rel=\"next\"")], tags_page(&["a".to_owned()])))
            .await;
    let list = client().tags(&format!("{}/{REPOSITORY}", foreign.host)).await.unwrap();
    assert_eq!((names(&list), list.complete), (vec!["a"], false));
}

#[tokio::test]
async fn reads_ten_thousand_tags_quickly_and_drops_names_that_are_none() {
    let mut all: Vec<String> = (0..10_000).map(|n| format!("main-{n:05}")).collect();
    all.push("line\nfeed".to_owned());
    all.push("../x".to_owned());
    let fake = Fake::serve(move |_| answer(200, &[], tags_page(&all))).await;
    let client = client();
    let start = Instant::now();
    let list = client.tags(&format!("{}/{REPOSITORY}", fake.host)).await.unwrap();
    assert_eq!(list.names.len(), 10_000);
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
}

#[tokio::test]
async fn an_empty_list_is_one() {
    let fake = Fake::serve(|_| answer(200, &[], r#"{"name":"x","tags":null}"#)).await;
    assert_eq!(
        client().tags(&format!("{}/{REPOSITORY}", fake.host)).await.unwrap(),
        TagList { names: vec![], complete: true }
    );
}

#[tokio::test]
async fn sorts_bad_answers_into_kinds_that_name_host_and_repository() {
    let fake = Fake::serve(|request| match request.path() {
        "/v2/a/unauthorized/tags/list" => answer(401, &[], ""),
        "/v2/a/forbidden/tags/list" => answer(403, &[], ""),
        "/v2/a/slow/tags/list" => answer(429, &[("retry-after", "17")], ""),
        "/v2/a/busy/tags/list" => answer(503, &[("retry-after", "3")], ""),
        "/v2/a/down/tags/list" => answer(503, &[], ""),
        "/v2/a/broken/tags/list" => answer(500, &[], ""),
        "/v2/a/garbage/tags/list" => answer(200, &[], "\u{0}<html>"),
        "/v2/a/huge/tags/list" => answer(200, &[], vec![b' '; PAGE_BYTES_LIMIT + 1]),
        "/v2/a/cut/tags/list" => answer(200, &[], r#"{"tags":["a","#),
        _ => answer(404, &[], ""),
    })
    .await;
    let client = client();
    let kind = async |repository: &str| {
        let error = client.tags(&format!("{}/a/{repository}", fake.host)).await.unwrap_err();
        assert_eq!(error.host, fake.host);
        assert!(error.to_string().contains(&format!("a/{repository}")), "{error}");
        error.kind
    };
    assert!(matches!(kind("unauthorized").await, Kind::Unauthorized));
    assert!(matches!(kind("forbidden").await, Kind::Unauthorized));
    assert!(matches!(kind("slow").await, Kind::RateLimited { retry_after: Some(wait) } if wait.as_secs() == 17));
    assert!(matches!(kind("busy").await, Kind::RateLimited { retry_after: Some(wait) } if wait.as_secs() == 3));
    assert!(matches!(kind("down").await, Kind::Server { status: 503 }));
    assert!(matches!(kind("broken").await, Kind::Server { status: 500 }));
    assert!(matches!(kind("garbage").await, Kind::Malformed(_)));
    assert!(matches!(kind("cut").await, Kind::Malformed(_)));
    assert!(matches!(kind("huge").await, Kind::TooLarge { limit: PAGE_BYTES_LIMIT }));
    assert!(matches!(kind("missing").await, Kind::NotFound));
}

#[tokio::test]
async fn an_unreachable_host_and_a_silent_one_are_told_apart() {
    let error = client().tags("127.0.0.1:1/team/app").await.unwrap_err();
    assert!(matches!(error.kind, Kind::Unreachable(_)), "{error:?}");
    assert!(chain(&error).starts_with("failed to list the tags of `127.0.0.1:1/team/app` at `127.0.0.1:1`"));
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let options = Options { timeout: Duration::from_millis(100), ..Options::default() };
    let host = silent.local_addr().unwrap();
    let error = Client::new(options).unwrap().tags(&format!("{host}/team/app")).await.unwrap_err();
    assert!(matches!(error.kind, Kind::Timeout), "{error:?}");
}

#[tokio::test]
async fn gets_one_token_per_repository_and_sends_it_nowhere_else() {
    let auth = Fake::serve(|request| {
        assert_eq!(request.header("authorization"), Some("Basic dTpw"));
        answer(200, &[], r#"{"token":"secret-token","expires_in":300}"#)
    })
    .await;
    let challenge = format!("Bearer realm=\"http://{}/token\",service=\"the registry\"", auth.host);
    let elsewhere = Fake::serve(|request| {
        assert_eq!(request.header("authorization"), None);
        answer(200, &[], tags_page(&["moved".to_owned()]))
    })
    .await;
    let target = format!("http://{}/anywhere", elsewhere.host);
    let fake = Fake::serve(move |request| match (request.header("authorization"), request.path()) {
        (Some("Bearer secret-token"), "/v2/team/moved/tags/list") => answer(307, &[("location", &target)], ""),
        (Some("Bearer secret-token"), _) => answer(200, &[], tags_page(&["a".to_owned()])),
        _ => answer(401, &[("www-authenticate", &challenge)], ""),
    })
    .await;
    let credentials = Credentials { user: "u".to_owned(), password: "p".to_owned() };
    assert!(!format!("{credentials:?}").contains('p'));
    let client = client().with_keyring(Keyring::of(&fake.host, credentials));
    for _ in 0..3 {
        let list = client.tags(&format!("{}/team/app", fake.host)).await.unwrap();
        assert_eq!(names(&list), ["a"]);
    }
    let asked = auth.requests();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].query("scope"), Some("repository%3Ateam%2Fapp%3Apull"));
    assert_eq!(fake.requests().len(), 4);
    let list = client.tags(&format!("{}/team/moved", fake.host)).await.unwrap();
    assert_eq!(names(&list), ["moved"]);
    assert!(!format!("{client:?}").contains("secret"));
}

#[tokio::test]
async fn a_token_that_is_refused_is_asked_for_once_more() {
    let n = AtomicUsize::new(0);
    let auth = Fake::serve(move |_| {
        answer(200, &[], json!({ "access_token": format!("t{}", n.fetch_add(1, Ordering::SeqCst)) }).to_string())
    })
    .await;
    let challenge = format!("Bearer realm=\"http://{}/token\"", auth.host);
    let valid = Arc::new(Mutex::new("Bearer t0".to_owned()));
    let now_valid = Arc::clone(&valid);
    let fake = Fake::serve(move |request| {
        if request.header("authorization") == Some(now_valid.lock().unwrap().as_str()) {
            answer(200, &[], tags_page(&[]))
        } else {
            answer(401, &[("www-authenticate", &challenge)], "")
        }
    })
    .await;
    let client = client();
    let repository = format!("{}/team/app", fake.host);
    client.tags(&repository).await.unwrap();
    *valid.lock().unwrap() = "Bearer t1".to_owned();
    client.tags(&repository).await.unwrap();
    *valid.lock().unwrap() = "never".to_owned();
    assert!(matches!(client.tags(&repository).await.unwrap_err().kind, Kind::Unauthorized));
    assert_eq!(auth.requests().len(), 3);
}

#[tokio::test]
async fn a_token_server_in_the_clear_on_another_machine_is_refused() {
    let fake =
        Fake::serve(|_| answer(401, &[("www-authenticate", "Bearer realm=\"http://auth.example.com/token\"")], ""))
            .await;
    let error = client().tags(&format!("{}/team/app", fake.host)).await.unwrap_err();
    assert!(chain(&error).contains("will not go to `http://auth.example.com/token`"), "{}", chain(&error));
}

#[tokio::test]
async fn speaks_basic_and_only_when_asked() {
    let fake = Fake::serve(|request| match request.header("authorization") {
        Some("Basic dTpw") => answer(200, &[], tags_page(&["a".to_owned()])),
        _ => answer(401, &[("www-authenticate", "Basic realm=\"x\"")], ""),
    })
    .await;
    let repository = format!("{}/team/app", fake.host);
    assert!(matches!(client().tags(&repository).await.unwrap_err().kind, Kind::Unauthorized));
    let credentials = Credentials { user: "u".to_owned(), password: "p".to_owned() };
    let client = client().with_keyring(Keyring::of(&fake.host, credentials));
    assert_eq!(names(&client.tags(&repository).await.unwrap()), ["a"]);
}

#[tokio::test]
async fn mirrors_answer_for_docker_hub_under_any_of_its_names() {
    let fake = Fake::serve(|_| answer(200, &[], tags_page(&["a".to_owned()]))).await;
    let options =
        Options { mirrors: BTreeMap::from([("docker.io".to_owned(), fake.host.clone())]), ..Options::default() };
    let client = Client::new(options).unwrap();
    client.tags("index.docker.io/library/redis").await.unwrap();
    assert_eq!(fake.requests()[0].path(), "/v2/library/redis/tags/list");
}

#[tokio::test]
async fn refuses_repositories_that_are_none() {
    for repository in
        ["app", "127.0.0.1:1/../x", "127.0.0.1:1/a//b", "127.0.0.1:1/a?b", "u:p@127.0.0.1:1/a", "127.0.0.1:1/"]
    {
        let error = client().tags(repository).await.unwrap_err();
        assert!(matches!(error.kind, Kind::Malformed(_)), "{repository}: {error:?}");
    }
}

#[tokio::test]
async fn reads_a_single_image() {
    let contents = Contents::default();
    let image = put_image(&contents, "linux", "arm64");
    name_tag(&contents, "v1", image["digest"].as_str().unwrap());
    let fake = registry_with(&contents).await;
    let client = client();
    let repository = format!("{}/team/app", fake.host);
    let metadata = client.metadata(&repository, &Tag::from("v1")).await.unwrap();
    assert_eq!(metadata.digest.as_str(), image["digest"]);
    assert_eq!(metadata.created, Timestamp(1_795_444_500_250));
    assert_eq!(metadata.platforms, ["linux/arm64"]);
    assert_eq!(metadata.size, image["total"].as_u64().unwrap());
    // The label that is too long is left out.
    assert_eq!(
        metadata.labels.into_iter().collect::<Vec<_>>(),
        [("org.opencontainers.image.version".to_owned(), "1.2.3".to_owned())]
    );
    let digest = client.digest(&repository, &Tag::from("v1")).await.unwrap();
    assert_eq!(digest, Some(metadata.digest));
}

#[tokio::test]
async fn prefers_linux_amd64_and_skips_attestations() {
    let contents = Contents::default();
    let attestation = json!({ "mediaType": "application/vnd.oci.image.manifest.v1+json", "size": 1,
        "digest": Digest::of("nothing").as_str(), "platform": { "os": "unknown", "architecture": "unknown" } });
    let (arm, amd) = (put_image(&contents, "linux", "arm64"), put_image(&contents, "linux", "amd64"));
    let index = |manifests: &[&Value]| {
        json!({ "schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.list.v2+json",
            "manifests": manifests, "annotations": { "a": "index", "b": "index" } })
    };
    let (both, _) = put(&contents, &index(&[&attestation, &arm, &amd]));
    let (one, _) = put(&contents, &index(&[&attestation, &arm]));
    let (none, _) = put(&contents, &index(&[&attestation]));
    for (tag, digest) in [("both", &both), ("one", &one), ("none", &none)] {
        name_tag(&contents, tag, digest);
    }
    let fake = registry_with(&contents).await;
    let client = client();
    let repository = format!("{}/team/app", fake.host);
    let metadata = client.metadata(&repository, &Tag::from("both")).await.unwrap();
    assert_eq!(metadata.digest.as_str(), both);
    assert_eq!(metadata.platforms, ["linux/arm64", "linux/amd64"]);
    assert_eq!(metadata.annotations["a"], "manifest");
    assert_eq!(metadata.annotations["b"], "index");
    assert!(fake.requests().iter().any(|request| request.path().ends_with(amd["digest"].as_str().unwrap())));
    let metadata = client.metadata(&repository, &Tag::from("one")).await.unwrap();
    assert_eq!(metadata.platforms, ["linux/arm64"]);
    let error = client.metadata(&repository, &Tag::from("none")).await.unwrap_err();
    assert!(matches!(error.kind, Kind::Malformed(_)));
}

#[tokio::test]
async fn believes_no_bytes_that_differ_from_their_digest() {
    let contents = Contents::default();
    let image = put_image(&contents, "linux", "amd64");
    let digest = image["digest"].as_str().unwrap();
    name_tag(&contents, "v1", digest);
    let manifest: Value = serde_json::from_slice(&contents.lock().unwrap()[digest]).unwrap();
    let config = manifest["config"]["digest"].as_str().unwrap().to_owned();
    contents.lock().unwrap().insert(config, b"{}".to_vec());
    let fake = registry_with(&contents).await;
    let error = client().metadata(&format!("{}/team/app", fake.host), &Tag::from("v1")).await.unwrap_err();
    assert!(chain(&error).contains("does not have its digest"), "{}", chain(&error));
    let lying = Fake::serve(|_| answer(200, &[("docker-content-digest", Digest::of("x").as_str())], "{}")).await;
    let error = client().metadata(&format!("{}/team/app", lying.host), &Tag::from("v1")).await.unwrap_err();
    assert!(matches!(error.kind, Kind::Malformed(_)));
}

#[tokio::test]
async fn survives_manifests_that_are_garbage() {
    for body in ["", "null", "[]", "{\"manifests\":3}", "{\"schemaVersion\":1,\"history\":[]}", "{\"manifests\":[]}"] {
        let fake = Fake::serve(move |_| answer(200, &[], body)).await;
        let error = client().metadata(&format!("{}/team/app", fake.host), &Tag::from("v1")).await.unwrap_err();
        assert!(matches!(error.kind, Kind::Malformed(_)), "{body}: {error:?}");
    }
}
