//! Scenes 8 to 10: a promotion held and then allowed, values transformed, bad policies contained.

use std::time::Duration;

use anyhow::{Context as _, Result};
use rhumb_core::id::Digest;
use rhumb_daemon::event::Event;
use rhumb_policy::{Record, replay};
use serde_json::Value;

use super::tell::Teller;
use super::world::World;
use crate::show;

const MINUTE: Duration = Duration::from_secs(60);

/// Production takes only what was healthy in staging for half an hour.
pub(super) async fn promotion(world: &World, tell: &Teller) -> Result<()> {
    tell.scene(8, "A promotion rule: 30 healthy minutes in staging");
    while world.time().as_str() < "14:00" {
        world.advance(MINUTE);
    }
    world.settle().await;
    tell.say("Staging follows release candidates of the same versions now, and production asks the rule `soak`:");
    tell.show("releases/stg/podinfo.yaml   filter.fluxcd.io/chart-image: semver:~0.4");
    tell.show("releases/prod/podinfo.yaml  rhumb.dev/promotion: soak");
    tell.show("                            rhumb.dev/config.soak: '{\"from\": \"stg\", \"for\": \"30m\"}'");
    world.edit("Staging runs what production will run", "releases/stg/podinfo.yaml", ("glob:stg-*", "semver:~0.4"))?;
    let annotation = "    fluxcd.io/automated: \"true\"\n";
    let with_rule = format!(
        "{annotation}    rhumb.dev/promotion: soak\n    rhumb.dev/config.soak: '{{\"from\": \"stg\", \"for\": \"30m\"}}'\n"
    );
    world.edit("Production asks soak", "releases/prod/podinfo.yaml", (annotation, &with_rule))?;
    world.settle_after(Event::Git).await;
    while world.time().as_str() < "14:05" {
        world.advance(MINUTE);
    }
    tell.command("ci-mock -v 0.4.12");
    tell.show(&format!("{}  at {}", world.push_image("0.4.12").await?, world.time()));
    world.settle_after(Event::Registry).await;
    let held = world.image("prod", "podinfo-prod")?;
    tell.show(&format!("prod/podinfo-prod  {}", held.reason));
    tell.check(runs(world, "stg", "podinfo-rc", "0.4.12").await?, "staging took 0.4.12 at once")?;
    tell.check(runs(world, "prod", "podinfo-prod", "0.4.11").await?, "production stays at 0.4.11")?;
    tell.check(held.reason.contains("hold until 2026-11-23T14:35:00Z"), "the rule says: hold until 14:35")?;
    while world.time().as_str() < "14:34" {
        world.advance(MINUTE);
    }
    tell.check(world.settle().await.ran == 0, "nothing was polled until 14:34")?;
    world.advance(MINUTE);
    let passes = world.settle().await;
    tell.say(&format!("\nThe clock says {}; the daemon wakes by itself.", world.time()));
    tell.check(passes.changed > 0 && runs(world, "prod", "podinfo-prod", "0.4.12").await?, "production runs 0.4.12")?;
    tell.command("rhumb history prod/podinfo-prod");
    tell.show(&show::history(&world.history("prod", "podinfo-prod").await?));
    Ok(())
}

/// Sizes by environment, and a secret that may be moved and not read.
pub(super) async fn transform(world: &World, tell: &Teller) -> Result<()> {
    tell.scene(9, "A value transform: sizing by environment");
    world.advance(MINUTE);
    world.settle().await;
    let before = config_of(world, "prod", "podinfo-prod").await?;
    let secret = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: podinfo-backend\n  namespace: prod\nstringData:\n  values.yaml: |\n    backend:\n      token: only-the-chart-sees-this\n";
    let annotation = "    fluxcd.io/automated: \"true\"\n";
    let with_transform = format!(
        "{annotation}    rhumb.dev/values: env-sizing\n    rhumb.dev/config.env-sizing: |\n      environments:\n        prod:\n          replicas: 4\n          requests: {{cpu: 100m, memory: 64Mi}}\n      secretMove: {{from: /backend/token, to: /auth/token}}\n"
    );
    let path = "releases/prod/podinfo.yaml";
    let text = world.remote.text(path)?.replace(annotation, &with_transform);
    let text =
        text.replace("  values:\n", "  valuesFrom:\n    - secretKeyRef:\n        name: podinfo-backend\n  values:\n");
    world.commit("Size production by policy", &[("releases/prod/backend.yaml", secret), (path, &text)])?;
    world.settle_after(Event::Git).await;
    let explained = world.explain("prod", "podinfo-prod").await?;
    let after = config_of(world, "prod", "podinfo-prod").await?;
    let step = explained.transforms.first().context("no transform ran")?;
    tell.say(&format!("The policy `{}` returned:", step.policy));
    tell.show(&step.operations.join("\n"));
    tell.say("\nValues before and after (secrets hidden):");
    tell.show(&differences(&before, &after));
    let token = after.pointer("/auth/token").and_then(Value::as_str);
    tell.check(after.get("replicaCount") == Some(&Value::from(4)), "production has 4 replicas")?;
    tell.check(token == Some("only-the-chart-sees-this"), "the secret reached its new place")?;
    let record = record(world, &explained, "env-sizing")?;
    tell.check(
        !record.to_string().contains("only-the-chart-sees-this"),
        "the policy and its record never saw it: they saw a handle",
    )
}

