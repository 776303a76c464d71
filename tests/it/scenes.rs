//! The ten scenes of the demo on real parts, checked on values: a control plane, sshd, Docker's registry, the
//! sealed-secrets controller, `helm`, `kubeseal`, `rhumbd` under its own account, and `rhumb` through the API server.

use std::process::Command;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rhumb_core::id::Timestamp;
use rhumb_io::cluster::Key;
use rhumb_tests::real::{Pace, Real};
use rhumb_tests::servers::sealed_secrets::Programs;
use rhumb_tests::{binary, policies, root};
use serde_json::{Value, json};

use crate::told;

/// Planted secrets; none of them may be seen anywhere but in Secrets.
const PASSWORD: &str = "planted-password-of-dev";
const TOKEN: &str = "planted-token-of-prod";
const QUOTED: &str = "planted label, which is none";
const DEV: &str = "releases/dev/podinfo.yaml";
const STG: &str = "releases/stg/podinfo.yaml";
const PROD: &str = "releases/prod/podinfo.yaml";
const AUTOMATED: &str = "    fluxcd.io/automated: \"true\"\n";

#[tokio::test(flavor = "multi_thread")]
async fn the_ten_scenes_of_the_demo_on_real_parts() {
    let Some(sealing) = Programs::find() else { return };
    let Some(real) = Real::start().await else { return };
    let daemon = real.operated(Pace::Quick, tells_everything).await;
    start(&real).await;
    dev(&real).await;
    chart(&real).await;
    staging(&real).await;
    production(&real).await;
    hotfix(&real).await;
    by_hand(&real).await;
    drop(daemon);
    // From here on whatever happens is woken: nothing is looked at for an hour.
    let daemon = real.operated(Pace::Patient, tells_everything).await;
    let certificate = sealed_secrets(&real, &sealing).await;
    drop(daemon);
    let controller = sealing.start(&real.plane, ("adm", "sealed-secrets")).await;
    assert_eq!(controller.certificate(), certificate, "the controller keeps its key in the cluster");
    promotion(&real).await;
    let _daemon = real.operated(Pace::Quick, tells_everything).await;
    transform(&real, &sealing, &certificate).await;
    bad_policies(&real).await;
    quoted(&real).await;
    nothing_secret_was_told(&real).await;
}

fn tells_everything(command: &mut Command) {
    command.env("RUST_LOG", "trace");
}

/// Scene 1: an identity, a clone, namespaces and releases.
async fn start(real: &Real) {
    real.admit().await;
    for (namespace, release) in
        [("adm", "sealed-secrets"), ("dev", "podinfo-dev"), ("stg", "podinfo-rc"), ("prod", "podinfo-prod")]
    {
        let history = real.deployed(namespace, release, 1).await;
        assert_eq!(history[0].2, "Install complete", "{release}");
    }
    let releases = real.ask(&["list"]);
    let statuses: Vec<&Value> = releases.as_array().unwrap().iter().map(|release| &release["status"]).collect();
    assert_eq!(statuses, [&json!("deployed"); 4], "{releases}");
    let key = real.cluster.secret_key("rhumb", "flux-git-deploy", "identity.pub").await.unwrap().unwrap();
    assert_eq!(real.ask(&["identity"])["publicKey"].as_str().unwrap().as_bytes(), key);
}

/// Scene 2: an image is pushed; one commit, one line.
async fn dev(real: &Real) {
    let (commits, before) = (real.remote.log().unwrap().len(), real.remote.text(DEV).unwrap());
    real.push(&["-v", "dev-11112222"]);
    let history = real.deployed("dev", "podinfo-dev", 2).await;
    let told: Vec<(&str, &str)> = history.iter().map(|(_, status, what)| (status.as_str(), what.as_str())).collect();
    assert_eq!(told, [("superseded", "Install complete"), ("deployed", "Upgrade complete")]);
    real.runs("dev", "podinfo-dev", "dev-11112222").await;
    let log = real.remote.log().unwrap();
    assert_eq!((log.len() - commits, log[0].author.as_str()), (1, "Rhumb"));
    assert_eq!(log[0].paths, [DEV]);
    let after = real.remote.text(DEV).unwrap();
    let differing: Vec<(&str, &str)> = before.lines().zip(after.lines()).filter(|(a, b)| a != b).collect();
    assert_eq!(differing.len(), 1, "{differing:?}");
    assert_eq!(before.replace("dev-kb9lm91e", "dev-11112222"), after);
}

