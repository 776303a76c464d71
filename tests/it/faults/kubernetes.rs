//! Faults of the cluster: what it refuses, how it misbehaves, and that it forgets. One control plane, one daemon under
//! its own account, scene after scene; a proxy stands between the two.

use std::time::Duration;

use rhumb_io::cluster::Key;
use rhumb_sim::git::File;
use rhumb_tests::real::{NAMESPACE, Real};
use rhumb_tests::servers::fault_proxy::{ALL, Fault, FaultProxy, READS, Rule, Seen, Turn, WRITES};
use serde_json::{Value, json};

/// The HelmRelease that scenes change by the number of its replicas.
const DEV: &str = "releases/dev/podinfo.yaml";
const PROD: &str = "releases/prod/podinfo.yaml";
const RELEASES: [(&str, &str); 4] =
    [("adm", "sealed-secrets"), ("dev", "podinfo-dev"), ("stg", "podinfo-rc"), ("prod", "podinfo-prod")];

/// Everything, and how far it is.
struct Stage {
    real: Real,
    proxy: FaultProxy,
    /// Replicas of dev, which each scene raises.
    replicas: u64,
    /// Helm's revision of dev.
    revision: u64,
    /// How much of the log was read by earlier scenes.
    read: usize,
}

impl Stage {
    fn commit(&self, message: &str, files: &[File]) {
        self.real.remote.commit("Somebody", message, files).unwrap();
    }

    /// A file of the repository with a change in it.
    fn edited(&self, path: &str, from: &str, to: &str) -> File {
        let text = self.real.remote.text(path).unwrap();
        assert!(text.contains(from), "{text}");
        File::new(path, &text.replacen(from, to, 1))
    }

    /// One replica more for dev.
    fn more(&mut self) -> File {
        let line = |replicas: u64| format!("replicaCount: {replicas}\n");
        self.replicas += 1;
        self.revision += 1;
        self.edited(DEV, &line(self.replicas - 1), &line(self.replicas))
    }

    /// Waits until dev has the replicas that it should have, by one upgrade that went well.
    async fn dev_went_on(&self) {
        let done = async || {
            let history = self.real.history("dev", "podinfo-dev");
            let (last, before) = history.split_last()?;
            // The record before is superseded after the new one is deployed.
            let settled = before.iter().all(|one| one.1 == "superseded") && last.1 == "deployed";
            (settled && last.0 == self.revision).then_some(())
        };
        self.real.until(&format!("dev is at revision {} and none failed", self.revision), done).await;
        assert_eq!(self.replicas_of("dev", "podinfo-dev").await, Some(self.replicas));
    }

    async fn replicas_of(&self, namespace: &str, name: &str) -> Option<u64> {
        let deployment = self.get("apps/v1", "Deployment", namespace, name).await?;
        deployment.pointer("/spec/replicas").and_then(Value::as_u64)
    }

    async fn get(&self, api_version: &str, kind: &str, namespace: &str, name: &str) -> Option<Value> {
        self.real.cluster.get(&Key::new(api_version, kind, namespace, name)).await.ok().flatten()
    }

    async fn there(&self, names: &[&str]) {
        for name in names {
            let what = format!("ConfigMap dev/{name}");
            self.real.until(&what, async || self.get("v1", "ConfigMap", "dev", name).await).await;
        }
    }

    /// Waits until the condition `Released` of a HelmRelease is false and says this.
    async fn said(&self, namespace: &str, name: &str, words: &str) {
        let what = format!("`{words}` at {namespace}/{name}");
        let look = async || {
            let object = self.get("helm.fluxcd.io/v1", "HelmRelease", namespace, name).await?;
            let conditions = object.pointer("/status/conditions")?.as_array()?.clone();
            let released = conditions.into_iter().find(|one| one["type"] == "Released")?;
            let message = released["message"].as_str()?;
            (released["status"] == "False" && message.contains(words)).then_some(())
        };
        self.real.until(&what, look).await;
    }

