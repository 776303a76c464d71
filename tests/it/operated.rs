//! The daemon's key, its options and its operators, on real parts.

use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rhumb_io::cluster::Key;
use rhumb_tests::real::{NAMESPACE, Names, Pace, Real};
use rhumb_tests::root;
use serde_json::{Value, json};

/// One control plane for all of it: it takes longest to start.
#[tokio::test(flavor = "multi_thread")]
async fn the_key_the_options_and_the_operators() {
    let Some(real) = Real::unmodified(&root().join("examples/get-started"), Names::of_example()).await else { return };
    let daemon = real.operated(Pace::Quick, |_| {}).await;
    real.admit().await;
    // Nothing in the repository was rewritten: git, the registry and the chart repository are where they are said to be.
    for (namespace, release) in [("adm", "sealed-secrets"), ("dev", "podinfo-dev"), ("prod", "podinfo-prod")] {
        real.deployed(namespace, release, 1).await;
    }
    real.push(&["-v", "0.4.10"]);
    real.deployed("prod", "podinfo-prod", 2).await;
    let text = real.remote.text("releases/prod/podinfo.yaml").unwrap();
    assert!(text.contains("repository: registry.example.com/rhumb/podinfo") && text.contains("tag: 0.4.10"), "{text}");
    only_who_may_forward_to_the_pod_is_let_in(&real).await;
    drop(daemon);
    the_key_outlives_the_daemon_and_its_state(&real).await;
    a_new_key_takes_the_place_of_the_old_one(&real).await;
    keys_that_flux_left_are_used(&real).await;
    branch_path_and_interval_are_heeded(&real).await;
}

fn stderr(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Whoever may list the pods and forward to them may ask the daemon, and nobody else.
async fn only_who_may_forward_to_the_pod_is_let_in(real: &Real) {
    if !real.plane.forwards() {
        return;
    }
    let rules = json!([
        { "apiGroups": [""], "resources": ["pods"], "verbs": ["list"] },
        { "apiGroups": [""], "resources": ["pods/portforward"], "verbs": ["get", "create"] },
    ]);
    let folder = tempfile::tempdir().unwrap();
    for (account, rules) in [("operator", rules.clone()), ("reader", json!([rules[0]])), ("nobody", json!([]))] {
        let metadata = json!({ "name": account, "namespace": NAMESPACE });
        let subject = json!({ "kind": "ServiceAccount", "name": account, "namespace": NAMESPACE });
        let role = json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": account });
        for object in [
            json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata }),
            json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": metadata, "rules": rules }),
            json!({
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": metadata,
                "subjects": [subject], "roleRef": role,
            }),
        ] {
            real.cluster.apply(&object, "test").await.unwrap();
        }
        let kubeconfig = folder.path().join(account);
        std::fs::write(&kubeconfig, real.plane.kubeconfig_of(NAMESPACE, account).await).unwrap();
        let output = real.rhumb_as(&kubeconfig, &["list", "--output", "json"]);
        let words = stderr(&output);
        match account {
            "operator" => {
                assert!(output.status.success(), "{words}");
                let releases: Value = serde_json::from_slice(&output.stdout).unwrap();
                assert_eq!(releases.as_array().unwrap().len(), 4);
            }
            "reader" => {
                assert!(output.status.code() == Some(2) && words.contains("resources: [pods/portforward]"), "{words}");
            }
            _ => assert!(
                output.status.code() == Some(2) && words.contains("resources: [pods], verbs: [list]"),
                "{words}"
            ),
        }
    }
}

async fn public_key(real: &Real) -> String {
    // The daemon may be starting yet.
    real.until("the daemon answers", async || {
        let output = real.rhumb(&["identity", "--output", "json"]);
        let identity: Value = serde_json::from_slice(&output.stdout).ok()?;
        Some(identity["publicKey"].as_str()?.to_owned())
    })
    .await
}

async fn the_key_outlives_the_daemon_and_its_state(real: &Real) {
    let kept = real.cluster.secret_key(NAMESPACE, "flux-git-deploy", "identity.pub").await.unwrap().unwrap();
    let (commits, revisions) = (real.remote.log().unwrap().len(), real.history("prod", "podinfo-prod").len());
    std::fs::remove_dir_all(real.state()).unwrap();
    let _daemon = real.operated(Pace::Patient, |_| {}).await;
    assert_eq!(public_key(real).await.as_bytes(), kept);
    assert_eq!(real.ask(&["sync"])["problems"], json!([]));
    assert_eq!(real.remote.log().unwrap().len(), commits, "nothing is committed twice");
    assert_eq!(real.history("prod", "podinfo-prod").len(), revisions, "nothing is released twice");
}

async fn a_new_key_takes_the_place_of_the_old_one(real: &Real) {
    let _daemon = real.operated(Pace::Patient, |_| {}).await;
    let old = public_key(real).await;
    let new = real.ask(&["identity", "--regenerate"])["publicKey"].as_str().unwrap().to_owned();
    assert_ne!(old, new);
    assert_eq!(public_key(real).await, new);
    // The git host knows the old one only.
    let refused = real.rhumb(&["sync", "--timeout", "60"]);
    assert_eq!(refused.status.code(), Some(2), "{}", stderr(&refused));
    real.admit_line(&new);
    assert_eq!(real.ask(&["sync"])["problems"], json!([]));
    let text = real.cluster.secret_key(NAMESPACE, "flux-git-deploy", "identity").await.unwrap().unwrap();
    let inner: Vec<&str> = std::str::from_utf8(&text).unwrap().lines().filter(|line| !line.starts_with("--")).collect();
    assert!(!real.log().contains(inner[1]), "the private key was logged");
}

