//! `rhumb demo`: the whole story on embedded servers, in ten scenes, each of which checks what it shows.

mod scenes_delivery;
mod scenes_operations;
mod scenes_policies;
mod tell;
mod world;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, Result};
use clap::Args;

pub use world::{Sources, World};

use crate::print::{self, Paint, paint};
use tell::Teller;

/// Options of `rhumb demo`.
#[derive(Args, Debug)]
pub struct Arguments {
    /// Leave the servers up at the end and print how to reach them
    #[arg(long)]
    keep: bool,
    /// Stop after this scene
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=10))]
    scene: Option<u8>,
    /// Folder with the project's examples
    #[arg(long, value_name = "DIR")]
    examples: Option<PathBuf>,
    /// Folder with the built policies
    #[arg(long, value_name = "DIR")]
    policies: Option<PathBuf>,
}

/// Tells the story; an error as soon as something is not as it should be.
pub async fn run(arguments: &Arguments) -> Result<ExitCode> {
    let project = Sources::of_project();
    let sources = Sources {
        examples: arguments.examples.clone().unwrap_or(project.examples),
        policies: arguments.policies.clone().unwrap_or(project.policies),
    };
    anyhow::ensure!(
        sources.policies.join("glob.wasm").exists(),
        "there are no built policies in `{}`; run `cargo policies` first",
        sources.policies.display()
    );
    let started = Instant::now();
    print::say("starting the embedded Kubernetes API, registry, chart repository and git remote …");
    let world = World::start(&sources).await.context("failed to start the demo's servers")?;
    let last = arguments.scene.unwrap_or(10);
    for number in 1..=last {
        scene(number, &world).await.with_context(|| format!("scene {number} did not end as it should"))?;
    }
    let seconds = started.elapsed().as_secs_f64();
    print::out(&format!("\n{}\n", paint(&format!("{last} of 10 scenes told and checked"), Paint::Green)));
    print::say(&format!("in {seconds:.1} s"));
    if arguments.keep {
        keep(&world).await?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn scene(number: u8, world: &World) -> Result<()> {
    let tell = Teller::new(world);
    match number {
        1 => scenes_delivery::start(world, &tell).await,
        2 => scenes_delivery::dev(world, &tell).await,
        3 => scenes_delivery::chart(world, &tell).await,
        4 => scenes_delivery::staging(world, &tell).await,
        5 => scenes_delivery::production(world, &tell).await,
        6 => scenes_operations::hotfix(world, &tell).await,
        7 => scenes_operations::sealed_secrets(world, &tell).await,
        8 => scenes_policies::promotion(world, &tell).await,
        9 => scenes_policies::transform(world, &tell).await,
        _ => scenes_policies::bad_policies(world, &tell).await,
    }
}

/// Leaves the servers up until the terminal says stop.
async fn keep(world: &World) -> Result<()> {
    let address = world.serve_operators().await?;
    let kubeconfig = world.folder.path().join("kubeconfig");
    print::out(&format!(
        "\nThe servers stay up until Ctrl-C. Try, in another terminal:\n\n  \
         export KUBECONFIG={}\n  export RHUMB_DAEMON=http://{address}\n  \
         kubectl get hr -A\n  helm list -A\n  helm -n dev history podinfo-dev\n  \
         git clone {} && git -C get-started log\n  rhumb list\n  rhumb explain prod/podinfo-prod\n\n  \
         Kubernetes API    {}\n  registry          {}\n  chart repository  {}\n",
        kubeconfig.display(),
        world.remote.url(),
        world.api.url(),
        world.registry.url(),
        world.charts.url(),
    ));
    let daemon = std::sync::Arc::clone(&world.daemon);
    tokio::select! {
        () = daemon.run() => {}
        stopped = tokio::signal::ctrl_c() => stopped.context("failed to wait for Ctrl-C")?,
    }
    Ok(())
}
