use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use rhumb_core::chain::chain;
use rhumb_core::id::Digest;

use super::*;
use crate::fake::{Fake, answer};
use crate::registry::Credentials;

const ARCHIVE: &[u8] = b"not read here";

fn index_text(digest: &str) -> String {
    format!(
        "apiVersion: v1\nentries:\n  podinfo:\n  - {{version: 0.3.0, urls: [charts/podinfo-0.3.0.tgz], digest: '{digest}'}}\n  \
         - {{version: 1.0.0-rc.1, urls: [charts/podinfo-1.0.0-rc.1.tgz]}}\n  - {{version: 0.10.0, urls: [charts/podinfo-0.10.0.tgz], appVersion: '7'}}\n  \
         - {{version: v0.4.0, urls: [charts/podinfo-v0.4.0.tgz]}}\n  - {{version: not one, urls: [x]}}\n  - {{version: 9.9.9}}\n"
    )
}

fn client(cache: Option<&std::path::Path>) -> Client {
    Client::new(Options { cache: cache.map(Into::into), ..Options::default() }).unwrap()
}

async fn repository(digest: &str) -> Fake {
    let index = index_text(digest);
    Fake::serve(move |request| match request.path() {
        "/stable/index.yaml" if request.header("if-none-match") == Some("\"1\"") => answer(304, &[], ""),
        "/stable/index.yaml" => answer(200, &[("etag", "\"1\"")], index.clone()),
        path if path.ends_with(".tgz") => answer(200, &[], ARCHIVE),
        _ => answer(404, &[], ""),
    })
    .await
}

#[tokio::test]
async fn resolves_versions_and_ranges_as_helm_does() {
    let fake = repository(Digest::of(ARCHIVE).as_str().trim_start_matches("sha256:")).await;
    let client = client(None);
    let url = format!("http://{}/stable", fake.host);
    for (wanted, version) in [
        ("0.3.0", "0.3.0"),
        ("", "0.10.0"),
        ("*", "0.10.0"),
        ("~0.4", "v0.4.0"),
        ("0.4.0", "v0.4.0"),
        (">0-0", "1.0.0-rc.1"),
    ] {
        let archive = client.fetch(&url, "podinfo", wanted).await.unwrap();
        assert_eq!(archive.version, version, "{wanted}");
        assert_eq!(archive.url, format!("{url}/charts/podinfo-{version}.tgz"));
        assert_eq!((archive.digest, archive.data), (Digest::of(ARCHIVE), ARCHIVE.to_vec()));
    }
    let kind = async |name: &str, version: &str| client.fetch(&url, name, version).await.unwrap_err().kind;
    assert!(matches!(kind("podinfo", "^2").await, Kind::NoVersion { .. }));
    assert!(matches!(kind("podinfo", "latest").await, Kind::BadRange { .. }));
    assert!(matches!(kind("redis", "*").await, Kind::NoChart { .. }));
}

#[tokio::test]
async fn a_mirror_is_asked_in_place_of_a_repository() {
    let fake = Fake::serve(move |request| match request.path() {
        "/mirror/index.yaml" => {
            let whole = "https://charts.example.com/stable/podinfo-1.0.0.tgz";
            answer(
                200,
                &[],
                format!("apiVersion: v1\nentries:\n  podinfo:\n  - {{version: 1.0.0, urls: ['{whole}']}}\n"),
            )
        }
        "/mirror/podinfo-1.0.0.tgz" => answer(200, &[], ARCHIVE),
        _ => answer(404, &[], ""),
    })
    .await;
    let mirrors = vec![
        ("https://charts.example.com".to_owned(), format!("http://{}/elsewhere", fake.host)),
        ("https://charts.example.com/stable/".to_owned(), format!("http://{}/mirror", fake.host)),
    ];
    let client = Client::new(Options { mirrors, ..Options::default() }).unwrap();
    let archive = client.fetch("https://charts.example.com/stable/", "podinfo", "*").await.unwrap();
    assert_eq!((archive.version.as_str(), archive.data.as_slice()), ("1.0.0", ARCHIVE));
    let other = client.fetch(&format!("http://{}/stablest", fake.host), "podinfo", "*").await.unwrap_err();
    assert!(other.url.ends_with("/stablest/"), "{}", other.url);
}