    /// Waits until the log of this scene holds a line with all of these words.
    async fn logged(&self, words: &[&str]) {
        let what = format!("a line with {words:?}");
        self.real.until(&what, async || (self.lines(words) > 0).then_some(())).await;
    }

    /// Lines of the log of this scene with all of these words.
    fn lines(&self, words: &[&str]) -> usize {
        let log = self.real.log();
        log[self.read..].lines().filter(|line| words.iter().all(|word| line.contains(word))).count()
    }

    /// Ends a scene in which nothing was to fail.
    fn nothing_failed(&mut self) {
        let log = self.real.log();
        for words in ["not synced", "release action failed", "pass failed"] {
            assert_eq!(self.lines(&[words]), 0, "{words}:\n{log}");
        }
        self.end();
    }

    fn end(&mut self) {
        self.read = self.real.log().len();
    }
}

fn map(namespace: &str, name: &str, text: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: {namespace}}}\ndata: {{a: {text}}}\n"
    )
}

fn maps(names: &[&str]) -> File {
    let maps: Vec<String> = names.iter().map(|name| map("dev", name, "b")).collect();
    File::new(&format!("maps/{}.yaml", names[0]), &maps.join("---\n"))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_cluster_refuses_spoils_or_forgets_is_said_where_it_is_and_all_the_rest_arrives() {
    let Some(real) = Real::start().await else { return };
    if !real.plane.may_be_killed() || !real.plane.has_nodes() {
        return;
    }
    let proxy = real.behind_a_proxy().await;
    let _daemon = real.daemon(|_| {});
    real.admit().await;
    for (namespace, release) in RELEASES {
        real.deployed(namespace, release, 1).await;
    }
    let mut stage = Stage { real, proxy, replicas: 1, revision: 1, read: 0 };
    stage.end();
    refused_by_admission(&mut stage).await;
    a_definition_after_its_objects(&mut stage).await;
    a_namespace_that_does_not_end(&mut stage).await;
    conflicts(&mut stage).await;
    throttled(&mut stage).await;
    a_second_for_each_call(&mut stage).await;
    watches_that_end_and_places_that_are_gone(&mut stage).await;
    killed_in_the_middle_of_an_upgrade(&mut stage).await;
    all_memory_lost(&mut stage).await;
}

async fn refused_by_admission(stage: &mut Stage) {
    let rules = json!([{
        "apiGroups": ["", "apps"], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"],
        "resources": ["configmaps", "deployments"],
    }]);
    let expression = "object.kind == 'ConfigMap' ? object.metadata.name != 'map-3' : object.spec.replicas != 6";
    let policy = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy",
        "metadata": { "name": "numbers" },
        "spec": {
            "failurePolicy": "Fail", "matchConstraints": { "resourceRules": rules },
            "validations": [{ "expression": expression, "message": "no threes and no sixes here" }],
        },
    });
    let binding = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": { "name": "numbers" }, "spec": { "policyName": "numbers", "validationActions": ["Deny"] },
    });
    let cluster = stage.real.cluster.clone();
    cluster.create(&policy).await.unwrap();
    cluster.create(&binding).await.unwrap();
    let probe =
        json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "map-3", "namespace": "default" } });
    let refused = async || match cluster.create(&probe).await {
        Err(_) => Some(()),
        Ok(_) => {
            cluster.delete(&Key::new("v1", "ConfigMap", "default", "map-3")).await.unwrap();
            None
        }
    };
    stage.real.until("the policy is in force", refused).await;

    let six = stage.edited(PROD, "replicaCount: 3\n", "replicaCount: 6\n");
    let more = stage.more();
    stage.commit("What is refused, and what is not", &[maps(&["map-1", "map-2", "map-3", "map-4"]), six, more]);
    stage.dev_went_on().await;
    stage.there(&["map-1", "map-2", "map-4"]).await;
    stage.said("prod", "podinfo-prod", "no threes and no sixes here").await;
    stage.logged(&["not synced", "maps/map-1.yaml:11", "ConfigMap dev/map-3", "no threes and no sixes here"]).await;
    let history = stage.real.history("prod", "podinfo-prod");
    assert_eq!((history[0].1.as_str(), history[1].1.as_str()), ("deployed", "failed"), "{history:?}");
    assert_eq!(stage.replicas_of("prod", "podinfo-prod").await, Some(3));
    assert!(stage.get("v1", "ConfigMap", "dev", "map-3").await.is_none());

    let binding = Key::new("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding", "", "numbers");
    cluster.delete(&binding).await.unwrap();
    stage.there(&["map-3"]).await;
    let healed = async || {
        let history = stage.real.history("prod", "podinfo-prod");
        (history.last()?.1 == "deployed").then_some(())
    };
    stage.real.until("prod is released when nothing refuses it", healed).await;
    assert_eq!(stage.replicas_of("prod", "podinfo-prod").await, Some(6));
    assert_eq!(stage.lines(&["not synced"]), 1, "said once:\n{}", stage.real.log());
    stage.end();
}

