//! From a push to what it leads to, woken by webhooks, on the real parts: git over SSH, Docker's registry, a control plane.
//!
//! `cargo bench-rhumb cluster` runs it last, with the optimised daemon beside it. Every interval of the daemon is an hour, so that
//! nothing but the webhook wakes it.

#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::indexing_slicing, reason = "a measuring program")]

use std::time::{Duration, Instant};

use rhumb_io::cluster::Key;
use rhumb_tests::real::{Pace, Real};
use rhumb_tests::servers::free_port;
use serde_json::{Value, json};

const SECRET: &str = "a-secret-of-the-webhooks";
/// The daemon's namespace.
const OWN: &str = "rhumb";
const DEV: &str = "releases/dev/podinfo.yaml";
/// How often each is measured.
const ROUNDS: usize = 20;
const LIMIT: Duration = Duration::from_secs(60);

#[tokio::main]
async fn main() {
    let Some(real) = Real::start().await else { return };
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "namespace": OWN, "name": "rhumb-webhooks" },
        "stringData": { "git": SECRET, "registry": SECRET },
    });
    real.cluster.apply(&secret, "bench").await.unwrap();
    let port = free_port();
    let listen = format!("127.0.0.1:{port}");
    // Its first clone is refused until its key is admitted, and then nothing but a webhook wakes it.
    drop({
        let first = real.operated(Pace::Quick, |_| {}).await;
        real.admit().await;
        real.runs("dev", "podinfo-dev", "dev-kb9lm91e").await;
        first
    });
    let _daemon = real
        .operated(Pace::Patient, |command| {
            command.arg("--listen-webhooks").arg(&listen);
        })
        .await;
    tokio::time::sleep(Duration::from_secs(20)).await;

    let key = Key::new("v1", "ConfigMap", "dev", "told");
    let mut objects = Vec::new();
    for round in 0..ROUNDS {
        let text = format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: told, namespace: dev}}\ndata: {{round: \"{round}\"}}\n"
        );
        real.commit("Tell", &[("releases/dev/told.yaml", &text)]);
        let wanted = Value::from(round.to_string());
        let start = Instant::now();
        tell(port, "git", ("x-gitlab-token", SECRET)).await;
        until(start, "the object is there", async || {
            let object = real.cluster.get(&key).await.ok().flatten().unwrap_or_default();
            object["data"]["round"] == wanted
        })
        .await;
        objects.push(start.elapsed());
    }
    print("push to git → object applied", objects);

    let (mut commits, mut running) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let tag = format!("dev-{round:08}");
        real.push(&["-v", &tag]);
        let start = Instant::now();
        tell(port, "registry", ("authorization", &format!("Bearer {SECRET}"))).await;
        until(start, "the commit is pushed", async || real.remote.text(DEV).unwrap().contains(&tag)).await;
        commits.push(start.elapsed());
        until(start, "the new image runs", async || real.tag("dev", "podinfo-dev").await.as_ref() == Some(&tag)).await;
        running.push(start.elapsed());
    }
    print("push of an image → commit pushed", commits);
    print("push of an image → Deployment changed", running);
}

/// What the server of git or of images says after a push.
async fn tell(port: u16, path: &str, (name, value): (&str, &str)) {
    let client = rhumb_io::web::client(LIMIT).unwrap();
    let request = client.post(format!("http://127.0.0.1:{port}/{path}")).header(name, value).body("{}");
    assert_eq!(request.send().await.unwrap().status().as_u16(), 202);
}

async fn until(start: Instant, what: &str, mut holds: impl AsyncFnMut() -> bool) {
    while !holds().await {
        assert!(start.elapsed() < LIMIT, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn print(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let millis = |time: Option<&Duration>| time.map_or(0, Duration::as_millis);
    println!(
        "{what:<40} median {:>5} ms, {:>5}–{} ms, {} rounds",
        millis(times.get(times.len() / 2)),
        millis(times.first()),
        millis(times.last()),
        times.len(),
    );
}
