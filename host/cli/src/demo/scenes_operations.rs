//! Scenes 6 and 7: a new environment, and a release from a Helm repository with a sealed secret.

use std::time::Duration;

use anyhow::Result;
use rhumb_daemon::event::Event;

use super::tell::Teller;
use super::world::World;
use crate::show;

const MINUTE: Duration = Duration::from_secs(60);

/// Two files make an environment.
pub(super) async fn hotfix(world: &World, tell: &Teller) -> Result<()> {
    tell.scene(6, "Hotfix: a new environment by adding two files");
    world.advance(MINUTE);
    let paths = world.commit_step("Open a hotfix environment", "hotfix")?;
    tell.command(&format!("git add {} && git commit && git push", paths.join(" ")));
    world.settle_after(Event::Git).await;
    let hotfix = world.release("hotfix", "podinfo-hotfix").await?;
    tell.show(&show::releases(&[tell.by_name(&hotfix)?]));
    tell.check(hotfix.status == "deployed", "podinfo-hotfix is deployed")?;
    let tag = format!("hotfix-{}", rhumb_sim::image::commit());
    tell.command("ci-mock -b hotfix");
    tell.show(&world.push_image(&tag).await?);
    world.settle_after(Event::Registry).await;
    let hotfix = world.release("hotfix", "podinfo-hotfix").await?;
    tell.check(hotfix.images.iter().all(|image| image.ends_with(&tag)), "and follows its own images")
}

/// A release that is pinned, and an object whose kind that release brings.
pub(super) async fn sealed_secrets(world: &World, tell: &Teller) -> Result<()> {
    tell.scene(7, "Sealed secrets: a release from a Helm repository");
    world.advance(MINUTE);
    let release = world.release("adm", "sealed-secrets").await?;
    tell.show(&show::releases(&[tell.by_name(&release)?]));
    tell.check(release.status == "deployed", "sealed-secrets came from the Helm repository, at its pinned version")?;
    let image = world.image("adm", "sealed-secrets");
    tell.check(image.map_or(true, |image| image.code == "not-automated"), "and is left alone: it is not automated")?;
    let paths = world.commit_step("Add a sealed secret", "sealed-secret")?;
    tell.command(&format!("git add {} && git commit && git push", paths.join(" ")));
    world.settle_after(Event::Git).await;
    let objects = world.objects_of("dev").await?;
    let applied: Vec<&String> = objects.iter().filter(|object| object.starts_with("SealedSecret")).collect();
    for object in &applied {
        tell.show(object);
    }
    tell.check(!applied.is_empty(), "the SealedSecret is applied; its kind came with the release above")
}