async fn a_definition_after_its_objects(stage: &mut Stage) {
    let thing = "apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: first, namespace: dev}\nspec: {a: b}\n";
    stage.commit("A thing", &[File::new("thing.yaml", thing), maps(&["beside-it"])]);
    stage.there(&["beside-it"]).await;
    stage.logged(&["not synced", "thing.yaml:1", "the cluster does not know example.com/v1 Thing"]).await;
    let schema = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
    let version = json!({ "name": "v1", "served": true, "storage": true, "schema": { "openAPIV3Schema": schema } });
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": { "name": "things.example.com" },
        "spec": {
            "group": "example.com", "scope": "Namespaced", "versions": [version],
            "names": { "kind": "Thing", "plural": "things", "singular": "thing" },
        },
    });
    stage.real.cluster.create(&definition).await.unwrap();
    let found = async || stage.get("example.com/v1", "Thing", "dev", "first").await;
    let found = stage.real.until("the thing is there", found).await;
    assert_eq!(found["spec"], json!({ "a": "b" }));
    // The definition goes, and the thing with it, and both come back.
    let key = Key::new("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", "things.example.com");
    stage.real.cluster.delete(&key).await.unwrap();
    let gone = async || stage.real.cluster.get(&key).await.ok()?.is_none().then_some(());
    stage.real.until("the definition is gone", gone).await;
    stage.commit("One more", &[maps(&["after-it"])]);
    stage.there(&["after-it"]).await;
    stage.real.cluster.create(&definition).await.unwrap();
    let found = async || stage.get("example.com/v1", "Thing", "dev", "first").await;
    stage.real.until("the thing is there again", found).await;
    stage.end();
}

async fn a_namespace_that_does_not_end(stage: &mut Stage) {
    let namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: stuck}\n";
    let release = "apiVersion: helm.fluxcd.io/v1\nkind: HelmRelease\nmetadata: {name: inside, namespace: dev}\nspec:\n  \
                   releaseName: inside\n  targetNamespace: stuck\n  chart:\n    git: git@example.com:rhumb/get-started\n    \
                   path: charts/podinfo\n    ref: master\n";
    let files = |text: &str| {
        let objects = [namespace, &map("stuck", "other", text), release].join("---\n");
        File::new("stuck.yaml", &objects)
    };
    stage.commit("A namespace", &[files("before")]);
    stage.real.deployed("stuck", "inside", 1).await;
    let metadata = json!({ "name": "holder", "namespace": "stuck", "finalizers": ["example.com/hold"] });
    let holder = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata });
    let cluster = stage.real.cluster.clone();
    cluster.create(&holder).await.unwrap();
    cluster.delete(&Key::new("v1", "Namespace", "", "stuck")).await.unwrap();
    let emptied = async || {
        let other = stage.get("v1", "ConfigMap", "stuck", "other").await;
        (other.is_none() && stage.real.history("stuck", "inside").is_empty()).then_some(())
    };
    stage.real.until("the namespace is empty but for one object", emptied).await;

    let more = stage.more();
    stage.commit("Changes inside and outside", &[files("after"), more]);
    stage.dev_went_on().await;
    stage.logged(&["not synced", "stuck.yaml:5", "ConfigMap stuck/other", "it is being terminated"]).await;
    stage.said("dev", "inside", "it is being terminated").await;

    let key = Key::new("v1", "ConfigMap", "stuck", "holder");
    cluster.patch(&key, &json!({ "metadata": { "finalizers": null } })).await.unwrap();
    let back = async || {
        let other = stage.get("v1", "ConfigMap", "stuck", "other").await?;
        (other["data"]["a"] == "after").then_some(())
    };
    stage.real.until("the namespace is there again, with what git has in it", back).await;
    stage.real.deployed("stuck", "inside", 1).await;
    assert!(cluster.get(&key).await.unwrap().is_none());
    stage.end();
}

