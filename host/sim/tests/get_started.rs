//! The example config repository on everything embedded, and `ci-mock` as a user runs it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use rhumb_sim::{Clock, api, charts, git, registry};

const START: u64 = 1_795_444_500_000;

fn example(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(path)
}

fn ci_mock(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ci-mock")).args(arguments).output().expect("ci-mock was built with this test")
}

#[test]
fn the_example_is_seeded_with_the_names_of_a_demo() {
    let dir = tempfile::tempdir().unwrap();
    let remote = git::Remote::create(&dir.path().join("get-started.git"), Clock::fixed(START)).unwrap();
    let replacements = [
        ("git@example.com:rhumb/get-started", "file:///remote"),
        ("registry.example.com", "127.0.0.1:5000"),
        ("https://charts.example.com/", "http://127.0.0.1:5001"),
    ];
    remote.seed(&example("get-started"), &replacements).unwrap();
    let paths = remote.paths().unwrap();
    for path in paths.iter().filter(|path| path.as_str() != "README.md") {
        let text = remote.text(path).unwrap();
        assert!(!text.contains("git@example.com") && !text.contains("registry.example.com"), "{path}");
        assert!(!text.contains("charts.example.com"), "{path}");
    }
    let dev = remote.text("releases/dev/podinfo.yaml").unwrap();
    assert!(
        dev.contains("      repository: 127.0.0.1:5000/rhumb/podinfo\n      tag: \"dev-kb9lm91e\" # automation"),
        "{dev}"
    );
    assert!(paths.iter().any(|path| path == "charts/podinfo/Chart.yaml"));
}

#[tokio::test]
async fn the_stand_in_chart_can_be_served() {
    let server = charts::Server::start(Clock::fixed(START)).await.unwrap();
    let archive = server.add(&example("charts/sealed-secrets")).unwrap();
    assert_eq!((archive.name.as_str(), archive.version.as_str()), ("sealed-secrets", "1.6.1"));
}

#[tokio::test]
async fn the_definition_of_the_stand_in_chart_is_accepted() {
    let definition = std::fs::read_to_string(example("charts/sealed-secrets/crds/sealedsecret.yaml")).unwrap();
    let crds = vec![api::HELM_RELEASE_CRD, definition.as_str()];
    api::Server::start(api::Options { clock: Clock::fixed(START), crds }).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn ci_mock_pushes_and_prints_what_it_pushed() {
    let server = registry::Server::start().await.unwrap();
    let repository = format!("{}/rhumb/podinfo", server.host());
    let by_branch = ci_mock(&["-r", &repository, "-b", "dev"]);
    let by_version = ci_mock(&["-r", &repository, "-v", "0.4.10"]);
    assert_eq!(String::from_utf8(by_version.stdout).unwrap(), format!("{repository}:0.4.10\n"));
    let printed = String::from_utf8(by_branch.stdout).unwrap();
    let tag = printed.trim().strip_prefix(&format!("{repository}:")).unwrap().to_owned();
    let commit = tag.strip_prefix("dev-").unwrap();
    assert!(commit.len() == 8 && commit.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()), "{tag}");
    assert_eq!(server.tags("rhumb/podinfo"), ["0.4.10".to_owned(), tag]);
}

#[tokio::test(flavor = "multi_thread")]
async fn ci_mock_says_what_is_wrong() {
    let server = registry::Server::start().await.unwrap();
    server.set_fault(registry::Fault::Status(503));
    let failed = |arguments: &[&str]| {
        let output = ci_mock(arguments);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(failed(&["-r", "podinfo"]).starts_with("error: repository `podinfo` names no registry"));
    assert!(failed(&["-r", "127.0.0.1:1/p"]).contains("\n  caused by: "));
    assert!(failed(&["-r", "127.0.0.1:1/p", "-b", "feature/x"]).contains("cannot be a tag"));
    assert!(failed(&["-r", &format!("{}/p", server.host())]).contains("the registry answered 503"));
}
