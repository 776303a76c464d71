//! `rhumb plan` on the example repository and on a broken one.

use std::path::Path;
use std::process::{Command, Output};

use rhumb_tests::{binary, policies, root};

fn plan(dir: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(binary("rhumb"));
    command.arg("plan").arg(dir).arg("--policies").arg(policies()).args(arguments).env("NO_COLOR", "1");
    command.output().expect("rhumb was built")
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn the_example_is_planned_with_charts_images_and_picks() {
    let folder = tempfile::tempdir().unwrap();
    let tags = folder.path().join("tags.txt");
    let offers = "# what the registry would say\n\
        registry.example.com/rhumb/podinfo dev-kb9lm91e 2026-01-01T00:00:00Z\n\
        registry.example.com/rhumb/podinfo dev-newer000 2026-02-01T00:00:00Z\n\
        registry.example.com/rhumb/podinfo stg-9ij63o4c 2026-01-01T00:00:00Z\n\
        registry.example.com/rhumb/podinfo:0.4.12\n\
        registry.example.com/rhumb/podinfo:0.5.0\n";
    std::fs::write(&tags, offers).unwrap();
    let this = "git@example.com:rhumb/get-started";
    let arguments = ["--self", this, "--tags", tags.to_str().unwrap()];
    let output = plan(&root().join("examples/get-started"), &arguments);
    let text = text(&output);
    for expected in [
        "dev/podinfo-dev",
        "stg/podinfo-rc",
        "prod/podinfo-prod",
        "adm/sealed-secrets",
        "releases/dev/podinfo.yaml:20",
        "dev-newer000",
        "0.4.12",
        "glob:dev-*",
        "Namespace",
    ] {
        assert!(text.contains(expected), "`{expected}` is missing in\n{text}");
    }
    // The Helm repository cannot be reached: one line for one release, and an exit code that says so.
    assert_eq!(output.status.code(), Some(1), "{text}");
    let cannot: Vec<&str> = text.lines().skip_while(|line| !line.starts_with("Cannot be done")).collect();
    assert_eq!(cannot.len(), 2, "{text}");
    assert!(cannot[1].contains("adm/sealed-secrets"), "{text}");
}

#[test]
fn values_from_chart_files_and_urls_are_laid_over_one_another() {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("charts/z/Chart.yaml", "apiVersion: v2\nname: z\nversion: 1.0.0\n");
    write("charts/z/values.yaml", "{}\n");
    write("charts/z/.helmignore", "more.yaml\n");
    write("charts/z/more.yaml", "name: from-the-chart\n");
    let template = "apiVersion: v1\nkind: {{ .Values.kind }}\nmetadata: {name: {{ .Values.name }}}\n";
    write("charts/z/templates/a.yaml", template);
    let release = |name: &str, more: &str| {
        let text = format!(
            "apiVersion: helm.fluxcd.io/v1\nkind: HelmRelease\nmetadata: {{name: {name}, namespace: b}}\nspec:\n  \
             chart: {{git: 'git@example.com:x/y', path: charts/z}}\n  values: {{kind: ConfigMap}}\n  {more}\n"
        );
        write(&format!("{name}.yaml"), &text);
    };
    let nobody = "externalSourceRef: {url: 'http://127.0.0.1:1/v', optional: true}";
    let extra = "resetValues: false\n  rollback: {enable: true}\n  test: {enable: true}\n  forceUpgrade: true";
    release("good", &format!("valuesFrom: [{{chartFileRef: {{path: more.yaml}}}}, {{{nobody}}}]\n  {extra}"));
    release("missing", "valuesFrom: [{chartFileRef: {path: nothing.yaml}}]");
    release("out", "valuesFrom: [{chartFileRef: {path: ../../good.yaml}}]");
    release("old", "helmVersion: v2");
    let output = plan(folder.path(), &["--self", "git@example.com:x/y"]);
    let text = text(&output);
    for expected in [
        "file more.yaml of the chart, a URL (optional), inline, over those of the revision before",
        "b/good makes ConfigMap",
        "b/missing: file nothing.yaml of the chart is not there",
        "b/out: spec.valuesFrom[].chartFileRef.path `../../good.yaml` leads out of the chart",
        "b/old: spec.helmVersion: v2 is not supported",
        "Cannot be done (3)",
    ] {
        assert!(text.contains(expected), "`{expected}` is missing in\n{text}");
    }
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn transforms_are_asked_those_that_are_bound_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("charts/z/Chart.yaml", "apiVersion: v2\nname: z\nversion: 1.0.0\n");
    let template = "apiVersion: v1\nkind: {{ .Values.image | splitList \"/\" | first }}\nmetadata: {name: a}\n";
    write("charts/z/values.yaml", "{}\n");
    write("charts/z/templates/a.yaml", template);
    let release = |name: &str, annotations: &str| {
        let text = format!(
            "apiVersion: helm.fluxcd.io/v1\nkind: HelmRelease\nmetadata: {{name: {name}, namespace: b, annotations: {{{annotations}}}}}\n\
             spec:\n  chart: {{git: 'git@example.com:x/y', path: charts/z}}\n  values: {{image: ghcr.io/a/b}}\n"
        );
        write(&format!("{name}.yaml"), &text);
    };
    let binding = "apiVersion: rhumb.dev/v1alpha1\nkind: PolicyBinding\nmetadata: {name: mirrors}\n\
        spec: {kind: value-transform, policy: registry-mirror, config: {mirrors: {ghcr.io: mirror.example/ghcr}}}\n";
    write("binding.yaml", binding);
    release("plain", "");
    release("asks", "rhumb.dev/values: nope");
    let output = plan(folder.path(), &["--self", "git@example.com:x/y"]);
    let text = text(&output);
    for expected in [
        "b/plain is transformed by registry-mirror@mirrors\n    /image = \"mirror.example/ghcr/a/b\"  (mirrored: ",
        // What the chart was given.
        "b/plain makes mirror.example\n",
        "b/asks: value transform `nope`: there is no policy `nope`",
        "Cannot be done (1)",
    ] {
        assert!(text.contains(expected), "`{expected}` is missing in\n{text}");
    }
}

#[test]
fn without_its_url_a_chart_of_the_repository_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let release = "apiVersion: helm.fluxcd.io/v1\nkind: HelmRelease\nmetadata: {name: a, namespace: b}\nspec:\n  chart: {git: 'git@example.com:x/y', path: charts/z}\n";
    std::fs::write(folder.path().join("a.yaml"), release).unwrap();
    std::fs::write(folder.path().join("broken.yaml"), "a: [\n").unwrap();
    let output = plan(folder.path(), &[]);
    let text = text(&output);
    assert_eq!(output.status.code(), Some(1));
    assert!(text.contains("--self git@example.com:x/y"), "{text}");
    assert!(text.contains("broken.yaml:"), "{text}");
}

