//! Faults of a registry: Docker's own, with a proxy in front of it for what it does not do by itself.

use std::process::Command;
use std::time::{Duration, Instant};

use rhumb_core::id::{Digest, Tag};
use rhumb_io::cluster::Key;
use rhumb_io::registry::{Client, Kind, Options};
use rhumb_tests::binary;
use rhumb_tests::embedded::Servers;
use rhumb_tests::servers::docker_registry::{self, DockerRegistry};
use rhumb_tests::servers::fault_proxy::{Fault, FaultProxy, READS, Rule, Turn};
use serde_json::{Value, json};

const REPOSITORY: &str = "rhumb/podinfo";
const DEV: &str = "releases/dev/podinfo.yaml";
const LIST: &str = "/tags/list";
/// Longest wait for something that should come soon, on a busy machine.
const LIMIT: Duration = Duration::from_secs(120);

/// A registry behind a proxy, and a daemon whose images are there.
struct Stage {
    registry: DockerRegistry,
    proxy: FaultProxy,
    servers: Servers,
}

impl Stage {
    async fn start() -> Option<Self> {
        let registry = DockerRegistry::start(docker_registry::Options::default())?;
        let proxy = FaultProxy::in_the_clear(&format!("http://{}", registry.host())).await;
        let servers = Servers::with_images_at(&proxy.host()).await;
        let stage = Self { registry, proxy, servers };
        for tag in ["dev-kb9lm91e", "stg-9ij63o4c", "0.4.9"] {
            stage.push(tag);
        }
        Some(stage)
    }