async fn conflicts(stage: &mut Stage) {
    stage.proxy.set([Rule::new(WRITES, "/", Turn::EverySecond, Fault::of_api(409, "Conflict"))]);
    let more = stage.more();
    stage.commit("Among others who write", &[maps(&["conflict-1", "conflict-2", "conflict-3"]), more]);
    stage.dev_went_on().await;
    stage.there(&["conflict-1", "conflict-2", "conflict-3"]).await;
    assert!(stage.proxy.n_faulted() >= 5, "{}", stage.proxy.n_faulted());
    stage.proxy.clear();
    stage.nothing_failed();
}

async fn throttled(stage: &mut Stage) {
    stage.proxy.set([Rule::new(ALL, "/", Turn::FirstOfEach, Fault::slow_down(1))]);
    let more = stage.more();
    stage.commit("To a busy server", &[maps(&["busy-1", "busy-2"]), more]);
    stage.dev_went_on().await;
    stage.there(&["busy-1", "busy-2"]).await;
    kept_to(&stage.proxy.clear(), Duration::from_secs(1));
    stage.nothing_failed();

    // It answers nothing else, to watches neither.
    stage.proxy.set([Rule::new(ALL, "/", Turn::Each, Fault::slow_down(3))]);
    stage.proxy.break_off();
    let more = stage.more();
    stage.commit("To a server that is too busy", &[maps(&["busy-3"]), more]);
    tokio::time::sleep(Duration::from_secs(10)).await;
    let seen = stage.proxy.clear();
    kept_to(&seen, Duration::from_secs(3));
    assert!((5..60).contains(&seen.len()), "{} requests in 10 s", seen.len());
    stage.dev_went_on().await;
    stage.there(&["busy-3"]).await;
    stage.nothing_failed();
}

/// Nothing that was told to wait so long came again before. A lease is kept to by each attempt to write it, but the next
/// attempt begins by its own clock, a second after a term at the soonest: who waits longer has lost it.
fn kept_to(seen: &[Seen], wait: Duration) {
    assert!(seen.iter().any(|one| one.faulted));
    for (n, told) in seen.iter().enumerate().filter(|(_, one)| one.faulted) {
        let same = |one: &&Seen| one.method == told.method && one.target == told.target;
        let Some(again) = seen[n + 1..].iter().find(same) else { continue };
        let after = again.at - told.at;
        let wait = if told.target.contains("/leases/") { wait.min(Duration::from_secs(1)) } else { wait };
        assert!(after >= wait, "{} {} came again after {after:?}", told.method, told.target);
    }
}

async fn a_second_for_each_call(stage: &mut Stage) {
    stage.proxy.set([Rule::new(ALL, "/", Turn::Each, Fault::Delay(Duration::from_secs(1)))]);
    let more = stage.more();
    stage.commit("Far away", &[maps(&["far"]), more]);
    stage.dev_went_on().await;
    stage.there(&["far"]).await;
    stage.proxy.clear();
    stage.nothing_failed();
}

