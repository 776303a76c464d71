//! Runs somebody's config repository, as it is, on the real parts, and prints what becomes of each release.
//!
//! `cargo run -p rhumb-tests --example public -- FOLDER GIT_URL [IMAGE:TAG...]`: the files of the folder are served as
//! `GIT_URL`; the images are pushed one after the other to the registry that stands for Docker Hub.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::indexing_slicing, reason = "a program for developers")]

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rhumb_tests::binary;
use rhumb_tests::real::{Names, Pace, Real};

/// Where Helm's charts were kept when such repositories were written.
const STABLE: &str = "https://kubernetes-charts.storage.googleapis.com";

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, git, images @ ..] = arguments.as_slice() else {
        println!("usage: public FOLDER GIT_URL [IMAGE:TAG...]");
        return;
    };
    let names = Names { git: git.clone(), registries: vec!["docker.io".to_owned()], charts: vec![STABLE.to_owned()] };
    let Some(real) = Real::unmodified(Path::new(folder), names).await else { return };
    let _daemon = real.operated(Pace::Quick, |_| {}).await;
    real.admit().await;
    for image in images {
        let (repository, tag) = image.rsplit_once(':').unwrap_or((image, "latest"));
        let mut command = Command::new(binary("ci-mock"));
        command.arg("-r").arg(format!("{}/{repository}", real.registry.host())).args(["-v", tag]);
        assert!(command.status().unwrap().success(), "{image}");
        // Build times are told apart by the second.
        tokio::time::sleep(Duration::from_millis(1100)).await;
    }
    tokio::time::sleep(Duration::from_secs(30)).await;
    for words in [&["list"][..], &["images"]] {
        println!("$ rhumb {}\n{}", words.join(" "), String::from_utf8_lossy(&real.rhumb(words).stdout));
    }
    for release in real.ask(&["list"]).as_array().unwrap() {
        let (namespace, name) = (release["namespace"].as_str().unwrap(), release["name"].as_str().unwrap());
        let condition = real.condition(namespace, name, "Released").await;
        println!("{namespace}/{name}: {condition:?}");
    }
    println!("$ helm list -A\n{}", real.helm(&["list", "-A"]));
    for entry in real.remote.log().unwrap() {
        println!("{}  {}  {:?}", entry.author, entry.message.trim_end(), entry.paths.len());
    }
}
