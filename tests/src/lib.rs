//! What the tests share: built policies, and a world to try things in.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot be set up says why"
)]

pub mod beside_helm;
pub mod embedded;
pub mod real;
pub mod servers;
pub mod soak;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rhumb_cli::demo::{Sources, World};
use rhumb_io::cluster::Cluster;
use serde_json::Value;

/// The policies that the example repository and the tests attach.
const ATTACHED: [&str; 6] = ["env-sizing", "glob", "regexp", "registry-mirror", "semver", "soak"];

/// A folder with the shipped policies that tests attach and the bad examples, built once per test run. Every start of a
/// daemon with a new state folder compiles all that is there, so the others stay out of it.
///
/// # Panics
///
/// When the policies cannot be built, with the message that says what to do.
pub fn policies() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT
        .get_or_init(|| {
            let root = root();
            let out = root.join("target/attached-policies");
            let mut crates: Vec<PathBuf> = ATTACHED.iter().map(|name| root.join("policies").join(name)).collect();
            let bad = root.join("examples/bad-policies");
            for entry in std::fs::read_dir(bad).expect("the folder is part of the project") {
                let path = entry.expect("the folder can be listed").path();
                if path.join("Cargo.toml").exists() {
                    crates.push(path);
                }
            }
            if let Err(error) = rhumb_cli::policy::build::build_all(&crates, &out) {
                panic!("{}", rhumb_core::chain::chain(&error));
            }
            out
        })
        .clone()
}

/// A binary of the project, which cargo puts beside the tests' folder.
///
/// # Panics
///
/// When the test does not run from cargo's target folder.
pub fn binary(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a running test has a path");
    // …/target/debug/deps/it-… → …/target/debug/<name>
    test.parent().and_then(Path::parent).expect("cargo puts tests two folders deep").join(name)
}

/// The root of the project.
pub fn root() -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    root.canonicalize().expect("the project's folder is there")
}

/// The demo's servers with the example repository and a daemon, nothing settled yet.
///
/// # Panics
///
/// When a server does not start.
pub async fn world() -> World {
    let sources = Sources { examples: root().join("examples"), policies: policies() };
    World::start(&sources).await.expect("the embedded servers start")
}

/// The status label of every release record in a cluster, as `<release> v<revision> <status>`; nothing while its API does
/// not answer.
pub async fn records(cluster: &Cluster) -> Vec<String> {
    let secrets = cluster.list("v1", "Secret", None).await.unwrap_or_default();
    let label = |secret: &Value, key: &str| secret["metadata"]["labels"][key].as_str().unwrap_or_default().to_owned();
    let records = secrets.iter().filter(|secret| label(secret, "owner") == "helm");
    let mut lines: Vec<String> =
        records.map(|s| format!("{} v{} {}", label(s, "name"), label(s, "version"), label(s, "status"))).collect();
    lines.sort();
    lines
}
