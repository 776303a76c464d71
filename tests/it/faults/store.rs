//! Faults of the daemon's own disk: full, read-only, emptied under it.

use std::process::Command;
use std::time::Duration;

use rhumb_tests::embedded::{Servers, push};
use rhumb_tests::servers::volume::Volume;

const DEV: &str = "releases/dev/podinfo.yaml";
/// Far more than the state of the example needs.
const MEBIBYTES: u32 = 64;

fn all_first(records: &[String]) -> bool {
    records.len() == 4 && records.iter().all(|record| record.ends_with(" v1 deployed"))
}

fn is_second(records: &[String]) -> bool {
    records.iter().any(|record| record == "podinfo-dev v2 deployed")
}

fn often(command: &mut Command) {
    command.args(["--git-poll-interval", "1", "--automation-interval", "1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_told_and_everything_goes_on_when_there_is_room_again() {
    let servers = Servers::start().await;
    let Some(volume) = Volume::mount(&servers.folder.path().join("state"), MEBIBYTES) else { return };
    let daemon = servers.daemon_on(&volume, "state", often);
    servers.wait("everything is deployed", all_first).await;

    volume.fill();
    push(&servers.registry, "dev-11112222", 10).await;
    servers.said("No space left on device").await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let complaints = servers.log().lines().filter(|line| line.contains("No space left on device")).count();
    assert!(complaints < 20, "it is said once, not at each attempt:\n{}", servers.log());
    assert!(servers.n_commits() <= 1, "{}", servers.log());
    let records = servers.records().await;
    assert!(!records.iter().any(|record| record.contains(" pending-")), "{records:?}");

    volume.free();
    servers.wait("dev was upgraded when there was room again", is_second).await;
    assert_eq!(servers.n_commits(), 1);
    assert!(servers.remote.text(DEV).unwrap().contains("dev-11112222"));

    // What is on the disk is whole: killed and started again, it knows what it knew and sets nothing aside.
    drop(daemon);
    push(&servers.registry, "dev-22223333", 20).await;
    let _daemon = servers.daemon_on(&volume, "state", often);
    servers.wait_for_text(DEV, "dev-22223333").await;
    let names = volume.names("");
    assert!(!names.contains("damaged"), "{names}\n{}", servers.log());
    assert_eq!(servers.n_commits(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_on_a_full_disk_says_so_and_the_next_one_works() {
    let servers = Servers::start().await;
    let Some(volume) = Volume::mount(&servers.folder.path().join("state"), MEBIBYTES) else { return };
    volume.fill();
    let mut daemon = servers.daemon_on(&volume, "state", often);
    let (status, _) = daemon.ended().await;
    let log = servers.log();
    assert!(!status.success(), "{log}");
    assert!(log.contains("state") && log.contains("No space left on device"), "{log}");
    assert!(servers.records().await.is_empty(), "{log}");
    volume.free();
    let _daemon = servers.daemon_on(&volume, "state", often);
    servers.wait("everything is deployed", all_first).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_folder_that_is_read_only_is_refused_by_name() {
    let servers = Servers::start().await;
    let state = servers.folder.path().join("state");
    let Some(volume) = Volume::mount(&state, MEBIBYTES) else { return };
    volume.set_read_only();
    let mut daemon = servers.daemon_on(&volume, "state", often);
    let (status, _) = daemon.ended().await;
    let log = servers.log();
    assert!(!status.success(), "{log}");
    assert!(log.contains(&state.display().to_string()) && log.contains("Read-only file system"), "{log}");
    assert!(servers.records().await.is_empty(), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_folder_that_is_emptied_under_the_daemon_is_made_again() {
    let servers = Servers::start().await;
    let state = servers.folder.path().join("state");
    let _daemon = servers.daemon(often);
    servers.wait("everything is deployed", all_first).await;
    std::fs::remove_dir_all(&state).unwrap();
    push(&servers.registry, "dev-11112222", 10).await;
    servers.wait("dev was upgraded", is_second).await;
    assert_eq!(servers.n_commits(), 1);
    assert!(servers.log().contains("the store was deleted; a new one is begun"), "{}", servers.log());
    // It remembers again what it does from here on, and does nothing twice.
    push(&servers.registry, "dev-22223333", 20).await;
    servers.wait_for_text(DEV, "dev-22223333").await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(servers.n_commits(), 2);
    assert!(state.join("store.redb").is_file());
}