    /// Pushes an image past the proxy.
    fn push(&self, tag: &str) {
        let mut command = Command::new(binary("ci-mock"));
        command.arg("-r").arg(format!("{}/{REPOSITORY}", self.registry.host())).args(["-v", tag]);
        let output = command.output().expect("ci-mock was built");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn client(&self, timeout: Duration) -> Client {
        Client::new(Options { timeout, ..Options::default() }).unwrap()
    }

    /// The repository as images name it.
    fn repository(&self) -> String {
        format!("{}/{REPOSITORY}", self.proxy.host())
    }

    async fn condition(&self) -> (String, String) {
        let key = Key::new("helm.fluxcd.io/v1", "HelmRelease", "dev", "podinfo-dev");
        let object = self.servers.cluster.get(&key).await.unwrap().unwrap_or_default();
        let conditions = object.pointer("/status/conditions").and_then(Value::as_array).cloned().unwrap_or_default();
        let found = conditions.into_iter().find(|one| one["type"] == "ImagesUpdated").unwrap_or_default();
        let text = |key: &str| found[key].as_str().unwrap_or_default().to_owned();
        (text("reason"), text("message"))
    }

    /// Waits until the release says that the registry failed, in these words.
    async fn said(&self, words: &str) {
        let start = Instant::now();
        loop {
            let (reason, message) = self.condition().await;
            if reason == "RegistryFailed" && message.contains(words) {
                return;
            }
            let log = self.servers.log();
            assert!(start.elapsed() < LIMIT, "`{words}` was not said: {reason}, {message}\n{log}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until dev runs this tag by git, and sees that one commit brought it.
    async fn arrives(&self, tag: &str) {
        self.servers.wait_for_text(DEV, tag).await;
        let log = self.servers.remote.log().unwrap();
        assert_eq!(log.iter().filter(|commit| commit.message.contains(tag)).count(), 1);
    }

    fn is_at(&self, tag: &str) -> bool {
        self.servers.remote.text(DEV).unwrap().contains(tag)
    }

    fn lines(&self, words: &str) -> usize {
        self.servers.log().lines().filter(|line| line.contains(words)).count()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_registry_answers_is_said_at_the_release_and_the_image_arrives_when_it_answers_well() {
    let Some(mut stage) = Stage::start().await else { return };
    let _daemon = stage.servers.daemon(|command| {
        command.args(["--automation-interval", "1"]);
    });
    let deployed = |records: &[String]| records.iter().filter(|record| record.ends_with(" deployed")).count() == 4;
    stage.servers.wait("everything is deployed", deployed).await;

    // Whatever is wrong with the list of tags.
    let challenge = Fault::Answer {
        status: 401,
        headers: vec![("www-authenticate", "Basic realm=\"test\"".to_owned())],
        body: String::new(),
    };
    let faults = [
        (challenge, "registry refuses access"),
        (Fault::status(500), "registry answered with status 500"),
        (Fault::Cut(20), "the tags are not JSON"),
    ];
    for (n, (fault, words)) in faults.into_iter().enumerate() {
        let tag = format!("dev-list{n:04}");
        stage.proxy.set([Rule::new(READS, LIST, Turn::Each, fault)]);
        stage.push(&tag);
        stage.said(words).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(stage.lines(words), 1, "said once\n{}", stage.servers.log());
        assert!(!stage.is_at(&tag));
        stage.proxy.clear();
        stage.arrives(&tag).await;
    }

    // Whatever is wrong with the image: a registry that fails is said, and what is wrong with one image is.
    let faults = [
        (Fault::status(503), "registry answered with status 503"),
        (Fault::Cut(100), "does not have the digest it is said to have"),
    ];
    for (n, (fault, words)) in faults.into_iter().enumerate() {
        let tag = format!("dev-image{n:03}");
        stage.proxy.set([Rule::new(READS, &format!("/manifests/{tag}"), Turn::Each, fault)]);
        stage.push(&tag);
        let start = Instant::now();
        while stage.lines(words) == 0 {
            assert!(start.elapsed() < LIMIT, "`{words}` was not said\n{}", stage.servers.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(stage.lines(words), 1, "said once\n{}", stage.servers.log());
        assert!(!stage.is_at(&tag));
        stage.proxy.clear();
        stage.arrives(&tag).await;
    }

    // Too many requests, of either kind: nothing comes before the time that was asked for, however often it is time.
    for (part, tag) in [(LIST, "dev-slow0000"), ("/manifests/", "dev-slow0001")] {
        stage.proxy.set([Rule::new(READS, part, Turn::First(1), Fault::slow_down(6))]);
        stage.push(tag);
        stage.arrives(tag).await;
        let seen = stage.proxy.clear();
        let told = seen.iter().position(|one| one.faulted).unwrap();
        let after = seen[told + 1].at - seen[told].at;
        assert!(after >= Duration::from_secs(6), "{:?} came after {after:?}", seen[told + 1]);
    }
    stage.said_nothing_more().await;

    // Between the list and the look at its image a tag is deleted.
    stage.proxy.set([Rule::new(READS, "/manifests/dev-gone", Turn::Each, Fault::Delay(Duration::from_secs(3)))]);
    stage.push("dev-gone0000");
    let start = Instant::now();
    while stage.proxy.n_faulted() == 0 {
        assert!(start.elapsed() < LIMIT, "nobody looks at the image\n{}", stage.servers.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let past = stage.client(LIMIT);
    let direct = format!("{}/{REPOSITORY}", stage.registry.host());
    let digest = past.digest(&direct, &Tag::new("dev-gone0000")).await.unwrap().unwrap();
    stage.registry.delete(REPOSITORY, digest.as_str()).await;
    stage.push("dev-stays000");
    stage.arrives("dev-stays000").await;
    assert!(stage.servers.remote.log().unwrap().iter().all(|commit| !commit.message.contains("dev-gone0000")));
    stage.proxy.clear();

    // Down, and back with all it had.
    stage.registry.stop();
    stage.said("registry answered with status 502").await;
    stage.registry.up();
    stage.push("dev-back0000");
    stage.arrives("dev-back0000").await;

    // A tag that ran before is built anew: it is another image, the newest, and the filter takes it again.
    stage.push("dev-slow0000");
    stage.servers.wait_for_text(DEV, "dev-slow0000").await;
}

impl Stage {
    /// Waits until the release says that all is well.
    async fn said_nothing_more(&self) {
        let start = Instant::now();
        loop {
            let (reason, message) = self.condition().await;
            if matches!(reason.as_str(), "UpToDate" | "Committed") {
                return;
            }
            assert!(start.elapsed() < LIMIT, "{reason}: {message}\n{}", self.servers.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_drips_is_given_up_in_time() {
    let Some(stage) = Stage::start().await else { return };
    let client = stage.client(Duration::from_secs(2));
    let repository = stage.repository();
    stage.proxy.set([Rule::new(READS, "/", Turn::Each, Fault::Drip(Duration::from_secs(1)))]);
    let start = Instant::now();
    let list = client.tags(&repository).await.unwrap_err();
    let image = client.metadata(&repository, &Tag::new("0.4.9")).await.unwrap_err();
    assert!(matches!((&list.kind, &image.kind), (Kind::Timeout, Kind::Timeout)), "{list:?} {image:?}");
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
    stage.proxy.clear();
    client.tags(&repository).await.unwrap();
}

/// As `docker buildx` pushes it: an image for each platform, and beside each a manifest of how it was made.
#[tokio::test(flavor = "multi_thread")]
async fn an_index_of_ten_platforms_and_their_attestations_is_one_image() {
    let Some(stage) = Stage::start().await else { return };
    let http = rhumb_io::web::client(LIMIT).unwrap();
    let base = format!("http://{}/v2/{REPOSITORY}", stage.registry.host());
    let blob = async |data: String| {
        let digest = Digest::of(data.as_bytes()).to_string();
        let begun = http.post(format!("{base}/blobs/uploads/")).header("content-length", 0).send().await.unwrap();
        let location = begun.headers()["location"].to_str().unwrap().to_owned();
        let mark = if location.contains('?') { '&' } else { '?' };
        let size = data.len();
        let put = http.put(format!("{location}{mark}digest={digest}")).body(data).send().await.unwrap();
        assert!(put.status().is_success(), "{put:?}");
        (digest, size)
    };
    let manifest = async |reference: &str, kind: &str, manifest: &Value| {
        let (data, url) = (manifest.to_string(), format!("{base}/manifests/{reference}"));
        let digest = Digest::of(data.as_bytes()).to_string();
        let url = if reference.is_empty() { format!("{url}{digest}") } else { url };
        let size = data.len();
        let put = http.put(url).header("content-type", kind).body(data).send().await.unwrap();
        assert!(put.status().is_success(), "{}", put.text().await.unwrap());
        (digest, size)
    };
    let (index_kind, manifest_kind) =
        ("application/vnd.oci.image.index.v1+json", "application/vnd.oci.image.manifest.v1+json");
    let platforms: [(&str, Option<&str>); 10] = [
        ("s390x", None),
        ("amd64", None),
        ("arm64", Some("v8")),
        ("arm", Some("v7")),
        ("arm", Some("v6")),
        ("arm", Some("v5")),
        ("386", None),
        ("ppc64le", None),
        ("riscv64", None),
        ("mips64le", None),
    ];
    let mut entries = Vec::new();
    for (architecture, variant) in platforms {
        let config = json!({
            "created": "2026-11-23T13:30:00Z", "architecture": architecture, "os": "linux",
            "config": { "Labels": { "for": architecture } }, "rootfs": { "type": "layers", "diff_ids": [] },
        });
        let (config, size) = blob(config.to_string()).await;
        let image = json!({
            "schemaVersion": 2, "mediaType": manifest_kind, "layers": [],
            "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": size },
        });
        let (image, size) = manifest("", manifest_kind, &image).await;
        let mut platform = json!({ "architecture": architecture, "os": "linux" });
        if let Some(variant) = variant {
            platform["variant"] = json!(variant);
        }
        entries.push(json!({ "mediaType": manifest_kind, "digest": image, "size": size, "platform": platform }));
        let (statement, size) = blob(json!({ "predicate": image }).to_string()).await;
        let layer = json!({ "mediaType": "application/vnd.in-toto+json", "digest": statement, "size": size });
        let attestation = json!({
            "schemaVersion": 2, "mediaType": manifest_kind, "layers": [layer],
            "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": size },
        });
        let (attestation, size) = manifest("", manifest_kind, &attestation).await;
        entries.push(json!({
            "mediaType": manifest_kind, "digest": attestation, "size": size,
            "platform": { "architecture": "unknown", "os": "unknown" },
            "annotations": { "vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": image },
        }));
    }
    let index = json!({ "schemaVersion": 2, "mediaType": index_kind, "manifests": entries });
    let (digest, _) = manifest("dev-manyofit", index_kind, &index).await;

    stage.proxy.set([]);
    let client = stage.client(LIMIT);
    let image = client.metadata(&stage.repository(), &Tag::new("dev-manyofit")).await.unwrap();
    assert_eq!(image.digest.as_str(), digest);
    assert_eq!(image.platforms.len(), 10, "{:?}", image.platforms);
    assert!(image.platforms.contains(&"linux/arm/v6".to_owned()) && image.platforms[1] == "linux/amd64");
    assert_eq!(image.labels["for"], "amd64");
    assert_eq!(image.created.to_string(), "2026-11-23T13:30:00Z");
    assert_eq!(stage.proxy.clear().len(), 3, "the index, one manifest, its configuration");
}