/// Scene 3: a template changes in git.
async fn chart(real: &Real) {
    let chart = real.remote.text("charts/podinfo/Chart.yaml").unwrap();
    let notes = real.remote.text("charts/podinfo/templates/NOTES.txt").unwrap();
    let next = chart.replace("version: 0.2.0", "version: 0.2.1");
    assert_ne!(chart, next);
    let notes = format!("Hello from {{{{ .Release.Name }}}}.\n{notes}");
    let files = [("charts/podinfo/Chart.yaml", next.as_str()), ("charts/podinfo/templates/NOTES.txt", &notes)];
    real.commit("Say hello in the notes", &files);
    real.deployed("dev", "podinfo-dev", 3).await;
    let history: Value =
        serde_json::from_str(&real.helm(&["history", "-n", "dev", "podinfo-dev", "-o", "json"])).unwrap();
    assert_eq!(history[2]["chart"], "podinfo-0.2.1");
    assert!(real.helm(&["get", "notes", "-n", "dev", "podinfo-dev"]).contains("Hello from podinfo-dev."));
    real.deployed("stg", "podinfo-rc", 2).await;
    real.deployed("prod", "podinfo-prod", 2).await;
}

/// Scene 4: staging has other values and another filter.
async fn staging(real: &Real) {
    real.push(&["-v", "stg-33334444"]);
    real.deployed("stg", "podinfo-rc", 3).await;
    real.runs("stg", "podinfo-rc", "stg-33334444").await;
    let scalers = real.cluster.list("autoscaling/v2", "HorizontalPodAutoscaler", Some("stg")).await.unwrap();
    assert_eq!(scalers.len(), 1);
    assert_eq!(real.tag("dev", "podinfo-dev").await.as_deref(), Some("dev-11112222"), "dev kept its image");
    assert_eq!(real.history("dev", "podinfo-dev").len(), 3);
}

/// Scene 5: production follows versions of its range.
async fn production(real: &Real) {
    for (version, revision) in [("0.4.10", 3), ("0.4.11", 4)] {
        real.push(&["-v", version]);
        real.deployed("prod", "podinfo-prod", revision).await;
        real.runs("prod", "podinfo-prod", version).await;
    }
    real.push(&["-v", "0.5.0"]);
    let reason = real
        .until("0.5.0 was looked at", async || {
            let images = real.ask(&["images", "--candidates"]);
            let prod = images.as_array()?.iter().find(|image| image["object"] == "prod:helmrelease/podinfo-prod")?;
            let found = prod["considered"].as_array()?.iter().find(|tag| tag["tag"] == "0.5.0")?;
            Some(found["message"].as_str()?.to_owned())
        })
        .await;
    assert!(reason.contains("~0.4"), "{reason}");
    assert_eq!(real.tag("prod", "podinfo-prod").await.as_deref(), Some("0.4.11"));
    assert_eq!(real.history("prod", "podinfo-prod").len(), 4);
}

/// Scene 6: two files make an environment.
async fn hotfix(real: &Real) {
    let folder = root().join("examples/get-started-steps/hotfix");
    let read = |path: &str| std::fs::read_to_string(folder.join(path)).unwrap();
    let paths = ["namespaces/hotfix.yaml", "releases/hotfix/podinfo.yaml"];
    let texts = paths.map(read);
    // What a filter compares with must be there.
    real.push(&["-v", "hotfix-2x8k1v0q"]);
    real.commit("Open a hotfix environment", &[(paths[0], texts[0].as_str()), (paths[1], texts[1].as_str())]);
    real.deployed("hotfix", "podinfo-hotfix", 1).await;
    real.push(&["-v", "hotfix-55556666"]);
    real.deployed("hotfix", "podinfo-hotfix", 2).await;
    real.runs("hotfix", "podinfo-hotfix", "hotfix-55556666").await;
}