/// A policy that never ends and one that lies.
pub(super) async fn bad_policies(world: &World, tell: &Teller) -> Result<()> {
    tell.scene(10, "Bad policies are contained");
    world.advance(MINUTE);
    let dev = world.release("dev", "podinfo-dev").await?.images;
    let hotfix = world.release("hotfix", "podinfo-hotfix").await?.images;
    world.edit("Try a new filter", "releases/dev/podinfo.yaml", ("glob:dev-*", "policy:endless"))?;
    world.edit("Try another filter", "releases/hotfix/podinfo.yaml", ("glob:hotfix-*", "policy:liar"))?;
    world.push_image(&format!("dev-{}", rhumb_sim::image::commit())).await?;
    world.push_image("0.4.13").await?;
    world.settle_after(Event::Registry).await;
    let endless = world.image("dev", "podinfo-dev")?;
    let liar = world.image("hotfix", "podinfo-hotfix")?;
    tell.show(&format!("dev/podinfo-dev        [{}] {}; fuel used {}", endless.code, endless.reason, endless.fuel));
    tell.show(&format!("hotfix/podinfo-hotfix  [{}] {}; fuel used {}", liar.code, liar.reason, liar.fuel));
    tell.check(endless.code == "out-of-fuel" && endless.fuel > 0, "the endless loop ran out of fuel")?;
    tell.check(liar.code == "bad-output", "the tag that was not offered was refused")?;
    let same = world.release("dev", "podinfo-dev").await?.images == dev;
    tell.check(
        same && world.release("hotfix", "podinfo-hotfix").await?.images == hotfix,
        "both releases keep their images",
    )?;
    tell.check(runs(world, "stg", "podinfo-rc", "0.4.13").await?, "the others go on: staging runs 0.4.13")?;
    tell.command("rhumb explain dev/podinfo-dev");
    let explained = world.explain("dev", "podinfo-dev").await?;
    tell.show(&show::explanation(&tell.by_name(&explained)?));
    let document = record(world, &explained, "endless")?;
    let document = Record::parse(&document.to_string())?;
    let again = tokio::task::block_in_place(|| replay(&world.daemon.ctx.sandbox, &document));
    tell.command("rhumb policy replay RECORD");
    tell.show(&format!("same outcome: {}, same fuel: {} ({})", again.same_outcome, again.same_fuel, again.now.fuel));
    tell.check(again.same_outcome && again.same_fuel, "replayed: same outcome, same fuel")
}

async fn runs(world: &World, namespace: &str, name: &str, tag: &str) -> Result<bool> {
    let images = world.release(namespace, name).await?.images;
    Ok(!images.is_empty() && images.iter().all(|image| image.ends_with(&format!(":{tag}"))))
}

/// The values that the newest record of a release holds.
async fn config_of(world: &World, namespace: &str, release: &str) -> Result<Value> {
    let stored = world.daemon.ctx.cluster.history(namespace, release).await?;
    let newest = stored.last().with_context(|| format!("no record of {namespace}/{release}"))?;
    Ok(Value::Object(newest.release.config.clone()))
}

/// The newest record of a decision of this policy.
fn record(world: &World, explained: &rhumb_daemon::report::Explanation, policy: &str) -> Result<Value> {
    let decision = explained.decisions.iter().find(|decision| decision.policy == policy);
    let digest = decision.and_then(|decision| Digest::parse(&decision.record)).context("the decision has no record")?;
    let found = rhumb_io::store::records::get(&world.daemon.ctx.store, &digest)?;
    found.with_context(|| format!("record {digest} is not there"))
}

/// Leaves that differ, one a line; what came from the secret is not printed.
fn differences(before: &Value, after: &Value) -> String {
    let mut lines = Vec::new();
    walk("", Some(before), Some(after), &mut lines);
    lines.join("\n")
}

fn walk(pointer: &str, before: Option<&Value>, after: Option<&Value>, lines: &mut Vec<String>) {
    if before == after {
        return;
    }
    let (old, new) = (before.and_then(Value::as_object), after.and_then(Value::as_object));
    if old.is_some() || new.is_some() {
        let mut keys: Vec<&String> = old.into_iter().chain(new).flat_map(|map| map.keys()).collect();
        keys.sort();
        keys.dedup();
        for key in keys {
            walk(
                &format!("{pointer}/{key}"),
                old.and_then(|map| map.get(key)),
                new.and_then(|map| map.get(key)),
                lines,
            );
        }
        return;
    }
    let show = |value: Option<&Value>| match value {
        None => "(none)".to_owned(),
        Some(_) if pointer.contains("token") => "(secret)".to_owned(),
        Some(value) => value.to_string(),
    };
    lines.push(format!("{pointer}: {} → {}", show(before), show(after)));
}