#[tokio::test]
async fn an_index_that_did_not_change_and_a_cached_archive_are_not_sent_again() {
    let dir = tempfile::tempdir().unwrap();
    let fake = repository(Digest::of(ARCHIVE).as_str()).await;
    let client = client(Some(dir.path()));
    let url = format!("http://{}/stable/", fake.host);
    for _ in 0..3 {
        client.fetch(&url, "podinfo", "0.3.0").await.unwrap();
    }
    let paths: Vec<String> = fake.requests().iter().map(|request| request.path().to_owned()).collect();
    assert_eq!(paths.iter().filter(|path| path.ends_with(".tgz")).count(), 1);
    let cached = dir.path().join(format!("{}.tgz", &Digest::of(ARCHIVE).as_str()[7..]));
    std::fs::write(&cached, "changed").unwrap();
    assert_eq!(client.fetch(&url, "podinfo", "0.3.0").await.unwrap().data, ARCHIVE);
    assert_eq!(std::fs::read(&cached).unwrap(), ARCHIVE);
}

#[tokio::test]
async fn an_archive_that_differs_from_the_index_is_refused() {
    let fake = repository(Digest::of("something else").as_str()).await;
    let error = client(None).fetch(&format!("http://{}/stable", fake.host), "podinfo", "0.3.0").await.unwrap_err();
    assert!(matches!(error.kind, Kind::DigestMismatch { .. }), "{error:?}");
}

#[tokio::test]
async fn sorts_bad_answers_into_kinds() {
    let fake = Fake::serve(|request| match request.path() {
        "/locked/index.yaml" => answer(401, &[], ""),
        "/slow/index.yaml" => answer(429, &[("retry-after", "9")], ""),
        "/broken/index.yaml" => answer(500, &[], ""),
        "/garbage/index.yaml" => answer(200, &[], "<html>\n:"),
        "/empty/index.yaml" => answer(200, &[], ""),
        "/bomb/index.yaml" => {
            let mut text = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned();
            for n in 1..12 {
                let inner = format!("*a{}", n - 1);
                text.push_str(&format!("a{n}: &a{n} [{}]\n", vec![inner; 9].join(",")));
            }
            answer(200, &[], text)
        }
        _ => answer(404, &[], ""),
    })
    .await;
    let client = client(None);
    let kind = async |path: &str| client.index(&format!("http://{}/{path}", fake.host)).await.unwrap_err().kind;
    assert!(matches!(kind("locked").await, Kind::Unauthorized));
    assert!(matches!(kind("slow").await, Kind::RateLimited { retry_after: Some(wait) } if wait.as_secs() == 9));
    assert!(matches!(kind("broken").await, Kind::Server { status: 500 }));
    assert!(matches!(kind("garbage").await, Kind::Malformed(_)));
    assert!(matches!(kind("empty").await, Kind::Malformed(_)));
    assert!(matches!(kind("bomb").await, Kind::Malformed(_)));
    assert!(matches!(kind("none").await, Kind::NotFound));
    let oci = client.index("oci://example.com/charts").await.unwrap_err();
    assert_eq!(
        chain(&oci),
        "failed to read the index from `oci://example.com/charts`: charts over oci are not in yet; give an http or https URL"
    );
    assert!(matches!(client.index("::").await.unwrap_err().kind, Kind::BadUrl));
}

#[tokio::test]
async fn sends_credentials_to_their_host_only_and_tells_them_to_nobody() {
    let archives = Fake::serve(|request| {
        assert_eq!(request.header("authorization"), None);
        answer(200, &[], ARCHIVE)
    })
    .await;
    let text = format!("entries: {{app: [{{version: 1.0.0, urls: ['http://{}/app.tgz']}}]}}", archives.host);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let fake = Fake::serve(move |request| {
        log.lock().unwrap().push(request.header("authorization").map(str::to_owned));
        answer(200, &[], text.clone())
    })
    .await;
    let credentials = Credentials { user: "u".to_owned(), password: "p".to_owned() };
    let options = Options { credentials: BTreeMap::from([(fake.host.clone(), credentials)]), ..Options::default() };
    let with_options = Client::new(options).unwrap();
    with_options.fetch(&format!("http://{}", fake.host), "app", "*").await.unwrap();
    client(None).fetch(&format!("http://u:p@{}", fake.host), "app", "*").await.unwrap();
    assert_eq!(*seen.lock().unwrap(), vec![Some("Basic dTpw".to_owned()); 2]);
    let error = client(None).index("http://user:hidden@127.0.0.1:1/x").await.unwrap_err();
    assert!(!chain(&error).contains("hidden"), "{}", chain(&error));
}
