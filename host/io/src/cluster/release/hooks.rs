//! Hooks: objects that are made at a point of an action and waited for.

use rhumb_helm::record::{Hook, LastRun};
use serde_json::Value;

use super::targets::{self, Owner};
use super::wait::{self, Waiter};
use super::work::{Clock, HookRun, Settings};
use super::worker::Worker;
use crate::cluster::client::{Cluster, malformed};
use crate::cluster::error::{Error, Kind};
use crate::cluster::key::Key;

const BEFORE_CREATION: &str = "before-hook-creation";
const SUCCEEDED: &str = "hook-succeeded";
const FAILED: &str = "hook-failed";

/// Where hooks run.
pub(super) struct Scene<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) owner: Owner<'a>,
    pub(super) settings: Settings,
    pub(super) worker: &'a Worker,
    pub(super) clock: Clock<'a>,
}

/// Runs the hooks of one event, by weight and name, one after the other, and notes in each how it went. The first that
/// fails ends it.
pub(super) async fn run(scene: &Scene<'_>, hooks: &mut [Hook], event: &'static str) -> Result<(), Error> {
    if scene.settings.hooks == HookRun::No {
        return Ok(());
    }
    let mut chosen: Vec<&mut Hook> =
        hooks.iter_mut().filter(|hook| hook.events.iter().any(|one| one == event)).collect();
    chosen.sort_by(|a, b| (a.weight, &a.name).cmp(&(b.weight, &b.name)));
    let mut done: Vec<(&Hook, Key)> = Vec::new();
    for hook in chosen {
        hook.last_run = LastRun { started_at: scene.clock.text(), phase: "Running".to_owned(), ..LastRun::default() };
        let outcome = run_one(scene, hook).await;
        hook.last_run.completed_at = scene.clock.text();
        match outcome {
            Ok(key) => {
                "Succeeded".clone_into(&mut hook.last_run.phase);
                done.push((hook, key));
            }
            Err(error) => {
                "Failed".clone_into(&mut hook.last_run.phase);
                let message = format!("{event} hook `{}` failed: {}", hook.path, rhumb_core::chain::chain(&error));
                let subject = format!("{}/{}", scene.owner.namespace, scene.owner.release);
                return Err(Kind::Failed { message }.at("run the hooks of", subject));
            }
        }
    }
    for (hook, key) in done {
        if has_policy(hook, SUCCEEDED) {
            scene.cluster.delete(&key).await?;
        }
    }
    Ok(())
}

async fn run_one(scene: &Scene<'_>, hook: &Hook) -> Result<Key, Error> {
    let (cluster, timeout) = (scene.cluster, scene.settings.timeout);
    let object = parse(hook)?;
    let key = targets::key(cluster, &object, scene.owner.namespace).await?;
    if has_policy(hook, BEFORE_CREATION) {
        cluster.delete(&key).await?;
        scene.worker.idle(wait::gone(cluster, &key, timeout)).await?;
    }
    let waiter = Waiter::finished(cluster, &key).await;
    let answer = cluster.create_whole(&targets::placed(object, &key)).await?;
    waiter.tell(&key, &answer);
    let finished = scene.worker.idle(waiter.wait(timeout)).await;
    if finished.is_err() && has_policy(hook, FAILED) {
        cluster.delete(&key).await?;
    }
    finished.map(|()| key)
}

/// Definitions of kinds are never deleted, as every object of the kind would go with them.
fn has_policy(hook: &Hook, policy: &str) -> bool {
    if hook.kind == "CustomResourceDefinition" {
        return false;
    }
    if hook.delete_policies.is_empty() {
        return policy == BEFORE_CREATION;
    }
    hook.delete_policies.iter().any(|one| one == policy)
}

fn parse(hook: &Hook) -> Result<Value, Error> {
    rhumb_yaml::from_str(&hook.manifest).map_err(|error| malformed(&error).at("read the hook", &hook.path))
}
