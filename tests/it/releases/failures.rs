//! What goes wrong, told on the HelmRelease, undone where asked, and mended by the next good commit.

use rhumb_io::cluster::Key;
use rhumb_sim::git::File;
use serde_json::{Value, json};

use super::{NAMESPACE, Trial, chart, condition, start};

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_is_told_taken_back_where_asked_and_mended_by_the_next_commit() {
    let Some(real) = start().await else { return };
    let _daemon = real.daemon(|_| {});
    real.admit().await;
    real.deployed("dev", "podinfo-dev", 1).await;
    let trial = |name| Trial { real: &real, name };
    futures::join!(
        upgrade_rolled_back(trial("back")),
        upgrade_left(trial("left")),
        install_with_a_failing_hook(trial("first")),
        upgrade_with_a_failing_hook(trial("hooked")),
        install_that_is_waited_for_in_vain(trial("waiting")),
        too_large(trial("large")),
        upgrade_tried_again(trial("retried")),
        pods_started_anew(trial("recreated")),
        tests_after_an_upgrade(trial("tested")),
        tests_after_an_install(trial("untested")),
    );
    // All others carry on.
    real.push(&["-v", "dev-11112222"]);
    real.deployed("dev", "podinfo-dev", 2).await;
    let listed: Vec<Value> = serde_json::from_str(&real.helm(&["list", "-n", NAMESPACE, "-o", "json"])).unwrap();
    let all = listed.iter().map(|line| format!("{} {}", line["name"], line["status"])).collect::<Vec<_>>();
    assert_eq!(all.len(), 9, "{all:?}");
    assert!(all.iter().all(|line| line.ends_with("\"deployed\"")), "{all:?}");
}

async fn upgrade_rolled_back(trial: Trial<'_>) {
    let spec = |values: Value| json!({ "values": values, "timeout": 3, "rollback": { "enable": true } });
    trial.commit(spec(json!({ "text": "1" })));
    trial.history(&["1 deployed Install complete"]).await;
    trial.commit(spec(json!({ "text": "2", "stuck": true })));
    let failed = r#"2 failed Upgrade "back" failed: failed to wait for `readiness`: timed out"#;
    trial.history(&["1 superseded Install complete", failed, "3 deployed Rollback to 1"]).await;
    let status = trial.until("RolledBack", "True", "Rolled back Helm release 'back' in 'trial'.").await;
    assert_eq!((&status["phase"], &status["rollbackCount"]), (&json!("RolledBack"), &json!(1)));
    let (released, why) = condition(&status, "Released").unwrap();
    assert!(released == "False" && why.contains("trial:deployment/back ("), "{why}");
    assert_eq!(trial.text().await.as_deref(), Some("1"));

    trial.commit(spec(json!({ "text": "3" })));
    let status = trial.until("Released", "True", "").await;
    assert_eq!((&status["phase"], &status["rollbackCount"]), (&json!("Succeeded"), &Value::Null));
    assert_eq!(condition(&status, "RolledBack"), None);
    assert_eq!(trial.revisions()[2..], ["3 superseded Rollback to 1", "4 deployed Upgrade complete"]);
    assert_eq!(trial.text().await.as_deref(), Some("3"));

    // What was left is good enough for `helm` to work on, and the daemon goes on from that.
    trial.helm(&["rollback"], &["1", "--wait"]);
    trial
        .real
        .until("the daemon goes forward again", async || {
            let revisions = trial.revisions();
            (revisions.len() == 6 && revisions[5] == "6 deployed Upgrade complete").then_some(())
        })
        .await;
    assert_eq!(trial.text().await.as_deref(), Some("3"));
}

async fn upgrade_tried_again(trial: Trial<'_>) {
    let rollback = json!({ "enable": true, "retry": true, "maxRetries": 1 });
    let spec = |values: Value| json!({ "values": values, "rollback": rollback });
    trial.commit(spec(json!({ "text": "1" })));
    trial.history(&["1 deployed"]).await;
    trial.commit(spec(json!({ "text": "2", "hook": "fails" })));
    let back = ["1 superseded", "2 failed", "3 superseded Rollback to 1", "4 failed", "5 deployed Rollback to 3"];
    trial.history(&back).await;
    let what = "the second rollback is told";
    trial.real.until(what, async || Some(trial.status().await).filter(|status| status["rollbackCount"] == 2)).await;
    let (_, message) = condition(&trial.status().await, "Released").unwrap();
    assert!(message.contains("pre-upgrade hook `app/templates/hooks.yaml` failed"), "{message}");
    trial.commit(spec(json!({ "text": "3", "hook": "passes" })));
    let status = trial.until("Released", "True", "").await;
    assert_eq!(status["rollbackCount"], Value::Null);
    // Not tried a second time in between.
    assert_eq!(trial.revisions().len(), 6);
}