async fn watches_that_end_and_places_that_are_gone(stage: &mut Stage) {
    let status = json!({ "kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version" });
    let event = json!({ "type": "ERROR", "object": status });
    let told = Fault::Answer { status: 200, headers: Vec::new(), body: format!("{event}\n") };
    stage.proxy.set([
        Rule::new(READS, "watch=true", Turn::First(6), told),
        Rule::new(READS, "watch=true", Turn::First(6), Fault::of_api(410, "Expired")),
    ]);
    stage.proxy.break_off();
    // Nobody tells the daemon of this.
    stage.real.helm(&["uninstall", "-n", "stg", "podinfo-rc"]);
    stage.real.deployed("stg", "podinfo-rc", 1).await;
    let more = stage.more();
    stage.commit("After the gap", &[more]);
    stage.dev_went_on().await;
    let both = async || (stage.proxy.n_faulted() == 12).then_some(());
    stage.real.until("each kind of refusal was met", both).await;
    stage.proxy.clear();
    stage.nothing_failed();
}

async fn killed_in_the_middle_of_an_upgrade(stage: &mut Stage) {
    stage.proxy.set([Rule::new(WRITES, "/namespaces/dev/", Turn::Each, Fault::Delay(Duration::from_secs(2)))]);
    let more = stage.more();
    stage.commit("In two halves", &[more]);
    let under_way = async || {
        let history = stage.real.history("dev", "podinfo-dev");
        (history.last()?.1 == "pending-upgrade").then_some(())
    };
    stage.real.until("an upgrade is under way", under_way).await;
    stage.real.plane.stop_api();
    tokio::time::sleep(Duration::from_secs(5)).await;
    stage.proxy.clear();
    stage.real.plane.serve().await;
    // It is gone on with in its own revision, or, where it could still be marked as failed, made in the next one.
    let healed = async || {
        let history = stage.real.history("dev", "podinfo-dev");
        let (last, before) = history.split_last()?;
        let settled = before.iter().all(|one| matches!(one.1.as_str(), "superseded" | "failed"));
        (settled && last.1 == "deployed" && last.0 >= stage.revision).then_some(last.0)
    };
    let revision = stage.real.until("the upgrade is made", healed).await;
    assert!(revision <= stage.revision + 1, "{revision} after {}", stage.revision);
    assert_eq!(stage.replicas_of("dev", "podinfo-dev").await, Some(stage.replicas));
    stage.end();
}

async fn all_memory_lost(stage: &mut Stage) {
    let identity = async |stage: &Stage| {
        let key = stage.real.cluster.secret_key(NAMESPACE, "flux-git-deploy", "identity.pub").await;
        key.ok().flatten()
    };
    let key = identity(stage).await.unwrap();
    stage.real.wipe().await;
    for (namespace, release) in RELEASES {
        let made = async || (stage.real.history(namespace, release).last()?.1 == "deployed").then_some(());
        stage.real.until(&format!("{namespace}/{release} is there again"), made).await;
    }
    assert_eq!(stage.replicas_of("dev", "podinfo-dev").await, Some(stage.replicas));
    stage.there(&["map-1", "map-3", "conflict-2", "busy-3", "far"]).await;
    let back = async || identity(stage).await;
    assert_eq!(stage.real.until("the key is kept again", back).await, key, "it is the key that the git host knows");
    // Its definition was never in git.
    stage.logged(&["not synced", "thing.yaml:1", "the cluster does not know example.com/v1 Thing"]).await;
    // And it goes on.
    stage.revision = stage.real.history("dev", "podinfo-dev").last().unwrap().0;
    let more = stage.more();
    stage.commit("Afterwards", &[more]);
    stage.real.deployed("dev", "podinfo-dev", stage.revision).await;
    assert_eq!(stage.replicas_of("dev", "podinfo-dev").await, Some(stage.replicas));
}
