//! `rhumb template` in the place of `helm template`: the same arguments, the same bytes.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use rhumb_tests::{binary, root, servers};

/// Arguments without the chart, whose place is `CHART`.
const SAME: &[&[&str]] = &[
    &["CHART"],
    &["rel", "CHART", "-n", "ns1"],
    &["CHART", "--name-template", "app-{{ \"X\" | lower }}"],
    &["-g", "CHART"],
    &["rel", "CHART", "--set", "replicaCount=3,image.tag=1.2,ui.color=#fff"],
    &["rel", "CHART", "--set-string", "replicaCount=3", "--set", "replicaCount=4"],
    &["rel", "CHART", "--set-json", "service={\"type\":\"NodePort\",\"externalPort\":1}"],
    &["rel", "CHART", "--set-literal", "ui.message=a,b\\c{d}"],
    &["rel", "CHART", "--set-file", "ui.message=FILES/text"],
    &["rel", "CHART", "-f", "FILES/one.yaml", "-f", "FILES/two.yaml", "--set", "replicaCount=5"],
    &["rel", "CHART", "-f", "FILES/one.yaml,FILES/two.yaml"],
    &["rel", "CHART", "-s", "templates/service.yaml"],
    &["rel", "CHART", "-s", "templates/tests/*", "-s", "templates/dep*"],
    &["rel", "CHART", "--no-hooks"],
    &["rel", "CHART", "--skip-tests", "--include-crds", "--is-upgrade"],
    &["rel", "CHART", "-a", "policy/v9,x/v1", "--set", "hpa.enabled=true"],
    &["rel", "CHART", "--wait", "--timeout", "5m", "--create-namespace", "--dry-run=client", "--skip-crds"],
];

/// The same, where both refuse.
const REFUSED: &[&[&str]] = &[
    &["rel", "CHART", "-s", "templates/nosuch.yaml"],
    &["rel", "CHART", "--set", "a"],
    &["rel", "CHART", "--set-json", "a={"],
    &["rel", "CHART", "--set-file", "a=FILES/nosuch"],
    &["rel", "CHART", "--kube-version", "x"],
    &["rel", "CHART", "--kube-version", "1"],
    &["rel", "CHART", "--name-template", "x"],
    &["Rel_", "CHART"],
];

struct World {
    folder: tempfile::TempDir,
    helm: std::path::PathBuf,
}

impl World {
    fn run(&self, program: &Path, arguments: &[&str], chart: &Path) -> Output {
        let fill = |word: &&str| {
            let files = self.folder.path().to_string_lossy();
            word.replace("FILES", &files).replace("CHART", &chart.to_string_lossy())
        };
        let mut command = Command::new(program);
        command.arg("template").args(arguments.iter().map(fill));
        if !arguments.contains(&"--kube-version") {
            command.args(["--kube-version", "1.34"]);
        }
        command.env_remove("KUBECONFIG").env("HELM_CACHE_HOME", self.folder.path());
        command.output().unwrap()
    }
}

fn world() -> Option<World> {
    let [helm] = servers::built(["helm"])?;
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("one.yaml"), "replicaCount: 2\nui: {color: red, message: one}\n").unwrap();
    fs::write(folder.path().join("two.yaml"), "ui: {message: two}\n").unwrap();
    fs::write(folder.path().join("text"), "a text, with {signs}\n").unwrap();
    Some(World { folder, helm })
}

#[test]
fn the_same_arguments_print_the_same_bytes() {
    let Some(world) = world() else { return };
    let charts = root().join("host/helm/tests/charts");
    for chart in ["podinfo", "umbrella"] {
        for arguments in SAME {
            let ours = world.run(&binary("rhumb"), arguments, &charts.join(chart));
            let theirs = world.run(&world.helm, arguments, &charts.join(chart));
            let words = String::from_utf8_lossy(&ours.stderr);
            assert_eq!(ours.status.success(), theirs.status.success(), "{chart} {arguments:?}: {words}");
            let text = |output: &Output| String::from_utf8(output.stdout.clone()).unwrap();
            assert_eq!(text(&ours), text(&theirs), "{chart} {arguments:?}");
        }
    }
}

#[test]
fn what_helm_refuses_is_refused_in_its_words() {
    let Some(world) = world() else { return };
    let chart = root().join("host/helm/tests/charts/podinfo");
    for arguments in REFUSED {
        let ours = world.run(&binary("rhumb"), arguments, &chart);
        let theirs = world.run(&world.helm, arguments, &chart);
        assert!(!ours.status.success() && !theirs.status.success(), "{arguments:?}");
        let theirs = String::from_utf8(theirs.stderr).unwrap();
        let said = theirs.trim().trim_start_matches("Error: ");
        let ours = String::from_utf8(ours.stderr).unwrap();
        assert!(ours.contains(said), "{arguments:?}\n{ours}\n{theirs}");
    }
}

#[test]
fn what_cannot_be_had_is_refused_with_what_to_do() {
    let chart = root().join("host/helm/tests/charts/podinfo");
    for flag in ["--validate", "--dependency-update", "--dry-run=server", "--enable-dns"] {
        let output = Command::new(binary("rhumb")).arg("template").arg(&chart).arg(flag).output().unwrap();
        let words = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(words.contains(&format!("`{flag}` is not supported")) && words.contains("hint:"), "{words}");
    }
}
