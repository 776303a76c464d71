//! The registry as plain HTTP sees it, and as `image::push` fills it.

use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};

use super::*;
use crate::image::{self, Options};
use crate::media;

const CREATED: u64 = 1_795_444_500_000;

fn http() -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::new()
}

async fn get(server: &Server, path: &str) -> Response {
    http().get(format!("{}/v2/{path}", server.url())).send().await.unwrap()
}

async fn json_of(server: &Server, path: &str) -> Value {
    get(server, path).await.json().await.unwrap()
}

#[tokio::test]
async fn a_pushed_image_can_be_read_back_to_its_layer() {
    let server = Server::start().await.unwrap();
    let labels = [("org.opencontainers.image.revision".to_owned(), "abc".to_owned())].into();
    let options = Options { created: CREATED, labels, login: None };
    let digest = image::push(&server.url(), "rhumb/podinfo", "dev-1", &options).await.unwrap();
    assert_eq!(server.digest("rhumb/podinfo", "dev-1"), Some(digest.clone()));
    let head = http().head(format!("{}/v2/rhumb/podinfo/manifests/dev-1", server.url())).send().await.unwrap();
    assert_eq!(head.headers()["docker-content-digest"], digest.as_str());
    assert_eq!(head.headers()["content-type"], media::MANIFEST);
    let manifest = json_of(&server, &format!("rhumb/podinfo/manifests/{digest}")).await;
    let blob = async |descriptor: &Value| {
        let wanted = descriptor["digest"].as_str().unwrap().to_owned();
        let data = get(&server, &format!("rhumb/podinfo/blobs/{wanted}")).await.bytes().await.unwrap();
        assert_eq!((media::digest(&data), json!(data.len())), (wanted, descriptor["size"].clone()));
        data
    };
    let config: Value = serde_json::from_slice(&blob(&manifest["config"]).await).unwrap();
    assert_eq!(config["created"], "2026-11-23T14:35:00Z");
    assert_eq!(config["config"]["Labels"]["org.opencontainers.image.revision"], "abc");
    let layer = blob(&manifest["layers"][0]).await;
    let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(&layer[..]));
    let paths: Vec<_> = tar.entries().unwrap().map(|e| e.unwrap().path().unwrap().display().to_string()).collect();
    assert_eq!(paths, ["app/VERSION", "app/podinfo"]);
    let other = image::push(&server.url(), "rhumb/podinfo", "dev-2", &options).await.unwrap();
    assert_ne!(other, digest, "no two builds are alike");
}

#[tokio::test]
async fn tags_come_in_pages_with_links() {
    let server = Server::start().await.unwrap();
    let before = std::time::Instant::now();
    server.add_tags("many", (0..10_000).map(|n| (format!("v{n:05}"), CREATED)));
    assert!(before.elapsed().as_secs() < 60);
    server.set_page_limit(4000);
    let (mut path, mut seen, mut pages) = ("many/tags/list?n=5000".to_owned(), Vec::new(), 0);
    loop {
        let page = get(&server, &path).await;
        let link = page.headers().get("link").map(|l| l.to_str().unwrap().to_owned());
        let body: Value = page.json().await.unwrap();
        seen.extend(body["tags"].as_array().unwrap().clone());
        pages += 1;
        let Some(link) = link else { break };
        let next = link.strip_prefix("</v2/").unwrap().strip_suffix(">; rel=\"next\"").unwrap();
        path = next.to_owned();
    }
    assert_eq!((pages, seen.len()), (3, 10_000));
    assert_eq!(server.requests().tags, 3);
    assert_eq!(get(&server, "none/tags/list").await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn faults_are_what_registries_do() {
    let server = Server::start().await.unwrap();
    server.add_tags("a", [("1".to_owned(), CREATED)]);
    let status = async || get(&server, "a/tags/list").await.status().as_u16();
    server.set_fault(Fault::Unauthorized);
    assert!(get(&server, "a/tags/list").await.headers().contains_key("www-authenticate"));
    assert_eq!(status().await, 401);
    server.set_fault(Fault::TooMany { retry_after: Some(9) });
    assert_eq!(get(&server, "a/tags/list").await.headers()["retry-after"], "9");
    server.set_fault(Fault::Status(500));
    assert_eq!(status().await, 500);
    server.set_fault(Fault::Garbage);
    assert!(get(&server, "a/tags/list").await.json::<Value>().await.is_err());
    server.set_fault(Fault::Truncated);
    assert!(get(&server, "a/tags/list").await.bytes().await.is_err());
    server.clear_faults();
    server.set_fault_for("b", Fault::Status(503));
    assert_eq!(status().await, 200);
    assert_eq!(get(&server, "b/tags/list").await.status().as_u16(), 503);
    assert_eq!(server.requests().total(), 8);
}

#[tokio::test]
async fn a_push_that_is_not_sound_is_refused() {
    let server = Server::start().await.unwrap();
    let put = async |path: &str, body: &'static str| {
        http().put(format!("{}/v2/{path}", server.url())).body(body).send().await.unwrap().status().as_u16()
    };
    let unknown = r#"{"config": {"digest": "sha256:00"}, "layers": []}"#;
    assert_eq!(put("a/manifests/1", unknown).await, 400);
    assert_eq!(put("a/manifests/1", "no json").await, 400);
    assert_eq!(put("A/manifests/1", "{}").await, 400);
    let upload = format!("{}/v2/a/blobs/uploads/?digest=sha256:00", server.url());
    assert_eq!(http().post(upload).body("x").send().await.unwrap().status(), 400);
    server.set_fault(Fault::Unauthorized);
    let refused = image::push(&server.url(), "a", "1", &Options::default()).await.unwrap_err();
    assert!(refused.to_string().ends_with("the registry wants a user and a password, or other ones"), "{refused}");
}

#[tokio::test]
async fn uploads_in_pieces_are_put_together() {
    let server = Server::start().await.unwrap();
    let base = server.url();
    let begun = http().post(format!("{base}/v2/a/blobs/uploads/")).send().await.unwrap();
    let place = format!("{base}{}", begun.headers()["location"].to_str().unwrap());
    let piece = http().patch(&place).body("he").send().await.unwrap();
    assert_eq!(piece.headers()["range"], "0-1");
    http().patch(&place).body("ll").send().await.unwrap();
    let digest = media::digest(b"hello");
    let done = http().put(format!("{place}?digest={digest}")).body("o").send().await.unwrap();
    assert_eq!(done.status(), StatusCode::CREATED);
    assert_eq!(get(&server, &format!("a/blobs/{digest}")).await.text().await.unwrap(), "hello");
}