/// An operator releases an image by hand: through git, refused by the filter and by a lock.
async fn by_hand(real: &Real) {
    let image = |tag: &str| format!("{}/rhumb/podinfo:{tag}", real.registry.host());
    let refused = |tag: &str, words: &str| {
        let output = real.rhumb(&["release", "dev/podinfo-dev", &image(tag)]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2) && said.contains(words), "{said}");
        assert!(said.contains("hint: "), "{said}");
    };
    let commits = real.remote.log().unwrap().len();
    refused("stg-33334444", "filter `glob:dev-*` of container `chart-image` does not take `stg-33334444`");
    let lock = format!("{AUTOMATED}    fluxcd.io/locked: \"true\"\n    fluxcd.io/locked_msg: freeze\n");
    real.edit(DEV, &[(AUTOMATED, &lock)]);
    refused("dev-kb9lm91e", "`dev:helmrelease/podinfo-dev` is locked by freeze");
    assert_eq!(real.remote.log().unwrap().len(), commits + 1, "nothing was committed but the lock");
    let released = real.ask(&["release", "dev/podinfo-dev", &image("dev-kb9lm91e"), "--force"]);
    let log = real.remote.log().unwrap();
    assert_eq!(released["revision"], json!(log[0].revision));
    assert_eq!(released["moved"][0]["from"], json!(image("dev-11112222")));
    assert_eq!(log[0].message, format!("Release {} to dev:helmrelease/podinfo-dev\n", image("dev-kb9lm91e")));
    assert_eq!((log[0].author.as_str(), log[0].paths.as_slice()), ("Rhumb", &[DEV.to_owned()][..]));
    real.deployed("dev", "podinfo-dev", 4).await;
    real.runs("dev", "podinfo-dev", "dev-kb9lm91e").await;
    // Without the lock automation goes on.
    real.edit(DEV, &[(&lock, AUTOMATED)]);
    real.deployed("dev", "podinfo-dev", 5).await;
    real.runs("dev", "podinfo-dev", "dev-11112222").await;
}

/// Scene 7: a release waits for a Secret that comes sealed, and goes on as soon as it is there. Gives the certificate.
async fn sealed_secrets(real: &Real, sealing: &Programs) -> Vec<u8> {
    let images = real.ask(&["images"]);
    let adm = images.as_array().unwrap().iter().find(|image| image["object"] == "adm:helmrelease/sealed-secrets");
    assert!(adm.is_none_or(|image| image["code"] == "not-automated"), "{images}");
    // It serves the certificate and goes down: nobody opens what is sealed now.
    let controller = sealing.start(&real.plane, ("adm", "sealed-secrets")).await;
    let certificate = controller.certificate().to_owned();
    drop(controller);

    // The release reads a Secret that is not there.
    real.edit(
        DEV,
        &[("  values:\n", "  valuesFrom:\n    - secretKeyRef:\n        name: podinfo-credentials\n  values:\n")],
    );
    let synced = real.ask(&["sync"]);
    assert_eq!(synced["problems"], json!([]));
    let (_, message) = real
        .until("the release says what it lacks", async || {
            real.condition("dev", "podinfo-dev", "Released").await.filter(|(status, _)| status == "False")
        })
        .await;
    assert!(message.contains("key `values.yaml` of Secret dev/podinfo-credentials is not there"), "{message}");
    let revisions = real.history("dev", "podinfo-dev").len();

    // The SealedSecret is applied; nothing comes of it yet.
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "podinfo-credentials", "namespace": "dev" },
        "stringData": { "values.yaml": format!("backend: {{password: {PASSWORD}}}\n") },
    });
    let sealed = sealing.seal(&certificate, &secret.to_string());
    assert!(sealed.contains("kind: SealedSecret") && !sealed.contains(PASSWORD), "{sealed}");
    real.commit("Add a sealed secret", &[("releases/dev/podinfo-secret.yaml", &sealed)]);
    assert_eq!(real.ask(&["sync"])["problems"], json!([]));
    let key = Key::new("bitnami.com/v1alpha1", "SealedSecret", "dev", "podinfo-credentials");
    assert!(real.cluster.get(&key).await.unwrap().is_some(), "its kind came with the release of the controller");
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(real.history("dev", "podinfo-dev").len(), revisions);

    // The controller comes up. Only the watch can tell the daemon.
    let start = Instant::now();
    let _controller = sealing.start(&real.plane, ("adm", "sealed-secrets")).await;
    let place = Key::new("v1", "Secret", "dev", "podinfo-credentials");
    real.until("the secret is opened", async || real.cluster.get(&place).await.ok().flatten()).await;
    let opened = start.elapsed();
    real.deployed("dev", "podinfo-dev", revisions as u64 + 1).await;
    say(&format!(
        "sealed secret: opened {} ms after the controller's start, released {} ms after that",
        opened.as_millis(),
        (start.elapsed() - opened).as_millis()
    ));
    let values = real.helm(&["get", "values", "-n", "dev", "podinfo-dev", "-o", "json"]);
    let values: Value = serde_json::from_str(&values).unwrap();
    assert_eq!(values.pointer("/backend/password"), Some(&json!(PASSWORD)));
    certificate
}

