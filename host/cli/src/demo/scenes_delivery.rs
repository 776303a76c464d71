//! Scenes 1 to 5: from an empty cluster to three environments that follow their images.

use std::time::Duration;

use anyhow::Result;
use rhumb_daemon::event::Event;
use rhumb_sim::image;

use super::tell::{Teller, changed_lines};
use super::world::{IMAGE, World};
use crate::show;

const MINUTE: Duration = Duration::from_secs(60);

/// An identity, a clone, namespaces and releases.
pub(super) async fn start(world: &World, tell: &Teller) -> Result<()> {
    tell.scene(1, "Start: a repository becomes a cluster");
    tell.command("rhumb identity");
    tell.show(&world.daemon.ctx.git_access.public_key());
    tell.say("\nThe daemon clones the config repository, applies what is in it, and installs its releases.");
    let passes = world.settle().await;
    tell.command("rhumb list");
    let releases = world.releases().await?;
    tell.show(&show::releases(&tell.by_name(&releases)?));
    tell.check(world.daemon.ctx.git_access.public_key().starts_with("ssh-ed25519 "), "an SSH identity was made")?;
    tell.check(passes.failed == 0, "every pass could look at the world")?;
    tell.check(releases.len() == 4 && releases.iter().all(|r| r.status == "deployed"), "4 releases are deployed")?;
    let idle = world.settle().await;
    tell.check(idle.ran == 0, "nothing is left to do")
}

/// A new image for dev.
pub(super) async fn dev(world: &World, tell: &Teller) -> Result<()> {
    tell.scene(2, "Dev: an image is pushed");
    world.advance(MINUTE);
    let tag = format!("dev-{}", image::commit());
    tell.command(&format!("ci-mock -r {}/{IMAGE} -b dev", world.registry.host()));
    tell.show(&world.push_image(&tag).await?);
    let path = "releases/dev/podinfo.yaml";
    let before = world.remote.text(path)?;
    let head = world.remote.head()?;
    world.advance(MINUTE);
    world.settle_after(Event::Registry).await;
    let commit = world.remote.log()?.into_iter().find(|commit| commit.author == "Rhumb");
    let lines = changed_lines(&before, &world.remote.text(path)?);
    let explained = world.explain("dev", "podinfo-dev").await?.images.into_iter().next();
    tell.say("\nThe filter `glob:dev-*` of dev/podinfo-dev looked at the tags:");
    tell.show(&explained.as_ref().map(show::candidates).unwrap_or_default());
    tell.command("git log -1 -p");
    tell.show(&commit.as_ref().map(|commit| commit.message.clone()).unwrap_or_default());
    tell.show(&format!("{path}\n{}", lines.join("\n")));
    tell.command("rhumb history dev/podinfo-dev");
    let history = world.history("dev", "podinfo-dev").await?;
    tell.show(&show::history(&history));
    let described: Vec<(u32, &str, &str)> =
        history.iter().map(|h| (h.revision, h.status.as_str(), h.description.as_str())).collect();
    tell.check(world.remote.head()? != head && commit.is_some_and(|c| c.paths == [path]), "one commit, of one file")?;
    tell.check(lines.len() == 2, "one line changed; comments and order are as they were")?;
    tell.check(
        described == [(1, "superseded", "Install complete"), (2, "deployed", "Upgrade complete")],
        "the release was upgraded",
    )?;
    tell.check(
        world.release("dev", "podinfo-dev").await?.images.iter().all(|i| i.ends_with(&tag)),
        &format!("{tag} runs"),
    )
}

/// A change of the chart.
pub(super) async fn chart(world: &World, tell: &Teller) -> Result<()> {
    tell.scene(3, "Chart: a template changes in git");
    world.advance(MINUTE);
    let chart = world.remote.text("charts/podinfo/Chart.yaml")?;
    let version = version_of(&chart);
    let next = next_patch(&version);
    let notes = world.remote.text("charts/podinfo/templates/NOTES.txt")?;
    tell.say(&format!("Somebody changes a template and moves the chart from {version} to {next}."));
    world.commit(
        "Say hello in the notes",
        &[
            ("charts/podinfo/Chart.yaml", &chart.replace(&format!("version: {version}"), &format!("version: {next}"))),
            ("charts/podinfo/templates/NOTES.txt", &format!("Hello from {{{{ .Release.Name }}}}.\n{notes}")),
        ],
    )?;
    world.settle_after(Event::Git).await;
    let history = world.history("dev", "podinfo-dev").await?;
    tell.command("rhumb history dev/podinfo-dev");
    tell.show(&show::history(&history));
    let newest = history.last();
    tell.check(newest.is_some_and(|h| h.revision == 3 && h.status == "deployed"), "revision 3 is deployed")?;
    tell.check(newest.is_some_and(|h| h.chart == format!("podinfo-{next}")), &format!("it has chart podinfo-{next}"))
}

/// Staging has other values and another filter.
pub(super) async fn staging(world: &World, tell: &Teller) -> Result<()> {
    tell.scene(4, "Staging: other values, its own images");
    world.advance(MINUTE);
    let (dev, tag) = (world.release("dev", "podinfo-dev").await?.images, format!("stg-{}", image::commit()));
    tell.command(&format!("ci-mock -r {}/{IMAGE} -b stg", world.registry.host()));
    tell.show(&world.push_image(&tag).await?);
    world.settle_after(Event::Registry).await;
    let objects = world.objects_of("stg").await?;
    tell.say("\nObjects in stg:");
    tell.show(&objects.join("\n"));
    tell.check(
        world.release("stg", "podinfo-rc").await?.images.iter().all(|i| i.ends_with(&tag)),
        &format!("staging runs {tag}"),
    )?;
    tell.check(objects.iter().any(|o| o.starts_with("HorizontalPodAutoscaler")), "staging has an autoscaler")?;
    tell.check(world.release("dev", "podinfo-dev").await?.images == dev, "dev kept its image")
}

/// Production follows versions.
pub(super) async fn production(world: &World, tell: &Teller) -> Result<()> {
    tell.scene(5, "Production: semver:~0.4");
    for version in ["0.4.10", "0.4.11", "0.5.0"] {
        world.advance(MINUTE);
        tell.command(&format!("ci-mock -r {}/{IMAGE} -v {version}", world.registry.host()));
        tell.show(&world.push_image(version).await?);
        world.settle_after(Event::Registry).await;
        let runs = world.release("prod", "podinfo-prod").await?.images;
        let (wanted, what) = match version {
            "0.5.0" => ("0.4.11", "0.5.0 is not taken".to_owned()),
            _ => (version, format!("{version} is taken")),
        };
        tell.check(runs.iter().all(|image| image.ends_with(&format!(":{wanted}"))), &what)?;
    }
    let image = world.image("prod", "podinfo-prod")?;
    tell.say("\nWhy 0.5.0 is not taken:");
    tell.show(&show::candidates(&image));
    tell.check(image.considered.iter().any(|c| c.tag == "0.5.0"), "the reason is on record")
}

fn version_of(chart: &str) -> String {
    let line = chart.lines().find_map(|line| line.strip_prefix("version:"));
    line.unwrap_or_default().trim().trim_matches('"').to_owned()
}

fn next_patch(version: &str) -> String {
    match version.rsplit_once('.') {
        Some((rest, patch)) => format!("{rest}.{}", patch.parse::<u64>().unwrap_or_default() + 1),
        None => version.to_owned(),
    }
}
