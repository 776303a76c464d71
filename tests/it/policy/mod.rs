//! `rhumb policy` as a policy author runs it.

mod new;
mod oci;
mod records;
mod suites;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use rhumb_tests::{binary, policies, root};

/// `rhumb policy …` in this folder.
fn policy(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(binary("rhumb"));
    command.arg("policy").args(arguments).current_dir(folder).env("NO_COLOR", "1");
    // Nothing is fetched: what the SDK needs is there since Rhumb was built. One target folder, so that it is built once.
    command.env("CARGO_NET_OFFLINE", "true").env("CARGO_TARGET_DIR", root().join("target/new-policies"));
    command
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    policy(folder, arguments).output().expect("rhumb was built")
}

/// What it printed, with this exit code.
fn printed(folder: &Path, arguments: &[&str], code: i32) -> String {
    let output = run(folder, arguments);
    let (text, words) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{arguments:?}\n{text}\n{words}");
    text.into_owned()
}

/// What it complained of, with exit code 2.
fn refused(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}\n{words}");
    words
}

/// A copy of a shipped policy's cases, which may be changed, and its component.
fn copied(name: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("cases")).unwrap();
    for entry in std::fs::read_dir(root().join("policies").join(name).join("cases")).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, folder.path().join("cases").join(path.file_name().unwrap())).unwrap();
    }
    (folder, component(name).to_string_lossy().into_owned())
}

fn component(name: &str) -> PathBuf {
    policies().join(format!("{name}.wasm"))
}