#[test]
fn json_has_the_same_facts() {
    let output =
        plan(&root().join("examples/get-started"), &["--self", "git@example.com:rhumb/get-started", "-o", "json"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["releases"].as_array().unwrap().len(), 4);
    assert_eq!(report["containers"].as_array().unwrap().len(), 3);
    assert_eq!(report["problems"], serde_json::json!([]));
}

#[test]
fn a_folder_that_is_not_there_is_said_by_name() {
    let output = plan(Path::new("/no/such/folder"), &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("/no/such/folder"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_registry_is_asked_for_tags_and_build_times() {
    let registry = rhumb_sim::registry::Server::start().await.unwrap();
    for (minute, tag) in ["dev-old00000", "dev-new00000"].into_iter().enumerate() {
        let created = 1_795_440_600_000 + minute as u64 * 60_000;
        let options = rhumb_sim::image::Options { created, ..rhumb_sim::image::Options::default() };
        rhumb_sim::image::push(&registry.url(), "rhumb/podinfo", tag, &options).await.unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let release = format!(
        "apiVersion: helm.fluxcd.io/v1\nkind: HelmRelease\nmetadata:\n  name: a\n  namespace: b\n  annotations:\n    \
         fluxcd.io/automated: 'true'\n    filter.fluxcd.io/chart-image: glob:dev-*\nspec:\n  chart: {{git: g, path: p}}\n  \
         values:\n    image: {{repository: {}/rhumb/podinfo, tag: dev-old00000}}\n",
        registry.host()
    );
    std::fs::write(folder.path().join("a.yaml"), release).unwrap();
    let path = folder.path().to_owned();
    let output = tokio::task::spawn_blocking(move || plan(&path, &["--registry"])).await.unwrap();
    assert!(text(&output).contains("dev-new00000 ("), "{}", text(&output));
}