async fn pods_started_anew(trial: Trial<'_>) {
    let rollback = json!({ "enable": true, "recreate": true, "force": true, "disableHooks": true, "wait": true });
    let spec = |values: Value| json!({ "values": values, "rollback": rollback });
    // The hook of the rollback would hang.
    trial.commit(spec(json!({ "text": "1", "rollbackHook": "waits" })));
    trial.history(&["1 deployed"]).await;
    let pods = async || {
        let pods = trial.real.cluster.list("v1", "Pod", Some(NAMESPACE)).await.unwrap();
        let of_ours = pods.into_iter().filter(|pod| pod["metadata"]["labels"]["app"] == "recreated");
        of_ours.map(|pod| pod["metadata"]["uid"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let before = pods().await;
    assert_eq!(before.len(), 1);
    trial.commit(spec(json!({ "text": "2", "hook": "fails" })));
    trial.history(&["1 superseded", "2 failed", "3 deployed Rollback to 1"]).await;
    let none_of = |now: &Vec<String>| now.len() == 1 && now[0] != before[0];
    trial.real.until("another pod", async || Some(pods().await).filter(none_of)).await;
}

async fn upgrade_left(trial: Trial<'_>) {
    let spec = |values: Value| json!({ "values": values, "timeout": 2, "wait": true });
    trial.commit(spec(json!({ "text": "1" })));
    trial.history(&["1 deployed Install complete"]).await;
    trial.commit(spec(json!({ "text": "2", "stuck": true })));
    trial.until("Released", "False", "timed out waiting for the condition").await;
    let failed = r#"2 failed Upgrade "left" failed"#;
    // Without rollback it is tried again, with back-off, and nothing goes back.
    trial.history(&["1 deployed Install complete", failed, r#"3 failed Upgrade "left" failed"#]).await;
    assert_eq!(trial.text().await.as_deref(), Some("2"));
    trial.helm(&["status"], &[]);
    trial.commit(spec(json!({ "text": "3" })));
    trial.until("Released", "True", "").await;
    let revisions = trial.revisions();
    assert_eq!(revisions.last().map(|line| &line[1..]), Some(" deployed Upgrade complete"), "{revisions:?}");
    assert!(revisions[0].starts_with("1 superseded"), "{revisions:?}");
    // `helm` upgrades what we left, and the daemon brings it to what git says.
    trial.helm(&["upgrade"], &[&chart(), "--set", "text=by-helm", "--wait"]);
    trial.real.until("text of git", async || trial.text().await.filter(|text| text == "3")).await;
}

async fn install_with_a_failing_hook(trial: Trial<'_>) {
    trial.commit(json!({ "values": { "hook": "fails" }, "timeout": 30 }));
    let hook =
        "pre-install hook `app/templates/hooks.yaml` failed: failed to wait for `trial:job/first-hook`: job failed";
    let status = trial.until("Released", "False", hook).await;
    assert_eq!((&status["phase"], &status["releaseStatus"]), (&json!("DeployFailed"), &json!("failed")));
    assert_eq!(trial.text().await, None, "nothing is applied before its hook");
    trial.commit(json!({ "values": { "hook": "passes" }, "timeout": 30 }));
    trial.until("Released", "True", "").await;
    let revisions = trial.revisions();
    // An install again, not an upgrade: the hooks of an install have not done their work yet.
    assert!(revisions[0].starts_with(r#"1 failed Release "first" failed"#), "{revisions:?}");
    assert!(revisions.last().is_some_and(|line| line.ends_with("deployed Install complete")), "{revisions:?}");
    let told: Value = serde_json::from_str(&trial.helm(&["status"], &["-o", "json"])).unwrap();
    assert_eq!(told["hooks"][0]["last_run"]["phase"], "Succeeded");
}

async fn upgrade_with_a_failing_hook(trial: Trial<'_>) {
    trial.commit(json!({ "values": { "text": "1" } }));
    trial.history(&["1 deployed Install complete"]).await;
    trial.commit(json!({ "values": { "text": "2", "hook": "fails" } }));
    trial.until("Released", "False", "pre-upgrade hook `app/templates/hooks.yaml` failed").await;
    assert_eq!(trial.text().await.as_deref(), Some("1"), "nothing is applied before its hook");
    trial.commit(json!({ "values": { "text": "3", "hook": "passes" } }));
    trial.until("Released", "True", "").await;
    assert_eq!(trial.text().await.as_deref(), Some("3"));
}

async fn install_that_is_waited_for_in_vain(trial: Trial<'_>) {
    trial.commit(json!({ "values": { "stuck": true }, "timeout": 2, "wait": true }));
    let late = "timed out waiting for the condition: trial:deployment/waiting (pods not ready)";
    trial.until("Released", "False", late).await;
    let made = trial.get("apps/v1", "Deployment", "waiting").await.unwrap();
    trial.commit(json!({ "values": { "text": "1" }, "timeout": 60, "wait": true }));
    trial.until("Released", "True", "").await;
    let now = trial.get("apps/v1", "Deployment", "waiting").await.unwrap();
    assert_eq!(made["metadata"]["uid"], now["metadata"]["uid"], "nothing is uninstalled and made anew");
}

async fn too_large(trial: Trial<'_>) {
    // Digests do not compress.
    let noise: String = (0..40_000).map(|n| rhumb_core::id::Digest::of(format!("{n}")).to_string()).collect();
    let object = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: large}\n";
    let files = [
        File::new("charts/large/Chart.yaml", "apiVersion: v2\nname: large\nversion: 0.1.0\n"),
        File::new("charts/large/values.yaml", "{}\n"),
        File::new("charts/large/templates/a.yaml", object),
        File::new("charts/large/noise.txt", &noise),
    ];
    trial.real.remote.commit("Ann", "A large chart", &files).unwrap();
    let chart = json!({ "git": "git@example.com:rhumb/get-started", "path": "charts/large", "ref": "master" });
    trial.commit(json!({ "chart": chart }));
    let status = trial.until("Released", "False", "the chart is too large: its record has").await;
    assert_eq!(status["releaseStatus"], Value::Null);
    assert_eq!((trial.revisions(), trial.get("v1", "ConfigMap", "large").await), (Vec::new(), None));
}

async fn tests_after_an_upgrade(trial: Trial<'_>) {
    let spec = |values: Value| json!({ "values": values, "test": { "enable": true }, "rollback": { "enable": true } });
    trial.commit(spec(json!({ "text": "1", "test": "passes" })));
    let status = trial.until("Tested", "True", "Tested Helm release 'tested' in 'trial'.").await;
    assert_eq!(status["phase"], "Succeeded");
    let told = trial.helm(&["status"], &[]);
    assert!(told.contains("TEST SUITE:     tested-test"), "{told}");
    assert!(told.contains("Phase:          Succeeded"), "{told}");

    trial.commit(spec(json!({ "text": "2", "test": "fails" })));
    let status = trial.until("RolledBack", "True", "").await;
    let (tested, why) = condition(&status, "Tested").unwrap();
    assert!(tested == "False" && why.contains("test hook `app/templates/hooks.yaml` failed"), "{why}");
    assert_eq!(condition(&status, "Released").unwrap().0, "False");
    let expected = ["1 superseded Install complete", "2 superseded Upgrade complete", "3 deployed Rollback to 1"];
    assert_eq!(trial.revisions(), expected);
    assert_eq!(trial.text().await.as_deref(), Some("1"));
    let told: Value = serde_json::from_str(&trial.helm(&["status"], &["--revision", "2", "-o", "json"])).unwrap();
    assert_eq!(told["hooks"][0]["last_run"]["phase"], "Failed");

    trial.commit(spec(json!({ "text": "3", "test": "passes" })));
    let status = trial.until("Released", "True", "").await;
    assert_eq!(condition(&status, "Tested").unwrap().0, "True");
    // `helm test` runs on what we left. It writes the record anew, without our marks, so the release is made once more.
    let told = trial.helm(&["test"], &[]);
    assert!(told.contains("Phase:          Succeeded"), "{told}");
    trial
        .real
        .until("the daemon goes on", async || {
            let revisions = trial.revisions();
            (revisions.len() == 5 && revisions[4] == "5 deployed Upgrade complete").then_some(())
        })
        .await;
    trial.until("Released", "True", "").await;
}

async fn tests_after_an_install(trial: Trial<'_>) {
    let spec = |test: &str, ignore: bool| json!({ "values": { "test": test }, "test": { "enable": true, "ignoreFailures": ignore, "timeout": 20 } });
    trial.commit(spec("fails", false));
    let status = trial.until("Released", "False", "Test failed").await;
    assert_eq!(status["phase"], "TestFailed");
    // Neither uninstalled nor installed anew.
    assert_eq!(trial.revisions(), ["1 deployed Install complete"]);
    trial.commit(spec("fails", true));
    let status = trial.until("Released", "True", "").await;
    assert_eq!(condition(&status, "Tested").unwrap().0, "False");
    trial.commit(spec("passes", false));
    trial.until("Tested", "True", "").await;
    trial.until("Released", "True", "").await;
    assert_eq!(trial.revisions(), ["1 superseded Install complete", "2 deployed Upgrade complete"]);
}

/// SIGKILL in the middle of a rollback and of tests: the next start goes on with the same step.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_kill_left_of_a_rollback_and_of_tests_goes_on() {
    let Some(real) = start().await else { return };
    let daemon = real.daemon(|_| {});
    real.admit().await;
    let trial = |name| Trial { real: &real, name };
    let (back, tested) = (trial("goesback"), trial("istested"));
    let spec = |values: Value| json!({ "values": values, "rollback": { "enable": true } });
    back.commit(spec(json!({ "text": "1", "rollbackHook": "waits" })));
    tested.commit(json!({ "values": { "test": "waits" }, "test": { "enable": true } }));
    back.history(&["1 deployed"]).await;
    back.commit(spec(json!({ "text": "2", "hook": "fails" })));
    back.history(&["1 deployed", "2 failed", "3 pending-rollback Rollback to 1"]).await;
    tested.until("Tested", "Unknown", "Testing Helm release 'istested' in 'trial'.").await;
    drop(daemon);

    let _daemon = real.daemon(|_| {});
    let interrupted = r#"3 failed Rollback "goesback" failed: the process was interrupted"#;
    back.history(&["1 deployed", "2 failed", interrupted, "4 pending-rollback Rollback to 1"]).await;
    assert_eq!(back.status().await["phase"], "RollingBack");
    let node = Key::new("v1", "Node", "", "node-1");
    let labels = json!({ "metadata": { "labels": { "goesback": "open", "istested": "open" } } });
    real.cluster.patch(&node, &labels).await.unwrap();
    back.history(&["1 superseded", "2 failed", interrupted, "4 deployed Rollback to 1"]).await;
    let status = back.until("RolledBack", "True", "").await;
    assert_eq!((&status["phase"], &status["rollbackCount"]), (&json!("RolledBack"), &json!(1)));
    assert_eq!(back.text().await.as_deref(), Some("1"));
    tested.until("Tested", "True", "").await;
    tested.until("Released", "True", "").await;
    assert_eq!(tested.revisions(), ["1 deployed Install complete"]);
}

/// SIGKILL in the middle of an install and of an upgrade, and git moved on before the next start.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_kill_left_pending_is_healed_and_not_rolled_back() {
    let Some(real) = start().await else { return };
    let daemon = real.daemon(|_| {});
    real.admit().await;
    let trial = |name| Trial { real: &real, name };
    let (install, upgrade, same) = (trial("install"), trial("upgrade"), trial("same"));
    let spec =
        |values: Value| json!({ "values": values, "timeout": 600, "wait": true, "rollback": { "enable": true } });
    upgrade.commit(spec(json!({ "text": "1" })));
    same.commit(spec(json!({ "text": "1" })));
    upgrade.history(&["1 deployed"]).await;
    same.history(&["1 deployed"]).await;
    install.commit(spec(json!({ "stuck": true })));
    upgrade.commit(spec(json!({ "text": "2", "stuck": true })));
    same.commit(spec(json!({ "text": "2", "stuck": true })));
    install.history(&["1 pending-install Initial install underway"]).await;
    upgrade.history(&["1 deployed", "2 pending-upgrade Preparing upgrade"]).await;
    same.history(&["1 deployed", "2 pending-upgrade Preparing upgrade"]).await;
    drop(daemon);
    install.commit(spec(json!({ "text": "3" })));
    upgrade.commit(spec(json!({ "text": "3" })));
    let _daemon = real.daemon(|_| {});
    let interrupted = |what: &str, name: &str| format!(r#"{what} "{name}" failed: the process was interrupted"#);
    let first = format!("1 failed {}", interrupted("Release", "install"));
    install.history(&[&first, "2 deployed Install complete"]).await;
    let second = format!("2 failed {}", interrupted("Upgrade", "upgrade"));
    upgrade.history(&["1 superseded", &second, "3 deployed Upgrade complete"]).await;
    // Where nothing moved, the same revision goes on: being killed says nothing about what is released.
    real.until("it goes on", async || real.log().contains("going on with what was left half done").then_some(())).await;
    same.history(&["1 deployed", "2 pending-upgrade Preparing upgrade"]).await;
    for trial in [install, upgrade] {
        let status = trial.until("Released", "True", "").await;
        assert_eq!(status["releaseStatus"], "deployed");
        assert_eq!(trial.text().await.as_deref(), Some("3"));
    }
}