/// Scene 8: production takes only what was healthy in staging for a while, and nobody asks in between.
async fn promotion(real: &Real) {
    real.edit(STG, &[("glob:stg-*", "semver:~0.4")]);
    let rule = format!(
        "{AUTOMATED}    rhumb.dev/promotion: soak\n    rhumb.dev/config.soak: '{{\"from\": \"stg\", \"for\": \"30s\"}}'\n"
    );
    real.edit(PROD, &[(AUTOMATED, &rule)]);
    let daemon = real.operated(Pace::Patient, tells_everything).await;
    real.runs("stg", "podinfo-rc", "0.4.11").await;
    drop(daemon);
    let revisions = real.history("prod", "podinfo-prod").len() as u64;
    real.push(&["-v", "0.4.12"]);
    // It asks the registry at its start, and then not for an hour.
    let _daemon = real.operated(Pace::Patient, tells_everything).await;
    let held = real
        .until("production is held", async || {
            let (status, message) = real.condition("prod", "podinfo-prod", "ImagesUpdated").await?;
            (status == "False" && message.contains("hold until")).then_some(message)
        })
        .await;
    let asked = (real.registry.n_requests(), real.n_git_logins());
    assert!(held.contains("0.4.12: hold until") && held.contains("by `soak`"), "{held}");
    assert!(held.contains("has been healthy in `stg` since"), "{held}");
    assert_eq!(real.tag("stg", "podinfo-rc").await.as_deref(), Some("0.4.12"), "staging took it at once");
    assert_eq!(real.tag("prod", "podinfo-prod").await.as_deref(), Some("0.4.11"), "production stays");
    let until = Timestamp::parse(held.split("hold until ").nth(1).unwrap().split(' ').next().unwrap()).unwrap();
    tokio::time::sleep(left(until).saturating_sub(Duration::from_secs(2))).await;
    assert_eq!((real.registry.n_requests(), real.n_git_logins()), asked, "something was polled meanwhile");
    real.deployed("prod", "podinfo-prod", revisions + 1).await;
    real.runs("prod", "podinfo-prod", "0.4.12").await;
    assert!(left(until).is_zero(), "it moved too early");
    assert_eq!(real.registry.n_requests(), asked.0, "the registry was not asked again");
}

fn left(until: Timestamp) -> Duration {
    Duration::from_millis(until.millis_since(rhumb_daemon::clock::Clock::System.now()))
}