/// A Secret of Flux v1 has the private key alone, in the form that `ssh-keygen` wrote then.
async fn keys_that_flux_left_are_used(real: &Real) {
    let key = Key::new("v1", "Secret", NAMESPACE, "flux-git-deploy");
    for (kind, bits) in [("rsa", "2048"), ("ed25519", "256")] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("identity");
        let mut keygen = Command::new("ssh-keygen");
        keygen.args(["-q", "-t", kind, "-b", bits, "-N", "", "-C", "flux", "-f"]).arg(&path);
        assert!(keygen.status().unwrap().success());
        real.cluster.delete(&key).await.unwrap();
        let private = STANDARD.encode(std::fs::read(&path).unwrap());
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
            "metadata": { "name": "flux-git-deploy", "namespace": NAMESPACE }, "data": { "identity": private },
        });
        real.cluster.create(&secret).await.unwrap();
        let public = std::fs::read_to_string(path.with_extension("pub")).unwrap();
        let words = |line: &str| line.split(' ').take(2).map(str::to_owned).collect::<Vec<_>>();
        real.admit_line(&public);
        let _daemon = real.operated(Pace::Patient, |_| {}).await;
        assert_eq!(words(&public_key(real).await), words(&public), "{kind}");
        assert_eq!(real.ask(&["sync"])["problems"], json!([]), "{kind}");
        let kept = real.cluster.get(&key).await.unwrap().unwrap();
        assert_eq!(kept["data"]["identity"], json!(private), "{kind}: the key is left as it was");
    }
    // Without a Secret there is a new key.
    let before = real.cluster.secret_key(NAMESPACE, "flux-git-deploy", "identity").await.unwrap();
    real.cluster.delete(&key).await.unwrap();
    let _daemon = real.operated(Pace::Patient, |_| {}).await;
    let public = public_key(real).await;
    assert_ne!(real.cluster.secret_key(NAMESPACE, "flux-git-deploy", "identity").await.unwrap(), before);
    real.admit_line(&public);
    assert_eq!(real.ask(&["sync"])["problems"], json!([]));
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    command.current_dir(folder).args(["-c", "user.name=Jo", "-c", "user.email=jo@example.com"]).args(arguments);
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    let output = command.output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", stderr(&output));
    String::from_utf8(output.stdout).unwrap()
}

fn config_map(name: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: dev}}\ndata: {{a: b}}\n")
}

async fn branch_path_and_interval_are_heeded(real: &Real) {
    let there = async |name: &str| real.cluster.get(&Key::new("v1", "ConfigMap", "dev", name)).await.unwrap().is_some();
    let folder = tempfile::tempdir().unwrap();
    let clone = folder.path().join("clone");
    git(folder.path(), &["clone", "--quiet", real.remote.path().to_str().unwrap(), "clone"]);
    git(&clone, &["checkout", "--quiet", "-b", "other"]);
    let push = |files: &[(&str, &str)]| {
        for (path, name) in files {
            std::fs::create_dir_all(clone.join(path).parent().unwrap()).unwrap();
            std::fs::write(clone.join(path), config_map(name)).unwrap();
        }
        git(&clone, &["add", "--all"]);
        git(&clone, &["commit", "--quiet", "--message", "On a branch"]);
        git(&clone, &["push", "--quiet", "origin", "other"]);
    };
    // Automation would move a release by hand on at once.
    let prod = clone.join("releases/prod/podinfo.yaml");
    let text = std::fs::read_to_string(&prod).unwrap().replace("automated: \"true\"", "automated: \"false\"");
    std::fs::write(&prod, text).unwrap();
    push(&[("releases/dev/here.yaml", "on-the-branch"), ("elsewhere/there.yaml", "beside-the-path")]);
    let master = real.remote.head().unwrap();
    // Only git is looked at often.
    let _daemon = real
        .operated(Pace::Patient, |command| {
            command.args(["--git-branch", "other", "--git-path", "namespaces,releases", "--git-poll-interval", "2"]);
        })
        .await;
    real.until("the branch is applied", async || there("on-the-branch").await.then_some(())).await;
    // A commit comes by the interval, and ours goes to the branch.
    push(&[("releases/dev/later.yaml", "polled")]);
    real.until("the interval passed", async || there("polled").await.then_some(())).await;
    assert!(!there("beside-the-path").await);
    let revision = real.history("prod", "podinfo-prod").last().unwrap().0;
    let image = "registry.example.com/rhumb/podinfo:0.4.9";
    let released = real.ask(&["release", "prod/podinfo-prod", image, "--message", "Back to what we know"]);
    real.deployed("prod", "podinfo-prod", revision + 1).await;
    assert_eq!(real.remote.head().unwrap(), master, "the other branch is as it was");
    git(&clone, &["pull", "--quiet", "origin", "other"]);
    let line = git(&clone, &["log", "-1", "--format=%H %s"]);
    assert_eq!(line.trim(), format!("{} Back to what we know", released["revision"].as_str().unwrap()));
}
