//! The operator's commands, as the real `rhumb`, against a running daemon.

use std::process::Output;
use std::sync::Arc;

use rhumb_tests::{binary, world};
use serde_json::Value;

async fn rhumb(arguments: &[&str]) -> Output {
    let mut command = tokio::process::Command::new(binary("rhumb"));
    command.args(arguments).env_remove("RHUMB_DAEMON").env_remove("KUBECONFIG");
    command.output().await.expect("rhumb was built")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn sync_waits_until_the_head_is_applied() {
    let world = world().await;
    let daemon = format!("http://{}", world.serve_operators().await.unwrap());
    tokio::spawn(Arc::clone(&world.daemon).run());
    let output = rhumb(&["sync", "--daemon", &daemon, "--output", "json", "--timeout", "300"]).await;
    assert!(output.status.success(), "{}", stderr(&output));
    let words = stderr(&output);
    assert!(words.contains(" to apply is ") && words.ends_with("Done.\n"), "{words}");
    let synced: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(synced["revision"].as_str().unwrap().len(), 40);
    assert_eq!(synced["problems"], serde_json::json!([]));
    let listed = rhumb(&["list", "--daemon", &daemon, "--output", "json"]).await;
    let releases: Value = serde_json::from_slice(&listed.stdout).unwrap();
    assert!(releases.as_array().unwrap().len() >= 4, "{releases}");
    let unknown = rhumb(&["history", "dev/nobody", "--daemon", &daemon]).await;
    assert_eq!(unknown.status.code(), Some(2));
    assert!(stderr(&unknown).contains("there is no HelmRelease dev/nobody"), "{}", stderr(&unknown));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_without_the_daemon_is_said_with_what_to_do() {
    let world = world().await;
    let kubeconfig = world.folder.path().join("kubeconfig");
    let output = rhumb(&["list", "--kubeconfig", kubeconfig.to_str().unwrap(), "--namespace", "elsewhere"]).await;
    assert_eq!(output.status.code(), Some(2));
    let words = stderr(&output);
    assert!(
        words.contains("no running pod with the label app.kubernetes.io/name=rhumb in namespace `elsewhere`"),
        "{words}"
    );
    assert!(words.contains("hint: name the daemon's namespace with --namespace"), "{words}");
}