/// Scene 9: sizes by environment, and a secret that is moved and not read.
async fn transform(real: &Real, sealing: &Programs, certificate: &[u8]) {
    let revisions = real.history("prod", "podinfo-prod").len() as u64;
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "podinfo-backend", "namespace": "prod" },
        "stringData": { "values.yaml": format!("backend: {{token: {TOKEN}}}\n") },
    });
    let sealed = sealing.seal(certificate, &secret.to_string());
    let settings = "    rhumb.dev/values: env-sizing\n    rhumb.dev/config.env-sizing: |\n      environments:\n        prod:\n          replicas: 4\n          requests: {cpu: 100m, memory: 64Mi}\n      secretMove: {from: /backend/token, to: /auth/token}\n";
    let from = "  valuesFrom:\n    - secretKeyRef:\n        name: podinfo-backend\n  values:\n";
    real.commit("Seal production's token", &[("releases/prod/backend.yaml", &sealed)]);
    real.edit(PROD, &[(AUTOMATED, &format!("{AUTOMATED}{settings}")), ("  values:\n", from)]);
    real.deployed("prod", "podinfo-prod", revisions + 1).await;
    let values = real.helm(&["get", "values", "-n", "prod", "podinfo-prod", "-o", "json"]);
    let values: Value = serde_json::from_str(&values).unwrap();
    assert_eq!(values["replicaCount"], 4);
    assert_eq!(values.pointer("/auth/token"), Some(&json!(TOKEN)));
    assert_eq!(values.pointer("/backend/token"), None);
    let key = Key::new("apps/v1", "Deployment", "prod", "podinfo-prod");
    assert_eq!(real.cluster.get(&key).await.unwrap().unwrap().pointer("/spec/replicas"), Some(&json!(4)));
    let explained = real.ask(&["explain", "prod/podinfo-prod"]);
    assert_eq!(explained.pointer("/transforms/0/policy"), Some(&json!("env-sizing")));
    let operations = explained["transforms"][0]["operations"].as_array().unwrap();
    assert!(operations.iter().any(|one| one.as_str().unwrap().contains("/auth/token")), "{operations:?}");
    let record = replayed(real, &explained, "env-sizing");
    assert!(!record.contains(TOKEN), "the policy saw a handle");
}

/// Scene 10: a policy that never ends and one that lies; the others go on.
async fn bad_policies(real: &Real) {
    let revision = |namespace: &str, name: &str| real.history(namespace, name).last().unwrap().0;
    let before = (revision("dev", "podinfo-dev"), revision("hotfix", "podinfo-hotfix"));
    real.edit(DEV, &[("glob:dev-*", "policy:endless")]);
    real.edit("releases/hotfix/podinfo.yaml", &[("glob:hotfix-*", "policy:liar")]);
    for tag in ["dev-77778888", "hotfix-77778888", "0.4.13"] {
        real.push(&["-v", tag]);
    }
    real.runs("stg", "podinfo-rc", "0.4.13").await;
    let codes = real
        .until("both policies were asked", async || {
            let images = real.ask(&["images"]);
            let code = |object: &str| {
                let found = images.as_array()?.iter().find(|image| image["object"] == object)?;
                Some(found["code"].as_str()?.to_owned())
            };
            let codes = (code("dev:helmrelease/podinfo-dev")?, code("hotfix:helmrelease/podinfo-hotfix")?);
            (codes.0 != "newest" && codes.1 != "newest").then_some(codes)
        })
        .await;
    assert_eq!(codes, ("out-of-fuel".to_owned(), "bad-output".to_owned()));
    assert_eq!((revision("dev", "podinfo-dev"), revision("hotfix", "podinfo-hotfix")), before);
    assert_eq!(real.tag("dev", "podinfo-dev").await.as_deref(), Some("dev-11112222"));
    assert_eq!(real.tag("hotfix", "podinfo-hotfix").await.as_deref(), Some("hotfix-55556666"));
    let (status, message) = real.condition("dev", "podinfo-dev", "ImagesUpdated").await.unwrap();
    assert!(status == "False" && message.contains("fuel"), "{message}");
    // And production takes what has soaked, beside all that.
    real.runs("prod", "podinfo-prod", "0.4.13").await;
    replayed(real, &real.ask(&["explain", "dev/podinfo-dev"]), "endless");
}

/// Gets the record of a policy's newest decision, and has the runner make the decision again: same outcome, same fuel.
fn replayed(real: &Real, explained: &Value, policy: &str) -> String {
    let decisions = explained["decisions"].as_array().unwrap();
    let decision =
        decisions.iter().find(|decision| decision["policy"] == policy).unwrap_or_else(|| panic!("{explained}"));
    let digest = decision["record"].as_str().unwrap();
    let namespaced = "any/thing";
    let output = real.rhumb(&["explain", namespaced, "--record", digest]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("record.json");
    std::fs::write(&path, &output.stdout).unwrap();
    let mut command = Command::new(binary("rhumb"));
    command.args(["policy", "replay", "--output", "json", "-c"]).arg(policies()).arg(&path);
    let replay = command.output().unwrap();
    assert!(replay.status.success(), "{}", String::from_utf8_lossy(&replay.stderr));
    let replay: Value = serde_json::from_slice(&replay.stdout).unwrap();
    assert_eq!((&replay["sameOutcome"], &replay["sameFuel"]), (&json!(true), &json!(true)), "{policy}");
    String::from_utf8(output.stdout).unwrap()
}

/// The planted secrets are in Secrets, and nowhere else.
async fn nothing_secret_was_told(real: &Real) {
    let mut places = vec![("the daemon's log".to_owned(), real.log().into_bytes())];
    assert!(real.log().contains("TRACE"), "the log tells everything");
    for (api_version, kind) in [("v1", "Event"), ("helm.fluxcd.io/v1", "HelmRelease"), ("v1", "ConfigMap")] {
        let objects = real.cluster.list(api_version, kind, None).await.unwrap();
        places.push((format!("every {kind}"), Value::from(objects).to_string().into_bytes()));
    }
    let history = Command::new("git").arg("-C").arg(real.remote.path()).args(["log", "-p", "--all"]).output().unwrap();
    assert!(history.status.success());
    places.push(("git's history".to_owned(), history.stdout));
    for arguments in
        [&["list"][..], &["images", "--candidates"], &["explain", "prod/podinfo-prod"], &["history", "dev/quoted"]]
    {
        places.push((format!("rhumb {arguments:?}"), real.ask(arguments).to_string().into_bytes()));
    }
    told::files_below(&real.state(), &mut places);
    assert!(places.iter().any(|(path, _)| path.ends_with("store.redb")), "the daemon's store is looked at");
    let key = real.cluster.secret_key("rhumb", "flux-git-deploy", "identity").await.unwrap().unwrap();
    let key = String::from_utf8(key).unwrap();
    let body: Vec<&str> = key.lines().filter(|line| !line.starts_with("-----")).collect();
    assert!(body.len() > 1, "the private key has lines");
    let values = [PASSWORD, TOKEN, QUOTED].map(|value| [value.to_owned(), STANDARD.encode(value)]).concat();
    for secret in values.iter().map(String::as_str).chain(body).chain([real.token().as_str()]) {
        told::is_nowhere(secret, &places);
    }
}

/// Beside the scenes: the API server refuses a label that came from a Secret, and quotes it.
async fn quoted(real: &Real) {
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "quoted", "namespace": "dev" },
        "stringData": { "values.yaml": format!("label: {QUOTED}\n") },
    });
    real.cluster.create(&secret).await.unwrap();
    let release = "apiVersion: helm.fluxcd.io/v1\nkind: HelmRelease\nmetadata: {name: quoted, namespace: dev}\nspec:\n  releaseName: quoted\n  chart: {git: git@example.com:rhumb/get-started, path: charts/quoted, ref: master}\n  valuesFrom:\n  - secretKeyRef: {name: quoted}\n";
    let template = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: quoted\n  labels:\n    label: {{ .Values.label | quote }}\n";
    real.commit(
        "Label something with a secret",
        &[
            ("releases/dev/quoted.yaml", release),
            ("charts/quoted/Chart.yaml", "apiVersion: v1\nname: quoted\nversion: 0.1.0\n"),
            ("charts/quoted/templates/map.yaml", template),
        ],
    );
    let message = real
        .until("the label was refused", async || {
            let (status, message) = real.condition("dev", "quoted", "Released").await?;
            (status == "False" && message.contains("Invalid value")).then_some(message)
        })
        .await;
    assert!(message.contains("Invalid value: \"***\""), "{message}");
    let described = real.history("dev", "quoted").pop().unwrap().2;
    assert!(described.contains("***"), "{described}");
}

#[allow(clippy::print_stderr, reason = "a measure that the test took")]
fn say(text: &str) {
    eprintln!("{text}");
}
